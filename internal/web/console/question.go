package console

import (
	"cmp"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/touchstone-iam/touchstone/awsquery"
	"github.com/touchstone-iam/touchstone/iamapi"
	"github.com/touchstone-iam/touchstone/internal/web"
)

// The lengths that the operations take (IAM API, SimulatePrincipalPolicy), in characters.
const (
	maxActionName  = 128
	maxResourceARN = 2048
	minContextKey  = 5
	maxContextKey  = 256
)

// question is what the simulator's form asks, as the operations take it.
type question struct {
	in       iamapi.SimulatePrincipalPolicyInput // without PolicySourceArn when the policies are pasted
	policies []string                            // the fields of in.PolicyInputList
	keys     []string                            // the fields of in.ContextEntries
	guessed  bool                                // in.PolicySourceArn is the user's if they have no path
}

// policy returns the policy in a field and whether there is one. It notes in the form what no operation would take.
func (q *question) policy(f *web.Form, field string) (text string, given bool) {
	if text = f.Value(field); strings.TrimSpace(text) == "" {
		return "", false
	}
	if problem := unfit(text); problem != "" {
		f.Wrong(field, "%s", problem)
	}
	return text, true
}

// newQuestion reads from the form which policies are asked about. It notes in the form what is missing or wrong.
func newQuestion(v *web.Visit, s *simulatorView) (*question, error) {
	q, f := &question{}, &s.Form

	if boundary, given := q.policy(f, "Boundary"); given {
		q.in.PermissionsBoundaryPolicyInputList = []string{boundary}
	}
	if !s.existing() {
		for _, field := range s.policyFields() {
			if text, given := q.policy(f, field); given {
				q.policies = append(q.policies, field)
				q.in.PolicyInputList = append(q.in.PolicyInputList, text)
			}
		}
		if len(q.policies) == 0 {
			f.Wrong("Policy1", "Paste a policy.")
		}
		return q, nil
	}

	// A user may be given by name or by ARN. A name is resolved first, since the operation wants the ARN with the user's path.
	given := strings.TrimSpace(f.Value("UserName"))
	switch {
	case given == "":
		f.Wrong("UserName", "Choose a user.")
	case userName(given) == "" && strings.HasPrefix(given, "arn:"):
		f.Wrong("UserName", "This is not the ARN of a user, such as arn:aws:iam::111122223333:user/alice.")
	case userName(given) == "":
		f.Wrong("UserName", "This is not the name of a user: they have 1 to 64 letters, digits and the characters + = , . @ - _")
	case strings.HasPrefix(given, "arn:"):
		q.in.PolicySourceArn = given
	default:
		user, err := web.Call(v, iamapi.GetUser, &iamapi.GetUserInput{UserName: given})
		switch {
		case err == nil:
			q.in.PolicySourceArn = user.User.Arn
		case web.IsCode(err, "AccessDenied"): // the user's path cannot be read
			q.in.PolicySourceArn, q.guessed = "arn:aws:iam::"+v.Caller.AccountID()+":user/"+given, true
		default:
			if err := f.Refused(v, err, map[string]string{"NoSuchEntity": "UserName"}); err != nil {
				return nil, err
			}
		}
	}

	for _, name := range f.Values["Exclude"] {
		inline := &iamapi.InlinePolicyIdentifierType{
			PolicyName: name, AttachmentType: iamapi.AttachmentTypeUser, AttachmentName: userName(given),
		}
		q.in.PolicyExclusionList = append(q.in.PolicyExclusionList, iamapi.PolicyIdentifier{InlinePolicyIdentifier: inline})
	}
	return q, nil
}

// ask reads the rest of the form: the actions, the resources, the settings, and which page of the results is wanted. It notes in
// the form what is wrong.
func (q *question) ask(s *simulatorView) {
	f := &s.Form
	q.askActions(f, s.simulator.byService)

	asked := make(map[string]bool)
	for line := range strings.Lines(f.Value("Resources")) {
		resource := strings.TrimSpace(line)
		if resource == "" || asked[resource] {
			continue
		}
		asked[resource] = true
		q.in.ResourceArns = append(q.in.ResourceArns, resource)
		if len(q.in.ResourceArns) > maxResources {
			f.Wrong("Resources", "At most %d resources can be simulated at a time.", maxResources)
			break
		}
		if utf8.RuneCountInString(resource) > maxResourceARN {
			f.Wrong("Resources", "A resource has at most %s characters.", web.Number(maxResourceARN))
			break
		}
	}

	q.in.ResourcePolicy, _ = q.policy(f, "ResourcePolicy")
	q.in.ResourceOwner, q.in.CallerArn = strings.TrimSpace(f.Value("ResourceOwner")), strings.TrimSpace(f.Value("CallerArn"))
	for _, k := range s.Keys {
		q.askKey(f, &k)
	}

	// The operation counts actions, while the page has a row for each action on each resource.
	q.in.MaxItems = max(1, maxRows/max(1, len(q.in.ResourceArns)))

	// A marker is a place in one list of actions, so it is of no use once the list was changed.
	if of, marker, _ := strings.Cut(f.Value("Marker"), " "); marker != "" && of == q.asked() {
		q.in.Marker = marker
	} else if of != "" {
		f.Wrong("Actions", "The actions are no longer those of the results. Press Run simulation.")
	}
}

// asked returns a digest of the actions, by which one list of them is told from another.
func (q *question) asked() string { return digest(strings.Join(q.in.ActionNames, "\n")) }

// askActions reads the actions, each once. A pattern for a whole service, such as iam:*, is replaced by the service's actions, in
// the field as well.
func (q *question) askActions(f *web.Form, byService map[string][]string) {
	asked := make(map[string]bool) // in lower case
	whole := false
	separates := func(r rune) bool { return r == ',' || r == ';' || unicode.IsSpace(r) }
	for given := range strings.FieldsFuncSeq(f.Value("Actions"), separates) {
		if asked[strings.ToLower(given)] {
			continue
		}

		names := []string{given}
		service, name, _ := strings.Cut(given, ":")
		switch {
		case service == "" || name == "":
			f.Wrong("Actions", "“%s” is not of the form service:Action, such as iam:CreateUser.", shortened(given))
			return
		case utf8.RuneCountInString(given) > maxActionName:
			f.Wrong("Actions", "“%s” is longer than the %d characters that an action may have.", shortened(given), maxActionName)
			return
		case name == "*" && byService[strings.ToLower(service)] != nil:
			names, whole = byService[strings.ToLower(service)], true
			asked[strings.ToLower(given)] = true
		}

		for _, name := range names {
			if folded := strings.ToLower(name); !asked[folded] {
				asked[folded] = true
				q.in.ActionNames = append(q.in.ActionNames, name)
			}
		}
		if len(q.in.ActionNames) > maxActions {
			f.Wrong("Actions", "At most %s actions can be simulated at a time.", web.Number(maxActions))
			return
		}
	}

	if len(q.in.ActionNames) == 0 {
		f.Wrong("Actions", "Enter an action.")
	}
	if whole {
		f.Values.Set("Actions", strings.Join(q.in.ActionNames, "\n"))
	}
}

// shortened returns the beginning of a text, by which a message can name it.
func shortened(text string) string {
	const most = 40
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return text
}

// askKey reads a line of the global settings, with a value on each line of its field. A key without a value is left out, as it
// would be in a request that does not have it.
func (q *question) askKey(f *web.Form, k *contextKey) {
	entry := iamapi.ContextEntry{ContextKeyName: k.Name, ContextKeyType: iamapi.ContextKeyTypeEnum(k.Type)}
	for line := range strings.Lines(k.Value) {
		if value := strings.TrimSpace(line); value != "" {
			entry.ContextKeyValues = append(entry.ContextKeyValues, value)
		}
	}
	if len(entry.ContextKeyValues) == 0 {
		return
	}

	field := k.Field("KeyValue")
	if length := utf8.RuneCountInString(k.Name); length < minContextKey || length > maxContextKey {
		f.Wrong(field, "A value can be given to keys of %d to %d characters; this one has %d. Leave it empty.",
			minContextKey, maxContextKey, length)
	} else if !slices.Contains(k.Types(), entry.ContextKeyType) {
		f.Wrong(field, "Choose a type.")
	}
	q.in.ContextEntries, q.keys = append(q.in.ContextEntries, entry), append(q.keys, field)
}

// simulate asks the operation for its decisions: of pasted policies, or of those of a user.
func (q *question) simulate(v *web.Visit) (*iamapi.SimulateCustomPolicyOutput, error) {
	if q.in.PolicySourceArn == "" {
		return web.Call(v, iamapi.SimulateCustomPolicy, &iamapi.SimulateCustomPolicyInput{
			PolicyInputList: q.in.PolicyInputList, PermissionsBoundaryPolicyInputList: q.in.PermissionsBoundaryPolicyInputList,
			ActionNames: q.in.ActionNames, ResourceArns: q.in.ResourceArns, ResourcePolicy: q.in.ResourcePolicy,
			ResourceOwner: q.in.ResourceOwner, CallerArn: q.in.CallerArn, ContextEntries: q.in.ContextEntries,
			MaxItems: q.in.MaxItems, Marker: q.in.Marker,
		})
	}
	out, err := web.Call(v, iamapi.SimulatePrincipalPolicy, &q.in)
	return (*iamapi.SimulateCustomPolicyOutput)(out), err
}

// contextKeys asks the operation which condition keys the policies read.
func (q *question) contextKeys(v *web.Visit) ([]string, error) {
	read := slices.Concat(q.in.PolicyInputList, q.in.PermissionsBoundaryPolicyInputList)
	if q.in.PolicySourceArn == "" {
		out, err := web.Call(v, iamapi.GetContextKeysForCustomPolicy, &iamapi.GetContextKeysForCustomPolicyInput{
			PolicyInputList: read,
		})
		if err != nil {
			return nil, err
		}
		return out.ContextKeyNames, nil
	}

	out, err := web.Call(v, iamapi.GetContextKeysForPrincipalPolicy, &iamapi.GetContextKeysForPrincipalPolicyInput{
		PolicySourceArn: q.in.PolicySourceArn, PolicyInputList: read,
	})
	if err != nil {
		return nil, err
	}
	return out.ContextKeyNames, nil
}

// field returns the name of the field that a parameter, such as PolicyInputList.2, is read from, or "" when there is none.
func (q *question) field(parameter string) string {
	name, place, _ := strings.Cut(parameter, ".")
	n, _ := strconv.Atoi(place)
	at := func(fields []string) string {
		if n < 1 || n > len(fields) {
			return ""
		}
		return fields[n-1]
	}

	switch name {
	case "PolicyInputList":
		if n > len(q.policies) { // contextKeys sends the boundary after the policies
			return "Boundary"
		}
		return at(q.policies)
	case "ContextEntries":
		return at(q.keys)
	}
	return map[string]string{
		"PolicySourceArn": "UserName", "PermissionsBoundaryPolicyInputList": "Boundary",
		"ActionNames": "Actions", "ResourceArns": "Resources",
		"ResourcePolicy": "ResourcePolicy", "ResourceOwner": "ResourceOwner", "CallerArn": "CallerArn",
	}[name]
}

// refused notes an operation's error at the field that it is about, and returns any that the person can do nothing about.
func (q *question) refused(v *web.Visit, f *web.Form, err error) error {
	var told *awsquery.Error
	if errors.As(err, &told) && told.Status < http.StatusInternalServerError {
		if field := q.field(told.Parameter); field != "" {
			f.Wrong(field, "%s", sentence(cmp.Or(told.Detail, told.Message)))
			return nil
		}
		if told.Code == "NoSuchEntity" && q.guessed {
			f.Wrong("UserName", "%s If the user has a path, give the ARN, with its path.", told.Message)
			return nil
		}
	}
	return f.Refused(v, err, map[string]string{"NoSuchEntity": "UserName"})
}

// sentence begins a message with a capital letter, unless it begins with a name, such as aws:username.
func sentence(message string) string {
	first, size := utf8.DecodeRuneInString(message)
	if word, _, _ := strings.Cut(message, " "); size == 0 || strings.Contains(word, ":") {
		return message
	}
	return string(unicode.ToUpper(first)) + message[size:]
}

// findKeys shows the context keys that the policies read.
func findKeys(v *web.Visit, s *simulatorView) error {
	q, err := newQuestion(v, s)
	if err != nil || len(s.Form.Problems) > 0 || s.Form.Denied != nil {
		return err
	}

	names, err := q.contextKeys(v)
	if err != nil {
		return q.refused(v, &s.Form, err)
	}
	s.addKeys(names)
	s.Focus = "keys"
	return nil
}

// runSimulation simulates what the form asks.
func runSimulation(v *web.Visit, s *simulatorView) error {
	q, err := newQuestion(v, s)
	if err != nil {
		return err
	}
	if q.ask(s); len(s.Form.Problems) > 0 || s.Form.Denied != nil {
		return nil
	}

	out, err := q.simulate(v)
	if err != nil {
		return q.refused(v, &s.Form, err)
	}

	// Somebody who may not ask which keys the policies read still sees those that the simulation missed.
	names, err := q.contextKeys(v)
	if _, err := v.Section(err); err != nil {
		return err
	}
	s.addKeys(names)

	s.Focus = "results"
	s.Results, err = newResults(v, s, q, out)
	return err
}

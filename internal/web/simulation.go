package web

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/touchstone-iam/touchstone/awsquery"
	"github.com/touchstone-iam/touchstone/iamapi"
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

// policy is the policy in a field, unless there is none. One that no operation takes is noted in the form.
func (q *question) policy(f *form, field string) (text string, given bool) {
	if text = f.Value(field); strings.TrimSpace(text) == "" {
		return "", false
	}
	if problem := unfit(text); problem != "" {
		f.wrong(field, "%s", problem)
	}
	return text, true
}

// question reads which policies are asked about. What is missing is noted in the form.
func (v *visit) question(s *simulatorView) (*question, error) {
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
			f.wrong("Policy1", "Paste a policy.")
		}
		return q, nil
	}
	given := strings.TrimSpace(f.Value("UserName"))
	switch {
	case given == "":
		f.wrong("UserName", "Choose a user.")
	case userName(given) == "" && strings.HasPrefix(given, "arn:"):
		f.wrong("UserName", "This is not the ARN of a user, such as arn:aws:iam::111122223333:user/alice.")
	case userName(given) == "":
		f.wrong("UserName", "This is not the name of a user: they have 1 to 64 letters, digits and the characters + = , . @ - _")
	case strings.HasPrefix(given, "arn:"):
		q.in.PolicySourceArn = given
	default:
		user, err := call(v, iamapi.GetUser, &iamapi.GetUserInput{UserName: given})
		switch {
		case err == nil:
			q.in.PolicySourceArn = user.User.Arn
		case isCode(err, "AccessDenied"): // their path is not known
			q.in.PolicySourceArn, q.guessed = "arn:aws:iam::"+v.caller.AccountID()+":user/"+given, true
		default:
			if err := f.refused(v, err, map[string]string{"NoSuchEntity": "UserName"}); err != nil {
				return nil, err
			}
		}
	}
	for _, name := range f.Values["Exclude"] {
		q.in.PolicyExclusionList = append(q.in.PolicyExclusionList, iamapi.PolicyIdentifier{InlinePolicyIdentifier: &iamapi.InlinePolicyIdentifierType{
			PolicyName: name, AttachmentType: iamapi.AttachmentTypeUser, AttachmentName: userName(given),
		}})
	}
	return q, nil
}

// ask reads the rest of the form.
func (q *question) ask(v *visit, s *simulatorView) {
	f := &s.Form
	q.askActions(v, f)
	asked := make(map[string]bool)
	for line := range strings.Lines(f.Value("Resources")) {
		resource := strings.TrimSpace(line)
		if resource == "" || asked[resource] {
			continue
		}
		asked[resource] = true
		q.in.ResourceArns = append(q.in.ResourceArns, resource)
		if len(q.in.ResourceArns) > maxResources {
			f.wrong("Resources", "At most %d resources can be simulated at a time.", maxResources)
			break
		}
		if utf8.RuneCountInString(resource) > maxResourceARN {
			f.wrong("Resources", "A resource has at most %s characters.", number(maxResourceARN))
			break
		}
	}
	q.in.ResourcePolicy, _ = q.policy(f, "ResourcePolicy")
	q.in.ResourceOwner, q.in.CallerArn = strings.TrimSpace(f.Value("ResourceOwner")), strings.TrimSpace(f.Value("CallerArn"))
	for _, k := range s.Keys {
		q.askKey(f, &k)
	}
	q.in.MaxItems = max(1, maxRows/max(1, len(q.in.ResourceArns)))
	// A page follows in the list of actions that the one before was of.
	if of, marker, _ := strings.Cut(f.Value("Marker"), " "); marker != "" && of == q.asked() {
		q.in.Marker = marker
	} else if of != "" {
		f.wrong("Actions", "The actions are no longer those of the results. Press Run simulation.")
	}
}

// asked tells one list of actions from another.
func (q *question) asked() string { return digest(strings.Join(q.in.ActionNames, "\n")) }

// askActions reads the actions. Those of a whole service, such as iam:*, take its place in the field.
func (q *question) askActions(v *visit, f *form) {
	asked := make(map[string]bool) // in lower case
	whole := false
	for given := range strings.FieldsFuncSeq(f.Value("Actions"), func(r rune) bool { return r == ',' || r == ';' || unicode.IsSpace(r) }) {
		if asked[strings.ToLower(given)] {
			continue
		}
		names := []string{given}
		service, name, _ := strings.Cut(given, ":")
		switch {
		case service == "" || name == "":
			f.wrong("Actions", "“%s” is not of the form service:Action, such as iam:CreateUser.", shortened(given))
			return
		case utf8.RuneCountInString(given) > maxActionName:
			f.wrong("Actions", "“%s” is longer than the %d characters that an action may have.", shortened(given), maxActionName)
			return
		case name == "*" && v.actions[strings.ToLower(service)] != nil:
			names, whole = v.actions[strings.ToLower(service)], true
			asked[strings.ToLower(given)] = true
		}
		for _, name := range names {
			if folded := strings.ToLower(name); !asked[folded] {
				asked[folded] = true
				q.in.ActionNames = append(q.in.ActionNames, name)
			}
		}
		if len(q.in.ActionNames) > maxActions {
			f.wrong("Actions", "At most %s actions can be simulated at a time.", number(maxActions))
			return
		}
	}
	if len(q.in.ActionNames) == 0 {
		f.wrong("Actions", "Enter an action.")
	}
	if whole {
		f.Values.Set("Actions", strings.Join(q.in.ActionNames, "\n"))
	}
}

// shortened is the beginning of a text, to name it by.
func shortened(text string) string {
	const most = 40
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return text
}

// askKey reads a line of the global settings. Without a value the key is not in the request.
func (q *question) askKey(f *form, k *contextKey) {
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
		f.wrong(field, "A value can be given to keys of %d to %d characters; this one has %d. Leave it empty.", minContextKey, maxContextKey, length)
	} else if !slices.Contains(k.Types(), entry.ContextKeyType) {
		f.wrong(field, "Choose a type.")
	}
	q.in.ContextEntries, q.keys = append(q.in.ContextEntries, entry), append(q.keys, field)
}

// simulate has the operation decide.
func (q *question) simulate(v *visit) (*iamapi.SimulateCustomPolicyOutput, error) {
	if q.in.PolicySourceArn == "" {
		return call(v, iamapi.SimulateCustomPolicy, &iamapi.SimulateCustomPolicyInput{
			PolicyInputList: q.in.PolicyInputList, PermissionsBoundaryPolicyInputList: q.in.PermissionsBoundaryPolicyInputList,
			ActionNames: q.in.ActionNames, ResourceArns: q.in.ResourceArns, ResourcePolicy: q.in.ResourcePolicy,
			ResourceOwner: q.in.ResourceOwner, CallerArn: q.in.CallerArn, ContextEntries: q.in.ContextEntries,
			MaxItems: q.in.MaxItems, Marker: q.in.Marker,
		})
	}
	out, err := call(v, iamapi.SimulatePrincipalPolicy, &q.in)
	return (*iamapi.SimulateCustomPolicyOutput)(out), err
}

// contextKeys has the operation say which keys the policies read.
func (q *question) contextKeys(v *visit) ([]string, error) {
	read := slices.Concat(q.in.PolicyInputList, q.in.PermissionsBoundaryPolicyInputList)
	if q.in.PolicySourceArn == "" {
		out, err := call(v, iamapi.GetContextKeysForCustomPolicy, &iamapi.GetContextKeysForCustomPolicyInput{
			PolicyInputList: read,
		})
		if err != nil {
			return nil, err
		}
		return out.ContextKeyNames, nil
	}
	out, err := call(v, iamapi.GetContextKeysForPrincipalPolicy, &iamapi.GetContextKeysForPrincipalPolicyInput{
		PolicySourceArn: q.in.PolicySourceArn, PolicyInputList: read,
	})
	if err != nil {
		return nil, err
	}
	return out.ContextKeyNames, nil
}

// field is the field that a parameter is read from, such as PolicyInputList.2; "" when it is read from none.
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
		if n > len(q.policies) { // of the keys' question alone
			return "Boundary"
		}
		return at(q.policies)
	case "ContextEntries":
		return at(q.keys)
	}
	return map[string]string{
		"PolicySourceArn": "UserName", "PermissionsBoundaryPolicyInputList": "Boundary", "ActionNames": "Actions", "ResourceArns": "Resources",
		"ResourcePolicy": "ResourcePolicy", "ResourceOwner": "ResourceOwner", "CallerArn": "CallerArn",
	}[name]
}

// refused notes an operation's error at the field that it is about, and returns any that the person can do nothing about.
func (q *question) refused(v *visit, f *form, err error) error {
	var told *awsquery.Error
	if errors.As(err, &told) && told.Status < http.StatusInternalServerError {
		if field := q.field(told.Parameter); field != "" {
			f.wrong(field, "%s", sentence(strings.TrimPrefix(told.Message, told.Parameter+": ")))
			return nil
		}
		if told.Code == "NoSuchEntity" && q.guessed {
			f.wrong("UserName", "%s If the user has a path, give the ARN, with its path.", told.Message)
			return nil
		}
	}
	return f.refused(v, err, map[string]string{"NoSuchEntity": "UserName"})
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
func (v *visit) findKeys(s *simulatorView) error {
	q, err := v.question(s)
	if err != nil || len(s.Form.Problems) > 0 || s.Form.Denied != nil {
		return err
	}
	names, err := q.contextKeys(v)
	if err != nil {
		return q.refused(v, &s.Form, err)
	}
	v.addKeys(s, names)
	s.Focus = "keys"
	return nil
}

// run simulates what the form asks.
func (v *visit) run(s *simulatorView) error {
	q, err := v.question(s)
	if err != nil {
		return err
	}
	if q.ask(v, s); len(s.Form.Problems) > 0 || s.Form.Denied != nil {
		return nil
	}
	out, err := q.simulate(v)
	if err != nil {
		return q.refused(v, &s.Form, err)
	}
	// Who may not ask for the keys is still told of those that were missed.
	names, err := q.contextKeys(v)
	if _, err := v.section(err); err != nil {
		return err
	}
	v.addKeys(s, names)
	s.Focus = "results"
	s.Results, err = v.results(s, q, out)
	return err
}

// results are what came of a simulation.
type results struct {
	Rows            []result
	Allowed, Denied int
	Marker          string // of the page after this one; "" when this is the last
	Later           bool   // there is a page before this one
	Documents       []*document
}

// Summary is the results in a few words.
func (r *results) Summary() string { return fmt.Sprintf("%d allowed, %d denied.", r.Allowed, r.Denied) }

// result is a line of the results: what is decided about an action on a resource.
type result struct {
	Service, Action, Resource string
	Decision                  iamapi.PolicyEvaluationDecisionType
	Notes                     []string
	Missing                   []missingKey
	Statements                []*mark

	MoreMissing, MoreStatements int // which are not listed
}

// maxListed is how many keys and statements are listed in one place.
const maxListed = 20

// missingKey is a context key that was asked for in vain, with where it can be given.
type missingKey struct{ Name, Field string }

// results makes the lines, and the documents with the statements that decided.
func (v *visit) results(s *simulatorView, q *question, out *iamapi.SimulateCustomPolicyOutput) (*results, error) {
	r := &results{Later: q.in.Marker != ""}
	if out.Marker != "" {
		r.Marker = q.asked() + " " + out.Marker
	}
	for _, e := range out.EvaluationResults {
		each := e.ResourceSpecificResults
		if len(each) == 0 {
			each = []iamapi.ResourceSpecificResult{{
				EvalResourceName: e.EvalResourceName, EvalResourceDecision: e.EvalDecision, MatchedStatements: e.MatchedStatements,
				MissingContextValues: e.MissingContextValues, EvalDecisionDetails: e.EvalDecisionDetails,
				PermissionsBoundaryDecisionDetail: e.PermissionsBoundaryDecisionDetail,
			}}
		}
		for n := range each {
			r.add(v, s, e.EvalActionName, &each[n])
		}
	}
	for _, d := range r.Documents {
		if err := v.readDocument(s, q, d); err != nil {
			return nil, err
		}
	}
	return r, nil
}

func (r *results) add(v *visit, s *simulatorView, action string, on *iamapi.ResourceSpecificResult) {
	row := result{Resource: on.EvalResourceName, Decision: on.EvalResourceDecision}
	row.Service, row.Action, _ = strings.Cut(action, ":")
	boundary := on.PermissionsBoundaryDecisionDetail
	switch row.Decision {
	case iamapi.PolicyEvaluationDecisionTypeAllowed:
		r.Allowed++
	case iamapi.PolicyEvaluationDecisionTypeImplicitDeny:
		r.Denied++
		if boundary != nil && !boundary.AllowedByPermissionsBoundary {
			row.Notes = append(row.Notes, "The permissions boundary does not allow it.")
		} else {
			row.Notes = append(row.Notes, "No statement allows it.")
		}
	default:
		r.Denied++
	}
	for of, decision := range on.EvalDecisionDetails {
		row.Notes = append(row.Notes, of+": "+decisionWords[decision])
	}
	slices.Sort(row.Notes)
	if actions := v.actions[strings.ToLower(row.Service)]; actions != nil && !slices.ContainsFunc(actions, func(known string) bool { return strings.EqualFold(known, action) }) {
		row.Notes = append(row.Notes, fmt.Sprintf("The service %s has no such action.", row.Service))
	}
	v.addKeys(s, on.MissingContextValues)
	listed := min(maxListed, len(on.MissingContextValues))
	row.MoreMissing = len(on.MissingContextValues) - listed
	for _, name := range on.MissingContextValues[:listed] {
		missing := missingKey{Name: name}
		if k := s.key(name); k != nil {
			missing.Field = k.ID("KeyValue")
		}
		row.Missing = append(row.Missing, missing)
	}
	for n, statement := range on.MatchedStatements {
		if m := r.document(statement.SourcePolicyId).mark(&statement, row.Decision); n < maxListed {
			row.Statements = append(row.Statements, m)
		} else {
			row.MoreStatements++
		}
	}
	r.Rows = append(r.Rows, row)
}

// decisionWords are the decisions as people say them.
var decisionWords = map[iamapi.PolicyEvaluationDecisionType]string{
	iamapi.PolicyEvaluationDecisionTypeAllowed:      "allowed",
	iamapi.PolicyEvaluationDecisionTypeExplicitDeny: "denied explicitly",
	iamapi.PolicyEvaluationDecisionTypeImplicitDeny: "denied implicitly",
}

// document is the one with that id, which is added when there is none yet.
func (r *results) document(source string) *document {
	n := slices.IndexFunc(r.Documents, func(d *document) bool { return d.source == source })
	if n < 0 {
		n = len(r.Documents)
		r.Documents = append(r.Documents, &document{Number: n + 1, source: source, Title: source})
	}
	return r.Documents[n]
}

// readDocument finds the text of a policy that decided: it was typed here, or is the user's.
func (v *visit) readDocument(s *simulatorView, q *question, d *document) error {
	kind, number, _ := strings.Cut(d.source, ".")
	switch kind {
	case "PermissionsBoundaryPolicyInputList":
		d.Title, d.text = "Permissions boundary", s.Form.Value("Boundary")
	case "ResourcePolicy":
		d.Title, d.text = "Resource policy", s.Form.Value("ResourcePolicy")
	case "PolicyInputList":
		if n, err := strconv.Atoi(number); err == nil && n >= 1 && n <= len(q.policies) {
			d.Title, d.text = "Policy "+strings.TrimPrefix(q.policies[n-1], "Policy"), s.Form.Value(q.policies[n-1])
		}
	default:
		user := userName(q.in.PolicySourceArn)
		// The id is made of both names: user_NAME_POLICY.
		policy, ok := strings.CutPrefix(d.source, "user_"+user+"_")
		if !ok {
			d.Problem = "The text of this policy is not known here."
			break
		}
		d.Title, d.Of, d.URL = policy, user, at("/console/user/policy", "name", user, "policy", policy)
		text, err := v.document(user, policy)
		if isCode(err, "NoSuchEntity") {
			err = &awsquery.Error{Code: "NoSuchEntity", Status: http.StatusNotFound, Message: "The policy is no longer there."}
		}
		if d.section, err = v.section(err); err != nil {
			return err
		}
		d.text = text
	}
	d.draw()
	return nil
}

package web

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/touchstone-iam/touchstone/awsquery"
	"github.com/touchstone-iam/touchstone/iamapi"
)

// question is what the simulator's form asks, as the operations take it.
type question struct {
	in       iamapi.SimulatePrincipalPolicyInput // without PolicySourceArn when the policies are pasted
	policies []string                            // the fields of in.PolicyInputList
	keys     []string                            // the fields of in.ContextEntries
}

// question reads whose policies are asked about. What is missing is noted in the form.
func (v *visit) question(s *simulatorView) (*question, error) {
	q, f := &question{}, &s.Form
	if !s.existing() {
		for _, field := range s.policyFields() {
			if text := f.Value(field); strings.TrimSpace(text) != "" {
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
	case strings.HasPrefix(given, "arn:"):
		q.in.PolicySourceArn = given
	default:
		user, err := call[iamapi.GetUserOutput](v, "iam", "GetUser", &iamapi.GetUserInput{UserName: given})
		switch {
		case err == nil:
			q.in.PolicySourceArn = user.User.Arn
		case isCode(err, "AccessDenied"): // its path is not known
			q.in.PolicySourceArn = "arn:aws:iam::" + v.caller.AccountID() + ":user/" + given
		default:
			if err := f.refused(v, err, map[string]string{"NoSuchEntity": "UserName", "ValidationError": "UserName"}); err != nil {
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
func (q *question) ask(s *simulatorView) {
	f := &s.Form
	for _, action := range strings.FieldsFunc(f.Value("Actions"), func(r rune) bool { return strings.ContainsRune(", \t\n", r) }) {
		if service, name, _ := strings.Cut(action, ":"); service == "" || name == "" {
			f.wrong("Actions", "“%s” is not of the form service:Action, such as iam:CreateUser.", action)
			break
		}
		if !slices.Contains(q.in.ActionNames, action) {
			q.in.ActionNames = append(q.in.ActionNames, action)
		}
		if len(q.in.ActionNames) > maxActions {
			f.wrong("Actions", "At most %s actions can be simulated at a time.", number(maxActions))
			break
		}
	}
	if len(q.in.ActionNames) == 0 && f.Problem("Actions") == "" {
		f.wrong("Actions", "Enter an action.")
	}
	for line := range strings.Lines(f.Value("Resources")) {
		if resource := strings.TrimSpace(line); resource != "" && !slices.Contains(q.in.ResourceArns, resource) {
			q.in.ResourceArns = append(q.in.ResourceArns, resource)
		}
		if len(q.in.ResourceArns) > maxResources {
			f.wrong("Resources", "At most %d resources can be simulated at a time.", maxResources)
			break
		}
	}
	if boundary := f.Value("Boundary"); strings.TrimSpace(boundary) != "" {
		q.in.PermissionsBoundaryPolicyInputList = []string{boundary}
	}
	if resource := f.Value("ResourcePolicy"); strings.TrimSpace(resource) != "" {
		q.in.ResourcePolicy = resource
	}
	q.in.ResourceOwner, q.in.CallerArn = strings.TrimSpace(f.Value("ResourceOwner")), strings.TrimSpace(f.Value("CallerArn"))
	for _, k := range s.Keys {
		entry := iamapi.ContextEntry{ContextKeyName: k.Name, ContextKeyType: iamapi.ContextKeyTypeEnum(k.Type)}
		for line := range strings.Lines(k.Value) {
			if value := strings.TrimSpace(line); value != "" {
				entry.ContextKeyValues = append(entry.ContextKeyValues, value)
			}
		}
		if len(entry.ContextKeyValues) > 0 {
			q.in.ContextEntries = append(q.in.ContextEntries, entry)
			q.keys = append(q.keys, k.Field("KeyValue"))
		}
	}
	q.in.MaxItems = max(1, maxRows/max(1, len(q.in.ResourceArns)))
	q.in.Marker = f.Value("Marker")
}

// simulate has the operation decide.
func (q *question) simulate(v *visit) (*iamapi.SimulateCustomPolicyOutput, error) {
	if q.in.PolicySourceArn == "" {
		return call[iamapi.SimulateCustomPolicyOutput](v, "iam", "SimulateCustomPolicy", &iamapi.SimulateCustomPolicyInput{
			PolicyInputList: q.in.PolicyInputList, PermissionsBoundaryPolicyInputList: q.in.PermissionsBoundaryPolicyInputList,
			ActionNames: q.in.ActionNames, ResourceArns: q.in.ResourceArns, ResourcePolicy: q.in.ResourcePolicy,
			ResourceOwner: q.in.ResourceOwner, CallerArn: q.in.CallerArn, ContextEntries: q.in.ContextEntries,
			MaxItems: q.in.MaxItems, Marker: q.in.Marker,
		})
	}
	out, err := call[iamapi.SimulatePrincipalPolicyOutput](v, "iam", "SimulatePrincipalPolicy", &q.in)
	return (*iamapi.SimulateCustomPolicyOutput)(out), err
}

// contextKeys has the operation say which keys the policies read.
func (q *question) contextKeys(v *visit) ([]string, error) {
	read := slices.Concat(q.in.PolicyInputList, q.in.PermissionsBoundaryPolicyInputList)
	if q.in.PolicySourceArn == "" {
		out, err := call[iamapi.GetContextKeysForCustomPolicyOutput](v, "iam", "GetContextKeysForCustomPolicy", &iamapi.GetContextKeysForCustomPolicyInput{
			PolicyInputList: read,
		})
		if err != nil {
			return nil, err
		}
		return out.ContextKeyNames, nil
	}
	out, err := call[iamapi.GetContextKeysForPrincipalPolicyOutput](v, "iam", "GetContextKeysForPrincipalPolicy", &iamapi.GetContextKeysForPrincipalPolicyInput{
		PolicySourceArn: q.in.PolicySourceArn, PolicyInputList: read,
	})
	if err != nil {
		return nil, err
	}
	return out.ContextKeyNames, nil
}

var parameter = regexp.MustCompile(`(?i)\b(PolicySourceArn|PolicyInputList|PermissionsBoundaryPolicyInputList|ActionNames|ResourceArns|ResourcePolicy|` +
	`ResourceOwner|CallerArn|ContextEntries)\b(?:\.(?:member\.)?(\d+))?`)

// aboutField is how messages begin that name their parameter; at its field that need not be said.
var aboutField = regexp.MustCompile(`^[A-Za-z0-9.]+: `)

// field is the field that a message is about: the one of the parameter that it names first; "" when it names none.
func (q *question) field(message string) string {
	m := parameter.FindStringSubmatch(message)
	if m == nil {
		return ""
	}
	n, err := strconv.Atoi(m[2])
	at := func(fields []string) string {
		if err != nil || n < 1 || n > len(fields) {
			return ""
		}
		return fields[n-1]
	}
	switch name := strings.ToLower(m[1]); name {
	case "policyinputlist":
		if n > len(q.policies) { // of the keys' question alone
			return "Boundary"
		}
		return at(q.policies)
	case "contextentries": // which are named by their keys
		for n, entry := range q.in.ContextEntries {
			if err != nil && strings.Contains(message, entry.ContextKeyName) {
				return q.keys[n]
			}
		}
		return at(q.keys)
	default:
		return map[string]string{
			"policysourcearn": "UserName", "permissionsboundarypolicyinputlist": "Boundary", "actionnames": "Actions", "resourcearns": "Resources",
			"resourcepolicy": "ResourcePolicy", "resourceowner": "ResourceOwner", "callerarn": "CallerArn",
		}[name]
	}
}

// refused notes an operation's error at the field that it is about, and returns any that the person can do nothing about.
func (q *question) refused(v *visit, f *form, err error) error {
	before := len(f.Problems)
	if err := f.refused(v, err, map[string]string{"NoSuchEntity": "UserName"}); err != nil {
		return err
	}
	for n := range f.Problems[before:] {
		p := &f.Problems[before+n]
		if p.Field != "" {
			continue
		}
		if p.Field = q.field(p.Text); p.Field != "" {
			p.Text = aboutField.ReplaceAllString(p.Text, "")
			p.Text = strings.ToUpper(p.Text[:1]) + p.Text[1:]
		}
	}
	return nil
}

// findKeys shows the context keys that the policies read.
func (v *visit) findKeys(s *simulatorView) error {
	q, err := v.question(s)
	if err != nil || len(s.Form.Problems) > 0 || s.Form.Denied != nil {
		return err
	}
	if boundary := s.Form.Value("Boundary"); strings.TrimSpace(boundary) != "" {
		q.in.PermissionsBoundaryPolicyInputList = []string{boundary}
	}
	names, err := q.contextKeys(v)
	if err != nil {
		return q.refused(v, &s.Form, err)
	}
	s.addKeys(names)
	s.Focus = "keys"
	return nil
}

// run simulates what the form asks.
func (v *visit) run(s *simulatorView) error {
	q, err := v.question(s)
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
	// Who may not ask for the keys is still told of those that were missed.
	names, err := q.contextKeys(v)
	if _, err := v.section(err); err != nil {
		return err
	}
	s.addKeys(names)
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
}

// missingKey is a context key that was asked for in vain, with where it can be given.
type missingKey struct{ Name, Field string }

// results makes the lines, and the documents with the statements that decided.
func (v *visit) results(s *simulatorView, q *question, out *iamapi.SimulateCustomPolicyOutput) (*results, error) {
	r := &results{Marker: out.Marker, Later: q.in.Marker != ""}
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
			r.add(s, e.EvalActionName, &each[n])
		}
	}
	for _, d := range r.Documents {
		if err := v.readDocument(s, q, d); err != nil {
			return nil, err
		}
	}
	return r, nil
}

func (r *results) add(s *simulatorView, action string, on *iamapi.ResourceSpecificResult) {
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
	s.addKeys(on.MissingContextValues)
	for _, name := range on.MissingContextValues {
		missing := missingKey{Name: name}
		if k := s.key(name); k != nil {
			missing.Field = k.ID("KeyValue")
		}
		row.Missing = append(row.Missing, missing)
	}
	for _, statement := range on.MatchedStatements {
		row.Statements = append(row.Statements, r.document(statement.SourcePolicyId).mark(&statement, row.Decision))
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

package console

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/touchstone-iam/touchstone/iamapi"
	"github.com/touchstone-iam/touchstone/internal/web"
)

// results are the outcome of a simulation.
type results struct {
	Rows            []result
	Allowed, Denied int
	Marker          string          // of the page after this one; "" when this is the last
	Later           bool            // there is a page before this one
	Policies        []*markedPolicy // with the statements that decided
}

// Summary returns the results in a few words.
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

// missingKey is a context key that a policy reads and the question gives no value to, with the field in which it can be given.
type missingKey struct{ Name, Field string }

// newResults makes the lines, and the documents with the statements that decided.
func newResults(v *web.Visit, s *simulatorView, q *question, out *iamapi.SimulateCustomPolicyOutput) (*results, error) {
	r := &results{Later: q.in.Marker != ""}
	if out.Marker != "" {
		r.Marker = q.asked() + " " + out.Marker
	}

	// Without resources in the question there is one decision for each action; it is shown as one about a resource.
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

	for _, d := range r.Policies {
		if err := readText(v, s, q, d); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// add adds the line of one decision, counts it, and marks the statements that it came from.
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

	// The notes come from a map, so they are sorted to read the same each time.
	for of, decision := range on.EvalDecisionDetails {
		row.Notes = append(row.Notes, of+": "+decisionWords[decision])
	}
	slices.Sort(row.Notes)

	actions := s.simulator.byService[strings.ToLower(row.Service)]
	if actions != nil && !slices.ContainsFunc(actions, func(known string) bool { return strings.EqualFold(known, action) }) {
		row.Notes = append(row.Notes, fmt.Sprintf("The service %s has no such action.", row.Service))
	}

	// Each missing key gets a line in the settings, to which the result links.
	s.addKeys(on.MissingContextValues)
	listed := min(maxListed, len(on.MissingContextValues))
	row.MoreMissing = len(on.MissingContextValues) - listed
	for _, name := range on.MissingContextValues[:listed] {
		missing := missingKey{Name: name}
		if k := s.key(name); k != nil {
			missing.Field = k.ID("KeyValue")
		}
		row.Missing = append(row.Missing, missing)
	}

	// Every statement is marked in its policy, also those that are too many to be listed here.
	for n, statement := range on.MatchedStatements {
		if m := r.policy(statement.SourcePolicyId).mark(&statement, row.Decision); n < maxListed {
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

// policy returns the policy with that id, and adds it when it is not there yet.
func (r *results) policy(source string) *markedPolicy {
	n := slices.IndexFunc(r.Policies, func(d *markedPolicy) bool { return d.source == source })
	if n < 0 {
		n = len(r.Policies)
		r.Policies = append(r.Policies, &markedPolicy{Number: n + 1, source: source, Title: source})
	}
	return r.Policies[n]
}

// readText finds the text of a policy that decided. It was typed into this form, or is read from the user.
func readText(v *web.Visit, s *simulatorView, q *question, d *markedPolicy) error {
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
		d.Title, d.Of, d.URL = policy, user, web.Address("/console/user/policy", "name", user, "policy", policy)
		text, err := policyText(v, user, policy)
		if web.IsCode(err, "NoSuchEntity") {
			err = web.Missing("The policy is no longer there.")
		}
		if d.Section, err = v.Section(err); err != nil {
			return err
		}
		d.text = text
	}

	d.draw()
	return nil
}

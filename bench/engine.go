package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/casbin/casbin/v2"
	casbinmodel "github.com/casbin/casbin/v2/model"
	stringadapter "github.com/casbin/casbin/v2/persist/string-adapter"
	"github.com/cedar-policy/cedar-go"
	minio "github.com/minio/pkg/v3/policy"
	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"

	"github.com/touchstone-iam/touchstone/policy"
)

// engine is a policy engine with what it does for a workload. write returns the policies in the engine's language, and is not
// measured. compile reads them. ask prepares the requests and returns a function that decides one of them.
type engine struct {
	name    string
	write   func(*workload) ([]string, error)
	compile func([]string) (any, error)
	ask     func(compiled any, w *workload) (func(request int) bool, error)
}

var engines = []engine{
	{"touchstone", writeAWS, compileTouchstone, askTouchstone},
	{"minio", writeMinio, compileMinio, askMinio},
	{"cedar", writeCedar, compileCedar, askCedar},
	{"opa", writeRego, compileRego, askRego},
	{"casbin", writeCasbin, compileCasbin, askCasbin},
}

type object = map[string]any

// effect returns one of two words.
func effect(deny bool, whenAllow, whenDeny string) string {
	if deny {
		return whenDeny
	}
	return whenAllow
}

// Touchstone.

var awsConditions = map[string]object{
	noMFA:     {"BoolIfExists": object{"aws:MultiFactorAuthPresent": "false"}},
	sameTeam:  {"StringEquals": object{"aws:ResourceTag/team": "${aws:PrincipalTag/team}"}},
	openStage: {"StringEquals": object{"aws:ResourceTag/stage": []string{"dev", "test"}}},
	locked:    {"StringEquals": object{"aws:ResourceTag/locked": "yes"}},
}

// awsStatement returns a rule as a statement in AWS's language.
func awsStatement(r rule, conditions map[string]object) object {
	s := object{"Effect": effect(r.deny, "Allow", "Deny"), "Resource": r.resource}
	if r.notActions {
		s["NotAction"] = r.actions
	} else {
		s["Action"] = r.actions
	}
	if r.when != "" {
		s["Condition"] = conditions[r.when]
	}
	return s
}

// writeAWS returns documents in AWS's language, each with at most 1000 statements.
func writeAWS(w *workload) ([]string, error) {
	var documents []string
	for _, rules := range w.policies {
		for len(rules) > 0 {
			n := min(len(rules), 1000)
			var statements []object
			for _, r := range rules[:n] {
				statements = append(statements, awsStatement(r, awsConditions))
			}
			rules = rules[n:]
			text, err := json.Marshal(object{"Version": "2012-10-17", "Statement": statements})
			if err != nil {
				return nil, err
			}
			documents = append(documents, string(text))
		}
	}
	return documents, nil
}

func compileTouchstone(documents []string) (any, error) {
	sources := make([]policy.Source, len(documents))
	for n, text := range documents {
		document, err := policy.Parse(policy.Identity, []byte(text))
		if err != nil {
			return nil, err
		}
		sources[n] = policy.Source{ID: "inline", Document: document}
	}
	return policy.Compile(sources...), nil
}

func askTouchstone(compiled any, w *workload) (func(int) bool, error) {
	policies := &policy.Policies{Identity: compiled.(*policy.Set)}
	var requests []policy.Request
	for _, r := range w.requests {
		ctx := policy.NewContext()
		for key, value := range map[string]string{ // what every request of a signed-in user has
			"aws:CurrentTime": "2026-11-24T10:00:00Z", "aws:EpochTime": "1795514400", "aws:SecureTransport": "true",
			"aws:ViaAWSService": "false", "aws:PrincipalIsAWSService": "false", "aws:PrincipalArn": userARN,
			"aws:PrincipalAccount": "123456789012", "aws:ResourceAccount": "123456789012", "aws:userid": "AIDAEXAMPLE",
			"aws:PrincipalType": "User", "aws:username": userName, "aws:SourceIp": "203.0.113.9", "aws:UserAgent": "Mozilla/5.0",
			"aws:RequestedRegion": "us-east-1", "aws:MultiFactorAuthPresent": fmt.Sprint(r.mfa), "aws:PrincipalTag/team": r.ownTeam,
			"aws:ResourceTag/team": r.team, "aws:ResourceTag/stage": r.stage, "aws:ResourceTag/locked": r.locked,
		} {
			if value != "" {
				ctx.Set(key, value)
			}
		}
		requests = append(requests, policy.Request{
			Principal: policy.Principal{ARN: userARN, AccountID: "123456789012"}, Action: r.action, Resource: r.resource,
			ResourceAccountID: "123456789012", Context: ctx,
		})
	}

	return func(n int) bool { return policy.Evaluate(policies, &requests[n]).Allowed() }, nil
}

// minio/pkg has the condition keys and resources of an object store. Here the tags of objects stand for those of resources, a claim
// stands for the principal's tag, and TLS for MFA. Users are objects in a bucket that is named "user".

var minioConditions = map[string]object{
	noMFA:     {"Bool": object{"aws:SecureTransport": "false"}},
	sameTeam:  {"StringEquals": object{"s3:ExistingObjectTag/team": "${jwt:nickname}"}},
	openStage: {"StringEquals": object{"s3:ExistingObjectTag/stage": []string{"dev", "test"}}},
	locked:    {"StringEquals": object{"s3:ExistingObjectTag/locked": "yes"}},
}

func writeMinio(w *workload) ([]string, error) {
	var statements []string
	for _, r := range w.rules() {
		switch r.resource {
		case "*":
			r.resource = "arn:aws:s3:::*"
		case ownUser:
			r.resource = "arn:aws:s3:::user/${aws:username}"
		}
		text, err := json.Marshal(awsStatement(r, minioConditions))
		if err != nil {
			return nil, err
		}
		statements = append(statements, string(text))
	}
	return statements, nil
}

// compileMinio reads each statement by itself, because reading a policy compares all its statements with each other.
func compileMinio(statements []string) (any, error) {
	p := &minio.Policy{Version: minio.DefaultVersion, Statements: make([]minio.Statement, len(statements))}
	for n, text := range statements {
		if err := json.Unmarshal([]byte(text), &p.Statements[n]); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func askMinio(compiled any, w *workload) (func(int) bool, error) {
	p := compiled.(*minio.Policy)
	var requests []minio.Args
	for _, r := range w.requests {
		requests = append(requests, minio.Args{
			AccountName: userName, Action: minio.Action(r.action), BucketName: r.bucket, ObjectName: r.key,
			ConditionValues: map[string][]string{
				"username": {userName}, "SecureTransport": {fmt.Sprint(r.mfa)}, "nickname": {r.ownTeam}, "principaltype": {"User"},
				"ExistingObjectTag/team": {r.team}, "ExistingObjectTag/stage": {r.stage}, "ExistingObjectTag/locked": {r.locked},
			},
		})
	}
	return func(n int) bool { return p.IsAllowed(requests[n]) }, nil
}

// cedar-go.

var cedarConditions = map[string]string{
	"": "true", noMFA: "!(context has mfa && context.mfa)", sameTeam: "resource.team == principal.team",
	openStage: `["dev", "test"].contains(resource.stage)`, locked: `resource.locked == "yes"`,
}

func writeCedar(w *workload) ([]string, error) {
	var text strings.Builder
	for _, r := range w.rules() {
		action, listed := "action", make([]string, len(r.actions))
		for n, name := range r.actions {
			listed[n] = fmt.Sprintf("Action::%q", name)
		}
		when := cedarConditions[r.when]
		switch {
		case r.notActions:
			when += " && !([" + strings.Join(listed, ", ") + "].contains(action))"
		case len(listed) == 1:
			action = "action == " + listed[0]
		default:
			action = "action in [" + strings.Join(listed, ", ") + "]"
		}
		switch r.resource {
		case "*":
		case ownUser:
			when += " && resource.arn == principal.arn"
		default:
			when += fmt.Sprintf(" && resource.arn like %q", r.resource)
		}
		fmt.Fprintf(&text, "%s (principal, %s, resource) when { %s };\n", effect(r.deny, "permit", "forbid"), action,
			strings.TrimPrefix(when, "true && "))
	}

	return []string{text.String()}, nil
}

func compileCedar(texts []string) (any, error) {
	return cedar.NewPolicySetFromBytes("", []byte(texts[0]))
}

func askCedar(compiled any, w *workload) (func(int) bool, error) {
	set := compiled.(*cedar.PolicySet)
	var requests []cedar.Request
	var entities []cedar.EntityMap
	for _, r := range w.requests {
		principal, resource := cedar.NewEntityUID("User", userName), cedar.NewEntityUID("Resource", cedar.String(r.resource))
		entities = append(entities, cedar.EntityMap{
			principal: {
				UID:        principal,
				Attributes: cedar.NewRecord(cedar.RecordMap{"arn": cedar.String(userARN), "team": cedar.String(r.ownTeam)}),
			},
			resource: {UID: resource, Attributes: cedar.NewRecord(cedar.RecordMap{
				"arn": cedar.String(r.resource), "team": cedar.String(r.team), "stage": cedar.String(r.stage), "locked": cedar.String(r.locked),
			})},
		})
		requests = append(requests, cedar.Request{
			Principal: principal, Action: cedar.NewEntityUID("Action", cedar.String(r.action)), Resource: resource,
			Context: cedar.NewRecord(cedar.RecordMap{"mfa": cedar.Boolean(r.mfa)}),
		})
	}

	return func(n int) bool {
		decision, _ := cedar.Authorize(set, entities[n], requests[n])
		return decision == cedar.Allow
	}, nil
}

// OPA.

var regoConditions = map[string]string{
	"": "", noMFA: "not input.mfa; ", sameTeam: "input.team == input.ownTeam; ",
	openStage: `input.stage in {"dev", "test"}; `, locked: `input.locked == "yes"; `,
}

// writeRego writes a rule for each action, because OPA has an index of rules by their conditions.
func writeRego(w *workload) ([]string, error) {
	var text strings.Builder
	text.WriteString("package bench\n\ndefault decision := false\n\ndefault denied := false\n\n" +
		"decision if { allowed; not denied }\n\ndefault allowed := false\n\n")
	for _, r := range w.rules() {
		head, rest := effect(r.deny, "allowed", "denied"), regoConditions[r.when]
		switch r.resource {
		case "*":
		case ownUser:
			rest += "input.resource == input.user"
		default:
			rest += fmt.Sprintf("startswith(input.resource, %q)", strings.TrimSuffix(r.resource, "*"))
		}
		rest = strings.TrimSuffix(rest, "; ")
		if r.notActions {
			fmt.Fprintf(&text, "%s if { %s; not input.action in {\"%s\"} }\n", head, rest, strings.Join(r.actions, `", "`))
			continue
		}
		for _, action := range r.actions {
			fmt.Fprintf(&text, "%s if { input.action == %q; %s }\n", head, action, rest)
		}
	}

	return []string{text.String()}, nil
}

func compileRego(texts []string) (any, error) {
	query, err := rego.New(rego.Query("data.bench.decision"), rego.Module("bench.rego", texts[0])).PrepareForEval(context.Background())
	return &query, err
}

func askRego(compiled any, w *workload) (func(int) bool, error) {
	query := compiled.(*rego.PreparedEvalQuery)
	var requests []rego.EvalOption
	for _, r := range w.requests {
		input, err := ast.InterfaceToValue(object{
			"user": userARN, "action": r.action, "resource": r.resource, "mfa": r.mfa, "ownTeam": r.ownTeam, "team": r.team,
			"stage": r.stage, "locked": r.locked,
		})
		if err != nil {
			return nil, err
		}
		requests = append(requests, rego.EvalParsedInput(input))
	}
	ctx := context.Background()
	return func(n int) bool {
		results, err := query.Eval(ctx, requests[n])
		return err == nil && results.Allowed()
	}, nil
}

// casbin: a line of policy for each action, and one matcher.

var casbinConditions = []string{
	`p.when == "-"`, `p.when == "noMFA" && !r.mfa`, `p.when == "sameTeam" && r.team == r.ownTeam`,
	`p.when == "openStage" && (r.stage == "dev" || r.stage == "test")`, `p.when == "locked" && r.locked == "yes"`,
}

func writeCasbin(w *workload) ([]string, error) {
	var lines strings.Builder
	action, others := "r.act == p.act", ""
	conditions := casbinConditions[:1]
	for _, r := range w.rules() {
		if r.when != "" {
			conditions = casbinConditions
		} else {
			r.when = "-"
		}
		actions := r.actions
		if r.notActions {
			others = ` || p.act == "others" && !(r.act in ("` + strings.Join(r.actions, `", "`) + `"))`
			actions = []string{"others"}
		}
		if r.resource == ownUser {
			r.resource = userARN // a policy of its own for each user
		}
		for _, act := range actions {
			fmt.Fprintf(&lines, "p, %s, %s, %s, %s\n", r.resource, act, r.when, effect(r.deny, "allow", "deny"))
		}
	}

	return []string{`
[request_definition]
r = obj, act, mfa, ownTeam, team, stage, locked
[policy_definition]
p = obj, act, when, eft
[policy_effect]
e = some(where (p.eft == allow)) && !some(where (p.eft == deny))
[matchers]
m = (` + action + others + `) && keyMatch(r.obj, p.obj) && (` + strings.Join(conditions, " || ") + ")\n", lines.String()}, nil
}

func compileCasbin(texts []string) (any, error) {
	m, err := casbinmodel.NewModelFromString(texts[0])
	if err != nil {
		return nil, err
	}
	return casbin.NewEnforcer(m, stringadapter.NewAdapter(texts[1]))
}

func askCasbin(compiled any, w *workload) (func(int) bool, error) {
	enforcer := compiled.(*casbin.Enforcer)
	var requests [][]any
	for _, r := range w.requests {
		requests = append(requests, []any{r.resource, r.action, r.mfa, r.ownTeam, r.team, r.stage, r.locked})
	}
	return func(n int) bool {
		allowed, err := enforcer.Enforce(requests[n]...)
		return err == nil && allowed
	}, nil
}

package main

import (
	"fmt"
	"strings"
)

// rule is a statement before it is written in the language of an engine.
type rule struct {
	deny       bool
	actions    []string
	notActions bool   // every action but these
	resource   string // "*", the beginning of an ARN and a star, or ownUser
	when       string // a condition, or none
}

// ownUser is the pattern for the user who makes the request.
const ownUser = "arn:aws:iam::*:user/${aws:username}"

// The conditions that rules have.
const (
	noMFA     = "noMFA"     // signed in without MFA
	sameTeam  = "sameTeam"  // the resource's tag team is the principal's
	openStage = "openStage" // the resource's tag stage is dev or test
	locked    = "locked"    // the resource's tag locked is yes
)

// request is a request before it is prepared for an engine.
type request struct {
	action, resource    string
	mfa                 bool
	ownTeam             string
	team, stage, locked string
	bucket, key         string // the resource as object stores name it
	allowed             bool   // filled in by this project's engine; the others must agree
}

const (
	userName = "alice"
	userARN  = "arn:aws:iam::123456789012:user/alice"
)

// workload holds policies and the requests that are decided by them.
type workload struct {
	name, what string
	policies   [][]rule
	requests   []request
}

// rules returns the rules of all policies.
func (w *workload) rules() []rule {
	var all []rule
	for _, p := range w.policies {
		all = append(all, p...)
	}
	return all
}

// add adds a request, and derives its bucket and key from the resource.
func (w *workload) add(r request) {
	name := strings.TrimPrefix(r.resource[strings.LastIndexByte(r.resource, ':')+1:], "/")
	r.bucket, r.key, _ = strings.Cut(name, "/")
	w.requests = append(w.requests, r)
}

// fidoPage returns the self-management policy of the IAM User Guide, "Enabling a FIDO security key (console)".
func fidoPage() *workload {
	w := &workload{name: "a", what: "the FIDO page's policy", policies: [][]rule{{
		{
			actions:  []string{"iam:DeactivateMFADevice", "iam:EnableMFADevice", "iam:GetUser", "iam:ListMFADevices", "iam:ResyncMFADevice"},
			resource: ownUser,
		},
		{
			deny: true, notActions: true, resource: "*", when: noMFA,
			actions: []string{"iam:EnableMFADevice", "iam:GetUser", "iam:ListMFADevices", "iam:ResyncMFADevice"},
		},
	}}}

	w.add(request{action: "iam:EnableMFADevice", resource: userARN})
	w.add(request{action: "iam:EnableMFADevice", resource: userARN, mfa: true})
	w.add(request{action: "iam:DeactivateMFADevice", resource: userARN})
	w.add(request{action: "iam:DeactivateMFADevice", resource: userARN, mfa: true})
	w.add(request{action: "iam:GetUser", resource: "arn:aws:iam::123456789012:user/bob", mfa: true})
	w.add(request{action: "iam:ListUsers", resource: "arn:aws:iam::123456789012:user/", mfa: true})
	return w
}

// tenByTen returns ten policies, each about one service. Each has ten statements, and the last of them denies.
func tenByTen() *workload {
	w := &workload{name: "b", what: "10 policies × 10 statements"}
	for p := range 10 {
		var rules []rule
		for s := range 10 {
			rules = append(rules, rule{
				deny: s == 9, actions: []string{
					fmt.Sprintf("svc%d:Get%d", p, s%9), fmt.Sprintf("svc%d:Put%d", p, s%9),
					fmt.Sprintf("svc%d:List%d", p, s%9),
				},
				resource: fmt.Sprintf("arn:aws:s3:::bucket-%d-%d/*", p, s%9),
			})
		}
		rules[9].resource = fmt.Sprintf("arn:aws:s3:::bucket-%d-0/secret/*", p)
		w.policies = append(w.policies, rules)
	}

	for p := range 10 {
		w.add(request{
			action:   fmt.Sprintf("svc%d:Put%d", p, 9-max(1, p)),
			resource: fmt.Sprintf("arn:aws:s3:::bucket-%d-%d/x", p, 9-max(1, p)),
		})
	}

	w.add(request{action: "svc5:Get0", resource: "arn:aws:s3:::bucket-5-0/secret/x"})
	w.add(request{action: "svc5:Get0", resource: "arn:aws:s3:::bucket-5-1/x"})
	return w
}

// oneOfMany returns statements about different actions, one of which is about the request.
func oneOfMany(size int) *workload {
	w := &workload{name: "c", what: fmt.Sprintf("%d statements, one matches", size), policies: [][]rule{{}}}
	action := func(n int) string { return fmt.Sprintf("svc%d:Action%d", n%40, n) }
	for n := range size {
		w.policies[0] = append(w.policies[0], rule{actions: []string{action(n)}, resource: fmt.Sprintf("arn:aws:s3:::bucket-%d/*", n)})
	}
	for n := range min(size, 16) {
		n *= size / min(size, 16)
		w.add(request{action: action(n), resource: fmt.Sprintf("arn:aws:s3:::bucket-%d/x", n)})
	}
	w.add(request{action: action(0), resource: fmt.Sprintf("arn:aws:s3:::bucket-%d/x", size-1)})
	return w
}

// byPrefix returns statements about the same action on different resources.
func byPrefix(size int) *workload {
	w := &workload{name: "d", what: fmt.Sprintf("%d resources by prefix", size), policies: [][]rule{{}}}
	for n := range size {
		w.policies[0] = append(w.policies[0],
			rule{actions: []string{"s3:GetObject"}, resource: fmt.Sprintf("arn:aws:s3:::bucket-%d/*", n)})
	}
	for n := range min(size, 16) {
		n *= size / min(size, 16)
		w.add(request{action: "s3:GetObject", resource: fmt.Sprintf("arn:aws:s3:::bucket-%d/x", n)})
	}
	w.add(request{action: "s3:GetObject", resource: fmt.Sprintf("arn:aws:s3:::bucket-%d/x", size)})
	return w
}

// tags returns attribute-based access control, by the tags of principals and resources.
func tags() *workload {
	w := &workload{name: "e", what: "tag conditions", policies: [][]rule{{
		{actions: []string{"s3:GetObject", "s3:PutObject"}, resource: "*", when: sameTeam},
		{actions: []string{"s3:DeleteObject"}, resource: "*", when: openStage},
		{deny: true, actions: []string{"s3:PutObject", "s3:DeleteObject"}, resource: "*", when: locked},
		{actions: []string{"s3:ListBucket"}, resource: "arn:aws:s3:::team-*"},
	}}}

	const object = "arn:aws:s3:::data/report"
	w.add(request{action: "s3:GetObject", resource: object, ownTeam: "blue", team: "blue", stage: "prod", locked: "no"})
	w.add(request{action: "s3:GetObject", resource: object, ownTeam: "blue", team: "red", stage: "prod", locked: "no"})
	w.add(request{action: "s3:PutObject", resource: object, ownTeam: "blue", team: "blue", stage: "prod", locked: "no"})
	w.add(request{action: "s3:PutObject", resource: object, ownTeam: "blue", team: "blue", stage: "prod", locked: "yes"})
	w.add(request{action: "s3:DeleteObject", resource: object, ownTeam: "blue", team: "red", stage: "test", locked: "no"})
	w.add(request{action: "s3:DeleteObject", resource: object, ownTeam: "blue", team: "red", stage: "prod", locked: "no"})
	w.add(request{
		action: "s3:ListBucket", resource: "arn:aws:s3:::team-blue/", ownTeam: "blue", team: "red", stage: "prod",
		locked: "no",
	})
	return w
}

package iam_test

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/touchstone-iam/touchstone/iamapi"
	"github.com/touchstone-iam/touchstone/internal/touchtest"
)

// policyOperations are the operations of this file that are asked of the policies. Those on a managed policy are about the one that
// the first of them makes.
func policyOperations(u touchtest.Target) []touchtest.Operation {
	const document = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iam:GetUser","Resource":"*"}}`
	made := policyOf(u.AccountID, "/made")
	named := "policy " + made
	return []touchtest.Operation{
		touchtest.Of(iamapi.CreatePolicy, made, "policy made", iamapi.CreatePolicyInput{PolicyName: "made", PolicyDocument: document}),
		touchtest.Of(iamapi.GetPolicy, made, named, iamapi.GetPolicyInput{PolicyArn: made}),
		touchtest.Of(iamapi.ListPolicies, policyOf(u.AccountID, "/"), "policy path /", iamapi.ListPoliciesInput{}),
		touchtest.Of(iamapi.ListEntitiesForPolicy, made, named, iamapi.ListEntitiesForPolicyInput{PolicyArn: made}),
		touchtest.Of(iamapi.CreatePolicyVersion, made, named,
			iamapi.CreatePolicyVersionInput{PolicyArn: made, PolicyDocument: document}),
		touchtest.Of(iamapi.GetPolicyVersion, made, named, iamapi.GetPolicyVersionInput{PolicyArn: made, VersionId: "v1"}),
		touchtest.Of(iamapi.ListPolicyVersions, made, named, iamapi.ListPolicyVersionsInput{PolicyArn: made}),
		touchtest.Of(iamapi.SetDefaultPolicyVersion, made, named,
			iamapi.SetDefaultPolicyVersionInput{PolicyArn: made, VersionId: "v1"}),
		touchtest.Of(iamapi.TagPolicy, made, named,
			iamapi.TagPolicyInput{PolicyArn: made, Tags: []iamapi.Tag{{Key: "cost", Value: "1"}}}),
		touchtest.Of(iamapi.UntagPolicy, made, named, iamapi.UntagPolicyInput{PolicyArn: made, TagKeys: []string{"cost"}}),
		touchtest.Of(iamapi.ListPolicyTags, made, named, iamapi.ListPolicyTagsInput{PolicyArn: made}),

		touchtest.Of(iamapi.AttachUserPolicy, u.ARN(), u.Named(), iamapi.AttachUserPolicyInput{UserName: u.Name, PolicyArn: made}),
		touchtest.Of(iamapi.ListAttachedUserPolicies, u.ARN(), u.Named(), iamapi.ListAttachedUserPoliciesInput{UserName: u.Name}),
		touchtest.Of(iamapi.DetachUserPolicy, u.ARN(), u.Named(), iamapi.DetachUserPolicyInput{UserName: u.Name, PolicyArn: made}),
		touchtest.Of(iamapi.PutUserPermissionsBoundary, u.ARN(), u.Named(),
			iamapi.PutUserPermissionsBoundaryInput{UserName: u.Name, PermissionsBoundary: made}),
		touchtest.Of(iamapi.DeleteUserPermissionsBoundary, u.ARN(), u.Named(),
			iamapi.DeleteUserPermissionsBoundaryInput{UserName: u.Name}),

		touchtest.Of(iamapi.DeletePolicyVersion, made, named, iamapi.DeletePolicyVersionInput{PolicyArn: made, VersionId: "v2"}),
		touchtest.Of(iamapi.DeletePolicy, made, named, iamapi.DeletePolicyInput{PolicyArn: made}),
	}
}

// policyErrors are the errors that the model declares for them.
var policyErrors = declaredOfPolicies()

func declaredOfPolicies() touchtest.Declared {
	d := touchtest.Declared{
		Causes: map[string]func(*touchtest.Stage) error{
			"CreatePolicy InvalidInput": func(s *touchtest.Stage) error {
				return second(s.Root.CreatePolicy(ctx, &awsiam.CreatePolicyInput{
					PolicyName: aws.String("p"), PolicyDocument: aws.String(allow("s3:*")), Tags: tags("aws:x", ""),
				}))
			},
			"CreatePolicy LimitExceeded": func(s *touchtest.Stage) error {
				quota(s.T, s.Account, "PoliciesPerAccount", 0)
				return newPolicy(s.Root, "p", allow("s3:*"))
			},
			"CreatePolicy EntityAlreadyExists": func(s *touchtest.Stage) error {
				createPolicy(s.T, s.Root, "p", allow("s3:*"))
				return newPolicy(s.Root, "p", allow("s3:*"))
			},
			"CreatePolicy MalformedPolicyDocument": func(s *touchtest.Stage) error { return newPolicy(s.Root, "p", "{}") },
			"CreatePolicyVersion MalformedPolicyDocument": func(s *touchtest.Stage) error {
				return newVersion(s.Root, createPolicy(s.T, s.Root, "p", allow("s3:*")), "{}", false)
			},
			"CreatePolicyVersion LimitExceeded": func(s *touchtest.Stage) error {
				quota(s.T, s.Account, "VersionsPerPolicy", 1)
				return newVersion(s.Root, createPolicy(s.T, s.Root, "p", allow("s3:*")), allow("s3:*"), false)
			},
			"DeletePolicy DeleteConflict": func(s *touchtest.Stage) error {
				p := createPolicy(s.T, s.Root, "p", allow("s3:*"))
				must(s.T, attach(s.Root, "alice", p))
				return second(s.Root.DeletePolicy(ctx, &awsiam.DeletePolicyInput{PolicyArn: &p}))
			},
			"DeletePolicyVersion DeleteConflict": func(s *touchtest.Stage) error {
				p := createPolicy(s.T, s.Root, "p", allow("s3:*"))
				return second(s.Root.DeletePolicyVersion(ctx, &awsiam.DeletePolicyVersionInput{PolicyArn: &p, VersionId: aws.String("v1")}))
			},
			"TagPolicy LimitExceeded": func(s *touchtest.Stage) error {
				quota(s.T, s.Account, "TagsPerPolicy", 1)
				p := createPolicy(s.T, s.Root, "p", allow("s3:*"))
				return second(s.Root.TagPolicy(ctx, &awsiam.TagPolicyInput{PolicyArn: &p, Tags: tags("a", "", "b", "")}))
			},
			"TagPolicy InvalidInput": func(s *touchtest.Stage) error {
				p := createPolicy(s.T, s.Root, "p", allow("s3:*"))
				return second(s.Root.TagPolicy(ctx, &awsiam.TagPolicyInput{PolicyArn: &p, Tags: tags("aws:x", "")}))
			},
			"AttachUserPolicy LimitExceeded": func(s *touchtest.Stage) error {
				quota(s.T, s.Account, "PoliciesPerUser", 0)
				return attach(s.Root, "alice", createPolicy(s.T, s.Root, "p", allow("s3:*")))
			},
		},
		Unreachable: map[string]string{
			"DeletePolicy LimitExceeded":            "makes nothing that is counted",
			"DeletePolicyVersion LimitExceeded":     "makes nothing that is counted",
			"SetDefaultPolicyVersion LimitExceeded": "makes nothing that is counted",
			"DetachUserPolicy LimitExceeded":        "makes nothing that is counted",

			"AttachUserPolicy PolicyNotAttachable":           "every policy of an account can be attached",
			"PutUserPermissionsBoundary PolicyNotAttachable": "every policy of an account can be a boundary",
			"ListAttachedUserPolicies InvalidInput":          "what is wrong with its input is a ValidationError",
		},
	}

	// An operation on a policy that does not exist. What is no ARN at all is a ValidationError.
	for _, o := range policyOperations(touchtest.Target{AccountID: "000000000000"}) {
		onPolicy := strings.HasPrefix(o.Named, "policy arn:")
		if onPolicy {
			d.Causes[o.Name+" NoSuchEntity"] = func(s *touchtest.Stage) error { return o.Wire(s.Root) }
		}
		name := o.Name + " InvalidInput"
		if slices.Contains(o.Codes, "InvalidInput") && d.Causes[name] == nil && d.Unreachable[name] == "" {
			d.Unreachable[name] = "an ARN that cannot be read is a ValidationError"
		}
	}
	return d
}

// policyOf is the ARN of a policy of an account, which is given with its path: "/eng/reader".
func policyOf(account, pathAndName string) string {
	return "arn:aws:iam::" + account + ":policy" + pathAndName
}

func newPolicy(c *awsiam.Client, name, document string) error {
	return second(c.CreatePolicy(ctx, &awsiam.CreatePolicyInput{PolicyName: &name, PolicyDocument: &document}))
}

// createPolicy makes a managed policy on the path "/" and returns its ARN.
func createPolicy(t *testing.T, c *awsiam.Client, name, document string) string {
	t.Helper()
	out, err := c.CreatePolicy(ctx, &awsiam.CreatePolicyInput{PolicyName: &name, PolicyDocument: &document})
	must(t, err)
	return *out.Policy.Arn
}

func newVersion(c *awsiam.Client, policy, document string, inForce bool) error {
	return second(c.CreatePolicyVersion(ctx,
		&awsiam.CreatePolicyVersionInput{PolicyArn: &policy, PolicyDocument: &document, SetAsDefault: inForce}))
}

func setDefault(c *awsiam.Client, policy, version string) error {
	return second(c.SetDefaultPolicyVersion(ctx, &awsiam.SetDefaultPolicyVersionInput{PolicyArn: &policy, VersionId: &version}))
}

func deleteVersion(c *awsiam.Client, policy, version string) error {
	return second(c.DeletePolicyVersion(ctx, &awsiam.DeletePolicyVersionInput{PolicyArn: &policy, VersionId: &version}))
}

func deletePolicy(c *awsiam.Client, policy string) error {
	return second(c.DeletePolicy(ctx, &awsiam.DeletePolicyInput{PolicyArn: &policy}))
}

func attach(c *awsiam.Client, user, policy string) error {
	return second(c.AttachUserPolicy(ctx, &awsiam.AttachUserPolicyInput{UserName: &user, PolicyArn: &policy}))
}

func detach(c *awsiam.Client, user, policy string) error {
	return second(c.DetachUserPolicy(ctx, &awsiam.DetachUserPolicyInput{UserName: &user, PolicyArn: &policy}))
}

func putBoundary(c *awsiam.Client, user, policy string) error {
	return second(c.PutUserPermissionsBoundary(ctx,
		&awsiam.PutUserPermissionsBoundaryInput{UserName: &user, PermissionsBoundary: &policy}))
}

func deleteBoundary(c *awsiam.Client, user string) error {
	return second(c.DeleteUserPermissionsBoundary(ctx, &awsiam.DeleteUserPermissionsBoundaryInput{UserName: &user}))
}

// unattachable is the answer about a policy that cannot be attached because it does not exist.
func unattachable(policy string) string {
	return "404 NoSuchEntity: Policy " + policy + " does not exist or is not attachable."
}

func TestCreatePolicy(t *testing.T) {
	t.Parallel()
	a, c := newAccount(t)
	document := "{\"Version\":\"2012-10-17\",\n \"Statement\":{\"Effect\":\"Allow\",\"Action\":\"s3:*\",\"Resource\":\"*\"}}"
	out, err := c.CreatePolicy(ctx, &awsiam.CreatePolicyInput{
		PolicyName: aws.String("Reader"), Path: aws.String("/eng/"), PolicyDocument: &document,
		Description: aws.String("reads everything"), Tags: tags("Team", "red", "team", "blue"),
	})
	must(t, err)

	arn := policyOf(a.ID, "/eng/Reader")
	p := out.Policy
	if *p.PolicyName != "Reader" || *p.Arn != arn || *p.Path != "/eng/" || *p.DefaultVersionId != "v1" || !p.IsAttachable ||
		*p.AttachmentCount != 0 || *p.PermissionsBoundaryUsageCount != 0 || p.Description != nil ||
		!p.CreateDate.Equal(*p.UpdateDate) || !regexp.MustCompile(`^ANPA[A-Z2-7]{17}$`).MatchString(*p.PolicyId) {
		t.Errorf("created %+v", *p)
	}
	record := a.LastRecord("CreatePolicy")
	for _, part := range []string{`"policyName":"Reader"`, `"path":"/eng/"`, `"description":"reads everything"`} {
		if got := text(record.RequestParameters); !strings.Contains(got, part) {
			t.Errorf("the event has %s, want %s in it", got, part)
		}
	}

	// The keys of a policy's tags differ by case.
	got, err := c.GetPolicy(ctx, &awsiam.GetPolicyInput{PolicyArn: &arn})
	must(t, err)
	if *got.Policy.PolicyId != *p.PolicyId || *got.Policy.Description != "reads everything" || len(got.Policy.Tags) != 2 ||
		*got.Policy.Tags[0].Key != "Team" || *got.Policy.Tags[1].Key != "team" {
		t.Errorf("got %+v", *got.Policy)
	}
	must(t, second(c.TagPolicy(ctx, &awsiam.TagPolicyInput{PolicyArn: &arn, Tags: tags("TEAM", "green", "team", "grey")})))
	must(t, second(c.UntagPolicy(ctx, &awsiam.UntagPolicyInput{PolicyArn: &arn, TagKeys: []string{"Team"}})))
	listed, err := c.ListPolicyTags(ctx, &awsiam.ListPolicyTagsInput{PolicyArn: &arn})
	must(t, err)
	if len(listed.Tags) != 2 || *listed.Tags[0].Key != "TEAM" || *listed.Tags[1].Key != "team" || *listed.Tags[1].Value != "grey" {
		t.Errorf("the tags are %v", listed.Tags)
	}

	version, err := c.GetPolicyVersion(ctx, &awsiam.GetPolicyVersionInput{PolicyArn: &arn, VersionId: aws.String("v1")})
	must(t, err)
	if stored, err := url.PathUnescape(*version.PolicyVersion.Document); err != nil || stored != document ||
		!version.PolicyVersion.IsDefaultVersion || *version.PolicyVersion.VersionId != "v1" {
		t.Errorf("the version is %+v with %q, %v", *version.PolicyVersion, stored, err)
	}

	// Names are unique on all paths, without regard to case.
	for _, name := range []string{"Reader", "READER"} {
		want(t, "create "+name, newPolicy(c, name, allow("s3:*")),
			"409 EntityAlreadyExists: A policy called "+name+" already exists. Duplicate names are not allowed.")
	}
	other := a.Server.NewAccount(t)
	if found := createPolicy(t, other.IAM(other.Root), "Reader", allow("s3:*")); found != policyOf(other.ID, "/Reader") {
		t.Errorf("another account's policy is %s", found)
	}

	missing := policyOf(a.ID, "/Reader")
	want(t, "get it without its path", second(c.GetPolicy(ctx, &awsiam.GetPolicyInput{PolicyArn: &missing})),
		"404 NoSuchEntity: Policy "+missing+" was not found.")
	want(t, "get what is no ARN", second(c.GetPolicy(ctx, &awsiam.GetPolicyInput{PolicyArn: aws.String(strings.Repeat("x", 20))})),
		"400 ValidationError: Invalid ARN:  Could not be parsed!")

	must(t, deletePolicy(c, arn))
	want(t, "delete again", deletePolicy(c, arn), "404 NoSuchEntity: Policy "+arn+" was not found.")
	again := createPolicy(t, c, "reader", allow("s3:*"))
	fresh, err := c.GetPolicy(ctx, &awsiam.GetPolicyInput{PolicyArn: &again})
	must(t, err)
	if *fresh.Policy.PolicyId == *p.PolicyId || len(fresh.Policy.Tags) != 0 || fresh.Policy.Description != nil {
		t.Errorf("made anew: %+v", *fresh.Policy)
	}
}

func TestPolicyQuotas(t *testing.T) {
	t.Parallel()
	a, c := newAccount(t)
	quota(t, a, "PoliciesPerAccount", 1)
	quota(t, a, "PolicySize", 200)
	quota(t, a, "TagsPerPolicy", 1)
	must(t, newPolicy(c, "one", strings.ReplaceAll(allow("s3:*"), ",", ",\n"+strings.Repeat(" ", 200)))) // white space is not counted
	want(t, "a second", newPolicy(c, "two", allow("s3:*")), "409 LimitExceeded: Cannot exceed quota for PoliciesPerAccount: 1")

	quota(t, a, "PoliciesPerAccount", 2)
	want(t, "a long one", newPolicy(c, "two", allow("s3:"+strings.Repeat("a", 200))),
		"409 LimitExceeded: Cannot exceed quota for PolicySize: 200")
	want(t, "a long version", newVersion(c, policyOf(a.ID, "/one"), allow("s3:"+strings.Repeat("a", 200)), false),
		"409 LimitExceeded: Cannot exceed quota for PolicySize: 200")
	want(t, "two tags", second(c.CreatePolicy(ctx, &awsiam.CreatePolicyInput{
		PolicyName: aws.String("two"), PolicyDocument: aws.String(allow("s3:*")), Tags: tags("a", "", "b", ""),
	})), "409 LimitExceeded: Cannot exceed quota for TagsPerPolicy: 1")

	out, err := c.ListPolicies(ctx, &awsiam.ListPoliciesInput{})
	must(t, err)
	if len(out.Policies) != 1 {
		t.Errorf("after the refusals there are %d policies", len(out.Policies))
	}
}

func TestListPolicies(t *testing.T) {
	t.Parallel()
	a, c := newAccount(t)
	createUser(t, c, "alice", "/")
	for _, each := range [][2]string{
		{"/", "delta"}, {"/eng/", "Charlie"}, {"/eng/core/", "bravo"}, {"/ENG/", "Alpha"}, {"/", "echo"},
	} {
		must(t, second(c.CreatePolicy(ctx,
			&awsiam.CreatePolicyInput{Path: &each[0], PolicyName: &each[1], PolicyDocument: aws.String(allow("s3:*"))})))
	}
	must(t, attach(c, "alice", policyOf(a.ID, "/eng/core/bravo")))
	must(t, attach(c, "alice", policyOf(a.ID, "/delta")))
	must(t, putBoundary(c, "alice", policyOf(a.ID, "/delta")))
	createUser(t, c, "bob", "/staff/")
	must(t, putBoundary(c, "bob", policyOf(a.ID, "/echo")))

	const (
		all           = "Alpha 0 0, bravo 1 0, Charlie 0 0, delta 1 1, echo 0 1"
		asPermissions = types.PolicyUsageTypePermissionsPolicy
		asBoundary    = types.PolicyUsageTypePermissionsBoundary
	)
	for _, test := range []struct {
		what string
		in   awsiam.ListPoliciesInput
		want string // each with the number of its attachments and of its uses as a boundary
	}{
		{"all", awsiam.ListPoliciesInput{}, all},
		{"of the account", awsiam.ListPoliciesInput{Scope: types.PolicyScopeTypeLocal}, all},
		{"of AWS", awsiam.ListPoliciesInput{Scope: types.PolicyScopeTypeAws}, ""},
		{"under a path", awsiam.ListPoliciesInput{PathPrefix: aws.String("/eng/")}, "bravo 1 0, Charlie 0 0"},
		{"attached", awsiam.ListPoliciesInput{OnlyAttached: true}, "bravo 1 0, delta 1 1"},
		{
			"attached as permissions",
			awsiam.ListPoliciesInput{OnlyAttached: true, PolicyUsageFilter: asPermissions},
			"bravo 1 0, delta 1 1",
		},
		{
			"used as a boundary",
			awsiam.ListPoliciesInput{OnlyAttached: true, PolicyUsageFilter: asBoundary},
			"delta 1 1, echo 0 1",
		},
		{
			"a usage that does not count alone",
			awsiam.ListPoliciesInput{PolicyUsageFilter: asBoundary},
			all,
		},
	} {
		for _, size := range []int32{0, 1, 2} {
			got, _ := pages(t, size, func(marker *string, size *int32) (lines []string, truncated bool, next *string, err error) {
				test.in.Marker, test.in.MaxItems = marker, size
				out, err := c.ListPolicies(ctx, &test.in)
				if err != nil {
					return nil, false, nil, err
				}
				for _, p := range out.Policies {
					lines = append(lines, fmt.Sprint(*p.PolicyName, " ", *p.AttachmentCount, " ", *p.PermissionsBoundaryUsageCount))
					if p.Description != nil || len(p.Tags) > 0 {
						t.Errorf("listed %+v", p)
					}
				}
				return lines, out.IsTruncated, out.Marker, nil
			})
			if joined := strings.Join(got, ", "); joined != test.want {
				t.Errorf("%s in pages of %d: %s\nwant %s", test.what, size, joined, test.want)
			}
		}
	}

	// Those who use a policy, by the way in which they do.
	for _, test := range []struct {
		what, policy string
		in           awsiam.ListEntitiesForPolicyInput
		want         string
	}{
		{"both uses", "/delta", awsiam.ListEntitiesForPolicyInput{}, "alice"},
		{"attached", "/delta", awsiam.ListEntitiesForPolicyInput{PolicyUsageFilter: asPermissions}, "alice"},
		{"attached, not its boundary", "/echo", awsiam.ListEntitiesForPolicyInput{PolicyUsageFilter: asPermissions}, ""},
		{"a boundary", "/echo", awsiam.ListEntitiesForPolicyInput{PolicyUsageFilter: asBoundary}, "bob"},
		{"not a boundary", "/eng/core/bravo", awsiam.ListEntitiesForPolicyInput{PolicyUsageFilter: asBoundary}, ""},
		{"under a path", "/echo", awsiam.ListEntitiesForPolicyInput{PathPrefix: aws.String("/staff/")}, "bob"},
		{"under another path", "/delta", awsiam.ListEntitiesForPolicyInput{PathPrefix: aws.String("/staff/")}, ""},
		{"users", "/delta", awsiam.ListEntitiesForPolicyInput{EntityFilter: types.EntityTypeUser}, "alice"},
		{"roles", "/delta", awsiam.ListEntitiesForPolicyInput{EntityFilter: types.EntityTypeRole}, ""},
		{"nobody", "/ENG/Alpha", awsiam.ListEntitiesForPolicyInput{}, ""},
	} {
		test.in.PolicyArn = aws.String(policyOf(a.ID, test.policy))
		out, err := c.ListEntitiesForPolicy(ctx, &test.in)
		must(t, err)
		var names []string
		for _, u := range out.PolicyUsers {
			names = append(names, *u.UserName)
			if !strings.HasPrefix(*u.UserId, "AIDA") {
				t.Errorf("the id of %s is %s", *u.UserName, *u.UserId)
			}
		}
		if got := strings.Join(names, ", "); got != test.want || len(out.PolicyGroups)+len(out.PolicyRoles) > 0 {
			t.Errorf("%s: %s use the policy, want %s", test.what, got, test.want)
		}
	}
}

// A policy has five versions at a time. Their numbers are never used again.
func TestPolicyVersions(t *testing.T) {
	t.Parallel()
	a, c := newAccount(t)
	arn := createPolicy(t, c, "p", allow("s3:*"))
	versions := func(expected string) {
		t.Helper()
		out, err := c.ListPolicyVersions(ctx, &awsiam.ListPolicyVersionsInput{PolicyArn: &arn})
		must(t, err)
		var ids []string
		for _, v := range out.Versions {
			id := *v.VersionId
			if v.IsDefaultVersion {
				id += " in force"
			}
			if v.Document != nil {
				t.Errorf("the list has the document of %s", id)
			}
			ids = append(ids, id)
		}
		if got := strings.Join(ids, ", "); got != expected {
			t.Errorf("the versions are %s\nwant %s", got, expected)
		}
	}

	for range 4 {
		must(t, newVersion(c, arn, allow("s3:*"), false))
	}
	versions("v5, v4, v3, v2, v1 in force")
	want(t, "a sixth version", newVersion(c, arn, allow("s3:*"), true),
		"409 LimitExceeded: A managed policy can have up to 5 versions. Before you create a new version, you must delete an existing version.")
	versions("v5, v4, v3, v2, v1 in force")

	must(t, deleteVersion(c, arn, "v5"))
	out, err := c.CreatePolicyVersion(ctx,
		&awsiam.CreatePolicyVersionInput{PolicyArn: &arn, PolicyDocument: aws.String(allow("ec2:*")), SetAsDefault: true})
	must(t, err)
	if v := out.PolicyVersion; *v.VersionId != "v6" || !v.IsDefaultVersion || v.Document != nil || v.CreateDate == nil {
		t.Errorf("created %+v", *v)
	}
	versions("v6 in force, v4, v3, v2, v1")

	must(t, setDefault(c, arn, "v2"))
	if got := text(a.LastRecord("SetDefaultPolicyVersion").RequestParameters); got != `{"policyArn":"`+arn+`","versionId":"v2"}` {
		t.Errorf("the event has %s", got)
	}
	versions("v6, v4, v3, v2 in force, v1")
	want(t, "delete the default", deleteVersion(c, arn, "v2"), "409 DeleteConflict: Cannot delete the default version of a policy.")
	for _, id := range []string{"v5", "v7", "v99999999999999999999"} {
		missing := "404 NoSuchEntity: Policy " + arn + " version " + id + " does not exist or is not attachable."
		want(t, "delete "+id, deleteVersion(c, arn, id), missing)
		want(t, "default "+id, setDefault(c, arn, id), missing)
		want(t, "get "+id, second(c.GetPolicyVersion(ctx, &awsiam.GetPolicyVersionInput{PolicyArn: &arn, VersionId: &id})), missing)
	}

	want(t, "delete the policy with its versions", deletePolicy(c, arn), "409 DeleteConflict: This policy has more than one version. "+
		"Before you delete a policy, you must delete the policy's versions. The default version is deleted with the policy.")
	for _, id := range []string{"v1", "v3", "v4", "v6"} {
		must(t, deleteVersion(c, arn, id))
	}
	versions("v2 in force")
	must(t, deletePolicy(c, arn))
}

func TestAttachUserPolicy(t *testing.T) {
	t.Parallel()
	a, c := newAccount(t)
	createUser(t, c, "Alice", "/")
	list := func(prefix *string, expected ...string) {
		t.Helper()
		for _, size := range []int32{0, 1, 4} {
			got, _ := pages(t, size, func(marker *string, size *int32) (lines []string, truncated bool, next *string, err error) {
				out, err := c.ListAttachedUserPolicies(ctx, &awsiam.ListAttachedUserPoliciesInput{
					UserName: aws.String("alice"), PathPrefix: prefix, Marker: marker, MaxItems: size,
				})
				if err != nil {
					return nil, false, nil, err
				}

				for _, p := range out.AttachedPolicies {
					lines = append(lines, *p.PolicyName)
					if !strings.HasSuffix(*p.PolicyArn, "/"+*p.PolicyName) {
						t.Errorf("listed %s, %s", *p.PolicyName, *p.PolicyArn)
					}
				}
				return lines, out.IsTruncated, out.Marker, nil
			})

			if !slices.Equal(got, expected) {
				t.Errorf("in pages of %d: %v\nwant %v", size, got, expected)
			}
		}
	}
	list(nil)

	var names, arns []string
	for n := range 10 {
		name := fmt.Sprint("p", n)
		names, arns = append(names, name), append(arns, createPolicy(t, c, name, allow("s3:*")))
		must(t, attach(c, "alice", arns[n]))
	}
	if got := text(a.LastRecord("AttachUserPolicy").RequestParameters); got != `{"policyArn":"`+arns[9]+`","userName":"alice"}` {
		t.Errorf("the event has %s", got)
	}
	list(nil, names...)

	must(t, attach(c, "ALICE", arns[3])) // once more changes nothing
	must(t, second(c.CreatePolicy(ctx, &awsiam.CreatePolicyInput{
		PolicyName: aws.String("q"), Path: aws.String("/eng/"), PolicyDocument: aws.String(allow("s3:*")),
	})))
	eleventh := policyOf(a.ID, "/eng/q")
	want(t, "the eleventh", attach(c, "alice", eleventh), "409 LimitExceeded: Cannot exceed quota for PoliciesPerUser: 10")
	list(nil, names...)

	must(t, detach(c, "alice", arns[0]))
	must(t, attach(c, "alice", eleventh))
	list(nil, append([]string{"q"}, names[1:]...)...) // by ARN
	list(aws.String("/eng/"), "q")
	list(aws.String("/"), append([]string{"q"}, names[1:]...)...)

	want(t, "detach again", detach(c, "alice", arns[0]), "404 NoSuchEntity: Policy "+arns[0]+" was not found.")
	want(t, "attach to nobody", attach(c, "nobody", eleventh), noUser("nobody"))
	want(t, "detach from nobody", detach(c, "nobody", eleventh), noUser("nobody"))
	other := a.Server.NewAccount(t)
	for _, missing := range []string{
		policyOf(a.ID, "/nothing"), "arn:aws:iam::aws:policy/Nothing",
		createPolicy(t, other.IAM(other.Root), "theirs", allow("s3:*")),
	} {
		want(t, "attach "+missing, attach(c, "alice", missing), unattachable(missing))
		want(t, "limit by "+missing, putBoundary(c, "alice", missing), unattachable(missing))
	}
	want(t, "attach what is no ARN", attach(c, "alice", strings.Repeat("x", 20)),
		"400 ValidationError: Invalid ARN:  Could not be parsed!")

	// What is in use stays.
	const inUse = "409 DeleteConflict: Cannot delete a policy attached to entities."
	want(t, "delete a policy that is attached", deletePolicy(c, eleventh), inUse)
	remove := func() error { return second(c.DeleteUser(ctx, &awsiam.DeleteUserInput{UserName: aws.String("alice")})) }
	want(t, "delete a user with policies", remove(), "409 DeleteConflict: Cannot delete entity, must detach all policies first.")
	for _, arn := range append(arns[1:], eleventh) {
		must(t, detach(c, "alice", arn))
	}
	must(t, putBoundary(c, "alice", eleventh))
	want(t, "delete a policy that is a boundary", deletePolicy(c, eleventh), inUse)
	must(t, remove()) // a boundary goes with its user
	must(t, deletePolicy(c, eleventh))
}

func TestPermissionsBoundary(t *testing.T) {
	t.Parallel()
	a, c := newAccount(t)
	limit, other := createPolicy(t, c, "limit", allow("iam:GetUser")), createPolicy(t, c, "other", allow("s3:*"))
	shows := func(what string, got *types.AttachedPermissionsBoundary, expected string) {
		t.Helper()
		switch {
		case expected == "" && got != nil:
			t.Errorf("%s: the boundary is %s, want none", what, *got.PermissionsBoundaryArn)
		case expected != "" && (got == nil || *got.PermissionsBoundaryArn != expected || got.PermissionsBoundaryType != "Policy"):
			t.Errorf("%s: the boundary is %+v, want %s", what, got, expected)
		}
	}
	has := func(what, expected string) {
		t.Helper()
		out, err := c.GetUser(ctx, &awsiam.GetUserInput{UserName: aws.String("alice")})
		must(t, err)
		shows(what, out.User.PermissionsBoundary, expected)
	}

	out, err := c.CreateUser(ctx, &awsiam.CreateUserInput{UserName: aws.String("Alice"), PermissionsBoundary: &limit})
	must(t, err)
	shows("in the answer of CreateUser", out.User.PermissionsBoundary, limit)
	has("as created", limit)
	must(t, putBoundary(c, "ALICE", other))
	has("replaced", other)
	must(t, deleteBoundary(c, "alice"))
	has("deleted", "")
	want(t, "delete again", deleteBoundary(c, "alice"), "404 NoSuchEntity: User with name Alice does not have a permissions boundary.")
	want(t, "nobody's", putBoundary(c, "nobody", limit), noUser("nobody"))
	want(t, "delete nobody's", deleteBoundary(c, "nobody"), noUser("nobody"))
	if record := a.LastRecord("PutUserPermissionsBoundary"); record.ErrorCode != "NoSuchEntity" {
		t.Errorf("the event is %+v", record)
	}
}

// What a managed policy says is in force with the next request, on whomever it is attached to.
func TestManagedPoliciesAreInForceAtOnce(t *testing.T) {
	t.Parallel()
	a, c := newAccount(t)
	u := a.NewUser("alice", "")
	console := a.SignIn(u, nil)
	me := userARN(a, "/alice")
	gets := func(what, expected string) {
		t.Helper()
		want(t, what+", by key", second(a.IAM(u.Key).GetUser(ctx, &awsiam.GetUserInput{})), expected)
		_, err := touchtest.Call(console, iamapi.GetUser, &iamapi.GetUserInput{})
		want(t, what+", in the console", err, expected)
	}
	refused := touchtest.NotAllowed(me, "iam:GetUser", "user alice")

	gets("without a policy", refused)
	arn := createPolicy(t, c, "p", allow("iam:GetUser"))
	gets("before it is attached", refused)
	must(t, attach(c, "alice", arn))
	gets("attached", "")

	must(t, newVersion(c, arn, `{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"iam:*","Resource":"*"}}`, false))
	gets("with a version that is not in force", "")
	must(t, setDefault(c, arn, "v2"))
	gets("with a version that denies", touchtest.Forbidden(me, "iam:GetUser", "user alice")+": "+arn)
	must(t, setDefault(c, arn, "v1"))
	gets("with the first version again", "")

	// A boundary takes away what it does not allow, and gives nothing.
	begin := "403 AccessDenied: User: " + me + " is not authorized to perform: iam:GetUser on resource: user alice "
	limit := createPolicy(t, c, "limit", allow("s3:*"))
	must(t, putBoundary(c, "alice", limit))
	gets("within a boundary", begin+"because no permissions boundary allows the iam:GetUser action")
	must(t, newVersion(c, limit, `{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"iam:*","Resource":"*"}}`, true))
	gets("within a boundary that denies", begin+"with an explicit deny in a permissions boundary: "+limit)
	must(t, newVersion(c, limit, allow("iam:*"), true))
	gets("within a wider boundary", "")
	must(t, detach(c, "alice", arn))
	gets("with a boundary alone", refused)
	must(t, deleteBoundary(c, "alice"))
	gets("without anything", refused)
}

// Whoever may manage users can be held to certain policies and boundaries by condition keys.
func TestPolicyConditions(t *testing.T) {
	t.Parallel()
	a, c := newAccount(t)
	u := a.NewUser("alice", "")
	me, asks := userARN(a, "/alice"), a.IAM(u.Key)
	one, two := createPolicy(t, c, "one", allow("s3:*")), createPolicy(t, c, "two", allow("s3:*"))
	inline := func(c *awsiam.Client) error {
		return second(c.PutUserPolicy(ctx, &awsiam.PutUserPolicyInput{
			UserName: aws.String("bob"), PolicyName: aws.String("p"), PolicyDocument: aws.String(allow("s3:*")),
		}))
	}
	deleteInline := func(c *awsiam.Client) error {
		return second(c.DeleteUserPolicy(ctx, &awsiam.DeleteUserPolicyInput{UserName: aws.String("bob"), PolicyName: aws.String("p")}))
	}
	create := func(c *awsiam.Client, boundary string) error {
		in := &awsiam.CreateUserInput{UserName: aws.String("carol")}
		if boundary != "" {
			in.PermissionsBoundary = &boundary
		}
		err := second(c.CreateUser(ctx, in))
		if err == nil {
			must(t, second(c.DeleteUser(ctx, &awsiam.DeleteUserInput{UserName: in.UserName})))
		}
		return err
	}

	// Bob has the boundary named, and both the inline policy and a policy to detach.
	with := func(boundary string) {
		t.Helper()
		createUser(t, c, "bob", "/")
		must(t, inline(c))
		must(t, attach(c, "bob", two))
		if boundary != "" {
			must(t, putBoundary(c, "bob", boundary))
		}
	}
	gone := func() {
		t.Helper()
		for _, err := range []error{deleteInline(c), detach(c, "bob", one), detach(c, "bob", two)} {
			if err != nil && touchtest.CodeOf(err) != "NoSuchEntity" {
				t.Fatal(err)
			}
		}
		must(t, second(c.DeleteUser(ctx, &awsiam.DeleteUserInput{UserName: aws.String("bob")})))
	}

	calls := []struct {
		action string
		named  string
		call   func() error
	}{
		{"AttachUserPolicy", "user bob", func() error { return attach(asks, "bob", one) }},
		{"DetachUserPolicy", "user bob", func() error { return detach(asks, "bob", two) }},
		{"PutUserPolicy", "user bob", func() error { return inline(asks) }},
		{"DeleteUserPolicy", "user bob", func() error { return deleteInline(asks) }},
		{"PutUserPermissionsBoundary", "user bob", func() error { return putBoundary(asks, "bob", one) }},
		{"DeleteUserPermissionsBoundary", "user bob", func() error { return deleteBoundary(asks, "bob") }},
		{"CreateUser", userARN(a, "/carol"), func() error { return create(asks, one) }},
	}
	for _, test := range []struct {
		key, value, boundary string
		allowed              []string
	}{
		{"iam:PolicyARN", one, "", []string{"AttachUserPolicy"}},
		{"iam:PolicyARN", two, "", []string{"DetachUserPolicy"}},
		{"iam:PolicyARN", policyOf("*", "/t*"), "", []string{"DetachUserPolicy"}},
		// Of those that put a boundary the new one counts, of all others the one that the user has.
		{"iam:PermissionsBoundary", one, "", []string{"PutUserPermissionsBoundary", "CreateUser"}},
		{"iam:PermissionsBoundary", one, two, []string{"PutUserPermissionsBoundary", "CreateUser"}},
		{"iam:PermissionsBoundary", two, two, []string{
			"AttachUserPolicy", "DetachUserPolicy", "PutUserPolicy", "DeleteUserPolicy", "DeleteUserPermissionsBoundary",
		}},
		{"iam:PermissionsBoundary", two, "", nil},
	} {
		a.PutPolicy("alice", fmt.Sprintf(`{"Version":"2012-10-17","Statement":[
			{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"ArnLike":{%q:%q}}},
			{"Effect":"Allow","Action":"iam:DeleteUser","Resource":"*"}]}`, test.key, test.value))
		for _, each := range calls {
			with(test.boundary)
			expected := ""
			if !slices.Contains(test.allowed, each.action) {
				expected = touchtest.NotAllowed(me, "iam:"+each.action, each.named)
			}
			want(t, fmt.Sprintf("%s with %s %s, boundary %q", each.action, test.key, test.value, test.boundary), each.call(), expected)
			gone()
		}
	}

	// A user without a boundary cannot be made by one who may only make users with it.
	a.PutPolicy("alice", fmt.Sprintf(`{"Version":"2012-10-17","Statement":
		{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"iam:PermissionsBoundary":%q}}}}`, one))
	want(t, "create without a boundary", create(asks, ""), touchtest.NotAllowed(me, "iam:CreateUser", userARN(a, "/carol")))
	want(t, "create with another boundary", create(asks, two), touchtest.NotAllowed(me, "iam:CreateUser", userARN(a, "/carol")))
}

// Tags of a policy decide who may change it, and tagging at creation is an action of its own.
func TestPolicyTagConditions(t *testing.T) {
	t.Parallel()
	a, c := newAccount(t)
	u := a.NewUser("alice", `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":"iam:GetPolicy","Resource":"*","Condition":{"StringEquals":{"iam:ResourceTag/team":"red"}}},
		{"Effect":"Allow","Action":"iam:CreatePolicy","Resource":"arn:aws:iam::*:policy/eng/*"},
		{"Effect":"Allow","Action":"iam:TagPolicy","Resource":"*","Condition":{"StringEquals":{"aws:RequestTag/team":"red"}}}]}`)
	me, asks := userARN(a, "/alice"), a.IAM(u.Key)
	create := func(path, name string, tags []types.Tag) error {
		return second(asks.CreatePolicy(ctx, &awsiam.CreatePolicyInput{
			Path: &path, PolicyName: &name, PolicyDocument: aws.String(allow("s3:*")), Tags: tags,
		}))
	}

	want(t, "on another path", create("/", "p", nil), touchtest.NotAllowed(me, "iam:CreatePolicy", "policy p"))
	want(t, "with another tag", create("/eng/", "p", tags("team", "blue")), touchtest.NotAllowed(me, "iam:TagPolicy", "policy p"))
	must(t, create("/eng/", "p", tags("team", "red")))
	must(t, create("/eng/", "q", nil))
	get := func(name string) error {
		return second(asks.GetPolicy(ctx, &awsiam.GetPolicyInput{PolicyArn: aws.String(policyOf(a.ID, name))}))
	}
	want(t, "a policy with the tag", get("/eng/p"), "")
	refused := func(name string) string {
		return touchtest.NotAllowed(me, "iam:GetPolicy", "policy "+policyOf(a.ID, name))
	}
	want(t, "a policy without it", get("/eng/q"), refused("/eng/q"))
	want(t, "a policy that is not there", get("/eng/r"), refused("/eng/r"))
	must(t, second(c.UntagPolicy(ctx,
		&awsiam.UntagPolicyInput{PolicyArn: aws.String(policyOf(a.ID, "/eng/p")), TagKeys: []string{"team"}})))
	want(t, "once the tag is gone", get("/eng/p"), refused("/eng/p"))
}

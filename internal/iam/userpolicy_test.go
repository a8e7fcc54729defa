package iam_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/touchstone-iam/touchstone/iamapi"
	"github.com/touchstone-iam/touchstone/internal/touchtest"
)

// userPolicyOperations are the operations of this file that are asked of the policies.
func userPolicyOperations(u touchtest.Target) []touchtest.Operation {
	const document = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iam:GetUser","Resource":"*"}}`
	return []touchtest.Operation{
		touchtest.Of(iamapi.PutUserPolicy, u.ARN(), u.Named(),
			iamapi.PutUserPolicyInput{UserName: u.Name, PolicyName: "p", PolicyDocument: document}),
		touchtest.Of(iamapi.GetUserPolicy, u.ARN(), u.Named(), iamapi.GetUserPolicyInput{UserName: u.Name, PolicyName: "p"}),
		touchtest.Of(iamapi.DeleteUserPolicy, u.ARN(), u.Named(), iamapi.DeleteUserPolicyInput{UserName: u.Name, PolicyName: "p"}),
		touchtest.Of(iamapi.ListUserPolicies, u.ARN(), u.Named(), iamapi.ListUserPoliciesInput{UserName: u.Name}),
	}
}

// userPolicyErrors are the errors that the model declares for them.
var userPolicyErrors = touchtest.Declared{
	Causes: map[string]func(*touchtest.Stage) error{
		"PutUserPolicy LimitExceeded": func(s *touchtest.Stage) error {
			return putPolicyIn(s,
				fmt.Sprintf(
					`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iam:GetUser","Resource":"arn:aws:iam::*:user/%s"}}`,
					strings.Repeat("a", 2048)))
		},
		"PutUserPolicy MalformedPolicyDocument": func(s *touchtest.Stage) error { return putPolicyIn(s, "{}") },
	},
	Unreachable: map[string]string{
		"DeleteUserPolicy LimitExceeded": "makes nothing that is counted",
	},
}

func putPolicyIn(s *touchtest.Stage, document string) error {
	return second(s.Root.PutUserPolicy(ctx,
		&awsiam.PutUserPolicyInput{UserName: aws.String("alice"), PolicyName: aws.String("p"), PolicyDocument: &document}))
}

func TestUserPolicies(t *testing.T) {
	t.Parallel()
	a, c := newAccount(t)
	u := a.NewUser("Alice", "")
	// Documents come back byte for byte, percent-encoded once.
	document := "{\"Version\":\"2012-10-17\",\n \"Statement\":[{\"Sid\":\"A\",\"Effect\":\"Allow\",\"Action\":\"iam:GetUser\",\"Resource\":\"arn:aws:iam::*:user/a+b%20~\"}]}"
	_, err := c.PutUserPolicy(ctx,
		&awsiam.PutUserPolicyInput{UserName: aws.String("alice"), PolicyName: aws.String("p=1"), PolicyDocument: &document})
	must(t, err)
	record := a.LastRecord("PutUserPolicy")
	if got, expected := text(record.RequestParameters),
		text(map[string]string{"userName": "alice", "policyName": "p=1", "policyDocument": document}); got != expected ||
		record.ResponseElements != nil {
		t.Errorf("the event has %s, %v; want %s", got, record.ResponseElements, expected)
	}
	get, err := c.GetUserPolicy(ctx, &awsiam.GetUserPolicyInput{UserName: aws.String("alice"), PolicyName: aws.String("p=1")})
	must(t, err)
	if *get.UserName != "Alice" || *get.PolicyName != "p=1" || strings.ContainsAny(*get.PolicyDocument, " +\n\"{") {
		t.Errorf("got %+v", *get)
	}
	if got, err := url.PathUnescape(*get.PolicyDocument); err != nil || got != document {
		t.Errorf("the document is %q, %v\nwant %q", got, err, document)
	}

	// A change is in force at once, and a put replaces.
	gets := func(expected string) {
		t.Helper()
		_, err := a.IAM(u.Key).GetUser(ctx, &awsiam.GetUserInput{})
		want(t, "get oneself", err, expected)
	}
	self := userARN(a, "/Alice")
	gets(touchtest.NotAllowed(self, "iam:GetUser", "user Alice"))
	put := func(name, document string) {
		t.Helper()
		_, err := c.PutUserPolicy(ctx,
			&awsiam.PutUserPolicyInput{UserName: aws.String("alice"), PolicyName: &name, PolicyDocument: &document})
		must(t, err)
	}
	put("p=1", allow("iam:GetUser"))
	gets("")
	put("deny", `{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}`)
	gets(touchtest.Forbidden(self, "iam:GetUser", "user Alice"))
	list, err := c.ListUserPolicies(ctx, &awsiam.ListUserPoliciesInput{UserName: aws.String("alice")})
	must(t, err)
	if !slices.Equal(list.PolicyNames, []string{"deny", "p=1"}) || list.IsTruncated || list.Marker != nil {
		t.Errorf("listed %v", *list)
	}
	remove := func(name string) error {
		_, err := c.DeleteUserPolicy(ctx, &awsiam.DeleteUserPolicyInput{UserName: aws.String("alice"), PolicyName: &name})
		return err
	}
	must(t, remove("deny"))
	if got := text(a.LastRecord("DeleteUserPolicy").RequestParameters); got != `{"policyName":"deny","userName":"alice"}` {
		t.Errorf("the event has %s", got)
	}
	gets("")
	const gone = "404 NoSuchEntity: The user policy with name deny cannot be found."
	want(t, "delete again", remove("deny"), gone)
	want(t, "get it",
		second(c.GetUserPolicy(ctx, &awsiam.GetUserPolicyInput{UserName: aws.String("alice"), PolicyName: aws.String("deny")})), gone)
	for _, err := range []error{
		second(c.PutUserPolicy(ctx,
			&awsiam.PutUserPolicyInput{UserName: aws.String("nobody"), PolicyName: aws.String("p"), PolicyDocument: &document})),
		second(c.GetUserPolicy(ctx, &awsiam.GetUserPolicyInput{UserName: aws.String("nobody"), PolicyName: aws.String("p")})),
		second(c.DeleteUserPolicy(ctx, &awsiam.DeleteUserPolicyInput{UserName: aws.String("nobody"), PolicyName: aws.String("p")})),
		second(c.ListUserPolicies(ctx, &awsiam.ListUserPoliciesInput{UserName: aws.String("nobody")})),
	} {
		want(t, "a user who is not there", err, noUser("nobody"))
	}
}

// A document that is no policy is never stored, so that a stored one can always be decided.
func TestMalformedUserPolicy(t *testing.T) {
	t.Parallel()
	a, c := newAccount(t)
	createUser(t, c, "alice", "/")
	for name, document := range map[string]string{
		"no JSON":              `{`,
		"no statement":         `{"Version":"2012-10-17"}`,
		"an unknown version":   `{"Version":"2013-01-01","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`,
		"no effect":            `{"Version":"2012-10-17","Statement":{"Action":"*","Resource":"*"}}`,
		"a principal":          `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}}`,
		"no resource":          `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*"}}`,
		"an action of no name": `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"GetUser","Resource":"*"}}`,
		"an unknown operator":  `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"Like":{"a":"b"}}}}`,
		"a member twice":       `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Effect":"Deny","Action":"*","Resource":"*"}}`,
	} {
		_, err := c.PutUserPolicy(ctx,
			&awsiam.PutUserPolicyInput{UserName: aws.String("alice"), PolicyName: aws.String("p"), PolicyDocument: &document})
		if got := touchtest.Told(err); !strings.HasPrefix(got, "400 MalformedPolicyDocument: ") ||
			len(got) < len("400 MalformedPolicyDocument: x") {
			t.Errorf("%s: answered %q", name, got)
		}
	}

	list, err := c.ListUserPolicies(ctx, &awsiam.ListUserPoliciesInput{UserName: aws.String("alice")})
	must(t, err)
	if len(list.PolicyNames) != 0 {
		t.Errorf("stored %v", list.PolicyNames)
	}
	if got := a.LastRecord("PutUserPolicy").ErrorCode; got != "MalformedPolicyDocument" {
		t.Errorf("the event has %s", got)
	}

	_, err = c.PutUserPolicy(ctx,
		&awsiam.PutUserPolicyInput{
			UserName: aws.String("a b"), PolicyName: aws.String(strings.Repeat("p", 129)),
			PolicyDocument: aws.String(""),
		})
	want(t, "everything at once", err, "400 ValidationError: 4 validation errors detected: "+
		`Value at 'userName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\w+=,.@-]+; `+
		"Value at 'policyName' failed to satisfy constraint: Member must have length less than or equal to 128; "+
		"Value at 'policyDocument' failed to satisfy constraint: Member must have length greater than or equal to 1; "+
		`Value at 'policyDocument' failed to satisfy constraint: Member must satisfy regular expression pattern: [\u0009\u000A\u000D\u0020-\u00FF]+`)
}

// All inline policies of a user together have 2048 characters, white space not counted.
func TestUserPolicySize(t *testing.T) {
	t.Parallel()
	a, c := newAccount(t)
	createUser(t, c, "alice", "/")
	put := func(name, document string) error {
		_, err := c.PutUserPolicy(ctx,
			&awsiam.PutUserPolicyInput{UserName: aws.String("alice"), PolicyName: &name, PolicyDocument: &document})
		return err
	}

	const form = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iam:GetUser","Resource":"arn:aws:iam::*:user/%s"}}`
	sized := func(size int) string { return fmt.Sprintf(form, strings.Repeat("a", size-len(form)+len("%s"))) }
	const over = "409 LimitExceeded: Maximum policy size of 2048 bytes exceeded for user alice"
	must(t, put("one", sized(1000)))
	must(t, put("two", sized(1048)))
	want(t, "a third", put("three", sized(200)), over)
	want(t, "a larger one in place of another", put("two", sized(1049)), over)
	must(t, put("two", strings.ReplaceAll(sized(1048), ",", ",\n\t ")))
	must(t, put("one", sized(848)))
	must(t, put("three", sized(152)))
	quota(t, a, "UserPolicySize", 4000)
	must(t, put("four", sized(1952)))
	want(t, "over what the operator gave", put("four", sized(1953)),
		"409 LimitExceeded: Maximum policy size of 4000 bytes exceeded for user alice")
}

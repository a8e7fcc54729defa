package model_test

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/touchstone-iam/touchstone/awsquery"
	"github.com/touchstone-iam/touchstone/iamapi"
	"github.com/touchstone-iam/touchstone/internal/touchstoneapi"
	"github.com/touchstone-iam/touchstone/stsapi"
)

var services = map[string][]*awsquery.Operation{
	"iam": iamapi.Operations(), "sts": stsapi.Operations(), "touchstone": touchstoneapi.Operations(),
}

// Every operation of the models is there, under an action that its service has.
func TestOperations(t *testing.T) {
	if n, m := len(services["iam"]), len(services["sts"]); n != 180 || m != 12 {
		t.Errorf("%d operations of IAM and %d of STS, want 180 and 12", n, m)
	}

	var unsigned, withoutAction []string
	for service, operations := range services {
		for _, op := range operations {
			if op.Service != service || op.Version == "" || op.Namespace == "" || op.Level == "" {
				t.Errorf("%s: %+v", op.Name, op)
			}
			if op.Action == "" {
				withoutAction = append(withoutAction, op.Name)
			} else if prefix, _, ok := strings.Cut(op.Action, ":"); !ok || prefix != service && service != "touchstone" {
				t.Errorf("%s: action %q", op.Name, op.Action)
			}
			if (op.Output == nil) != (op.ResultWrapper == "") {
				t.Errorf("%s: result element %q", op.Name, op.ResultWrapper)
			}
			if op.Unsigned {
				unsigned = append(unsigned, op.Name)
			}
		}
	}

	if fmt.Sprint(unsigned) != "[AssumeRoleWithSAML AssumeRoleWithWebIdentity]" {
		t.Errorf("unsigned: %v", unsigned)
	}
	if fmt.Sprint(withoutAction) != "[AcquireRole]" {
		t.Errorf("without an action: %v", withoutAction)
	}
}

var kinds = map[awsquery.Kind]reflect.Kind{
	awsquery.String: reflect.String, awsquery.Integer: reflect.Int, awsquery.Boolean: reflect.Bool, awsquery.Sequence: reflect.Slice,
	awsquery.Map: reflect.Map, awsquery.Structure: reflect.Struct,
}

// fits checks that a descriptor is of the type: the codec relies on it.
func fits(t *testing.T, where string, s *awsquery.Shape, goType reflect.Type) {
	t.Helper()
	if goType.Kind() == reflect.Pointer {
		goType = goType.Elem()
	}

	switch s.Kind {
	case awsquery.Timestamp:
		if goType != reflect.TypeFor[time.Time]() {
			t.Errorf("%s: a timestamp in %s", where, goType)
		}
		return
	case awsquery.Blob:
		if goType != reflect.TypeFor[[]byte]() {
			t.Errorf("%s: a blob in %s", where, goType)
		}
		return
	}

	if goType.Kind() != kinds[s.Kind] && (s.Kind != awsquery.Integer || goType.Kind() != reflect.Int32) {
		t.Errorf("%s: kind %d in %s", where, s.Kind, goType)
		return
	}

	switch s.Kind {
	case awsquery.String:
		if s.Sensitive && goType != reflect.TypeFor[awsquery.Secret]() {
			t.Errorf("%s: a secret in %s", where, goType)
		}
	case awsquery.Sequence, awsquery.Map:
		fits(t, where+".member", s.Element, goType.Elem())
	case awsquery.Structure:
		if len(s.Members) != goType.NumField() {
			t.Fatalf("%s: %d members, %d fields", where, len(s.Members), goType.NumField())
		}
		for n, m := range s.Members {
			field := goType.Field(n)
			if !strings.EqualFold(field.Name, m.Name) {
				t.Errorf("%s: member %s in field %s", where, m.Name, field.Name)
			}
			fits(t, where+"."+m.Name, m.Shape, field.Type)
		}
	}
}

func TestDescriptorsFit(t *testing.T) {
	for service, operations := range services {
		for _, op := range operations {
			fits(t, service+":"+op.Name, op.Input, reflect.TypeOf(op.NewInput()))
		}
	}

	for _, out := range []struct {
		op  *awsquery.Operation
		out any
	}{
		{find(t, "iam", "GetAccountAuthorizationDetails"), iamapi.GetAccountAuthorizationDetailsOutput{}},
		{find(t, "iam", "GetAccountSummary"), iamapi.GetAccountSummaryOutput{}},
		{find(t, "iam", "GetMFADevice"), iamapi.GetMFADeviceOutput{}},
		{find(t, "iam", "SimulateCustomPolicy"), iamapi.SimulateCustomPolicyOutput{}},
		{find(t, "iam", "CreateVirtualMFADevice"), iamapi.CreateVirtualMFADeviceOutput{}},
		{find(t, "iam", "AcquireRole"), iamapi.AcquireRoleOutput{}},
		{find(t, "iam", "GetRoleTemplateVersion"), iamapi.GetRoleTemplateVersionOutput{}},
		{find(t, "iam", "GetAccountProperties"), iamapi.GetAccountPropertiesOutput{}},
		{find(t, "sts", "GetScopedCredentials"), stsapi.GetScopedCredentialsOutput{}},
		{find(t, "sts", "AssumeRoleWithSAML"), stsapi.AssumeRoleWithSAMLOutput{}},
		{find(t, "iam", "UpdateRole"), iamapi.UpdateRoleOutput{}},
		{find(t, "sts", "AssumeRole"), stsapi.AssumeRoleOutput{}},
		{find(t, "touchstone", "DescribeUsers"), touchstoneapi.DescribeUsersOutput{}},
		{find(t, "touchstone", "ListSessions"), touchstoneapi.ListSessionsOutput{}},
		{find(t, "touchstone", "ListMFADeviceDetails"), touchstoneapi.ListMFADeviceDetailsOutput{}},
	} {
		fits(t, out.op.Name, out.op.Output, reflect.TypeOf(out.out))
	}
}

func find(t *testing.T, service, name string) *awsquery.Operation {
	t.Helper()
	for _, op := range services[service] {
		if op.Name == name {
			return op
		}
	}
	t.Fatalf("no operation %s:%s", service, name)
	return nil
}

// What the overlay says of members is so in the types.
func TestCorrections(t *testing.T) {
	var reset *bool = iamapi.UpdateLoginProfileInput{}.PasswordResetRequired
	var description *string = iamapi.UpdateRoleInput{}.Description
	var token awsquery.Secret = stsapi.Credentials{}.SessionToken
	var document awsquery.Document = iamapi.Role{}.AssumeRolePolicyDocument
	var issuer awsquery.Secret = stsapi.OriginIdentity{}.Issuer // of a structure that is sensitive as a whole
	var context map[string]awsquery.Secret = stsapi.TransactionContext{}.IdentityProvider
	var hasPassword *bool = touchstoneapi.UserDetail{}.HasPassword
	if reset != nil || description != nil || token != "" || document != "" || issuer != "" || context != nil || hasPassword != nil {
		t.Error("not absent")
	}
	for _, op := range stsapi.Operations() {
		if !op.EchoValues {
			t.Errorf("%s does not show values", op.Name)
		}
	}
}

// Nothing that an answer may hold breaks its encoding: here, nothing at all.
func TestEmptyAnswers(t *testing.T) {
	var b bytes.Buffer
	if err := awsquery.EncodeResponse(&b, find(t, "iam", "UpdateRole"), &iamapi.UpdateRoleOutput{}, "id"); err != nil {
		t.Fatal(err)
	}
	const want = `<UpdateRoleResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><UpdateRoleResult></UpdateRoleResult>` +
		`<ResponseMetadata><RequestId>id</RequestId></ResponseMetadata></UpdateRoleResponse>`
	if b.String() != want {
		t.Errorf("%s", b.String())
	}
}

// TestPages holds the accessors of paged operations to the models: an input that takes Marker and MaxItems tells them, and what
// pages through is a list of the output.
func TestPages(t *testing.T) {
	has := func(s *awsquery.Shape, name string, kind awsquery.Kind) bool {
		return s != nil && slices.ContainsFunc(s.Members, func(m awsquery.Member) bool { return m.Name == name && m.Shape.Kind == kind })
	}
	paged := 0
	for _, operations := range services {
		for _, op := range operations {
			in, ok := op.NewInput().(interface{ Page() (string, int) })
			if want := has(op.Input, "Marker", awsquery.String) && has(op.Input, "MaxItems", awsquery.Integer); ok != want {
				t.Errorf("%s pages: %v, want %v", op.Name, ok, want)
			}
			if len(op.Pages) > 0 && !ok {
				t.Errorf("%s pages through %v and takes no marker", op.Name, op.Pages)
			}
			for _, list := range op.Pages {
				if !has(op.Output, list, awsquery.Sequence) {
					t.Errorf("%s has no list %s", op.Name, list)
				}
			}
			if !ok {
				continue
			}

			paged++
			value := reflect.ValueOf(in).Elem()
			value.FieldByName("Marker").SetString("m")
			value.FieldByName("MaxItems").SetInt(7)
			if marker, size := in.Page(); marker != "m" || size != 7 {
				t.Errorf("%s: page %q, %d", op.Name, marker, size)
			}
		}
	}
	if paged < 30 {
		t.Errorf("only %d operations page", paged)
	}

	var out iamapi.ListUsersOutput
	if out.SetPage("next"); out.Marker != "next" || !out.IsTruncated {
		t.Errorf("%+v", out)
	}
	if out.SetPage(""); out.Marker != "" || out.IsTruncated {
		t.Errorf("%+v", out)
	}
}

// TestAccessors has one input of each accessor.
func TestAccessors(t *testing.T) {
	policy := iamapi.PutRolePolicyInput{RoleName: "r", PolicyName: "p", PolicyDocument: "{}"}
	if policy.Role() != "r" || policy.Policy() != "p" || policy.Document() != "{}" {
		t.Errorf("%+v", policy)
	}

	attached := iamapi.AttachGroupPolicyInput{GroupName: "g", PolicyArn: "a"}
	if attached.Group() != "g" || attached.PolicyARN() != "a" {
		t.Errorf("%+v", attached)
	}

	device := iamapi.EnableMFADeviceInput{UserName: "u", SerialNumber: "s"}
	if device.User() != "u" || device.Device() != "s" {
		t.Errorf("%+v", device)
	}

	tagged := iamapi.TagInstanceProfileInput{InstanceProfileName: "i", Tags: []iamapi.Tag{{Key: "k"}}}
	if tagged.Profile() != "i" || len(tagged.TagList()) != 1 {
		t.Errorf("%+v", tagged)
	}

	untagged := iamapi.UntagUserInput{TagKeys: []string{"k"}}
	if len(untagged.TagNames()) != 1 {
		t.Errorf("%+v", untagged)
	}
	if _, has := any(&iamapi.CreatePolicyInput{}).(interface{ Policy() string }); has {
		t.Error("a managed policy is taken for an inline one")
	}
}

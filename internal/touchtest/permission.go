package touchtest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"
)

// Asker is a user without any permission who calls operations in every way that there is.
type Asker struct {
	account *Account
	Name    string
	ARN     string
	Console *Console
	Client  *awsiam.Client
}

// NewAsker makes a user without any policy, who may do nothing.
func (a *Account) NewAsker(name string) *Asker {
	a.t.Helper()
	u := a.NewUser(name, "")
	return &Asker{a, name, "arn:aws:iam::" + a.ID + ":user/" + name, a.SignIn(u, nil), a.IAM(u.Key)}
}

// Each calls the operation in the console and, when it has a wire form, by AWS's client.
func (u *Asker) Each(o *Operation, check func(way string, err error)) {
	check(o.Name+" in the console", o.Console(u.Console))
	if o.Wire != nil {
		check(o.Name+" by API", o.Wire(u.Client))
	}
}

// refuses demands the same refusal in every way.
func (u *Asker) refuses(t *testing.T, o *Operation, expected string) {
	t.Helper()
	u.Each(o, func(way string, err error) {
		t.Helper()
		if got := Told(err); got != expected {
			t.Errorf("%s: answered %q\nwant %q", way, got, expected)
		}
	})
}

// allows demands that the operation succeeds, or fails with a code of its own: neither a refusal nor a fault.
func (u *Asker) allows(t *testing.T, o *Operation) {
	t.Helper()
	u.Each(o, func(way string, err error) {
		t.Helper()
		if err != nil && !slices.Contains(o.Codes, CodeOf(err)) {
			t.Errorf("%s: answered %q, want success or one of %v", way, Told(err), o.Codes)
		}
	})
}

// CheckPermissions demands of each operation that it is refused without a permission and by an explicit deny, that refusals are in
// AWS's words and recorded without what was asked for, that the action on the resource is enough, and that the tags of the target,
// team=red, can be asked for.
func CheckPermissions(t *testing.T, a *Account, target Target, operations []Operation) {
	asker := a.NewAsker("asker")
	for _, o := range operations {
		asker.refuses(t, &o, o.NotAllowed(asker.ARN))
		checkRefusalRecord(t, a, asker, &o)
	}

	for _, o := range operations {
		a.PutPolicy(asker.Name, fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},
			{"Effect":"Deny","Action":%q,"Resource":%q}]}`, o.Action, o.Resource))
		asker.refuses(t, &o, o.Forbidden(asker.ARN))
	}

	tagged := func(key, value string) string {
		return fmt.Sprintf(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*",
			"Condition":{"StringEquals":{%q:%q}}}}`, key, value)
	}
	tagKeys := []string{"iam:ResourceTag/team", "aws:ResourceTag/team", "aws:ResourceTag/TEAM"}
	for _, key := range tagKeys {
		a.PutPolicy(asker.Name, tagged(key, "blue"))
		for _, o := range operations {
			asker.refuses(t, &o, o.NotAllowed(asker.ARN))
		}
	}

	// From here on the operations are done. Each policy serves for one operation.
	for n, o := range operations {
		only := fmt.Sprintf(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":%q,"Resource":%q}}`, o.Action, o.Resource)
		policies := []string{only}
		if o.Resource == target.ARN() {
			policies = append(policies, tagged(tagKeys[n%len(tagKeys)], "red"))
		}
		slices.Reverse(policies) // the policy that asks for the tag comes first, because the operation may delete the target
		for _, policy := range policies {
			a.PutPolicy(asker.Name, policy)
			asker.allows(t, &o)
			if strings.HasPrefix(o.Name, "Delete") && o.Resource == target.ARN() {
				break // there may be nothing left that has tags
			}
		}
	}
}

// checkRefusalRecord demands that the event of a refusal says who was refused, in the words of the answer, and not what was asked
// for.
func checkRefusalRecord(t *testing.T, a *Account, asker *Asker, o *Operation) {
	t.Helper()
	r := a.LastRecord(o.Event)
	if r.ErrorCode != "AccessDenied" || "403 AccessDenied: "+r.ErrorMessage != o.NotAllowed(asker.ARN) || r.RequestParameters != nil ||
		r.ResponseElements != nil || r.UserIdentity.ARN != asker.ARN {
		t.Errorf("%s: the event is %+v", o.Name, r)
	}
	service, _, _ := strings.Cut(o.Action, ":")
	if source := map[string]string{"iam": "iam.amazonaws.com", "touchstone": "touchstone"}[service]; r.EventSource != source {
		t.Errorf("%s: the event's source is %s", o.Name, r.EventSource)
	}
}

// CheckUndecidable demands that a stored policy that cannot be read makes every operation fail, and that the answer does not show
// it.
func CheckUndecidable(t *testing.T, a *Account, operations []Operation) {
	asker := a.NewAsker("asker")
	a.PutPolicy(asker.Name, AdminPolicy)
	a.BreakPolicy(asker.Name)
	const words = "500 ServiceFailure: The request processing has failed because of an unknown error, exception or failure. Request id: "
	for _, o := range operations {
		asker.Each(&o, func(way string, err error) {
			if got := Told(err); !strings.HasPrefix(got, words) || len(got) > len(words)+36 {
				t.Errorf("%s: answered %q", way, got)
			}
			if r := a.LastRecord(o.Event); r.ErrorCode != "ServiceFailure" {
				t.Errorf("%s: the event is %+v", way, r)
			}
		})
	}
}

// CheckTable demands that the operations, together with the others by their names, are exactly those that are defined, where each
// is written service:Name.
func CheckTable(t *testing.T, defined []string, operations []Operation, others ...string) {
	t.Helper()
	tested := slices.Clone(others)
	for _, o := range operations {
		tested = append(tested, o.Name)
	}
	for _, each := range defined {
		_, name, _ := strings.Cut(each, ":")
		if n := slices.Index(tested, name); n >= 0 {
			tested = slices.Delete(tested, n, n+1)
		} else {
			t.Errorf("no test asks whether %s is authorised", each)
		}
	}
	if len(tested) > 0 {
		t.Errorf("tested and not defined: %v", tested)
	}
}

// CheckSecrecy demands that a user who may do nothing, or has permissions for something else only, reads the same words whether the
// thing that an operation is about exists or not. operations returns the operations about a target.
func CheckSecrecy(t *testing.T, a *Account, operations func(Target) []Operation) {
	admin := a.SetUpRoot()
	victim := a.NewTarget(t, admin, "Victim")
	hide := &awsiam.UpdateUserInput{UserName: &victim.Name, NewPath: ptr("/payroll/hidden/")}
	if _, err := a.IAM(a.Root).UpdateUser(t.Context(), hide); err != nil {
		t.Fatal(err)
	}
	asker := a.NewAsker("asker")

	// Spellings of the victim's name and a name that nobody has, each with the victim's key and device and with none that exist. The
	// path is that of ARNs: the victim's, and another.
	var about []Target
	for _, each := range [][2]string{
		{"Victim", "/"},
		{"victim", "/"},
		{"nobody", "/"},
		{"Victim", "/payroll/hidden/"},
		{"VICTIM", "/payroll/hidden/"},
		{"nobody", "/payroll/hidden/"},
	} {
		name, path := each[0], each[1]
		noDevice := "arn:aws:iam::" + a.ID + ":u2f/user/" + name + "/key-AAAAAAAAAAAAAAAAAAAAAAAAAA"
		about = append(about,
			Target{name, path, victim.AccessKeyID, victim.Serial, a.ID}, Target{name, path, "AKIAAAAAAAAAAAAAAAAA", noDevice, a.ID})
	}

	for what, policy := range map[string]string{
		"no policy":              "",
		"policies of other work": `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["s3:*","sts:*"],"Resource":"*"}}`,
		"permissions on another path": `{"Version":"2012-10-17","Statement":[
			{"Effect":"Allow","Action":"*","Resource":"arn:aws:iam::*:user/known/*"},
			{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"iam:ResourceTag/team":"blue"}}}]}`,
	} {
		if policy != "" {
			a.PutPolicy(asker.Name, policy)
		}
		for _, target := range about {
			for _, o := range operations(target) {
				asker.Each(&o, func(way string, err error) {
					if got, expected := Told(err), o.NotAllowed(asker.ARN); got != expected {
						t.Errorf("with %s, %s about %+v: answered %q\nwant %q", what, way, target, got, expected)
					}
				})
			}
		}
	}
}

func ptr[T any](v T) *T { return &v }

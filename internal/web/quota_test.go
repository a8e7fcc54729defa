package web_test

import (
	"net/http"
	"regexp"
	"strconv"
	"sync/atomic"
	"testing"

	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/touchstone-iam/touchstone/internal/softkey"
	"github.com/touchstone-iam/touchstone/internal/touchtest"
)

// setQuota gives an account another value of a quota, as the operator does.
func setQuota(t *testing.T, a *touchtest.Account, name string, value int) {
	t.Helper()
	if err := a.Server.State.Operator().SetQuota(t.Context(), a.ID, name, value); err != nil {
		t.Fatal(err)
	}
}

// TestAccessKeyQuota makes as many keys in the console as the operator allows, however many that is.
func TestAccessKeyQuota(t *testing.T) {
	t.Parallel()
	s := touchtest.Start(t, nil)
	a := s.NewAccount(t)
	b := signedIn(t, s, a.SetUpRoot())
	b.post("/console/users/create", "UserName", "bob")
	const page, form = "/console/user?name=bob&tab=security-credentials", "/console/access-key/create?user=bob"

	keys := func() int {
		t.Helper()
		bob := "bob"
		out, err := a.IAM(a.Root).ListAccessKeys(t.Context(), &awsiam.ListAccessKeysInput{UserName: &bob})
		if err != nil {
			t.Fatal(err)
		}
		return len(out.AccessKeyMetadata)
	}
	create := func() *answer {
		t.Helper()
		known := regexp.MustCompile(`name="known" value="([^"]*)"`).FindStringSubmatch(b.get(form).body)
		if known == nil {
			t.Fatal("the form does not name the keys that there are")
		}
		return b.post(form, "Understood", "yes", "known", known[1])
	}
	const disabled = `disabled>Create access key</button>`

	setQuota(t, a, "AccessKeysPerUser", 5)
	b.get(page).has(t, "A user can have up to 5 access keys.")
	for n := range 5 {
		b.get(form).lacks(t, disabled)
		create().has(t, "data-access-key")
		if got := keys(); got != n+1 {
			t.Fatalf("%d keys, want %d", got, n+1)
		}
	}
	b.get(page).has(t, `disabled aria-describedby="keys-limit">Create access key`)
	b.get(form).has(t, "A user can have up to 5 access keys. Delete one first.", disabled)
	create().has(t, "The limit of access keys of a user is 5, and it has been reached.")

	// A quota that was lowered takes no key away, and allows none.
	setQuota(t, a, "AccessKeysPerUser", 1)
	b.get(page).has(t, "A user can have up to 1 access key.", `disabled aria-describedby="keys-limit">Create access key`)
	b.get(form).has(t, "A user can have up to 1 access key. Delete one first.", disabled)
	create().has(t, "The limit of access keys of a user is 1, and it has been reached.")
	if got := keys(); got != 5 {
		t.Errorf("%d keys, want the 5 that there were", got)
	}

	setQuota(t, a, "AccessKeysPerUser", 0)
	got := b.get(form)
	got.has(t, "Access keys are switched off for this account.", disabled)
	got.lacks(t, "Delete one first")
}

// TestDeviceQuota assigns as many devices in the console as the operator allows.
func TestDeviceQuota(t *testing.T) {
	t.Parallel()
	s := touchtest.Start(t, nil)
	a := s.NewAccount(t)
	root := a.SetUpRoot()
	a.NewUser("bob", "")
	b := signedIn(t, s, root)
	const page, form = "/console/user?name=bob&tab=security-credentials", "/console/mfa/assign?user=bob"
	const disabled = `disabled>Next</button>`

	setQuota(t, a, "MFADevicesPerUser", 10)
	b.get(page).has(t, "A user can have up to 10 MFA devices.")
	for n := range 10 {
		b.get(form).lacks(t, disabled)
		got := assign(b, softkey.New(), "bob", "key-"+strconv.Itoa(n))
		got.has(t, strconv.Itoa(n+1)+" of 10 MFA devices are registered", "key-"+strconv.Itoa(n))
	}
	b.get(form).has(t, "A user can have up to 10 MFA devices. Remove one first.", disabled)
	b.get("/console/mfa/set-up?user=bob&device=eleventh").has(t, "The limit of MFA devices of a user is 10, and it has been reached.")

	setQuota(t, a, "MFADevicesPerUser", 1)
	b.get(page).has(t, "A user can have up to 1 MFA device. Remove one to assign another.", "key-9")
	b.get(form).has(t, "A user can have up to 1 MFA device. Remove one first.", disabled)

	setQuota(t, a, "MFADevicesPerUser", 0)
	b.get(form).has(t, "MFA devices are switched off for this account.", disabled)
}

// TestTagQuota gives a new user as many tags in the console as the operator allows. A tag that is too many is refused: it is not
// left out.
func TestTagQuota(t *testing.T) {
	t.Parallel()
	s := touchtest.Start(t, nil)
	a := s.NewAccount(t)
	b := signedIn(t, s, a.SetUpRoot())
	const form = "/console/users/create"
	user := func(name string, tags int, more ...string) []string {
		fields := append([]string{"UserName", name}, more...)
		for n := range tags {
			fields = append(fields, "TagKey", "key-"+strconv.Itoa(n), "TagValue", "v")
		}
		return fields
	}

	setQuota(t, a, "TagsPerUser", 3)
	b.get(form).has(t, "Up to 3 tags")
	b.post(form, user("bob", 2, "AddTag", "yes")...).has(t, `id="key-3"`)
	b.post(form, user("bob", 3)...).has(t, "The user bob is created.")
	b.get("/console/user?name=bob&tab=tags").has(t, "key-0", "key-1", "key-2")

	// The quota is lowered while a form is filled in.
	b.get(form).has(t, "Add new tag")
	setQuota(t, a, "TagsPerUser", 1)
	got := b.post(form, user("carol", 3)...)
	got.has(t, "The limit of tags of a user is 1, and it has been reached.", `value="key-2"`)
	got.lacks(t, "Add new tag")
	if got := b.get("/console/user?name=carol"); got.status != http.StatusNotFound {
		t.Errorf("carol is made without the tags that were typed: %d", got.status)
	}

	setQuota(t, a, "TagsPerUser", 0)
	got = b.get(form)
	got.has(t, "Tags are switched off for this account.")
	got.lacks(t, "Add new tag")
}

// TestSnapshots holds how many snapshots of the database each main page opens: one to admit the visit, one for the account, one
// for the notices, and one for each operation that the page calls. A page that reads something twice opens more.
func TestSnapshots(t *testing.T) {
	t.Parallel()
	s := touchtest.Start(t, nil)
	a := s.NewAccount(t)
	alice := a.NewUser("alice", touchtest.AdminPolicy) // with an access key
	b := signedIn(t, s, a.SignIn(alice, nil))
	b.get("/console/") // which shows the notices that there are

	var opened atomic.Int64
	s.State.Store.OnView(func() { opened.Add(1) })
	for _, page := range []struct {
		path string
		want int64
	}{
		{"/console/", 5},
		{"/console/security-credentials", 9},
		{"/console/password", 3},
		{"/console/alias", 3},
		{"/console/users", 4},
		{"/console/users/create", 3},
		{"/console/user?name=alice", 10},
		{"/console/user?name=alice&tab=tags", 9},
		{"/console/user?name=alice&tab=security-credentials", 9},
		{"/console/user/policy?name=alice", 3},
		{"/console/user/policy?name=alice&policy=test", 5},
		{"/console/user/delete?name=alice", 8},
		{"/console/mfa/assign", 4},
		{"/console/access-key/create", 4},
		{"/console/simulator?name=alice", 5},
	} {
		opened.Store(0)
		got := b.get(page.path)
		if got.status != http.StatusOK {
			t.Errorf("%s: %d", page.path, got.status)
		}
		if n := opened.Load(); n != page.want {
			t.Errorf("%s opens %d snapshots, want %d", page.path, n, page.want)
		}
	}
}

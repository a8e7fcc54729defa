package web_test

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/touchstone-iam/touchstone/internal/touchtest"
)

const simulator, validate = "/console/simulator", "/console/validate"

// TestSimulatorKeepsWhatWasTyped: whatever button is pressed and whatever is wrong, the whole form is there again.
func TestSimulatorKeepsWhatWasTyped(t *testing.T) {
	t.Parallel()
	s := touchtest.Start(t, nil)
	a := s.NewAccount(t)
	b := signedIn(t, s, a.SetUpRoot())
	a.NewUser("alice", touchtest.FIDOPagePolicy)
	typed := []string{
		"UserName", "alice", "Exclude", "other", "Exclude", "test", "Policy1", "{\r\n  one", "Policy2", "two", "Boundary", "{ bound", "ResourcePolicy", "{ res",
		"ResourceOwner", "owner!", "CallerArn", "caller!", "Actions", "iam:GetUser\r\niam:Nothing", "Resources", "arn:aws:iam::1:user/x\r\ny",
		"KeyName1", "aws:MultiFactorAuthPresent", "KeyType1", "booleanList", "KeyValue1", "true\r\nfalse",
		"KeyName2", "aws:username", "KeyType2", "string", "KeyValue2", "<b>alice",
	}
	kept := []string{
		`value="alice"`, `value="test" checked`, ">\n{\n  one</textarea>", ">\ntwo</textarea>", ">\n{ bound</textarea>", ">\n{ res</textarea>", `<details class="ts-disclosure" open>`,
		`value="owner!"`, `value="caller!"`, "iam:GetUser\niam:Nothing", "arn:aws:iam::1:user/x\ny</textarea>",
		`value="aws:MultiFactorAuthPresent"`, "<option selected>booleanList", ">\ntrue\nfalse</textarea>", ">\n&lt;b&gt;alice</textarea>",
	}
	for _, mode := range []string{"existing", "new"} {
		for _, button := range [][]string{{}, {"Do", "keys"}, {"Do", "clear"}, {"Do", "add-policy"}, {"Do", "add-action"}, {"Check", "Policy1"}, {"Marker", "hostile"}, {"Do", "nonsense"}} {
			got := b.post(simulator, append(append([]string{"Mode", mode}, button...), typed...)...)
			if got.status != http.StatusOK || got.path != simulator {
				t.Errorf("%s, %q: %d at %s", mode, button, got.status, got.path)
			}
			got.has(t, kept...)
			got.has(t, `value="`+mode+`" aria-describedby="mode-`+mode+`-help" checked`)
			got.lacks(t, `id="results"`, "<b>alice")
		}
	}
}

// TestSimulatorProblems: what is wrong stands at the field that it is about.
func TestSimulatorProblems(t *testing.T) {
	t.Parallel()
	s := touchtest.Start(t, nil)
	a := s.NewAccount(t)
	b := signedIn(t, s, a.SetUpRoot())
	a.NewUser("alice", touchtest.AdminPolicy)
	lines := func(n int, format string) string {
		var all []string
		for k := range n {
			all = append(all, fmt.Sprintf(format, k))
		}
		return strings.Join(all, "\n")
	}
	existing := []string{"Mode", "existing", "UserName", "alice", "Actions", "iam:GetUser"}
	pasted := []string{"Mode", "new", "Policy1", "", "Policy2", touchtest.AdminPolicy, "Actions", "iam:GetUser"}
	for _, test := range []struct {
		name        string
		form        []string
		field, text string
	}{
		{"no user", []string{"Mode", "existing", "Actions", "iam:GetUser"}, "username", "Choose a user."},
		{"unknown user", []string{"Mode", "existing", "UserName", "nobody", "Actions", "iam:GetUser"}, "username", "nobody cannot be found"},
		{"unknown ARN", []string{"Mode", "existing", "UserName", "arn:aws:iam::" + a.ID + ":user/x/nobody", "Actions", "iam:GetUser"}, "username", "cannot be found"},
		{"not a user's name", []string{"Mode", "existing", "UserName", "a b", "Actions", "iam:GetUser"}, "username", ""},
		{"no policy", []string{"Mode", "new", "Policy1", " \n", "Actions", "iam:GetUser"}, "policy1", "Paste a policy."},
		{"no action", []string{"Mode", "existing", "UserName", "alice", "Actions", ", \n"}, "actions", "Enter an action."},
		{"not an action", []string{"Mode", "existing", "UserName", "alice", "Actions", "iam:GetUser, GetUser"}, "actions", "“GetUser” is not of the form"},
		{"a wildcard", []string{"Mode", "existing", "UserName", "alice", "Actions", "iam:Get*"}, "actions", "has a wildcard"},
		{"a long action", []string{"Mode", "existing", "UserName", "alice", "Actions", "iam:" + strings.Repeat("x", 200)}, "actions", "128"},
		{"too many actions", []string{"Mode", "existing", "UserName", "alice", "Actions", lines(1001, "iam:A%d")}, "actions", "At most 1,000 actions"},
		{"too many resources", append(existing, "Resources", lines(201, "arn:aws:s3:::b%d")), "resources", "At most 200 resources"},
		{"not a resource", append(existing, "Resources", "bucket"), "resources", "neither an ARN"},
		{"not a policy", append([]string{"Mode", "new", "Policy1", "", "Policy2", touchtest.AdminPolicy, "Policy3", "{"}, "Actions", "iam:GetUser"), "policy3", "Line 1, column 2"},
		{"not a boundary", append(existing, "Boundary", "{}"), "boundary", ""},
		{"a boundary's keys", append(existing, "Boundary", "{}", "Do", "keys"), "boundary", ""},
		{"not a resource policy", append(existing, "ResourcePolicy", "{}"), "resourcepolicy", ""},
		{"no caller", append(pasted, "ResourcePolicy", `{"Version":"2012-10-17","Statement":[]}`), "callerarn", ""},
		{"not a caller", append(existing, "CallerArn", "me"), "callerarn", ""},
		{"not an owner", append(existing, "ResourceOwner", "me"), "resourceowner", ""},
		{"not a boolean", append(existing, "KeyName1", "aws:username", "KeyType1", "string", "KeyValue1", "",
			"KeyName2", "aws:MultiFactorAuthPresent", "KeyType2", "boolean", "KeyValue2", "perhaps"), "keyvalue2", "perhaps"},
		{"two booleans", append(existing, "KeyName1", "aws:MultiFactorAuthPresent", "KeyType1", "boolean", "KeyValue1", "true\nfalse"), "keyvalue1", "booleanList"},
		{"no type", append(existing, "KeyName1", "aws:MultiFactorAuthPresent", "KeyType1", "hostile", "KeyValue1", "true"), "keyvalue1", ""},
	} {
		got := b.post(simulator, test.form...)
		if got.status != http.StatusOK {
			t.Errorf("%s: %d", test.name, got.status)
		}
		got.lacks(t, `id="results"`, "PolicyInputList.")
		at := regexp.MustCompile(`id="field-` + test.field + `-error"><svg.*?</svg><span>([^<]*)</span>`).FindStringSubmatch(got.body)
		if at == nil || !strings.Contains(at[1], test.text) {
			t.Errorf("%s: at the field %s is %q, want %q:\n%s", test.name, test.field, at, test.text, got.text())
		}
	}
}

// TestSimulatorResults: what is decided, for whom, with which keys, page by page.
func TestSimulatorResults(t *testing.T) {
	t.Parallel()
	s := touchtest.Start(t, nil)
	a := s.NewAccount(t)
	b := signedIn(t, s, a.SetUpRoot())
	a.NewUser("alice", touchtest.FIDOPagePolicy)
	own := "arn:aws:iam::" + a.ID + ":user/alice"
	const allowed, denied, implicit = `data-decision="allowed"`, `data-decision="explicitDeny"`, `data-decision="implicitDeny"`
	deactivate := []string{"Mode", "existing", "UserName", "alice", "Resources", own, "AddAction", "iam:DeactivateMFADevice"}
	mfa := func(value string) []string {
		return append(deactivate, "KeyName1", "aws:MultiFactorAuthPresent", "KeyType1", "boolean", "KeyValue1", value)
	}
	without := b.post(simulator, mfa("false")...)
	without.has(t, denied, `<mark id="statement-1-3-2" data-effect="deny">`, `href="#statement-1-3-2"`, "DenyAllExceptListedIfNoMFA", ">\niam:DeactivateMFADevice</textarea>")
	without.lacks(t, allowed, "#field-keyvalue1")
	b.post(simulator, mfa("true")...).has(t, allowed, `<mark id="statement-1-2-2" data-effect="allow">`)
	b.post(simulator, mfa("")...).has(t, denied, `<a class="ts-mono ts-target" href="#field-keyvalue1">aws:MultiFactorAuthPresent</a>`)
	b.post(simulator, append(deactivate, "Exclude", "test")...).has(t, implicit, "No statement allows it.")
	b.post(simulator, "Mode", "existing", "UserName", own, "Actions", "iam:GetUser", "Resources", own).has(t, allowed, "Inline policy of user <strong class=\"ts-break\">alice</strong>")
	b.post(simulator, "Mode", "new", "Policy1", touchtest.AdminPolicy, "Actions", "iam:GetUser").has(t, allowed, `<td data-label="Resource" class="ts-mono">*</td>`, "1 allowed, 0 denied.")

	// Two hundred results fit on a page, here one action's.
	var resources []string
	for n := range 150 {
		resources = append(resources, fmt.Sprintf("arn:aws:s3:::b/%d", n))
	}
	form := []string{"Mode", "new", "Policy1", touchtest.AdminPolicy, "Actions", "s3:GetObject,s3:PutObject", "Resources", strings.Join(resources, "\n")}
	first := b.post(simulator, form...)
	first.has(t, "Results <span class=\"ts-count\">(150)", "There are more results than fit on this page", "GetObject</td>")
	first.lacks(t, "PutObject</td>", "First page")
	marker := regexp.MustCompile(`name="Marker" value="([^"]+)"`).FindStringSubmatch(first.body)
	if marker == nil {
		t.Fatal("there is no way to the next page")
	}
	second := b.post(simulator, append(form, "Marker", unescape(marker[1]))...)
	second.has(t, "PutObject</td>", "These are the last results.", "First page")
	second.lacks(t, "GetObject</td>", `name="Marker"`)

	got := b.post(simulator, "Mode", "new", "Policy1", "", "Do", "add-policy")
	got.has(t, `id="field-policy2"`)
	for n := 2; n <= 10; n++ {
		form = append(form, fmt.Sprintf("Policy%d", n), "")
	}
	b.post(simulator, append(form, "Do", "add-policy", "Policy11", "hostile")...).lacks(t, "field-policy11", "hostile", "Add another policy")
	if got := b.post(simulator, "Policy1", strings.Repeat("x", 513<<10)); got.status != http.StatusRequestEntityTooLarge {
		t.Errorf("a form of 513 KiB: %d", got.status)
	}
}

// TestSimulatorPermissions: each part shows what its reader may see, and the rest goes on.
func TestSimulatorPermissions(t *testing.T) {
	t.Parallel()
	s := touchtest.Start(t, nil)
	a := s.NewAccount(t)
	a.NewUser("alice", touchtest.FIDOPagePolicy)
	as := func(policy string) *browser {
		name := "reader-" + url.QueryEscape(fmt.Sprint(len(policy)))
		return signedIn(t, s, a.SignIn(a.NewUser(name, policy), nil))
	}
	may := func(actions string) string {
		return `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":[` + actions + `],"Resource":"*"}}`
	}
	ask := []string{"Mode", "existing", "UserName", "alice", "Actions", "iam:ListUsers"}
	nobody := as("")
	nobody.post(simulator, ask...).has(t, "You need permissions", "iam:SimulatePrincipalPolicy", `value="alice"`)
	nobody.post(simulator, append(ask, "Do", "keys")...).has(t, "iam:GetContextKeysForPrincipalPolicy")
	nobody.get(simulator).lacks(t, "<option value=\"alice\">", "You need permissions")
	nobody.post(simulator, "Mode", "new", "Policy1", touchtest.AdminPolicy, "Actions", "iam:ListUsers").has(t, "iam:SimulateCustomPolicy")

	blind := as(may(`"iam:SimulatePrincipalPolicy"`))
	got := blind.post(simulator, ask...)
	got.has(t, `data-decision="explicitDeny"`, "test, line 3", "Line 3, column 2: <strong>denies</strong>", "The text of the policy is not shown.", "iam:GetUserPolicy",
		`href="#field-keyvalue1">aws:MultiFactorAuthPresent`)
	got.lacks(t, "<mark", "DenyAllExceptListedIfNoMFA")

	// A form cannot be within another: it would end it.
	form, _, _ := strings.Cut(got.body[strings.Index(got.body, `id="simulator"`):], "</form>")
	if strings.Contains(form, "<form") || !strings.Contains(form, "Run simulation") {
		t.Errorf("there is a form in the form:\n%s", form)
	}

	reader := as(may(`"iam:SimulatePrincipalPolicy","iam:GetUserPolicy","iam:ListUsers"`))
	reader.post(simulator, ask...).has(t, `<option value="alice">`, "<mark", "iam:ListUserPolicies")
}

// TestValidate answers an editor's script with the findings as the page has them.
func TestValidate(t *testing.T) {
	t.Parallel()
	s := touchtest.Start(t, nil)
	a := s.NewAccount(t)
	b := signedIn(t, s, a.SetUpRoot())
	const document = "{\n \"Version\": \"2012-10-17\",\n \"Statement\": [{\"Effect\": \"Allow\", \"Action\": \"iam:Fly\", \"Resource\": \"*\"}]}"
	got := b.post(validate, "Field", "PolicyDocument", "Document", document)
	got.has(t, "1 error.", "of 2,048 characters", `data-line="3" data-column="46"`, "service iam has no action Fly", `href="#field-policydocument"`)
	got.lacks(t, "<html", "<form")
	page := b.post("/console/user/policy?name=alice", "Check", "PolicyDocument", "PolicyDocument", document)
	page.has(t, strings.TrimSpace(got.body))
	page.lacks(t, "is saved")
	for field, attached := range map[string]string{"Policy7": "of 10,240 characters", "Boundary": "of 6,144 characters", "ResourcePolicy": " characters"} {
		b.post(validate, "Field", field, "Document", document).has(t, attached, `href="#field-`+strings.ToLower(field)+`"`)
	}
	b.post(validate, "Field", "PolicyDocument", "Document", "").lacks(t, "error", "characters")
	b.post(validate, "Field", "PolicyDocument", "Document", strings.Replace(document, "iam:Fly", strings.Repeat("x", 3000), 1)).has(t, "may have 2048")
	b.post(validate, "Field", "PolicyDocument", "Document", "<script>alert(1)</script>").lacks(t, "<script")
	for _, form := range [][]string{{}, {"Field", "UserName", "Document", "{}"}, {"Field", `"><script>`, "Document", "{}"}} {
		if got := b.post(validate, form...); got.status != http.StatusBadRequest || strings.Contains(got.body, "data-findings") {
			t.Errorf("%q: %d", form, got.status)
		}
	}
	if got := b.post(validate, "Field", "PolicyDocument", "Document", strings.Repeat("x", 193<<10)); got.status != http.StatusRequestEntityTooLarge {
		t.Errorf("too large: %d", got.status)
	}
	for _, name := range []string{validate, simulator} {
		r, err := http.NewRequest(http.MethodPost, s.URL+name, strings.NewReader("Field=PolicyDocument&Document=%7B%7D"))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		if got := b.send(r); got.status != http.StatusForbidden {
			t.Errorf("%s from another site: %d", name, got.status)
		}
	}
	b.post("/auth/sign-out")
	if got := b.post(validate, "Field", "PolicyDocument", "Document", document); strings.Contains(got.path, "validate") || strings.Contains(got.body, "data-findings") {
		t.Errorf("without a session: at %s", got.path)
	}
}

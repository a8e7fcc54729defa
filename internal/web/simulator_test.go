package web_test

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/touchstone-iam/touchstone/internal/server"
	"github.com/touchstone-iam/touchstone/internal/touchtest"
	"github.com/touchstone-iam/touchstone/policy"
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
		"UserName", "alice", "Shown", "alice", "Exclude", "other", "Exclude", "test", "Policy1", "{\r\n  one", "Policy2", "two",
		"Boundary", "{ bound", "ResourcePolicy", "{ res",
		"ResourceOwner", "owner!", "CallerArn", "caller!", "Actions", "iam:GetUser\r\niam:Nothing", "Resources",
		"arn:aws:iam::1:user/x\r\ny",
		"KeyName1", "aws:MultiFactorAuthPresent", "KeyType1", "booleanList", "KeyValue1", "true\r\nfalse",
		"KeyName2", "aws:username", "KeyType2", "string", "KeyValue2", "<b>alice",
	}

	kept := []string{
		`value="alice"`, `value="test" checked`, ">\n{\n  one</textarea>", ">\ntwo</textarea>", ">\n{ bound</textarea>",
		">\n{ res</textarea>", `<details class="ts-disclosure" open>`,
		`value="owner!"`, `value="caller!"`, "iam:GetUser\niam:Nothing", "arn:aws:iam::1:user/x\ny</textarea>",
		`value="aws:MultiFactorAuthPresent"`, "<option selected>booleanList", ">\ntrue\nfalse</textarea>", ">\n&lt;b&gt;alice</textarea>",
	}

	for _, mode := range []string{"existing", "new"} {
		for _, button := range [][]string{
			{},
			{"Do", "keys"},
			{"Do", "clear"},
			{"Do", "add-policy"},
			{"Do", "add-action"},
			{"Check", "Policy1"},
			{"Marker", "hostile"},
			{"Do", "nonsense"},
		} {
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
		{
			"unknown user",
			[]string{"Mode", "existing", "UserName", "nobody", "Actions", "iam:GetUser"},
			"username",
			"nobody cannot be found",
		},
		{
			"unknown ARN",
			[]string{"Mode", "existing", "UserName", "arn:aws:iam::" + a.ID + ":user/x/nobody", "Actions", "iam:GetUser"},
			"username", "cannot be found",
		},
		{
			"a group",
			[]string{"Mode", "existing", "UserName", "arn:aws:iam::" + a.ID + ":group/alice", "Actions", "iam:GetUser"},
			"username", "not the ARN of a user",
		},
		{
			"not a user's name",
			[]string{"Mode", "existing", "UserName", "a b", "Actions", "iam:GetUser"},
			"username",
			"This is not the name of a user",
		},
		{
			"not a user's name for the keys",
			[]string{"Mode", "existing", "UserName", "a b", "Do", "keys"},
			"username",
			"This is not the name of a user",
		},
		{"no policy", []string{"Mode", "new", "Policy1", " \n", "Actions", "iam:GetUser"}, "policy1", "Paste a policy."},
		{"no action", []string{"Mode", "existing", "UserName", "alice", "Actions", ", \n"}, "actions", "Enter an action."},
		{
			"not an action",
			[]string{"Mode", "existing", "UserName", "alice", "Actions", "iam:GetUser, GetUser"},
			"actions",
			"“GetUser” is not of the form",
		},
		{"a wildcard", []string{"Mode", "existing", "UserName", "alice", "Actions", "iam:Get*"}, "actions", "has a wildcard"},
		{
			"a long action",
			[]string{"Mode", "existing", "UserName", "alice", "Actions", "iam:" + strings.Repeat("x", 125)},
			"actions",
			"longer than the 128 characters",
		},
		{
			"many services",
			[]string{"Mode", "existing", "UserName", "alice", "Actions", "iam:*, sts:*; " + lines(900, "jobs:A%d")},
			"actions", "At most 1,000 actions",
		},
		{
			"the actions of an unknown service",
			[]string{"Mode", "existing", "UserName", "alice", "Actions", "jobs:*"},
			"actions",
			"has a wildcard",
		},
		{"the next page of other actions", append(existing, "Marker", "0123 abcd"), "actions", "Press Run simulation."},
		{
			"too many actions",
			[]string{"Mode", "existing", "UserName", "alice", "Actions", lines(1001, "iam:A%d")},
			"actions",
			"At most 1,000 actions",
		},
		{"too many resources", append(existing, "Resources", lines(201, "arn:aws:s3:::b%d")), "resources", "At most 200 resources"},
		{
			"a long resource", append(existing, "Resources", "arn:aws:s3:::"+strings.Repeat("x", 2048)), "resources",
			"at most 2,048 characters",
		},
		{"not a resource", append(existing, "Resources", "bucket"), "resources", "neither an ARN"},
		{"not a policy", append([]string{"Mode", "new", "Policy1", "", "Policy2", touchtest.AdminPolicy, "Policy3", "{"}, "Actions",
			"iam:GetUser"), "policy3", "Line 1, column 2"},
		{
			"a character of no policy",
			[]string{"Mode", "new", "Policy1", strings.Replace(touchtest.AdminPolicy, "{", "{\u2028", 1), "Actions", "iam:GetUser"},
			"policy1", "What is found below",
		},
		{
			"a long policy",
			[]string{"Mode", "new", "Policy1", touchtest.AdminPolicy + strings.Repeat(" ", 128<<10), "Actions", "iam:GetUser"},
			"policy1",
			"longer than a policy may be",
		},
		{"a character of no boundary", append(existing, "Boundary", "\U0001F600"), "boundary", "What is found below"},
		{"a character of no resource policy", append(existing, "ResourcePolicy", "\U0001F600"), "resourcepolicy", "What is found below"},
		{"not a boundary", append(existing, "Boundary", "{}"), "boundary", ""},
		{"a boundary's keys", append(existing, "Boundary", "{}", "Do", "keys"), "boundary", ""},
		{"not a resource policy", append(existing, "ResourcePolicy", "{}"), "resourcepolicy", ""},
		{"no caller", append(pasted, "ResourcePolicy", `{"Version":"2012-10-17","Statement":[]}`), "callerarn", ""},
		{"not a caller", append(existing, "CallerArn", "me"), "callerarn", ""},
		{"not an owner", append(existing, "ResourceOwner", "me"), "resourceowner", ""},
		{"not a boolean", append(existing, "KeyName1", "aws:username", "KeyType1", "string", "KeyValue1", "",
			"KeyName2", "aws:MultiFactorAuthPresent", "KeyType2", "boolean", "KeyValue2", "perhaps"), "keyvalue2", "perhaps"},
		{
			"two booleans", append(existing, "KeyName1", "aws:MultiFactorAuthPresent", "KeyType1", "boolean", "KeyValue1", "true\nfalse"),
			"keyvalue1", "booleanList",
		},
		{
			"no type", append(existing, "KeyName1", "aws:MultiFactorAuthPresent", "KeyType1", "hostile", "KeyValue1", "true"), "keyvalue1",
			"Choose a type.",
		},
		{"a name within another", append(existing, "KeyName1", "aws:user", "KeyType1", "string", "KeyValue1", "1",
			"KeyName2", "aws:username", "KeyType2", "boolean", "KeyValue2", "perhaps"), "keyvalue2", "perhaps"},
		{"a key twice", append(existing, "KeyName1", "aws:user", "KeyType1", "string", "KeyValue1", "1", "KeyName2", "AWS:USER",
			"KeyType2", "string", "KeyValue2", "1"), "keyvalue2", "there twice"},
		{
			"a short key", append(existing, "KeyName1", "a:b", "KeyType1", "string", "KeyValue1", "1"), "keyvalue1",
			"keys of 5 to 256 characters; this one has 3",
		},
		{
			"a long key", append(existing, "KeyName1", "s3:"+strings.Repeat("k", 300), "KeyType1", "string", "KeyValue1", "1"), "keyvalue1",
			"keys of 5 to 256 characters; this one has 303",
		},
	} {
		got := b.post(simulator, test.form...)
		if got.status != http.StatusOK {
			t.Errorf("%s: %d", test.name, got.status)
		}
		got.lacks(t, `id="results"`, "PolicyInputList.", "validation error")
		if test.field == "username" {
			got.lacks(t, "no policies", "Policies of")
		}
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
	without.has(t, denied, `<mark id="statement-1-3-2" data-effect="deny">`, `href="#statement-1-3-2"`, "DenyAllExceptListedIfNoMFA",
		">\niam:DeactivateMFADevice</textarea>")
	without.lacks(t, allowed, "#field-keyvalue1")
	b.post(simulator, mfa("true")...).has(t, allowed, `<mark id="statement-1-2-2" data-effect="allow">`)
	b.post(simulator, mfa("")...).has(t, denied,
		`<a class="ts-key-name ts-target" href="#field-keyvalue1">aws:<wbr>Multi<wbr>Factor<wbr>Auth<wbr>Present</a>`)
	b.post(simulator, append(deactivate, "Shown", "Alice", "Exclude", "test")...).has(t, implicit, "No statement allows it.")
	b.post(simulator, append(deactivate, "Shown", "bob", "Exclude", "test")...).has(t, denied)
	b.post(simulator, "Mode", "existing", "UserName", own, "Actions", "iam:GetUser", "Resources", own).has(t, allowed,
		"Inline policy of user <strong class=\"ts-break\">alice</strong>")
	b.post(simulator, "Mode", "new", "Policy1", touchtest.AdminPolicy, "Actions", "iam:GetUser").has(t, allowed,
		`<td data-label="Resource" class="ts-mono">*</td>`, "1 allowed, 0 denied.")

	// Two hundred results fit on a page, here one action's.
	var resources []string
	for n := range 150 {
		resources = append(resources, fmt.Sprintf("arn:aws:s3:::b/%d", n))
	}
	form := []string{
		"Mode", "new", "Policy1", touchtest.AdminPolicy, "Actions", "s3:GetObject,s3:PutObject", "Resources",
		strings.Join(resources, "\n"),
	}
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
	b.post(simulator, append(form, "Marker", unescape(marker[1]), "AddAction", "s3:ListBucket")...).has(t,
		"The actions are no longer those of the results.")

	got := b.post(simulator, "Mode", "new", "Policy1", "", "Do", "add-policy")
	got.has(t, `id="field-policy2"`)
	for n := 2; n <= 10; n++ {
		form = append(form, fmt.Sprintf("Policy%d", n), "")
	}
	b.post(simulator, append(form, "Do", "add-policy", "Policy11", "hostile")...).lacks(t, "field-policy11", "hostile",
		"Add another policy")
	if got := b.post(simulator, "Policy1", strings.Repeat("x", 513<<10)); got.status != http.StatusRequestEntityTooLarge {
		t.Errorf("a form of 513 KiB: %d", got.status)
	}
}

// TestSimulatorActions: a whole service is its actions, an action that there is not is said to be none, and both go by the
// operator's catalogue.
func TestSimulatorActions(t *testing.T) {
	t.Parallel()
	s := touchtest.Start(t, func(c *server.Config) {
		jobs, err := policy.ParseCatalogue(
			[]byte(`{"services":{"jobs":{"actions":{"Run":{},"Stop":{}}}},"keys":{"jobs:Priority":"Numeric"}}`))
		if err != nil {
			t.Fatal(err)
		}
		c.Catalogue = c.Catalogue.With(jobs)
	})

	b := signedIn(t, s, s.NewAccount(t).SetUpRoot())
	ask := func(actions string) *answer {
		t.Helper()
		return b.post(simulator, "Mode", "new", "Policy1", touchtest.AdminPolicy, "Actions", actions)
	}

	b.get(simulator).has(t, `<option value="jobs:Stop">`, `<option value="iam:GetUser">`)
	ask("Jobs:*; jobs:Walk,jobs:RUN\u00a0other:Walk").has(t, ">\njobs:Run\njobs:Stop\njobs:Walk\nother:Walk</textarea>", "4 allowed")
	got := ask("iam:*")
	got.has(t, "iam:GetUser\n", "GetUser</td>")
	got.lacks(t, "has no such action")
	const none = "The service jobs has no such action."
	ask("jobs:Walk").has(t, none)
	ask("JOBS:run").lacks(t, "has no such action")
	ask("other:Walk").lacks(t, "has no such action")
	b.post(simulator, "Mode", "new", "Policy1", onKeys("jobs:Priority"), "Do", "keys").has(t, "<option selected>numeric</option>")
}

// onKeys is a policy that reads condition keys.
func onKeys(names ...string) string {
	return `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"Null":{"` +
		strings.Join(names, `":"true","`) + `":"true"}}}}`
}

// TestSimulatorManyOfAll: what there can be very many of is listed in part, and the page says so.
func TestSimulatorManyOfAll(t *testing.T) {
	t.Parallel()
	s := touchtest.Start(t, nil)
	b := signedIn(t, s, s.NewAccount(t).SetUpRoot())
	var keys, statements []string
	for n := range 60 {
		keys = append(keys, fmt.Sprintf("jobs:k%d", n))
		statements = append(statements, fmt.Sprintf(`{"Sid":"s%d","Effect":"Allow","Action":"*","Resource":"*"}`, n))
	}

	got := b.post(simulator, "Mode", "new", "Policy1", onKeys(keys...), "Actions", "jobs:Run")
	got.has(t, "Global settings <span class=\"ts-count\">(50)", "This page has lines for 50", ">40 more<")
	b.post(simulator, "Mode", "new", "Policy1", onKeys(keys[:50]...), "Do", "keys").lacks(t, "This page has lines for")
	got = b.post(simulator, "Mode", "new", "Policy1", `{"Version":"2012-10-17","Statement":[`+strings.Join(statements, ",")+`]}`,
		"Actions", "jobs:Run")
	got.has(t, "<span class=\"ts-subtle\">40 more</span>", "<li>40 more</li>")
	if links, marks := strings.Count(got.body, "Show statement"), strings.Count(got.body, "<mark id="); links != 20 || marks != 60 {
		t.Errorf("%d links and %d marks, want 20 and 60", links, marks)
	}

	// However often an action is there, it is asked about once.
	b.post(simulator, "Mode", "new", "Policy1", touchtest.AdminPolicy, "Actions", strings.Repeat("jobs:Run,", 30000)).has(t,
		"1 allowed, 0 denied.")
}

// TestSimulatorKeysOfResourcePolicies: no operation reads them before the first results.
func TestSimulatorKeysOfResourcePolicies(t *testing.T) {
	t.Parallel()
	s := touchtest.Start(t, nil)
	b := signedIn(t, s, s.NewAccount(t).SetUpRoot())
	const come = "The keys of the resource policy come with the first results."
	ask := []string{"Mode", "new", "Do", "keys", "Policy1", touchtest.AdminPolicy}
	b.post(simulator, ask...).lacks(t, come)
	b.post(simulator, append(ask, "ResourcePolicy", "{}")...).has(t, "The policies read no condition keys.", come)
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
	nobody.post(simulator, "Mode", "new", "Policy1", touchtest.AdminPolicy, "Actions", "iam:ListUsers").has(t,
		"iam:SimulateCustomPolicy")

	blind := as(may(`"iam:SimulatePrincipalPolicy"`))
	got := blind.post(simulator, ask...)
	got.has(t, `data-decision="explicitDeny"`, "test, line 3", "Line 3, column 2: <strong>denies</strong>",
		"The text of the policy is not shown.", "iam:GetUserPolicy",
		`href="#field-keyvalue1">aws:<wbr>Multi<wbr>Factor`)
	got.lacks(t, "<mark", "DenyAllExceptListedIfNoMFA")

	// A form cannot be within another: it would end it.
	form, _, _ := strings.Cut(got.body[strings.Index(got.body, `id="simulator"`):], "</form>")
	if strings.Contains(form, "<form") || !strings.Contains(form, "Run simulation") {
		t.Errorf("there is a form in the form:\n%s", form)
	}

	// The path of a user who may not be read is not known.
	if _, err := a.IAM(a.Root).CreateUser(t.Context(),
		&awsiam.CreateUserInput{UserName: aws.String("carol"), Path: aws.String("/dev/")}); err != nil {
		t.Fatal(err)
	}
	got = blind.post(simulator, "Mode", "existing", "UserName", "carol", "Actions", "iam:ListUsers")
	got.has(t, "carol cannot be found. If the user has a path, give the ARN, with its path.")
	blind.post(simulator, "Mode", "existing", "UserName", "arn:aws:iam::"+a.ID+":user/dev/carol", "Actions", "iam:ListUsers").has(t,
		"Denied implicitly")

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
	got.has(t, "1 error.", "This policy: ", "inline policies together may have 2,048<", `data-line="3" data-column="46"`,
		"service iam has no action Fly", `href="#field-policydocument"`)
	got.lacks(t, "<html", "<form")
	page := b.post("/console/user/policy?name=alice", "Check", "PolicyDocument", "PolicyDocument", document)
	page.has(t, strings.TrimSpace(got.body))
	page.lacks(t, "is saved")
	template := regexp.MustCompile(`(?s)<textarea[^>]*>\n(.*?)</textarea>`).FindStringSubmatch(
		b.get("/console/user/policy?name=alice").body)
	b.post("/console/user/policy?name=alice", "Check", "PolicyDocument", "PolicyDocument", unescape(template[1])).has(t,
		"Policy statement must contain actions.")
	b.post(validate, "Field", "PolicyDocument", "Document", strings.Repeat("x", 129<<10)).has(t, "longer than a policy may be")
	for field, attached := range map[string]string{
		"Policy7": "of 10,240 characters", "Boundary": "of 6,144 characters",
		"ResourcePolicy": " characters",
	} {
		b.post(validate, "Field", field, "Document", document).has(t, attached, `href="#field-`+strings.ToLower(field)+`"`)
	}

	b.post(validate, "Field", "PolicyDocument", "Document", "").lacks(t, "error", "characters")
	b.post(validate, "Field", "PolicyDocument", "Document", strings.Replace(document, "iam:Fly", strings.Repeat("x", 3000), 1)).has(t,
		"may have 2048")
	b.post(validate, "Field", "PolicyDocument", "Document", "<script>alert(1)</script>").lacks(t, "<script")
	for _, form := range [][]string{{}, {"Field", "UserName", "Document", "{}"}, {"Field", `"><script>`, "Document", "{}"}} {
		if got := b.post(validate, form...); got.status != http.StatusBadRequest || strings.Contains(got.body, "data-findings") {
			t.Errorf("%q: %d", form, got.status)
		}
	}

	if got := b.post(validate, "Field", "PolicyDocument", "Document",
		strings.Repeat("x", 193<<10)); got.status != http.StatusRequestEntityTooLarge {
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
	if got := b.post(validate, "Field", "PolicyDocument", "Document", document); strings.Contains(got.path, "validate") ||
		strings.Contains(got.body, "data-findings") {
		t.Errorf("without a session: at %s", got.path)
	}
}

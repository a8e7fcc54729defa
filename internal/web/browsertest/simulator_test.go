package browsertest

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/touchstone-iam/touchstone/internal/touchtest"
)

// found waits until the editor shows what the server finds in what was typed.
func (p *tab) found(words string) {
	p.Helper()
	p.until("the findings do not say "+words, `document.querySelector("[data-findings]").innerText.replace(/\s+/g, " ").includes(`+
		quoted(words)+`)`)
}

// Journey 43, for inline policies: findings come as one types, with their places, and what is refused is refused by the server.
func TestFindingsAsOneTypes(t *testing.T) {
	i := install(t)
	i.newUser("bob", "")
	p := i.open(t)
	p.signIn(i.admin())
	p.visit("/console/user/policy?name=bob")
	p.fill("Policy name", "own")
	evaluate[bool](p, "document.before = true")
	summary := func() string { return evaluate[string](p, `document.querySelector("[data-summary]").textContent`) }
	if got := summary(); got != "" {
		t.Errorf("before anything is typed the editor says %q", got)
	}

	const lines = "{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": [{\"Effect\": \"Allow\", \"Action\": %, \"Resource\": \"*\"}]\n}"
	with := func(action string) string { return strings.Replace(lines, "%", action, 1) }
	p.fill("Policy document", with(","))
	p.found("Line 3, column 47")
	if got := summary(); got != "1 error." {
		t.Errorf("the summary is %q", got)
	}
	p.inEveryLook()
	p.size(desktop)
	p.fill("Policy document", with(`["iam:ListUsers", "iam:Fly", "iam:ListUsers"]`))
	p.found("service iam has no action Fly")
	p.found("Suggestions (1)")
	p.check()
	p.click("Line 3, column 65")
	p.until("the link does not lead to its place",
		`document.activeElement.selectionStart === document.activeElement.value.indexOf('"iam:Fly"')`)
	p.fill("Policy document", with(`["`+strings.Repeat("iam:ListUsers\", \"", 150)+`iam:*"]`))
	p.found("and may have 2048")
	p.see("all of the user's inline policies together may have 2,048")
	if evaluate[bool](p, "!document.before") {
		t.Error("the page was left")
	}
	p.press("Create policy")
	p.see("Maximum policy size of 2048 bytes exceeded")
	p.check()
	p.fill("Policy document", with(`"iam:ListUsers"`))
	p.see("No findings.")
	p.press("Create policy")
	p.see("The policy own is saved.")

	// A finding that is no violation does not keep anybody from saving.
	p.press("own")
	p.fill("Policy document", with(`"iam:Fly"`))
	p.found("service iam has no action Fly")
	p.press("Save changes")
	p.see("The policy own is saved.")
	p.press("own")
	p.found("service iam has no action Fly")
}

// What is found in an older text never takes the place of what is found in a newer one, and a check that fails says so.
func TestFindingsOvertaken(t *testing.T) {
	i := install(t)
	i.newUser("bob", "")
	p := i.open(t)
	p.signIn(i.admin())
	undo := p.before(`{
		const send = XMLHttpRequest.prototype.send;
		XMLHttpRequest.prototype.send = function (body) {
			const late = this.onload;
			if (String(body).includes("older")) this.onload = () => setTimeout(() => (late(), document.late = true), 2000);
			return send.call(this, body);
		};
	}`)
	p.visit("/console/user/policy?name=bob")
	p.fill("Policy document", `{"older`)
	p.until("nothing is asked", `performance.getEntriesByName(location.origin + "/console/validate").length === 1`)
	p.fill("Policy document", touchtest.AdminPolicy)
	p.found("Security warnings")
	p.until("the older answer does not come", "document.late")
	p.found("Security warnings")
	undo()

	other := i.open(t)
	other.signIn(&user{"admin", password})
	other.visit("/console/sessions/end")
	other.press("End sessions")
	p.fill("Policy document", "{")
	p.see("Your session has ended. Sign in again in another tab. What you typed is still here.")
	if got := p.value("Policy document"); got != "{" {
		t.Errorf("the editor has %q, want what was typed", got)
	}
	p.check()
}

// Format changes white space alone, and can be undone, as what Tab does.
func TestFormat(t *testing.T) {
	i := install(t)
	i.newUser("bob", "")
	p := i.open(t)
	p.signIn(i.admin())
	p.visit("/console/user/policy?name=bob")
	undo := func() {
		t.Helper()
		p.do("undo", chromedp.KeyEvent("z", chromedp.KeyModifiers(chromedp.ModifierCtrl)))
	}

	for typed, want := range map[string]string{
		`{"a":1,"a":2,"n":[12345678901234567890123,1.0,-0.10e+5],"e":{},"f":[ ],"s":"\u0041\\\"{,:}  é😀","t":[true,null]}`: `{
    "a": 1,
    "a": 2,
    "n": [
        12345678901234567890123,
        1.0,
        -0.10e+5
    ],
    "e": {},
    "f": [],
    "s": "\u0041\\\"{,:}  é😀",
    "t": [
        true,
        null
    ]
}`,
		"[]":       "[]",
		` "a" `:    `"a"`,
		`{"a":`:    `{"a":`,
		`{"a":1,}`: `{"a":1,}`,
		strings.Repeat("[", 1000) + strings.Repeat("]", 1000): strings.Repeat("[", 1000) + strings.Repeat("]", 1000),
	} {
		p.fill("Policy document", typed)
		p.click("Format: Policy document")
		if got := p.value("Policy document"); got != want {
			t.Errorf("of %q Format makes %q", typed, got)
		}
		p.until("what is shown has no numbers of its lines",
			`document.querySelector("[data-gutter]").textContent.split("\n").length === `+strconv.Itoa(1+strings.Count(want, "\n")))
		if want == typed {
			continue
		}
		undo()
		if got := p.value("Policy document"); got != typed {
			t.Errorf("of %q undoing Format makes %q", typed, got)
		}
	}

	p.fill("Policy document", "[")
	p.do("indent", chromedp.KeyEvent("\r\t"))
	if got := p.value("Policy document"); got != "[\n    " {
		t.Errorf("Tab makes %q", got)
	}

	undo()
	if got := p.value("Policy document"); got != "[\n" {
		t.Errorf("undoing Tab makes %q", got)
	}
}

// From a bracket there is a way to the one that belongs to it, and back.
func TestMatchingBracket(t *testing.T) {
	i := install(t)
	i.newUser("bob", "")
	p := i.open(t)
	p.signIn(i.admin())
	p.visit("/console/user/policy?name=bob")
	const area = `document.querySelector("textarea")`

	// at puts the caret somewhere and tells where the button leads; -1 when there is none.
	at := func(caret int) int {
		p.do("put the caret",
			chromedp.Evaluate[chromedp.Void](fmt.Sprintf(area+`.setSelectionRange(%[1]d, %[1]d); `+area+
				`.dispatchEvent(new Event("keyup"));undefined`, caret)))
		if evaluate[bool](p, `document.querySelector("[data-match]").hidden`) {
			return -1
		}
		p.click("Matching bracket: Policy document")
		return evaluate[int](p, area+`.selectionStart`)
	}

	const text = "{\"a\": [\"]}\\\"[\",\n {\"é😀\": 1}]}"
	p.fill("Policy document", text)
	units := utf16.Encode([]rune(text))
	length, list, inner := len(units), strings.IndexByte(text, '['), strings.IndexByte(text, '\n')+2
	for caret, want := range map[int]int{
		0: length, length: 0, // the whole
		list: length - 1, length - 1: list, // the list, whose end is found before the object's
		inner: length - 2,
		3:     -1, list + 3: -1, // nowhere, and in a string
	} {
		if got := at(caret); got != want {
			t.Errorf("from %d the way leads to %d, want %d", caret, got, want)
		}
	}

	p.fill("Policy document", "[1}")
	if got := at(0); got != -1 {
		t.Errorf("what does not fit leads to %d", got)
	}
}

// What is found is said each time that one asks, and a text that is too long is said to be that.
func TestFindingsSaidAgain(t *testing.T) {
	i := install(t)
	i.newUser("bob", "")
	p := i.open(t)
	p.signIn(i.admin())
	p.visit("/console/user/policy?name=bob")
	p.click("Check policy: Policy document")
	p.see("1 error.", "Policy statement must contain actions.")
	evaluate[bool](p, `(new MutationObserver((all) => all.forEach((one) => (document.said ??= []).push(one.target.textContent))).observe(
		document.querySelector("[data-summary]"), { childList: true }), true)`)
	p.click("Check policy: Policy document")
	p.until("what is found is not said again", `document.said?.[0] === "" && document.said.at(-1) === "1 error."`)
	p.fill("Policy document", strings.Repeat("[", 70000))
	p.see("It is longer than a policy may be. What you typed is still here.")
}

// Journey 48: with and without MFA the results differ, and the statement that decides is marked in its document.
func TestSimulator(t *testing.T) {
	i := install(t)
	i.newUser("alice", strings.ReplaceAll(touchtest.FIDOPagePolicy, `,"`, ",\n\""))
	p := i.open(t)
	p.signIn(i.admin())
	p.visit("/console/user?name=alice")
	p.press("Simulate")
	p.arrive("/console/simulator")
	if got := p.value("User"); got != "alice" {
		t.Errorf("the simulator is about %q", got)
	}
	p.fill("Action to add", "iam:DeactivateMFADevice")
	p.press("Add action")
	if got := p.value("Actions"); got != "iam:DeactivateMFADevice" {
		t.Errorf("the actions are %q", got)
	}
	p.fill("Resources", "arn:aws:iam::"+i.accountID+":user/alice")
	p.press("Find context keys")
	p.see("Global settings (2)", "aws:MultiFactorAuthPresent", "aws:username")
	p.check()

	decision := func() string {
		return evaluate[string](p, `[...document.querySelectorAll("[data-decision]")].map((e) => e.dataset.decision).join()`)
	}
	marked := func() string {
		return evaluate[string](p, `[...document.querySelectorAll("mark")].map((e) => e.textContent).join("\n")`)
	}
	run := func() {
		p.press("Run simulation")
		p.until("the focus is not on the results", `document.activeElement.id === "results-heading"`)
	}
	p.fill("Value", "false")
	run()
	if got := decision(); got != "explicitDeny" {
		t.Errorf("without MFA: %s", got)
	}
	p.inEveryLook()
	p.size(phone)
	p.click("Show statement")
	p.until("the statement is not shown", `(() => {
		const mark = document.querySelector("mark:target"), box = mark?.getBoundingClientRect();
		return mark && mark.dataset.effect === "deny" && box.top >= 0 && box.top < innerHeight && box.left >= 0;
	})()`)
	p.size(desktop)
	if got := marked(); !strings.HasPrefix(got, `{"Sid":"DenyAllExceptListedIfNoMFA"`) || !strings.HasSuffix(got, "}") ||
		strings.Count(got, "{") != strings.Count(got, "}") {
		t.Errorf("what is marked is not the deciding Deny, whole:\n%s", got)
	}
	p.fill("Value", "true")
	run()
	if got := decision(); got != "allowed" {
		t.Errorf("with MFA: %s", got)
	}
	if got := marked(); !strings.HasPrefix(got, `{"Sid":"AllowManageOwnUserMFA"`) {
		t.Errorf("what is marked is not the allowing statement:\n%s", got)
	}
	p.fill("Value", "")
	run()
	p.see("Denied explicitly")
	for _, window := range []viewport{desktop, phone} {
		p.size(window)
		if broken := evaluate[[]string](p, `[...document.querySelectorAll(".ts-key-name")].flatMap((name) => [...name.childNodes]).filter((word) => {
			const range = document.createRange();
			range.selectNode(word);
			return word.nodeType === Node.TEXT_NODE && range.getClientRects().length > 1;
		}).map((word) => word.textContent)`); len(broken) > 0 {
			t.Errorf("at %d pixels names of keys break within %q", window.width, broken)
		}
	}
	p.size(desktop)
	p.press("Clear results")
	p.miss("Denied explicitly")
	p.check()
}

// Pasted policies are checked as they are typed, each by itself, and simulated without being stored.
func TestSimulatorNewPolicies(t *testing.T) {
	i := install(t)
	p := i.open(t)
	p.signIn(i.admin())
	p.visit("/console/simulator")

	p.choose("New policy")
	p.fill("Policy 1", `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iam:Fly","Resource":"*"}}`)
	p.see("service iam has no action Fly")

	p.press("Add another policy")
	p.see("service iam has no action Fly")
	p.focused("Policy 2")
	p.key("{")
	p.see("the text ends")
	p.inEveryLook()

	p.fill("Actions", "iam:ListUsers")
	p.press("Run simulation")
	p.focused("Policy 2")
	p.inEveryLook()

	p.fill("Policy 2", touchtest.AdminPolicy)
	p.click("Additional settings – optional")
	p.fill("Permissions boundary", `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iam:Get*","Resource":"*"}}`)
	p.fill("Actions", "iam:ListUsers, iam:GetUser")
	p.press("Run simulation")
	p.see("The permissions boundary does not allow it.", "1 allowed, 1 denied.", "Policy 2, line 1", "Permissions boundary, line 1")
	p.inEveryLook()
}

// Whoever may simulate but not read the policy is told the place, and why the text is missing.
func TestSimulatorWithoutTheText(t *testing.T) {
	i := install(t)
	i.newUser("alice", touchtest.FIDOPagePolicy)
	p := i.open(t)
	p.signIn(i.newUser("clerk", `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iam:SimulatePrincipalPolicy","Resource":"*"}}`))
	p.visit("/console/simulator")
	p.press("Run simulation")
	p.see("There are 2 problems")
	p.inEveryLook()
	p.fill("User", "alice")
	p.fill("Actions", "iam:ListUsers")
	p.press("Run simulation")
	p.see("Denied explicitly", "test, line 3")
	p.inEveryLook()
	p.click("Show statement")
	p.see("The text of the policy is not shown.", "iam:GetUserPolicy", "Line 3, column 2: denies")
	p.press("Run simulation")
	p.see("Denied explicitly")
}

// The simulator with the keyboard alone, and a focus that can be seen all the way.
func TestSimulatorByKeyboard(t *testing.T) {
	i := install(t)
	i.newUser("alice", touchtest.FIDOPagePolicy)
	p := i.open(t)
	p.signIn(i.admin())
	p.visit("/console/user?name=alice")
	p.tabTo("Simulate")
	p.enter()
	p.tabTo("Actions")
	p.key("iam:ListUsers")
	p.tabTo("Run simulation")
	p.enter()
	p.focused("Results (1)")
	p.tabTo("aws:MultiFactorAuthPresent")
	p.key("\r")
	p.tabTo("Type") // from the field that the link leads to
	p.backTo("Value")
	p.key("true")
	p.tabTo("Run simulation")
	p.enter()
	p.see("Denied implicitly")
	p.backTo("Actions")
	p.key("iam:GetUser, ")
	p.tabTo("Run simulation")
	p.enter()
	p.focused("Results (2)")

	p.visit("/console/simulator")
	p.tabTo("Existing policies")
	p.key(" ")
	p.do("press an arrow", chromedp.KeyEvent(kb.ArrowDown))
	p.tabTo("Policy 1")
	p.key(touchtest.AdminPolicy)
	p.tabTo("Check policy: Policy 1")
	p.key(" ")
	p.found("Security warnings")
	p.tabTo("Line 1, column 65")
	p.key("\r")
	p.focused("Policy 1")
	p.key("\x1b") // Tab leaves the field
	p.tabTo("Actions")
	p.key("iam:ListUsers")
	p.tabTo("Run simulation")
	p.enter()
	p.focused("Results (1)")
	p.tabTo("Show statement")
	p.key("\r")
	p.until("the statement is not shown", `document.querySelector("mark:target")`)
	p.tabTo("Skip to content")
}

// Without JavaScript the editor and the simulator do the same.
func TestSimulatorWithoutScript(t *testing.T) {
	i := install(t)
	i.newUser("alice", touchtest.FIDOPagePolicy)
	admin := i.admin()
	p := i.open(t)
	p.scripts(false)
	p.signIn(admin)
	p.visit("/console/user/policy?name=alice")
	p.fill("Policy name", "own")
	p.fill("Policy document", "{\n  oops")
	p.press("Check policy: Policy document")
	p.see("1 error.", "Line 2, column 3")
	p.check()
	p.fill("Policy document", touchtest.AdminPolicy)
	p.press("Check policy: Policy document")
	p.found("Security warnings")
	p.press("Create policy")
	p.see("The policy own is saved.")

	p.press("Simulate")
	p.choose("own") // is left out
	p.fill("Actions", "iam:DeactivateMFADevice")
	p.fill("Resources", "arn:aws:iam::"+i.accountID+":user/alice")
	p.press("Run simulation")
	p.see("Denied explicitly", "Global settings (2)")
	p.check()
	p.fill("Value", "true")
	p.press("Run simulation")
	p.see("Allowed", "test, line 2")
	p.miss("own, line 1")
	p.click("Show statement")
	p.until("the statement is not shown", `document.querySelector("mark:target")`)
	p.choose("New policy")
	p.fill("Policy 1", touchtest.AdminPolicy)
	p.press("Add another policy")
	p.fill("Policy 2", "{")
	p.press("Check policy: Policy 2")
	p.see("1 error.", "Security warnings")
	p.press("Run simulation")
	p.focused("Policy 2")
	p.check()
}

package web

import (
	"errors"
	"math"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/touchstone-iam/touchstone/internal/authn"
	"github.com/touchstone-iam/touchstone/internal/signin"
	"github.com/touchstone-iam/touchstone/internal/store"
)

// entryView is a page of the sign-in.
type entryView struct {
	page
	Form    form
	To      string // where the person was going
	Account string
	Email   string
}

// chooseUserType is the page at which a sign-in begins.
func (v *visit) chooseUserType() error {
	if session, _, err := v.SignIn.Current(v.ctx(), v.token); err == nil && session.Stage == store.StageFull {
		v.to(destination(v.query.Get("to")))
		return nil
	} else if err != nil && !errors.Is(err, authn.ErrNoSession) {
		return err
	}
	if v.query.Has("different") {
		v.dropCookie(v.cookies.remember)
	} else if r := v.remembered(); r.Account != "" {
		v.to(v.signInPage(v.query.Get("to")))
		return nil
	}
	return v.showUserTypes(form{Values: url.Values{"Type": {"root"}, "to": {v.query.Get("to")}}})
}

func (v *visit) showUserTypes(f form) error {
	return v.show("signin", &entryView{page: page{Title: "Sign in"}, Form: f, To: f.Value("to")})
}

// accountName is an account id, or an alias (IAM User Guide, "Your AWS account ID and its alias").
var accountName = regexp.MustCompile(`^[a-z0-9-]{1,63}$`)

// typedAccount is an account as it stands in addresses. Account ids are often written with hyphens.
func typedAccount(typed string) (account string, ok bool) {
	account = strings.ToLower(strings.TrimSpace(typed))
	if digits := strings.ReplaceAll(account, "-", ""); len(digits) == 12 && strings.Trim(digits, "0123456789") == "" {
		account = digits
	}
	return account, accountName.MatchString(account)
}

// userTypeChosen leads on to the page of the type. Whoever took the wrong one is led to the other.
func (v *visit) userTypeChosen() error {
	f := form{Values: v.form}
	to := f.Value("to")
	email, account := strings.TrimSpace(f.Value("Email")), strings.TrimSpace(f.Value("Account"))
	if f.Checked("Type", "root") {
		switch {
		case email == "":
			f.wrong("Email", "Enter the e-mail address of the root user.")
		case !strings.Contains(email, "@"):
			f.Values.Set("Type", "user")
			f.wrong("Account", "“%s” is not an e-mail address, so it does not name a root user. If you are an IAM user, enter the account here; your user name is asked for next.", email)
		default:
			v.rootPage(email, to)
			return nil
		}
		return v.showUserTypes(f)
	}
	if strings.Contains(account, "@") {
		v.rootPage(account, to)
		return nil
	}
	name, ok := typedAccount(account)
	if !ok {
		f.wrong("Account", "Enter an account ID of 12 digits, or an account alias of letters, digits and hyphens.")
		return v.showUserTypes(f)
	}
	v.to(at("/signin/"+name, "to", to))
	return nil
}

// rootPage leads to the page that asks for the root user's password.
func (v *visit) rootPage(email, to string) {
	v.setCookie(v.cookies.root, packed(email), flashLife)
	v.to(at("/auth/root", "to", to))
}

// rootSignIn asks for the root user's password.
func (v *visit) rootSignIn() error {
	var email string
	unpack(v.cookie(v.cookies.root), &email)
	return v.showRootSignIn(form{Values: url.Values{"Email": {email}, "to": {v.query.Get("to")}}})
}

func (v *visit) showRootSignIn(f form) error {
	return v.show("root", &entryView{
		page: page{Title: "Root user sign in"}, Form: f, To: f.Value("to"), Email: f.Value("Email"),
	})
}

func (v *visit) signRootIn() error {
	f := form{Values: v.form}
	email, password := strings.TrimSpace(f.Value("Email")), v.form.Get("Password")
	if email != "" && !strings.Contains(email, "@") {
		f.wrong("Email", "“%s” is not an e-mail address. If it is an IAM user's name, choose “Sign in as IAM user” below.", email)
		return v.showRootSignIn(f)
	}
	required(&f, "Email", "Enter the e-mail address of the root user.", "Password", "Enter your password.")
	if len(f.Problems) > 0 {
		return v.showRootSignIn(f)
	}
	p, err := v.SignIn.Root(v.ctx(), v.visitor(), email, password, destination(f.Value("to")))
	if err != nil {
		if err := v.incorrect(&f, err, "", ""); err != nil {
			return err
		}
		return v.showRootSignIn(f)
	}
	v.dropCookie(v.cookies.root)
	v.advance(p)
	return nil
}

// userSignIn asks for an IAM user's name and password. Whether there is such an account is not told.
func (v *visit) userSignIn() error {
	account, ok := typedAccount(v.r.PathValue("account"))
	if !ok {
		v.notFound(v.w, v.r)
		return nil
	}
	f := form{Values: url.Values{"Account": {account}, "Remember": {"yes"}, "to": {v.query.Get("to")}}}
	if r := v.remembered(); r.Account == account {
		f.Values.Set("UserName", r.User)
	}
	return v.showUserSignIn(f)
}

func (v *visit) showUserSignIn(f form) error {
	return v.show("signin-user", &entryView{
		page: page{Title: "Sign in as IAM user"}, Form: f, To: f.Value("to"), Account: v.r.PathValue("account"),
	})
}

func (v *visit) signUserIn() error {
	f := form{Values: v.form}
	required(&f, "Account", "Enter the account ID or account alias.", "UserName", "Enter your user name.", "Password", "Enter your password.")
	if len(f.Problems) > 0 {
		return v.showUserSignIn(f)
	}
	account, name := strings.TrimSpace(f.Value("Account")), strings.TrimSpace(f.Value("UserName"))
	if typed, ok := typedAccount(account); ok {
		account = typed
	}
	p, err := v.SignIn.User(v.ctx(), v.visitor(), account, name, v.form.Get("Password"), destination(f.Value("to")))
	if err != nil {
		if err := v.incorrect(&f, err, account, name); err != nil {
			return err
		}
		return v.showUserSignIn(f)
	}
	if f.Checked("Remember", "yes") {
		v.setCookie(v.cookies.remember, packed(remembered{account, name}), year)
	} else {
		v.dropCookie(v.cookies.remember)
	}
	v.advance(p)
	return nil
}

// required adds a problem for each of the named fields that is empty: name, text, name, text, …
func required(f *form, fields ...string) {
	for n := 0; n+1 < len(fields); n += 2 {
		if strings.TrimSpace(f.Values.Get(fields[n])) == "" {
			f.wrong(fields[n], "%s", fields[n+1])
		}
	}
}

// incorrect takes in the errors of a wrong sign-in. account and name are what was typed on an IAM user's page.
func (v *visit) incorrect(f *form, err error, account, name string) error {
	tooMany := new(signin.TooManyAttempts)
	switch {
	case errors.As(err, &tooMany):
		wait := max(1, int(math.Ceil(tooMany.Wait.Seconds())))
		v.w.Header().Set("Retry-After", strconv.Itoa(wait))
		v.status = http.StatusTooManyRequests
		f.wrong("", "Too many failed attempts. Wait %s, then try again. The password you typed was not checked.", plural(wait, "second"))
		return nil
	case !errors.Is(err, signin.ErrIncorrect):
		return err
	}
	text := "Your authentication information is incorrect. Please try again."
	if strings.Contains(account, "@") || strings.Contains(name, "@") {
		text += " If you typed the e-mail address of a root user, choose “Sign in using root user email” below."
	}
	f.wrong("", "%s", text)
	return nil
}

// advance gives the browser the next session of a sign-in, and leads to its page.
func (v *visit) advance(p *signin.Progress) {
	v.setCookie(v.cookies.session, p.Token, 0)
	if p.DeviceCookie != "" {
		v.setCookie(v.cookies.device, p.DeviceCookie, year)
	}
	v.to(stagePage(p.Session))
}

// setUp asks the root user for a password, by the link that the operator has.
func (v *visit) setUp() error {
	return v.showSetUp(form{Values: url.Values{}})
}

func (v *visit) showSetUp(f form) error {
	account, err := v.SignIn.SetUpAccount(v.ctx(), v.query.Get("link"))
	if errors.Is(err, signin.ErrLinkUsed) {
		v.status = http.StatusGone
		return v.show("setup-over", &entryView{page: page{Title: "Set-up link not valid"}})
	}
	if err != nil {
		return err
	}
	return v.show("setup", &entryView{
		page: page{Title: "Set up your account"}, Form: f, Account: account.ID, Email: account.RootEmail,
	})
}

func (v *visit) setPassword() error {
	f := form{Values: v.form}
	twice(&f)
	if len(f.Problems) > 0 {
		return v.showSetUp(f)
	}
	p, err := v.SignIn.SetUp(v.ctx(), v.visitor(), v.query.Get("link"), v.form.Get("NewPassword"))
	rule := new(signin.PasswordRule)
	switch {
	case errors.As(err, &rule):
		f.wrong("NewPassword", "%s", rule.Reason)
		return v.showSetUp(f)
	case errors.Is(err, signin.ErrLinkUsed):
		return v.showSetUp(form{}) // which says so
	case err != nil:
		return err
	}
	if p.Session.Stage == store.StageFull {
		p.Session.Destination = "/console/mfa/assign"
		v.say("set-up")
	}
	v.advance(p)
	return nil
}

// twice checks that a new password was typed, and the same both times.
func twice(f *form) {
	switch {
	case f.Values.Get("NewPassword") == "":
		f.wrong("NewPassword", "Enter a new password.")
	case f.Values.Get("Again") != f.Values.Get("NewPassword"):
		f.wrong("Again", "The passwords do not match. Type the new password again.")
	}
}

// signOut ends the session, at whatever stage it is. Somebody who wants to sign in anew for a page says which.
func (v *visit) signOut() error {
	if v.token != "" {
		if err := v.SignIn.SignOut(v.ctx(), v.visitor(), v.token); err != nil {
			return err
		}
	}
	v.dropCookie(v.cookies.session)
	v.dropCookie(v.cookies.flash)
	if v.form.Has("to") {
		v.to(v.signInPage(destination(v.form.Get("to"))))
		return nil
	}
	v.to("/auth/signed-out")
	return nil
}

func (v *visit) signedOut() error {
	return v.show("signed-out", &entryView{page: page{Title: "Signed out"}, Account: v.signInPage("")})
}

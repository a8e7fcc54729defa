package entry

import (
	"errors"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/touchstone-iam/touchstone/iamapi"
	"github.com/touchstone-iam/touchstone/internal/authn"
	"github.com/touchstone-iam/touchstone/internal/ids"
	"github.com/touchstone-iam/touchstone/internal/signin"
	"github.com/touchstone-iam/touchstone/internal/store"
	"github.com/touchstone-iam/touchstone/internal/web"
)

// chooseUserType is the page at which a sign-in begins. Whoever is signed in goes on to the console, and a browser that remembers
// an account to the account's page.
func chooseUserType(v *web.Visit) error {
	session, _, err := v.SignIn.Current(v.Context(), v.Token)
	switch {
	case err == nil && session.Stage == store.StageFull:
		v.Redirect(web.Destination(v.Query.Get("to")))
		return nil
	case err != nil && !errors.Is(err, authn.ErrNoSession):
		return err
	}

	if v.Query.Has("different") {
		v.DropCookie(v.Cookies.Remember)
	} else if v.Remembered().Account != "" {
		v.Redirect(v.SignInPage(v.Query.Get("to")))
		return nil
	}
	return showUserTypes(v, web.Form{Values: url.Values{"Type": {"root"}, "to": {v.Query.Get("to")}}})
}

func showUserTypes(v *web.Visit, f web.Form) error {
	return v.Show("signin", &view{Page: web.Page{Title: "Sign in"}, Form: f, To: f.Value("to")})
}

// typedAccount returns an account id or alias as it stands in addresses, and reports whether the text can be either. It takes
// ids with hyphens and aliases in capitals, since people type both so.
func typedAccount(typed string) (account string, ok bool) {
	if id, ok := ids.ParseAccount(typed); ok {
		return id, true
	}
	alias := strings.ToLower(strings.TrimSpace(typed))
	return alias, iamapi.ValidAccountAlias(alias)
}

// userTypeChosen leads on to the page of the chosen type. Whoever typed an e-mail address as an account, or something else as an
// e-mail address, is led to the other type.
func userTypeChosen(v *web.Visit) error {
	f := web.Form{Values: v.Form}
	to := f.Value("to")
	email, account := strings.TrimSpace(f.Value("Email")), strings.TrimSpace(f.Value("Account"))

	if f.Checked("Type", "root") {
		switch {
		case email == "":
			f.Wrong("Email", "Enter the e-mail address of the root user.")
		case !strings.Contains(email, "@"):
			f.Values.Set("Type", "user")
			f.Wrong("Account", "“%s” is not an e-mail address, so it does not name a root user. "+
				"If you are an IAM user, enter the account here; your user name is asked for next.", email)
		default:
			redirectToRoot(v, email, to)
			return nil
		}
		return showUserTypes(v, f)
	}

	if strings.Contains(account, "@") {
		redirectToRoot(v, account, to)
		return nil
	}
	name, ok := typedAccount(account)
	if !ok {
		f.Wrong("Account", "Enter an account ID of 12 digits, or an account alias of letters, digits and hyphens.")
		return showUserTypes(v, f)
	}
	v.Redirect(web.Address("/signin/"+name, "to", to))
	return nil
}

// redirectToRoot leads to the page that asks for the root user's password. The e-mail address travels in a cookie, so that it is
// in no log of addresses.
func redirectToRoot(v *web.Visit, email, to string) {
	v.SetCookie(v.Cookies.Root, web.Pack(email), web.Moment)
	v.Redirect(web.Address("/auth/root", "to", to))
}

// rootSignIn asks for the root user's password.
func rootSignIn(v *web.Visit) error {
	var email string
	web.Unpack(v.Cookie(v.Cookies.Root), &email)
	return showRootSignIn(v, web.Form{Values: url.Values{"Email": {email}, "to": {v.Query.Get("to")}}})
}

func showRootSignIn(v *web.Visit, f web.Form) error {
	return v.Show("root", &view{
		Page: web.Page{Title: "Root user sign in"}, Form: f, To: f.Value("to"), Email: f.Value("Email"),
	})
}

func signRootIn(v *web.Visit) error {
	f := web.Form{Values: v.Form}
	email, password := strings.TrimSpace(f.Value("Email")), v.Form.Get("Password")
	if email != "" && !strings.Contains(email, "@") {
		f.Wrong("Email", "“%s” is not an e-mail address. If it is an IAM user's name, choose “Sign in as IAM user” below.", email)
		return showRootSignIn(v, f)
	}
	f.Require("Email", "Enter the e-mail address of the root user.", "Password", "Enter your password.")
	if len(f.Problems) > 0 {
		return showRootSignIn(v, f)
	}

	p, err := v.SignIn.Root(v.Context(), v.Visitor(), email, password, web.Destination(f.Value("to")))
	if err != nil {
		if err := incorrect(v, &f, err, "", ""); err != nil {
			return err
		}
		return showRootSignIn(v, f)
	}
	v.DropCookie(v.Cookies.Root)
	advance(v, p)
	return nil
}

// userSignIn asks for an IAM user's name and password. Whether there is such an account is not told.
func userSignIn(v *web.Visit) error {
	account, ok := typedAccount(v.Request.PathValue("account"))
	if !ok {
		v.NotFound()
		return nil
	}

	f := web.Form{Values: url.Values{"Account": {account}, "Remember": {"yes"}, "to": {v.Query.Get("to")}}}
	if r := v.Remembered(); r.Account == account {
		f.Values.Set("UserName", r.User)
	}
	return showUserSignIn(v, f)
}

func showUserSignIn(v *web.Visit, f web.Form) error {
	return v.Show("signin-user", &view{
		Page: web.Page{Title: "Sign in as IAM user"}, Form: f, To: f.Value("to"), Account: v.Request.PathValue("account"),
	})
}

func signUserIn(v *web.Visit) error {
	f := web.Form{Values: v.Form}
	f.Require("Account", "Enter the account ID or account alias.",
		"UserName", "Enter your user name.", "Password", "Enter your password.")
	if len(f.Problems) > 0 {
		return showUserSignIn(v, f)
	}
	account, name := strings.TrimSpace(f.Value("Account")), strings.TrimSpace(f.Value("UserName"))
	if typed, ok := typedAccount(account); ok {
		account = typed
	}

	p, err := v.SignIn.User(v.Context(), v.Visitor(), account, name, v.Form.Get("Password"), web.Destination(f.Value("to")))
	if err != nil {
		if err := incorrect(v, &f, err, account, name); err != nil {
			return err
		}
		return showUserSignIn(v, f)
	}

	if f.Checked("Remember", "yes") {
		v.SetCookie(v.Cookies.Remember, web.Pack(web.Remembered{Account: account, User: name}), web.Year)
	} else {
		v.DropCookie(v.Cookies.Remember)
	}
	advance(v, p)
	return nil
}

// incorrect notes in the form that a sign-in failed or came after too many failures, and returns any other error. account and name
// are what was typed on an IAM user's page.
func incorrect(v *web.Visit, f *web.Form, err error, account, name string) error {
	tooMany := new(signin.TooManyAttempts)
	switch {
	case errors.As(err, &tooMany):
		wait := max(1, int(math.Ceil(tooMany.Wait.Seconds())))
		v.Writer.Header().Set("Retry-After", strconv.Itoa(wait))
		v.Status = http.StatusTooManyRequests
		f.Wrong("", "Too many failed attempts. Wait %s, then try again. The password you typed was not checked.",
			web.Plural(wait, "second"))
		return nil
	case !errors.Is(err, signin.ErrIncorrect):
		return err
	}

	text := "Your authentication information is incorrect. Please try again."
	if strings.Contains(account, "@") || strings.Contains(name, "@") {
		text += " If you typed the e-mail address of a root user, choose “Sign in using root user email” below."
	}
	f.Wrong("", "%s", text)
	return nil
}

package console

import (
	"net/url"
	"strings"

	"github.com/touchstone-iam/touchstone/iamapi"
	"github.com/touchstone-iam/touchstone/internal/web"
)

// policyView is the editor of an inline policy.
type policyView struct {
	web.Page
	Form   web.Form
	User   string
	Policy string // "" for a new one
	Editor *editor
}

// newPolicy is the text that the editor of a new policy begins with.
const newPolicy = `{
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": [],
            "Resource": "*"
        }
    ]
}`

// pageOfUser returns what pages below a user's page have in common: the way from the console to them.
func pageOfUser(name, title string) web.Page {
	return web.Page{
		Title: title, Nav: usersPath, Crumbs: web.Crumbs("Users", usersPath, name, web.Address(userPath, "name", name), title),
	}
}

func showPolicy(v *web.Visit, f web.Form) error {
	user, policy := v.Query.Get("name"), v.Query.Get("policy")
	title := "Create inline policy"
	if policy != "" {
		title = "Edit policy"
	}
	shown := &policyView{Page: pageOfUser(user, title), Form: f, User: user, Policy: policy}
	shown.Scripts = []string{"editor.js"}

	var err error
	shown.Editor, err = newEditor(v, &f, "PolicyDocument", "Policy document", "JSON, as the policy language has it. "+editorKeys)
	if err != nil {
		return err
	}
	shown.Editor.Autofocus = shown.Editor.Autofocus || policy != "" && len(f.Problems) == 0
	return v.Show("policy", shown)
}

// editPolicy opens the editor.
func editPolicy(v *web.Visit) error {
	name := v.Query.Get("policy")
	if name == "" {
		return showPolicy(v, web.Form{Values: url.Values{"PolicyDocument": {newPolicy}}})
	}
	text, err := policyText(v, v.Query.Get("name"), name)
	if err != nil {
		return err
	}
	return showPolicy(v, web.Form{Values: url.Values{"PolicyName": {name}, "PolicyDocument": {text}, "Before": {digest(text)}}})
}

// policyText reads the text of an inline policy.
func policyText(v *web.Visit, user, policy string) (string, error) {
	out, err := web.Call(v, iamapi.GetUserPolicy, &iamapi.GetUserPolicyInput{UserName: user, PolicyName: policy})
	if err != nil {
		return "", err
	}
	return string(out.PolicyDocument), nil
}

// savePolicy stores the document. If the policy was changed since the editor was opened, it asks again first, so that nothing is
// lost that was typed on either side.
func savePolicy(v *web.Visit) error {
	f := web.Form{Values: v.Form}
	user, name := v.Query.Get("name"), v.Query.Get("policy")
	creating := name == ""
	if creating {
		name = strings.TrimSpace(f.Value("PolicyName"))
	}
	text := newlines(f.Value("PolicyDocument"))
	f.Values.Set("PolicyDocument", text)
	if f.Values.Has("Check") {
		return showPolicy(v, f)
	}

	// The page refuses what the operation would refuse, in plainer words than the API's.
	switch problem := unfit(text); {
	case name == "":
		f.Wrong("PolicyName", "Enter a name for the policy.")
	case !iamapi.ValidPolicyName(name):
		f.Wrong("PolicyName", "Use 1 to 128 letters, digits and the characters + = , . @ - _")
	case text == "":
		f.Wrong("PolicyDocument", "Enter a policy.")
	case problem != "":
		f.Wrong("PolicyDocument", "%s", problem)
	}
	if len(f.Problems) > 0 {
		return showPolicy(v, f)
	}

	// Somebody else may have saved a policy of this name in the meantime. A person who may not read policies may still write them.
	current, err := policyText(v, user, name)
	switch {
	case err == nil && creating:
		f.Wrong("PolicyName", "The user has a policy of this name already. Choose another name, or edit that policy.")
		return showPolicy(v, f)
	case err == nil && digest(current) != f.Value("Before"):
		f.Wrong("", "This policy was changed by someone else while you edited it. "+
			"Your text is still here; save it again to replace the other.")
		f.Values.Set("Before", digest(current))
		return showPolicy(v, f)
	case err != nil && !web.IsCode(err, "NoSuchEntity") && !web.IsCode(err, "AccessDenied"):
		return err
	}

	err = web.Do(v, iamapi.PutUserPolicy, &iamapi.PutUserPolicyInput{UserName: user, PolicyName: name, PolicyDocument: text})
	if err != nil {
		fields := map[string]string{"MalformedPolicyDocument": "PolicyDocument", "LimitExceeded": "PolicyDocument"}
		if err := f.Refused(v, err, fields); err != nil {
			return err
		}
		return showPolicy(v, f)
	}
	v.LeaveMessage("policy-saved", name)
	v.Redirect(web.Address(userPath, "name", user))
	return nil
}

// deletePolicy asks before an inline policy is deleted.
func deletePolicy(v *web.Visit) (*web.Confirmation, error) {
	user, policy := v.Query.Get("name"), v.Query.Get("policy")
	return &web.Confirmation{
		Page: pageOfUser(user, "Delete policy"), Heading: "Delete policy?",
		Text: web.Words("The inline policy %s of user %s is deleted for good. "+
			"What it allowed is denied from the next request, and what it denied no longer is.", web.Name(policy), web.Name(user)),
		Button: "Delete", Danger: true, Cancel: web.Address(userPath, "name", user),
		Do: func() error {
			if err := web.Do(v, iamapi.DeleteUserPolicy, &iamapi.DeleteUserPolicyInput{UserName: user, PolicyName: policy}); err != nil {
				return err
			}
			v.LeaveMessage("policy-deleted", policy)
			return nil
		},
	}, nil
}

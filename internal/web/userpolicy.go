package web

import (
	"net/url"
	"regexp"
	"strings"

	"github.com/touchstone-iam/touchstone/iamapi"
)

// policyView is the editor of an inline policy.
type policyView struct {
	page
	Form     form
	User     string
	Policy   string // "" for a new one
	Document *editor
}

// newPolicy is what the editor begins with.
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

func (v *visit) policyView(title string, f form) *policyView {
	user := v.query.Get("name")
	return &policyView{
		page: page{Title: title, Nav: usersPath, Crumbs: []crumb{{"Users", usersPath}, {user, at(userPath, "name", user)}, {title, ""}}},
		Form: f, User: user, Policy: v.query.Get("policy"),
	}
}

func (v *visit) showPolicy(f form) error {
	title := "Create inline policy"
	if v.query.Get("policy") != "" {
		title = "Edit policy"
	}
	shown := v.policyView(title, f)
	shown.Scripts = []string{"editor.js"}
	var err error
	shown.Document, err = v.editor(&f, "PolicyDocument", "Policy document", "JSON, as the policy language has it. "+editorKeys)
	if err != nil {
		return err
	}
	shown.Document.Autofocus = shown.Document.Autofocus || shown.Policy != "" && len(f.Problems) == 0
	return v.show("policy", shown)
}

// editPolicy opens the editor.
func (v *visit) editPolicy() error {
	name := v.query.Get("policy")
	if name == "" {
		return v.showPolicy(form{Values: url.Values{"PolicyDocument": {newPolicy}}})
	}
	document, err := v.document(v.query.Get("name"), name)
	if err != nil {
		return err
	}
	return v.showPolicy(form{Values: url.Values{"PolicyName": {name}, "PolicyDocument": {document}, "Before": {digest(document)}}})
}

// document returns the text of an inline policy.
func (v *visit) document(user, policy string) (string, error) {
	out, err := call(v, iamapi.GetUserPolicy, &iamapi.GetUserPolicyInput{UserName: user, PolicyName: policy})
	if err != nil {
		return "", err
	}
	return string(out.PolicyDocument), nil
}

// policyForm is the form of policies' names (IAM API, PutUserPolicy).
var policyForm = regexp.MustCompile(`^[\w+=,.@-]{1,128}$`)

// savePolicy stores the document, unless it changed since the editor was opened: then nothing typed on either side is lost.
func (v *visit) savePolicy() error {
	f := form{Values: v.form}
	user, name := v.query.Get("name"), v.query.Get("policy")
	creating := name == ""
	if creating {
		name = strings.TrimSpace(f.Value("PolicyName"))
	}
	document := newlines(f.Value("PolicyDocument"))
	f.Values.Set("PolicyDocument", document)
	if f.Values.Has("Check") {
		return v.showPolicy(f)
	}
	switch problem := unfit(document); {
	case name == "":
		f.wrong("PolicyName", "Enter a name for the policy.")
	case !policyForm.MatchString(name):
		f.wrong("PolicyName", "Use 1 to 128 letters, digits and the characters + = , . @ - _")
	case document == "":
		f.wrong("PolicyDocument", "Enter a policy.")
	case problem != "":
		f.wrong("PolicyDocument", "%s", problem)
	}
	if len(f.Problems) > 0 {
		return v.showPolicy(f)
	}
	current, err := v.document(user, name)
	switch {
	case err == nil && creating:
		f.wrong("PolicyName", "The user has a policy of this name already. Choose another name, or edit that policy.")
		return v.showPolicy(f)
	case err == nil && digest(current) != f.Value("Before"):
		f.wrong("", "This policy was changed by someone else while you edited it. Your text is still here; save it again to replace the other.")
		f.Values.Set("Before", digest(current))
		return v.showPolicy(f)
	case err != nil && !isCode(err, "NoSuchEntity") && !isCode(err, "AccessDenied"):
		return err
	}
	err = do(v, iamapi.PutUserPolicy, &iamapi.PutUserPolicyInput{UserName: user, PolicyName: name, PolicyDocument: document})
	if err != nil {
		if err := f.refused(v, err, map[string]string{"MalformedPolicyDocument": "PolicyDocument", "LimitExceeded": "PolicyDocument"}); err != nil {
			return err
		}
		return v.showPolicy(f)
	}
	v.say("policy-saved", name)
	v.to(at(userPath, "name", user))
	return nil
}

func (v *visit) confirmDeletePolicy() error {
	return v.show("delete-policy", v.policyView("Delete policy", form{Values: url.Values{}}))
}

func (v *visit) deletePolicy() error {
	shown := v.policyView("Delete policy", form{Values: v.form})
	err := do(v, iamapi.DeleteUserPolicy, &iamapi.DeleteUserPolicyInput{UserName: shown.User, PolicyName: shown.Policy})
	if err != nil {
		if err := shown.Form.refused(v, err, nil); err != nil {
			return err
		}
		return v.show("delete-policy", shown)
	}
	v.say("policy-deleted", shown.Policy)
	v.to(at(userPath, "name", shown.User))
	return nil
}

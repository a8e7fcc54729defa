package web

import (
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/touchstone-iam/touchstone/iamapi"
)

const simulatorPath = "/console/simulator"

// The parts of a simulation are bounded, so that its answer is a page that a browser can show.
const (
	maxPolicies    = 10
	maxActions     = 1000
	maxResources   = 200
	maxContextKeys = 50
	maxRows        = 200 // on a page of results, about
	maxSuggested   = 500 // users
	maxOffered     = 2000
)

// simulatorView is the policy simulator: what is asked, and what came of it. All of it is in the form, none in the address.
type simulatorView struct {
	page
	Form      form
	Users     []string // to choose from, where they may be listed
	Actions   []string // to choose from
	User      string   // who is chosen
	Policies  policiesPart
	Documents []*editor // of the policies that are pasted
	Boundary  *editor
	Resource  *editor
	Keys      []contextKey
	KeysLeft  bool // there are more keys than have a line
	Results   *results
	Focus     string // the part that was asked for
}

// MaxKeys is how many keys have a line.
func (*simulatorView) MaxKeys() int { return maxContextKeys }

// More reports whether the settings that few need are shown.
func (s *simulatorView) More() bool {
	return slices.ContainsFunc([]string{"Boundary", "ResourcePolicy", "ResourceOwner", "CallerArn"}, func(name string) bool {
		return s.Form.Value(name)+s.Form.Problem(name) != ""
	})
}

// Excluded reports whether a policy of the user is left out.
func (s *simulatorView) Excluded(policy string) bool {
	return slices.Contains(s.Form.Values["Exclude"], policy)
}

// existing reports whether a user's policies are simulated, rather than pasted ones.
func (s *simulatorView) existing() bool { return !s.Form.Checked("Mode", "new") }

// policyFields are the fields of the pasted policies.
func (s *simulatorView) policyFields() []string {
	fields := []string{"Policy1"}
	for n := 2; n <= maxPolicies && s.Form.Values.Has("Policy"+strconv.Itoa(n)); n++ {
		fields = append(fields, "Policy"+strconv.Itoa(n))
	}
	return fields
}

// MorePolicies reports whether another policy can be pasted.
func (s *simulatorView) MorePolicies() bool { return len(s.Documents) < maxPolicies }

// contextKey is a line of the global settings.
type contextKey struct {
	Number            int
	Name, Type, Value string
}

// Field is the name of one of the line's fields.
func (k *contextKey) Field(part string) string { return part + strconv.Itoa(k.Number) }

// ID is the id in the page of one of the line's fields.
func (k *contextKey) ID(part string) string { return problem{Field: k.Field(part)}.ID() }

// Types are the types that the key's values can have.
func (*contextKey) Types() []iamapi.ContextKeyTypeEnum {
	return []iamapi.ContextKeyTypeEnum{
		iamapi.ContextKeyTypeEnumString, iamapi.ContextKeyTypeEnumStringList, iamapi.ContextKeyTypeEnumNumeric, iamapi.ContextKeyTypeEnumNumericList,
		iamapi.ContextKeyTypeEnumBoolean, iamapi.ContextKeyTypeEnumBooleanList, iamapi.ContextKeyTypeEnumIp, iamapi.ContextKeyTypeEnumIpList,
		iamapi.ContextKeyTypeEnumBinary, iamapi.ContextKeyTypeEnumBinaryList, iamapi.ContextKeyTypeEnumDate, iamapi.ContextKeyTypeEnumDateList,
	}
}

// key is the line of a context key; nil when there is none.
func (s *simulatorView) key(name string) *contextKey {
	n := slices.IndexFunc(s.Keys, func(k contextKey) bool { return strings.EqualFold(k.Name, name) })
	if n < 0 {
		return nil
	}
	return &s.Keys[n]
}

// addKeys adds lines for the keys that have none.
func (v *visit) addKeys(s *simulatorView, names []string) {
	for _, name := range names {
		if s.key(name) != nil {
			continue
		}
		if len(s.Keys) == maxContextKeys {
			s.KeysLeft = true
			return
		}
		s.Keys = append(s.Keys, contextKey{Number: len(s.Keys) + 1, Name: name, Type: string(v.usualType(name))})
	}
}

// usualType is the type that the values of a condition key have. Those that the catalogue knows by a pattern alone are strings.
func (s *site) usualType(name string) iamapi.ContextKeyTypeEnum {
	types := map[string]iamapi.ContextKeyTypeEnum{
		"String": iamapi.ContextKeyTypeEnumString, "ARN": iamapi.ContextKeyTypeEnumString, "Numeric": iamapi.ContextKeyTypeEnumNumeric,
		"Date": iamapi.ContextKeyTypeEnumDate, "Bool": iamapi.ContextKeyTypeEnumBoolean, "Binary": iamapi.ContextKeyTypeEnumBinary,
		"IPAddress": iamapi.ContextKeyTypeEnumIp,
	}
	for known, t := range s.KeyTypes {
		if strings.EqualFold(known, name) {
			single, several := strings.CutPrefix(t, "ArrayOf")
			if several {
				return types[single] + "List"
			}
			return types[single]
		}
	}
	return iamapi.ContextKeyTypeEnumString
}

func (v *visit) simulatorView(values url.Values) *simulatorView {
	s := &simulatorView{
		page: page{Title: "Policy simulator", Nav: simulatorPath, Crumbs: []crumb{{"Policy simulator", ""}}, Scripts: []string{"editor.js"}},
		Form: form{Values: values}, Actions: v.Actions[:min(maxOffered, len(v.Actions))],
	}
	for n := 1; n <= maxContextKeys && values.Has("KeyName"+strconv.Itoa(n)); n++ {
		k := contextKey{Number: n}
		k.Name, k.Type, k.Value = values.Get(k.Field("KeyName")), values.Get(k.Field("KeyType")), values.Get(k.Field("KeyValue"))
		s.Keys = append(s.Keys, k)
	}
	return s
}

// simulator shows the form, with a user chosen when the address names one.
func (v *visit) simulator() error {
	return v.showSimulator(v.simulatorView(url.Values{"Mode": {"existing"}, "UserName": {v.query.Get("name")}}))
}

// simulate does what the pressed button says.
func (v *visit) simulate() error {
	for _, values := range v.form {
		for n := range values {
			values[n] = newlines(values[n])
		}
	}
	s := v.simulatorView(v.form)
	// What was ticked is of the user who was shown.
	if !strings.EqualFold(userName(v.form.Get("UserName")), v.form.Get("Shown")) {
		v.form.Del("Exclude")
	}
	// An action that was chosen is meant, whichever button was pressed.
	if action := strings.TrimSpace(v.form.Get("AddAction")); action != "" {
		v.form.Set("Actions", strings.TrimLeft(strings.TrimRight(v.form.Get("Actions"), "\n")+"\n"+action, "\n"))
		v.form.Del("AddAction")
	}
	if v.form.Has("Check") {
		return v.showSimulator(s)
	}
	var err error
	switch v.form.Get("Do") {
	case "clear":
	case "add-action":
		s.Focus = "AddAction"
	case "add-policy":
		if fields := s.policyFields(); len(fields) < maxPolicies {
			s.Focus = "Policy" + strconv.Itoa(len(fields)+1)
			v.form.Set(s.Focus, "")
		}
	case "keys":
		err = v.findKeys(s)
	default:
		err = v.run(s)
	}
	if err != nil {
		return err
	}
	return v.showSimulator(s)
}

// showSimulator completes the page: whom there is to choose from, the chosen user's policies, and what is found in those pasted.
func (v *visit) showSimulator(s *simulatorView) error {
	users, err := call(v, iamapi.ListUsers, &iamapi.ListUsersInput{MaxItems: maxSuggested})
	if part, err := v.section(err); err != nil {
		return err
	} else if part.Readable() {
		for _, u := range users.Users {
			s.Users = append(s.Users, u.UserName)
		}
	}
	if user := userName(s.Form.Value("UserName")); user != "" && s.Form.Problem("UserName") == "" {
		s.User = user
		if s.Policies, err = v.policiesPart(s.User); err != nil {
			return err
		}
	}
	for n, field := range s.policyFields() {
		e, err := v.editor(&s.Form, field, "Policy "+strconv.Itoa(n+1), editorKeys)
		if err != nil {
			return err
		}
		e.Autofocus = e.Autofocus || s.Focus == field
		s.Documents = append(s.Documents, e)
	}
	if s.Boundary, err = v.editor(&s.Form, "Boundary", "Permissions boundary", "What it does not allow is denied, whatever the policies say."); err != nil {
		return err
	}
	if s.Resource, err = v.editor(&s.Form, "ResourcePolicy", "Resource policy", "The policy of the resources themselves. It needs a caller."); err != nil {
		return err
	}
	s.Boundary.Optional, s.Resource.Optional = true, true
	return v.show("simulator", s)
}

// userForm is the form of users' names (IAM API, User).
var userForm = regexp.MustCompile(`^[\w+=,.@-]{1,64}$`)

// userName is the name of a user who was given by name or by ARN; "" when neither was.
func userName(given string) string {
	given = strings.TrimSpace(given)
	if name, ok := strings.CutPrefix(given, "arn:"); ok {
		if _, name, ok = strings.Cut(name, ":user/"); !ok {
			return ""
		}
		given = name[strings.LastIndexByte(name, '/')+1:]
	}
	if !userForm.MatchString(given) {
		return ""
	}
	return given
}

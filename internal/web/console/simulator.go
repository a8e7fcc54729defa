package console

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/touchstone-iam/touchstone/iamapi"
	"github.com/touchstone-iam/touchstone/internal/web"
)

// The parts of a simulation are bounded, so that its answer is a page that a browser can show.
const (
	maxPolicies      = 10
	maxActions       = 1000
	maxResources     = 200
	maxContextKeys   = 50
	maxRows          = 200       // on a page of results, about
	maxSimulatorForm = 512 << 10 // bytes, since there may be several documents
	maxSuggested     = 500       // users
	maxOffered       = 2000
)

// simulator has the pages of the policy simulator, with what there is to simulate.
type simulator struct {
	Catalogue
	byService map[string][]string // the actions by their service, in lower case
}

func newSimulator(c Catalogue) *simulator {
	sim := &simulator{Catalogue: c, byService: make(map[string][]string)}
	for _, action := range c.Actions {
		service, _, _ := strings.Cut(strings.ToLower(action), ":")
		sim.byService[service] = append(sim.byService[service], action)
	}
	return sim
}

// simulatorView is the page of the policy simulator: the question and its results. All of it is in the form, none in the address.
type simulatorView struct {
	web.Page
	Form     web.Form
	Users    []string // to choose from, where they may be listed
	Actions  []string // to choose from
	User     string   // who is chosen
	Policies policiesPart
	Pasted   []*editor // the policies that are
	Boundary *editor
	Resource *editor
	Keys     []contextKey
	KeysLeft bool // there are more keys than have a line
	Results  *results
	Focus    string // the part that was asked for

	simulator *simulator
}

// MaxKeys returns the greatest number of keys that have a line.
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

// policyFields returns the names of the fields of the pasted policies. There is always one.
func (s *simulatorView) policyFields() []string {
	fields := []string{"Policy1"}
	for n := 2; n <= maxPolicies && s.Form.Values.Has("Policy"+strconv.Itoa(n)); n++ {
		fields = append(fields, "Policy"+strconv.Itoa(n))
	}
	return fields
}

// MorePolicies reports whether another policy can be pasted.
func (s *simulatorView) MorePolicies() bool { return len(s.Pasted) < maxPolicies }

// contextKey is a line of the global settings.
type contextKey struct {
	Number            int
	Name, Type, Value string
}

// Field returns the name of one of the line's fields.
func (k *contextKey) Field(part string) string { return part + strconv.Itoa(k.Number) }

// ID returns the id that one of the line's fields has in the page.
func (k *contextKey) ID(part string) string { return web.FieldID(k.Field(part)) }

// Types returns the types that the key's values can have.
func (*contextKey) Types() []iamapi.ContextKeyTypeEnum {
	return []iamapi.ContextKeyTypeEnum{
		iamapi.ContextKeyTypeEnumString, iamapi.ContextKeyTypeEnumStringList,
		iamapi.ContextKeyTypeEnumNumeric, iamapi.ContextKeyTypeEnumNumericList,
		iamapi.ContextKeyTypeEnumBoolean, iamapi.ContextKeyTypeEnumBooleanList,
		iamapi.ContextKeyTypeEnumIp, iamapi.ContextKeyTypeEnumIpList,
		iamapi.ContextKeyTypeEnumBinary, iamapi.ContextKeyTypeEnumBinaryList,
		iamapi.ContextKeyTypeEnumDate, iamapi.ContextKeyTypeEnumDateList,
	}
}

// key returns the line of a context key, or nil when it has none.
func (s *simulatorView) key(name string) *contextKey {
	n := slices.IndexFunc(s.Keys, func(k contextKey) bool { return strings.EqualFold(k.Name, name) })
	if n < 0 {
		return nil
	}
	return &s.Keys[n]
}

// addKeys adds a line for each key that has none, as long as there is room.
func (s *simulatorView) addKeys(names []string) {
	for _, name := range names {
		if s.key(name) != nil {
			continue
		}
		if len(s.Keys) == maxContextKeys {
			s.KeysLeft = true
			return
		}
		s.Keys = append(s.Keys, contextKey{Number: len(s.Keys) + 1, Name: name, Type: string(s.simulator.usualType(name))})
	}
}

// usualType returns the type that the values of a condition key have. A key that the catalogue does not name, or knows by a
// pattern alone, is taken to hold strings.
func (sim *simulator) usualType(name string) iamapi.ContextKeyTypeEnum {
	types := map[string]iamapi.ContextKeyTypeEnum{
		"String": iamapi.ContextKeyTypeEnumString, "ARN": iamapi.ContextKeyTypeEnumString, "Numeric": iamapi.ContextKeyTypeEnumNumeric,
		"Date": iamapi.ContextKeyTypeEnumDate, "Bool": iamapi.ContextKeyTypeEnumBoolean, "Binary": iamapi.ContextKeyTypeEnumBinary,
		"IPAddress": iamapi.ContextKeyTypeEnumIp,
	}

	for known, t := range sim.KeyTypes {
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

// view returns the page that a form's values ask for.
func (sim *simulator) view(values url.Values) *simulatorView {
	s := &simulatorView{
		Page: web.Page{
			Title: "Policy simulator", Nav: simulatorPath, Crumbs: web.Crumbs("Policy simulator"), Scripts: []string{"editor.js"},
		},
		Form: web.Form{Values: values}, Actions: sim.Actions[:min(maxOffered, len(sim.Actions))],
		simulator: sim,
	}
	for n := 1; n <= maxContextKeys && values.Has("KeyName"+strconv.Itoa(n)); n++ {
		k := contextKey{Number: n}
		k.Name, k.Type, k.Value = values.Get(k.Field("KeyName")), values.Get(k.Field("KeyType")), values.Get(k.Field("KeyValue"))
		s.Keys = append(s.Keys, k)
	}
	return s
}

// open shows the form, with a user chosen when the address names one.
func (sim *simulator) open(v *web.Visit) error {
	return showSimulator(v, sim.view(url.Values{"Mode": {"existing"}, "UserName": {v.Query.Get("name")}}))
}

// submit does what the pressed button says.
func (sim *simulator) submit(v *web.Visit) error {
	for _, values := range v.Form {
		for n := range values {
			values[n] = newlines(values[n])
		}
	}

	s := sim.view(v.Form)

	// The policies that were ticked belong to the user who was shown, not to one who was chosen since.
	if !strings.EqualFold(userName(v.Form.Get("UserName")), v.Form.Get("Shown")) {
		v.Form.Del("Exclude")
	}

	// An action that was chosen is added to the list, whichever button was pressed.
	if action := strings.TrimSpace(v.Form.Get("AddAction")); action != "" {
		v.Form.Set("Actions", strings.TrimLeft(strings.TrimRight(v.Form.Get("Actions"), "\n")+"\n"+action, "\n"))
		v.Form.Del("AddAction")
	}
	if v.Form.Has("Check") {
		return showSimulator(v, s)
	}

	var err error
	switch v.Form.Get("Do") {
	case "clear":
	case "add-action":
		s.Focus = "AddAction"
	case "add-policy":
		if fields := s.policyFields(); len(fields) < maxPolicies {
			s.Focus = "Policy" + strconv.Itoa(len(fields)+1)
			v.Form.Set(s.Focus, "")
		}
	case "keys":
		err = findKeys(v, s)
	default:
		err = runSimulation(v, s)
	}
	if err != nil {
		return err
	}
	return showSimulator(v, s)
}

// showSimulator completes the page with the users to choose from, the chosen user's policies, and what is found in the pasted ones.
func showSimulator(v *web.Visit, s *simulatorView) error {
	users, err := web.Call(v, iamapi.ListUsers, &iamapi.ListUsersInput{MaxItems: maxSuggested})
	if part, err := v.Section(err); err != nil {
		return err
	} else if part.Readable() {
		for _, u := range users.Users {
			s.Users = append(s.Users, u.UserName)
		}
	}

	if user := userName(s.Form.Value("UserName")); user != "" && s.Form.Problem("UserName") == "" {
		s.User = user
		if s.Policies, err = readPolicies(v, s.User); err != nil {
			return err
		}
	}

	for n, field := range s.policyFields() {
		e, err := newEditor(v, &s.Form, field, "Policy "+strconv.Itoa(n+1), editorKeys)
		if err != nil {
			return err
		}
		e.Autofocus = e.Autofocus || s.Focus == field
		s.Pasted = append(s.Pasted, e)
	}

	if s.Boundary, err = newEditor(v, &s.Form, "Boundary", "Permissions boundary",
		"What it does not allow is denied, whatever the policies say."); err != nil {
		return err
	}
	if s.Resource, err = newEditor(v, &s.Form, "ResourcePolicy", "Resource policy",
		"The policy of the resources themselves. It needs a caller."); err != nil {
		return err
	}
	s.Boundary.Optional, s.Resource.Optional = true, true
	return v.Show("simulator", s)
}

// userName returns the name of a user who was given by name or by ARN, or "" when the text is neither.
func userName(given string) string {
	given = strings.TrimSpace(given)
	if name, ok := strings.CutPrefix(given, "arn:"); ok {
		if _, name, ok = strings.Cut(name, ":user/"); !ok {
			return ""
		}
		given = name[strings.LastIndexByte(name, '/')+1:]
	}
	if !iamapi.ValidUserName(given) {
		return ""
	}
	return given
}

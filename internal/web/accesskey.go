package web

import (
	"encoding/csv"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/touchstone-iam/touchstone/awsquery"
	"github.com/touchstone-iam/touchstone/iamapi"
)

// keyView is a page about an access key.
type keyView struct {
	page
	Form    form
	Subject subject
	ID      string
	Active  bool
	Known   string // the keys that there are, so that a form sent twice makes one key
	Full    bool
	Created *iamapi.AccessKey
	Shown   bool // the secret was shown before
}

func (v *visit) keyView(title string, f form) *keyView {
	s := v.subject()
	return &keyView{page: page{Title: title, Nav: s.nav(), Crumbs: s.crumbs(title)}, Form: f, Subject: s, ID: v.query.Get("id")}
}

// newAccessKey asks what the key is for, since there is often something better.
func (v *visit) newAccessKey() error {
	f := form{Values: url.Values{}}
	if v.query.Has("shown") {
		shown := v.keyView("Create access key", f)
		shown.Shown = true
		return v.show("access-key-created", shown)
	}
	return v.showNewKey(f)
}

func (v *visit) showNewKey(f form) error {
	shown := v.keyView("Create access key", f)
	keys, err := v.keysPart(shown.Subject)
	if err != nil {
		return err
	}
	shown.Known, shown.Full = knownKeys(&keys), keys.Full()
	return v.show("create-access-key", shown)
}

// knownKeys names the keys that a form was made with.
func knownKeys(keys *keysPart) string {
	ids := make([]string, len(keys.List))
	for n := range keys.List {
		ids[n] = keys.List[n].AccessKeyId
	}
	slices.Sort(ids)
	return strings.Join(ids, " ")
}

// createAccessKey makes a key and shows its secret, in this answer alone.
func (v *visit) createAccessKey() error {
	f := form{Values: v.form}
	shown := v.keyView("Create access key", f)
	keys, err := v.keysPart(shown.Subject)
	if err != nil {
		return err
	}
	if keys.Readable() && knownKeys(&keys) != f.Value("known") {
		shown.Shown = true // the browser sent the form again
		return v.show("access-key-created", shown)
	}
	if !f.Checked("Understood", "yes") {
		f.wrong("Understood", "Confirm that you have read this.")
		return v.showNewKey(f)
	}
	out, err := call(v, iamapi.CreateAccessKey, &iamapi.CreateAccessKeyInput{UserName: shown.Subject.UserName})
	if err != nil {
		if err := f.refused(v, err, nil); err != nil {
			return err
		}
		return v.showNewKey(f)
	}
	shown.Created = &out.AccessKey
	return v.show("access-key-created", shown)
}

// findKey is the key that the address names.
func (v *visit) findKey(title string, f form) (*keyView, error) {
	shown := v.keyView(title, f)
	keys, err := v.keysPart(shown.Subject)
	if err != nil {
		return nil, err
	}
	for n := range keys.List {
		if keys.List[n].AccessKeyId == shown.ID {
			shown.Active = keys.List[n].Active()
			return shown, nil
		}
	}
	if keys.Readable() {
		return nil, &awsquery.Error{Code: "NoSuchEntity", Status: http.StatusNotFound, Message: "There is no such access key. It may have been deleted already."}
	}
	return shown, nil
}

// confirmKeyStatus asks before a key that may be in use stops working.
func (v *visit) confirmKeyStatus() error {
	shown, err := v.findKey("Access key status", form{Values: url.Values{}})
	if err != nil {
		return err
	}
	return v.show("access-key-status", shown)
}

func (v *visit) setKeyStatus() error {
	f := form{Values: v.form}
	shown := v.keyView("Access key status", f)
	said, status := "key-deactivated", iamapi.StatusTypeInactive
	if f.Checked("Status", "Active") {
		said, status = "key-activated", iamapi.StatusTypeActive
	}
	err := do(v, iamapi.UpdateAccessKey, &iamapi.UpdateAccessKeyInput{UserName: shown.Subject.UserName, AccessKeyId: shown.ID, Status: status})
	if err != nil {
		shown.Active = status == iamapi.StatusTypeInactive
		if err := shown.Form.refused(v, err, nil); err != nil {
			return err
		}
		return v.show("access-key-status", shown)
	}
	v.say(said, shown.ID)
	v.to(shown.Subject.Home())
	return nil
}

// confirmDeleteKey asks for the key's id before it is gone for good. An active key is deactivated first, so that its absence can
// be tried.
func (v *visit) confirmDeleteKey() error {
	shown, err := v.findKey("Delete access key", form{Values: url.Values{}})
	if err != nil {
		return err
	}
	return v.show("delete-access-key", shown)
}

func (v *visit) deleteAccessKey() error {
	shown, err := v.findKey("Delete access key", form{Values: v.form})
	if err != nil {
		return err
	}
	switch {
	case shown.Active:
		shown.Form.wrong("", "Deactivate the access key before you delete it.")
	case shown.Form.Value("Confirm") != shown.ID:
		shown.Form.wrong("Confirm", "Type the access key ID to confirm.")
	default:
		err := do(v, iamapi.DeleteAccessKey, &iamapi.DeleteAccessKeyInput{UserName: shown.Subject.UserName, AccessKeyId: shown.ID})
		if err == nil {
			v.say("key-deleted", shown.ID)
			v.to(shown.Subject.Home())
			return nil
		}
		if err := shown.Form.refused(v, err, nil); err != nil {
			return err
		}
	}
	return v.show("delete-access-key", shown)
}

const csvPath = "/console/csv"

// csvFiles are the files that a page with new credentials offers: file name, then columns. The page sends their values back,
// since nobody else has them.
var csvFiles = map[string][]string{
	"accessKeys":  {"Access key ID", "Secret access key"},
	"credentials": {"User name", "Password", "Console sign-in URL"},
}

// csv answers with what was just shown, as a file.
func (v *visit) csv() error {
	name := v.form.Get("file")
	columns, ok := csvFiles[name]
	if !ok {
		return errForm
	}
	row := make([]string, len(columns))
	for n, column := range columns {
		row[n] = inert(v.form.Get(column))
	}
	h := v.w.Header()
	h.Set("Content-Type", "text/csv; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="`+name+`.csv"`)
	w := csv.NewWriter(v.w)
	if err := w.WriteAll([][]string{columns, row}); err != nil {
		v.Logger.Debug("download ended", "request_id", v.id, "error", err)
	}
	return nil
}

// inert keeps a spreadsheet from taking a cell for a formula.
func inert(cell string) string {
	if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
		return "'" + cell
	}
	return cell
}

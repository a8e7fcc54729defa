package console

import (
	"net/url"
	"slices"
	"strings"

	"github.com/touchstone-iam/touchstone/iamapi"
	"github.com/touchstone-iam/touchstone/internal/web"
)

// newKeyView is the form for a new access key.
type newKeyView struct {
	web.Page
	Form   web.Form
	Holder holder
	Known  string // the keys that there are, so that a form sent twice makes one key
	Limit  int
	Full   bool // no further key may be created
}

// createdKeyView shows a new access key with its secret.
type createdKeyView struct {
	web.Page
	Holder  holder
	Created *iamapi.AccessKey
	Shown   bool // the secret was shown before
}

const newKeyTitle = "Create access key"

// newAccessKey is the form for a new access key. It says what to consider first, since there is often something better than a key.
func newAccessKey(v *web.Visit) error {
	if v.Query.Has("shown") {
		return showCreatedKey(v, nil)
	}
	return showNewKey(v, web.Form{Values: url.Values{}})
}

func showNewKey(v *web.Visit, f web.Form) error {
	h := holderOf(v)
	keys, err := readKeys(v, h)
	if err != nil {
		return err
	}
	most, err := accountLimits(v)
	if err != nil {
		return err
	}
	return v.Show("create-access-key", &newKeyView{
		Page: h.page(newKeyTitle), Form: f, Holder: h,
		Known: knownKeys(&keys), Limit: most.AccessKeys, Full: len(keys.List) >= most.AccessKeys,
	})
}

// showCreatedKey shows a key with its secret. created is nil for a key whose secret was shown before.
func showCreatedKey(v *web.Visit, created *iamapi.AccessKey) error {
	h := holderOf(v)
	return v.Show("access-key-created", &createdKeyView{Page: h.page(newKeyTitle), Holder: h, Created: created, Shown: created == nil})
}

// knownKeys returns the ids of keys as one text. A form carries the keys that there were when it was made.
func knownKeys(keys *keysPart) string {
	ids := make([]string, len(keys.List))
	for n := range keys.List {
		ids[n] = keys.List[n].AccessKeyId
	}
	slices.Sort(ids)
	return strings.Join(ids, " ")
}

// createAccessKey makes a key and shows its secret, in this answer alone.
func createAccessKey(v *web.Visit) error {
	f := web.Form{Values: v.Form}
	h := holderOf(v)
	keys, err := readKeys(v, h)
	if err != nil {
		return err
	}
	if keys.Readable() && knownKeys(&keys) != f.Value("known") {
		return showCreatedKey(v, nil) // the browser sent the form again
	}
	if !f.Checked("Understood", "yes") {
		f.Wrong("Understood", "Confirm that you have read this.")
		return showNewKey(v, f)
	}

	out, err := web.Call(v, iamapi.CreateAccessKey, &iamapi.CreateAccessKeyInput{UserName: h.UserName})
	if err != nil {
		if err := f.Refused(v, err, nil); err != nil {
			return err
		}
		return showNewKey(v, f)
	}
	return showCreatedKey(v, &out.AccessKey)
}

// addressedKey returns the id of the access key that the address names, and whether the key is active. If the holder's keys may not
// be listed, the key is taken to be inactive.
func addressedKey(v *web.Visit, h holder) (id string, active bool, err error) {
	id = v.Query.Get("id")
	keys, err := readKeys(v, h)
	if err != nil {
		return id, false, err
	}
	for n := range keys.List {
		if keys.List[n].AccessKeyId == id {
			return id, keys.List[n].Active(), nil
		}
	}
	if keys.Readable() {
		return id, false, web.Missing("There is no such access key. It may have been deleted already.")
	}
	return id, false, nil
}

// setKeyStatus asks before a key is activated or deactivated.
func setKeyStatus(v *web.Visit) (*web.Confirmation, error) {
	h := holderOf(v)
	id, active, err := addressedKey(v, h)
	if err != nil {
		return nil, err
	}

	// The form does what its button said, even when the key was changed in the meantime.
	activate := !active
	if v.Form.Has("Status") {
		activate = v.Form.Get("Status") == string(iamapi.StatusTypeActive)
	}
	button, text, message, status := "Deactivate", "Requests signed with %s are refused from now on. You can activate it again.",
		"key-deactivated", iamapi.StatusTypeInactive
	if activate {
		button, text, message, status = "Activate", "Requests signed with %s are accepted again.",
			"key-activated", iamapi.StatusTypeActive
	}

	return &web.Confirmation{
		Page: h.page("Access key status"), Heading: button + " access key?", Text: web.Words(text, web.Identifier(id)),
		Hidden: []web.Field{{Name: "Status", Value: string(status)}}, Button: button, Cancel: h.Home(),
		Do: func() error {
			err := web.Do(v, iamapi.UpdateAccessKey, &iamapi.UpdateAccessKeyInput{UserName: h.UserName, AccessKeyId: id, Status: status})
			if err != nil {
				return err
			}
			v.LeaveMessage(message, id)
			return nil
		},
	}, nil
}

// deleteAccessKey asks for the key's id before the key is deleted for good. An active key must be deactivated first, so that
// whatever still needs it is noticed.
func deleteAccessKey(v *web.Visit) (*web.Confirmation, error) {
	h := holderOf(v)
	id, active, err := addressedKey(v, h)
	if err != nil {
		return nil, err
	}
	c := &web.Confirmation{Page: h.page("Delete access key"), Heading: "Delete access key?", Cancel: h.Home()}
	if active {
		c.Text = web.Words("The access key %s is active. Deactivate it first and see that nothing misses it.", web.Identifier(id))
		c.Instead = &web.Instead{
			Text: "Deactivate", Address: web.Address(keyStatusPath, "user", h.UserName, "id", id),
			Problem: "Deactivate the access key before you delete it.",
		}
		return c, nil
	}

	c.Text = web.Words("The access key %s is gone for good. This cannot be undone.", web.Identifier(id))
	c.Typed = &web.Typed{Label: "To confirm, type the access key ID", Text: id, Wrong: "Type the access key ID to confirm."}
	c.Button, c.Danger = "Delete", true
	c.Do = func() error {
		if err := web.Do(v, iamapi.DeleteAccessKey, &iamapi.DeleteAccessKeyInput{UserName: h.UserName, AccessKeyId: id}); err != nil {
			return err
		}
		v.LeaveMessage("key-deleted", id)
		return nil
	}
	return c, nil
}

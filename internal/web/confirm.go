package web

import "net/http"

// Confirmation is a page that asks before something is done.
type Confirmation struct {
	Page
	Form Form

	Heading string  // the question
	Text    Prose   // what will happen
	Points  []Prose // what it happens to, in a list under the text
	Detail  string  // an identifier, such as a serial number, under the text

	Typed  *Typed  // what has to be typed to confirm; nil for nothing
	Hidden []Field // what else the form sends
	// Action is the address of this very page, where a form that leads to it may have been sent to a shorter one; "" otherwise.
	Action string
	Button string // what the button says
	Danger bool   // it destroys something
	Cancel string // the address to go back to

	// Instead is what there is to do when the thing cannot be done now; nil when it can.
	Instead *Instead

	// Do does what was confirmed and leaves a message for the next page. An error that the person can do something about is shown
	// in the page.
	Do   func() error
	Next string // the address to go to afterwards; "" is Cancel
}

// Typed is a text that a person has to type, so that nothing valuable goes by a slip of the hand.
type Typed struct {
	Label, Help string
	Text        string
	Wrong       string // what to say when another was typed
}

// TypedInput returns the field for what has to be typed.
func (c *Confirmation) TypedInput() (*Input, error) {
	return c.Form.Input("Confirm", c.Typed.Label, "help="+c.Typed.Help, "autofocus")
}

// Field is a name and a value in a form.
type Field struct{ Name, Value string }

// Instead is a link that takes the place of a confirmation's form.
type Instead struct {
	Text, Address string
	Problem       string // what to say to a form that was sent all the same; "" when the page says enough
}

// Confirm returns the handler of a confirmation, which describe describes. A GET shows the question. A POST does what is asked
// about, provided that the text to confirm it was typed. When the operation refuses, the question is shown again, about the state
// that there is by then.
func Confirm(describe func(*Visit) (*Confirmation, error)) Handler {
	return func(v *Visit) error {
		c, err := describe(v)
		if err != nil || c == nil {
			return err
		}
		if v.Request.Method != http.MethodPost {
			return v.Show("confirm", c)
		}

		c.Form.Values = v.Form
		switch {
		case c.Instead != nil:
			if c.Instead.Problem != "" {
				c.Form.Wrong("", "%s", c.Instead.Problem)
			}
			return v.Show("confirm", c)
		case c.Typed != nil && c.Form.Value("Confirm") != c.Typed.Text:
			c.Form.Wrong("Confirm", "%s", c.Typed.Wrong)
			return v.Show("confirm", c)
		}

		if err := c.Do(); err != nil {
			return c.refused(v, describe, err)
		}
		if c.Next == "" {
			c.Next = c.Cancel
		}
		v.Redirect(c.Next)
		return nil
	}
}

// refused shows the page again after an error. What the page is about is read anew, since a part of the work may have been done.
func (c *Confirmation) refused(v *Visit, describe func(*Visit) (*Confirmation, error), err error) error {
	if err := c.Form.Refused(v, err, nil); err != nil {
		return err
	}
	v.account = nil
	again, err := describe(v)
	if err != nil || again == nil {
		return err
	}
	again.Form = c.Form
	if d := again.Form.Denied; d != nil && again.Action != "" {
		d.Here = again.Action
	}
	return v.Show("confirm", again)
}

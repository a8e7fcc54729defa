package web

import (
	"errors"
	"net/http"
	"regexp"

	"github.com/touchstone-iam/touchstone/awsquery"
	"github.com/touchstone-iam/touchstone/internal/secret"
	"github.com/touchstone-iam/touchstone/internal/store"
)

// denial is a refusal as a page shows it.
type denial struct {
	Message                  string
	Principal                string
	Action, Resource, Reason string // "" when the message is not of the usual form
	OfferMFA                 bool   // the session is without MFA, which may be why
	Here                     string // the page's address, for after a sign-in
}

// The usual form is "User: ARN is not authorized to perform: ACTION on resource: RESOURCE REASON" (IAM User Guide,
// "Troubleshoot access denied error messages").
var deniedForm = regexp.MustCompile(`^User: (\S+) is not authorized to perform: (\S+) on resource: (.+?) ((?:because|with) .+)$`)

// denied is the refusal of an operation.
func (v *visit) denied(told *awsquery.Error) *denial {
	d := &denial{
		Message: told.Message, Principal: v.principal.ARN(), OfferMFA: !v.caller.UsedMFA(), Here: destination(v.r.URL.RequestURI()),
	}
	if m := deniedForm.FindStringSubmatch(told.Message); m != nil {
		d.Principal, d.Action, d.Resource, d.Reason = m[1], m[2], m[3], m[4]
	}
	return d
}

// section is a part of a page that comes from an operation of its own: it may be refused or fail while the rest is shown.
type section struct {
	Denied  *denial
	Problem string
}

// section turns an operation's error into what is shown in place of the part; any error that no page can go on with is returned.
func (v *visit) section(err error) (section, error) {
	var told *awsquery.Error
	switch {
	case err == nil:
		return section{}, nil
	case !errors.As(err, &told) || told.Status == http.StatusServiceUnavailable:
		return section{}, err
	case told.Code == "AccessDenied":
		return section{Denied: v.denied(told)}, nil
	}
	return section{Problem: told.Message}, nil
}

// Readable reports whether the part can be shown.
func (s *section) Readable() bool { return s.Denied == nil && s.Problem == "" }

// problemView is the page of an error.
type problemView struct {
	page
	Status  int
	Heading string
	Text    string
	Code    string
	Denied  *denial
}

// failed answers with the page of an error.
func (v *visit) failed(err error) {
	shown := &problemView{
		Status: http.StatusInternalServerError, Heading: "Something went wrong",
		Text: "This is a fault of the service, not yours. It has been recorded under the request id below; trying again may help.",
	}
	var told *awsquery.Error
	switch {
	case errors.Is(err, errFormTooLarge):
		shown.Status, shown.Heading, shown.Text = http.StatusRequestEntityTooLarge, "Too large", "What was sent is larger than this page takes, so nothing was done. Go back and shorten it."
	case errors.Is(err, errForm):
		shown.Status, shown.Heading, shown.Text = http.StatusBadRequest, "Malformed form", "What was sent is not a form, so nothing was done."
	case errors.Is(err, secret.ErrBusy):
		shown.busy(v.w)
	case errors.Is(err, store.ErrUnavailable):
		shown.unavailable(v, err)
	case errors.As(err, &told):
		shown.tell(v, told)
	}
	if shown.Status == http.StatusInternalServerError && told == nil {
		v.Logger.Error("page failed", "request_id", v.id, "path", v.r.URL.Path, "error", err)
	}
	v.present(shown)
}

// busyRetry is after how many seconds a busy service is asked again.
const busyRetry = "5"

func (p *problemView) busy(w http.ResponseWriter) {
	w.Header().Set("Retry-After", busyRetry)
	p.Status, p.Heading, p.Text = http.StatusServiceUnavailable, "The service is busy", "Many people are signing in at this moment. Wait a few seconds, then try again."
}

// unavailable says that the database is gone, and what that means for what was asked.
func (p *problemView) unavailable(v *visit, err error) {
	v.Logger.Error("database not available", "request_id", v.id, "path", v.r.URL.Path, "error", err)
	v.w.Header().Set("Retry-After", busyRetry)
	p.Status, p.Heading = http.StatusServiceUnavailable, "The service is not available"
	p.Text = "Its database cannot be reached at the moment, and nothing was changed. Wait a few seconds, then try again."
	if errors.Is(err, store.ErrOutcomeUnknown) {
		p.Text = "Its database was lost at the moment of the change, which may have been made or not. Look whether it was before you try again."
	}
}

// tell words an operation's error.
func (p *problemView) tell(v *visit, told *awsquery.Error) {
	p.Status, p.Code = told.Status, told.Code
	switch {
	case told.Code == "AccessDenied":
		p.Heading, p.Text, p.Denied = "Access denied", "", v.denied(told)
	case told.Status == http.StatusNotFound:
		p.Heading, p.Text = "Not found", told.Message
	case told.Status == http.StatusServiceUnavailable:
		p.busy(v.w)
	case told.Status < http.StatusInternalServerError:
		p.Heading, p.Text = "This could not be done", told.Message
	}
}

// present shows the page of an error, without whoever is signed in when even that cannot be found out.
func (v *visit) present(shown *problemView) {
	shown.Title, v.status = shown.Heading, shown.Status
	if err := v.show("problem", shown); err != nil {
		v.Logger.Error("page failed", "request_id", v.id, "path", v.r.URL.Path, "error", err)
		v.session = nil
		if err := v.show("problem", shown); err != nil {
			http.Error(v.w, shown.Heading, shown.Status)
		}
	}
}

// problem answers with the page of an error outside any route.
func (s *site) problem(w http.ResponseWriter, r *http.Request, status int, heading, text string) {
	s.visit(w, r).present(&problemView{Status: status, Heading: heading, Text: text})
}

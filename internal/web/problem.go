package web

import (
	"errors"
	"net/http"

	"github.com/touchstone-iam/touchstone/awsquery"
	"github.com/touchstone-iam/touchstone/internal/httpd"
	"github.com/touchstone-iam/touchstone/internal/secret"
	"github.com/touchstone-iam/touchstone/internal/store"
)

// problemView is the page of an error.
type problemView struct {
	Page
	Status  int
	Heading string
	Text    string
	Code    string
	Denied  *Denial
}

// failed answers with the page of an error.
func (v *Visit) failed(err error) {
	shown := &problemView{
		Status: http.StatusInternalServerError, Heading: "Something went wrong",
		Text: "This is a fault of the service, not yours. It has been recorded under the request id below; trying again may help.",
	}
	var told *awsquery.Error
	switch {
	case errors.Is(err, errFormTooLarge):
		shown.Status, shown.Heading = http.StatusRequestEntityTooLarge, "Too large"
		shown.Text = "What was sent is larger than this page takes, so nothing was done. Go back and shorten it."
	case errors.Is(err, ErrForm):
		shown.Status, shown.Heading = http.StatusBadRequest, "Malformed form"
		shown.Text = "What was sent is not a form, so nothing was done."
	case errors.Is(err, httpd.ErrNoRoom):
		shown.busy(v.Writer)
		shown.Text = "Many large forms are being sent at this moment, so nothing was done. Wait a few seconds, then try again."
	case errors.Is(err, secret.ErrBusy):
		shown.busy(v.Writer)
	case errors.Is(err, store.ErrUnavailable):
		shown.unavailable(v, err)
	case errors.As(err, &told):
		shown.tell(v, told)
	}

	// An operation has recorded its own failure. Any other is recorded here.
	if shown.Status == http.StatusInternalServerError && told == nil {
		v.report(err)
	}
	v.present(shown)
}

// report puts the cause of a failure into the request's line in the log.
func (v *Visit) report(cause error) {
	if !httpd.Fail(v.Context(), cause) {
		v.Logger.Error("page failed", "path", v.Request.URL.Path, "error", cause)
	}
}

// busyRetry is after how many seconds a busy service is asked again.
const busyRetry = "5"

func (p *problemView) busy(w http.ResponseWriter) {
	w.Header().Set("Retry-After", busyRetry)
	p.Status, p.Heading = http.StatusServiceUnavailable, "The service is busy"
	p.Text = "Many people are signing in at this moment. Wait a few seconds, then try again."
}

// unavailable says that the database cannot be reached, and whether the change that was asked for may have been made.
func (p *problemView) unavailable(v *Visit, err error) {
	v.report(err)
	v.Writer.Header().Set("Retry-After", busyRetry)
	p.Status, p.Heading = http.StatusServiceUnavailable, "The service is not available"
	p.Text = "Its database cannot be reached at the moment, and nothing was changed. Wait a few seconds, then try again."
	if errors.Is(err, store.ErrOutcomeUnknown) {
		p.Text = "The connection to its database was lost during the change, so the change may or may not have been made. " +
			"Check before you try again."
	}
}

// tell fills in the page of an operation's error.
func (p *problemView) tell(v *Visit, told *awsquery.Error) {
	p.Status, p.Code = told.Status, told.Code
	switch {
	case told.Code == "AccessDenied":
		p.Heading, p.Text, p.Denied = "Access denied", "", v.denial(told)
	case told.Status == http.StatusNotFound:
		p.Heading, p.Text = "Not found", told.Message
	case told.Status == http.StatusServiceUnavailable:
		p.busy(v.Writer)
	case told.Status < http.StatusInternalServerError:
		p.Heading, p.Text = "This could not be done", told.Message
	}
}

// present shows the page of an error. If the masthead cannot be filled in either, it shows the page without it.
func (v *Visit) present(shown *problemView) {
	shown.Title, v.Status = shown.Heading, shown.Status
	err := v.Show("problem", shown)
	if err == nil {
		return
	}

	v.report(err)
	v.Session = nil
	if err := v.Show("problem", shown); err != nil {
		http.Error(v.Writer, shown.Heading, shown.Status)
	}
}

// problem answers with the page of an error outside any route.
func (s *site) problem(w http.ResponseWriter, r *http.Request, status int, heading, text string) {
	s.visit(w, r).present(&problemView{Status: status, Heading: heading, Text: text})
}

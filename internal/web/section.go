package web

import (
	"errors"
	"net/http"

	"github.com/touchstone-iam/touchstone/awsquery"
	"github.com/touchstone-iam/touchstone/internal/authz"
)

// Denial is a refusal as a page shows it.
type Denial struct {
	Message                  string
	Principal                string
	Action, Resource, Reason string // "" when the refusal names none
	OfferMFA                 bool   // the session is without MFA, which may be why
	Here                     string // the page's address, for after a sign-in
}

// denial returns the refusal of an operation as a page shows it.
func (v *Visit) denial(told *awsquery.Error) *Denial {
	d := &Denial{
		Message: told.Message, Principal: v.Principal.ARN(), OfferMFA: !v.Caller.UsedMFA(),
		Here: Destination(v.Request.URL.RequestURI()),
	}
	var denial *authz.Denial
	if errors.As(told, &denial) {
		d.Principal, d.Action, d.Resource, d.Reason = denial.Principal, denial.Action, denial.Resource, denial.Reason()
	}
	return d
}

// Section is a part of a page that comes from an operation of its own: it may be refused or fail while the rest is shown.
type Section struct {
	Denied  *Denial
	Problem string
}

// Readable reports whether the part can be shown.
func (s *Section) Readable() bool { return s.Denied == nil && s.Problem == "" }

// Section turns an operation's error into what is shown in place of the part. It returns an error after which no page can go on.
func (v *Visit) Section(err error) (Section, error) {
	var told *awsquery.Error
	switch {
	case err == nil:
		return Section{}, nil
	case !errors.As(err, &told) || told.Status == http.StatusServiceUnavailable:
		return Section{}, err
	case told.Code == "AccessDenied":
		return Section{Denied: v.denial(told)}, nil
	}
	return Section{Problem: told.Message}, nil
}

// IsCode reports whether err is an operation's error of that code.
func IsCode(err error, code string) bool {
	var told *awsquery.Error
	return errors.As(err, &told) && told.Code == code
}

// Missing returns the error whose page says that there is no such thing.
func Missing(message string) error {
	return &awsquery.Error{Code: "NoSuchEntity", Status: http.StatusNotFound, Message: message}
}

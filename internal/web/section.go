package web

import (
	"errors"
	"net/http"
	"regexp"

	"github.com/touchstone-iam/touchstone/awsquery"
)

// Denial is a refusal as a page shows it.
type Denial struct {
	Message                  string
	Principal                string
	Action, Resource, Reason string // "" when the refusal names none
	OfferMFA                 bool   // the session is without MFA, which may be why
	Here                     string // the page's address, for after a sign-in
}

// denial is the refusal of an operation.
func (v *Visit) denial(told *awsquery.Error) *Denial {
	d := &Denial{
		Message: told.Message, Principal: v.Principal.ARN(), OfferMFA: !v.Caller.UsedMFA(),
		Here: Destination(v.Request.URL.RequestURI()),
	}
	if principal, action, resource, reason, ok := denialOf(told); ok {
		d.Principal, d.Action, d.Resource, d.Reason = principal, action, resource, reason
	}
	return d
}

// The usual form is "User: ARN is not authorized to perform: ACTION on resource: RESOURCE REASON" (IAM User Guide,
// "Troubleshoot access denied error messages").
var deniedForm = regexp.MustCompile(`^User: (\S+) is not authorized to perform: (\S+) on resource: (.+?) ((?:because|with) .+)$`)

// denialOf returns what a refusal by policy is about; false when the error is another one.
func denialOf(err error) (principal, action, resource, reason string, ok bool) {
	var told *awsquery.Error
	if !errors.As(err, &told) {
		return "", "", "", "", false
	}
	m := deniedForm.FindStringSubmatch(told.Message)
	if m == nil {
		return "", "", "", "", false
	}
	return m[1], m[2], m[3], m[4], true
}

// Section is a part of a page that comes from an operation of its own: it may be refused or fail while the rest is shown.
type Section struct {
	Denied  *Denial
	Problem string
}

// Readable reports whether the part can be shown.
func (s *Section) Readable() bool { return s.Denied == nil && s.Problem == "" }

// Section turns an operation's error into what is shown in place of the part; any error that no page can go on with is returned.
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

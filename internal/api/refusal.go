package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/touchstone-iam/touchstone/awsquery"
	"github.com/touchstone-iam/touchstone/iamapi"
	"github.com/touchstone-iam/touchstone/internal/authn"
	"github.com/touchstone-iam/touchstone/internal/httpd"
	"github.com/touchstone-iam/touchstone/internal/secret"
	"github.com/touchstone-iam/touchstone/internal/store"
)

// NotImplemented is the answer of an operation, or of a parameter, that is not built yet.
func NotImplemented(what string) *awsquery.Error {
	return &awsquery.Error{
		Code: "NotImplemented", Status: http.StatusNotImplemented,
		Message: what + " is not implemented in this version of Touchstone.",
	}
}

// Invalid is InvalidInput about a parameter, with whose name its message begins.
func Invalid(parameter, format string, args ...any) error {
	detail := fmt.Sprintf(format, args...)
	e := iamapi.InvalidInput("%s: %s", parameter, detail)
	e.Parameter, e.Detail = parameter, detail
	return e
}

// Limit is the cause of a LimitExceeded that a quota is behind, as data: pages word it from that.
type Limit struct {
	Quota string // its name, such as AccessKeysPerUser
	Value int    // what the account may have
}

// Error words the limit as AWS does.
func (l *Limit) Error() string {
	return fmt.Sprintf("Cannot exceed quota for %s: %d", l.Quota, l.Value)
}

// LimitExceeded is the answer to a request for more than a quota allows.
func LimitExceeded(quota string, value int) error {
	l := &Limit{quota, value}
	e := iamapi.LimitExceeded("%s", l.Error())
	e.Cause = l
	return e
}

// ValidationError is the answer to input that its shape allows and its meaning does not.
func ValidationError(message string) error {
	return &awsquery.Error{Code: "ValidationError", Status: http.StatusBadRequest, Message: message}
}

// Missing turns the store's ErrNotFound into NoSuchEntity with the given words. It returns every other error as it is.
func Missing(err error, format string, args ...any) error {
	if errors.Is(err, store.ErrNotFound) {
		return iamapi.NoSuchEntity(format, args...)
	}
	return err
}

// Taken turns the store's ErrConflict into EntityAlreadyExists with the given words. It returns every other error as it is.
func Taken(err error, format string, args ...any) error {
	if errors.Is(err, store.ErrConflict) {
		return iamapi.EntityAlreadyExists(format, args...)
	}
	return err
}

// failure returns what the caller is told: an error that is meant for clients, or, for anything unexpected, only the request id.
// The cause of an unexpected one goes to the log.
func (s *Service) failure(ctx context.Context, r *Request, err error) error {
	var told *awsquery.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &told), errors.Is(err, authn.ErrNoSession):
		return err
	case errors.Is(err, secret.ErrBusy):
		return &awsquery.Error{
			Code: "ServiceUnavailable", Status: http.StatusServiceUnavailable,
			Message: "The service is busy checking passwords. Try again in a few seconds.",
		}
	case errors.Is(err, store.ErrUnavailable):
		s.report(ctx, r, err)
		message := "The service's database is not available at the moment, and nothing was changed. Try again in a few seconds."
		if errors.Is(err, store.ErrOutcomeUnknown) {
			message = "The service lost its database while it made the change, and the outcome is unknown. " +
				"Look whether the change was made before trying again."
		}
		return &awsquery.Error{Code: "ServiceUnavailable", Status: http.StatusServiceUnavailable, Message: message}
	}

	s.report(ctx, r, err)
	code := "ServiceFailure"
	if r.entry.Service == "sts" {
		code = "InternalFailure"
	}
	return &awsquery.Error{
		Code: code, Status: http.StatusInternalServerError,
		Message: "The request processing has failed because of an unknown error, exception or failure. Request id: " + r.ID,
	}
}

// report puts the cause of a failure into the log, once: in the request's line, or in one of its own when there is none.
func (s *Service) report(ctx context.Context, r *Request, cause error) {
	if !httpd.Fail(ctx, cause) {
		s.Logger.Error("request failed", "request_id", r.ID, "operation", r.entry.Name, "error", cause)
	}
}

// errMoved is the answer when what an operation is about has come to belong to another account while the request was under way.
func errMoved() error {
	return &awsquery.Error{
		Code: "ServiceUnavailable", Status: http.StatusServiceUnavailable,
		Message: "What the request is about was changed at the same time. Try again.",
	}
}

func codeOf(err error) string {
	var told *awsquery.Error
	if errors.As(err, &told) {
		return told.Code
	}
	return ""
}

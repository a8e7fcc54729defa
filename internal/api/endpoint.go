package api

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/touchstone-iam/touchstone/awsquery"
	"github.com/touchstone-iam/touchstone/internal/audit"
	"github.com/touchstone-iam/touchstone/internal/authz"
	"github.com/touchstone-iam/touchstone/internal/httpd"
	"github.com/touchstone-iam/touchstone/internal/store"
	"github.com/touchstone-iam/touchstone/sigv4"
)

// maxBody is the size, in bytes, over which a request is refused before it is read whole.
const maxBody = 1 << 20

// ServeHTTP answers a request of the AWS Query protocol, for IAM and STS alike.
func (s *Service) ServeHTTP(w http.ResponseWriter, hr *http.Request) {
	r := &Request{ID: httpd.RequestID(hr.Context()), Now: s.Clock(), Env: environment(hr), row: unknownRow}
	r.Env.Now = r.Now
	var answer bytes.Buffer
	err := s.query(w, hr, r, &answer)
	status, code := http.StatusOK, ""
	if err != nil {
		answer.Reset()
		told := s.writeError(&answer, r, err)
		status, code = told.Status, told.Code
	}
	httpd.Note(hr.Context(), r.row.Name, code)
	h := w.Header()
	h.Set("Content-Type", "text/xml")
	h.Set("X-Amzn-RequestId", r.ID)
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", strconv.Itoa(answer.Len()))
	w.WriteHeader(status)
	w.Write(answer.Bytes()) //nolint:errcheck // the client is gone; what was done is done and recorded
}

func environment(hr *http.Request) authz.Environment {
	ctx := hr.Context()
	return authz.Environment{
		Address: httpd.ClientAddr(ctx), Secure: httpd.IsSecure(ctx),
		UserAgent: hr.UserAgent(), Referer: hr.Referer(), Region: "us-east-1",
	}
}

// query does the request and renders its answer.
func (s *Service) query(w http.ResponseWriter, hr *http.Request, r *Request, answer *bytes.Buffer) error {
	body, err := httpd.ReadBody(w, hr, maxBody)
	if err != nil {
		return err
	}
	form, err := awsquery.ParseForm(hr, body)
	if err != nil {
		return s.unauthenticated(r, err)
	}
	// Which operation is meant is known to whoever asks, and decides the namespace of the answer; that it does not exist is told
	// only to whoever is authenticated.
	named, unknown := s.Table.find(form)
	r.row = named
	if unknown == nil && r.row.Unsigned && r.row.execute == nil {
		return NotImplemented(r.row.Name)
	}
	sig, err := sigv4.Parse(hr)
	if err != nil {
		return s.unauthenticated(r, err)
	}
	hash := sha256.Sum256(body)
	payload := hex.EncodeToString(hash[:])
	_, err = s.perform(hr.Context(), r, func(tx *store.Tx) (any, error) {
		var err error
		if r.Caller, err = s.Authn.Signed(tx, sig, hr, payload, r.Now); err != nil {
			return nil, err
		}
		s.KeyUses.Note(r.Caller.AccountID(), r.Caller.AccessKeyID, sig.Service, sig.Region, r.Now)
		if unknown != nil {
			return nil, unknown
		}
		if sig.Service != r.row.Service {
			return nil, sigv4.WrongService(r.row.Service)
		}
		if sig.Service == "sts" {
			r.Env.Region = sig.Region
		}
		in := r.row.NewInput()
		return in, awsquery.Decode(form, r.row.Operation, in)
	}, func(out any) error {
		answer.Reset() // of a run that was rolled back
		return awsquery.EncodeResponse(answer, r.row.Operation, out, r.ID)
	})
	if err != nil && !r.Caller.Valid() {
		return s.unauthenticated(r, err)
	}
	return err
}

// unauthenticated records a request that failed before it was known whose it is, and returns what its sender is told.
func (s *Service) unauthenticated(r *Request, err error) error {
	told := s.failure(r, err)
	rec := &audit.Record{
		Time: r.Now, EventSource: eventSource(r.row), EventName: r.row.Name, EventType: audit.TypeAPICall,
		UserIdentity: audit.UserIdentity{Type: "Unknown"}, SourceIPAddress: r.Env.Address.String(), UserAgent: r.Env.UserAgent,
		RequestID: r.ID, ErrorCode: codeOf(told), ErrorMessage: "The request was not authenticated", ReadOnly: true,
	}
	if err := s.Audit.Unauthenticated(r.Env.Address, rec); err != nil {
		return s.failure(r, err)
	}
	return told
}

func codeOf(err error) string {
	var told *awsquery.Error
	if errors.As(err, &told) {
		return told.Code
	}
	return ""
}

// writeError renders an error and returns what is told.
func (s *Service) writeError(answer *bytes.Buffer, r *Request, err error) *awsquery.Error {
	var told *awsquery.Error
	switch {
	case errors.As(err, &told):
	case errors.Is(err, httpd.ErrTooLarge):
		told = &awsquery.Error{
			Code: "RequestEntityTooLarge", Status: http.StatusRequestEntityTooLarge,
			Message: fmt.Sprintf("The request is larger than %d bytes.", maxBody),
		}
	default: // the body could not be read: the client went away or was too slow
		told = &awsquery.Error{Code: "IncompleteBody", Status: http.StatusBadRequest, Message: "The request's body could not be read whole."}
	}
	awsquery.EncodeError(answer, r.row.Namespace, told, r.ID)
	return told
}

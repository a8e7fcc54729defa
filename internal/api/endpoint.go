package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/touchstone-iam/touchstone/awsquery"
	"github.com/touchstone-iam/touchstone/internal/authn"
	"github.com/touchstone-iam/touchstone/internal/authz"
	"github.com/touchstone-iam/touchstone/internal/httpd"
	"github.com/touchstone-iam/touchstone/internal/store"
	"github.com/touchstone-iam/touchstone/sigv4"
)

// maxBody is the size, in bytes, over which a request is refused before it is read whole.
const maxBody = 1 << 20

// ServeHTTP answers a request of the AWS Query protocol, for IAM and STS alike.
func (s *Service) ServeHTTP(w http.ResponseWriter, hr *http.Request) {
	r := &Request{ID: httpd.RequestID(hr.Context()), Now: s.Clock(), Env: environment(hr), entry: unknownEntry}
	r.Env.Now = r.Now

	answer, err := s.query(w, hr, r)
	status, code := http.StatusOK, ""
	if err != nil {
		told := toldOverTheWire(err)
		status, code = told.Status, told.Code
		var text bytes.Buffer
		awsquery.EncodeError(&text, r.entry.Namespace, told, r.ID)
		answer = text.Bytes()
	}

	httpd.Note(hr.Context(), r.entry.Name, r.entry.Action, code)
	if r.Caller.Valid() {
		httpd.Identify(hr.Context(), r.Caller.AccountID(), r.Caller.ARN())
	}
	h := w.Header()
	h.Set("Content-Type", "text/xml")
	h.Set("X-Amzn-RequestId", r.ID)
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", strconv.Itoa(len(answer)))
	w.WriteHeader(status)
	w.Write(answer) //nolint:errcheck // the client is gone; what was done is done and recorded
}

func environment(hr *http.Request) authz.Environment {
	ctx := hr.Context()
	return authz.Environment{
		Address: httpd.ClientAddr(ctx), Secure: httpd.IsSecure(ctx),
		UserAgent: httpd.UserAgent(hr), Referer: httpd.Referer(hr), Region: "us-east-1",
	}
}

// query does the request and renders its answer.
func (s *Service) query(w http.ResponseWriter, hr *http.Request, r *Request) ([]byte, error) {
	body, err := httpd.ReadBody(w, hr, maxBody, func() (string, error) { return s.admitLarge(hr, r) })
	if err != nil {
		return nil, err
	}
	form, err := awsquery.ParseForm(hr, body)
	if err != nil {
		return nil, s.unauthenticated(hr.Context(), r, err)
	}

	// Which operation is meant is known to whoever asks, and decides the namespace of the answer. That it does not exist is
	// answered only to whoever is authenticated.
	named, unknown := s.Table.find(form)
	r.entry = named
	if unknown == nil && r.entry.Unsigned {
		return s.queryUnsigned(hr.Context(), r, form)
	}

	sig, err := sigv4.Parse(hr)
	if err != nil {
		return nil, s.unauthenticated(hr.Context(), r, err)
	}
	hash := sha256.Sum256(body)
	done, err := s.perform(hr.Context(), r, &signed{
		service: s, sig: sig, http: hr, payloadHash: hex.EncodeToString(hash[:]), form: form, unknown: unknown,
	})
	if err != nil && !r.Caller.Valid() {
		return nil, s.unauthenticated(hr.Context(), r, err)
	}
	return done.answer, err
}

// errLargeUnsigned refuses a large body of an operation whose sender is known only once the body has been read.
var errLargeUnsigned = &awsquery.Error{
	Code: "RequestEntityTooLarge", Status: http.StatusRequestEntityTooLarge,
	Message: fmt.Sprintf("A request without a signature may have at most %d bytes.", httpd.SmallBody),
}

// admitLarge decides about a sender whose body is a large one and has not been read. It returns the access key, which must be one
// that may sign requests now. Whether the signature is right is known only once the body is there, so somebody else may name the
// key: that fills the key's part of the memory for bodies, and no other.
func (s *Service) admitLarge(hr *http.Request, r *Request) (owner string, err error) {
	if _, signs := hr.Header["Authorization"]; !signs {
		// Only the query can tell as yet which operation is meant.
		if form, err := awsquery.ParseForm(hr, nil); err == nil {
			if named, unknown := s.Table.find(form); unknown == nil && named.Unsigned {
				return "", s.unauthenticated(hr.Context(), r, errLargeUnsigned)
			}
		}
	}

	sig, err := sigv4.Parse(hr)
	if err == nil {
		err = s.Authn.Expect(hr.Context(), s.Store, sig, r.Now)
	}
	if err != nil {
		return "", s.unauthenticated(hr.Context(), r, err)
	}
	return sig.AccessKeyID, nil
}

// signed is a request that came over the wire with a signature.
type signed struct {
	service     *Service
	sig         *sigv4.Signature
	http        *http.Request
	payloadHash string
	form        awsquery.Form
	unknown     error // that there is no such operation
}

func (q *signed) open(tx *store.Tx, r *Request) (in any, err error) {
	if r.Caller, err = q.service.Authn.Signed(tx, q.sig, q.http, q.payloadHash, r.Now); err != nil {
		return nil, err
	}
	if r.Caller.Credential == authn.LongTermKey {
		q.service.KeyUses.Note(r.Caller.AccountID(), r.Caller.AccessKeyID, q.sig.Service, q.sig.Region, r.Now)
	}

	if q.unknown != nil {
		return nil, q.unknown
	}
	if q.sig.Service != r.entry.Service {
		return nil, sigv4.WrongService(r.entry.Service)
	}
	if q.sig.Service == "sts" {
		r.Env.Region = q.sig.Region
	}
	in = r.entry.NewInput()
	return in, awsquery.Decode(q.form, r.entry.Operation, in)
}

func (q *signed) encode(r *Request, out any) ([]byte, error) { return encodeAnswer(r, out) }

func encodeAnswer(r *Request, out any) ([]byte, error) {
	var answer bytes.Buffer
	err := awsquery.EncodeResponse(&answer, r.entry.Operation, out, r.ID)
	return answer.Bytes(), err
}

// queryUnsigned does a request of an operation that is called without credentials: its parameters prove who sends it.
func (s *Service) queryUnsigned(ctx context.Context, r *Request, form awsquery.Form) ([]byte, error) {
	if r.entry.execute == nil {
		return nil, NotImplemented(r.entry.Name)
	}
	in := r.entry.NewInput()
	if err := awsquery.Decode(form, r.entry.Operation, in); err != nil {
		return nil, s.unauthenticated(ctx, r, err)
	}

	// Checking signatures is slow, and anybody may ask for it.
	if !s.Proofs.take(r.Env.Address, r.Now) {
		return nil, s.unauthenticated(ctx, r, &awsquery.Error{
			Code: "Throttling", Status: http.StatusBadRequest,
			Message: "Rate exceeded",
		})
	}
	proof, err := r.entry.prove(ctx, r, in)
	if err != nil {
		return nil, s.unauthenticated(ctx, r, err)
	}

	done, err := s.perform(ctx, r, &unsigned{service: s, proof: proof, in: in})
	if err != nil && !r.Caller.Valid() {
		return nil, s.unauthenticated(ctx, r, err)
	}
	return done.answer, err
}

// unsigned is a request that came over the wire without a signature and proved who sends it.
type unsigned struct {
	service *Service
	proof   *authn.Proof
	in      any
}

func (q *unsigned) open(tx *store.Tx, r *Request) (in any, err error) {
	r.Caller, err = q.service.Authn.Proven(tx, q.proof)
	return q.in, err
}

func (q *unsigned) encode(r *Request, out any) ([]byte, error) { return encodeAnswer(r, out) }

// unauthenticated records a request that failed before it was known whose it is, and returns what its sender is told.
func (s *Service) unauthenticated(ctx context.Context, r *Request, err error) error {
	told := s.failure(ctx, r, err)
	if err := s.Audit.Unauthenticated(r.Env.Address, newAnonymousEvent(r, told)); err != nil {
		return s.failure(ctx, r, err)
	}
	return told
}

// toldOverTheWire is an error as a client of the Query protocol is told it.
func toldOverTheWire(err error) *awsquery.Error {
	var told *awsquery.Error
	switch {
	case errors.As(err, &told):
		return told
	case errors.Is(err, httpd.ErrNoRoom):
		return &awsquery.Error{
			Code: "ServiceUnavailable", Status: http.StatusServiceUnavailable,
			Message: "Too many large requests are in flight. Try again in a few seconds.",
		}
	case errors.Is(err, httpd.ErrTooLarge):
		return &awsquery.Error{
			Code: "RequestEntityTooLarge", Status: http.StatusRequestEntityTooLarge,
			Message: fmt.Sprintf("The request is larger than %d bytes.", maxBody),
		}
	}

	// The client went away or was too slow.
	return &awsquery.Error{
		Code: "IncompleteBody", Status: http.StatusBadRequest,
		Message: "The request's body could not be read whole.",
	}
}

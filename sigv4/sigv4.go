// Package sigv4 verifies requests that are signed with AWS Signature Version 4 in the Authorization header, and signs requests (IAM
// User Guide, "Create a signed AWS API request").
//
// A server calls [Parse] to read the [Signature] of a request, looks up the secret of the access key that it names, derives the key
// with [SigningKey], and calls [Signature.Verify]. It must also check that Service is the service that the request is for, and
// answer [WrongService] otherwise. A client, such as a test or a load generator, calls [Sign].
//
// The package knows no keys, accounts or operations. It does not read signatures in the query string yet, and it will never read
// signature version 2 or payloads that are chunked or unsigned.
//
// A Signature that Parse returns is well formed, the date of its scope is that of its time, and the host and every x-amz- header
// are signed. Signatures are compared in constant time. Errors are of type [*awsquery.Error] and have AWS's code, status and, as
// far as it is known, message. None contains a secret.
package sigv4

import (
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/touchstone-iam/touchstone/awsquery"
)

const (
	algorithm  = "AWS4-HMAC-SHA256"
	terminator = "aws4_request"
	timeForm   = "20060102T150405Z"

	// Limits of what Parse reads. The scopes and lists of headers that clients send have a few hundred bytes at most.
	maxAuthorization = 8 << 10
	maxSessionToken  = 8 << 10
	maxSignedHeaders = 64
)

// Signature is the signature of a request, as the request states it. [Parse] makes it.
type Signature struct {
	AccessKeyID   string
	Date          string // of the scope, as 20260102
	Region        string
	Service       string
	SignedHeaders string // lower case, sorted, separated by semicolons
	SessionToken  string // empty without the header X-Amz-Security-Token
	Time          time.Time

	stamp string // Time, in the form that is signed
	value string // the signature in hex, as it was sent
}

// Parse reads the signature of a request. It does not check whether the signature is right; [Signature.Verify] does. The error is
// of type [*awsquery.Error].
func Parse(r *http.Request) (*Signature, error) {
	header, presigned := r.Header["Authorization"], isPresigned(r.URL.RawQuery)
	switch {
	case len(header) == 0 && presigned:
		// The code is not that of a server's fault, because the SDKs would then try again.
		return nil, incomplete("Requests that are signed in their query string (presigned) are not accepted yet.")
	case len(header) == 0:
		return nil, &awsquery.Error{
			Code: "MissingAuthenticationToken", Status: http.StatusForbidden, Message: "Request is missing Authentication Token",
		}
	case presigned:
		return nil, incomplete("The request is signed in both the Authorization header and the query string.")
	case len(header) > 1:
		return nil, incomplete("The request has more than one Authorization header.")
	case len(header[0]) > maxAuthorization:
		return nil, incomplete("The Authorization header is too long.")
	}

	sig := new(Signature)
	credential, err := sig.parameters(header[0], r.Header)
	if err != nil {
		return nil, err
	}
	if err := sig.date(r.Header); err != nil {
		return nil, err
	}
	if err := sig.scope(credential); err != nil {
		return nil, err
	}
	if err := sig.headers(r.Header); err != nil {
		return nil, err
	}
	return sig, nil
}

// isPresigned reports whether a query has parameters of a signature of version 4 or 2. One of them is the session token. Since such
// requests are refused, no message ever shows a query with a session token.
func isPresigned(query string) bool {
	for pair := range strings.SplitSeq(query, "&") {
		if strings.HasPrefix(pair, "X-Amz-") || strings.HasPrefix(pair, "AWSAccessKeyId=") {
			return true
		}
	}
	return false
}

// parameters reads the Authorization header, which has the algorithm and three parameters. It returns the credential with its
// scope.
func (s *Signature) parameters(header string, all http.Header) (credential string, err error) {
	name, rest, _ := strings.Cut(header, " ")
	if name != algorithm {
		return "", incomplete("Unsupported AWS 'algorithm': '" + name + "'. Signatures are made with " + algorithm + ".")
	}

	for rest = strings.TrimSpace(rest); rest != ""; {
		var pair string
		pair, rest, _ = strings.Cut(rest, ",")
		pair = strings.TrimSpace(pair)
		key, value, found := strings.Cut(pair, "=")
		if !found {
			return "", incomplete("'" + pair + "' not a valid key=value pair (missing equal-sign) in Authorization header: '" +
				header + "'.")
		}

		var into *string
		switch key {
		case "Credential":
			into = &credential
		case "SignedHeaders":
			into = &s.SignedHeaders
		case "Signature":
			into = &s.value
		default:
			return "", incomplete("Authorization header has the unknown parameter '" + key + "'. Authorization=" + header)
		}
		if *into != "" {
			return "", incomplete("Authorization header has the parameter '" + key + "' more than once. Authorization=" + header)
		}
		*into = value
	}

	// AWS lists everything that is missing in one message.
	missing := ""
	for _, p := range []struct{ name, value string }{
		{"Credential", credential}, {"Signature", s.value}, {"SignedHeaders", s.SignedHeaders},
	} {
		if p.value == "" {
			missing += "Authorization header requires '" + p.name + "' parameter. "
		}
	}
	if len(all["X-Amz-Date"]) == 0 && len(all["Date"]) == 0 {
		missing += "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. "
	}
	if missing != "" {
		return "", incomplete(missing + "Authorization=" + header)
	}
	return credential, nil
}

// date reads the time of the signature from the header X-Amz-Date, in the basic form of ISO 8601. Without that header it reads
// Date, in the form of HTTP or of ISO 8601.
func (s *Signature) date(h http.Header) error {
	values, form := h["X-Amz-Date"], timeForm
	if len(values) == 0 {
		values, form = h["Date"], http.TimeFormat
	}
	if len(values) > 1 {
		return incomplete("The request has more than one date.")
	}

	t, err := time.Parse(form, values[0])
	if err != nil && form == http.TimeFormat {
		t, err = time.Parse(timeForm, values[0])
	}
	// time.Parse accepts a fraction of a second that is not in the form. AWS does not.
	fraction := form == timeForm && len(values[0]) != len(timeForm)
	if err != nil || t.Year() < 1 || fraction {
		return incomplete("Date must be in ISO-8601 'basic format'. Got '" + values[0] + "'. See http://en.wikipedia.org/wiki/ISO_8601")
	}

	s.Time, s.stamp = t, values[0]
	if form != timeForm {
		s.stamp = t.Format(timeForm)
	}
	return nil
}

// scope reads the access key id and the scope: key/date/region/service/aws4_request.
func (s *Signature) scope(credential string) error {
	if strings.Count(credential, "/") != 4 {
		return incomplete("Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '" +
			credential + "'")
	}

	var rest string
	s.AccessKeyID, rest, _ = strings.Cut(credential, "/")
	s.Date, rest, _ = strings.Cut(rest, "/")
	s.Region, rest, _ = strings.Cut(rest, "/")
	service, end, _ := strings.Cut(rest, "/")
	s.Service = service

	switch {
	case !isAccessKeyID(s.AccessKeyID):
		return invalidToken()
	case end != terminator:
		return mismatch("Credential should be scoped with a valid terminator: '" + terminator + "', not '" + end + "'")
	case s.Date != s.stamp[:8]:
		return mismatch("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '" +
			s.Date + "' != '" + s.stamp[:8] + "', from '" + s.stamp + "'.")
	case !isLabel(s.Region):
		return mismatch("Credential should be scoped to a valid Region, not '" + s.Region + "'")
	case !isLabel(service):
		return mismatch("Credential should be scoped to correct service, not '" + service + "'")
	}
	return nil
}

// isAccessKeyID reports whether s has the form of an access key id: 16 to 128 letters, digits and underscores (IAM API Reference,
// AccessKey).
func isAccessKeyID(s string) bool {
	for i := range len(s) {
		if c := s[i]; !isLetter(c|0x20) && !isDigit(c) && c != '_' {
			return false
		}
	}
	return len(s) >= 16 && len(s) <= 128
}

// isLabel reports whether s has the form of the name of a region or a service. Any region is accepted, because clients sign for the
// region that they are configured with when the endpoint is not one of AWS's.
func isLabel(s string) bool {
	for i := range len(s) {
		if c := s[i]; !isLetter(c) && !isDigit(c) && c != '-' {
			return false
		}
	}
	return s != "" && len(s) <= 63
}

func isLetter(c byte) bool { return 'a' <= c && c <= 'z' }
func isDigit(c byte) bool  { return '0' <= c && c <= '9' }

// headers checks that the list of signed headers is well formed and includes the headers that must be signed. It also reads the
// session token.
func (s *Signature) headers(h http.Header) error {
	if strings.Count(s.SignedHeaders, ";") >= maxSignedHeaders {
		return incomplete("'SignedHeaders' has more than " + strconv.Itoa(maxSignedHeaders) + " headers.")
	}

	last, host := "", false
	for name := range strings.SplitSeq(s.SignedHeaders, ";") {
		if !isHeaderName(name) || name <= last {
			return incomplete("'SignedHeaders' must be a sorted list of lower-case header names, each once, got '" + s.SignedHeaders + "'")
		}
		host = host || name == "host" || name == ":authority"
		last = name
	}
	if !host {
		return notSigned("Host' or ':authority")
	}

	for name, values := range h {
		if !strings.HasPrefix(name, "X-Amz-") {
			continue
		}
		if !s.signs(name) {
			return notSigned(name)
		}
		if name == "X-Amz-Security-Token" {
			if len(values) != 1 || values[0] == "" {
				return incomplete("The request must have one X-Amz-Security-Token header with a value, or none.")
			}
			if len(values[0]) > maxSessionToken {
				return invalidToken()
			}
			s.SessionToken = values[0]
		}
	}
	return nil
}

// isHeaderName reports whether s is a token of RFC 9110 (section 5.6.2) in lower case, or :authority.
func isHeaderName(s string) bool {
	for i := range len(s) {
		if c := s[i]; !isLetter(c) && !isDigit(c) && strings.IndexByte("!#$%&'*+-.^_`|~", c) < 0 {
			return s == ":authority"
		}
	}
	return s != ""
}

// signs reports whether a header is signed. Its name has the form that it has in http.Header.
func (s *Signature) signs(header string) bool {
	for name := range strings.SplitSeq(s.SignedHeaders, ";") {
		if strings.EqualFold(name, header) {
			return true
		}
	}
	return false
}

// digest decodes the signature. It reports false for text that is not a signature.
func (s *Signature) digest() (d [32]byte, ok bool) {
	if len(s.value) != 2*len(d) {
		return d, false
	}
	_, err := hex.Decode(d[:], []byte(s.value))
	return d, err == nil
}

func incomplete(message string) *awsquery.Error {
	return &awsquery.Error{Code: "IncompleteSignature", Status: http.StatusBadRequest, Message: message}
}

func invalidToken() *awsquery.Error {
	return &awsquery.Error{
		Code: "InvalidClientTokenId", Status: http.StatusForbidden, Message: "The security token included in the request is invalid.",
	}
}

func mismatch(message string) *awsquery.Error {
	return &awsquery.Error{Code: "SignatureDoesNotMatch", Status: http.StatusForbidden, Message: message}
}

func notSigned(header string) *awsquery.Error {
	return mismatch("'" + header + "' must be a 'SignedHeader' in the AWS Authorization.")
}

// WrongService returns the error for a signature whose scope names another service than the one that the request is for.
func WrongService(service string) *awsquery.Error {
	return mismatch("Credential should be scoped to correct service: '" + service + "'")
}

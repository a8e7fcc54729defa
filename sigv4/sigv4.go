// Package sigv4 verifies requests signed with AWS Signature Version 4 in the Authorization header, and signs them for tests
// and load generators (IAM User Guide, "Create a signed AWS API request").
//
// It decides whether a request was signed, as it arrived, with a given key and lately. It does not know keys, accounts or
// operations: the caller looks the key up by AccessKeyID, and checks that Service is the service asked for (WrongService).
// Signatures in the query string are not read yet, and signature version 2 and chunked or unsigned payloads never are.
//
// Invariants: a Signature that Parse returns is well formed, its scope's date is that of its time, host and every x-amz-
// header are signed. Comparisons of signatures take constant time. Errors are *awsquery.Error with AWS's code, status and, as
// far as known, words; none contains a secret.
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

	// Limits of what Parse reads. The longest scope and list of headers that clients send are some hundred bytes.
	maxAuthorization = 8 << 10
	maxSessionToken  = 8 << 10
	maxSignedHeaders = 64
)

// Signature is what a request says of its own signature.
type Signature struct {
	AccessKeyID   string
	Date          string // of the scope: 20260102
	Region        string
	Service       string
	SignedHeaders string // lower case, sorted, separated by semicolons
	SessionToken  string // "" without X-Amz-Security-Token
	Time          time.Time

	stamp string // Time as it is signed
	value string // hex, as it came
}

// Parse reads a request's signature, without saying whether it is right. The error is an *awsquery.Error.
func Parse(r *http.Request) (*Signature, error) {
	header, presigned := r.Header["Authorization"], isPresigned(r.URL.RawQuery)
	switch {
	case len(header) == 0 && presigned:
		// Not a 5xx, which the SDKs would retry.
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

// isPresigned reports whether a query has parameters of a signature, of version 4 or 2. A session token, which is one of them, is
// thus never in a query that a message shows.
func isPresigned(query string) bool {
	for pair := range strings.SplitSeq(query, "&") {
		if strings.HasPrefix(pair, "X-Amz-") || strings.HasPrefix(pair, "AWSAccessKeyId=") {
			return true
		}
	}
	return false
}

// parameters reads the header's own syntax: the algorithm and three pairs.
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
			return "", incomplete("'" + pair + "' not a valid key=value pair (missing equal-sign) in Authorization header: '" + header + "'.")
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

// date reads the time of the signature: X-Amz-Date in ISO 8601's basic form, otherwise Date in HTTP's.
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
	fraction := form == timeForm && len(values[0]) != len(timeForm) // time.Parse takes one, AWS does not
	if err != nil || t.Year() < 1 || fraction {
		return incomplete("Date must be in ISO-8601 'basic format'. Got '" + values[0] + "'. See http://en.wikipedia.org/wiki/ISO_8601")
	}
	s.Time, s.stamp = t, values[0]
	if form != timeForm {
		s.stamp = t.Format(timeForm)
	}
	return nil
}

// scope reads the credential scope: key/date/region/service/aws4_request.
func (s *Signature) scope(credential string) error {
	if strings.Count(credential, "/") != 4 {
		return incomplete("Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '" + credential + "'")
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

// isAccessKeyID: 16 to 128 letters, digits and underscores (IAM API Reference, AccessKey).
func isAccessKeyID(s string) bool {
	for i := range len(s) {
		if c := s[i]; !isLetter(c|0x20) && !isDigit(c) && c != '_' {
			return false
		}
	}
	return len(s) >= 16 && len(s) <= 128
}

// isLabel: what names a region or a service. Any region is taken, since clients sign for the one they are configured with
// when the endpoint is not AWS's.
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

// headers checks the list of signed headers against those that came, and takes the session token.
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

// isHeaderName: a token of RFC 9110 (section 5.6.2) in lower case, or :authority.
func isHeaderName(s string) bool {
	for i := range len(s) {
		if c := s[i]; !isLetter(c) && !isDigit(c) && strings.IndexByte("!#$%&'*+-.^_`|~", c) < 0 {
			return s == ":authority"
		}
	}
	return s != ""
}

// signs reports whether a header, whose name is given in the form of http.Header, is signed.
func (s *Signature) signs(header string) bool {
	for name := range strings.SplitSeq(s.SignedHeaders, ";") {
		if strings.EqualFold(name, header) {
			return true
		}
	}
	return false
}

// digest decodes the signature; a signature that is not one matches nothing.
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

// WrongService is the error of a signature whose scope names another service than the one asked for.
func WrongService(service string) *awsquery.Error {
	return mismatch("Credential should be scoped to correct service: '" + service + "'")
}

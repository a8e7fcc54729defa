package sigv4

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Credentials are what a client signs requests with.
type Credentials struct {
	AccessKeyID     string
	SecretAccessKey string
	SessionToken    string // of temporary credentials; otherwise empty
}

// SigningKey derives the key that signs requests of a day, a region and a service from a secret access key. The date has the form
// 20260102. The key must be kept as secret as the secret access key itself.
func SigningKey(secret, date, region, service string) [32]byte {
	key := sum([]byte("AWS4"+secret), date)
	key = sum(key[:], region)
	key = sum(key[:], service)
	return sum(key[:], terminator)
}

// sum returns the HMAC-SHA-256 of a text.
func sum(key []byte, text string) (out [32]byte) {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(text))
	mac.Sum(out[:0])
	return out
}

// Verify checks that a request was signed with the key, and at most skew before or after now. The key comes from [SigningKey], and
// payloadHash is the SHA-256 of the body that was read, in hex. The request must not have been changed since it was read. The error
// is of type [*awsquery.Error]. When the signature is wrong, its message shows what should have been signed, as AWS's does.
func (s *Signature) Verify(key [32]byte, r *http.Request, payloadHash string, now time.Time, skew time.Duration) error {
	if err := s.Current(now, skew); err != nil {
		return err
	}
	if claimed := r.Header["X-Amz-Content-Sha256"]; len(claimed) > 0 && (len(claimed) > 1 || claimed[0] != payloadHash) {
		return mismatch("The provided 'x-amz-content-sha256' header does not match what was computed.")
	}

	// Most canonical requests fit into the buffer, which stays on the stack.
	var buffer [1536]byte
	hash := sha256.Sum256(canonicalRequest(buffer[:0], r, s.SignedHeaders, payloadHash, false))
	right := s.sign(&key, &hash)
	given, ok := s.digest()
	if subtle.ConstantTimeCompare(right[:], given[:]) == 1 && ok {
		return nil
	}

	shown := canonicalRequest(nil, r, s.SignedHeaders, payloadHash, true)
	return mismatch("The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key " +
		"and signing method. Consult the service documentation for details.\n\n" +
		"The Canonical String for this request should have been\n'" + string(shown) + "'\n\n" +
		"The String-to-Sign should have been\n'" + string(s.stringToSign(nil, &hash)) + "'\n")
}

// Current checks that the time of the signature is at most skew away from now, as [Signature.Verify] does. A server that has not
// read the body yet refuses a stale signature with it. The error is of type [*awsquery.Error].
func (s *Signature) Current(now time.Time, skew time.Duration) error {
	minutes := strconv.FormatFloat(skew.Minutes(), 'g', -1, 64) + " min.)"
	if limit := now.Add(skew); s.Time.After(limit) {
		return mismatch("Signature not yet current: " + s.stamp + " is still later than " +
			stamp(limit) + " (" + stamp(now) + " + " + minutes)
	}
	if limit := now.Add(-skew); s.Time.Before(limit.Truncate(time.Second)) {
		return mismatch("Signature expired: " + s.stamp + " is now earlier than " +
			stamp(limit) + " (" + stamp(now) + " - " + minutes)
	}
	return nil
}

func stamp(t time.Time) string { return t.UTC().Format(timeForm) }

// stringToSign appends the text that is signed, which contains the hash of the canonical request.
func (s *Signature) stringToSign(b []byte, requestHash *[32]byte) []byte {
	b = append(b, algorithm+"\n"...)
	b = append(b, s.stamp...)
	b = append(b, '\n')
	b = append(b, s.Date...)
	b = append(b, '/')
	b = append(b, s.Region...)
	b = append(b, '/')
	b = append(b, s.Service...)
	b = append(b, "/"+terminator+"\n"...)
	return hex.AppendEncode(b, requestHash[:])
}

// scratch holds the key and the text for crypto/hmac, which would otherwise be allocated for each request.
type scratch struct {
	key  [32]byte
	text [256]byte
}

var scratches = sync.Pool{New: func() any { return new(scratch) }}

// sign returns the signature of a request with a given hash. It clears its copy of the key.
func (s *Signature) sign(key, requestHash *[32]byte) [32]byte {
	buffer := scratches.Get().(*scratch)
	defer scratches.Put(buffer)
	defer clear(buffer.key[:])

	buffer.key = *key
	mac := hmac.New(sha256.New, buffer.key[:])
	mac.Write(s.stringToSign(buffer.text[:0], requestHash))
	return [32]byte(mac.Sum(buffer.text[:0]))
}

// toSign returns the names of the headers that Sign signs, in the form of SignedHeaders.
func toSign(h http.Header) string {
	names := []string{"host"}
	for name := range h {
		if lower := strings.ToLower(name); lower == "content-type" || strings.HasPrefix(lower, "x-amz-") {
			names = append(names, lower)
		}
	}
	slices.Sort(names)
	return strings.Join(names, ";")
}

// Sign signs a request whose body is payload, in place of any signature that it has. It signs the host, the content type and the
// x-amz- headers, and sets the headers X-Amz-Date, X-Amz-Security-Token and Authorization.
func Sign(r *http.Request, payload []byte, c Credentials, region, service string, now time.Time) {
	r.Header.Set("X-Amz-Date", stamp(now))
	r.Header.Del("X-Amz-Security-Token")
	if c.SessionToken != "" {
		r.Header.Set("X-Amz-Security-Token", c.SessionToken)
	}

	s := Signature{
		AccessKeyID: c.AccessKeyID, Date: stamp(now)[:8], Region: region, Service: service,
		stamp: stamp(now), SignedHeaders: toSign(r.Header),
	}
	if r.Host == "" {
		r.Host = r.URL.Host
	}

	body := sha256.Sum256(payload)
	hash := sha256.Sum256(canonicalRequest(nil, r, s.SignedHeaders, hex.EncodeToString(body[:]), false))
	key := SigningKey(c.SecretAccessKey, s.Date, region, service)
	value := s.sign(&key, &hash)
	r.Header.Set("Authorization", algorithm+" Credential="+s.AccessKeyID+"/"+s.Date+"/"+region+"/"+service+"/"+terminator+
		", SignedHeaders="+s.SignedHeaders+", Signature="+hex.EncodeToString(value[:]))
}

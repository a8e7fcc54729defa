package sigv4_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"pgregory.net/rapid"

	"github.com/touchstone-iam/touchstone/awsquery"
	"github.com/touchstone-iam/touchstone/sigv4"
)

// drawn is a request as a client would make it. What the SDK's signer and the specification order or normalise differently
// is not drawn: names beyond ASCII, repeated names with values that need encoding, dot segments and empty ones.
type drawn struct {
	method, path, body string
	query              url.Values
	header             http.Header
}

func drawRequest(t *rapid.T) drawn {
	d := drawn{query: url.Values{}, header: http.Header{}}
	d.method = rapid.SampledFrom([]string{http.MethodGet, http.MethodPost, http.MethodPut}).Draw(t, "method")
	for _, segment := range rapid.SliceOfN(rapid.StringMatching(`[a-zA-Z0-9 +é%~_-]{1,6}`), 0, 4).Draw(t, "path") {
		d.path += "/" + url.PathEscape(segment)
	}

	if rapid.Bool().Draw(t, "slash") || d.path == "" {
		d.path += "/"
	}

	for range rapid.IntRange(0, 5).Draw(t, "parameters") {
		d.query.Set(rapid.StringMatching(`[A-Za-z0-9.~_-]{1,8}`).Draw(t, "name"), rapid.String().Draw(t, "value"))
	}

	if rapid.Bool().Draw(t, "twice") {
		d.query["Again"] = rapid.SliceOfN(rapid.StringMatching(`[A-Za-z0-9]{0,3}`), 2, 3).Draw(t, "values")
	}

	for range rapid.IntRange(0, 4).Draw(t, "headers") {
		name := "X-Amz-T" + rapid.StringMatching(`[A-Za-z0-9-]{0,6}`).Draw(t, "header")
		d.header.Add(name, rapid.StringMatching(`[!-~]?[ -~é]{0,12}[!-~]?`).Draw(t, "header value"))
	}

	if d.method != http.MethodGet {
		d.body = rapid.String().Draw(t, "body")
		d.header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	}
	return d
}

func (d drawn) request(t *rapid.T) *http.Request {
	r, err := http.NewRequest(d.method, "https://iam.example.com:8443"+d.path, strings.NewReader(d.body))
	if err != nil {
		t.Fatal(err)
	}
	r.URL.RawQuery = d.query.Encode()
	r.Header = d.header.Clone()
	return r
}

// overTheWire returns the request as a server reads it.
func overTheWire(t *rapid.T, r *http.Request) *http.Request {
	var wire bytes.Buffer
	if err := r.Write(&wire); err != nil {
		t.Fatal(err)
	}
	arrived, err := http.ReadRequest(bufio.NewReader(&wire))
	if err != nil {
		t.Fatal(err)
	}
	return arrived
}

// What the SDK signs, with and without a session token, verifies as it arrives at a server; and no longer when a part of it
// is changed.
func TestSDKSignatures(t *testing.T) {
	signer := v4.NewSigner()
	rapid.Check(t, func(t *rapid.T) {
		d := drawRequest(t)
		r := d.request(t)
		c := aws.Credentials{AccessKeyID: credentials.AccessKeyID, SecretAccessKey: credentials.SecretAccessKey}
		if rapid.Bool().Draw(t, "temporary") {
			c.SessionToken = rapid.StringMatching(`[A-Za-z0-9+/=]{1,64}`).Draw(t, "token")
		}

		region := rapid.SampledFrom([]string{"us-east-1", "eu-west-1", "local"}).Draw(t, "region")
		if err := signer.SignHTTP(context.Background(), c, r, hashOf(d.body), "iam", region, noon); err != nil {
			t.Fatal(err)
		}

		arrived := overTheWire(t, r)
		sig, err := sigv4.Parse(arrived)
		if err != nil {
			t.Fatalf("parse: %v", err)
		}
		if sig.AccessKeyID != c.AccessKeyID || sig.Region != region || sig.Service != "iam" || sig.SessionToken != c.SessionToken ||
			!sig.Time.Equal(noon) {
			t.Fatalf("parsed %+v", sig)
		}

		key := sigv4.SigningKey(c.SecretAccessKey, sig.Date, sig.Region, sig.Service)
		if err := sig.Verify(key, arrived, hashOf(d.body), noon.Add(time.Minute), skew); err != nil {
			t.Fatalf("verify: %v", err)
		}

		change := rapid.SampledFrom([]string{"method", "path", "query", "host", "body", "key"}).Draw(t, "change")
		hash := hashOf(d.body)
		switch change {
		case "method":
			arrived.Method = http.MethodPatch
		case "path":
			arrived.URL.Path += "x"
			arrived.URL.RawPath = ""
		case "query":
			arrived.URL.RawQuery += "&extra=1"
		case "host":
			arrived.Host = "iam.example.com"
		case "body":
			hash = hashOf(d.body + "x")
		case "key":
			key[31] ^= 1
		}

		if code := codeOf(sig.Verify(key, arrived, hash, noon, skew)); code != "SignatureDoesNotMatch" {
			t.Fatalf("with another %s: %q", change, code)
		}
	})
}

// Sign and the SDK's signer make the same signature.
func TestSignAsSDK(t *testing.T) {
	signer := v4.NewSigner()
	rapid.Check(t, func(t *rapid.T) {
		d := drawRequest(t)
		ours, theirs := d.request(t), d.request(t)
		ours.ContentLength, theirs.ContentLength = 0, 0 // the SDK signs it when there is one, we do not
		sigv4.Sign(ours, []byte(d.body), credentials, "us-east-1", "iam", noon)
		c := aws.Credentials{AccessKeyID: credentials.AccessKeyID, SecretAccessKey: credentials.SecretAccessKey}
		if err := signer.SignHTTP(context.Background(), c, theirs, hashOf(d.body), "iam", "us-east-1", noon); err != nil {
			t.Fatal(err)
		}
		if a, b := ours.Header.Get("Authorization"), theirs.Header.Get("Authorization"); a != b {
			t.Fatalf("ours   %s\ntheirs %s", a, b)
		}
	})
}

func codeOf(err error) string {
	var e *awsquery.Error
	if !errors.As(err, &e) {
		return ""
	}
	return e.Code
}

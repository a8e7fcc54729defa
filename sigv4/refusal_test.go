package sigv4_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/touchstone-iam/touchstone/awsquery"
	"github.com/touchstone-iam/touchstone/sigv4"
)

const payload = "Action=ListUsers&Version=2010-05-08"

// signed is a request with a right signature.
func signed(t testing.TB) *http.Request {
	t.Helper()
	r := request(t, http.MethodPost, "https://iam.example.com/", payload)
	c := credentials
	c.SessionToken = "TOKEN"
	sigv4.Sign(r, []byte(payload), c, "eu-west-1", "iam", noon)
	return r
}

// verify reads and checks a request's signature, at noon with the right key.
func verify(r *http.Request) error {
	sig, err := sigv4.Parse(r)
	if err != nil {
		return err
	}
	key := sigv4.SigningKey(credentials.SecretAccessKey, sig.Date, sig.Region, sig.Service)
	return sig.Verify(key, r, hashOf(payload), noon, skew)
}

func TestRight(t *testing.T) {
	if err := verify(signed(t)); err != nil {
		t.Fatal(err)
	}

	t.Run("with commas only", func(t *testing.T) {
		r := signed(t)
		edit(", ", ",")(r)
		if err := verify(r); err != nil {
			t.Fatal(err)
		}
	})

	t.Run("with Date", func(t *testing.T) {
		r := request(t, http.MethodPost, "https://iam.example.com/", payload)
		sigv4.Sign(r, []byte(payload), credentials, "eu-west-1", "iam", noon)
		dated := r.Clone(t.Context())
		dated.Header.Del("X-Amz-Date")
		dated.Header.Set("Date", noon.Format(http.TimeFormat))
		// The signature is over x-amz-date, so it cannot match; but the time is read.
		sig, err := sigv4.Parse(dated)
		if err != nil || !sig.Time.Equal(noon) {
			t.Fatalf("%+v, %v", sig, err)
		}
	})

	t.Run("at the limits of time", func(t *testing.T) {
		r := signed(t)
		sig, err := sigv4.Parse(r)
		if err != nil {
			t.Fatal(err)
		}
		key := sigv4.SigningKey(credentials.SecretAccessKey, sig.Date, sig.Region, sig.Service)
		for _, now := range []time.Time{noon.Add(skew), noon.Add(-skew), noon.Add(skew + 900*time.Millisecond)} {
			if err := sig.Verify(key, r, hashOf(payload), now, skew); err != nil {
				t.Errorf("at %s: %v", now, err)
			}
		}
	})

	t.Run("with its payload hash", func(t *testing.T) {
		r := request(t, http.MethodPost, "https://iam.example.com/", payload)
		r.Header.Set("X-Amz-Content-Sha256", hashOf(payload))
		sigv4.Sign(r, []byte(payload), credentials, "eu-west-1", "iam", noon)
		if err := verify(r); err != nil {
			t.Fatal(err)
		}
	})
}

// edit replaces text in the Authorization header.
func edit(old, by string) func(*http.Request) {
	return func(r *http.Request) {
		r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), old, by, -1))
	}
}

func set(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header[name] = []string{value} }
}

func add(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header[name] = append(r.Header[name], value) }
}

// resigned signs after a change, so that only the change is wrong.
func resigned(change func(*http.Request), payload string, c sigv4.Credentials, region, service string,
	at time.Time,
) func(*http.Request) {
	return func(r *http.Request) {
		change(r)
		sigv4.Sign(r, []byte(payload), c, region, service, at)
	}
}

func nothing(*http.Request) {}

const scope = "AKIAIOSFODNN7EXAMPLE/20260102/eu-west-1/iam/aws4_request"

// Every way in which a signature can be wrong.
func TestWrong(t *testing.T) {
	const (
		incomplete = "IncompleteSignature"
		mismatch   = "SignatureDoesNotMatch"
		unknown    = "InvalidClientTokenId"
		headers    = "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token"
	)

	statuses := map[string]int{
		incomplete: 400, mismatch: 403, unknown: 403, "MissingAuthenticationToken": 403,
	}

	for _, c := range []struct {
		name   string
		change func(*http.Request)
		code   string
		text   string // part of the message
	}{
		{
			"no signature", func(r *http.Request) { r.Header.Del("Authorization") }, "MissingAuthenticationToken",
			"Request is missing Authentication Token",
		},
		{"empty header", set("Authorization", ""), incomplete, "Unsupported AWS 'algorithm': ''"},
		{"two headers", add("Authorization", "AWS4-HMAC-SHA256 x"), incomplete, "more than one Authorization header"},
		{"long header", edit("Signature=", "Signature="+strings.Repeat("x", 8<<10)), incomplete, "too long"},
		{"presigned", func(r *http.Request) {
			r.Header.Del("Authorization")
			r.URL.RawQuery = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=00"
		}, incomplete, "query string (presigned) are not accepted yet"},
		{"version 2 in the query", func(r *http.Request) {
			r.Header.Del("Authorization")
			r.URL.RawQuery = "Action=ListUsers&AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Signature=00"
		}, incomplete, "query string"},
		{"token in the query", func(r *http.Request) { r.URL.RawQuery = "X-Amz-Security-Token=TOKEN" }, incomplete, "both"},
		{"both forms", func(r *http.Request) { r.URL.RawQuery = "X-Amz-Signature=00" }, incomplete, "both"},
		{
			"version 2", set("Authorization", "AWS AKIAIOSFODNN7EXAMPLE:frJIUN8DYpKDtOLCwo//yllqDzg="), incomplete,
			"Unsupported AWS 'algorithm': 'AWS'",
		},
		{"basic", set("Authorization", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="), incomplete, "'Basic'"},
		{"version 4a", edit("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"), incomplete, "'AWS4-ECDSA-P256-SHA256'"},
		{"lower-case algorithm", edit("AWS4-HMAC-SHA256", "aws4-hmac-sha256"), incomplete, "algorithm"},
		{
			"nothing but the algorithm", set("Authorization", "AWS4-HMAC-SHA256"), incomplete,
			"Authorization header requires 'Credential' parameter. " +
				"Authorization header requires 'Signature' parameter. Authorization header requires 'SignedHeaders' parameter. Authorization=AWS4-HMAC-SHA256",
		},
		{
			"no credential", edit("Credential="+scope+", ", ""), incomplete,
			"Authorization header requires 'Credential' parameter. Authorization=",
		},
		{"empty credential", edit(scope, ""), incomplete, "requires 'Credential' parameter"},
		{"no signed headers", edit(headers+", ", ""), incomplete, "requires 'SignedHeaders' parameter"},
		{"no value", func(r *http.Request) {
			text, _, _ := strings.Cut(r.Header.Get("Authorization"), ", Signature=")
			r.Header.Set("Authorization", text)
		}, incomplete, "requires 'Signature' parameter"},
		{"no equal sign", edit("Signature=", ""), incomplete, "not a valid key=value pair (missing equal-sign)"},
		{"empty pair", edit(", Signature", ",, Signature"), incomplete, "missing equal-sign"},
		{"unknown parameter", edit("Signature=", "X=y, Signature="), incomplete, "unknown parameter 'X'"},
		{"parameter twice", edit(", Signature=", ", Signature=00, Signature="), incomplete, "'Signature' more than once"},
		{
			"no date", func(r *http.Request) { r.Header.Del("X-Amz-Date") }, incomplete,
			"Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. Authorization=",
		},
		{"two dates", add("X-Amz-Date", "20260102T120000Z"), incomplete, "more than one date"},
		{
			"date in another form", set("X-Amz-Date", "2026-01-02T12:00:00Z"), incomplete,
			"Date must be in ISO-8601 'basic format'. Got '2026-01-02T12:00:00Z'.",
		},
		{"fraction of a second", set("X-Amz-Date", "20260102T120000.5Z"), incomplete, "Got '20260102T120000.5Z'"},
		{"fraction after a comma", set("X-Amz-Date", "20260102T120000,5Z"), incomplete, "Got '20260102T120000,5Z'"},
		{"no such date", set("X-Amz-Date", "20260231T120000Z"), incomplete, "ISO-8601"},
		{"Date of nonsense", func(r *http.Request) {
			r.Header.Del("X-Amz-Date")
			r.Header.Set("Date", "yesterday")
		}, incomplete, "Got 'yesterday'"},
		{
			"four elements", edit("/iam/", "/"), incomplete,
			"Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got 'AKIAIOSFODNN7EXAMPLE/20260102/eu-west-1/aws4_request'",
		},
		{"six elements", edit("/iam/", "/iam/x/"), incomplete, "exactly 5"},
		{"empty key id", edit("AKIAIOSFODNN7EXAMPLE", ""), unknown, "The security token included in the request is invalid."},
		{"short key id", edit("AKIAIOSFODNN7EXAMPLE", "AKIA"), unknown, "invalid"},
		{"key id with other characters", edit("AKIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7-EXAMPLE"), unknown, "invalid"},
		{
			"terminator", edit("aws4_request", "aws5_request"), mismatch,
			"Credential should be scoped with a valid terminator: 'aws4_request', not 'aws5_request'",
		},
		{
			"scope of another day", edit("/20260102/", "/20260103/"), mismatch,
			"Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '20260103' != '20260102', from '20260102T120000Z'.",
		},
		{"no region", edit("/eu-west-1/", "//"), mismatch, "Credential should be scoped to a valid Region, not ''"},
		{"region of other characters", edit("/eu-west-1/", "/EU WEST/"), mismatch, "not 'EU WEST'"},
		{"another region", edit("/eu-west-1/", "/eu-west-2/"), mismatch, "The request signature we calculated does not match"},
		{"no service", edit("/iam/", "//"), mismatch, "scoped to correct service"},
		{"another service", edit("/iam/", "/sts/"), mismatch, "The request signature we calculated does not match"},
		{
			"host not signed", edit("content-type;host;", "content-type;"), mismatch,
			"'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.",
		},
		{
			"x-amz header not signed", set("X-Amz-Target", "x"), mismatch,
			"'X-Amz-Target' must be a 'SignedHeader' in the AWS Authorization.",
		},
		{"token not signed", edit(";x-amz-security-token", ""), mismatch, "'X-Amz-Security-Token' must be"},
		{"date not signed", edit(";x-amz-date", ""), mismatch, "'X-Amz-Date' must be"},
		{"two tokens", add("X-Amz-Security-Token", "OTHER"), incomplete, "one X-Amz-Security-Token"},
		{"long token", set("X-Amz-Security-Token", strings.Repeat("x", 8<<10+1)), unknown, "invalid"},
		{"many signed headers", edit("SignedHeaders=", "SignedHeaders="+strings.Repeat("a;", 61)), incomplete, "more than 64 headers"},
		{"empty token", set("X-Amz-Security-Token", ""), incomplete, "one X-Amz-Security-Token"},
		{"names not sorted", edit("content-type;host", "host;content-type"), incomplete, "sorted list"},
		{"name twice", edit(";host;", ";host;host;"), incomplete, "each once"},
		{"name in upper case", edit(";host;", ";Host;"), incomplete, "lower-case"},
		{"empty name", edit("SignedHeaders=", "SignedHeaders=;"), incomplete, "header names"},
		{"signed header left out", func(r *http.Request) { r.Header.Del("Content-Type") }, mismatch, "does not match"},
		{"signed header twice", add("Content-Type", "text/plain"), mismatch, "does not match"},
		{"another content type", set("Content-Type", "text/plain"), mismatch, "does not match"},
		{"another token", set("X-Amz-Security-Token", "OTHER"), mismatch, "does not match"},
		{"another method", func(r *http.Request) { r.Method = http.MethodGet }, mismatch, "does not match"},
		{"another host", func(r *http.Request) { r.Host = "evil.example.com" }, mismatch, "evil.example.com"},
		{"another path", func(r *http.Request) { r.URL.Path = "/x" }, mismatch, "'POST\n/x\n"},
		{"another query", func(r *http.Request) { r.URL.RawQuery = "Action=DeleteUser" }, mismatch, "\nAction=DeleteUser\n"},
		{"another time of the day", set("X-Amz-Date", "20260102T120001Z"), mismatch, "does not match"},
		{"short value", edit("Signature=", "Signature=ab,x"), incomplete, "missing equal-sign"},
		{"value cut", func(r *http.Request) {
			text := r.Header.Get("Authorization")
			r.Header.Set("Authorization", text[:len(text)-2])
		}, mismatch, "does not match"},
		{"value of zeros", func(r *http.Request) {
			text, _, _ := strings.Cut(r.Header.Get("Authorization"), "Signature=")
			r.Header.Set("Authorization", text+"Signature="+strings.Repeat("0", 64))
		}, mismatch, "does not match"},
		{"value not hex", func(r *http.Request) {
			text, _, _ := strings.Cut(r.Header.Get("Authorization"), "Signature=")
			r.Header.Set("Authorization", text+"Signature="+strings.Repeat("z", 64))
		}, mismatch, "does not match"},
		{"another secret", resigned(nothing, payload, sigv4.Credentials{AccessKeyID: credentials.AccessKeyID, SecretAccessKey: "other"},
			"eu-west-1", "iam", noon), mismatch, "does not match"},
		{"another body", resigned(nothing, payload+"&x=y", credentials, "eu-west-1", "iam", noon), mismatch, "does not match"},
		{
			"unsigned payload", resigned(set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD"), payload, credentials, "eu-west-1", "iam", noon),
			mismatch, "x-amz-content-sha256",
		},
		{"chunked payload", resigned(set("X-Amz-Content-Sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"), payload, credentials, "eu-west-1",
			"iam", noon), mismatch, "x-amz-content-sha256"},
		{
			"hash of another body", resigned(set("X-Amz-Content-Sha256", hashOf("other")), payload, credentials, "eu-west-1", "iam", noon),
			mismatch, "x-amz-content-sha256",
		},
		{
			"future", resigned(nothing, payload, credentials, "eu-west-1", "iam", noon.Add(skew+time.Second)), mismatch,
			"Signature not yet current: 20260102T121501Z is still later than 20260102T121500Z (20260102T120000Z + 15 min.)",
		},
		{
			"past", resigned(nothing, payload, credentials, "eu-west-1", "iam", noon.Add(-skew-time.Second)), mismatch,
			"Signature expired: 20260102T114459Z is now earlier than 20260102T114500Z (20260102T120000Z - 15 min.)",
		},
		{
			"future, with another secret",
			resigned(nothing, payload, sigv4.Credentials{AccessKeyID: credentials.AccessKeyID, SecretAccessKey: "other"}, "eu-west-1", "iam",
				noon.Add(time.Hour)), mismatch, "not yet current",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := signed(t)
			c.change(r)
			err := verify(r)
			var e *awsquery.Error
			if !errors.As(err, &e) || e.Code != c.code || e.Status != statuses[c.code] || !strings.Contains(e.Message, c.text) {
				t.Fatalf("%v; want %s with %q", err, c.code, c.text)
			}
			if strings.Contains(e.Message, credentials.SecretAccessKey) {
				t.Error("the message has the secret")
			}
		})
	}
}

// The message of a signature that does not match shows what was signed, but neither the session token nor the right signature.
func TestMismatchMessage(t *testing.T) {
	r := signed(t)
	right := r.Header.Get("Authorization")
	right = right[strings.LastIndex(right, "=")+1:]
	edit(right, strings.Repeat("1", 64))(r)
	var e *awsquery.Error
	if !errors.As(verify(r), &e) {
		t.Fatal("verified")
	}

	const want = "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing " +
		"method. Consult the service documentation for details.\n\nThe Canonical String for this request should have been\n" +
		"'POST\n/\n\ncontent-type:application/x-www-form-urlencoded; charset=utf-8\nhost:iam.example.com\nx-amz-date:20260102T120000Z\n" +
		"x-amz-security-token:[not shown]\n\ncontent-type;host;x-amz-date;x-amz-security-token\n"

	if !strings.HasPrefix(e.Message, want) {
		t.Errorf("message:\n%s", e.Message)
	}
	if strings.Contains(e.Message, "TOKEN") || strings.Contains(e.Message, right) {
		t.Error("the message has the token or the signature")
	}
}

// The message names the skew in force, whole minutes or not.
func TestSkewShown(t *testing.T) {
	sig, err := sigv4.Parse(signed(t))
	if err != nil {
		t.Fatal(err)
	}
	for skew, want := range map[time.Duration]string{5 * time.Minute: " - 5 min.)", 90 * time.Second: " - 1.5 min.)"} {
		var e *awsquery.Error
		if err := sig.Verify([32]byte{}, signed(t), hashOf(payload), noon.Add(time.Hour), skew); !errors.As(err, &e) ||
			!strings.HasSuffix(e.Message, want) {
			t.Errorf("skew %s: %v", skew, err)
		}
	}
}

func TestWrongService(t *testing.T) {
	e := sigv4.WrongService("iam")
	if e.Code != "SignatureDoesNotMatch" || e.Status != 403 || e.Message != "Credential should be scoped to correct service: 'iam'" {
		t.Errorf("%+v", e)
	}
}

// Nothing that a header can hold panics or verifies, and what parses is well formed.
func FuzzParse(f *testing.F) {
	good := signed(f)
	f.Add(good.Header.Get("Authorization"), good.Header.Get("X-Amz-Date"), "/", "", "iam.example.com", "TOKEN")
	f.Add("AWS4-HMAC-SHA256 Credential=a/b/c/d/e,SignedHeaders=host,Signature=00", "20260102T120000Z", "/../a%2f", "a=%zz&b", "", "")
	f.Add("AWS4-HMAC-SHA256 Credential=////, SignedHeaders=;, Signature==", "00000000T000000Z", "", "X-Amz-Signature=", "\x00", "\xff")
	f.Fuzz(func(t *testing.T, authorization, date, path, query, host, token string) {
		r := request(t, http.MethodPost, "https://iam.example.com/", "")
		r.Header.Set("Authorization", authorization)
		r.Header.Set("X-Amz-Date", date)
		r.Header.Set("X-Amz-Security-Token", token)
		r.URL.Path, r.URL.RawPath, r.URL.RawQuery, r.Host = path, path, query, host
		sig, err := sigv4.Parse(r)
		if err != nil {
			if sig != nil && codeOf(err) == "" {
				t.Fatalf("%+v with an error of another kind: %v", sig, err)
			}
			return
		}

		if sig.Date != sig.Time.Format("20060102") || len(sig.AccessKeyID) < 16 || sig.Region == "" || sig.Service == "" ||
			sig.SessionToken != token || !strings.Contains(";"+sig.SignedHeaders+";", ";x-amz-security-token;") {
			t.Fatalf("parsed %+v", sig)
		}
		if code := codeOf(sig.Verify([32]byte{1}, r, hashOf(""), sig.Time, skew)); code != "SignatureDoesNotMatch" {
			t.Fatalf("verified with an arbitrary key: %q", code)
		}
	})
}

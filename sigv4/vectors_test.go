package sigv4_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/touchstone-iam/touchstone/sigv4"
)

// Cases of the published test suite of Signature Version 4: requests to example.amazonaws.com, for the service named "service".
// The suite's key id, AKIDEXAMPLE, is shorter than IAM's may be; it is no part of what is signed, so here it is longer.
func TestPublishedSuite(t *testing.T) {
	const (
		secret  = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
		vanilla = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
	)

	at := time.Date(2015, 8, 30, 12, 36, 0, 0, time.UTC)
	key := sigv4.SigningKey(secret, "20150830", "us-east-1", "service")
	for _, c := range []struct {
		name, method, target, body string
		header                     http.Header
		signed, signature          string
	}{
		{"get-vanilla", "GET", "/", "", nil, "host;x-amz-date", vanilla},
		{"get-vanilla-empty-query-string", "GET", "/?", "", nil, "host;x-amz-date", vanilla},
		{"get-slash", "GET", "//", "", nil, "host;x-amz-date", vanilla},
		{"get-slash-dot-slash", "GET", "/./", "", nil, "host;x-amz-date", vanilla},
		{"get-relative", "GET", "/example/..", "", nil, "host;x-amz-date", vanilla},
		{"get-relative-relative", "GET", "/example1/example2/../..", "", nil, "host;x-amz-date", vanilla},
		{
			"get-vanilla-query-order-key-case", "GET", "/?Param2=value2&Param1=value1", "", nil, "host;x-amz-date",
			"b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
		},
		{
			"get-header-value-trim", "GET", "/", "",
			http.Header{"My-Header1": {" value1"}, "My-Header2": {` "a   b   c"`}},
			"host;my-header1;my-header2;x-amz-date", "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
		},
		{"post-vanilla", "POST", "/", "", nil, "host;x-amz-date", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
		{
			"post-x-www-form-urlencoded", "POST", "/", "Param1=value1",
			http.Header{"Content-Type": {"application/x-www-form-urlencoded"}},
			"content-type;host;x-amz-date", "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := http.NewRequest(c.method, "https://example.amazonaws.com"+c.target, nil)
			if err != nil {
				t.Fatal(err)
			}
			for name, values := range c.header {
				r.Header[name] = values
			}
			r.Header.Set("X-Amz-Date", "20150830T123600Z")
			r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE_____/20150830/us-east-1/service/aws4_request, SignedHeaders="+
				c.signed+", Signature="+c.signature)
			sig, err := sigv4.Parse(r)
			if err != nil {
				t.Fatal(err)
			}
			if err := sig.Verify(key, r, hashOf(c.body), at, skew); err != nil {
				t.Error(err)
			}
		})
	}
}

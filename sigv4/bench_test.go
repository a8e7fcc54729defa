package sigv4_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"testing"
	"time"

	"github.com/touchstone-iam/touchstone/sigv4"
)

var (
	noon        = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	credentials = sigv4.Credentials{AccessKeyID: "AKIAIOSFODNN7EXAMPLE", SecretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}
)

const skew = 15 * time.Minute

// request is a request of the kind that clients send, not signed yet.
func request(t testing.TB, method, url, body string) *http.Request {
	t.Helper()
	r, err := http.NewRequest(method, url, bytes.NewReader([]byte(body)))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	}
	return r
}

func hashOf(body string) string {
	sum := sha256.Sum256([]byte(body))
	return hex.EncodeToString(sum[:])
}

func BenchmarkVerify(b *testing.B) {
	const body = "Action=GetUser&Version=2010-05-08&UserName=alice"
	r := request(b, http.MethodPost, "https://iam.example.com/", body)
	sigv4.Sign(r, []byte(body), credentials, "us-east-1", "iam", noon)
	key := sigv4.SigningKey(credentials.SecretAccessKey, "20260102", "us-east-1", "iam")
	hash := hashOf(body)
	b.ReportAllocs()
	for b.Loop() {
		sig, err := sigv4.Parse(r)
		if err != nil {
			b.Fatal(err)
		}
		if err := sig.Verify(key, r, hash, noon, skew); err != nil {
			b.Fatal(err)
		}
	}
}

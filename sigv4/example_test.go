package sigv4_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/touchstone-iam/touchstone/sigv4"
)

// A server reads the signature, looks up the key that the signature names, and verifies the request with it.
func Example() {
	const secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"

	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		signature, err := sigv4.Parse(r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusForbidden)
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}

		// A real server looks the secret up by signature.AccessKeyID, and must check the service too.
		if signature.Service != "iam" {
			http.Error(w, sigv4.WrongService("iam").Error(), http.StatusForbidden)
			return
		}
		key := sigv4.SigningKey(secret, signature.Date, signature.Region, signature.Service)
		hash := sha256.Sum256(body)
		if err := signature.Verify(key, r, hex.EncodeToString(hash[:]), time.Now(), 15*time.Minute); err != nil {
			http.Error(w, "the signature is wrong", http.StatusForbidden)
			return
		}
		fmt.Fprintf(w, "%s signed %q", signature.AccessKeyID, body)
	}))
	defer server.Close()

	// The first client knows the secret, the second does not.
	for _, known := range []string{secret, "guessed"} {
		body := []byte("Action=GetUser&Version=2010-05-08")
		r, err := http.NewRequest(http.MethodPost, server.URL, bytes.NewReader(body))
		if err != nil {
			fmt.Println(err)
			return
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		credentials := sigv4.Credentials{AccessKeyID: "AKIAIOSFODNN7EXAMPLE", SecretAccessKey: known}
		sigv4.Sign(r, body, credentials, "us-east-1", "iam", time.Now())

		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			fmt.Println(err)
			return
		}
		text, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(answer.StatusCode, string(bytes.TrimSpace(text)))
	}
	// Output:
	// 200 AKIAIOSFODNN7EXAMPLE signed "Action=GetUser&Version=2010-05-08"
	// 403 the signature is wrong
}

package sigv4

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"testing"
	"time"
)

// The worked example of the IAM User Guide's page on signing: its signing key and its signature.
func TestWorkedExample(t *testing.T) {
	r, err := http.NewRequest(http.MethodGet, "https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08", nil)
	if err != nil {
		t.Fatal(err)
	}

	r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	r.Header.Set("X-Amz-Date", "20150830T123600Z")
	key := SigningKey("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "20150830", "us-east-1", "iam")
	if got := hex.EncodeToString(key[:]); got != "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9" {
		t.Errorf("signing key %s", got)
	}

	s := &Signature{
		Date: "20150830", Region: "us-east-1", Service: "iam", SignedHeaders: "content-type;host;x-amz-date", stamp: "20150830T123600Z",
		Time:  time.Date(2015, 8, 30, 12, 36, 0, 0, time.UTC),
		value: "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7",
	}

	empty := sha256.Sum256(nil)
	if err := s.Verify(key, r, hex.EncodeToString(empty[:]), s.Time, time.Minute); err != nil {
		t.Error(err)
	}
}

func TestCanonicalPath(t *testing.T) {
	for path, want := range map[string]string{
		"": "/", "/": "/", "//": "/", "/.": "/", "/./": "/", "/..": "/", "/../..": "/", "/a/..": "/", "/a/../": "/",
		"/a": "/a", "/a/": "/a/", "//a//b//": "/a/b/", "/a/./b": "/a/b", "/a/b/..": "/a/", "/a/b/../c": "/a/c", "/../a": "/a",
		"/a%20b": "/a%2520b", "/%C3%A9": "/%25C3%25A9", "/a-._~": "/a-._~", "/a+b": "/a%2Bb", "/a%2Fb": "/a%252Fb", "/...": "/...",
	} {
		if got := string(canonicalPath([]byte("kept"), path)); got != "kept"+want {
			t.Errorf("canonical path of %q: %q, want %q", path, got[4:], want)
		}
	}
}

func TestCanonicalQuery(t *testing.T) {
	for query, want := range map[string]string{
		"": "", "b=2&a=1": "a=1&b=2", "a": "a=", "a=": "a=", "a=2&a=1": "a=1&a=2", "&&a=1&": "a=1", "a=b=c": "a=b%3Dc",
		"a=x+y": "a=x%20y", "a=x%2By": "a=x%2By", "a=%7e": "a=~", "é=1&z=2": "%C3%A9=1&z=2", "a=%zz": "a=%zz", "A=1&a=2": "A=1&a=2",
		"a.b=1&a=2": "a=2&a.b=1", "a=/": "a=%2F",
	} {
		if got := string(canonicalQuery(nil, query)); got != want {
			t.Errorf("canonical query of %q: %q, want %q", query, got, want)
		}
	}
}

func TestCanonicalHeader(t *testing.T) {
	r := &http.Request{Host: " example.com:8080 ", ContentLength: 12, Header: http.Header{
		"X-Amz-Meta": {"  a   b  ", "c", "\td\t"}, "X-Empty": {""}, "X-One-2": {"x"},
	}}
	for name, want := range map[string]string{
		"host": "example.com:8080", ":authority": "example.com:8080", "content-length": "12", "x-amz-meta": "a b,c,d", "x-empty": "",
		"x-one-2": "x", "x-absent": "",
	} {
		if got := string(canonicalHeader(nil, r, name)); got != want {
			t.Errorf("canonical %s: %q, want %q", name, got, want)
		}
	}
}

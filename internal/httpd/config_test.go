package httpd

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestValidate(t *testing.T) {
	cert, key := makeCertificate(t)
	bad := filepath.Join(t.TempDir(), "bad.pem")
	if err := os.WriteFile(bad, []byte("not PEM"), 0o600); err != nil {
		t.Fatal(err)
	}

	const public, local = "https://iam.example.com", "http://localhost:8080"
	for name, test := range map[string]struct {
		c    Config
		want []string // what the lines say, in order; none for a valid one
	}{
		"loopback":          {Config{Listen: "127.0.0.1:8080", URL: local}, nil},
		"loopback, IPv6":    {Config{Listen: "[::1]:8080", URL: local}, nil},
		"loopback, by name": {Config{Listen: "localhost:0", URL: "http://iam.localhost:8080/"}, nil},
		"TLS":               {Config{Listen: ":443", TLSCert: cert, TLSKey: key, URL: public}, nil},
		"behind a proxy": {Config{
			Listen: "0.0.0.0:8080", BehindProxy: []string{"10.0.0.0/8", "2001:db8::1"}, URL: public,
			MetricsListen: "127.0.0.1:9090",
		}, nil},
		"TLS behind a proxy": {Config{
			Listen: ":443", TLSCert: cert, TLSKey: key, BehindProxy: []string{"10.0.0.1"},
			URL: public,
		}, nil},
		"beyond loopback":          {Config{Listen: "0.0.0.0:8080", URL: local}, []string{"beyond this machine"}},
		"beyond loopback, all":     {Config{Listen: ":8080", URL: local}, []string{"beyond this machine"}},
		"beyond loopback, by name": {Config{Listen: "iam.example.com:8080", URL: local}, []string{"beyond this machine"}},
		"no port":                  {Config{Listen: "127.0.0.1", URL: local}, []string{"--listen"}},
		"cert without key":         {Config{Listen: "127.0.0.1:1", TLSCert: cert, URL: local}, []string{"go together"}},
		"key without cert":         {Config{Listen: "127.0.0.1:1", TLSKey: key, URL: local}, []string{"go together"}},
		"cert that is none":        {Config{Listen: ":443", TLSCert: bad, TLSKey: key, URL: public}, []string{"--tls-cert "}},
		"cert that is missing":     {Config{Listen: ":443", TLSCert: bad + "x", TLSKey: key, URL: public}, []string{"no such file"}},
		"TLS at an http URL":       {Config{Listen: ":443", TLSCert: cert, TLSKey: key, URL: local}, []string{"does not fit"}},
		"no TLS at an https URL":   {Config{Listen: "127.0.0.1:1", URL: public}, []string{"does not fit"}},
		"URL with a path":          {Config{Listen: "127.0.0.1:1", URL: local + "/iam"}, []string{"--url"}},
		"URL without a scheme":     {Config{Listen: "127.0.0.1:1", URL: "localhost:8080"}, []string{"--url"}},
		"URL with a user":          {Config{Listen: "127.0.0.1:1", URL: "http://u:p@localhost"}, []string{"--url"}},
		"URL of an address":        {Config{Listen: "127.0.0.1:1", URL: "http://127.0.0.1:8080"}, []string{"IP address"}},
		"URL of an IPv6 address":   {Config{Listen: "127.0.0.1:1", URL: "http://[::1]:8080"}, []string{"IP address"}},
		"URL of a short address":   {Config{Listen: "127.0.0.1:1", URL: "http://127.1"}, []string{"IP address"}},
		"URL of a hex address":     {Config{Listen: "127.0.0.1:1", URL: "http://0x7f000001"}, []string{"IP address"}},
		"URL with a query":         {Config{Listen: "127.0.0.1:1", URL: local + "?"}, []string{"--url"}},
		"URL with an empty port":   {Config{Listen: "127.0.0.1:1", URL: "http://localhost:"}, []string{"--url"}},
		"URL with a port too high": {Config{Listen: "127.0.0.1:1", URL: "http://localhost:65536"}, []string{"65535"}},
		"URL with the scheme's port": {
			Config{Listen: ":443", TLSCert: cert, TLSKey: key, URL: public + ":443"},
			[]string{"as browsers do"},
		},
		"URL in upper case": {
			Config{Listen: ":443", TLSCert: cert, TLSKey: key, URL: "https://IAM.example.com"},
			[]string{"as browsers do"},
		},
		"URL with an upper scheme": {
			Config{Listen: ":443", TLSCert: cert, TLSKey: key, URL: "HTTPS://iam.example.com"},
			[]string{"as browsers do"},
		},
		"URL with a final dot": {
			Config{Listen: ":443", TLSCert: cert, TLSKey: key, URL: public + "."},
			[]string{"as browsers do"},
		},
		"URL that is not ASCII": {
			Config{Listen: ":443", TLSCert: cert, TLSKey: key, URL: "https://bücher.example"},
			[]string{"as browsers do"},
		},
		"port that is a name": {Config{Listen: "127.0.0.1:http", URL: local}, []string{"--listen"}},
		"negative grace":      {Config{Listen: "127.0.0.1:1", URL: local, ShutdownGrace: -1}, []string{"grace"}},
		"URL that browsers distrust": {
			Config{Listen: ":443", TLSCert: cert, TLSKey: key, URL: "http://iam.example.com"},
			[]string{"only over https"},
		},
		"insecure":          {Config{Listen: "0.0.0.0:8080", InsecureHTTP: true, URL: local}, nil},
		"insecure, by name": {Config{Listen: ":8080", InsecureHTTP: true, URL: "http://touchstone:8080"}, nil},
		"insecure, with TLS": {
			Config{Listen: ":443", InsecureHTTP: true, TLSCert: cert, TLSKey: key, URL: public},
			[]string{"exclude each other"},
		},
		"insecure, an https URL": {Config{Listen: ":8080", InsecureHTTP: true, URL: public}, []string{"does not fit"}},
		"insecure, an address": {
			Config{Listen: ":8080", InsecureHTTP: true, URL: "http://10.0.0.5:8080"},
			[]string{"IP address"},
		},
		"secure, and how not to": {
			Config{Listen: ":8080", URL: "http://touchstone:8080"},
			[]string{"--insecure-http", "--insecure-http"},
		},
		"proxies that are none": {
			Config{Listen: ":1", BehindProxy: []string{"proxy", "10.0.0.0/33"}, URL: public},
			[]string{`"proxy"`, "/33"},
		},
		"everybody a proxy": {
			Config{Listen: ":1", BehindProxy: []string{"0.0.0.0/0", "::/0"}, URL: public},
			[]string{"every client", "every client"},
		},
		"a mapped prefix": {
			Config{Listen: ":1", BehindProxy: []string{"::ffff:10.0.0.0/104"}, URL: public},
			[]string{"--behind-proxy"},
		},
		"metrics without a port": {Config{Listen: "127.0.0.1:1", URL: local, MetricsListen: "9090"}, []string{"--metrics-listen"}},
		"everything that can be told": {
			Config{Listen: ":1", TLSKey: key, URL: "x", MetricsListen: "x"},
			[]string{"beyond", "together", "--url", "--metrics-listen"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var lines []string
			if err := test.c.Validate(); err != nil {
				lines = strings.Split(err.Error(), "\n")
			}
			if len(lines) != len(test.want) {
				t.Fatalf("faults %q, want %q", lines, test.want)
			}
			for n, want := range test.want {
				if !strings.Contains(lines[n], want) {
					t.Errorf("fault %q, want %q", lines[n], want)
				}
			}
		})
	}
}

func TestWarnings(t *testing.T) {
	for name, test := range map[string]struct {
		c    Config
		want []string // what the warnings say, in order
	}{
		"none":                  {Config{Listen: "127.0.0.1:8080", URL: "http://localhost:8080"}, nil},
		"insecure on localhost": {Config{Listen: ":8080", URL: "http://localhost:8080", InsecureHTTP: true}, []string{"unencrypted"}},
		"insecure by name": {
			Config{Listen: ":8080", URL: "http://touchstone:8080", InsecureHTTP: true},
			[]string{"unencrypted", "security keys do not work at http://touchstone:8080"},
		},
	} {
		warnings := test.c.Warnings()
		if len(warnings) != len(test.want) {
			t.Fatalf("%s: warnings %q, want %q", name, warnings, test.want)
		}
		for n, want := range test.want {
			if !strings.Contains(warnings[n], want) {
				t.Errorf("%s: warning %q, want %q", name, warnings[n], want)
			}
		}
	}
}

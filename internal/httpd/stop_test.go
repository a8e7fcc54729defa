package httpd

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// Whoever has sent a part of a request, or nothing, does not hold up a stop: the stop is as clean as without them, and the request
// that was received whole is answered.
func TestStopCutsWhatIsNotWhole(t *testing.T) {
	for name, sent := range map[string]string{
		"nothing":          "",
		"part of a header": "POST / HTTP/1.1\r\nHost: local",
		"part of a body":   "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nAction=",
		"part of a chunk":  "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nAction=",
		"part of the second": "GET /quick HTTP/1.1\r\nHost: localhost\r\n\r\n" +
			"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nAction=",
	} {
		t.Run(name, func(t *testing.T) {
			begun, finish := make(chan struct{}), make(chan struct{})
			s, stop := running(t, Config{Listen: "127.0.0.1:0", URL: "http://localhost", ShutdownGrace: 5 * time.Second},
				func(w http.ResponseWriter, r *http.Request) {
					if r.URL.Path == "/slow" {
						close(begun)
						<-finish
					}
					io.ReadAll(r.Body) //nolint:errcheck // the error is what the stop makes
					io.WriteString(w, "finished")
				})

			stalled, err := net.Dial("tcp", s.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer stalled.Close()
			if _, err := io.WriteString(stalled, sent); err != nil {
				t.Fatal(err)
			}

			answered := make(chan string, 1)
			go func() {
				answer, err := http.Get("http://" + s.Addr().String() + "/slow")
				if err != nil {
					answered <- err.Error()
					return
				}
				defer answer.Body.Close()
				body, _ := io.ReadAll(answer.Body)
				answered <- string(body)
			}()
			<-begun
			stopped := stop()
			time.AfterFunc(lastChance+500*time.Millisecond, func() { close(finish) }) // when the stalled one has been cut
			if got := <-answered; got != "finished" {
				t.Errorf("the request in flight was answered %q", got)
			}
			if err := <-stopped; err != nil {
				t.Errorf("the stop failed: %v", err)
			}
		})
	}
}

// The same holds for a stalled stream of HTTP/2.
func TestStopCutsAStalledStream(t *testing.T) {
	cert, key := makeCertificate(t)
	begun := make(chan struct{})
	s, stop := running(t, Config{
		Listen: "127.0.0.1:0", URL: "https://localhost", TLSCert: cert, TLSKey: key,
		ShutdownGrace: 5 * time.Second,
	},
		func(_ http.ResponseWriter, r *http.Request) {
			close(begun)
			io.ReadAll(r.Body) //nolint:errcheck // the error is what the stop makes
		})

	transport := &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	defer transport.CloseIdleConnections()
	body, more := io.Pipe()
	defer more.Close()
	go more.Write([]byte("Action=")) //nolint:errcheck // the rest never comes
	r, err := http.NewRequestWithContext(context.Background(), http.MethodPost, "https://"+s.Addr().String()+"/", body)
	if err != nil {
		t.Fatal(err)
	}
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		answer, err := transport.RoundTrip(r)
		if err == nil {
			if !strings.HasPrefix(answer.Proto, "HTTP/2") {
				t.Errorf("answered over %s", answer.Proto)
			}
			answer.Body.Close()
		}
	}()

	<-begun
	if err := <-stop(); err != nil {
		t.Errorf("the stop failed: %v", err)
	}
	more.Close()
	<-answered
}

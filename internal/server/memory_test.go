package server_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/touchstone-iam/touchstone/internal/httpd"
	"github.com/touchstone-iam/touchstone/internal/memlimit"
	"github.com/touchstone-iam/touchstone/internal/operator"
	"github.com/touchstone-iam/touchstone/sigv4"
)

// servedData names the data directory of a process that serves, which is a child of the test's.
const servedData = "TOUCHSTONE_TEST_SERVED_DATA"

// serveHere serves in plain text and with TLS, and prints both addresses, the id of the root user's access key and its secret.
func serveHere(data string) error {
	memlimit.Apply(0)
	ctx := context.Background()
	state, s, err := open(place{data: data})
	if err != nil {
		return err
	}
	made, err := state.Operator().CreateAccount(ctx,
		operator.AccountRequest{RootEmail: "root@example.com", AccessKey: true, URL: publicURL})
	if err != nil {
		return err
	}
	cert, key, err := writeCertificate(data)
	if err != nil {
		return err
	}

	failed := make(chan error)
	for _, c := range []httpd.Config{
		{Listen: "127.0.0.1:0", URL: publicURL}, {Listen: "127.0.0.1:0", URL: "https://localhost", TLSCert: cert, TLSKey: key},
	} {
		front, err := httpd.New(c, s.Handler, func(context.Context) error { return nil }, slog.New(slog.DiscardHandler))
		if err == nil {
			err = front.Listen()
		}
		if err != nil {
			return err
		}
		fmt.Println(front.Addr())
		go func() { failed <- front.Serve(ctx) }()
	}
	fmt.Printf("%s\n%s\n", made.AccessKeyID, made.SecretAccessKey)
	return <-failed
}

// writeCertificate writes a certificate for localhost and its key.
func writeCertificate(dir string) (certFile, keyFile string, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", "", err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"}, NotAfter: time.Now().Add(time.Hour)}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return "", "", err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return "", "", err
	}

	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	if err := os.WriteFile(certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}), 0o600); err != nil {
		return "", "", err
	}
	return certFile, keyFile, os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600)
}

// served is a process that serves.
type served struct {
	pid         int
	plain, tls  string // addresses
	credentials sigv4.Credentials
}

func startServed(t *testing.T) *served {
	t.Helper()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), servedData+"="+t.TempDir())
	child.Stderr = t.Output()
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		child.Process.Kill() //nolint:errcheck // it may have failed by itself
		child.Wait()         //nolint:errcheck // it was killed
	})

	lines := bufio.NewScanner(out)
	next := func() string {
		if !lines.Scan() {
			t.Fatal("the server did not start")
		}
		return lines.Text()
	}
	s := &served{pid: child.Process.Pid, plain: next(), tls: next()}
	s.credentials = sigv4.Credentials{AccessKeyID: next(), SecretAccessKey: next()}
	return s
}

// resident returns the resident set of the process, in MiB.
func (s *served) resident(t *testing.T) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	kib, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		t.Fatal(err)
	}
	return kib >> 10
}

const largeBody = 1 << 20

// request is the head of a POST with a large body, signed with the given key and a secret that nobody has, or not at all.
func (s *served) request(keyID string) *http.Request {
	r, _ := http.NewRequest(http.MethodPost, "http://"+s.plain+"/", nil)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if keyID != "" {
		sigv4.Sign(r, nil, sigv4.Credentials{AccessKeyID: keyID, SecretAccessKey: "guessed"}, "us-east-1", "iam", time.Now())
	}
	return r
}

// getUser is an honest request.
func (s *served) getUser(padding int) error {
	body := []byte("Action=GetUser&Version=2010-05-08&Padding=" + strings.Repeat("x", padding))
	r, err := http.NewRequest(http.MethodPost, "http://"+s.plain+"/", bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	sigv4.Sign(r, body, s.credentials, "us-east-1", "iam", time.Now())
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%d %s", answer.StatusCode, text)
	}
	return err
}

// TestStrangersFillNoMemory has a thousand connections, and three of HTTP/2 with as many requests as they may carry, send bodies of
// a MiB to the last byte but one, without credentials or with wrong ones.
func TestStrangersFillNoMemory(t *testing.T) {
	const most = 100 // MiB
	s := startServed(t)
	for range 50 {
		if err := s.getUser(0); err != nil {
			t.Fatal(err)
		}
	}
	before := s.resident(t)

	keys := []string{"", "AKIAIOSFODNN7EXAMPLE", s.credentials.AccessKeyID}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	var senders, holders sync.WaitGroup
	for n := range 1000 {
		senders.Add(1)
		holders.Go(func() {
			s.sendPlain(t, ctx, keys[n%len(keys)], senders.Done)
		})
	}
	for range 3 {
		client := &http.Client{Transport: &http.Transport{
			ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // it sends no secret
		}}
		for n := range 32 {
			senders.Add(1)
			holders.Go(func() { s.sendStream(ctx, client, keys[n%len(keys)], senders.Done) })
		}
	}

	// The peak is looked for while they send, and while all of them wait. Honest requests are answered beside them.
	var sent atomic.Bool
	go func() {
		senders.Wait()
		sent.Store(true)
	}()
	peak, honest := before, 0
	for last := false; !last; honest++ {
		last = sent.Load()
		if err := s.getUser(0); err != nil {
			t.Errorf("an honest request beside the strangers: %v", err)
		}
		peak = max(peak, s.resident(t))
	}
	stop()
	holders.Wait()
	peak = max(peak, s.resident(t))
	if peak-before >= most {
		t.Errorf("the resident set grew from %d to %d MiB, want less than %d more", before, peak, most)
	}

	// It falls again by itself, and a large honest request finds a place.
	limit := time.Now().Add(time.Minute)
	after := s.resident(t)
	for after > before+(peak-before)/2 && peak > before+10 {
		if time.Now().After(limit) {
			t.Fatalf("the resident set stays at %d MiB of %d, was %d before", after, peak, before)
		}
		time.Sleep(50 * time.Millisecond)
		after = s.resident(t)
	}
	if err := s.getUser(100_000); err != nil {
		t.Errorf("a large honest request: %v", err)
	}
	t.Logf("%d MiB before, %d at the peak, %d after; %d honest requests", before, peak, after, honest)
}

// sendPlain sends all but the last byte of a large body, or until it is cut off, and then holds the connection until ctx is done.
func (s *served) sendPlain(t *testing.T, ctx context.Context, keyID string, sent func()) {
	c, err := net.Dial("tcp", s.plain)
	if err != nil {
		t.Error(err)
		sent()
		return
	}
	defer c.Close()
	c.SetWriteDeadline(time.Now().Add(5 * time.Second)) //nolint:errcheck // a TCP connection has deadlines

	head := new(strings.Builder)
	fmt.Fprintf(head, "POST / HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n", s.plain, largeBody)
	s.request(keyID).Header.Write(head) //nolint:errcheck // a Builder takes everything
	io.WriteString(c, head.String()+"\r\n")
	c.Write(bytes.Repeat([]byte("a"), largeBody-1)) //nolint:errcheck // the server may cut it off
	sent()
	<-ctx.Done()
}

// sendStream does the same in a stream of an HTTP/2 connection.
func (s *served) sendStream(ctx context.Context, client *http.Client, keyID string, sent func()) {
	r := s.request(keyID)
	r.URL.Scheme, r.URL.Host = "https", s.tls
	done := sync.OnceFunc(sent)
	defer done()
	r.Body, r.ContentLength = &endless{left: largeBody - 1, ctx: ctx, sent: done}, largeBody
	if answer, err := client.Do(r.WithContext(ctx)); err == nil {
		answer.Body.Close()
	}
}

// endless is a body whose last byte never comes.
type endless struct {
	left int
	ctx  context.Context
	sent func()
}

func (e *endless) Read(p []byte) (int, error) {
	if e.left == 0 {
		e.sent()
		<-e.ctx.Done()
		return 0, e.ctx.Err()
	}
	n := min(len(p), e.left)
	e.left -= n
	return n, nil
}

func (e *endless) Close() error {
	e.sent()
	return nil
}

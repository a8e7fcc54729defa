package browsertest

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/touchstone-iam/touchstone/internal/touchtest"
)

// installation is a served data directory with one account.
type installation struct {
	t      *testing.T
	url    string
	data   string
	server *exec.Cmd

	accountID, email, setUpLink string
	rootKey                     aws.Credentials
}

// install makes an account, with what else "account create" is told, and serves it.
func install(t *testing.T, options ...string) *installation {
	t.Helper()
	i := &installation{t: t, data: t.TempDir(), email: "root@example.com"}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listen := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	_, port, _ := strings.Cut(listen, ":")
	i.url = "http://localhost:" + port
	var made struct{ AccountID, SetupURL, AccessKeyID, SecretAccessKey string }
	i.touchstoneJSON(&made,
		append([]string{"account", "create", "--root-email", i.email, "--access-key", "--url", i.url}, options...)...)
	i.accountID, i.setUpLink = made.AccountID, made.SetupURL
	i.rootKey = aws.Credentials{AccessKeyID: made.AccessKeyID, SecretAccessKey: made.SecretAccessKey}

	var log bytes.Buffer
	i.server = exec.Command(binary, "serve", "--data", i.data, "--listen", listen, "--argon2-time", "1", "--log-level", "warn")
	i.server.Stdout, i.server.Stderr = &log, &log
	if err := i.server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		i.server.Process.Signal(os.Interrupt) //nolint:errcheck // it may have ended
		i.server.Wait()                       //nolint:errcheck // so it has
		if t.Failed() {
			t.Logf("the server's log:\n%s", log.Bytes())
		}
	})
	for range 200 {
		if answer, err := http.Get(i.url + "/readyz"); err == nil {
			answer.Body.Close()
			return i
		}
		time.Sleep(25 * time.Millisecond)
	}
	t.Fatalf("the server does not start:\n%s", log.Bytes())
	return nil
}

// touchstone runs a command of the binary on the installation's data, and returns what it prints.
func (i *installation) touchstone(args ...string) []byte {
	i.t.Helper()
	cmd := exec.Command(binary, append(args, "--data", i.data)...)
	var problem bytes.Buffer
	cmd.Stderr = &problem
	out, err := cmd.Output()
	if err != nil {
		i.t.Fatalf("touchstone %s: %v\n%s", strings.Join(args, " "), err, problem.Bytes())
	}
	return out
}

func (i *installation) touchstoneJSON(to any, args ...string) {
	i.t.Helper()
	out := i.touchstone(append(args, "--output", "json")...)
	if err := json.Unmarshal(out, to); err != nil {
		i.t.Fatalf("touchstone %s: %v in %s", strings.Join(args, " "), err, out)
	}
}

// events are the names of the recorded events with that name.
func (i *installation) events(name string) []map[string]any {
	i.t.Helper()
	var events []map[string]any
	for line := range bytes.Lines(i.touchstone("audit", "--event", name, "--output", "json")) {
		var e map[string]any
		if err := json.Unmarshal(line, &e); err != nil {
			i.t.Fatal(err)
		}
		events = append(events, e)
	}
	return events
}

// iam is AWS's own client, by default as root.
func (i *installation) iam(c aws.Credentials) *iam.Client {
	return iam.New(iam.Options{
		Region: "us-east-1", BaseEndpoint: &i.url, RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider(c.AccessKeyID, c.SecretAccessKey, ""),
	})
}

// user is somebody who can sign in.
type user struct {
	name, password string // name is "" for the root user
}

const password = "Correct-horse-battery-1"

// newUser makes an IAM user with a password and an inline policy; "" gives none.
func (i *installation) newUser(name, policy string) *user {
	i.t.Helper()
	ctx, root := context.Background(), i.iam(i.rootKey)
	if _, err := root.CreateUser(ctx, &iam.CreateUserInput{UserName: &name}); err != nil {
		i.t.Fatal(err)
	}
	if _, err := root.CreateLoginProfile(ctx,
		&iam.CreateLoginProfileInput{UserName: &name, Password: aws.String(password)}); err != nil {
		i.t.Fatal(err)
	}
	if policy != "" {
		if _, err := root.PutUserPolicy(ctx,
			&iam.PutUserPolicyInput{UserName: &name, PolicyName: aws.String("test"), PolicyDocument: &policy}); err != nil {
			i.t.Fatal(err)
		}
	}
	return &user{name, password}
}

// admin makes a user who may do everything.
func (i *installation) admin() *user {
	i.t.Helper()
	return i.newUser("admin", touchtest.AdminPolicy)
}

// root uses the set-up link and returns the root user.
func (i *installation) root() *user {
	i.t.Helper()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := client.PostForm(i.setUpLink, url.Values{"NewPassword": {password}, "Again": {password}})
	if err != nil {
		i.t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusSeeOther {
		i.t.Fatalf("the set-up link answers %s", answer.Status)
	}
	return &user{"", password}
}

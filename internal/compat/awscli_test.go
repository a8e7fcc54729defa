// Package compat holds the tests that foreign programs work against Touchstone unchanged. The AWS SDK for Go is the client of
// the operations' own tests; here is the AWS command line, as Debian packages it.
package compat

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/touchstone-iam/touchstone/internal/softkey"
	"github.com/touchstone-iam/touchstone/internal/touchtest"
)

// cli is the AWS command line with an account's credentials.
type cli struct {
	t       *testing.T
	program string
	server  string
	home    string
	key     aws.Credentials
}

// awsCLI finds Debian's AWS command line.
func awsCLI(t *testing.T, a *touchtest.Account, key aws.Credentials) *cli {
	t.Helper()
	const debian = "/usr/bin/aws"
	program := debian
	if _, err := os.Stat(debian); err != nil {
		var lookErr error
		if program, lookErr = exec.LookPath("aws"); lookErr != nil {
			t.Fatal("the AWS command line is not installed: run make test, which installs it, or apt-get install awscli")
		}
	}
	return &cli{t: t, program: program, server: a.Server.URL, home: t.TempDir(), key: key}
}

// try runs a command and returns what it prints, and its errors.
func (c *cli) try(args ...string) (out, errors string, ok bool) {
	c.t.Helper()
	cmd := exec.Command(c.program, append([]string{"--endpoint-url", c.server, "--output", "json"}, args...)...)
	cmd.Env = []string{
		"PATH=/usr/bin:/bin", "HOME=" + c.home, "AWS_PAGER=", "AWS_EC2_METADATA_DISABLED=true", "AWS_MAX_ATTEMPTS=1",
		"AWS_ACCESS_KEY_ID=" + c.key.AccessKeyID, "AWS_SECRET_ACCESS_KEY=" + c.key.SecretAccessKey, "AWS_DEFAULT_REGION=eu-west-1",
	}
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	return stdout.String(), stderr.String(), err == nil
}

// run is a command that must succeed; what it prints is decoded.
func (c *cli) run(args ...string) map[string]any {
	c.t.Helper()
	out, stderr, ok := c.try(args...)
	if !ok {
		c.t.Fatalf("aws %s: %s", strings.Join(args, " "), stderr)
	}
	var v map[string]any
	if strings.TrimSpace(out) != "" {
		if err := json.Unmarshal([]byte(out), &v); err != nil {
			c.t.Fatalf("aws %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	return v
}

// fails is a command that must fail with the error code.
func (c *cli) fails(code string, args ...string) {
	c.t.Helper()
	if _, stderr, ok := c.try(args...); ok || !strings.Contains(stderr, "("+code+")") {
		c.t.Errorf("aws %s: %s, want %s", strings.Join(args, " "), stderr, code)
	}
}

// at follows names and indices into decoded JSON.
func at(v any, path ...any) any {
	for _, p := range path {
		switch p := p.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[p]
		case int:
			l, _ := v.([]any)
			if p >= len(l) {
				return nil
			}
			v = l[p]
		}
	}
	return v
}

func TestAWSCommandLine(t *testing.T) {
	s := touchtest.Start(t, nil)
	a := s.NewAccount(t)
	c := awsCLI(t, a, a.Root)
	want := func(got any, want any) {
		t.Helper()
		if got != want {
			t.Errorf("got %v, want %v", got, want)
		}
	}

	want(at(c.run("sts", "get-caller-identity"), "Arn"), "arn:aws:iam::"+a.ID+":root")
	want(at(c.run("iam", "create-user", "--user-name", "alice", "--path", "/eng/", "--tags", "Key=team,Value=blue"), "User", "Arn"),
		"arn:aws:iam::"+a.ID+":user/eng/alice")
	c.fails("EntityAlreadyExists", "iam", "create-user", "--user-name", "ALICE")
	want(at(c.run("iam", "get-user", "--user-name", "alice"), "User", "Tags", 0, "Value"), "blue")
	c.run("iam", "create-user", "--user-name", "bob")
	want(at(c.run("iam", "list-users"), "Users", 1, "UserName"), "bob")
	want(at(c.run("iam", "list-users", "--page-size", "1", "--max-items", "2"), "Users", 1, "UserName"), "bob")
	c.run("iam", "update-user", "--user-name", "bob", "--new-user-name", "robert")
	c.fails("NoSuchEntity", "iam", "get-user", "--user-name", "bob")
	c.run("iam", "delete-user", "--user-name", "robert")

	want(at(c.run("iam", "create-login-profile", "--user-name", "alice", "--password", "A-first-passw0rd",
		"--password-reset-required"), "LoginProfile", "PasswordResetRequired"), true)
	want(at(c.run("iam", "get-login-profile", "--user-name", "alice"), "LoginProfile", "UserName"), "alice")
	c.fails("PasswordPolicyViolation", "iam", "update-login-profile", "--user-name", "alice", "--password", "short")
	c.run("iam", "update-login-profile", "--user-name", "alice", "--password", "A-second-passw0rd", "--no-password-reset-required")

	document := filepath.Join(c.home, "policy.json")
	if err := os.WriteFile(document, []byte(touchtest.AdminPolicy), 0o600); err != nil {
		t.Fatal(err)
	}
	c.run("iam", "put-user-policy", "--user-name", "alice", "--policy-name", "all", "--policy-document", "file://"+document)
	want(at(c.run("iam", "get-user-policy", "--user-name", "alice", "--policy-name", "all"), "PolicyDocument", "Version"),
		"2012-10-17")
	want(at(c.run("iam", "list-user-policies", "--user-name", "alice"), "PolicyNames", 0), "all")
	source := "arn:aws:iam::" + a.ID + ":user/eng/alice"
	simulated := c.run("iam", "simulate-principal-policy", "--policy-source-arn", source, "--action-names", "iam:GetUser",
		"--resource-arns", source)
	want(at(simulated, "EvaluationResults", 0, "EvalDecision"), "allowed")
	want(at(simulated, "EvaluationResults", 0, "ResourceSpecificResults", 0, "MatchedStatements", 0, "SourcePolicyId"),
		"user_alice_all")
	const withMFA = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"Bool":{"aws:MultiFactorAuthPresent":"true"}}}}`
	want(at(c.run("iam", "get-context-keys-for-custom-policy", "--policy-input-list", withMFA), "ContextKeyNames", 0),
		"aws:MultiFactorAuthPresent")
	want(at(c.run("iam", "get-context-keys-for-principal-policy", "--policy-source-arn", source, "--policy-input-list", withMFA),
		"ContextKeyNames", 0), "aws:MultiFactorAuthPresent")
	simulated = c.run("iam", "simulate-custom-policy", "--policy-input-list", withMFA, "--action-names", "iam:GetUser", "s3:GetObject")
	want(at(simulated, "EvaluationResults", 1, "EvalDecision"), "implicitDeny")
	want(at(simulated, "EvaluationResults", 1, "MissingContextValues", 0), "aws:MultiFactorAuthPresent")
	simulated = c.run("iam", "simulate-custom-policy", "--policy-input-list", withMFA, "--action-names", "iam:GetUser", "s3:GetObject",
		"--page-size", "1",
		"--context-entries", "ContextKeyName=aws:MultiFactorAuthPresent,ContextKeyValues=true,ContextKeyType=boolean")
	want(at(simulated, "EvaluationResults", 1, "EvalDecision"), "allowed")
	c.fails("InvalidInput", "iam", "simulate-custom-policy", "--policy-input-list", "{}", "--action-names", "iam:GetUser")
	c.fails("MalformedPolicyDocument", "iam", "put-user-policy", "--user-name", "alice", "--policy-name", "bad", "--policy-document",
		"{}")

	made := c.run("iam", "create-access-key", "--user-name", "alice")
	id, _ := at(made, "AccessKey", "AccessKeyId").(string)
	plain, _ := at(made, "AccessKey", "SecretAccessKey").(string)
	key := aws.Credentials{AccessKeyID: id, SecretAccessKey: plain}
	alice := awsCLI(t, a, key)
	want(at(alice.run("sts", "get-caller-identity"), "Arn"), "arn:aws:iam::"+a.ID+":user/eng/alice")
	alice.run("iam", "change-password", "--old-password", "A-second-passw0rd", "--new-password", "A-third-passw0rd")
	want(at(c.run("iam", "list-access-keys", "--user-name", "alice"), "AccessKeyMetadata", 0, "Status"), "Active")
	// its first use in the span
	want(at(c.run("iam", "get-access-key-last-used", "--access-key-id", key.AccessKeyID), "AccessKeyLastUsed", "ServiceName"), "sts")
	c.run("iam", "update-access-key", "--user-name", "alice", "--access-key-id", key.AccessKeyID, "--status", "Inactive")
	alice.fails("InvalidClientTokenId", "sts", "get-caller-identity")
	c.run("iam", "delete-access-key", "--user-name", "alice", "--access-key-id", key.AccessKeyID)

	c.run("iam", "create-account-alias", "--account-alias", "cli-test")
	want(at(c.run("iam", "list-account-aliases"), "AccountAliases", 0), "cli-test")
	c.run("iam", "delete-account-alias", "--account-alias", "cli-test")

	console := a.SignIn(&touchtest.User{Name: "alice", Password: "A-third-passw0rd"}, nil)
	serial := console.MustEnrol("", "laptop", softkey.New())
	want(at(c.run("iam", "list-mfa-devices", "--user-name", "alice"), "MFADevices", 0, "SerialNumber"), serial)
	want(at(c.run("iam", "get-account-summary"), "SummaryMap", "MFADevicesInUse"), float64(1))
	c.fails("NoSuchEntity", "iam", "enable-mfa-device", "--user-name", "alice", "--serial-number", serial, "--authentication-code1",
		"123456", "--authentication-code2", "654321")
	c.fails("DeleteConflict", "iam", "delete-user", "--user-name", "alice")
	c.run("iam", "deactivate-mfa-device", "--user-name", "alice", "--serial-number", serial)
	c.run("iam", "delete-user-policy", "--user-name", "alice", "--policy-name", "all")
	c.run("iam", "delete-login-profile", "--user-name", "alice")
	c.run("iam", "delete-user", "--user-name", "alice")

	c.fails("NotImplemented", "iam", "create-group", "--group-name", "admins")
	c.fails("NotImplemented", "sts", "get-session-token")
}

package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/argon2"

	"github.com/touchstone-iam/touchstone/internal/ids"
	"github.com/touchstone-iam/touchstone/internal/mfa"
	"github.com/touchstone-iam/touchstone/internal/operator"
	"github.com/touchstone-iam/touchstone/internal/secret"
	"github.com/touchstone-iam/touchstone/internal/server"
	"github.com/touchstone-iam/touchstone/internal/signin"
	"github.com/touchstone-iam/touchstone/internal/softkey"
	"github.com/touchstone-iam/touchstone/internal/touchtest"
	"github.com/touchstone-iam/touchstone/policy"
)

// inside measures what needs no wire: a sign-in beside a bare argon2id, an assertion beside a bare verification, a decision.
func inside(ctx context.Context, _ string) error {
	if err := signIn(ctx); err != nil {
		return err
	}
	if err := assertion(); err != nil {
		return err
	}
	return decision()
}

// signIn measures a sign-in by password beside a bare argon2id with the same costs.
func signIn(ctx context.Context) error {
	data, err := os.MkdirTemp("", "touchstone-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(data)

	state, err := server.OpenState(ctx, server.StateConfig{Data: data, Create: true})
	if err != nil {
		return err
	}
	defer state.Close()

	c := server.Defaults()
	c.URL, c.Logger = "http://localhost:8080", slog.New(slog.NewTextHandler(io.Discard, nil))
	s, err := server.New(ctx, state, c)
	if err != nil {
		return err
	}
	defer s.Close()

	const email, password = "root@example.com", "a password for the benchmark"
	made, err := state.Operator().CreateAccount(ctx, operator.AccountRequest{RootEmail: email, URL: c.URL})
	if err != nil {
		return err
	}

	_, link, _ := strings.Cut(made.SetupURL, "link=")
	visitor := signin.Visitor{Address: netip.MustParseAddr("127.0.0.1"), RequestID: ids.NewUUID()}
	if _, err := s.SignIn.SetUp(ctx, visitor, link, password); err != nil {
		return err
	}

	var ratios []float64
	for range 40 {
		begun := time.Now()
		argon2.IDKey([]byte(password), make([]byte, 16), secret.DefaultParams.Time, secret.DefaultParams.MemoryKiB,
			secret.DefaultParams.Threads, 32)
		bare := time.Since(begun)
		begun = time.Now()
		if _, err := s.SignIn.Root(ctx, visitor, email, password, ""); err != nil {
			return err
		}
		ratios = append(ratios, float64(time.Since(begun))/float64(bare))
	}

	report("sign-in/of-argon2id", median(ratios), "ratio", 1.15, 0)
	return nil
}

// assertion measures the verification of an assertion beside a bare verification of an ECDSA signature.
func assertion() error {
	const origin = "http://localhost:8080"
	rp, err := mfa.NewRelyingParty("localhost", "Touchstone", []string{origin})
	if err != nil {
		return err
	}

	now := time.Now()
	user := mfa.User{Handle: []byte("a principal's id"), Name: "alice", DisplayName: "alice"}
	key := softkey.New()
	options, record, err := rp.BeginRegistration(user, nil, now)
	if err != nil {
		return err
	}

	answer, err := key.Create(origin, options)
	if err != nil {
		return err
	}
	credential, err := rp.FinishRegistration(record, answer, now)
	if err != nil {
		return err
	}

	credentials := []mfa.Credential{*credential}
	if options, record, err = rp.BeginAssertion(user, credentials, now); err != nil {
		return err
	}
	if answer, err = key.Get(origin, options); err != nil {
		return err
	}

	// The control verifies a signature over as many bytes.
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}

	message := make([]byte, 37+32)
	digest := sha256.Sum256(message)
	signature, err := ecdsa.SignASN1(rand.Reader, private, digest[:])
	if err != nil {
		return err
	}

	var ratios, costs []float64
	for range 9 {
		bare := each(300, func() error {
			digest := sha256.Sum256(message)
			if !ecdsa.VerifyASN1(&private.PublicKey, digest[:], signature) {
				return errors.New("a good signature does not verify")
			}
			return nil
		})
		ours := each(300, func() error {
			_, err := rp.FinishAssertion(record, answer, credentials, now)
			return err
		})
		if bare.err != nil || ours.err != nil {
			return errors.Join(bare.err, ours.err)
		}
		ratios = append(ratios, float64(ours.took)/float64(bare.took))
		costs = append(costs, float64(ours.took.Nanoseconds())/300/1000)
	}

	report("assertion", median(costs), "us", 0, 0)
	report("assertion/of-ecdsa-verify", median(ratios), "ratio", 1.6, 0)
	return nil
}

// timed is how long something took, or why it failed.
type timed struct {
	took time.Duration
	err  error
}

// each does something n times and returns how long that took.
func each(n int, do func() error) timed {
	begun := time.Now()
	for range n {
		if err := do(); err != nil {
			return timed{err: err}
		}
	}
	return timed{took: time.Since(begun)}
}

// decision measures a decision on the FIDO page's policy.
func decision() error {
	document, err := policy.Parse(policy.Identity, []byte(touchtest.FIDOPagePolicy))
	if err != nil {
		return fmt.Errorf("the FIDO page's policy: %w", err)
	}

	policies := &policy.Policies{Identity: policy.Compile(policy.Source{ID: "test", Document: document})}
	keys := policy.NewContext()
	keys.Set("aws:username", "alice")
	keys.Set("aws:MultiFactorAuthPresent", "false")
	const arn = "arn:aws:iam::111122223333:user/alice"
	request := &policy.Request{
		Principal: policy.Principal{ARN: arn, AccountID: "111122223333"}, Action: "iam:EnableMFADevice",
		Resource: arn, ResourceAccountID: "111122223333", Context: keys,
	}
	if !policy.Evaluate(policies, request).Allowed() {
		return errors.New("the FIDO page's policy does not allow a first key")
	}

	r := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			policy.Evaluate(policies, request)
		}
	})
	report("decision/fido-page", float64(r.NsPerOp()), "ns", 500, 0)
	report("decision/fido-page/allocations", float64(r.AllocsPerOp()), "allocations", 0.5, 0)
	return nil
}

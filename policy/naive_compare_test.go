package policy_test

import (
	"flag"
	"os"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"github.com/touchstone-iam/touchstone/policy"
)

// policies compiles a world for the engine.
func (w *world) policies(t rapid.TB) *policy.Policies {
	t.Helper()
	compiled := func(kind policy.Kind, texts []string) *policy.Set {
		if texts == nil {
			return nil
		}
		var sources []policy.Source
		for n, text := range texts {
			document, err := policy.Parse(kind, []byte(text))
			if err != nil {
				t.Fatalf("%v\n%s", err, text)
			}
			sources = append(sources, policy.Source{ID: kind.String() + " " + strconv.Itoa(n), Document: document})
		}
		return policy.Compile(sources...)
	}

	p := &policy.Policies{
		Identity: compiled(policy.Identity, w.identity), Resource: compiled(policy.Resource, w.resource),
		Boundary: compiled(policy.Boundary, w.boundary), Session: compiled(policy.Session, w.session),
	}

	if w.trust {
		p.Resource = compiled(policy.Trust, w.resource)
	}

	for _, level := range w.serviceControl {
		p.ServiceControl = append(p.ServiceControl, compiled(policy.ServiceControl, level))
	}

	for _, level := range w.resourceControl {
		p.ResourceControl = append(p.ResourceControl, compiled(policy.ResourceControl, level))
	}
	return p
}

func (q *question) request() *policy.Request {
	r := &policy.Request{
		Principal: q.principal, Action: q.action, Resource: q.resource, ResourceAccountID: q.owner,
		Context: policy.NewContext(),
	}
	for key, values := range q.context {
		r.Context.Set(key, values...)
	}
	return r
}

// compareOnce draws policies and asks both evaluators several questions about them.
func compareOnce(t *rapid.T, seen map[string]int) {
	d := newDrawer(t)
	w := d.world()
	policies := w.policies(t)
	if policies.Identity != nil && policies.Identity.HasIndex() {
		seen["statements in an index"]++
	}

	for range 5 {
		q, who := d.question(w)
		seen["questions"]++
		seen["asked by "+who]++
		want := (&naive{q, seen}).answer(w)
		decision := policy.Evaluate(policies, q.request())
		got := answer{effect: decision.Effect}
		if got.effect == policy.ExplicitDeny {
			got.denier = decision.Type
		}
		if got != want {
			t.Fatalf("engine: %v by %v, naive evaluator: %v by %v\n%+v\n%+v", got.effect, got.denier, want.effect, want.denier, w, q)
		}
	}
}

// everyPart lists what the naive evaluator tells of having met: the parts of the language, beside its operators.
func everyPart() []string {
	parts := []string{
		"variable ${*}", "variable ${?}", "variable ${$}", "variable with a value", "variable with a default",
		"variable with several values or none",
		"variable without a value", "variable as literal text", "NotAction", "NotResource", "NotPrincipal", "other account",
		"wildcard * in Action", "wildcard ? in Action", "wildcard * in Resource", "wildcard ? in Resource", "wildcard * in StringLike",
		"wildcard ? in StringLike", "wildcard * in ArnLike", "wildcard ? in ArnLike", "grant 0", "grant 1", "grant 2", "grant 3",
		"principal AWS 1", "principal AWS 2", "principal AWS 3", "principal Federated 3", "principal Service 3",
	}
	for kind := policy.Identity; kind <= policy.ResourceControl; kind++ {
		parts = append(parts, "deny by "+kind.String())
		if kind != policy.Resource && kind != policy.Trust {
			parts = append(parts, "not allowed by "+kind.String())
		}
	}
	return parts
}

// compare runs rapid until so many comparisons are made, and then asks whether the generators met all that they should.
func compare(t *testing.T, comparisons int) {
	checks := flag.Lookup("rapid.checks")
	before := checks.Value.String()
	t.Cleanup(func() { _ = checks.Value.Set(before) })
	if err := checks.Value.Set(strconv.Itoa(comparisons / 5)); err != nil {
		t.Fatal(err)
	}

	seen := make(map[string]int)
	rapid.Check(t, func(t *rapid.T) { compareOnce(t, seen) })
	if t.Failed() {
		return
	}
	if seen["questions"] < comparisons {
		t.Errorf("%d comparisons, want %d", seen["questions"], comparisons)
	}

	wanted := append(everyPart(), "statements in an index", "allowed", "not allowed")
	for _, operator := range operatorNames {
		wanted = append(wanted, "operator "+operator+" true", "operator "+operator+" false")
	}

	for who := range principals {
		wanted = append(wanted, "asked by "+who)
	}

	for what, n := range seen {
		if testing.Verbose() {
			t.Logf("%7d %s", n, what)
		}
	}

	for _, what := range wanted {
		if seen[what] == 0 {
			t.Errorf("the generators never met %q", what)
		}
	}
}

// TestNaive compares the engine with the naive evaluator.
func TestNaive(t *testing.T) { compare(t, 20_000) }

// TestNaiveSoak does so at length.
func TestNaiveSoak(t *testing.T) {
	if os.Getenv("TOUCHSTONE_SOAK") != "" {
		compare(t, 1_000_000)
	}
}

// FuzzNaive lets the fuzzer choose what is drawn.
func FuzzNaive(f *testing.F) {
	f.Fuzz(rapid.MakeFuzz(func(t *rapid.T) { compareOnce(t, make(map[string]int)) }))
}

package policy_test

import (
	"encoding/json"
	"testing"

	"pgregory.net/rapid"

	"github.com/touchstone-iam/touchstone/policy"
)

// rank orders effects by how much they allow.
var rank = map[policy.Effect]int{policy.ExplicitDeny: 0, policy.ImplicitDeny: 1, policy.Allow: 2}

// lists returns the places in a world where a document can be added without making a type of policy take part that did not, with
// the type of each.
func (w *world) lists() (documents []*[]string, kinds []policy.Kind) {
	add := func(list *[]string, kind policy.Kind) {
		if *list != nil {
			documents, kinds = append(documents, list), append(kinds, kind)
		}
	}

	add(&w.identity, policy.Identity)
	if w.trust {
		add(&w.resource, policy.Trust)
	} else {
		add(&w.resource, policy.Resource)
	}

	add(&w.boundary, policy.Boundary)
	add(&w.session, policy.Session)
	for n := range w.serviceControl {
		add(&w.serviceControl[n], policy.ServiceControl)
	}

	for n := range w.resourceControl {
		add(&w.resourceControl[n], policy.ResourceControl)
	}
	return documents, kinds
}

// TestStatementsOfEveryType adds a statement to policies of any type: one that denies never widens what is allowed, and one that
// allows never narrows it.
func TestStatementsOfEveryType(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := newDrawer(t)
		w := d.world()
		lists, kinds := w.lists()
		if len(lists) == 0 {
			return
		}

		q, _ := d.question(w)
		before := policy.Evaluate(w.policies(t), q.request()).Effect
		n := d.index(len(lists))
		s := d.statement(kinds[n])
		effect := pick(d, "Allow", "Deny")
		s["Effect"] = effect
		text, err := json.Marshal(object{"Version": policy.Version2012, "Statement": s})
		if err != nil {
			t.Fatal(err)
		}

		*lists[n] = append(*lists[n], string(text))
		after := policy.Evaluate(w.policies(t), q.request()).Effect
		switch {
		case effect == "Deny" && after != before && after != policy.ExplicitDeny,
			effect == "Allow" && rank[after] < rank[before]:
			t.Fatalf("a statement with %s of a %v made %v of %v: %s", effect, kinds[n], after, before, text)
		}
	})
}

// TestLimitsOfEveryWorld adds a boundary, a session policy, or a level of an organization to any policies: none of them allows what
// was not allowed.
func TestLimitsOfEveryWorld(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := newDrawer(t)
		w := d.world()
		q, who := d.question(w)
		before := policy.Evaluate(w.policies(t), q.request()).Effect
		switch {
		case w.boundary == nil && d.chance(40):
			w.boundary = d.documents(policy.Boundary, 1)
		case w.session == nil && who != "federated user" && d.chance(40): // whose sessions may do nothing without one
			w.session = d.documents(policy.Session, 1)
		case d.chance(50):
			w.serviceControl = append(w.serviceControl, d.documents(policy.ServiceControl, 1))
		default:
			w.resourceControl = append(w.resourceControl, d.documents(policy.ResourceControl, 1))
		}
		if after := policy.Evaluate(w.policies(t), q.request()).Effect; after == policy.Allow && before != policy.Allow {
			t.Fatalf("%v became %v\n%+v\n%+v", before, after, w, q)
		}
	})
}

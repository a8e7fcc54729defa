package policy

import (
	"cmp"
	"slices"
	"strings"
)

// index finds the statements of a large set that may apply to a request without looking at the others. It searches by action, and
// then by resource. A statement is listed under each of its actions, or under the service when the action is a pattern; within each
// of these lists it stands under the literal text that its resources begin with. Statements with NotAction or NotResource have no
// such place, so they are listed where every request finds them.
//
// The index only leaves out statements that cannot apply. The statements that it finds are then matched in full.
type index struct {
	actions  map[uint64]*node // by the foldHash of an action
	services map[uint64]*node // by the foldHash of a service with its colon
	others   *node
}

const (
	indexFrom    = 24  // statements; a smaller set is searched faster without an index
	maxPlacings  = 256 // places for one statement with the text of its resources; with more it is listed by its actions only
	everyRequest = ""  // the text that every resource begins with
)

// placing is one place of a statement in a tree.
type placing struct {
	head      string
	statement int
}

// newIndex makes the index of compiled statements, which are numbered from 0.
func newIndex(statements []statement) *index {
	actions, services := make(map[uint64][]placing), make(map[uint64][]placing)
	var others []placing
	for n := range statements {
		s := &statements[n]
		heads := s.heads()
		if len(heads)*len(s.actions) > maxPlacings {
			heads = []string{everyRequest}
		}

		for _, head := range heads {
			p := placing{head, n}
			if s.notAction {
				others = append(others, p)
				continue
			}
			for a := range s.actions {
				switch action := &s.actions[a]; {
				case action.form == globExact:
					actions[action.hash] = append(actions[action.hash], p)
				case action.hash != 0:
					services[action.hash] = append(services[action.hash], p)
				default:
					others = append(others, p)
				}
			}
		}
	}
	return &index{actions: newTrees(actions), services: newTrees(services), others: newTree(others)}
}

// heads returns the texts that the resources of a statement begin with: a statement can apply only to a resource that begins with
// one of them. No head begins with another, so that a search finds the statement only once.
func (s *statement) heads() []string {
	if s.notResource || len(s.resources) == 0 {
		return []string{everyRequest}
	}
	heads := make([]string, 0, len(s.resources))
	for n := range s.resources {
		if s.resources[n].form != arnNone {
			heads = append(heads, s.resources[n].head)
		}
	}

	// Sorted, a head that begins with another comes right after it, or after others that begin with it.
	slices.Sort(heads)
	apart := heads[:0]
	for _, head := range heads {
		if len(apart) == 0 || !strings.HasPrefix(head, apart[len(apart)-1]) {
			apart = append(apart, head)
		}
	}
	return apart
}

// first returns the number of the first statement that applies, or the number of statements when none does.
func (x *index) first(statements []statement, q *query) int {
	first := len(statements)
	first = x.actions[q.action].first(statements, q, first)
	if colon := strings.IndexByte(q.request.Action, ':'); colon >= 0 && len(x.services) > 0 {
		first = x.services[foldHash(q.request.Action[:colon+1])].first(statements, q, first)
	}
	return x.others.first(statements, q, first)
}

// node is a node of a radix tree of the heads of resources.
type node struct {
	label      string // the text on the edge to the node
	statements []int  // the numbers of those whose head ends here, ascending
	next       string // the first bytes of the labels of children
	children   []node
}

func newTrees(placings map[uint64][]placing) map[uint64]*node {
	trees := make(map[uint64]*node, len(placings))
	for hash, p := range placings {
		trees[hash] = newTree(p)
	}
	return trees
}

// newTree returns the tree of placings in any order, or nil without any.
func newTree(p []placing) *node {
	if len(p) == 0 {
		return nil
	}
	slices.SortFunc(p, func(a, b placing) int {
		return cmp.Or(strings.Compare(a.head, b.head), cmp.Compare(a.statement, b.statement))
	})
	root := newNode(slices.Compact(p), 0)
	return &root
}

// newNode makes the node for sorted placings whose heads have the same first depth bytes.
func newNode(p []placing, depth int) node {
	// Of sorted texts, all have in common what the first and the last have in common.
	shortest, last := p[0].head[depth:], p[len(p)-1].head[depth:]
	common := 0
	for common < len(shortest) && common < len(last) && shortest[common] == last[common] {
		common++
	}
	n := node{label: shortest[:common]}
	depth += common

	for len(p) > 0 && len(p[0].head) == depth {
		n.statements = append(n.statements, p[0].statement)
		p = p[1:]
	}

	// The others are children, one for each byte that comes next.
	var next []byte
	for len(p) > 0 {
		b, end := p[0].head[depth], 1
		for end < len(p) && p[end].head[depth] == b {
			end++
		}
		next = append(next, b)
		n.children = append(n.children, newNode(p[:end], depth))
		p = p[end:]
	}
	n.next = string(next)
	return n
}

// first returns the number of the first statement in the tree that applies, if it is less than before, and otherwise before. It
// follows the text of the resource down the tree and looks at the statements of every node that it meets.
func (n *node) first(statements []statement, q *query, before int) int {
	rest := q.request.Resource
	for n != nil && strings.HasPrefix(rest, n.label) {
		for _, number := range n.statements {
			if number >= before {
				break
			}
			if statements[number].applies(q) {
				before = number
				break
			}
		}

		rest = rest[len(n.label):]
		if rest == "" {
			break
		}
		child := strings.IndexByte(n.next, rest[0])
		if child < 0 {
			break
		}
		n = &n.children[child]
	}
	return before
}

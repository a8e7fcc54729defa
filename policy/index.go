package policy

import (
	"cmp"
	"slices"
	"strings"
)

// index finds the statements of a large set that may apply to a request, by action and then by resource, without looking at the
// others. A statement is listed under each of its actions, or under the service of a pattern of actions; in each list under
// the literal text that its resources begin with. Where that cannot be told, as for NotAction and NotResource, it is listed
// under what every request has. What the index finds is then matched whole: it only leaves out statements that cannot apply.
type index struct {
	actions  map[uint64]*node // by the foldHash of an action
	services map[uint64]*node // by the foldHash of a service with its colon
	others   *node
}

const (
	indexFrom    = 24  // statements; fewer are looked through in less time
	maxPlacings  = 256 // places in the index for one statement, if each of its actions can be listed with each of its resources
	everyRequest = ""  // the text that every resource begins with
)

// placing is one place of a statement in a tree.
type placing struct {
	head      string
	statement int
}

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

// heads returns texts with one of which every resource begins that a statement may apply to. None begins with another, so that
// a search meets the statement once.
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
	slices.Sort(heads)
	apart := heads[:0]
	for _, head := range heads {
		if len(apart) == 0 || !strings.HasPrefix(head, apart[len(apart)-1]) {
			apart = append(apart, head)
		}
	}
	return apart
}

// first returns the number of the first statement that applies, or how many there are.
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
	statements []int  // those with the head that ends here, ascending
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

// newNode makes the node of sorted placings, whose heads have the first depth bytes in common.
func newNode(p []placing, depth int) node {
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

// first returns the number of the first statement that applies of those in the tree, when it is less than before.
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

package policy

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// Catalogue lists the actions, resources and condition keys that exist, for [Lint]. The package has no catalogue of its own: its
// caller knows what it serves, and an operator may add other services. Read one with [ParseCatalogue].
type Catalogue struct {
	Services map[string]CatalogueService `json:"services"` // by the prefix of their actions, such as iam
	// Keys are the condition keys with their types. The names are patterns: aws:RequestTag/* is the key of any tag.
	Keys map[string]KeyType `json:"keys"`
}

// CatalogueService is what a catalogue knows of one service.
type CatalogueService struct {
	Actions   map[string]CatalogueAction `json:"actions"`             // by name, without the service
	Resources map[string]string          `json:"resources,omitempty"` // by type: patterns of their ARNs
}

// CatalogueAction is an action and the types of resource that it can be restricted to; without any it is about "*" only.
type CatalogueAction struct {
	Resources []string `json:"resources,omitempty"`

	// Keys are the condition keys of services that requests for the action may have, with those of its resources, as patterns.
	// When no action of a service has any, nothing is known of the service's keys. Global keys are not listed.
	Keys []string `json:"keys,omitempty"`
}

// listsKeys reports whether the catalogue has the condition keys of the service's actions.
func (s CatalogueService) listsKeys() bool {
	for _, action := range s.Actions {
		if len(action.Keys) > 0 {
			return true
		}
	}
	return false
}

// KeyType is the type of a condition key's values (Service Authorization Reference). The prefix ArrayOf means that a request may
// have several values.
type KeyType string

// The types of condition keys.
const (
	KeyString  KeyType = "String"
	KeyNumeric KeyType = "Numeric"
	KeyDate    KeyType = "Date"
	KeyBool    KeyType = "Bool"
	KeyBinary  KeyType = "Binary"
	KeyAddress KeyType = "IPAddress"
	KeyARN     KeyType = "ARN"
)

const arrayOf = "ArrayOf"

// single returns the type of one value.
func (t KeyType) single() KeyType { return KeyType(strings.TrimPrefix(string(t), arrayOf)) }

// ParseCatalogue reads a catalogue in JSON. It returns an error when a field is unknown, or when an action refers to a resource
// type or a condition key that is not in the catalogue.
func ParseCatalogue(text []byte) (*Catalogue, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	var c Catalogue
	if err := decoder.Decode(&c); err != nil {
		return nil, fmt.Errorf("catalogue: %w", err)
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, errors.New("catalogue: there is text after the end")
	}

	for prefix, service := range c.Services {
		if err := c.checkService(prefix, service); err != nil {
			return nil, fmt.Errorf("catalogue: %w", err)
		}
	}
	for key, t := range c.Keys {
		if !slices.Contains([]KeyType{KeyString, KeyNumeric, KeyDate, KeyBool, KeyBinary, KeyAddress, KeyARN}, t.single()) {
			return nil, fmt.Errorf("catalogue: condition key %s has the unknown type %q", key, t)
		}
	}
	return &c, nil
}

// checkService returns what is wrong with a service, apart from the types of condition keys.
func (c *Catalogue) checkService(prefix string, service CatalogueService) error {
	if prefix != strings.ToLower(prefix) {
		return fmt.Errorf("the service %s: a prefix is in lower case", prefix)
	}

	for kind, pattern := range service.Resources {
		if pattern != "*" && len(strings.SplitN(pattern, ":", 6)) < 6 {
			return fmt.Errorf("resource type %s of %s: %q is not the pattern of an ARN", kind, prefix, pattern)
		}
	}

	for name, action := range service.Actions {
		for _, kind := range action.Resources {
			if _, ok := service.Resources[kind]; !ok {
				return fmt.Errorf("action %s:%s has resources of type %q, which %s does not have", prefix, name, kind, prefix)
			}
		}
		for _, key := range action.Keys {
			if _, ok := c.Keys[key]; !ok {
				return fmt.Errorf("action %s:%s has the condition key %q, which is not among the keys", prefix, name, key)
			}
		}
	}
	return nil
}

// With returns a catalogue with everything that is in either. Where both have a service or a key, that of other is taken.
func (c *Catalogue) With(other *Catalogue) *Catalogue {
	both := &Catalogue{Services: make(map[string]CatalogueService), Keys: make(map[string]KeyType)}
	for _, from := range []*Catalogue{c, other} {
		maps.Copy(both.Services, from.Services)
		maps.Copy(both.Keys, from.Keys)
	}
	return both
}

// CheckAction returns an error when a text is not the action of a request, which has the form service:Action and no wildcards.
func CheckAction(text string) error {
	service, name, ok := strings.Cut(text, ":")
	switch {
	case !ok || service == "" || name == "":
		return fmt.Errorf("%q is not of the form service:Action, such as iam:GetUser", text)
	case strings.ContainsAny(text, "*?"):
		return fmt.Errorf("%q has a wildcard: name each action", text)
	}
	return nil
}

// CheckAction checks an action as the function [CheckAction] does. Moreover, when the catalogue has the action's service, it must
// have the action too. A nil *Catalogue has no services.
func (c *Catalogue) CheckAction(text string) error {
	if err := CheckAction(text); err != nil || c == nil {
		return err
	}

	prefix, wanted, _ := strings.Cut(text, ":")
	service, known := c.service(prefix)
	if !known {
		return nil
	}
	for name := range service.Actions {
		if strings.EqualFold(name, wanted) {
			return nil
		}
	}

	hint := cmp.Or(nearest(wanted, maps.Keys(service.Actions)), "check its spelling")
	return fmt.Errorf("service %s has no action %s (%s)", prefix, wanted, hint)
}

// service finds a service by its prefix. Like that of whole actions, its letter case is ignored.
func (c *Catalogue) service(prefix string) (CatalogueService, bool) {
	s, ok := c.Services[strings.ToLower(prefix)]
	return s, ok
}

// covers reports whether a wildcard pattern fits everything that another one fits, as far as their texts show. It takes at most
// len(pattern) × len(other) steps.
func covers(pattern, other string) bool {
	p, o := 0, 0
	star, resume := -1, 0 // where the latest '*' stands in the pattern, and how far it reaches in the other

	for o < len(other) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, resume = p, o
			p++
		case p < len(pattern) && (pattern[p] == other[o] || pattern[p] == '?' && other[o] != '*' && other[o] < 0x80):
			p++
			o++
		case star >= 0:
			resume++
			p, o = star+1, resume
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// overlap reports whether some text fits both wildcard patterns. It takes len(a) × len(b) steps.
func overlap(a, b string) bool {
	// fits[j] says whether a[i:] overlaps with b[j:]. It is computed for each i from that for i+1, which is next.
	fits := make([]bool, len(b)+1)
	for i := len(a); i >= 0; i-- {
		next := slices.Clone(fits)
		for j := len(b); j >= 0; j-- {
			switch {
			case i == len(a):
				fits[j] = strings.Trim(b[j:], "*") == ""
			case a[i] == '*':
				fits[j] = next[j] || j < len(b) && fits[j+1]
			case j == len(b):
				fits[j] = false
			case b[j] == '*':
				fits[j] = fits[j+1] || next[j]
			default:
				fits[j] = next[j+1] && (a[i] == b[j] || a[i] == '?' || b[j] == '?')
			}
		}
	}

	return fits[0]
}

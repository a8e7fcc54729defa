// Package arn reads Amazon Resource Names with [Parse] and compares them with patterns with [Match].
//
// An ARN consists of six fields that are separated by colons: "arn:partition:service:region:account:resource". The last field may
// contain colons and slashes of its own (IAM User Guide, "IAM identifiers"). The package does not know what a service puts into the
// fields. It checks neither that an account or a resource exists nor that the service has such a resource.
package arn

import (
	"errors"
	"strings"
	"unicode/utf8"
)

// ARN holds the fields of a name, each as it stands between the colons. Region and AccountID may be empty.
type ARN struct {
	Partition string
	Service   string
	Region    string
	AccountID string
	Resource  string
}

// ErrSyntax is the error of [Parse] for text that is not an ARN.
var ErrSyntax = errors.New("arn: not of the form arn:partition:service:region:account:resource")

// Parse splits a name, or a pattern of names, into its fields. The error is [ErrSyntax] when a field is missing, or when the
// partition, the service or the resource is empty. Parse does not allocate memory.
func Parse(text string) (ARN, error) {
	rest, ok := strings.CutPrefix(text, "arn:")
	if !ok {
		return ARN{}, ErrSyntax
	}

	var fields [4]string
	for n := range fields {
		if fields[n], rest, ok = strings.Cut(rest, ":"); !ok {
			return ARN{}, ErrSyntax
		}
	}

	if fields[0] == "" || fields[1] == "" || rest == "" {
		return ARN{}, ErrSyntax
	}
	return ARN{Partition: fields[0], Service: fields[1], Region: fields[2], AccountID: fields[3], Resource: rest}, nil
}

// String joins the fields. For an ARN that [Parse] returned, the result is the text that was parsed.
func (a ARN) String() string {
	return "arn:" + a.Partition + ":" + a.Service + ":" + a.Region + ":" + a.AccountID + ":" + a.Resource
}

// Match reports whether a name fits a pattern. The pattern "*" fits everything. Otherwise both must be ARNs, and each field of the
// name must fit the same field of the pattern: '*' stands for any number of characters and '?' for exactly one, so a wildcard never
// reaches beyond one of the first five colons. Letter case counts (IAM User Guide, "Resource").
func Match(pattern, name string) bool {
	if pattern == "*" {
		return true
	}
	p, err := Parse(pattern)
	if err != nil {
		return false
	}
	n, err := Parse(name)
	if err != nil {
		return false
	}

	return wildcard(p.Partition, n.Partition) && wildcard(p.Service, n.Service) && wildcard(p.Region, n.Region) &&
		wildcard(p.AccountID, n.AccountID) && wildcard(p.Resource, n.Resource)
}

// wildcard reports whether one field fits. After a mismatch, the latest '*' takes one more character. Earlier ones never need to
// take more, so it takes at most len(pattern) × len(text) steps.
func wildcard(pattern, text string) bool {
	p, t := 0, 0
	star, resume := -1, 0 // where the latest '*' stands in the pattern, and how far it reaches in the text

	for t < len(text) {
		_, size := utf8.DecodeRuneInString(text[t:])
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, resume = p, t
			p++
		case p < len(pattern) && pattern[p] == '?':
			p++
			t += size
		case strings.HasPrefix(pattern[p:], text[t:t+size]):
			p += size
			t += size
		case star >= 0:
			_, size = utf8.DecodeRuneInString(text[resume:])
			resume += size
			p, t = star+1, resume
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// IsAccountID reports whether text has the form of an account id: twelve digits (AWS Account Management Reference Guide, "View AWS
// account identifiers"). It does not accept the hyphens that people write.
func IsAccountID(text string) bool {
	if len(text) != 12 {
		return false
	}
	for _, c := range []byte(text) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

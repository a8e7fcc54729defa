package iam

import (
	"slices"
	"strings"

	"github.com/touchstone-iam/touchstone/awsquery"
	"github.com/touchstone-iam/touchstone/iamapi"
	"github.com/touchstone-iam/touchstone/internal/api"
	"github.com/touchstone-iam/touchstone/internal/authz"
	"github.com/touchstone-iam/touchstone/internal/store"
)

// tagging are the operations on the tags of one kind of thing, with the parts of them that the model names differently.
type tagging[TagIn, UntagIn, ListIn, ListOut any, About tagged] struct {
	tag    awsquery.Typed[TagIn, struct{}]
	untag  awsquery.Typed[UntagIn, struct{}]
	list   awsquery.Typed[ListIn, ListOut]
	listed func([]iamapi.Tag) *ListOut

	onTag   api.Resolver[TagIn, About]
	onUntag api.Resolver[UntagIn, About]
	onList  api.Resolver[ListIn, About]

	limit    *quota
	caseless bool // keys that differ by case alone are the same, as on users and roles
}

// tagged is a thing that has tags.
type tagged interface {
	carried() (account string, owner store.Owner, tags []store.Tag)
}

type tagPutting[In any] interface {
	*In
	TagList() []iamapi.Tag
}

type tagNaming[In any] interface {
	*In
	TagNames() []string
}

// pagedIn is the input of a list.
type pagedIn[In any] interface {
	*In
	api.Paged
}

// defineTags defines the operations on the tags of a kind of thing. The tags that a request brings, or the keys that it names, are
// condition keys of the request (IAM User Guide, "Controlling access during AWS requests").
func defineTags[
	TagIn, UntagIn, ListIn, ListOut any, About tagged,
	Tag tagPutting[TagIn], Untag tagNaming[UntagIn], List pagedIn[ListIn], Page paged[ListOut],
](t *api.Table, o tagging[TagIn, UntagIn, ListIn, ListOut, About]) {
	onTagged := func(r *api.Request, tx *store.Tx, in *TagIn) (api.Subject[About], error) {
		s, err := o.onTag(r, tx, in)
		s.Checks = s.Checks.With(requestTags(Tag(in).TagList())...)
		return s, err
	}
	api.Change(t, o.tag, onTagged, func(_ *api.Request, tx *store.Tx, about About, in *TagIn) (*struct{}, error) {
		account, owner, has := about.carried()
		tags, err := checkTags(Tag(in).TagList(), o.caseless)
		if err != nil {
			return nil, err
		}
		// A quota that was lowered below what there is stops nobody from giving a tag another value.
		if count := countTags(has, tags, o.caseless); count > len(has) {
			if err := o.limit.room(tx, account, count-1); err != nil {
				return nil, err
			}
		}
		return nil, tx.SetTags(account, owner, tags)
	})

	onUntagged := func(r *api.Request, tx *store.Tx, in *UntagIn) (api.Subject[About], error) {
		s, err := o.onUntag(r, tx, in)
		s.Checks = s.Checks.With(authz.Key{Name: "aws:TagKeys", Values: Untag(in).TagNames()})
		return s, err
	}
	api.Change(t, o.untag, onUntagged, func(_ *api.Request, tx *store.Tx, about About, in *UntagIn) (*struct{}, error) {
		account, owner, _ := about.carried()
		return nil, tx.DeleteTags(account, owner, Untag(in).TagNames())
	})

	api.Read(t, o.list, o.onList, func(_ *api.Request, _ *store.Tx, about About, in *ListIn) (*ListOut, error) {
		_, _, has := about.carried()
		place := func(tag *store.Tag) string { return api.Fit(o.list.Name, tag.Key) }
		sorted := slices.SortedFunc(slices.Values(has), func(a, b store.Tag) int { return strings.Compare(place(&a), place(&b)) })
		tags, next, err := api.List(o.list.Name, List(in), api.Cut(sorted, place), place)
		if err != nil {
			return nil, err
		}

		out := o.listed(describeTags(tags))
		Page(out).SetPage(next)
		return out, nil
	})
}

// tagKey is what a key is compared by.
func tagKey(key string, caseless bool) string {
	if caseless {
		return store.Fold(key)
	}
	return key
}

// countTags is the number of tags that their owner has once tags are set.
func countTags(has, set []store.Tag, caseless bool) int {
	keys := make(map[string]bool, len(has)+len(set))
	for _, tags := range [][]store.Tag{has, set} {
		for _, tag := range tags {
			keys[tagKey(tag.Key, caseless)] = true
		}
	}
	return len(keys)
}

func describeTags(tags []store.Tag) []iamapi.Tag {
	described := make([]iamapi.Tag, len(tags))
	for n, tag := range tags {
		described[n] = iamapi.Tag{Key: tag.Key, Value: tag.Value}
	}
	return described
}

// requestTags are the condition keys of the tags that a request brings.
func requestTags(tags []iamapi.Tag) []authz.Key {
	if len(tags) == 0 {
		return nil
	}
	keys := make([]authz.Key, 0, len(tags)+1)
	names := make([]string, len(tags))
	for n, t := range tags {
		names[n] = t.Key
		keys = append(keys, authz.Key{Name: "aws:RequestTag/" + t.Key, Values: []string{t.Value}})
	}
	return append(keys, authz.Key{Name: "aws:TagKeys", Values: names})
}

// checkTags turns tags into the store's. Keys are unique, on some things without regard to case, and "aws:" is reserved (IAM User
// Guide, "Tagging IAM resources").
func checkTags(tags []iamapi.Tag, caseless bool) ([]store.Tag, error) {
	stored := make([]store.Tag, len(tags))
	seen := make(map[string]bool, len(tags))
	for n, t := range tags {
		folded := tagKey(t.Key, caseless)
		if strings.HasPrefix(store.Fold(t.Key), "aws:") {
			return nil, iamapi.InvalidInput("The tag key %s is reserved: tag keys must not begin with aws:.", t.Key)
		}
		if seen[folded] {
			return nil, iamapi.InvalidInput("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
		}
		seen[folded] = true
		stored[n] = store.Tag{Key: t.Key, Value: t.Value}
	}
	return stored, nil
}

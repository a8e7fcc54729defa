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

// tagging are the operations on the tags of one kind of principal, with the parts of them that the model names differently.
type tagging[TagIn, UntagIn, ListIn, ListOut any] struct {
	tag    awsquery.Typed[TagIn, struct{}]
	untag  awsquery.Typed[UntagIn, struct{}]
	list   awsquery.Typed[ListIn, ListOut]
	listed func([]iamapi.Tag) *ListOut
}

type tagPutting[In any] interface {
	naming[In]
	TagList() []iamapi.Tag
}

type tagNaming[In any] interface {
	naming[In]
	TagNames() []string
}

// defineTags defines the operations on the tags of a kind of principal. The tags that a request brings, or the keys that it names,
// are condition keys of the request (IAM User Guide, "Controlling access during AWS requests").
func defineTags[
	TagIn, UntagIn, ListIn, ListOut any,
	Tag tagPutting[TagIn], Untag tagNaming[UntagIn], List listing[ListIn], Page paged[ListOut],
](t *api.Table, k *kind, o tagging[TagIn, UntagIn, ListIn, ListOut]) {
	onTagged := func(r *api.Request, tx *store.Tx, in *TagIn) (api.Subject[*target], error) {
		s, err := resolve(r, tx, k, Tag(in).Principal())
		s.Checks = s.Checks.With(requestTags(Tag(in).TagList())...)
		return s, err
	}
	api.Change(t, o.tag, onTagged, func(_ *api.Request, tx *store.Tx, about *target, in *TagIn) (*struct{}, error) {
		tags, err := checkTags(Tag(in).TagList())
		if err != nil {
			return nil, err
		}
		// A quota that was lowered below what there is stops nobody from giving a tag another value.
		if count := countTags(about.Tags, tags); count > len(about.Tags) {
			if err := k.tags.room(tx, about.AccountID, count-1); err != nil {
				return nil, err
			}
		}
		return nil, tx.SetTags(about.AccountID, about.Owner(), tags)
	})

	onUntagged := func(r *api.Request, tx *store.Tx, in *UntagIn) (api.Subject[*target], error) {
		s, err := resolve(r, tx, k, Untag(in).Principal())
		s.Checks = s.Checks.With(authz.Key{Name: "aws:TagKeys", Values: Untag(in).TagNames()})
		return s, err
	}
	api.Change(t, o.untag, onUntagged, func(_ *api.Request, tx *store.Tx, about *target, in *UntagIn) (*struct{}, error) {
		return nil, tx.DeleteTags(about.AccountID, about.Owner(), Untag(in).TagNames())
	})

	api.Read(t, o.list, on[ListIn, List](k), func(_ *api.Request, _ *store.Tx, about *target, in *ListIn) (*ListOut, error) {
		place := func(tag *store.Tag) string { return api.Fit(o.list.Name, tag.Key) }
		sorted := slices.SortedFunc(slices.Values(about.Tags), func(a, b store.Tag) int { return strings.Compare(place(&a), place(&b)) })
		tags, next, err := api.List(o.list.Name, List(in), api.Cut(sorted, place), place)
		if err != nil {
			return nil, err
		}
		out := o.listed(describeTags(tags))
		Page(out).SetPage(next)
		return out, nil
	})
}

// countTags is the number of tags that their owner has once tags are set.
func countTags(has, set []store.Tag) int {
	keys := make(map[string]bool, len(has)+len(set))
	for _, tags := range [][]store.Tag{has, set} {
		for _, tag := range tags {
			keys[store.Fold(tag.Key)] = true
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

// checkTags turns tags into the store's. Keys are unique without regard to case, and "aws:" is reserved (IAM User Guide,
// "Tagging IAM resources").
func checkTags(tags []iamapi.Tag) ([]store.Tag, error) {
	stored := make([]store.Tag, len(tags))
	seen := make(map[string]bool, len(tags))
	for n, t := range tags {
		folded := store.Fold(t.Key)
		if strings.HasPrefix(folded, "aws:") {
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

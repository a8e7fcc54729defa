package iam_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/touchstone-iam/touchstone/iamapi"
	"github.com/touchstone-iam/touchstone/internal/touchtest"
)

// tagOperations are the operations of this file that are asked of the policies.
func tagOperations(u touchtest.Target) []touchtest.Operation {
	return []touchtest.Operation{
		touchtest.Of(iamapi.TagUser, u.ARN(), u.Named(),
			iamapi.TagUserInput{UserName: u.Name, Tags: []iamapi.Tag{{Key: "cost", Value: "1"}}}),
		touchtest.Of(iamapi.UntagUser, u.ARN(), u.Named(), iamapi.UntagUserInput{UserName: u.Name, TagKeys: []string{"cost"}}),
		touchtest.Of(iamapi.ListUserTags, u.ARN(), u.Named(), iamapi.ListUserTagsInput{UserName: u.Name}),
	}
}

// tagErrors are the errors that the model declares for them.
var tagErrors = touchtest.Declared{
	Causes: map[string]func(*touchtest.Stage) error{
		"TagUser LimitExceeded": func(s *touchtest.Stage) error {
			quota(s.T, s.Account, "TagsPerUser", 1)
			return tagUser(s.Root, "alice", "a", "", "b", "")
		},
		"TagUser InvalidInput": func(s *touchtest.Stage) error { return tagUser(s.Root, "alice", "aws:x", "") },
	},
}

// tags are AWS's form of tags, given as key, value, key, value.
func tags(keysAndValues ...string) []types.Tag {
	var all []types.Tag
	for pair := range slices.Chunk(keysAndValues, 2) {
		all = append(all, types.Tag{Key: &pair[0], Value: &pair[1]})
	}
	return all
}

func tagUser(c *awsiam.Client, user string, keysAndValues ...string) error {
	return second(c.TagUser(ctx, &awsiam.TagUserInput{UserName: &user, Tags: tags(keysAndValues...)}))
}

func untagUser(c *awsiam.Client, user string, keys ...string) error {
	return second(c.UntagUser(ctx, &awsiam.UntagUserInput{UserName: &user, TagKeys: keys}))
}

// tagsOf are a user's tags in the order in which GetUser has them, as "key=value".
func tagsOf(t *testing.T, c *awsiam.Client, user string) (all []string) {
	t.Helper()
	out, err := c.GetUser(ctx, &awsiam.GetUserInput{UserName: &user})
	must(t, err)
	for _, tag := range out.User.Tags {
		all = append(all, *tag.Key+"="+*tag.Value)
	}
	return all
}

// A tag whose key differs at most by case replaces the one that was there, at its place.
func TestTagUser(t *testing.T) {
	t.Parallel()
	a, c := newAccount(t)
	createUser(t, c, "Alice", "/")

	has := func(what string, expected ...string) {
		t.Helper()
		if got := tagsOf(t, c, "Alice"); !slices.Equal(got, expected) {
			t.Errorf("%s: the tags are %q, want %q", what, got, expected)
		}
	}

	must(t, tagUser(c, "alice", "team", "red", "cost", "1", "Kelvin", ""))
	has("at first", "team=red", "cost=1", "Kelvin=")
	if record := a.LastRecord("TagUser"); record.ErrorCode != "" || record.ReadOnly || record.ResponseElements != nil ||
		text(record.RequestParameters) != `{"tags":[{"key":"team","value":"red"},{"key":"cost","value":"1"},{"key":"Kelvin"}],"userName":"alice"}` {
		t.Errorf("the event is %+v with %s", record, text(record.RequestParameters))
	}

	must(t, tagUser(c, "ALICE", "COST", "2", "new", "x"))
	has("replaced", "team=red", "COST=2", "Kelvin=", "new=x")
	must(t, tagUser(c, "alice", "\u212aelvin", "sign")) // the Kelvin sign folds to k
	has("folded", "team=red", "COST=2", "\u212aelvin=sign", "new=x")

	must(t, untagUser(c, "aLICE", "TEAM", "new", "unknown"))
	has("removed", "COST=2", "\u212aelvin=sign")
	if record := a.LastRecord("UntagUser"); record.ErrorCode != "" || record.ReadOnly || record.ResponseElements != nil ||
		text(record.RequestParameters) != `{"tagKeys":["TEAM","new","unknown"],"userName":"aLICE"}` {
		t.Errorf("the event is %+v with %s", record, text(record.RequestParameters))
	}
	must(t, tagUser(c, "alice", "team", "blue"))
	has("again", "COST=2", "\u212aelvin=sign", "team=blue")

	want(t, "tag a user who is not there", tagUser(c, "nobody", "k", "v"), noUser("nobody"))
	want(t, "untag a user who is not there", untagUser(c, "nobody", "k"), noUser("nobody"))
	_, err := c.ListUserTags(ctx, &awsiam.ListUserTagsInput{UserName: aws.String("nobody")})
	want(t, "list the tags of a user who is not there", err, noUser("nobody"))
}

// The constraints of the model and the quota: nothing of a refused request is kept.
func TestTagUserLimits(t *testing.T) {
	t.Parallel()
	a, c := newAccount(t)
	createUser(t, c, "alice", "/")
	quota(t, a, "TagsPerUser", 3)
	must(t, tagUser(c, "alice", "a", "1", "b", "2"))

	const invalid = "400 ValidationError: 1 validation error detected: Value at '"
	many := make([]string, 0, 102)
	for n := range 51 {
		many = append(many, fmt.Sprint("k", n), "v")
	}
	for _, test := range []struct {
		what string
		err  error
		want string
	}{
		{"one more than the quota", tagUser(c, "alice", "c", "3", "d", "4"), "409 LimitExceeded: Cannot exceed quota for TagsPerUser: 3"},
		{
			"one key twice", tagUser(c, "alice", "c", "3", "C", "4"),
			"400 InvalidInput: Duplicate tag keys found. Please note that Tag keys are case insensitive.",
		},
		{
			"a reserved key", tagUser(c, "alice", "Aws:c", "3"),
			"400 InvalidInput: The tag key Aws:c is reserved: tag keys must not begin with aws:.",
		},
		{
			"51 tags", tagUser(c, "alice", many...),
			invalid + "tags' failed to satisfy constraint: Member must have length less than or equal to 50",
		},
		{
			"no such sign", untagUser(c, "alice", "a?"),
			invalid + `tagKeys.1.member' failed to satisfy constraint: Member must satisfy regular expression pattern: [\p{L}\p{Z}\p{N}_.:/=+\-@]+`,
		},
	} {
		want(t, test.what, test.err, test.want)
	}
	if got := tagsOf(t, c, "alice"); !slices.Equal(got, []string{"a=1", "b=2"}) {
		t.Errorf("after the refusals the tags are %q", got)
	}

	want(t, "as many as the quota", tagUser(c, "alice", "c", "3"), "")
	want(t, "replacing at the quota", tagUser(c, "alice", "A", "9", "B", "9", "C", "9"), "")
}

// Pages come in the order of the keys' bytes.
func TestListUserTags(t *testing.T) {
	t.Parallel()
	a, c := newAccount(t)
	createUser(t, c, "alice", "/")
	list := func(in awsiam.ListUserTagsInput) ([]string, *awsiam.ListUserTagsOutput) {
		t.Helper()
		in.UserName = aws.String("ALICE")
		out, err := c.ListUserTags(ctx, &in)
		must(t, err)
		keys := []string{}
		for _, tag := range out.Tags {
			keys = append(keys, *tag.Key+"="+*tag.Value)
		}
		return keys, out
	}
	if got, out := list(awsiam.ListUserTagsInput{}); len(got) > 0 || out.IsTruncated || out.Marker != nil {
		t.Errorf("without tags: %q, %+v", got, out)
	}

	must(t, tagUser(c, "alice", "b", "1", "\u00e4", "2", "B2", "3", "_", "4", "a", ""))
	first, out := list(awsiam.ListUserTagsInput{MaxItems: aws.Int32(2)})
	if !slices.Equal(first, []string{"B2=3", "_=4"}) || !out.IsTruncated || out.Marker == nil {
		t.Fatalf("the first page is %q, %+v", first, out)
	}
	must(t, untagUser(c, "alice", "_")) // the place of a marker stays when its tag goes
	rest, out := list(awsiam.ListUserTagsInput{Marker: out.Marker})
	if !slices.Equal(rest, []string{"a=", "b=1", "\u00e4=2"}) || out.IsTruncated || out.Marker != nil {
		t.Errorf("the second page is %q, %+v", rest, out)
	}
	if record := a.LastRecord("ListUserTags"); !record.ReadOnly || record.ResponseElements != nil || record.ErrorCode != "" {
		t.Errorf("the event is %+v", record)
	}
}

// Tagging is decided by the tags that the request brings, by the keys that it names, and by the tags that the user has.
func TestTagConditions(t *testing.T) {
	t.Parallel()
	a, c := newAccount(t)
	u := a.NewUser("alice", "")
	me := userARN(a, "/alice")
	asks := a.IAM(u.Key)
	when := func(condition string) string {
		return `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["iam:TagUser","iam:UntagUser"],"Resource":"*","Condition":{` + condition + `}}}`
	}
	notTag, notUntag := touchtest.NotAllowed(me, "iam:TagUser", "user bob"), touchtest.NotAllowed(me, "iam:UntagUser", "user bob")

	for n, test := range []struct {
		policy     string
		tag, untag string // what tagging with team=red and with cost=1, and what removing team, answers
		cost       string
	}{
		{when(`"StringEquals":{"aws:RequestTag/team":"red"}`), "", notUntag, notTag},
		{when(`"StringEquals":{"aws:RequestTag/TEAM":"red"}`), "", notUntag, notTag},
		{when(`"StringEquals":{"aws:RequestTag/team":"blue"}`), notTag, notUntag, notTag},
		{when(`"ForAllValues:StringEquals":{"aws:TagKeys":["team","owner"]}`), "", "", notTag},
		{when(`"ForAnyValue:StringEquals":{"aws:TagKeys":"cost"}`), notTag, notUntag, ""},
		{when(`"StringEquals":{"aws:ResourceTag/area":"north"}`), "", "", ""},
		{when(`"StringEquals":{"iam:ResourceTag/area":"south"}`), notTag, notUntag, notTag},
	} {
		a.PutPolicy("alice", test.policy)
		createUser(t, c, "bob", "/")
		must(t, tagUser(c, "bob", "area", "north"))
		want(t, fmt.Sprint(n, ": tag team=red"), tagUser(asks, "bob", "team", "red"), test.tag)
		want(t, fmt.Sprint(n, ": tag cost=1"), tagUser(asks, "bob", "cost", "1"), test.cost)
		want(t, fmt.Sprint(n, ": untag team"), untagUser(asks, "bob", "team"), test.untag)
		must(t, second(c.DeleteUser(ctx, &awsiam.DeleteUserInput{UserName: aws.String("bob")})))
	}
}

// A changed tag counts for the next request: that of the caller, and that of the user whom the request is about.
func TestTagsAreInForceAtOnce(t *testing.T) {
	t.Parallel()
	a, c := newAccount(t)
	createUser(t, c, "bob", "/")
	u := a.NewUser("alice", `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":"iam:GetUser","Resource":"*","Condition":{"StringEquals":{"iam:ResourceTag/team":"${aws:PrincipalTag/team}"}}}]}`)
	console := a.SignIn(u, nil)
	get := func(what, expected string) {
		t.Helper()
		_, err := a.IAM(u.Key).GetUser(ctx, &awsiam.GetUserInput{UserName: aws.String("bob")})
		want(t, what+", by key", err, expected)
		_, err = touchtest.Call(console, iamapi.GetUser, &iamapi.GetUserInput{UserName: "bob"})
		want(t, what+", in the console", err, expected)
	}
	refused := touchtest.NotAllowed(userARN(a, "/alice"), "iam:GetUser", "user bob")

	get("without tags", refused)
	must(t, tagUser(c, "bob", "team", "red"))
	get("only the other is tagged", refused)
	must(t, tagUser(c, "alice", "Team", "red"))
	get("tagged alike", "")
	must(t, tagUser(c, "alice", "team", "blue"))
	get("the caller's tag is changed", refused)
	must(t, tagUser(c, "bob", "team", "blue"))
	get("the other's tag is changed", "")
	must(t, untagUser(c, "alice", "TEAM"))
	get("the caller's tag is removed", refused)
}

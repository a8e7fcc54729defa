package iam_test

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/touchstone-iam/touchstone/iamapi"
	"github.com/touchstone-iam/touchstone/internal/api"
	"github.com/touchstone-iam/touchstone/internal/ids"
	"github.com/touchstone-iam/touchstone/internal/store"
	"github.com/touchstone-iam/touchstone/internal/touchstoneapi"
	"github.com/touchstone-iam/touchstone/internal/touchtest"
)

// fill puts users with these names and paths into the account at once.
func fill(t *testing.T, a *touchtest.Account, users ...[2]string) {
	t.Helper()
	now := a.Server.Clock.Now()
	must(t, a.Server.State.Store.Update(ctx, store.NoLock(), func(tx *store.Tx) error {
		for _, u := range users {
			if err := tx.InsertPrincipal(&store.Principal{
				AccountID: a.ID, ID: ids.New(), Kind: store.User, UniqueID: ids.NewUnique("AIDA"), Name: u[0], Path: u[1], CreatedAt: now,
			}); err != nil {
				return err
			}
		}
		return nil
	}))
}

// pages reads a whole list in pages of a size (0 gives none), and checks each.
func pages(t *testing.T, size int32,
	read func(marker *string, size *int32) (names []string, truncated bool, next *string, err error),
) (all []string, count int) {
	t.Helper()
	marker, limit := (*string)(nil), (*int32)(nil)
	if size > 0 {
		limit = &size
	}
	for {
		names, truncated, next, err := read(marker, limit)
		must(t, err)
		all, count = append(all, names...), count+1
		if truncated != (next != nil) || truncated && limit != nil && len(names) != int(size) || count > 1000 {
			t.Fatalf("page %d of at most %d has %d, truncated %t, marker %v", count, size, len(names), truncated, next)
		}
		if !truncated {
			return all, count
		}
		marker = next
	}
}

func TestListUsers(t *testing.T) {
	t.Parallel()
	a, c := newAccount(t)
	var users [][2]string
	var expected, staff []string
	for n := range 250 {
		name, path := fmt.Sprintf("User%03d", n), "/"
		if n%2 == 0 {
			name = strings.ToLower(name)
		}
		if n%10 == 0 {
			path = []string{"/staff/", "/staff/eng/", "/staff%/", "/staffage/", "/st_ff/"}[n/10%5]
		}
		users, expected = append(users, [2]string{name, path}), append(expected, name)
		if strings.HasPrefix(path, "/staff/") {
			staff = append(staff, name)
		}
	}
	fill(t, a, users...)
	// The root user is none of them, and other accounts' users are theirs.
	fill(t, a.Server.NewAccount(t), [2]string{"stranger", "/"})

	read := func(prefix *string) func(*string, *int32) ([]string, bool, *string, error) {
		return func(marker *string, size *int32) (names []string, truncated bool, next *string, err error) {
			out, err := c.ListUsers(ctx, &awsiam.ListUsersInput{PathPrefix: prefix, Marker: marker, MaxItems: size})
			if err != nil {
				return nil, false, nil, err
			}
			for _, u := range out.Users {
				names = append(names, *u.UserName)
				if len(u.Tags) > 0 || *u.Arn != userARN(a, *u.Path+*u.UserName) {
					t.Errorf("listed %+v", u)
				}
			}
			return names, out.IsTruncated, out.Marker, nil
		}
	}
	for size, count := range map[int32]int{0: 3, 1: 250, 7: 36, 100: 3, 125: 2, 249: 2, 250: 1, 251: 1, 1000: 1} {
		got, n := pages(t, size, read(nil))
		if !slices.Equal(got, expected) || n != count {
			t.Errorf("in %d pages of %d: %d users %v, want %d pages", n, size, len(got), got, count)
		}
	}
	for prefix, want := range map[string][]string{
		"/staff/": staff, "/": expected, "/nothing/": nil, "/staff/eng/": nil,
		"/st_ff/": nil, "/staff%": nil,
	} {
		if want == nil {
			for _, u := range users {
				if strings.HasPrefix(u[1], prefix) {
					want = append(want, u[0])
				}
			}
		}
		if got, _ := pages(t, 3, read(&prefix)); !slices.Equal(got, want) {
			t.Errorf("on %s: %v\nwant %v", prefix, got, want)
		}
	}
	if record := a.LastRecord("ListUsers"); !strings.Contains(text(record.RequestParameters), `"maxItems":3`) ||
		record.ResponseElements != nil || !record.ReadOnly {
		t.Errorf("the event is %+v", record)
	}

	// The pages behind a user who has gone.
	out, err := c.ListUsers(ctx, &awsiam.ListUsersInput{MaxItems: aws.Int32(10)})
	must(t, err)
	_, err = c.DeleteUser(ctx, &awsiam.DeleteUserInput{UserName: &expected[9]})
	must(t, err)
	out, err = c.ListUsers(ctx, &awsiam.ListUsersInput{MaxItems: aws.Int32(10), Marker: out.Marker})
	must(t, err)
	if *out.Users[0].UserName != expected[10] {
		t.Errorf("the page behind a user who has gone begins with %s, want %s", *out.Users[0].UserName, expected[10])
	}
}

// A marker is good for the list that gave it; everything else is refused in one way.
func TestMarkers(t *testing.T) {
	t.Parallel()
	a, c := newAccount(t)
	u := a.NewUser("alice", touchtest.AdminPolicy)
	fill(t, a, [2]string{"bob", "/"}, [2]string{"carol", "/"})
	_, err := c.PutUserPolicy(ctx,
		&awsiam.PutUserPolicyInput{UserName: &u.Name, PolicyName: aws.String("more"), PolicyDocument: aws.String(touchtest.AdminPolicy)})
	must(t, err)
	_, err = c.CreateAccessKey(ctx, &awsiam.CreateAccessKeyInput{UserName: &u.Name})
	must(t, err)
	root := a.SetUpRoot()
	root.MustEnrol("alice", "one", newKey())
	root.MustEnrol("alice", "two", newKey())
	one := aws.Int32(1)
	lists := map[string]func(marker *string, size *int32) ([]string, bool, *string, error){
		"ListUsers": func(marker *string, size *int32) (names []string, truncated bool, next *string, err error) {
			out, err := c.ListUsers(ctx, &awsiam.ListUsersInput{Marker: marker, MaxItems: size})
			if err != nil {
				return nil, false, nil, err
			}
			for _, u := range out.Users {
				names = append(names, *u.UserName)
			}
			return names, out.IsTruncated, out.Marker, nil
		},
		"ListUserPolicies": func(marker *string, size *int32) ([]string, bool, *string, error) {
			out, err := c.ListUserPolicies(ctx, &awsiam.ListUserPoliciesInput{UserName: &u.Name, Marker: marker, MaxItems: size})
			if err != nil {
				return nil, false, nil, err
			}
			return out.PolicyNames, out.IsTruncated, out.Marker, nil
		},
		"ListAccessKeys": func(marker *string, size *int32) (names []string, truncated bool, next *string, err error) {
			out, err := c.ListAccessKeys(ctx, &awsiam.ListAccessKeysInput{UserName: &u.Name, Marker: marker, MaxItems: size})
			if err != nil {
				return nil, false, nil, err
			}
			for _, k := range out.AccessKeyMetadata {
				names = append(names, *k.AccessKeyId)
			}
			return names, out.IsTruncated, out.Marker, nil
		},
		"ListMFADevices": func(marker *string, size *int32) (names []string, truncated bool, next *string, err error) {
			out, err := c.ListMFADevices(ctx, &awsiam.ListMFADevicesInput{UserName: &u.Name, Marker: marker, MaxItems: size})
			if err != nil {
				return nil, false, nil, err
			}
			for _, d := range out.MFADevices {
				names = append(names, *d.SerialNumber)
			}
			return names, out.IsTruncated, out.Marker, nil
		},
		"ListAccountAliases": func(marker *string, size *int32) ([]string, bool, *string, error) {
			out, err := c.ListAccountAliases(ctx, &awsiam.ListAccountAliasesInput{Marker: marker, MaxItems: size})
			if err != nil {
				return nil, false, nil, err
			}
			return out.AccountAliases, out.IsTruncated, out.Marker, nil
		},
	}

	markers := make(map[string]*string)
	for name, list := range lists {
		all, _ := pages(t, 0, list)
		if paged, _ := pages(t, 1, list); !slices.Equal(paged, all) {
			t.Errorf("%s in pages of one: %v, at once: %v", name, paged, all)
		}
		_, truncated, next, err := list(nil, one)
		must(t, err)
		if truncated != (len(all) > 1) {
			t.Errorf("%s: %d in all, and the first page of one is truncated: %t", name, len(all), truncated)
		}
		markers[name] = next
	}

	const invalid = "400 ValidationError: Invalid Marker."
	for name, list := range lists {
		for other, marker := range markers {
			if other != name && marker != nil {
				want(t, name+" with the marker of "+other, err4(list(marker, nil)), invalid)
			}
		}
		for _, bad := range []string{
			"x", "bob", "AAAA", "====", " ", strings.Repeat("A", 320), base64.RawURLEncoding.EncodeToString([]byte(`{"o":"` + name + `"}`)),
			base64.RawURLEncoding.EncodeToString([]byte(`{"o":"` + name + `","l":""}`)),
			base64.RawURLEncoding.EncodeToString([]byte(`null`)),
			base64.RawURLEncoding.EncodeToString([]byte(`[]`)),
			base64.RawURLEncoding.EncodeToString([]byte(`{"o":"` + name + `","l":"a"} more`)),
		} {
			want(t, name+" with the marker "+bad, err4(list(&bad, nil)), invalid)
		}
		const one = "400 ValidationError: 1 validation error detected: "
		want(t, name+" with no items", err4(list(nil, aws.Int32(0))),
			one+"Value at 'maxItems' failed to satisfy constraint: Member must have value greater than or equal to 1")
		want(t, name+" with many items", err4(list(nil, aws.Int32(1001))),
			one+"Value at 'maxItems' failed to satisfy constraint: Member must have value less than or equal to 1000")
		want(t, name+" with a long marker", err4(list(aws.String(strings.Repeat("A", 321)), nil)),
			one+"Value at 'marker' failed to satisfy constraint: Member must have length less than or equal to 320")
		want(t, name+" with everything wrong", err4(list(aws.String(strings.Repeat("\n", 321)), aws.Int32(-1))),
			"400 ValidationError: 3 validation errors detected: "+
				"Value at 'marker' failed to satisfy constraint: Member must have length less than or equal to 320; "+
				`Value at 'marker' failed to satisfy constraint: Member must satisfy regular expression pattern: [\u0020-\u00FF]+; `+
				"Value at 'maxItems' failed to satisfy constraint: Member must have value greater than or equal to 1")
	}
}

func err4(_ []string, _ bool, _ *string, err error) error { return err }

// Every list can be read in pages of every size, in the order of its places.
//
// The tags have keys as long as may be, in letters that take four bytes: a marker must still be short enough to be sent back.
func TestPages(t *testing.T) {
	t.Parallel()
	a, c := newAccount(t)
	root := a.SetUpRoot()
	for _, name := range []string{"AccessKeysPerUser", "MFADevicesPerUser"} {
		quota(t, a, name, 6)
	}
	u := a.NewUser("alice", "")
	long := strings.Repeat("l", 60)
	fill(t, a, [2]string{"b", "/" + strings.Repeat("p", 510) + "/"}, [2]string{"Z9", "/"}, [2]string{"_x", "/"},
		[2]string{long, "/a/"}, [2]string{"=", "/"})

	var keys, serials []string
	keys = append(keys, u.Key.AccessKeyID)
	for range 4 {
		key, err := c.CreateAccessKey(ctx, &awsiam.CreateAccessKeyInput{UserName: &u.Name})
		must(t, err)
		keys = append(keys, *key.AccessKey.AccessKeyId)
	}
	for _, device := range []string{"z", "B", "a"} {
		serials = append(serials, root.MustEnrol("alice", device, newKey()))
	}
	policies := []string{strings.Repeat("P", 128), "B", "a", "=", "b", "_"}
	for _, name := range policies {
		_, err := c.PutUserPolicy(ctx, &awsiam.PutUserPolicyInput{
			UserName: &u.Name, PolicyName: &name,
			PolicyDocument: aws.String(`{"Statement":{"Effect":"Deny","Action":"s3:*","Resource":"*"}}`),
		})
		must(t, err)
	}
	tagKeys := []string{
		"b", "B2", "a", "\u00e4", "_", strings.Repeat("k", 128), "\u2028", strings.Repeat("\u2028", 128),
		strings.Repeat("\u00e5", 128), strings.Repeat("\U00020000", 128),
	}
	for _, key := range tagKeys {
		must(t, tagUser(c, "alice", key, "v"))
	}
	must(t, second(c.CreateAccountAlias(ctx, &awsiam.CreateAccountAliasInput{AccountAlias: aws.String("alias-of-" + a.ID)})))

	// The ARNs of some of the managed policies are too long for a marker, too.
	managed := []string{"=", "_", "a", "B", "pa", strings.Repeat("P", 128), "Z9"} // without regard to case, too
	deep := "/" + strings.Repeat("d", 510) + "/"
	var attached []string
	for n, name := range managed {
		path := []string{"/", deep}[n%2]
		arn := policyOf(a.ID, path+name)
		must(t, second(c.CreatePolicy(ctx,
			&awsiam.CreatePolicyInput{PolicyName: &name, Path: &path, PolicyDocument: aws.String(allow("s3:*"))})))
		must(t, attach(c, u.Name, arn))
		attached = append(attached, arn)
	}
	slices.SortFunc(attached, func(a, b string) int {
		return strings.Compare(api.Fit("ListAttachedUserPolicies", a), api.Fit("ListAttachedUserPolicies", b))
	})
	shared := policyOf(a.ID, "/=")
	for range 3 {
		must(t, newVersion(c, shared, allow("s3:*"), false))
	}
	var policyTags []iamapi.Tag
	for _, key := range tagKeys {
		policyTags = append(policyTags, iamapi.Tag{Key: key})
	}
	must(t, second(touchtest.Call(root, iamapi.TagPolicy, &iamapi.TagPolicyInput{PolicyArn: shared, Tags: policyTags})))

	// Those who use a policy are listed in no order that means anything: theirs is that of their internal ids.
	for _, name := range []string{"b", "Z9", "_x"} {
		must(t, attach(c, name, shared))
	}
	entities, err := c.ListEntitiesForPolicy(ctx, &awsiam.ListEntitiesForPolicyInput{PolicyArn: &shared})
	must(t, err)
	var using []string
	for _, u := range entities.PolicyUsers {
		using = append(using, *u.UserName)
	}
	if got := slices.Sorted(slices.Values(using)); !slices.Equal(got, []string{"Z9", "_x", "alice", "b"}) {
		t.Errorf("the policy is used by %q", got)
	}

	// Names of users sort without regard to case, as they are unique; all others by their bytes.
	users := []string{"=", "_x", "alice", "b", long, "Z9"}
	slices.Sort(policies)
	slices.Sort(tagKeys)
	policyTagKeys := slices.SortedFunc(slices.Values(tagKeys), func(a, b string) int {
		return strings.Compare(api.Fit("ListPolicyTags", a), api.Fit("ListPolicyTags", b))
	})
	touchtest.CheckPages(t, root, definedHere(),
		touchtest.ListOf(iamapi.ListUsers, iamapi.ListUsersInput{}, users, func(out *iamapi.ListUsersOutput) (names []string) {
			for _, u := range out.Users {
				names = append(names, u.UserName)
			}
			return names
		}),
		touchtest.ListOf(touchstoneapi.DescribeUsers, touchstoneapi.DescribeUsersInput{}, users,
			func(out *touchstoneapi.DescribeUsersOutput) (names []string) {
				for _, u := range out.Users {
					names = append(names, u.UserName)
				}
				return names
			}),
		touchtest.ListOf(iamapi.ListAccessKeys, iamapi.ListAccessKeysInput{UserName: "alice"}, keys,
			func(out *iamapi.ListAccessKeysOutput) (ids []string) {
				for _, k := range out.AccessKeyMetadata {
					ids = append(ids, k.AccessKeyId)
				}
				return ids
			}),
		touchtest.ListOf(iamapi.ListMFADevices, iamapi.ListMFADevicesInput{UserName: "alice"}, serials,
			func(out *iamapi.ListMFADevicesOutput) (serials []string) {
				for _, d := range out.MFADevices {
					serials = append(serials, d.SerialNumber)
				}
				return serials
			}),
		touchtest.ListOf(iamapi.ListUserPolicies, iamapi.ListUserPoliciesInput{UserName: "alice"}, policies,
			func(out *iamapi.ListUserPoliciesOutput) []string { return out.PolicyNames }),
		touchtest.ListOf(iamapi.ListUserTags, iamapi.ListUserTagsInput{UserName: "alice"}, tagKeys,
			func(out *iamapi.ListUserTagsOutput) (keys []string) {
				for _, tag := range out.Tags {
					keys = append(keys, tag.Key)
				}
				return keys
			}),
		touchtest.ListOf(iamapi.ListPolicies, iamapi.ListPoliciesInput{}, managed,
			func(out *iamapi.ListPoliciesOutput) (names []string) {
				for _, p := range out.Policies {
					names = append(names, p.PolicyName)
				}
				return names
			}),
		touchtest.ListOf(iamapi.ListAttachedUserPolicies, iamapi.ListAttachedUserPoliciesInput{UserName: "alice"}, attached,
			func(out *iamapi.ListAttachedUserPoliciesOutput) (arns []string) {
				for _, p := range out.AttachedPolicies {
					arns = append(arns, p.PolicyArn)
				}
				return arns
			}),
		touchtest.ListOf(iamapi.ListEntitiesForPolicy, iamapi.ListEntitiesForPolicyInput{PolicyArn: shared}, using,
			func(out *iamapi.ListEntitiesForPolicyOutput) (names []string) {
				for _, u := range out.PolicyUsers {
					names = append(names, u.UserName)
				}
				return names
			}),
		touchtest.ListOf(iamapi.ListPolicyVersions, iamapi.ListPolicyVersionsInput{PolicyArn: shared}, []string{"v4", "v3", "v2", "v1"},
			func(out *iamapi.ListPolicyVersionsOutput) (ids []string) {
				for _, v := range out.Versions {
					ids = append(ids, v.VersionId)
				}
				return ids
			}),
		touchtest.ListOf(iamapi.ListPolicyTags, iamapi.ListPolicyTagsInput{PolicyArn: shared}, policyTagKeys,
			func(out *iamapi.ListPolicyTagsOutput) (keys []string) {
				for _, tag := range out.Tags {
					keys = append(keys, tag.Key)
				}
				return keys
			}),
		touchtest.ListOf(iamapi.ListAccountAliases, iamapi.ListAccountAliasesInput{}, []string{"alias-of-" + a.ID},
			func(out *iamapi.ListAccountAliasesOutput) []string { return out.AccountAliases }),
	)
}

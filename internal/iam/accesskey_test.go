package iam_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	awssts "github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/touchstone-iam/touchstone/iamapi"
	"github.com/touchstone-iam/touchstone/internal/store"
	"github.com/touchstone-iam/touchstone/internal/touchtest"
)

// accessKeyOperations are the operations of this file that are asked of the policies.
func accessKeyOperations(u touchtest.Target) []touchtest.Operation {
	return []touchtest.Operation{
		touchtest.Of(iamapi.CreateAccessKey, u.ARN(), u.Named(), iamapi.CreateAccessKeyInput{UserName: u.Name}),
		touchtest.Of(iamapi.ListAccessKeys, u.ARN(), u.Named(), iamapi.ListAccessKeysInput{UserName: u.Name}),
		touchtest.Of(iamapi.GetAccessKeyLastUsed, u.ARN(), "access key "+u.AccessKeyID,
			iamapi.GetAccessKeyLastUsedInput{AccessKeyId: u.AccessKeyID}),
		touchtest.Of(iamapi.UpdateAccessKey, u.ARN(), u.Named(),
			iamapi.UpdateAccessKeyInput{UserName: u.Name, AccessKeyId: u.AccessKeyID, Status: "Active"}),
		touchtest.Of(iamapi.DeleteAccessKey, u.ARN(), u.Named(),
			iamapi.DeleteAccessKeyInput{UserName: u.Name, AccessKeyId: u.AccessKeyID}),
	}
}

// accessKeyErrors are the errors that the model declares for them.
var accessKeyErrors = touchtest.Declared{
	Causes: map[string]func(*touchtest.Stage) error{
		"CreateAccessKey LimitExceeded": func(s *touchtest.Stage) error {
			quota(s.T, s.Account, "AccessKeysPerUser", 1)
			return second(s.Root.CreateAccessKey(ctx, &awsiam.CreateAccessKeyInput{UserName: aws.String("alice")}))
		},
	},
	Unreachable: map[string]string{
		"UpdateAccessKey LimitExceeded": "makes nothing that is counted",
		"UpdateAccessKey InvalidInput":  "a status that cannot be set is a ValidationError",
		"DeleteAccessKey LimitExceeded": "makes nothing that is counted",
	},
}

const invalidToken = "403 InvalidClientTokenId: The security token included in the request is invalid."

func TestAccessKeys(t *testing.T) {
	t.Parallel()
	a, c := newAccount(t)
	createUser(t, c, "Alice", "/")
	name := aws.String("alice")
	out, err := c.CreateAccessKey(ctx, &awsiam.CreateAccessKeyInput{UserName: name})
	must(t, err)
	k := out.AccessKey
	if *k.UserName != "Alice" || k.Status != types.StatusTypeActive || k.CreateDate == nil {
		t.Errorf("created %+v", k)
	}
	if !regexp.MustCompile(`^AKIA[A-Z2-7]{16}$`).MatchString(*k.AccessKeyId) ||
		!regexp.MustCompile(`^[A-Za-z0-9+/]{40}$`).MatchString(*k.SecretAccessKey) {
		t.Errorf("created %s with a secret of %d characters", *k.AccessKeyId, len(*k.SecretAccessKey))
	}
	record := a.LastRecord("CreateAccessKey")
	expected := fmt.Sprintf(`{"accessKey":{"accessKeyId":%q,"createDate":%q,"status":"Active","userName":"Alice"}}`,
		*k.AccessKeyId, k.CreateDate.UTC().Format("Jan 2, 2006 3:04:05 PM"))
	if got := text(record.ResponseElements); text(record.RequestParameters) != `{"userName":"alice"}` || got != expected {
		t.Errorf("the event has %s, %s\nwant %s", text(record.RequestParameters), got, expected)
	}
	if strings.Contains(text(record), *k.SecretAccessKey) {
		t.Error("the secret is in the event")
	}

	credentials := aws.Credentials{AccessKeyID: *k.AccessKeyId, SecretAccessKey: *k.SecretAccessKey}
	works := func(what, expected string) {
		t.Helper()
		_, err := a.STS(credentials).GetCallerIdentity(ctx, &awssts.GetCallerIdentityInput{})
		want(t, what, err, expected)
	}
	// Never used, then used.
	used := func() *awsiam.GetAccessKeyLastUsedOutput {
		t.Helper()
		out, err := c.GetAccessKeyLastUsed(ctx, &awsiam.GetAccessKeyLastUsedInput{AccessKeyId: k.AccessKeyId})
		must(t, err)
		return out
	}
	if u := used(); *u.UserName != "Alice" || u.AccessKeyLastUsed.LastUsedDate != nil || *u.AccessKeyLastUsed.Region != "N/A" ||
		*u.AccessKeyLastUsed.ServiceName != "N/A" {
		t.Errorf("never used: %+v", u.AccessKeyLastUsed)
	}
	works("a new key", "")
	inMemory := used().AccessKeyLastUsed
	must(t, a.Server.API.KeyUses.Flush(ctx, a.Server.State.Store))
	written := used().AccessKeyLastUsed
	for what, u := range map[string]*types.AccessKeyLastUsed{"in memory": inMemory, "written": written} {
		if u.LastUsedDate == nil || *u.Region != "eu-central-1" || *u.ServiceName != "sts" {
			t.Errorf("used, %s: %+v", what, u)
		}
	}
	if record := a.LastRecord("GetAccessKeyLastUsed"); record.ResponseElements != nil || !record.ReadOnly {
		t.Errorf("the event is %+v", record)
	}

	update := func(id *string, status types.StatusType) error {
		_, err := c.UpdateAccessKey(ctx, &awsiam.UpdateAccessKeyInput{UserName: name, AccessKeyId: id, Status: status})
		return err
	}
	must(t, update(k.AccessKeyId, types.StatusTypeInactive))
	if got := text(a.LastRecord("UpdateAccessKey").RequestParameters); got != fmt.Sprintf(
		`{"accessKeyId":%q,"status":"Inactive","userName":"alice"}`, *k.AccessKeyId) {
		t.Errorf("the event has %s", got)
	}
	works("an inactive key", invalidToken)
	list, err := c.ListAccessKeys(ctx, &awsiam.ListAccessKeysInput{UserName: name})
	must(t, err)
	if len(list.AccessKeyMetadata) != 1 || list.IsTruncated {
		t.Fatalf("listed %+v", list)
	}
	if m := list.AccessKeyMetadata[0]; *m.UserName != "Alice" || m.Status != types.StatusTypeInactive ||
		*m.AccessKeyId != *k.AccessKeyId || !m.CreateDate.Equal(*k.CreateDate) {
		t.Errorf("listed %+v", m)
	}
	must(t, update(k.AccessKeyId, types.StatusTypeActive))
	works("active again", "")
	const enum = "400 ValidationError: 1 validation error detected: Value at 'status' failed to satisfy constraint: Member must satisfy enum value set: [Active, Inactive"
	for _, status := range []types.StatusType{"active", types.StatusTypeExpired} {
		if got := touchtest.Told(update(k.AccessKeyId, status)); !strings.HasPrefix(got, enum) {
			t.Errorf("status %s: %s", status, got)
		}
	}
	works("after wrong states", "")

	const unknown = "AKIAAAAAAAAAAAAAAAAA"
	const noKey = "404 NoSuchEntity: The Access Key with id " + unknown + " cannot be found."
	want(t, "update one that is not there", update(aws.String(unknown), types.StatusTypeActive), noKey)
	_, err = c.DeleteAccessKey(ctx, &awsiam.DeleteAccessKeyInput{UserName: name, AccessKeyId: aws.String(unknown)})
	want(t, "delete one that is not there", err, noKey)
	_, err = c.GetAccessKeyLastUsed(ctx, &awsiam.GetAccessKeyLastUsedInput{AccessKeyId: aws.String(unknown)})
	want(t, "last use of one that is not there", err,
		"403 AccessDenied: User: arn:aws:iam::"+a.ID+
			":root is not authorized to perform iam:GetAccessKeyLastUsed on resource: access key "+unknown)
	stranger := a.Server.NewAccount(t)
	_, err = stranger.IAM(stranger.Root).GetAccessKeyLastUsed(ctx, &awsiam.GetAccessKeyLastUsedInput{AccessKeyId: k.AccessKeyId})
	want(t, "last use of another account's", err, "403 AccessDenied: User: arn:aws:iam::"+stranger.ID+
		":root is not authorized to perform iam:GetAccessKeyLastUsed on resource: access key "+*k.AccessKeyId)

	// A key is changed only as its owner's.
	createUser(t, c, "bob", "/")
	_, err = c.DeleteAccessKey(ctx, &awsiam.DeleteAccessKeyInput{UserName: aws.String("bob"), AccessKeyId: k.AccessKeyId})
	want(t, "delete as another's", err, "404 NoSuchEntity: The Access Key with id "+*k.AccessKeyId+" cannot be found.")
	works("after that", "")

	_, err = c.DeleteAccessKey(ctx, &awsiam.DeleteAccessKeyInput{UserName: name, AccessKeyId: k.AccessKeyId})
	must(t, err)
	if got := text(a.LastRecord("DeleteAccessKey").RequestParameters); got != fmt.Sprintf(`{"accessKeyId":%q,"userName":"alice"}`,
		*k.AccessKeyId) {
		t.Errorf("the event has %s", got)
	}
	works("a deleted key", invalidToken)
	for what, err := range map[string]error{
		"create": second(c.CreateAccessKey(ctx, &awsiam.CreateAccessKeyInput{UserName: aws.String("nobody")})),
		"list":   second(c.ListAccessKeys(ctx, &awsiam.ListAccessKeysInput{UserName: aws.String("nobody")})),
		"update": second(c.UpdateAccessKey(ctx,
			&awsiam.UpdateAccessKeyInput{UserName: aws.String("nobody"), AccessKeyId: k.AccessKeyId, Status: types.StatusTypeActive})),
		"delete": second(c.DeleteAccessKey(ctx,
			&awsiam.DeleteAccessKeyInput{UserName: aws.String("nobody"), AccessKeyId: k.AccessKeyId})),
	} {
		want(t, what+" for somebody who is not there", err, noUser("nobody"))
	}
	_, err = c.DeleteAccessKey(ctx, &awsiam.DeleteAccessKeyInput{UserName: aws.String("a b"), AccessKeyId: aws.String("AKIA-1")})
	want(t, "everything at once", err, "400 ValidationError: 3 validation errors detected: "+
		`Value at 'userName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\w+=,.@-]+; `+
		"Value at 'accessKeyId' failed to satisfy constraint: Member must have length greater than or equal to 16; "+
		`Value at 'accessKeyId' failed to satisfy constraint: Member must satisfy regular expression pattern: [\w]+`)
}

// Two keys, active or not; the third is refused. (That two writers do not both have the last place is tested with the
// pipeline.)
func TestAccessKeyQuota(t *testing.T) {
	t.Parallel()
	a, c := newAccount(t)
	u := a.NewUser("alice", "")
	create := func(in *awsiam.CreateAccessKeyInput) error {
		_, err := c.CreateAccessKey(ctx, in)
		return err
	}

	must(t, create(&awsiam.CreateAccessKeyInput{UserName: &u.Name}))
	_, err := c.UpdateAccessKey(ctx,
		&awsiam.UpdateAccessKeyInput{UserName: &u.Name, AccessKeyId: &u.Key.AccessKeyID, Status: types.StatusTypeInactive})
	must(t, err)
	const over = "409 LimitExceeded: Cannot exceed quota for AccessKeysPerUser: 2"
	want(t, "a user's third", create(&awsiam.CreateAccessKeyInput{UserName: &u.Name}), over)
	must(t, create(&awsiam.CreateAccessKeyInput{}))
	want(t, "root's third", create(&awsiam.CreateAccessKeyInput{}), over)
	quota(t, a, "AccessKeysPerUser", 3)
	must(t, create(&awsiam.CreateAccessKeyInput{UserName: &u.Name}))
	if got := a.LastRecord("CreateAccessKey"); got.ErrorCode != "" {
		t.Errorf("the last event is %+v", got)
	}
}

// Without a name the owner of the signing key is meant, the root user too.
func TestOwnAccessKeys(t *testing.T) {
	t.Parallel()
	a, root := newAccount(t)
	u := a.NewUser("alice", allow("iam:*AccessKey*"))
	for what, test := range map[string]struct {
		client *awsiam.Client
		own    string
		owner  string // as the answers name it
	}{
		"a user": {a.IAM(u.Key), u.Key.AccessKeyID, "alice"},
		"root":   {root, a.Root.AccessKeyID, ""},
	} {
		t.Run(what, func(t *testing.T) {
			c := test.client
			made, err := c.CreateAccessKey(ctx, &awsiam.CreateAccessKeyInput{})
			must(t, err)
			list, err := c.ListAccessKeys(ctx, &awsiam.ListAccessKeysInput{})
			must(t, err)
			if len(list.AccessKeyMetadata) != 2 || *list.AccessKeyMetadata[0].AccessKeyId != test.own ||
				*list.AccessKeyMetadata[1].AccessKeyId != *made.AccessKey.AccessKeyId {
				t.Errorf("listed %+v", list.AccessKeyMetadata)
			}
			if got := aws.ToString(list.AccessKeyMetadata[0].UserName); got != test.owner {
				t.Errorf("the owner is %q", got)
			}

			used, err := c.GetAccessKeyLastUsed(ctx, &awsiam.GetAccessKeyLastUsedInput{AccessKeyId: &test.own})
			must(t, err)
			if aws.ToString(used.AccessKeyLastUsed.ServiceName) != "iam" || *used.AccessKeyLastUsed.Region != "us-east-1" {
				t.Errorf("last used: %+v", used.AccessKeyLastUsed)
			}

			_, err = c.UpdateAccessKey(ctx,
				&awsiam.UpdateAccessKeyInput{AccessKeyId: made.AccessKey.AccessKeyId, Status: types.StatusTypeInactive})
			must(t, err)
			_, err = c.DeleteAccessKey(ctx, &awsiam.DeleteAccessKeyInput{AccessKeyId: made.AccessKey.AccessKeyId})
			must(t, err)
			_, err = c.DeleteAccessKey(ctx, &awsiam.DeleteAccessKeyInput{AccessKeyId: &test.own}) // its own last request
			must(t, err)
			_, err = c.ListAccessKeys(ctx, &awsiam.ListAccessKeysInput{})
			want(t, "after that", err, invalidToken)
		})
	}
}

// The database has no secret in it.
func TestSecretsAreSealed(t *testing.T) {
	t.Parallel()
	a, _ := newAccount(t)
	must(t, a.Server.State.Store.View(ctx, func(tx *store.Tx) error {
		k, err := tx.AccessKey(a.ID, a.Root.AccessKeyID)
		if err == nil && strings.Contains(string(k.SealedSecret), a.Root.SecretAccessKey) {
			t.Error("the secret is in the clear")
		}
		return err
	}))
}

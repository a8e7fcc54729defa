package iam_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"
	awssts "github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/touchstone-iam/touchstone/internal/audit"
	"github.com/touchstone-iam/touchstone/internal/iam"
	"github.com/touchstone-iam/touchstone/internal/server"
	"github.com/touchstone-iam/touchstone/internal/store"
	"github.com/touchstone-iam/touchstone/internal/touchtest"
)

// The page shows what adding_test.go defines, word by word.
func TestAddingAnOperationIsAsThePageShows(t *testing.T) {
	page, err := os.ReadFile("../../docs/adding-an-operation.md")
	must(t, err)
	source, err := os.ReadFile("adding_test.go")
	must(t, err)

	blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(string(page), -1)
	if len(blocks) < 5 {
		t.Fatalf("the page shows %d pieces of Go, want one for each shape of operation", len(blocks))
	}
	for _, block := range blocks {
		if !strings.Contains(string(source), block[1]) {
			t.Errorf("adding_test.go does not have this piece of the page:\n%s", block[1])
		}
	}
}

// Operations that are defined as the page says work by AWS's client: authorised, executed, recorded.
func TestAddedOperations(t *testing.T) {
	t.Parallel()
	s := touchtest.Start(t, func(c *server.Config) { c.AuditReads = audit.ReadsSync })
	iam.DefineExamples(s.API.Table)
	a := s.NewAccount(t)
	alice := a.NewUser("alice", touchtest.AdminPolicy)
	nobody := a.NewUser("nobody", "")
	c := a.IAM(alice.Key)

	before := generation(t, a)
	for _, name := range []string{"writers", "Readers", "alice"} { // a group may be named like a user
		_, err := c.CreateGroup(ctx, &awsiam.CreateGroupInput{GroupName: &name, Path: aws.String("/eng/")})
		must(t, err)
	}
	if after := generation(t, a); after != before+3 {
		t.Errorf("three changes raised the generation from %d to %d", before, after)
	}
	_, err := c.CreateGroup(ctx, &awsiam.CreateGroupInput{GroupName: aws.String("WRITERS")})
	want(t, "a second one", err, "409 EntityAlreadyExists: Group with name WRITERS already exists.")

	group, err := c.GetGroup(ctx, &awsiam.GetGroupInput{GroupName: aws.String("READERS")})
	must(t, err)
	if got := *group.Group.Arn; got != "arn:aws:iam::"+a.ID+":group/eng/Readers" {
		t.Errorf("the group's ARN is %s", got)
	}
	_, err = c.GetGroup(ctx, &awsiam.GetGroupInput{GroupName: aws.String("missing")})
	want(t, "a group that is not there", err, "404 NoSuchEntity: The group with name missing cannot be found.")

	var listed []string
	pages := awsiam.NewListGroupsPaginator(c, &awsiam.ListGroupsInput{MaxItems: aws.Int32(1)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		must(t, err)
		for _, g := range page.Groups {
			listed = append(listed, *g.GroupName)
		}
	}
	if got := strings.Join(listed, " "); got != "alice Readers writers" {
		t.Errorf("listed, one a page: %s", got)
	}

	_, err = c.PutGroupPolicy(ctx, &awsiam.PutGroupPolicyInput{
		GroupName: aws.String("writers"), PolicyName: aws.String("p"), PolicyDocument: aws.String(touchtest.AdminPolicy),
	})
	must(t, err)
	names, err := c.ListGroupPolicies(ctx, &awsiam.ListGroupPoliciesInput{GroupName: aws.String("writers")})
	must(t, err)
	if len(names.PolicyNames) != 1 || names.PolicyNames[0] != "p" {
		t.Errorf("the group's policies are %q", names.PolicyNames)
	}
	_, err = c.DeleteGroupPolicy(ctx,
		&awsiam.DeleteGroupPolicyInput{GroupName: aws.String("writers"), PolicyName: aws.String("other")})
	want(t, "a policy that is not there", err, "404 NoSuchEntity: The group policy with name other cannot be found.")

	before = generation(t, a)
	token, err := a.STS(alice.Key).GetSessionToken(ctx, &awssts.GetSessionTokenInput{})
	must(t, err)
	if *token.Credentials.AccessKeyId != "ASIAEXAMPLE" || generation(t, a) != before {
		t.Errorf("issued %s; the generation went from %d to %d", *token.Credentials.AccessKeyId, before, generation(t, a))
	}

	for _, group := range []string{"writers", "missing"} {
		_, err := a.IAM(nobody.Key).GetGroup(ctx, &awsiam.GetGroupInput{GroupName: &group})
		want(t, "whoever may not", err,
			"403 AccessDenied: User: arn:aws:iam::"+a.ID+":user/nobody is not authorized to perform: iam:GetGroup"+
				" on resource: group "+group+" because no identity-based policy allows the iam:GetGroup action")
	}
}

func generation(t *testing.T, a *touchtest.Account) int64 {
	t.Helper()
	var f store.Freshness
	must(t, a.Server.State.Store.View(ctx, func(tx *store.Tx) (err error) { f, err = tx.Freshness(a.ID); return err }))
	return f.Generation
}

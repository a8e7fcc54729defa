package catalogue_test

import (
	"encoding/json"
	"flag"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/touchstone-iam/touchstone/internal/catalogue"
	"github.com/touchstone-iam/touchstone/policy"
)

var update = flag.Bool("update", false, "rewrite catalogue.json")

// globalKeys are the global condition keys by type (IAM User Guide, "AWS global condition context keys").
var globalKeys = map[policy.KeyType]string{
	policy.KeyString: `CalledViaFirst CalledViaLast Ec2InstanceSourceVpc FederatedProvider PrincipalAccount PrincipalOrgID PrincipalServiceName
		PrincipalTag/* PrincipalType referer RequestedRegion RequestTag/* ResourceAccount ResourceOrgID ResourceTag/* SourceAccount SourceIdentity
		SourceOrgID SourceOwner SourceVpc SourceVpce UserAgent userid username VpceAccount VpceOrgID`,
	"ArrayOfString":   `CalledVia PrincipalOrgPaths PrincipalServiceNamesList ResourceOrgPaths SourceOrgPaths TagKeys VpceOrgPaths`,
	policy.KeyBool:    `AssumedRoot MultiFactorAuthPresent PrincipalIsAWSService SecureTransport ViaAWSService`,
	policy.KeyNumeric: `MultiFactorAuthAge`,
	policy.KeyDate:    `CurrentTime EpochTime TokenIssueTime`,
	policy.KeyAddress: `Ec2InstanceSourcePrivateIPv4 SourceIp VpcSourceIp`,
	policy.KeyARN:     `PrincipalArn SourceArn SourceVpcArn SignInSessionArn`,
}

// keyTypes are the types of the services' keys that are no plain strings (Service Authorization Reference).
var keyTypes = map[string]policy.KeyType{
	"saml:edupersonaffiliation":            "ArrayOfString",
	"saml:edupersonassurance":              "ArrayOfString",
	"saml:edupersonentitlement":            "ArrayOfString",
	"saml:edupersonnickname":               "ArrayOfString",
	"saml:edupersonorgunitdn":              "ArrayOfString",
	"saml:edupersonscopedaffiliation":      "ArrayOfString",
	"saml:edupersontargetedid":             "ArrayOfString",
	"aws:TagKeys":                          "ArrayOfString",
	"iam:AccountPropertyNamespaces":        "ArrayOfString",
	"sts:TransitiveTagKeys":                "ArrayOfString",
	"sts:RequestContextProviders":          "ArrayOfARN",
	"cognito-identity.amazonaws.com:amr":   "ArrayOfString",
	"iam:AssociatedResourceArn":            policy.KeyARN,
	"iam:PermissionsBoundary":              policy.KeyARN,
	"iam:PolicyARN":                        policy.KeyARN,
	"iam:TemplateArn":                      policy.KeyARN,
	"iam:RoleTemplateARN":                  policy.KeyARN,
	"iam:DelegationRequestOwner":           policy.KeyARN,
	"sts:TaskPolicyArn":                    policy.KeyARN,
	"iam:ServiceSpecificCredentialAgeDays": policy.KeyNumeric,
	"iam:DelegationDuration":               policy.KeyNumeric,
	"sts:DurationSeconds":                  policy.KeyNumeric,
}

var placeholder = regexp.MustCompile(`\$\{[A-Za-z]+\}`)

// TestUpToDate holds catalogue.json to the models that it is made from.
func TestUpToDate(t *testing.T) {
	text, err := os.ReadFile("../model/operations.json")
	if err != nil {
		t.Fatal(err)
	}

	type permission struct {
		Resources     []string
		ConditionKeys []string
	}

	var model struct {
		Services map[string]struct {
			Operations map[string]struct {
				Authorization struct {
					Action        string
					Resources     []struct{ Type string }
					ConditionKeys []string
				}
			}
			PermissionOnlyActions map[string]permission
			ResourceTypes         map[string]struct {
				ARN           string
				ConditionKeys []string
			}
		}
	}

	if err := json.Unmarshal(text, &model); err != nil {
		t.Fatal(err)
	}

	c := policy.Catalogue{Services: make(map[string]policy.CatalogueService), Keys: make(map[string]policy.KeyType)}
	key := func(name string) string {
		name = placeholder.ReplaceAllString(name, "*")
		if c.Keys[name] = keyTypes[name]; c.Keys[name] == "" {
			c.Keys[name] = policy.KeyString
		}
		return name
	}

	for prefix, service := range model.Services {
		s := policy.CatalogueService{Actions: make(map[string]policy.CatalogueAction), Resources: make(map[string]string)}
		for kind, r := range service.ResourceTypes {
			s.Resources[kind] = placeholder.ReplaceAllString(r.ARN, "*")
			for _, name := range r.ConditionKeys {
				key(name)
			}
		}
		permissions := service.PermissionOnlyActions
		for _, operation := range service.Operations {
			a := operation.Authorization
			var kinds []string
			for _, r := range a.Resources {
				kinds = append(kinds, r.Type)
			}
			_, action, isAction := strings.Cut(a.Action, ":")
			if !isAction {
				continue // an operation that no action of its own is asked for, such as AcquireRole
			}
			permissions[action] = permission{kinds, a.ConditionKeys}
		}
		for name, p := range permissions {
			if prefix+":"+name == "sts:TagSession" { // which GetFederationToken asks for, too
				s.Resources["user"], s.Resources["federated-user"] = "arn:*:iam::*:user/*", "arn:*:sts::*:federated-user/*"
				p.Resources = append(p.Resources, "user", "federated-user")
			}
			slices.Sort(p.Resources)
			a := policy.CatalogueAction{Resources: slices.Compact(p.Resources)}
			keys := p.ConditionKeys
			for _, kind := range a.Resources {
				keys = slices.Concat(keys, service.ResourceTypes[kind].ConditionKeys)
			}
			for _, name := range keys {
				name = key(name)
				prefix, _, _ := strings.Cut(name, ":")
				if _, ours := model.Services[prefix]; ours { // not global, and not of an identity provider
					a.Keys = append(a.Keys, name)
				}
			}
			slices.Sort(a.Keys)
			a.Keys = slices.Compact(a.Keys)
			s.Actions[name] = a
		}
		c.Services[prefix] = s
	}

	for t, names := range globalKeys {
		for _, name := range strings.Fields(names) {
			c.Keys["aws:"+name] = t
		}
	}

	want, err := json.MarshalIndent(c, "", " ")
	if err != nil {
		t.Fatal(err)
	}

	want = append(want, '\n')
	if *update {
		if err := os.WriteFile("catalogue.json", want, 0o644); err != nil {
			t.Fatal(err)
		}
	}

	got, err := os.ReadFile("catalogue.json")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("catalogue.json is not what the models say; run go generate\n%s", diff)
	}

	for name := range keyTypes {
		if _, ok := c.Keys[name]; !ok {
			t.Errorf("the models have no condition key %s", name)
		}
	}
}

func TestLoad(t *testing.T) {
	name := t.TempDir() + "/jobs.json"
	if err := os.WriteFile(name, []byte(`{"services":{"jobs":{"actions":{"Run":{}}}},"keys":{"jobs:Queue":"String"}}`),
		0o600); err != nil {
		t.Fatal(err)
	}

	c, err := catalogue.Load(name)
	if err != nil {
		t.Fatal(err)
	}
	if got := slices.Sorted(maps.Keys(c.Services)); !slices.Equal(got, []string{"iam", "jobs", "sts"}) {
		t.Errorf("services %q", got)
	}
	if len(catalogue.Builtin().Services) != 2 {
		t.Error("loading changed the built-in catalogue")
	}
	if _, err := catalogue.Load(name, name+".missing"); err == nil {
		t.Error("a missing file is no error")
	}
}

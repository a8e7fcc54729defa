package console

import (
	"testing"

	"github.com/touchstone-iam/touchstone/iamapi"
)

// TestParameterFields leads the parameters of operations to the fields that they were read from.
func TestParameterFields(t *testing.T) {
	q := &question{policies: []string{"Policy2", "Policy5"}, keys: []string{"KeyValue1", "KeyValue3"}}
	for parameter, want := range map[string]string{
		"PolicyInputList.2": "Policy5", "PolicyInputList.3": "Boundary", "PolicyInputList.0": "", "PolicyInputList": "",
		"PermissionsBoundaryPolicyInputList.1": "Boundary",
		"ContextEntries.1":                     "KeyValue1", "ContextEntries.2": "KeyValue3", "ContextEntries.9": "",
		"ContextEntries": "",
		"ActionNames":    "Actions", "ResourceArns.7": "Resources", "PolicySourceArn": "UserName", "CallerArn": "CallerArn",
		"ResourceOwner":  "ResourceOwner",
		"ResourcePolicy": "ResourcePolicy", "PolicyExclusionList.1": "", "": "",
	} {
		if got := q.field(parameter); got != want {
			t.Errorf("%q is read from %q, want %q", parameter, got, want)
		}
	}
}

func TestSentence(t *testing.T) {
	for message, want := range map[string]string{
		"line 1: x": "Line 1: x", "éa": "Éa",
		"aws:username is there twice.": "aws:username is there twice.", "": "", "\xffa": "\uFFFDa",
	} {
		if got := sentence(message); got != want {
			t.Errorf("%q becomes %q, want %q", message, got, want)
		}
	}
}

func TestUsualTypes(t *testing.T) {
	s := newSimulator(Catalogue{KeyTypes: map[string]string{
		"aws:MultiFactorAuthPresent": "Bool", "aws:RequestTag/*": "Date",
		"jobs:Dates": "ArrayOfDate", "jobs:Arn": "ARN",
	}})
	for name, want := range map[string]iamapi.ContextKeyTypeEnum{
		"AWS:multifactorauthpresent": "boolean", "aws:RequestTag/team": "string", "jobs:Dates": "dateList", "jobs:ARN": "string",
		"nothing": "string",
	} {
		if got := s.usualType(name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

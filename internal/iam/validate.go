package iam

import (
	"github.com/touchstone-iam/touchstone/internal/api"
	"github.com/touchstone-iam/touchstone/internal/store"
	"github.com/touchstone-iam/touchstone/internal/touchstoneapi"
	"github.com/touchstone-iam/touchstone/policy"
)

func (o *Operations) defineValidation(t *api.Table) {
	// A document is judged by itself and by what services exist, so everybody who is signed in may ask.
	api.Read(t, touchstoneapi.ValidatePolicy, open, o.validatePolicy, api.Unrecorded())
}

// validatePolicy runs the linter, with the account's quota of size where it has one.
func (o *Operations) validatePolicy(r *api.Request, tx *store.Tx, _ struct{},
	in *touchstoneapi.ValidatePolicyInput,
) (*touchstoneapi.ValidatePolicyOutput, error) {
	attachment, ok := policy.AttachmentNamed(string(in.Attachment))
	if !ok {
		return nil, api.ValidationError("Attachment is unknown.") // the model lists those that there are
	}
	if attachment.Name == "user" {
		var err error
		if attachment.MaxSize, err = userPolicySize.of(tx, r.Caller.AccountID()); err != nil {
			return nil, err
		}
	}

	text := []byte(in.PolicyDocument)
	out := &touchstoneapi.ValidatePolicyOutput{Findings: []touchstoneapi.PolicyFinding{}, Size: policy.Size(text)}
	if attachment.MaxSize > 0 {
		out.MaxSize = &attachment.MaxSize
	}
	for _, f := range policy.Lint(attachment, text, o.Catalogue) {
		out.Findings = append(out.Findings, touchstoneapi.PolicyFinding{
			Line: f.Line, Column: f.Column, Path: f.Path, Class: string(f.Class), Code: f.Code, Message: f.Message, Hint: f.Hint,
		})
	}
	return out, nil
}

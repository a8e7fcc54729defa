// Package sts holds the operations of STS that are built so far.
package sts

import (
	"github.com/touchstone-iam/touchstone/internal/api"
	"github.com/touchstone-iam/touchstone/internal/store"
	"github.com/touchstone-iam/touchstone/stsapi"
)

// Define gives the operations their functions.
func Define(t *api.Table) {
	api.Read(t, stsapi.GetCallerIdentity, onCaller, getCallerIdentity)
}

// onCaller answers anybody whose credential is good, whatever the policies say (STS API Reference, GetCallerIdentity).
func onCaller(*api.Request, *store.Tx, *stsapi.GetCallerIdentityInput) (api.Subject[struct{}], error) {
	return api.Subject[struct{}]{Checks: api.Open()}, nil
}

func getCallerIdentity(r *api.Request, _ *store.Tx, _ struct{},
	_ *stsapi.GetCallerIdentityInput,
) (*stsapi.GetCallerIdentityOutput, error) {
	return &stsapi.GetCallerIdentityOutput{Account: r.Caller.AccountID(), Arn: r.Caller.ARN(), UserId: r.Caller.UserID()}, nil
}

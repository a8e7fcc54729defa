// Package sts holds the operations of STS that are built so far.
package sts

import (
	"github.com/touchstone-iam/touchstone/internal/api"
	"github.com/touchstone-iam/touchstone/internal/store"
	"github.com/touchstone-iam/touchstone/stsapi"
)

// Define gives the operations their functions.
func Define(t *api.Table) {
	api.Define(t, stsapi.GetCallerIdentity, api.Op[stsapi.GetCallerIdentityInput, stsapi.GetCallerIdentityOutput]{
		// Answered to anybody whose credential is good, whatever the policies say (STS API Reference, GetCallerIdentity).
		Open: true, Execute: getCallerIdentity,
	})
}

func getCallerIdentity(r *api.Request, _ *store.Tx, _ *stsapi.GetCallerIdentityInput) (*stsapi.GetCallerIdentityOutput, error) {
	i := r.Caller.Principal
	return &stsapi.GetCallerIdentityOutput{Account: i.AccountID, Arn: i.ARN(), UserId: i.UniqueID}, nil
}

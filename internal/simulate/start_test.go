package simulate_test

import (
	"context"

	"github.com/touchstone-iam/touchstone/internal/touchtest"
)

var ctx = context.Background()

// Short names of what the tests of this package use on every other line.
var (
	newAccount = touchtest.NewAccount
	want       = touchtest.Want
	must       = touchtest.Must
	noUser     = touchtest.NoUser
	userARN    = (*touchtest.Account).UserARN
	allow      = touchtest.Allow
)

func second[T any](_ T, err error) error { return err }

package iam_test

import (
	"github.com/touchstone-iam/touchstone/internal/softkey"
)

// newKey is a software security key.
func newKey() *softkey.Key { return softkey.New() }

// Package model holds the service models that iamapi, stsapi and internal/touchstoneapi are generated from:
//
//   - operations.json: IAM and STS as the public service models and the Service Authorization Reference have them,
//   - touchstone.json: the operations of Touchstone's own, in the same form,
//   - overlay.json: what we correct or add, each with its reason.
//
// The generator is in the directory gen; its test fails when the generated files are not what it would write. The package has
// no code of its own.
package model

//go:generate go run ./gen

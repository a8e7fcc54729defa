// Package catalogue has the actions, resources and condition keys of the services that Touchstone serves, IAM and STS, and the
// global condition keys. [policy.Lint] checks policies against it.
//
// The catalogue is generated from the service models in internal/model. The types of the condition keys are added, because the
// models do not have them. [Builtin] returns it, and [Load] adds other services from files that an operator writes, in the form of
// [policy.Catalogue].
package catalogue

import (
	_ "embed"
	"fmt"
	"os"
	"sync"

	"github.com/touchstone-iam/touchstone/policy"
)

//go:generate go test -run TestUpToDate -update .

//go:embed catalogue.json
var text []byte

// Builtin returns the catalogue of what Touchstone itself serves. The result is shared and must not be changed.
var Builtin = sync.OnceValue(func() *policy.Catalogue {
	c, err := policy.ParseCatalogue(text)
	if err != nil {
		panic(err) // a test makes sure that the embedded catalogue can be read
	}
	return c
})

// Load returns the built-in catalogue together with those in files.
func Load(files ...string) (*policy.Catalogue, error) {
	c := Builtin()
	for _, name := range files {
		added, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		other, err := policy.ParseCatalogue(added)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		c = c.With(other)
	}
	return c, nil
}

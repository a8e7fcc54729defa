// Package catalogue knows the actions, resources and condition keys of the services that Touchstone serves, IAM and STS, and the
// global condition keys, for policy.Lint. It is made from the service models in internal/model and adds only the keys' types,
// which those do not have. It knows no other service: an operator adds such in JSON, in the form of policy.Catalogue.
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

// Builtin returns what Touchstone itself serves. The result is shared and must not be changed.
var Builtin = sync.OnceValue(func() *policy.Catalogue {
	c, err := policy.ParseCatalogue(text)
	if err != nil {
		panic(err) // a test reads it
	}
	return c
})

// Load returns the built-in catalogue with those in the files added.
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

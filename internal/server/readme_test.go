package server_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/touchstone-iam/touchstone/iamapi"
	"github.com/touchstone-iam/touchstone/internal/touchtest"
	"github.com/touchstone-iam/touchstone/stsapi"
)

// TestREADMECountsOperations holds the README's table to what is built.
func TestREADMECountsOperations(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	built := make(map[string]int)
	for _, name := range touchtest.Start(t, nil).API.Table.Defined() {
		service, _, _ := strings.Cut(name, ":")
		built[service]++
	}
	for service, all := range map[string]int{"iam": len(iamapi.Operations()), "sts": len(stsapi.Operations())} {
		if want := fmt.Sprintf("%d of %d operations", built[service], all); !strings.Contains(string(readme), want) {
			t.Errorf("the README does not say %q of %s", want, service)
		}
	}
}

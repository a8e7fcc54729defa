package main

import (
	"bytes"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/touchstone-iam/touchstone/internal/catalogue"
	"github.com/touchstone-iam/touchstone/policy/policytest"
)

// policyTesting are the settings of 'policy test'.
type policyTesting struct {
	out        output
	junit, tap string
	catalogues []string
}

func policyTestCommand() *cobra.Command {
	var t policyTesting
	cmd := &cobra.Command{
		Use: "test PATH...", Short: "Test policies against files of expected decisions", Args: some("one or more files or folders"),
		Long: `Run the files that end in .test.json, .test.yaml or .test.yml and say which decisions are not as expected. The exit code is 1
when one is not.

A file names policies, who asks, and what must come out:

  policies:
    identity: [self.json]
    boundary: [limit.json]
  principal: arn:aws:iam::111122223333:user/alice
  context:
    aws:MultiFactorAuthPresent: false
  tests:
    - name: removes no key without MFA
      action: iam:DeactivateMFADevice
      resource: arn:aws:iam::111122223333:user/alice
      expect: explicitDeny
      by: DenyAllExceptListedIfNoMFA

In JSON it has the same form. Files and the policies that they name have at most 1 MiB.`,
		Example: `  touchstone policy test docs/policies
  touchstone policy test --junit report.xml --tap report.tap policies/`,
		RunE: func(cmd *cobra.Command, paths []string) error { return t.run(cmd, paths) },
	}
	t.out.flags(cmd)
	cmd.Flags().StringVar(&t.junit, "junit", "", "also write the results to this file, as JUnit's XML")
	cmd.Flags().StringVar(&t.tap, "tap", "", "also write the results to this file, in the Test Anything Protocol")
	cmd.Flags().StringArrayVar(&t.catalogues, "catalogue", nil,
		"file with the actions of more services; in a service that is known, a test's action must exist")
	return cmd
}

func (t *policyTesting) run(cmd *cobra.Command, paths []string) error {
	if err := t.out.check(); err != nil {
		return err
	}
	known, err := catalogue.Load(t.catalogues...)
	if err != nil {
		return err
	}

	var results []policytest.Result
	for _, path := range paths {
		of, err := policytest.Run(path, known)
		if err != nil {
			return err
		}
		results = append(results, of...)
	}

	if err := writeReport(t.junit, results, policytest.WriteJUnit); err != nil {
		return err
	}
	if err := writeReport(t.tap, results, policytest.WriteTAP); err != nil {
		return err
	}
	return t.print(cmd, results)
}

// writeReport writes results to a file, if one is named. It writes no part of a report that could not be made.
func writeReport(name string, results []policytest.Result, write func(io.Writer, []policytest.Result) error) error {
	if name == "" {
		return nil
	}
	var text bytes.Buffer
	if err := write(&text, results); err != nil {
		return err
	}
	return os.WriteFile(name, text.Bytes(), 0o644)
}

// suiteResult is a result as 'policy test --output json' prints it.
type suiteResult struct {
	File, Name, Action, Resource, Want string
	WantedBy                           string `json:",omitempty"`
	Got                                string
	DecidedBy                          string `json:",omitempty"`
	Passed                             bool
}

// print shows the results and returns an error when some are not as expected. People see only those.
func (t *policyTesting) print(cmd *cobra.Command, results []policytest.Result) error {
	failed := 0
	list := make([]suiteResult, len(results))
	for n := range results {
		r := &results[n]
		if r.Failed() {
			failed++
		}
		list[n] = suiteResult{
			r.File, r.Name, r.Request.Action, r.Request.Resource, r.Want, r.WantedBy, r.Got(), r.DecidedBy(), !r.Failed(),
		}
	}

	w := cmd.OutOrStdout()
	err := t.out.print(w, list, func() {
		for n := range results {
			if results[n].Failed() {
				fmt.Fprintln(w, &results[n])
			}
		}
		fmt.Fprintf(w, "%d decisions, %d as expected\n", len(results), len(results)-failed)
	})
	if err == nil && failed > 0 {
		err = fmt.Errorf("%d of %d decisions are not as expected", failed, len(results))
	}
	return err
}

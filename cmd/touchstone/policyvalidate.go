package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/touchstone-iam/touchstone/internal/catalogue"
	"github.com/touchstone-iam/touchstone/policy"
)

// policyValidation are the settings of 'policy validate'.
type policyValidation struct {
	out        output
	kind       string
	catalogues []string
}

func policyValidateCommand() *cobra.Command {
	var v policyValidation
	cmd := &cobra.Command{
		Use: "validate FILE...", Short: "Say what is wrong or dangerous in policies",
		Args: some("one or more files, or - for standard input"),
		Long: `Say what is wrong, dangerous or needless in policies, each with its line and column.

Findings are of four classes, as in IAM Access Analyzer: ERROR, SECURITY_WARNING, WARNING and SUGGESTION. The exit code is 1
when there is an ERROR, such as a policy that is larger than the quota for its --kind. The actions and condition keys of IAM
and STS are known; --catalogue adds those of other services.`,
		Example: `  touchstone policy validate self.json
  touchstone policy validate --kind trust --output json role-trust.json
  touchstone policy validate --catalogue jobs-service.json - < policy.json`,
		RunE: func(cmd *cobra.Command, files []string) error { return v.run(cmd, files) },
	}
	v.out.flags(cmd)
	cmd.Flags().StringVar(&v.kind, "kind", "identity", "what the policies are for: "+strings.Join(policy.AttachmentNames(), ", "))
	cmd.Flags().StringArrayVar(&v.catalogues, "catalogue", nil, "file with the actions and condition keys of more services")
	return cmd
}

func (v *policyValidation) run(cmd *cobra.Command, files []string) error {
	if err := v.out.check(); err != nil {
		return err
	}
	findings, err := v.lint(cmd, files)
	if err != nil {
		return err
	}

	faults := 0
	for _, f := range findings {
		if f.Class == string(policy.ClassError) {
			faults++
		}
	}

	w := cmd.OutOrStdout()
	err = v.out.print(w, findings, func() {
		for n := range findings {
			findings[n].print(w)
		}
	})
	if err == nil && faults > 0 {
		err = fmt.Errorf("%d of %d findings are errors", faults, len(findings))
	}
	return err
}

// lint returns the findings about all files. Without any the list is empty and not nil, so that its JSON is [].
func (v *policyValidation) lint(cmd *cobra.Command, files []string) ([]policyFinding, error) {
	attachment, ok := policy.AttachmentNamed(v.kind)
	if !ok {
		return nil, usagef("--kind %q: use one of %s", v.kind, strings.Join(policy.AttachmentNames(), ", "))
	}
	known, err := catalogue.Load(v.catalogues...)
	if err != nil {
		return nil, err
	}

	findings := []policyFinding{}
	for _, name := range files {
		text, err := readPolicy(cmd, name)
		if err != nil {
			return nil, err
		}
		for _, f := range policy.Lint(attachment, text, known) {
			findings = append(findings, policyFinding{name, f.Line, f.Column, f.Path, string(f.Class), f.Code, f.Message, f.Hint})
		}
	}
	return findings, nil
}

// policyFinding is a finding as 'policy validate --output json' prints it.
type policyFinding struct {
	File                             string
	Line, Column                     int
	Path, Class, Code, Message, Hint string
}

// print writes a finding on one line, in the form in which compilers report a place.
func (f *policyFinding) print(w io.Writer) {
	fmt.Fprintf(w, "%s:%d:%d: %s %s", f.File, f.Line, f.Column, f.Class, f.Code)
	if f.Path != "" {
		fmt.Fprintf(w, " %s", f.Path)
	}
	fmt.Fprintf(w, ": %s", f.Message)
	if f.Hint != "" {
		fmt.Fprintf(w, " (%s)", f.Hint)
	}
	fmt.Fprintln(w)
}

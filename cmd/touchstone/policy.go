package main

import (
	"bytes"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/touchstone-iam/touchstone/policy"
	"github.com/touchstone-iam/touchstone/policy/policytest"
)

func policyCommand() *cobra.Command {
	return group("policy", "Check, format, evaluate and test policies; needs no server",
		policyValidateCommand(), policyFmtCommand(), policyEvaluateCommand(), policyExplainCommand(), policyTestCommand())
}

// maxPolicyText is how much of a file is read, in bytes. A policy has at most 131,072 characters.
const maxPolicyText = 1 << 20

// readPolicy reads a policy from a file, or from standard input when name is "-". It reads at most maxPolicyText bytes. What is
// longer cannot be a policy, and the part that is read is refused as too long.
func readPolicy(cmd *cobra.Command, name string) ([]byte, error) {
	if policytest.IsSuite(name) {
		return nil, fmt.Errorf("%s is a file of expected decisions, not a policy: run touchstone policy test", name)
	}

	from := cmd.InOrStdin()
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		from = f
	}
	return io.ReadAll(io.LimitReader(from, maxPolicyText))
}

// some refuses a call without arguments.
func some(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, given []string) error {
		if len(given) == 0 {
			return usagef("%s takes %s", cmd.CommandPath(), what)
		}
		return nil
	}
}

// policyFormatting are the settings of 'policy fmt'.
type policyFormatting struct{ write, list bool }

func policyFmtCommand() *cobra.Command {
	var f policyFormatting
	cmd := &cobra.Command{
		Use: "fmt FILE...", Short: "Print policies in their canonical form", Args: some("one or more files, or - for standard input"),
		Long: `Print policies in their canonical form, which decides the same: elements in the guide's order, a line for each value,
no list around a single value, four spaces for each level.`,
		Example: `  touchstone policy fmt self.json
  touchstone policy fmt --write policies/self.json policies/limit.json
  touchstone policy fmt --list self.json limit.json || echo 'run touchstone policy fmt --write'`,
		RunE: func(cmd *cobra.Command, files []string) error { return f.run(cmd, files) },
	}
	cmd.Flags().BoolVarP(&f.write, "write", "w", false, "write the files instead of printing")
	cmd.Flags().BoolVarP(&f.list, "list", "l", false, "only list the files that would change, and fail if there are any")
	cmd.MarkFlagsMutuallyExclusive("write", "list")
	return cmd
}

func (f *policyFormatting) run(cmd *cobra.Command, files []string) error {
	different := 0
	for _, name := range files {
		same, err := f.file(cmd, name)
		if err != nil {
			return err
		}
		if !same {
			different++
		}
	}

	if f.list && different > 0 {
		return fmt.Errorf("%d files are not in their canonical form", different)
	}
	return nil
}

// file prints, lists or rewrites one file, and reports whether it was in its canonical form already.
func (f *policyFormatting) file(cmd *cobra.Command, name string) (same bool, err error) {
	text, err := readPolicy(cmd, name)
	if err != nil {
		return false, err
	}
	formatted, err := policy.Format(text)
	if err != nil {
		return false, fmt.Errorf("%s:%w", name, err)
	}
	same = bytes.Equal(text, formatted)

	switch {
	case !f.write && !f.list:
		_, err = cmd.OutOrStdout().Write(formatted)
	case same:
	case f.list:
		fmt.Fprintln(cmd.OutOrStdout(), name)
	case name == "-":
		err = usagef("standard input cannot be written to")
	default:
		err = overwrite(name, formatted)
	}
	return same, err
}

// overwrite gives a file another content and keeps its permissions.
func overwrite(name string, content []byte) error {
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	return os.WriteFile(name, content, info.Mode().Perm())
}

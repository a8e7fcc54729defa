package main

import (
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/touchstone-iam/touchstone/internal/seed"
)

// environment is what 'env' prints: the variables by which the AWS CLI, the SDKs and Terraform find a server. A variable without a
// value is left out.
type environment struct {
	EndpointURL     string `json:"AWS_ENDPOINT_URL"`
	Region          string `json:"AWS_REGION"`
	DefaultRegion   string `json:"AWS_DEFAULT_REGION"` // for botocore and version 1 of the CLI
	AccessKeyID     string `json:"AWS_ACCESS_KEY_ID,omitempty"`
	SecretAccessKey string `json:"AWS_SECRET_ACCESS_KEY,omitempty"`
}

// shells write a variable so that the shell takes every character of the value as it is.
var shells = map[string]func(name, value string) string{
	"sh": func(name, value string) string {
		return "export " + name + "='" + strings.ReplaceAll(value, "'", `'\''`) + "'"
	},
	"fish": func(name, value string) string { return "set -gx " + name + " '" + fishQuotes.Replace(value) + "'" },
	"powershell": func(name, value string) string {
		return "$Env:" + name + " = '" + strings.ReplaceAll(value, "'", "''") + "'"
	},
}

var fishQuotes = strings.NewReplacer(`\`, `\\`, `'`, `\'`)

// envFlags are the flags of 'env'.
type envFlags struct {
	url, region          string
	accessKey, secretKey string
	seedFile             string
	account, user        string
	shell                string
	out                  output
}

func envCommand() *cobra.Command {
	var f envFlags
	cmd := &cobra.Command{
		Use: "env", Short: "Print the environment with which AWS's tools use a server", Args: args(0, "no arguments"),
		Long: `Print the environment variables by which the AWS CLI, the SDKs and Terraform find a server and sign their requests.

The access key is one of a seed, of the root user or of --user, or the one of --access-key-id and --secret-access-key. Without either,
only the address and the region are printed. Other users of the machine can see the arguments of a command: give a secret that
matters as TOUCHSTONE_SECRET_ACCESS_KEY.`,
		Example: `  eval "$(touchstone env --seed iam.yaml)"
  eval "$(touchstone env --seed iam.yaml --account acme --user alice --url http://touchstone:8080)"
  touchstone env --seed iam.yaml --shell fish | source
  touchstone env --seed iam.yaml --shell powershell | Out-String | Invoke-Expression
  touchstone env --seed iam.yaml --output json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.out.check(); err != nil {
				return err
			}
			e, err := f.environment()
			if err != nil {
				return err
			}
			return f.out.print(cmd.OutOrStdout(), e, func() { e.print(cmd.OutOrStdout(), shells[f.shell]) })
		},
	}
	cmd.Flags().StringVar(&f.url, "url", "http://localhost:8080", "address of the server")
	cmd.Flags().StringVar(&f.region, "region", "us-east-1", "region to sign requests for; IAM has one")
	cmd.Flags().StringVar(&f.accessKey, "access-key-id", "", "access key to sign with")
	cmd.Flags().StringVar(&f.secretKey, "secret-access-key", "", "its secret")
	cmd.Flags().StringVar(&f.seedFile, "seed", "", "file whose access key to sign with")
	cmd.Flags().StringVar(&f.account, "account", "", "id or alias of an account in the seed (default: the only one)")
	cmd.Flags().StringVar(&f.user, "user", "", "name of a user in it (default: the root user)")
	cmd.Flags().StringVar(&f.shell, "shell", "sh", "what to print for: sh, fish or powershell")
	f.out.flags(cmd)
	return cmd
}

// environment is what the flags ask for. Its error is a [*usageError].
func (f *envFlags) environment() (*environment, error) {
	u, err := url.Parse(f.url)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, usagef("--url %q: use an address such as http://localhost:8080", f.url)
	}
	if shells[f.shell] == nil {
		return nil, usagef("--shell %q: use sh, fish or powershell", f.shell)
	}
	e := &environment{EndpointURL: strings.TrimSuffix(f.url, "/"), Region: f.region, DefaultRegion: f.region}

	switch {
	case (f.accessKey == "") != (f.secretKey == ""):
		return nil, usagef("--access-key-id and --secret-access-key go together")
	case f.seedFile == "" && (f.account != "" || f.user != ""):
		return nil, usagef("--account and --user name somebody in a seed: give it with --seed")
	case f.seedFile != "" && f.accessKey != "":
		return nil, usagef("--seed and --access-key-id exclude each other")
	case f.seedFile != "":
		key, err := f.seeded()
		if err != nil {
			return nil, &usageError{err}
		}
		e.AccessKeyID, e.SecretAccessKey = key.ID.Value, key.Secret.Value
	default:
		e.AccessKeyID, e.SecretAccessKey = f.accessKey, f.secretKey
	}
	return e, nil
}

// seeded finds the first access key of whom the flags name in the seed.
func (f *envFlags) seeded() (*seed.AccessKey, error) {
	read, err := readSeed(f.seedFile)
	if err != nil {
		return nil, err
	}
	accounts := slices.DeleteFunc(slices.Clone(read.Accounts), func(a seed.Account) bool {
		return f.account != "" && a.ID.Value != f.account && a.Alias.Value != f.account
	})
	if len(accounts) != 1 {
		return nil, fmt.Errorf("%s has %d accounts that fit: name one with --account, by its id or alias", f.seedFile, len(accounts))
	}

	keys, owner := accounts[0].RootAccessKeys, "the root user"
	if f.user != "" {
		n := slices.IndexFunc(accounts[0].Users, func(u seed.User) bool { return u.Name.Value == f.user })
		if n < 0 {
			return nil, fmt.Errorf("%s has no user %s in that account", f.seedFile, f.user)
		}
		keys, owner = accounts[0].Users[n].AccessKeys, "the user "+f.user
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("%s has no access key of %s: add one, or name somebody else with --user", f.seedFile, owner)
	}
	return &keys[0], nil
}

// print writes the variables for a shell.
func (e *environment) print(w io.Writer, line func(name, value string) string) {
	for _, v := range []struct{ name, value string }{
		{"AWS_ENDPOINT_URL", e.EndpointURL},
		{"AWS_REGION", e.Region},
		{"AWS_DEFAULT_REGION", e.DefaultRegion},
		{"AWS_ACCESS_KEY_ID", e.AccessKeyID},
		{"AWS_SECRET_ACCESS_KEY", e.SecretAccessKey},
	} {
		if v.value != "" {
			fmt.Fprintln(w, line(v.name, v.value))
		}
	}
}

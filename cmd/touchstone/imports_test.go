package main

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/touchstone-iam/touchstone/"

// TestImportDirection holds the packages to the directions that docs/architecture.md draws.
func TestImportDirection(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, module+"...").Output()
	if err != nil {
		t.Fatal(err)
	}
	imports := make(map[string][]string) // of our packages, by their paths below the module; foreign paths whole
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		for _, path := range fields[1:] {
			name := strings.TrimPrefix(fields[0], module)
			imports[name] = append(imports[name], strings.TrimPrefix(path, module))
		}
	}
	foreign := func(path string) bool { return strings.Contains(strings.Split(path, "/")[0], ".") }
	ours := func(path string) bool {
		return strings.HasPrefix(path, "internal/") ||
			slices.Contains([]string{"policy", "arn", "sigv4", "awsquery", "iamapi", "stsapi"}, path)
	}
	only := func(name string, allowed ...string) {
		for _, path := range imports[name] {
			if (ours(path) || foreign(path)) && !slices.Contains(allowed, path) {
				t.Errorf("%s imports %s", name, path)
			}
		}
		if len(imports[name]) == 0 {
			t.Errorf("there is no package %s", name)
		}
	}
	only("arn")
	only("policy", "arn")
	only("awsquery")
	only("sigv4", "awsquery")
	only("iamapi", "awsquery")
	only("stsapi", "awsquery")
	only("internal/touchstoneapi", "awsquery")
	only("internal/store", "github.com/jackc/pgx/v5", "github.com/jackc/pgx/v5/pgconn", "github.com/jackc/pgx/v5/pgtype",
		"github.com/jackc/pgx/v5/stdlib",
		"github.com/pressly/goose/v3", "modernc.org/sqlite")
	only("internal/ids", "arn")
	only("internal/secret", "arn", "internal/memlimit", "golang.org/x/crypto/argon2")
	const prometheus = "github.com/prometheus/client_golang/prometheus"
	only("internal/httpd", "internal/ids", "internal/memlimit", prometheus, prometheus+"/collectors", prometheus+"/promhttp")
	only("internal/plainyaml", "go.yaml.in/yaml/v3")
	only("internal/seed", "internal/plainyaml", "go.yaml.in/yaml/v3")
	only("internal/device", "internal/ids", "internal/mfa", "internal/store")

	// Pages call operations in process. The kit of the pages knows neither of its parts, and they do not know each other.
	inPages := func(name string) bool { return name == "internal/web" || strings.HasPrefix(name, "internal/web/") }
	for name, paths := range imports {
		for _, path := range paths {
			switch {
			case strings.HasPrefix(path, "github.com/go-webauthn/") && name != "internal/mfa",
				strings.HasPrefix(path, "go.yaml.in/") && name != "internal/plainyaml" && name != "internal/seed",
				(strings.HasPrefix(path, "modernc.org/") || strings.HasPrefix(path, "github.com/jackc/")) &&
					!strings.HasPrefix(name, "internal/store") && name != "internal/bench",
				inPages(name) && slices.Contains([]string{"policy", "internal/iam", "internal/operator", "internal/server"}, path),
				inPages(name) && inPages(path) && path != "internal/web",
				(name == "internal/iam" || name == "internal/sts") && (inPages(path) || path == "internal/httpd" || path == "internal/server"):
				t.Errorf("%s imports %s", name, path)
			}
		}
	}
}

// Command testsummary reads the output of go test -json, shows a line per package and the output of what failed, names what
// was skipped, and ends with the counts. It fails when a test failed or none ran.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"strings"
)

// event is a line of go test -json (go doc test2json).
type event struct {
	Action, Package, Test, Output string
	Elapsed                       float64
}

func main() {
	var passed, failed, skipped int
	var failures, skips []string
	output := make(map[string]*strings.Builder)
	in := bufio.NewReader(os.Stdin)
	decoder := json.NewDecoder(in)
	for decoder.More() {
		var e event
		if err := decoder.Decode(&e); err != nil {
			log.Fatalf("testsummary: read go test -json: %v", err)
		}

		key := e.Package + " " + e.Test
		if output[key] == nil {
			output[key] = new(strings.Builder)
		}
		output[key].WriteString(e.Output)

		// An event without a test is about the whole package.
		switch {
		case e.Test == "" && (e.Action == "pass" || e.Action == "fail"):
			fmt.Printf("%-4s  %s  %.1fs\n", e.Action, e.Package, e.Elapsed)
			if e.Action == "fail" {
				failures = append(failures, key)
			}
		case e.Action == "pass":
			passed++
		case e.Action == "fail":
			failed++
			failures = append(failures, key)
		case e.Action == "skip" && e.Test != "":
			skipped++
			skips = append(skips, key)
		case e.Action == "build-output":
			fmt.Print(e.Output)
		}
	}

	for _, key := range failures {
		fmt.Printf("\n--- %s\n%s", key, output[key])
	}
	for _, key := range skips {
		fmt.Printf("skipped: %s\n", key)
	}
	fmt.Printf("\n%d passed, %d failed, %d skipped\n", passed, failed, skipped)
	if failed > 0 || len(failures) > 0 || passed == 0 {
		os.Exit(1)
	}
}

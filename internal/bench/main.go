// Command bench measures Touchstone, each figure beside a control in the same run, and prints a line for each:
//
//	BENCH name=… value=… unit=… target=… met=yes|no
//
// Servers run as processes of their own: bin/touchstone, which make bench builds first, and this program as a bare net/http echo.
// The loader writes requests that were signed beforehand and reads answers raw, on the same machine, so that figures are ratios
// rather than promises. Rounds of the measured and the control alternate, and the median counts.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"slices"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("bench: ")
	binary := flag.String("touchstone", "bin/touchstone", "the program to measure")
	only := flag.String("only", "", "measure only inside, process, wire or database")
	echo := flag.String("echo", "", "serve a bare echo on this address (used by the program itself)")
	flag.Parse()
	if *echo != "" {
		log.Fatal(http.ListenAndServe(*echo, http.HandlerFunc(echoed)))
	}

	parts := []struct {
		name string
		run  func(context.Context, string) error
	}{{"inside", inside}, {"process", process}, {"wire", wire}, {"database", database}}
	for _, part := range parts {
		if *only != "" && *only != part.name {
			continue
		}
		if err := part.run(context.Background(), *binary); err != nil {
			log.Fatalf("%s: %v", part.name, err)
		}
	}
}

// echoed answers with what it was sent.
func echoed(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "text/xml")
	w.Write(body) //nolint:errcheck // the loader is gone
}

// report prints a figure. A target is a bound from above (at most) or below (at least); 0 is none.
func report(name string, value float64, unit string, atMost, atLeast float64) {
	target, met := "-", "yes"
	switch {
	case atMost > 0:
		target = fmt.Sprintf("<=%g", atMost)
		if value > atMost {
			met = "no"
		}
	case atLeast > 0:
		target = fmt.Sprintf(">=%g", atLeast)
		if value < atLeast {
			met = "no"
		}
	}
	fmt.Fprintf(os.Stdout, "BENCH name=%s value=%.4g unit=%s target=%s met=%s\n", name, value, unit, target, met)
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

// Command bench compares this project's policy engine with other policy engines for Go. All engines decide the same requests by the
// same rules, which are written for each engine as its language expresses them best. The command prints a table for each workload,
// and lines of the form
//
//	BENCH name=… value=… unit=… target=… met=yes|no
//
// It fails when an engine decides differently from the others. Rounds of the engines alternate, and the best round of each engine
// counts, because on a busy machine the best round is the one that was least disturbed. Requests are built before the measurement.
// The command is a module of its own, so that the product does not depend on the other engines.
package main

import (
	"fmt"
	"log"
	"math"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"text/tabwriter"
	"time"
)

func main() {
	log.SetFlags(0)
	for _, w := range []*workload{fidoPage(), tenByTen(), oneOfMany(1000), byPrefix(10000), tags()} {
		if err := compare(w); err != nil {
			log.Fatalf("%s: %v", w.name, err)
		}
	}
	for _, sized := range []func(int) *workload{oneOfMany, byPrefix} {
		if err := grow(sized); err != nil {
			log.Fatal(err)
		}
	}
	if err := scale(); err != nil {
		log.Fatal(err)
	}
	for _, line := range lines {
		fmt.Println(line)
	}
}

// result holds the figures of one engine on one workload.
type result struct {
	engine
	decide        func(int) bool
	nanoseconds   float64
	allocs, bytes float64
	compile       time.Duration
	memory        float64
}

// prepare writes and compiles the policies of a workload for an engine, and measures compiling.
func prepare(e engine, w *workload) (*result, error) {
	texts, err := e.write(w)
	if err != nil {
		return nil, err
	}

	r := &result{engine: e, compile: math.MaxInt64}
	var compiled any
	for began := time.Now(); r.compile == math.MaxInt64 || time.Since(began) < 200*time.Millisecond; {
		start := time.Now()
		if compiled, err = e.compile(texts); err != nil {
			return nil, err
		}
		r.compile = min(r.compile, time.Since(start))
	}

	if r.memory, err = memory(e, texts, r.compile); err != nil {
		return nil, err
	}
	r.decide, err = e.ask(compiled, w)
	return r, err
}

// memory returns how many bytes of memory a compiled policy takes. It compiles several and divides.
func memory(e engine, texts []string, compile time.Duration) (float64, error) {
	kept := make([]any, max(1, min(200, 100*time.Millisecond/compile)))
	before := heap()
	for n := range kept {
		var err error
		if kept[n], err = e.compile(texts); err != nil {
			return 0, err
		}
	}
	bytes := heap() - before
	runtime.KeepAlive(kept)
	return float64(bytes) / float64(len(kept)), nil
}

func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// measure measures decisions: their time, allocations and bytes.
func measure(results []*result, requests int) {
	const rounds, round = 60, 2 * time.Millisecond

	// Find how many turns fill a round.
	turns := make([]int, len(results)) // how often each engine goes through the requests in a round
	for n, r := range results {
		turns[n], r.nanoseconds = 1, math.MaxFloat64
		for took := time.Duration(0); took < round; {
			if took = run(r.decide, requests, turns[n]); took < round {
				turns[n] *= 2
			}
		}
	}

	// Measure the time.
	spent := make([]time.Duration, len(results))
	for range rounds {
		for n, r := range results {
			if spent[n] > time.Second { // slow engines have fewer rounds, which are longer
				continue
			}
			took := run(r.decide, requests, turns[n])
			spent[n] += took
			r.nanoseconds = min(r.nanoseconds, float64(took.Nanoseconds())/float64(turns[n]*requests))
		}
	}

	// Count the allocations.
	for n, r := range results {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		run(r.decide, requests, turns[n])
		runtime.ReadMemStats(&after)
		decisions := float64(turns[n] * requests)
		r.allocs = math.Floor(float64(after.Mallocs-before.Mallocs) / decisions) // as package testing counts
		r.bytes = math.Floor(float64(after.TotalAlloc-before.TotalAlloc) / decisions)
	}
}

func run(decide func(int) bool, requests, turns int) time.Duration {
	start := time.Now()
	for range turns {
		for n := range requests {
			decide(n)
		}
	}
	return time.Since(start)
}

// compare checks that all engines decide a workload alike, measures them, prints the table and reports the figures.
func compare(w *workload) error {
	var results []*result
	for _, e := range engines {
		r, err := prepare(e, w)
		if err != nil {
			return fmt.Errorf("%s: %w", e.name, err)
		}

		for n := range w.requests {
			request := &w.requests[n]
			if len(results) == 0 {
				request.allowed = r.decide(n)
			} else if r.decide(n) != request.allowed {
				return fmt.Errorf("%s decides differently: %s on %s, allowed %v",
					e.name, request.action, request.resource, !request.allowed)
			}
		}
		results = append(results, r)
	}
	measure(results, len(w.requests))

	fmt.Printf("(%s) %s, %d requests, decided alike by all\n", w.name, w.what, len(w.requests))
	table := tabwriter.NewWriter(os.Stdout, 0, 8, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "engine\tns/op\tallocs/op\tB/op\tcompile µs\tcompiled bytes\t")
	for _, r := range results {
		fmt.Fprintf(table, "%s\t%.1f\t%.0f\t%.0f\t%.1f\t%.0f\t\n", r.name, r.nanoseconds, r.allocs, r.bytes, microseconds(r.compile),
			r.memory)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Println()

	own := results[0]
	fastest := slices.MinFunc(results[1:], func(a, b *result) int { return int(a.nanoseconds - b.nanoseconds) })
	factor := 3.0
	if w.name == "c" || w.name == "d" {
		factor = 1
		report("policy-"+w.name, own.nanoseconds, "ns/op", 500, true)
	} else {
		report("policy-"+w.name, own.nanoseconds, "ns/op", fastest.nanoseconds/3, true)
	}
	report(fmt.Sprintf("policy-%s-against-%s", w.name, fastest.name), fastest.nanoseconds/own.nanoseconds, "times", factor, false)
	report("policy-"+w.name+"-allocations", own.allocs, "allocs/op", 0, true)
	if w.name == "a" {
		report("policy-a-compile", microseconds(own.compile), "µs", 10, true)
		report("policy-a-memory", own.memory, "bytes", 4096, true)
	}
	return nil
}

func microseconds(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 }

// grow compares decisions by few statements with decisions by many.
func grow(sized func(int) *workload) error {
	sizes := []int{10, 100, 1000, 10000}
	var results []*result
	var w *workload
	for _, size := range sizes {
		w = sized(size)
		r, err := prepare(engines[0], w)
		if err != nil {
			return err
		}
		results = append(results, r)
	}
	measure(results, len(sized(sizes[0]).requests))

	fmt.Printf("(%s) by number of statements:", w.name)
	for n, size := range sizes {
		fmt.Printf("  %d: %.1f ns", size, results[n].nanoseconds)
	}
	fmt.Print("\n\n")

	growth := results[len(results)-1].nanoseconds / results[0].nanoseconds
	report("policy-"+w.name+"-growth-10-to-10000", growth, "times", 2, true)
	return nil
}

// scale measures how much faster two cores decide than one, and compares that with a loop that shares nothing and uses no memory.
func scale() error {
	w := fidoPage()
	r, err := prepare(engines[0], w)
	if err != nil {
		return err
	}

	decisions := func() { run(r.decide, len(w.requests), 500) }
	control := func() {
		x := uint64(1)
		for range 300_000 {
			x ^= x << 13
			x ^= x >> 7
			x ^= x << 17
		}
		if x == 0 {
			log.Fatal("a shift register stopped")
		}
	}

	const one, two = 0, 1
	best := [2][2]time.Duration{{math.MaxInt64, math.MaxInt64}, {math.MaxInt64, math.MaxInt64}}
	gain := func(n int) float64 { return 2 * float64(best[n][one]) / float64(best[n][two]) }

	// Rounds are short and many, so that even on a busy machine some find both cores free.
	for round := 0; round < 1000 || round < 10_000 && min(gain(0), gain(1)) < 1.8; round++ {
		for n, work := range []func(){decisions, control} {
			best[n][one] = min(best[n][one], together(1, work))
			best[n][two] = min(best[n][two], together(2, work))
		}
	}

	fmt.Printf("two cores: decisions %.2f times one, the control loop %.2f times\n\n", gain(0), gain(1))
	report("policy-scaling-to-control", gain(0)/gain(1), "ratio", 0.9, false)
	return nil
}

// together returns how long several goroutines take to do the same work at once. They wait for each other without giving up their
// cores, so that they all work at the same time.
func together(goroutines int32, work func()) time.Duration {
	var wait sync.WaitGroup
	var arrived atomic.Int32
	var begun atomic.Bool
	var start time.Time

	for range goroutines {
		wait.Go(func() {
			if arrived.Add(1) == goroutines {
				start = time.Now()
				begun.Store(true)
			}
			for !begun.Load() {
			}
			work()
		})
	}
	wait.Wait()
	return time.Since(start)
}

// lines are the BENCH lines, which are printed after all tables.
var lines []string

// report adds a BENCH line. The target is met when the value is at most, or at least, as large.
func report(name string, value float64, unit string, target float64, atMost bool) {
	met, sign := "yes", ">="
	if atMost {
		sign = "<="
	}
	if atMost && value > target || !atMost && value < target {
		met = "no"
	}
	lines = append(lines, fmt.Sprintf("BENCH name=%s value=%.4g unit=%s target=%s%.4g met=%s", name, value, unit, sign, target, met))
}

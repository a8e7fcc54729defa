package policytest

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
)

// String describes a failed test: what was expected, what was decided, and what became of each statement. For a test that passed
// it only names the test.
func (r *Result) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n    %s on %s\n", r.File, r.Name, r.Request.Action, r.Request.Resource)
	if !r.Failed() {
		return strings.TrimRight(b.String(), "\n")
	}

	fmt.Fprintf(&b, "  - %s%s\n  + %s%s", r.Want, by(r.WantedBy), r.Got(), by(r.DecidedBy()))
	if reason := r.Explanation.Decision.Reason(r.Request.Action); reason != "" {
		b.WriteString(", " + reason)
	}

	for _, c := range r.Explanation.Considered {
		what := c.Failure()
		if c.Applies {
			what = "applies: " + c.Statement.Effect.String()
		}
		fmt.Fprintf(&b, "\n    %s, statement %d%s: %s", c.Source, c.Index, named(c.Statement.SID), what)
	}
	return b.String()
}

// by returns how a report names the statement that decided, or an empty text when it has no name.
func by(sid string) string {
	if sid == "" {
		return ""
	}
	return " by " + sid
}

// named returns how a list of statements names one of them, or an empty text when it has no name.
func named(sid string) string {
	if sid == "" {
		return ""
	}
	return " (" + sid + ")"
}

// title names a result within its file; the requests of one test share its name.
func (r *Result) title() string {
	return r.Name + ": " + r.Request.Action + " on " + r.Request.Resource
}

// WriteTAP writes results in the Test Anything Protocol, version 13.
func WriteTAP(w io.Writer, results []Result) error {
	var b strings.Builder
	fmt.Fprintf(&b, "TAP version 13\n1..%d\n", len(results))

	for n := range results {
		r := &results[n]
		status := "ok"
		if r.Failed() {
			status = "not ok"
		}

		// A '#' would begin a directive such as SKIP.
		description := strings.NewReplacer("\n", " ", "\r", " ", `\`, `\\`, "#", `\#`).Replace(r.File + ": " + r.title())
		fmt.Fprintf(&b, "%s %d - %s\n", status, n+1, description)
		if r.Failed() {
			for line := range strings.Lines(r.String()) {
				b.WriteString("# " + strings.TrimRight(line, "\r\n") + "\n")
			}
		}
	}

	_, err := io.WriteString(w, b.String())
	return err
}

// The elements of JUnit's XML that continuous integration reads.
type (
	junitSuites struct {
		XMLName xml.Name     `xml:"testsuites"`
		Suites  []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Cases    []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Class   string        `xml:"classname,attr"`
		Name    string        `xml:"name,attr"`
		Failure *junitFailure `xml:"failure"`
	}
	junitFailure struct {
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
)

// WriteJUnit writes results as JUnit's XML, with a suite for each file.
func WriteJUnit(w io.Writer, results []Result) error {
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(newJUnitSuites(results)); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

// newJUnitSuites groups results, of which those of one file stand together, by their files.
func newJUnitSuites(results []Result) *junitSuites {
	var all junitSuites
	for n := range results {
		r := &results[n]
		if len(all.Suites) == 0 || all.Suites[len(all.Suites)-1].Name != r.File {
			all.Suites = append(all.Suites, junitSuite{Name: r.File})
		}
		s := &all.Suites[len(all.Suites)-1]

		c := junitCase{Class: r.File, Name: r.title()}
		if s.Tests++; r.Failed() {
			s.Failures++
			c.Failure = &junitFailure{Message: "want " + r.Want + by(r.WantedBy) + ", got " + r.Got() + by(r.DecidedBy()), Text: r.String()}
		}
		s.Cases = append(s.Cases, c)
	}
	return &all
}

package policy_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/touchstone-iam/touchstone/policy"
)

// parseFamilies are the texts that cost most to read: of each kind one of about any size up to the longest that is read.
var parseFamilies = []struct {
	name string
	kind policy.Kind
	text func(size int) string
}{
	{"statements", policy.Identity, func(size int) string {
		return `{"Statement":[` + fill(size, `{"Effect":"Allow","Action":"s3:Get*","Resource":"*"}`) + `]}`
	}},
	{"violations", policy.Identity, func(size int) string {
		return `{"Statement":[` + fill(size, `{"Effect":1,"Action":"x","Resource":"y"}`) + `]}`
	}},
	{"violations in a long path", policy.Identity, func(size int) string {
		return statement(`"Action":"*","Resource":"*","Condition":{"StringEquals":{"` + strings.Repeat("k", size/2) + `":[` +
			fill(size/2, `{}`) + `]}}`)
	}},
	{"deep arrays", policy.Identity, func(size int) string { return strings.Repeat("[", size) }},
	{"deep objects", policy.Identity, func(size int) string { return strings.Repeat(`{"a":`, size/5) }},
	{"arrays in arrays", policy.Identity, func(size int) string {
		return `{"Statement":` + strings.Repeat("[", 14) + fill(size, `[]`) + strings.Repeat("]", 14) + `}`
	}},
	{"string", policy.Identity, func(size int) string { return `{"Id":"` + strings.Repeat("é", size/2) + `"}` }},
	{"escapes", policy.Identity, func(size int) string { return `{"Id":"` + strings.Repeat(`\u0041\n`, size/8) + `"}` }},
	{"surrogates", policy.Identity, func(size int) string { return `{"Id":"` + strings.Repeat(`\ud83d\ude00`, size/12) + `"}` }},
	{"unfinished string", policy.Identity, func(size int) string { return `{"Id":"` + strings.Repeat(`\"`, size/2) }},
	{"keys", policy.Identity, func(size int) string { return `{` + numbered(size, `"key%06d":0`) + `}` }},
	{"keys alike", policy.Identity, func(size int) string {
		return `{` + numbered(size, `"`+strings.Repeat("k", 120)+`%06d":0`) + `}`
	}},
	{"duplicate key", policy.Identity, func(size int) string { return `{` + numbered(size, `"key%06d":0`) + `,"key000000":0}` }},
	{"values", policy.Identity, func(size int) string { return statement(`"Resource":"*","Action":[` + fill(size, `"a:b"`) + `]`) }},
	{"resources", policy.Identity, func(size int) string {
		return statement(`"Action":"*","Resource":[` + fill(size, `"arn:aws:s3:::a/*"`) + `]`)
	}},
	{"long value", policy.Identity, func(size int) string {
		return statement(`"Action":"*","Resource":"arn:aws:s3:::` + strings.Repeat("a:", size/2) + `"`)
	}},
	{"dollars", policy.Identity, func(size int) string {
		return statement(`"Action":"*","Resource":"arn:aws:s3:::` + strings.Repeat("${", size/2) + `"`)
	}},
	{"scalars", policy.Identity, func(size int) string { return `{"Statement":[` + fill(size, `0`) + `]}` }},
	{"digits", policy.Identity, func(size int) string { return `{"Id":` + strings.Repeat("1234567890", size/10) + `}` }},
	{"zeros", policy.Identity, func(size int) string { return `{"Id":0.` + strings.Repeat("0", size) + `1}` }},
	{"exponents", policy.Identity, func(size int) string { return `{"Id":1e` + strings.Repeat("0", size) + `}` }},
	{"white space", policy.Identity, func(size int) string { return strings.Repeat(" \n", size/2) + `{}` }},
	{"sids", policy.Identity, func(size int) string {
		return `{"Statement":[` + fill(size, `{"Sid":"a","Effect":"Deny","Action":"*","Resource":"*"}`) + `]}`
	}},
	{"principals", policy.Resource, func(size int) string {
		return statement(`"Action":"*","Principal":{"AWS":[` + fill(size, `"arn:aws:iam::123456789012:user/a"`) + `]}`)
	}},
	{"condition keys", policy.Identity, func(size int) string {
		return statement(`"Action":"*","Resource":"*","Condition":{"DateEquals":{` + numbered(size, `"k%06d":"2024-01-01T00:00:00Z"`) +
			`}}`)
	}},
	{"operators", policy.Identity, func(size int) string {
		return statement(`"Action":"*","Resource":"*","Condition":{` + numbered(size, `"ForAllValues:NoSuch%06d":{"a":"b"}`) + `}`)
	}},
	{"trust actions", policy.Trust, func(size int) string {
		return statement(`"Principal":"*","Action":["sts:` + strings.Repeat("?*", size/4) + `",` + fill(size/2, `"sts:*e*e*e*x"`) + `]`)
	}},
}

// fill repeats an item with commas up to a size.
func fill(size int, item string) string {
	return strings.TrimSuffix(strings.Repeat(item+",", max(1, size/(len(item)+1))), ",")
}

// numbered is fill with items that hold their numbers.
func numbered(size int, format string) string {
	var b strings.Builder
	for n := 0; b.Len() < size; n++ {
		if n > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, format, n)
	}
	return b.String()
}

// matchFamilies are patterns and texts that cost a matcher most when it tries again: none of them fits. Size is the number of the
// pattern's parts; the text is a hundred times as long.
var matchFamilies = []struct {
	name    string
	element string // of the statement, with the pattern where %q stands
	pattern func(size int) string
	text    func(size int) string
}{
	{"stars", stringLike, func(size int) string { return "*" + strings.Repeat("a*", size) + "b" }, manyAs},
	{"stars apart", stringLike, func(size int) string { return strings.Repeat("*"+strings.Repeat("a", 20)+"b", size) }, manyAs},
	{"characters", stringLike, func(size int) string { return "*" + strings.Repeat("a?", size) + "b*" }, manyAs},
	{"variables", stringLike, func(size int) string { return "*" + strings.Repeat("${aws:username}", size) + "b*" }, manyAs},
	{
		"fields", `"Action":"*","Resource":"*","Condition":{"ArnLike":{"aws:userid":%q}}`,
		func(size int) string { return "arn:*" + strings.Repeat("a?", size) + "b*:*:*:*:*" },
		func(size int) string { return "arn:" + manyAs(size) + ":a:::" + manyAs(size) },
	},
	{
		"resource names", `"Action":"*","Resource":%q`,
		func(size int) string { return "arn:aws:s3:::*" + strings.Repeat("a?", size) + "b*" },
		func(size int) string { return "arn:aws:s3:::" + manyAs(size) },
	},
	{
		"actions", `"Action":%q,"Resource":"*"`,
		func(size int) string { return "s3:*" + strings.Repeat("a", size) + "b*" },
		func(size int) string { return "s3:" + strings.ToUpper(manyAs(size)) },
	},
}

const stringLike = `"Action":"*","Resource":"*","Condition":{"StringLike":{"aws:userid":%q}}`

func manyAs(size int) string { return strings.Repeat("a", 100*size) }

// TestMain does, in the process that countSteps starts, the work whose steps are counted.
func TestMain(m *testing.M) {
	if family, size, ok := strings.Cut(os.Getenv("TOUCHSTONE_STEPS"), "/"); ok {
		n, err := strconv.Atoi(size)
		if err != nil {
			panic(err)
		}
		doSteps(family, n)
	}
	os.Exit(m.Run())
}

func doSteps(family string, size int) {
	done := false
	for _, f := range parseFamilies {
		if f.name == family {
			done = true
			policy.Parse(f.kind, []byte(f.text(size)))
		}
	}

	for _, f := range matchFamilies {
		if f.name == family {
			done = true
			request := consoleRequest(f.text(size), f.text(size), "")
			request.Context.Set("aws:username", "a")
			request.Context.Set("aws:userid", f.text(size))
			document, err := policy.Parse(policy.Identity, []byte(statement(fmt.Sprintf(f.element, f.pattern(size)))))
			if err != nil {
				panic(err)
			}
			set := policy.Compile(policy.Source{Document: document})
			if policy.Evaluate(&policy.Policies{Identity: set}, request).Allowed() {
				panic(family + ": the pattern fits")
			}
		}
	}

	if !done {
		panic("there is no family " + family)
	}
}

// counter counts how many statements of package policy are executed, by the counters that the compiler adds for measuring coverage.
// It is exact and the same on every machine; that the standard library's functions are linear in what they are given is not shown
// by it.
type counter struct{ binary, profile string }

func newCounter(t *testing.T) counter {
	t.Helper()
	dir := t.TempDir()
	c := counter{filepath.Join(dir, "policy.test"), filepath.Join(dir, "profile")}
	build := exec.Command("go", "test", "-c", "-covermode=count", "-coverpkg=github.com/touchstone-iam/touchstone/policy", "-o",
		c.binary, ".")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return c
}

func (c counter) steps(t *testing.T, family string, size int) int {
	t.Helper()
	cmd := exec.Command(c.binary, "-test.run=^$", "-test.coverprofile="+c.profile)
	cmd.Env = append(os.Environ(), fmt.Sprintf("TOUCHSTONE_STEPS=%s/%d", family, size))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}

	f, err := os.Open(c.profile)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	steps := 0
	for lines := bufio.NewScanner(f); lines.Scan(); { // "file:from,to statements count"
		fields := strings.Fields(lines.Text())
		if len(fields) != 3 {
			continue
		}
		statements, err := strconv.Atoi(fields[1])
		if err != nil {
			t.Fatal(err)
		}
		times, err := strconv.Atoi(fields[2])
		if err != nil {
			t.Fatal(err)
		}
		steps += statements * times
	}
	return steps
}

func TestSteps(t *testing.T) {
	c := newCounter(t)
	t.Run("parse", func(t *testing.T) { testParseIsLinear(t, c) })
	t.Run("match", func(t *testing.T) { testMatchingIsBounded(t, c) })
}

// testParseIsLinear doubles the worst texts: the steps of reading them double, at most. The memory of a text of any size is
// bounded.
func testParseIsLinear(t *testing.T, c counter) {
	for _, f := range parseFamilies {
		var steps, bytes [3]int
		for n, size := range []int{15_000, 30_000, 60_000} {
			steps[n] = c.steps(t, f.name, size)
			bytes[n] = allocated(f.kind, f.text(size))
		}
		t.Logf("%-26s steps %8d %8d %8d  bytes %8d %8d %8d", f.name, steps[0], steps[1], steps[2], bytes[0], bytes[1], bytes[2])
		if steps[2]-steps[1] > (steps[1]-steps[0])*21/10 {
			t.Errorf("%s: %v steps, which is more than double for double the text", f.name, steps)
		}
		if most := 128 * 131_072; bytes[2] > most || allocated(f.kind, f.text(130_000)) > most {
			t.Errorf("%s: %d bytes for a text of 60,000, %d for one of 130,000", f.name, bytes[2], allocated(f.kind, f.text(130_000)))
		}
	}
}

// allocated returns how many bytes the reading of a text allocates.
func allocated(kind policy.Kind, text string) int {
	b := []byte(text)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	policy.Parse(kind, b)
	runtime.ReadMemStats(&after)
	return int(after.TotalAlloc - before.TotalAlloc)
}

// testMatchingIsBounded doubles both pattern and text: the steps grow fourfold, at most, and are no more than a few for each pair
// of characters.
func testMatchingIsBounded(t *testing.T, c counter) {
	for _, f := range matchFamilies {
		var steps [3]int
		for n, size := range []int{15, 30, 60} {
			steps[n] = c.steps(t, f.name, size)
			if most := 10*len(f.pattern(size))*len(f.text(size)) + 10_000; steps[n] > most {
				t.Errorf("%s: %d steps, want at most %d for a pattern of %d and a text of %d", f.name, steps[n], most, len(f.pattern(size)),
					len(f.text(size)))
			}
		}
		t.Logf("%-12s steps %8d %8d %8d", f.name, steps[0], steps[1], steps[2])
		if steps[2]-steps[1] > (steps[1]-steps[0])*42/10 {
			t.Errorf("%s: %v steps, which is more than four times for twice the pattern and twice the text", f.name, steps)
		}
	}
}

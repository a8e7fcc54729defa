package awsquery

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Limits of a form. Fifty tags with their keys and values and a dozen other members are a tenth of maxParameters; simulations
// with long lists come nearest. Together with maxSkip they also bound the lists for which the model has no bound.
const (
	maxParameters = 2000
	maxNameLength = 512
)

// Form is a request's parameters, in the order of their names' bytes.
type Form []parameter

type parameter struct {
	name, value string
	fromQuery   bool
}

// ParseForm reads the parameters of a request: of its URL and, for POST, of its body, which wins where both have a name. The
// error is an *[Error]: MalformedQueryString when they cannot be read, ValidationError when there are too many, or when one has a
// name that is too long or given twice.
func ParseForm(r *http.Request, body []byte) (Form, error) {
	text := ""
	if r.Method == http.MethodPost {
		text = string(body)
	}

	// The separators are counted first, so that a body of nothing else costs no memory.
	n := strings.Count(text, "&") + strings.Count(r.URL.RawQuery, "&") + 2
	if n > 2*maxParameters {
		return nil, errTooManyParameters
	}

	form := make(Form, 0, n)
	form, err := form.parse(text, false)
	if err != nil {
		return nil, err
	}
	if form, err = form.parse(r.URL.RawQuery, true); err != nil {
		return nil, err
	}

	if len(form) > maxParameters {
		return nil, errTooManyParameters
	}

	// The sort is stable, so that the body's parameter stays before the URL's of the same name.
	slices.SortStableFunc(form, func(a, b parameter) int { return cmp.Compare(a.name, b.name) })
	return form.unique()
}

var (
	errTooManyParameters = validationError("The request has more parameters than any operation takes.")
	errMalformed         = &Error{
		Code: "MalformedQueryString", Status: http.StatusNotFound, Message: "The query string contains a syntax error.",
	}
)

func validationError(message string) *Error {
	return &Error{Code: "ValidationError", Status: http.StatusBadRequest, Message: message}
}

func malformedInput(format string, args ...any) *Error {
	return &Error{Code: "MalformedInput", Status: http.StatusBadRequest, Message: fmt.Sprintf(format, args...)}
}

func (f Form) parse(text string, fromQuery bool) (Form, error) {
	for text != "" {
		var pair string
		pair, text, _ = strings.Cut(text, "&")
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		name, err := unescape(name)
		if err != nil {
			return nil, err
		}
		if value, err = unescape(value); err != nil {
			return nil, err
		}
		if len(name) > maxNameLength {
			return nil, validationError("The request has a parameter with a name longer than any that an operation takes.")
		}
		f = append(f, parameter{name, value, fromQuery})
	}

	return f, nil
}

func unescape(s string) (string, error) {
	s, err := url.QueryUnescape(s)
	if err != nil || !utf8.ValidString(s) {
		return "", errMalformed
	}
	return s, nil
}

// unique drops what the URL repeats of the body, and refuses what either repeats of itself.
func (f Form) unique() (Form, error) {
	kept := f[:0]
	for _, p := range f {
		if len(kept) > 0 && kept[len(kept)-1].name == p.name {
			if kept[len(kept)-1].fromQuery == p.fromQuery {
				return nil, validationError("The parameter " + p.name + " is given more than once.")
			}
			continue
		}
		kept = append(kept, p)
	}
	return kept, nil
}

// Get returns the value of the parameter with exactly that name.
func (f Form) Get(name string) (value string, given bool) {
	return f.exact(0, name)
}

// exact is the value of the parameter whose name is, after the skip bytes that all of f share, name.
func (f Form) exact(skip int, name string) (string, bool) {
	n, found := slices.BinarySearchFunc(f, name, func(p parameter, name string) int { return cmp.Compare(p.name[skip:], name) })
	if !found {
		return "", false
	}
	return f[n].value, true
}

// below is the part of f whose names continue, after the skip bytes that all of f share, with name and a dot, and how many
// bytes that part shares.
func (f Form) below(skip int, name string) (Form, int) {
	start, _ := slices.BinarySearchFunc(f, name, func(p parameter, name string) int { return compareDotted(p.name[skip:], name) })
	end := start
	for end < len(f) && compareDotted(f[end].name[skip:], name) == 0 {
		end++
	}
	return f[start:end], skip + len(name) + 1
}

// compareDotted compares the beginning of a parameter's name to name and a dot.
func compareDotted(parameter, name string) int {
	if len(parameter) <= len(name) {
		return cmp.Or(cmp.Compare(parameter, name), -1)
	}
	return cmp.Or(cmp.Compare(parameter[:len(name)], name), cmp.Compare(parameter[len(name)], '.'))
}

// item is an index that is given: of an element of a list, or of an entry of a map.
type item struct {
	index int
	name  string // the index as it is written; it may have leading zeros
}

// maxSkip is how far an index may be ahead of the greatest one before it. AWS refuses more as excessively sparse.
const maxSkip = 10

// items lists the indices that follow the skip bytes that all of f share, in their order. The error, if there is one, is
// MalformedInput in the words of AWS, or ValidationError for an index that is written in two ways.
func (f Form) items(skip int) ([]item, *Error) {
	// The names are sorted, and a dot comes before all digits, so that the parameters of one index stand together.
	var items []item
	for n := range f {
		name, _, _ := strings.Cut(f[n].name[skip:], ".")
		if len(items) > 0 && items[len(items)-1].name == name {
			continue
		}
		index, err := readIndex(name)
		if err != nil {
			return nil, err
		}
		items = append(items, item{index, name})
	}
	slices.SortFunc(items, func(a, b item) int { return cmp.Compare(a.index, b.index) })

	last := 1
	for n, it := range items {
		if it.index-last > maxSkip {
			return nil, malformedInput("Excessively sparse input would skip %d list elements", it.index-last)
		}
		if n > 0 && it.index == last {
			return nil, validationError("The index " + strconv.Itoa(it.index) + " is given more than once.")
		}
		last = it.index
	}
	return items, nil
}

// listLength is the length of a list with these indices.
func listLength(items []item) int {
	if len(items) == 0 {
		return 0
	}
	return items[len(items)-1].index
}

// readIndex reads a positive number, with or without leading zeros. A number beyond 32 bits becomes the greatest that has 32, which
// is too sparse for every list. The errors are those that AWS answers.
func readIndex(name string) (int, *Error) {
	if strings.HasPrefix(name, "-") {
		return 0, malformedInput("Key %s may not have a leading '-'", name)
	}
	if name == "" || strings.Trim(name, "0123456789") != "" {
		return 0, malformedInput("Start of list found where not expected")
	}
	n, _ := strconv.ParseInt(name, 10, 32) // on overflow it is the greatest
	if n == 0 {
		return 0, malformedInput("%s is not a valid index", name)
	}
	return int(n), nil
}

package sigv4

import (
	"bytes"
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// canonicalRequest appends a request to b in the form that is hashed: method, path, query, headers, their names, and the hash of
// the body. The names in headers are lower case, sorted and separated by semicolons. With shown true the text is for a message, and
// the value of the session token is left out.
func canonicalRequest(b []byte, r *http.Request, headers, payloadHash string, shown bool) []byte {
	b = append(b, r.Method...)
	b = append(b, '\n')
	b = canonicalPath(b, r.URL.EscapedPath())
	b = append(b, '\n')
	b = canonicalQuery(b, r.URL.RawQuery)
	b = append(b, '\n')

	for name := range strings.SplitSeq(headers, ";") {
		b = append(b, name...)
		b = append(b, ':')
		if shown && name == "x-amz-security-token" {
			b = append(b, "[not shown]"...)
		} else {
			b = canonicalHeader(b, r, name)
		}
		b = append(b, '\n')
	}

	b = append(b, '\n')
	b = append(b, headers...)
	b = append(b, '\n')
	return append(b, payloadHash...)
}

// canonicalPath appends a path without empty, "." and ".." segments. It percent-encodes the path once more, although it is encoded
// already, as all services but S3 do.
func canonicalPath(b []byte, path string) []byte {
	start := len(b)
	b = append(b, '/')
	for segment := range strings.SplitSeq(path, "/") {
		switch segment {
		case "", ".":
		case "..": // remove the segment before, if there is one
			b = b[:max(start, start+bytes.LastIndexByte(b[start:len(b)-1], '/'))+1]
		default:
			b = append(escape(b, segment), '/')
		}
	}
	if len(b) > start+1 && !endsInSlash(path) {
		b = b[:len(b)-1]
	}
	return b
}

// endsInSlash reports whether a path names a directory (RFC 3986, section 5.2.4).
func endsInSlash(path string) bool {
	return strings.HasSuffix(path, "/") || strings.HasSuffix(path, "/.") || strings.HasSuffix(path, "/..")
}

// canonicalQuery appends the parameters of a query, sorted by their encoded names and values. A parameter that cannot be decoded is
// taken as it is, and then matches no signature that a client would make.
func canonicalQuery(b []byte, query string) []byte {
	if query == "" {
		return b
	}

	type parameter struct{ name, value string }
	parameters := make([]parameter, 0, strings.Count(query, "&")+1)
	for pair := range strings.SplitSeq(query, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		parameters = append(parameters, parameter{recode(name), recode(value)})
	}

	slices.SortFunc(parameters, func(x, y parameter) int {
		return cmp.Or(strings.Compare(x.name, y.name), strings.Compare(x.value, y.value))
	})

	for n, p := range parameters {
		if n > 0 {
			b = append(b, '&')
		}
		b = append(b, p.name...)
		b = append(b, '=')
		b = append(b, p.value...)
	}
	return b
}

// recode decodes a name or a value of a query, and encodes it in the one form that is signed.
func recode(s string) string {
	plain, err := url.QueryUnescape(s)
	if err != nil {
		return s
	}
	return string(escape(nil, plain))
}

// escape appends s with everything but the unreserved characters percent-encoded.
func escape(b []byte, s string) []byte {
	const digits = "0123456789ABCDEF"
	for i := range len(s) {
		c := s[i]
		if isLetter(c|0x20) || isDigit(c) || c == '-' || c == '.' || c == '_' || c == '~' {
			b = append(b, c)
		} else {
			b = append(b, '%', digits[c>>4], digits[c&15])
		}
	}
	return b
}

// canonicalHeader appends the values of a header. They are trimmed and joined by commas, and several spaces become one.
func canonicalHeader(b []byte, r *http.Request, name string) []byte {
	switch name {
	case "host", ":authority":
		return appendFolded(b, r.Host)
	case "content-length":
		if r.ContentLength >= 0 {
			return strconv.AppendInt(b, r.ContentLength, 10)
		}
	}

	for n, value := range headerValues(r.Header, name) {
		if n > 0 {
			b = append(b, ',')
		}
		b = appendFolded(b, value)
	}
	return b
}

// headerValues returns the values of a header whose name is in lower case. It builds the canonical form of the name in an array,
// because http.Header.Values would allocate a string for it.
func headerValues(h http.Header, name string) []string {
	var buffer [64]byte
	if len(name) > len(buffer) {
		return h.Values(name)
	}

	first := true
	for i := range len(name) {
		c := name[i]
		if first && isLetter(c) {
			c -= 'a' - 'A'
		}
		buffer[i] = c
		first = c == '-'
	}
	return h[string(buffer[:len(name)])]
}

// appendFolded appends a header's value without spaces at its ends, and with several spaces as one.
func appendFolded(b []byte, s string) []byte {
	s = strings.Trim(s, " \t\r\n")
	for i := range len(s) {
		if s[i] == ' ' && s[i-1] == ' ' {
			continue
		}
		b = append(b, s[i])
	}
	return b
}

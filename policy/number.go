package policy

import (
	"cmp"
	"strconv"
	"strings"
	"time"
)

// decimal is a number of any length, kept as the text of its digits, so that comparing is exact and needs no memory.
// Its value is 0.DIGITS × 10^point, with no zero at either end of the digits.
type decimal struct {
	negative bool
	point    int
	digits   string // may contain one '.', which has no meaning here
}

// maxExponent is that of a double, in which AWS's own numbers fit.
const maxExponent = 308

// parseDecimal reads an integer or a decimal number, with or without an exponent.
func parseDecimal(s string) (decimal, bool) {
	var d decimal
	if rest, ok := strings.CutPrefix(s, "-"); ok {
		d.negative, s = true, rest
	} else {
		s = strings.TrimPrefix(s, "+")
	}
	exponent := 0
	if n := strings.IndexAny(s, "eE"); n >= 0 {
		digits := s[n+1:]
		if len(digits) > 5 { // also keeps Atoi from making an error of a range
			return decimal{}, false
		}
		sign := 1
		if strings.HasPrefix(digits, "-") {
			sign = -1
		}
		digits = strings.TrimLeft(digits, "+-")
		if !isDigits(digits) || len(s)-n-1-len(digits) > 1 {
			return decimal{}, false
		}
		value, _ := strconv.Atoi(digits)
		exponent, s = sign*value, s[:n]
	}
	whole, fraction, hasPoint := strings.Cut(s, ".")
	if !isDigits(whole) || hasPoint && !isDigits(fraction) {
		return decimal{}, false
	}
	leading := len(whole) - len(strings.TrimLeft(whole, "0"))
	d.point = len(whole) - leading
	if d.digits = strings.TrimLeft(whole, "0"); d.digits == "" {
		d.digits = strings.TrimLeft(fraction, "0")
		d.point = len(d.digits) - len(fraction)
	} else {
		d.digits = s[leading:]
	}
	if hasPoint {
		d.digits = strings.TrimSuffix(strings.TrimRight(d.digits, "0"), ".")
	}
	d.digits = strings.TrimRight(d.digits, "0")
	if d.digits == "" {
		return decimal{}, true
	}
	d.point += exponent
	return d, d.point <= maxExponent+1 && d.point >= -maxExponent
}

func isDigits(s string) bool {
	for n := range len(s) {
		if s[n] < '0' || s[n] > '9' {
			return false
		}
	}
	return s != ""
}

func compareDecimals(a, b decimal) int {
	if a.digits == "" || b.digits == "" || a.negative != b.negative {
		return cmp.Compare(a.sign(), b.sign())
	}
	order := cmp.Compare(a.point, b.point)
	if order == 0 {
		order = compareDigits(a.digits, b.digits)
	}
	return order * a.sign()
}

func (d decimal) sign() int {
	switch {
	case d.digits == "":
		return 0
	case d.negative:
		return -1
	}
	return 1
}

func compareDigits(a, b string) int {
	for {
		a, b = strings.TrimPrefix(a, "."), strings.TrimPrefix(b, ".")
		if a == "" || b == "" || a[0] != b[0] {
			break
		}
		a, b = a[1:], b[1:]
	}
	switch {
	case a == "" || b == "":
		return cmp.Compare(len(a), len(b))
	}
	return cmp.Compare(a[0], b[0])
}

// parseInstant reads a date in one of the forms of the W3C profile of ISO 8601 (YYYY, YYYY-MM, YYYY-MM-DD, and the last with
// a time of minutes, seconds or fractions of seconds, and its zone) or as seconds since the epoch. Four digits are a year.
func parseInstant(s string) (time.Time, bool) {
	if len(s) != 4 && isDigits(s) {
		if len(s) > 12 {
			return time.Time{}, false
		}
		seconds, _ := strconv.ParseInt(s, 10, 64)
		return time.Unix(seconds, 0), true
	}
	r := dateReader{rest: s}
	year, month, day, hour, minute, second, nanosecond, offset := r.number(4), 1, 1, 0, 0, 0, 0, 0
	if r.skip('-') {
		month = r.number(2)
		if r.skip('-') {
			day = r.number(2)
			if r.skip('T') {
				hour = r.number(2)
				if !r.skip(':') {
					return time.Time{}, false
				}
				minute = r.number(2)
				if r.skip(':') {
					second = r.number(2)
					if r.skip('.') {
						nanosecond = r.fraction()
					}
				}
				offset = r.zone()
			}
		}
	}
	if r.bad || r.rest != "" || month < 1 || month > 12 || hour > 23 || minute > 59 || second > 59 {
		return time.Time{}, false
	}
	t := time.Date(year, time.Month(month), day, hour, minute, second, nanosecond, time.UTC)
	if t.Day() != day {
		return time.Time{}, false
	}
	return t.Add(-time.Duration(offset) * time.Minute), true
}

// dateReader reads the parts of a date and remembers whether one was not what it should be.
type dateReader struct {
	rest string
	bad  bool
}

func (r *dateReader) skip(c byte) bool {
	if r.rest == "" || r.rest[0] != c {
		return false
	}
	r.rest = r.rest[1:]
	return true
}

func (r *dateReader) number(digits int) int {
	if len(r.rest) < digits || !isDigits(r.rest[:digits]) {
		r.bad = true
		return 0
	}
	n, _ := strconv.Atoi(r.rest[:digits])
	r.rest = r.rest[digits:]
	return n
}

// fraction reads what follows the point; digits beyond nanoseconds are dropped.
func (r *dateReader) fraction() int {
	nanosecond, unit := 0, 100_000_000
	if r.rest == "" || !isDigits(r.rest[:1]) {
		r.bad = true
	}
	for r.rest != "" && isDigits(r.rest[:1]) {
		nanosecond += int(r.rest[0]-'0') * unit
		unit /= 10
		r.rest = r.rest[1:]
	}
	return nanosecond
}

// zone reads Z, or the minutes that the time is ahead of UTC.
func (r *dateReader) zone() int {
	sign := 1
	switch {
	case r.skip('Z'):
		return 0
	case r.skip('-'):
		sign = -1
	case !r.skip('+'):
		r.bad = true
		return 0
	}
	hours := r.number(2)
	if !r.skip(':') {
		r.bad = true
	}
	minutes := r.number(2)
	if hours > 23 || minutes > 59 {
		r.bad = true
	}
	return sign * (hours*60 + minutes)
}

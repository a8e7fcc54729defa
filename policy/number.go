package policy

import (
	"cmp"
	"strconv"
	"strings"
	"time"
)

// decimal is a number of any length. It is kept as the text of its digits, so that comparing is exact and allocates no memory. Its
// value is 0.DIGITS × 10^point, and the digits neither begin nor end with a zero.
type decimal struct {
	negative bool
	point    int
	digits   string // may contain one '.', which has no meaning here
}

// maxExponent is the largest decimal exponent of a 64-bit floating-point number. All of AWS's numbers are smaller.
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
		var ok bool
		if exponent, ok = parseExponent(s[n+1:]); !ok {
			return decimal{}, false
		}
		s = s[:n]
	}

	whole, fraction, hasPoint := strings.Cut(s, ".")
	if !isDigits(whole) || hasPoint && !isDigits(fraction) {
		return decimal{}, false
	}

	// Drop the zeros at both ends. Those after the point in a number such as 0.001 move the point.
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

// parseExponent reads what follows the letter of an exponent: a sign, which may be missing, and digits. It accepts five characters,
// which is more than maxExponent needs.
func parseExponent(s string) (int, bool) {
	if len(s) > 5 {
		return 0, false
	}
	sign := 1
	if strings.HasPrefix(s, "-") {
		sign = -1
	}
	digits := strings.TrimLeft(s, "+-")
	if !isDigits(digits) || len(s)-len(digits) > 1 {
		return 0, false
	}
	value, _ := strconv.Atoi(digits) // so few digits are always in its range
	return sign * value, true
}

// isDigits reports whether s consists of ASCII digits and is not empty.
func isDigits(s string) bool {
	for n := range len(s) {
		if s[n] < '0' || s[n] > '9' {
			return false
		}
	}
	return s != ""
}

// compareDecimals returns -1, 0 or 1 when a is less than, equal to or greater than b.
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

// compareDigits compares the digits after the point of two numbers between 0 and 1.
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

// parseInstant reads a date in the W3C profile of ISO 8601, or seconds since the epoch. The profile has the forms YYYY, YYYY-MM and
// YYYY-MM-DD, and the last may be followed by a time, with or without seconds and fractions of them, and its zone. Four digits are
// a year.
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

	// A day that the month does not have becomes a day of the next month.
	t := time.Date(year, time.Month(month), day, hour, minute, second, nanosecond, time.UTC)
	if t.Day() != day {
		return time.Time{}, false
	}
	return t.Add(-time.Duration(offset) * time.Minute), true
}

// dateReader reads the parts of a date. It sets bad when a part is not what it should be.
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

// fraction reads the digits after the point of the seconds, and returns nanoseconds. It drops further digits.
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

// zone reads a time zone, and returns by how many minutes it is ahead of UTC.
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

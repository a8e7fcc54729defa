package policy

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// fold returns the same letter for all letters that differ from r in case only, as strings.EqualFold defines it.
func fold(r rune) rune {
	if r < utf8.RuneSelf {
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}

	least := r
	for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
		least = min(least, next)
	}
	if least < utf8.RuneSelf {
		return fold(least)
	}
	return least
}

// equalFold is strings.EqualFold, and faster for texts that are equal in case too.
func equalFold(a, b string) bool { return a == b || strings.EqualFold(a, b) }

// foldHash returns the same number for all texts that differ in letter case only. It reads eight bytes at a time.
func foldHash(s string) uint64 {
	h, rest := uint64(len(s)), s

	for len(rest) >= 8 {
		word := uint64(rest[0]) | uint64(rest[1])<<8 | uint64(rest[2])<<16 | uint64(rest[3])<<24 |
			uint64(rest[4])<<32 | uint64(rest[5])<<40 | uint64(rest[6])<<48 | uint64(rest[7])<<56
		if word&highBits != 0 {
			return foldHashUnicode(s)
		}
		h, rest = mix(h, lower(word)), rest[8:]
	}

	var word uint64
	for n := range len(rest) {
		word |= uint64(rest[n]) << (8 * n)
	}
	if word&highBits != 0 {
		return foldHashUnicode(s)
	}
	return mix(h, lower(word))
}

// foldHashUnicode does what foldHash does for text with characters beyond ASCII. It folds each character before it hashes the UTF-8
// bytes, because some of them differ from an ASCII letter in case only.
func foldHashUnicode(s string) uint64 {
	length := 0
	for _, r := range s {
		length += utf8.RuneLen(fold(r))
	}

	h, word, bits := uint64(length), uint64(0), 0
	var encoded [utf8.UTFMax]byte
	for _, r := range s {
		for _, b := range encoded[:utf8.EncodeRune(encoded[:], fold(r))] {
			word |= uint64(b) << bits
			if bits += 8; bits == 64 {
				h, word, bits = mix(h, word), 0, 0
			}
		}
	}
	return mix(h, word)
}

// highBits has the bits set that no ASCII character has, for eight characters at once.
const highBits = 0x8080808080808080

// lower turns the capitals among eight ASCII characters into small letters.
func lower(word uint64) uint64 {
	const ones = highBits >> 7
	fromA, beyondZ := word+ones*(0x80-'A'), word+ones*(0x80-'Z'-1)
	return word | (fromA^beyondZ)&highBits>>2
}

// mix adds eight bytes to a hash.
func mix(h, word uint64) uint64 {
	h = (h ^ word) * 0x9e3779b97f4a7c15
	return h ^ h>>32
}

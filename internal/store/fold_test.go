package store_test

import (
	"strings"
	"testing"
	"unicode"

	"pgregory.net/rapid"

	"github.com/touchstone-iam/touchstone/internal/store"
)

// Every character folds to the same as those that Unicode holds equal to it, and to nothing else.
func TestFoldOfEveryCharacter(t *testing.T) {
	folded := map[string]rune{}
	for r := rune(0); r <= unicode.MaxRune; r++ {
		one := string(r)
		form := store.Fold(one)

		first, seen := folded[form]
		if !seen {
			folded[form] = r
		} else if !strings.EqualFold(string(first), one) {
			t.Errorf("%q and %q both fold to %q, but differ by more than case", first, r, form)
		}

		for other := unicode.SimpleFold(r); other != r; other = unicode.SimpleFold(other) {
			if store.Fold(string(other)) != form {
				t.Errorf("%q folds to %q, and %q, which differs by case alone, to %q", r, form, other, store.Fold(string(other)))
			}
		}
	}
}

// Two names fold to the same exactly when strings.EqualFold holds them equal, and what is folded stays as it is.
func TestFoldAgreesWithEqualFold(t *testing.T) {
	letters := rapid.SampledFrom([]string{
		"a", "A", "k", "K", "\u212a", "s", "ſ", "i", "İ", "ı", "ß", "ẞ", "σ", "ς", "Σ", "\xff", "\ufffd", "_", "é", "É",
	})
	name := rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(letters, 0, 3).Draw(t, "letters"), "")
	})

	rapid.Check(t, func(t *rapid.T) {
		a, b := name.Draw(t, "a"), name.Draw(t, "b")
		if got, want := store.Fold(a) == store.Fold(b), strings.EqualFold(a, b); got != want {
			t.Errorf("%q and %q: folded alike is %v, equal without regard to case is %v", a, b, got, want)
		}
		if once := store.Fold(a); store.Fold(once) != once {
			t.Errorf("%q folds to %q and that to %q", a, once, store.Fold(once))
		}
	})
}

// The names that nearly all accounts have alone keep the form, and so the order, that they had before.
func TestFoldOfASCIIIsLowerCase(t *testing.T) {
	for c := byte(0); c < 0x80; c++ {
		if got, want := store.Fold(string(c)), strings.ToLower(string(c)); got != want {
			t.Errorf("%q folds to %q, want %q", c, got, want)
		}
	}
}

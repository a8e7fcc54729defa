package api_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/touchstone-iam/touchstone/internal/api"
)

// A marker is never longer than a request may send it back, whatever stands at its place; different places stay different.
func TestMarkersFit(t *testing.T) {
	t.Parallel()
	const list = "ListOpenIDConnectProviderTags" // the longest name of a list of tags
	seen := make(map[string]string)
	for _, letter := range []string{"k", "\u00e5", "\u2028", "\U00020000", "\u00e5k", "k\u2028"} {
		for n := 1; n <= 128; n++ {
			for _, end := range []string{"", "x", "y"} {
				place := strings.Repeat(letter, n) + end
				fitted := api.Fit(list, place)
				marker := api.Marker(list, fitted)
				back, err := api.Place(list, marker)
				if err != nil || back != fitted || !utf8.ValidString(fitted) || len(marker) > 320 {
					t.Fatalf("%d times %q and %q: the marker has %d characters and stands for %q, %v", n, letter, end, len(marker), back, err)
				}
				if other, known := seen[fitted]; known && other != place {
					t.Fatalf("%q and %q have one place", other, place)
				}
				seen[fitted] = place
			}
		}
	}

	if place := strings.Repeat("k", 128); api.Fit(list, place) != place {
		t.Error("a place that fits is changed")
	}
}

// size is the input of a list that asks for so many items behind a marker.
type size struct {
	marker string
	items  int
}

func (s size) Page() (string, int) { return s.marker, s.items }

// A list has a hundred items on a page by default, and a marker only when more follow.
func TestPageSizes(t *testing.T) {
	t.Parallel()
	var all []string
	for n := range 250 {
		all = append(all, fmt.Sprintf("%03d", n))
	}

	place := func(item *string) string { return *item }
	for _, test := range []struct{ has, asked, want int }{
		{250, 0, 100},
		{100, 0, 100},
		{101, 0, 100},
		{0, 0, 0},
		{5, 5, 5},
		{6, 5, 5},
		{4, 5, 4},
	} {
		items, next, err := api.List("Things", size{"", test.asked}, api.Cut(all[:test.has], place), place)
		if err != nil || !slices.Equal(items, all[:test.want]) || (next != "") != (test.has > test.want) {
			t.Errorf("%d of %d: %d items, marker %q, %v", test.asked, test.has, len(items), next, err)
		}
	}
}

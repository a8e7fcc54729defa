package api

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"slices"
	"unicode/utf8"
)

// defaultPage is how many items a page has when MaxItems is not given (IAM API Reference).
const defaultPage = 100

// PageSize is the number of items that MaxItems asks for; zero stands for the default.
func PageSize(maxItems int) int {
	if maxItems == 0 {
		return defaultPage
	}
	return maxItems
}

// marker is where the next page of a list continues. On the wire it is opaque.
type marker struct {
	List string `json:"o"` // which list it is of: a marker of another one is refused
	Last string `json:"l"` // the place of the last item before
}

// Marker makes the marker of the page that follows the item at the place last.
func Marker(list, last string) string {
	text, err := json.Marshal(marker{list, last})
	if err != nil {
		panic(err) // two strings always encode
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

// maxMarker is how many characters a marker of a request may have (the model's markerType).
const maxMarker = 320

// Fit returns the place, or, when its marker would be longer than a request may send it back, its beginning with a digest of the
// whole. Whatever is listed by such places is read whole and sorted by them: of two that begin alike, the order is that of the
// digests.
func Fit(list, place string) string {
	if len(Marker(list, place)) <= maxMarker {
		return place
	}
	const kept = 80 // bytes, of which JSON makes at most twice as many
	end := kept
	for !utf8.RuneStart(place[end]) {
		end--
	}
	digest := sha256.Sum256([]byte(place))
	return place[:end] + hex.EncodeToString(digest[:8])
}

// Place returns the place that a marker of the list stands behind; "" without a marker. A marker that was not made for the list is
// a ValidationError.
func Place(list, text string) (last string, err error) {
	if text == "" {
		return "", nil
	}
	var m marker
	plain, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil {
		err = json.Unmarshal(plain, &m)
	}
	if err != nil || m.List != list || m.Last == "" {
		return "", ErrMarker()
	}
	return m.Last, nil
}

// ErrMarker is the answer to a marker that this list did not give.
func ErrMarker() error { return ValidationError("Invalid Marker.") }

// Paged is the input of a list: its marker and the number of items that it asks for, zero for the default.
type Paged interface {
	Page() (marker string, size int)
}

// List reads one page of a list. read returns up to limit items that stand behind the place after, in the order of their places,
// which are compared by bytes; place returns where an item stands. next is the marker of the following page, "" on the last one.
func List[T any](name string, in Paged, read func(after string, limit int) ([]T, error),
	place func(*T) string,
) (items []T, next string, err error) {
	mark, size := in.Page()
	after, err := Place(name, mark)
	if err != nil {
		return nil, "", err
	}

	// One item more than the page has says whether there is a following page.
	size = PageSize(size)
	if items, err = read(after, size+1); err != nil {
		return nil, "", err
	}
	if len(items) > size {
		items = items[:size]
		next = Marker(name, place(&items[size-1]))
	}
	return items, next, nil
}

// Cut makes a read function for List of a list that is read whole because it is short. The items come in the order of their places.
func Cut[T any](items []T, place func(*T) string) func(after string, limit int) ([]T, error) {
	return func(after string, limit int) ([]T, error) {
		first := slices.IndexFunc(items, func(item T) bool { return place(&item) > after })
		if first < 0 {
			return nil, nil
		}
		return items[first:min(len(items), first+limit)], nil
	}
}

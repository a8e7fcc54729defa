package httpd

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
)

// ErrTooLarge is the error of [ReadBody] for a body over its limit. The answer to it is 413.
var ErrTooLarge = errors.New("request body is too large")

// firstRead is the most memory, in bytes, that is set aside because a client announces a body of some length. More is set aside
// only as the client sends it.
const firstRead = 16 << 10

// ReadBody reads a body of at most limit bytes. Its error is [ErrTooLarge] for a longer body, before anything is read when the
// client announces the length. Any other error means that the transfer failed: the client went away, was too slow, or sent less
// than announced.
func ReadBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	if r.ContentLength > limit {
		w.Header().Set("Connection", "close")
		return nil, ErrTooLarge
	}

	if r.Body == nil || r.ContentLength == 0 {
		return nil, nil
	}

	var body bytes.Buffer
	body.Grow(int(min(max(r.ContentLength, 0), firstRead)) + bytes.MinRead)
	_, err := body.ReadFrom(http.MaxBytesReader(w, r.Body, limit))
	if _, over := errors.AsType[*http.MaxBytesError](err); over {
		w.Header().Set("Connection", "close")
		return nil, ErrTooLarge
	}
	if err != nil {
		return nil, fmt.Errorf("read request body: %w", err)
	}

	return body.Bytes(), nil
}

package httpd

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
)

// ErrTooLarge is returned for a body over its limit; the answer to it is 413.
var ErrTooLarge = errors.New("request body is too large")

// firstRead bounds the memory that a request's word alone gets it; for more it has to send.
const firstRead = 16 << 10

// ReadBody reads a body of at most limit bytes. A longer one is ErrTooLarge, before anything is read when the client says how long
// it is; any other error is the transfer's: the client went away, was too slow, or sent less than it said.
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

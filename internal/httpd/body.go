package httpd

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

var (
	// ErrTooLarge is the error of [ReadBody] for a body over its limit. The answer to it is 413.
	ErrTooLarge = errors.New("request body is too large")
	// ErrNoRoom is the error of [ReadBody] for a body that finds no place in the memory for bodies. The answer to it is 503.
	ErrNoRoom = errors.New("too many large requests are in flight")
)

// SmallBody is how many bytes of a body are read from anybody. A body of at most this size needs no place in the memory for bodies.
const SmallBody = 8 << 10

// How long a client may take to send what is larger than a small body, and how long what nobody reads may keep a connection.
const (
	largeBodyTimeout = 10 * time.Second
	unreadTimeout    = time.Second
)

// Admit decides about a sender before more than [SmallBody] bytes are read. It returns on whose account the body is kept, which is
// an access key or a session, or "" when the address alone answers for it.
type Admit func() (owner string, err error)

// ReadBody reads a body of at most limit bytes. One of more than [SmallBody] bytes is read on only after admit, which may be nil,
// has let its sender through, and only into a place in the memory for bodies, which it holds until the request is answered. It must
// arrive within ten seconds.
//
// The error is [ErrTooLarge] for a longer body, [ErrNoRoom] when there is no place, or that of admit. When the client announces the
// length, nothing is read before these are returned. Any other error means that the transfer failed: the client went away, was too
// slow, or sent less than announced.
func ReadBody(w http.ResponseWriter, r *http.Request, limit int64, admit Admit) ([]byte, error) {
	if r.ContentLength > limit {
		hangUp(w)
		return nil, ErrTooLarge
	}
	if r.Body == nil || r.ContentLength == 0 {
		return nil, nil
	}

	var body bytes.Buffer
	stream := http.MaxBytesReader(w, r.Body, limit)
	if r.ContentLength <= SmallBody {
		body.Grow(int(max(r.ContentLength, 0)) + bytes.MinRead)
		if err := fill(w, &body, io.LimitReader(stream, SmallBody+1)); err != nil {
			return nil, err
		}
		if body.Len() <= SmallBody {
			return body.Bytes(), nil
		}
	}

	if err := admitLarge(r, limit, admit); err != nil {
		hangUp(w)
		return nil, err
	}

	// The buffer never has to grow, so the body takes what its place counts and no more.
	body.Grow(int(largest(r, limit)) + bytes.MinRead - body.Len())
	control := http.NewResponseController(w)
	control.SetReadDeadline(time.Now().Add(largeBodyTimeout)) //nolint:errcheck // not supported by the writers of tests
	if err := fill(w, &body, stream); err != nil {
		return nil, err
	}
	control.SetReadDeadline(time.Time{}) //nolint:errcheck // as above

	return body.Bytes(), nil
}

// fill reads everything into the body.
func fill(w http.ResponseWriter, body *bytes.Buffer, from io.Reader) error {
	_, err := body.ReadFrom(from)
	if _, over := errors.AsType[*http.MaxBytesError](err); over {
		w.Header().Set("Connection", "close")
		return ErrTooLarge
	}
	if err != nil {
		return fmt.Errorf("read request body: %w", err)
	}
	return nil
}

// admitLarge asks whether a large body may be read, and takes its place.
func admitLarge(r *http.Request, limit int64, admit Admit) error {
	owner := ""
	if admit != nil {
		var err error
		if owner, err = admit(); err != nil {
			return err
		}
	}

	f := factsOf(r.Context())
	if f.bodies == nil {
		return nil // outside a server
	}
	place, ok := f.bodies.take(largest(r, limit), network(f.address), owner)
	if !ok {
		return ErrNoRoom
	}
	f.place = place
	return nil
}

// largest is how large a body may be that is larger than a small one: as large as announced, or else as the limit.
func largest(r *http.Request, limit int64) int64 {
	if r.ContentLength > 0 {
		return r.ContentLength
	}
	return limit
}

// LeaveUnread says that a request is answered without its body having been read. Unless the body is a small one, the connection is
// closed after the answer, because the client may never come to the body's end.
func LeaveUnread(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength >= 0 && r.ContentLength <= SmallBody {
		return
	}
	hangUp(w)
}

// hangUp has the connection closed after the answer.
func hangUp(w http.ResponseWriter) {
	w.Header().Set("Connection", "close")
	// Before it closes a connection, net/http reads and forgets some of the body, so that the client gets to see the answer.
	//nolint:errcheck // the writers of tests do not support it
	http.NewResponseController(w).SetReadDeadline(time.Now().Add(unreadTimeout))
}

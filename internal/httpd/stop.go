package httpd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// lastChance is how long, after a stop, a client may take to send the rest of a request that it has begun. A request that a client
// sends without a pause arrives in this time; a client that stalls must not hold up the stop.
const lastChance = time.Second

// arrivals knows which connections and requests have not been received whole, so that a stop can end these and let the others
// finish. The zero value is ready for use.
type arrivals struct {
	mu       sync.Mutex
	stopping bool
	silent   map[net.Conn]struct{} // connections on which no request has been received yet
	bodies   map[*exchange]struct{}
}

// connection is a server's ConnState. A connection leaves [http.StateNew] when the header of its first request is whole.
func (a *arrivals) connection(c net.Conn, state http.ConnState) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if state != http.StateNew {
		delete(a.silent, c)
		return
	}
	if a.silent == nil {
		a.silent = make(map[net.Conn]struct{})
	}
	a.silent[c] = struct{}{}
}

// begin notes that the body of a request is being received.
func (a *arrivals) begin(x *exchange) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.stopping {
		x.cut()
		return
	}
	if a.bodies == nil {
		a.bodies = make(map[*exchange]struct{})
	}
	a.bodies[x] = struct{}{}
}

// end notes that the body has been received, or that the request is answered without it.
func (a *arrivals) end(x *exchange) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.bodies, x)
}

// cut gives what has not arrived its last chance. It returns a function that releases what it holds.
func (a *arrivals) cut() (release func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.stopping = true
	for x := range a.bodies {
		x.cut()
	}

	timer := time.AfterFunc(lastChance, func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		for c := range a.silent {
			c.Close() //nolint:errcheck // nothing was promised to whoever has sent nothing
		}
	})
	return func() { timer.Stop() }
}

// cut makes the reading of the request's body fail, unless the rest arrives within [lastChance]. It works for HTTP/1 and HTTP/2.
func (x *exchange) cut() {
	// A writer without deadlines is a test's, behind which there is no connection.
	http.NewResponseController(x.answer.ResponseWriter).SetReadDeadline(time.Now().Add(lastChance)) //nolint:errcheck
}

// incoming is a request's body, which notes when it has been received.
type incoming struct {
	io.ReadCloser
	of       *exchange
	arrivals *arrivals
}

// Read implements io.Reader.
func (b *incoming) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		b.arrivals.end(b.of)
	}
	return n, err
}

// stop ends a server: it accepts no more, ends the requests that have not been received whole, and lets the others finish within
// the grace. What is not finished then is ended as well, and the error says so.
func (s *Server) stop(server *http.Server) error {
	release := s.arrivals.cut()
	defer release()

	grace, cancel := context.WithTimeout(context.Background(), s.config.ShutdownGrace)
	defer cancel()
	if err := server.Shutdown(grace); err != nil {
		return errors.Join(fmt.Errorf("requests did not finish within %v: %w", s.config.ShutdownGrace, err), server.Close())
	}
	return nil
}

package httpd

import (
	"net"
	"net/netip"
	"sync"
)

// DefaultConnections is how many connections there may be at a time, unless [Config.MaxConnections] says otherwise.
const DefaultConnections = 4096

// connections accepts as many connections as there may be, and closes every other one at once. One client has at most a quarter of
// them, so that it keeps nobody else out; a proxy in front may have all. They include connections in their TLS handshake, which
// ends after [readHeaderTimeout].
type connections struct {
	net.Listener
	most int
	free func(netip.Addr) bool // reports whether an address may have all of them
	left func()                // is called when one was closed

	mu   sync.Mutex
	open int
	by   map[netip.Prefix]int // has only clients with a connection
}

// connectionSize is about how many bytes a connection takes: its buffers and its stacks.
const connectionSize = 32 << 10

func (s *Server) limited(l net.Listener) net.Listener {
	return &connections{
		Listener: l, most: s.config.MaxConnections, free: s.trusted, left: func() { s.garbage.Note(connectionSize) },
		by: make(map[netip.Prefix]int),
	}
}

// Accept implements net.Listener.
func (l *connections) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if counted, ok := l.count(c); ok {
			return counted, nil
		}
		c.Close() //nolint:errcheck // nothing was read or written
	}
}

// count counts a connection, unless there are too many.
func (l *connections) count(c net.Conn) (net.Conn, bool) {
	var peer netip.Addr
	if tcp, ok := c.RemoteAddr().(*net.TCPAddr); ok {
		peer = tcp.AddrPort().Addr().Unmap().WithZone("")
	}
	client := network(peer)

	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open >= l.most || l.by[client] >= l.most/partOfOne && !l.free(peer) {
		return nil, false
	}
	l.open++
	l.by[client]++
	return &connection{Conn: c, closed: sync.OnceFunc(func() { l.gone(client) })}, true
}

// gone counts that a client's connection was closed.
func (l *connections) gone(client netip.Prefix) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.left()
	l.open--
	if l.by[client]--; l.by[client] == 0 {
		delete(l.by, client)
	}
}

// connection is a connection that is counted until it is closed.
type connection struct {
	net.Conn
	closed func()
}

// Close implements net.Conn.
func (c *connection) Close() error {
	defer c.closed()
	return c.Conn.Close()
}

// CloseWrite lets net/http send the end of an answer before it closes a connection on which the client still sends.
func (c *connection) CloseWrite() error {
	if tcp, ok := c.Conn.(*net.TCPConn); ok {
		return tcp.CloseWrite()
	}
	return nil
}

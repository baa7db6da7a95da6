package main

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// The slow lane: connections whose path begins with it pass through a relay. The relay takes at
// most slowRate from the server, like a phone at the edge of its network. The server's own socket
// fills up, as it would with a real slow client.
const (
	slowLane   = "/slow"
	slowRate   = 1500    // bytes per second towards the client
	slowSteps  = 16      // per second
	slowBuffer = 2 << 10 // what the relay's end may hold in the kernel
	// demoSendBuffer is what the kernel holds for a client of the demo. It is small, so that a slow
	// client shows soon.
	demoSendBuffer = 4 << 10
	maxRelayed     = 16 // connections at once; this is only a demonstration
	relayPatience  = 5 * time.Second
)

// lanes are the relayed connections of one server.
type lanes struct {
	next http.Handler // serves all other requests
	addr string       // the server's address
	tls  bool         // and whether the server speaks TLS there

	mu     sync.Mutex
	open   map[net.Conn]struct{} // both ends of each relay
	closed bool
	done   sync.WaitGroup
}

func newLanes(next http.Handler, addr net.Addr, tls bool) *lanes {
	return &lanes{next: next, addr: addr.String(), tls: tls, open: make(map[net.Conn]struct{})}
}

func (l *lanes) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path, slow := strings.CutPrefix(r.URL.Path, slowLane+"/")
	if !slow || !strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
		l.next.ServeHTTP(w, r)
		return
	}
	up, err := l.dial()
	if err != nil {
		http.Error(w, "the slow lane is closed: connect without it", http.StatusBadGateway)
		return
	}
	if !l.enter(up) {
		up.Close()
		http.Error(w, "the slow lane is full: try again later", http.StatusServiceUnavailable)
		return
	}
	defer l.leave(up)
	client, rest, err := w.(http.Hijacker).Hijack()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	if !l.enter(client) {
		client.Close()
		return
	}
	defer l.leave(client)
	out := r.Clone(r.Context())
	out.URL.Path, out.URL.RawPath = "/"+path, ""
	_ = up.SetWriteDeadline(time.Now().Add(relayPatience))
	if err := out.Write(up); err != nil {
		return
	}
	_ = up.SetWriteDeadline(time.Time{})
	l.done.Add(1)
	go func() {
		defer l.done.Done()
		_, _ = io.Copy(up, rest) // until either end closes
		up.Close()
	}()
	trickle(client, up)
	client.Close() // ends the copy above
}

// dial connects to the server itself, whose certificate needs no check.
func (l *lanes) dial() (net.Conn, error) {
	c, err := net.DialTimeout("tcp", l.addr, relayPatience)
	if err != nil {
		return nil, err
	}
	_ = c.(*net.TCPConn).SetReadBuffer(slowBuffer)
	if l.tls {
		c = tls.Client(c, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}})
	}
	return c, nil
}

// trickle copies at slowRate until either end closes.
func trickle(to io.Writer, from io.Reader) {
	step := time.NewTicker(time.Second / slowSteps)
	defer step.Stop()
	buf := make([]byte, slowRate/slowSteps)
	for range step.C {
		n, err := from.Read(buf)
		if _, e := to.Write(buf[:n]); e != nil || err != nil {
			return
		}
	}
}

// enter records one end of a relay. It returns false if there are too many, or if none is allowed
// any more.
func (l *lanes) enter(c net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || len(l.open) >= 2*maxRelayed {
		return false
	}
	l.open[c] = struct{}{}
	l.done.Add(1)
	return true
}

func (l *lanes) leave(c net.Conn) {
	c.Close()
	l.mu.Lock()
	delete(l.open, c)
	l.mu.Unlock()
	l.done.Done()
}

// close ends all relays.
func (l *lanes) close() {
	l.mu.Lock()
	l.closed = true
	for c := range l.open {
		c.Close()
	}
	l.mu.Unlock()
	l.done.Wait()
}

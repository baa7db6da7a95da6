package reactor

import (
	"bytes"
	"crypto/tls"
	"io"
	"testing"
)

// What a Gather keeps of a TLS connection shares its records and leaves in one write, up to the
// size from which nothing waits.
func TestTLSGathersRecords(t *testing.T) {
	for _, n := range []int{1, 20, 300, 5000} {
		r := start(t, Options{Loops: 1})
		conns := make(chan *Conn, 1)
		ln := listenTLS(t, r, TLSOptions{}, &hooks{open: func(c *Conn) { conns <- c }})
		nc := &recordCounter{Conn: dialNet(t, ln)}
		tc := tls.Client(nc, insecure(tls.VersionTLS12)) // TLS 1.2, which sends no tickets
		if err := tc.Handshake(); err != nil {
			t.Fatal(err)
		}
		c, p := <-conns, noise(n)
		best, records, counted := int64(100), 100, false
		for range 20 { // the system may keep this goroutine from running for a tick
			before := r.Stats().Writes
			nc.records = 0
			c.Gather()
			for range 11 {
				if s := c.Write2(p[:n/2], p[n/2:]); s != Sent {
					t.Fatalf("status %d", s)
				}
			}
			q := c.Queued() // less if the loop sent some of it in between
			if counted = counted || q == 11*n; q%n != 0 || q > 11*n {
				t.Errorf("%d bytes count as queued of the %d that wait", q, 11*n)
			}
			c.Flush()
			got := make([]byte, 11*n)
			if _, err := io.ReadFull(tc, got); err != nil ||
				!bytes.Equal(got, bytes.Repeat(p, 11)) {
				t.Fatalf("%d B: %v", n, err)
			}
			records = min(records, nc.records)
			if k := r.Stats().Writes - before; k > 0 { // a loop that wrote may not have counted yet
				best = min(best, k)
			}
		}
		if want := (11*n + maxRecord - 1) / maxRecord; best != 1 || records != want {
			t.Errorf("11 × %d B: %d writes and %d records, want 1 and %d", n, best, records, want)
		}
		if !counted {
			t.Errorf("11 × %d B: what waits never counts as queued", n)
		}
		if n := r.outboxBytes(); n != 0 {
			t.Errorf("%d bytes count as held after everything has left", n)
		}
	}
}

// What is kept when a connection is cut goes back to the pool and counts no more.
func TestTLSGatheredIsDroppedWithItsConnection(t *testing.T) {
	r := start(t, Options{Loops: 1})
	conns, closed := make(chan *Conn, 1), make(chan error, 1)
	ln := listenTLS(t, r, TLSOptions{}, &hooks{open: func(c *Conn) { conns <- c },
		close: func(_ *Conn, err error) { closed <- err }})
	dialTLS(t, ln, insecure(tls.VersionTLS13))
	c := <-conns
	c.Gather()
	c.Write(noise(100))
	c.Abort(nil)
	c.Flush()
	await(t, closed, "OnClose")
	if c.handler.(*tlsConn).plain != nil || r.outboxBytes() != 0 {
		t.Errorf("something is kept: %d bytes", r.outboxBytes())
	}
	if s := c.Write(noise(100)); s != Dropped {
		t.Errorf("status %d", s)
	}
}

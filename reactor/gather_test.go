//go:build linux || darwin

package reactor

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"slices"
	"sync/atomic"
	"testing"
	"time"
)

// links runs a test over connections in clear and with TLS.
func links(t *testing.T, f func(t *testing.T, r *Reactor, dial func(Handler) net.Conn)) {
	t.Run("in clear", func(t *testing.T) {
		r := start(t, Options{Loops: 1})
		var ln *Listener
		f(t, r, func(h Handler) net.Conn {
			if ln == nil {
				ln = listen(t, r, h)
			}
			return dialNet(t, ln)
		})
	})
	versions(t, func(t *testing.T, version uint16) {
		r := start(t, Options{Loops: 1})
		var ln *Listener
		f(t, r, func(h Handler) net.Conn {
			if ln == nil {
				ln = listenTLS(t, r, TLSOptions{}, h)
			}
			return dialTLS(t, ln, insecure(version))
		})
	})
}

// Many writes to one connection within a callback of another one leave in few system calls. All of
// them arrive, in order, without anyone asking for it.
func TestWritesOfOneTurnAreGathered(t *testing.T) { links(t, testWritesOfOneTurn) }

func testWritesOfOneTurn(t *testing.T, r *Reactor, dial func(Handler) net.Conn) {
	const k = 200
	conns := make(chan *Conn, 2)
	var receiver atomic.Pointer[Conn]
	h := &hooks{
		open: func(c *Conn) { conns <- c },
		data: func(c *Conn, p []byte) {
			for i := range k {
				if s := receiver.Load().Write(fmt.Appendf(nil, "%d,", i)); s != Sent {
					t.Errorf("write %d: status %d", i, s)
				}
			}
		},
	}
	peer := dial(h)
	receiver.Store(<-conns)
	sender := dial(h)
	<-conns
	before := r.Stats().Writes
	if _, err := sender.Write([]byte("go")); err != nil {
		t.Fatal(err)
	}
	var want []byte
	for i := range k {
		want = fmt.Appendf(want, "%d,", i)
	}
	got := make([]byte, len(want))
	peer.SetReadDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.ReadFull(peer, got); err != nil || !bytes.Equal(got, want) {
		t.Fatalf("got %q (%v)", got, err)
	}
	if n := r.Stats().Writes - before; n > 5 {
		t.Errorf("%d writes for the messages of one turn", n)
	}
}

// Gather from a goroutine: the bytes leave in one write at Flush, unless the loop sent them
// earlier. A close in between loses nothing.
func TestGatherAndFlush(t *testing.T) { links(t, testGatherAndFlush) }

func testGatherAndFlush(t *testing.T, r *Reactor, dial func(Handler) net.Conn) {
	conns := make(chan *Conn, 1)
	peer := dial(&hooks{open: func(c *Conn) { conns <- c }})
	c := <-conns
	var want []byte
	for round := range 50 {
		c.Gather()
		for i := range 40 {
			p := bytes.Repeat([]byte{byte(round), byte(i)}, 1+i*round)
			want = append(want, p...)
			if c.Write(p) == Dropped {
				t.Fatal("dropped")
			}
		}
		if round != 49 {
			c.Flush()
		}
	}
	c.Close(nil)
	peer.SetReadDeadline(time.Now().Add(20 * time.Second))
	got, err := io.ReadAll(peer)
	if err != nil || !bytes.Equal(got, want) {
		t.Fatalf("%d of %d bytes arrived (%v)", len(got), len(want), err)
	}
}

// What Gather holds back leaves without Flush, in the order of the writes, whether it is little,
// too much for copying, or followed by a close.
func TestHeldWritesLeaveWithoutFlush(t *testing.T) { links(t, testHeldWrites) }

func testHeldWrites(t *testing.T, r *Reactor, dial func(Handler) net.Conn) {
	conns := make(chan *Conn, 1)
	peer := dial(&hooks{open: func(c *Conn) { conns <- c }})
	peer.SetReadDeadline(time.Now().Add(20 * time.Second))
	c := <-conns
	for i, sizes := range [][]int{{1}, {10, 20}, {30 << 10}, {5, 30 << 10, 5}, {100 << 10, 1}} {
		var want []byte
		c.Gather()
		for j, n := range sizes {
			p := bytes.Repeat([]byte{byte(i), byte(j)}, n)
			want = append(want, p...)
			if c.Write(p) == Dropped {
				t.Fatal("dropped")
			}
		}
		got := make([]byte, len(want))
		if _, err := io.ReadFull(peer, got); err != nil || !bytes.Equal(got, want) {
			t.Fatalf("%v: %d bytes, %v", sizes, len(got), err)
		}
		if i%2 == 0 {
			c.Flush() // late, and of nothing
		}
	}
	c.Gather()
	c.Write([]byte("last"))
	c.Close(nil)
	if got, err := io.ReadAll(peer); err != nil || string(got) != "last" {
		t.Fatalf("%q, %v", got, err)
	}
}

// The first write of a turn leaves at once, the second is gathered. Outside of a turn nothing is.
func TestFirstWriteOfATurnLeavesAtOnce(t *testing.T) {
	r := start(t, Options{Loops: 1})
	conns := make(chan *Conn, 2)
	var to atomic.Pointer[Conn]
	h := &hooks{open: func(c *Conn) { conns <- c }}
	h.data = func(c *Conn, p []byte) {
		receiver, queued := to.Load(), []int(nil)
		for range 3 {
			receiver.Write([]byte("abcd"))
			queued = append(queued, receiver.Queued())
		}
		if !slices.Equal(queued, []int{0, 4, 8}) {
			t.Errorf("after each write of a turn %v bytes are queued", queued)
		}
		c.Write(p)
	}
	ln := listen(t, r, h)
	peer := dialNet(t, ln)
	receiver := await(t, conns, "OnOpen")
	to.Store(receiver)
	sender := dialNet(t, ln)
	await(t, conns, "OnOpen")
	for range 3 {
		sender.Write([]byte("x"))
		if _, err := io.ReadFull(sender, make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(peer, make([]byte, 12)); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			receiver.Write([]byte("efgh"))
			if n := receiver.Queued(); n != 0 {
				t.Errorf("%d bytes wait although no callback runs", n)
			}
			if _, err := io.ReadFull(peer, make([]byte, 4)); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// The last write before Flush leaves at once if nothing is kept, otherwise with the rest. Either
// way gathering goes on.
func TestWriteLast(t *testing.T) {
	r := start(t, Options{Loops: 1})
	conns := make(chan *Conn, 1)
	peer := dialNet(t, listen(t, r, &hooks{open: func(c *Conn) { conns <- c }}))
	c := await(t, conns, "OnOpen")
	onLoop(t, r, func() {}) // OnOpen has returned
	l := c.loop
	l.holdMu.Lock() // so that the holder sends nothing meanwhile
	l.holder.Stop()
	l.holdMu.Unlock()
	var queued []int
	after := func(s Status) {
		if s != Sent {
			t.Errorf("status %v", s)
		}
		l.holder.Stop()
		queued = append(queued, c.Queued())
	}
	c.Gather()
	after(c.WriteLast([]byte("a"), []byte("bc")))
	after(c.Write([]byte("d")))
	after(c.WriteLast([]byte("e"), []byte("f")))
	after(c.WriteLast(nil, []byte("g")))
	c.Flush()
	after(c.WriteLast([]byte("h"), nil))
	after(c.Write([]byte("i")))
	if want := []int{0, 1, 3, 4, 0, 0}; !slices.Equal(queued, want) {
		t.Errorf("%v bytes were kept, want %v", queued, want)
	}
	got := make([]byte, 9)
	if _, err := io.ReadFull(peer, got); err != nil || string(got) != "abcdefghi" {
		t.Errorf("%q, %v", got, err)
	}
	c.Gather()
	c.Close(nil)
	if s := c.WriteLast([]byte("x"), nil); s != Dropped {
		t.Errorf("after Close: status %v", s)
	}
}

// Two that gather at a time: what the first one flushes leaves, and the gathering goes on until the
// second one flushes, too. Push ends nobody's.
func TestGatheringOfTwoEndsWithTheSecond(t *testing.T) {
	r := start(t, Options{Loops: 1})
	conns := make(chan *Conn, 1)
	peer := dialNet(t, listen(t, r, &hooks{open: func(c *Conn) { conns <- c }}))
	c := await(t, conns, "OnOpen")
	onLoop(t, r, func() {}) // OnOpen has returned
	var kept []int
	some := func() {
		for range 3 {
			c.Write([]byte("x"))
			c.loop.holder.Stop() // so that the holder sends nothing meanwhile
		}
	}
	for _, do := range []func(){
		c.Gather, c.Gather, some, c.Push, some, c.Flush, some, c.Flush, some,
	} {
		do()
		kept = append(kept, c.Queued())
	}
	if want := []int{0, 0, 3, 0, 3, 0, 3, 0, 0}; !slices.Equal(kept, want) {
		t.Errorf("%v bytes were kept, want %v", kept, want)
	}
	peer.SetReadDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.ReadFull(peer, make([]byte, 12)); err != nil {
		t.Fatal(err)
	}
}

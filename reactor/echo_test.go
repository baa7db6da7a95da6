package reactor

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"syscall"
	"testing"
	"time"
)

// hooks is a Handler made of functions. A nil one does nothing.
type hooks struct {
	open     func(*Conn)
	data     func(*Conn, []byte)
	writable func(*Conn)
	timer    func(*Conn)
	close    func(*Conn, error)
}

func (h *hooks) OnOpen(c *Conn) {
	if h.open != nil {
		h.open(c)
	}
}

func (h *hooks) OnData(c *Conn, p []byte) {
	if h.data != nil {
		h.data(c, p)
	}
}

func (h *hooks) OnWritable(c *Conn) {
	if h.writable != nil {
		h.writable(c)
	}
}

func (h *hooks) OnTimer(c *Conn) {
	if h.timer != nil {
		h.timer(c)
	}
}

func (h *hooks) OnClose(c *Conn, err error) {
	if h.close != nil {
		h.close(c, err)
	}
}

var echo = &hooks{data: func(c *Conn, p []byte) { c.Write(p) }}

// patience bounds waits for events that must come. It measures nothing.
const patience = 30 * time.Second

func start(t testing.TB, o Options) *Reactor {
	t.Helper()
	r, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

func listen(t testing.TB, r *Reactor, h Handler) *Listener {
	t.Helper()
	ln, err := r.Listen("tcp", "127.0.0.1:0", func(*Conn) Handler { return h })
	if err != nil {
		t.Fatal(err)
	}
	return ln
}

func dialNet(t testing.TB, ln *Listener) *net.TCPConn {
	t.Helper()
	nc, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	_ = nc.SetDeadline(time.Now().Add(patience))
	t.Cleanup(func() { nc.Close() })
	return nc.(*net.TCPConn)
}

func await[T any](t testing.TB, ch <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(patience):
		t.Fatalf("no %s", what)
		panic("unreachable")
	}
}

func noise(n int) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(rand.Uint32())
	}
	return p
}

func TestEchoManyConnectionsAndLoops(t *testing.T) {
	r := start(t, Options{Loops: 3})
	ln := listen(t, r, echo)
	var wg sync.WaitGroup
	for i := range 60 {
		nc := dialNet(t, ln)
		wg.Go(func() {
			msg := noise(1 + i*997)
			for range 10 {
				go nc.Write(msg)
				got := make([]byte, len(msg))
				if _, err := io.ReadFull(nc, got); err != nil || !bytes.Equal(got, msg) {
					t.Errorf("connection %d: %v, equal %v", i, err, bytes.Equal(got, msg))
					return
				}
			}
		})
	}
	wg.Wait()
	s := r.Stats()
	if s.Open != 60 || s.Peak != 60 || s.Accepted != 60 {
		t.Errorf("stats: %+v", s)
	}
	r.Close() // a write is counted after the peer may have seen it
	if s := r.Stats(); s.Open != 0 || s.Closed != 60 || s.BytesIn != s.BytesOut || s.BytesIn == 0 {
		t.Errorf("stats after Close: %+v", s)
	}
}

func TestEverySplit(t *testing.T) {
	r := start(t, Options{Loops: 1, ReadBuffer: 7})
	ln := listen(t, r, echo)
	nc := dialNet(t, ln)
	msg := noise(40)
	for cut := 1; cut < len(msg); cut++ {
		nc.Write(msg[:cut])
		nc.Write(msg[cut:])
		got := make([]byte, len(msg))
		if _, err := io.ReadFull(nc, got); err != nil || !bytes.Equal(got, msg) {
			t.Fatalf("cut %d: %v, %x", cut, err, got)
		}
	}
}

func TestCloseReasons(t *testing.T) {
	r := start(t, Options{Loops: 2})
	closed := make(chan error, 1)
	opened := make(chan *Conn, 1)
	ln := listen(t, r, &hooks{
		open:  func(c *Conn) { opened <- c },
		close: func(_ *Conn, err error) { closed <- err },
	})
	for _, tc := range []struct {
		name string
		do   func(c *Conn, nc *net.TCPConn)
		want error
	}{
		{"peer closes", func(_ *Conn, nc *net.TCPConn) { nc.Close() }, io.EOF},
		{"peer closes half", func(_ *Conn, nc *net.TCPConn) { nc.CloseWrite() }, io.EOF},
		{"Close(nil)", func(c *Conn, nc *net.TCPConn) { c.Close(nil); io.ReadAll(nc); nc.Close() },
			nil},
		{"Close twice", func(c *Conn, nc *net.TCPConn) {
			c.Close(ErrNoHandler)
			c.Close(nil)
			nc.Close()
		}, ErrNoHandler},
		{"Abort", func(c *Conn, _ *net.TCPConn) { c.Abort(ErrNoHandler) }, ErrNoHandler},
	} {
		nc := dialNet(t, ln)
		c := await(t, opened, "OnOpen")
		tc.do(c, nc)
		if err := await(t, closed, "OnClose: "+tc.name); err != tc.want {
			t.Errorf("%s: OnClose got %v, want %v", tc.name, err, tc.want)
		}
		if s := c.Write([]byte("x")); s != Dropped {
			t.Errorf("%s: a write after the close: %v", tc.name, s)
		}
		if c.Post(func() {}) {
			t.Errorf("%s: Post after the close was accepted", tc.name)
		}
	}
}

func TestReactorCloseWaitsForEveryOnClose(t *testing.T) {
	r, err := New(Options{Loops: 2})
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	opened, closed := 0, 0
	all := make(chan struct{})
	ln := listen(t, r, &hooks{
		open: func(*Conn) {
			mu.Lock()
			if opened++; opened == 50 {
				close(all)
			}
			mu.Unlock()
		},
		close: func(_ *Conn, err error) {
			mu.Lock()
			closed++
			mu.Unlock()
			if err != ErrClosed {
				t.Errorf("OnClose got %v", err)
			}
		},
	})
	for range 50 {
		dialNet(t, ln)
	}
	await(t, all, "50 connections")
	r.Close()
	r.Close()
	if closed != 50 {
		t.Errorf("%d OnClose calls had returned", closed)
	}
	if _, err := r.Listen("tcp", "127.0.0.1:0", func(*Conn) Handler {
		return echo
	}); err != ErrClosed {
		t.Errorf("Listen after Close: %v", err)
	}
	if err := r.Dial(t.Context(), "tcp", "127.0.0.1:1", nil, echo); err != ErrClosed {
		t.Errorf("Dial after Close: %v", err)
	}
}

func TestAbortSendsReset(t *testing.T) {
	r := start(t, Options{Loops: 1})
	nc := dialNet(t, listen(t, r, &hooks{data: func(c *Conn, _ []byte) { c.Abort(nil) }}))
	nc.Write([]byte("x"))
	if _, err := nc.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the peer of an Abort read %v", err)
	}
}

// A peer that is still sending must get the last bytes and a FIN, and not a RST.
func TestCloseWithUnreadInput(t *testing.T) {
	r := start(t, Options{Loops: 1})
	closed := make(chan error, 1)
	answer := noise(300_000)
	nc := dialNet(t, listen(t, r, &hooks{
		data:  func(c *Conn, _ []byte) { c.Write(answer); c.Close(nil) },
		close: func(_ *Conn, err error) { closed <- err },
	}))
	sent := make(chan error, 1)
	go func() {
		_, err := nc.Write(make([]byte, 8<<20))
		sent <- err
	}()
	got, err := io.ReadAll(nc)
	if err != nil || !bytes.Equal(got, answer) {
		t.Errorf("%d of %d bytes: %v", len(got), len(answer), err)
	}
	if err := await(t, sent, "end of sending"); err != nil {
		t.Error(err)
	}
	nc.Close()
	if err := await(t, closed, "OnClose"); err != nil {
		t.Errorf("OnClose got %v", err)
	}
}

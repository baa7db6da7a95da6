package reactor

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket/pool"
)

// countingLog counts lines.
type countingLog struct{ lines atomic.Int64 }

func (l *countingLog) Enabled(context.Context, slog.Level) bool { return true }
func (l *countingLog) Handle(_ context.Context, r slog.Record) error {
	if r.Level >= slog.LevelWarn {
		l.lines.Add(1)
	}
	return nil
}
func (l *countingLog) WithAttrs([]slog.Attr) slog.Handler { return l }
func (l *countingLog) WithGroup(string) slog.Handler      { return l }
func (l *countingLog) logger() *slog.Logger               { return slog.New(l) }

func descriptors(t *testing.T) int {
	t.Helper()
	d, err := os.ReadDir("/dev/fd")
	if err != nil {
		t.Skip(err)
	}
	return len(d)
}

// life is a Handler that checks the order of its calls.
type life struct {
	t      *testing.T
	loop   atomic.Int32 // number of calls running; they must not overlap
	opened bool
	closed atomic.Int32
	done   *sync.WaitGroup
	kill   func(c *Conn, when int)
}

func (h *life) in(open bool) {
	if h.loop.Add(1) != 1 {
		h.t.Error("two callbacks of a connection overlap")
	}
	if open && (!h.opened || h.closed.Load() != 0) {
		h.t.Errorf("a callback before OnOpen or after OnClose (opened %v)", h.opened)
	}
}

func (h *life) OnOpen(c *Conn) {
	h.in(false)
	h.opened = true
	h.kill(c, 0)
	h.loop.Add(-1)
}

func (h *life) OnData(c *Conn, p []byte) {
	h.in(true)
	c.Write(p)
	h.kill(c, 1)
	h.loop.Add(-1)
}
func (h *life) OnWritable(*Conn) { h.in(true); h.loop.Add(-1) }
func (h *life) OnTimer(c *Conn)  { h.in(true); h.kill(c, 2); h.loop.Add(-1) }
func (h *life) OnClose(c *Conn, _ error) {
	h.in(false)
	if h.closed.Add(1) != 1 {
		h.t.Error("OnClose ran twice")
	}
	if c.Write([]byte("x")) != Dropped {
		h.t.Error("a write in OnClose was taken")
	}
	h.loop.Add(-1)
	h.done.Done()
}

// Connections are closed at random by the peer, the handler, other goroutines and timers, at the
// same time, and half of them with a RST.
func TestCloseStorm(t *testing.T) {
	total := 10_000
	if testing.Short() {
		total = 1000
	}
	const parallel = 50
	before := descriptors(t)
	r, err := New(Options{Loops: 4, Tick: 1e6, SendBuffer: 8 << 10, MaxOutboxBytes: 64 << 10})
	if err != nil {
		t.Fatal(err)
	}
	var closes, storms sync.WaitGroup
	big := shared(noise(20_000))
	ln, err := r.Listen("tcp", "127.0.0.1:0", func(*Conn) Handler {
		closes.Add(1)
		plan := rand.IntN(12)
		return &life{t: t, done: &closes, kill: func(c *Conn, when int) {
			if when == 0 {
				storms.Go(func() { storm(c, plan, big) })
			}
			switch {
			case plan == when:
				c.Close(nil)
			case plan == 3+when:
				c.Abort(nil)
			case when == 0:
				c.SetTimer(1)
			}
		}}
	})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range parallel {
		wg.Go(func() {
			for range total / parallel {
				client(t, ln.Addr().String())
			}
		})
	}
	wg.Wait()
	for end := time.Now().Add(patience); r.Stats().Accepted < int64(total) &&
		time.Now().Before(end); {
		time.Sleep(time.Millisecond) // the last one may still be in the backlog
	}
	closes.Wait()
	storms.Wait()
	if s := r.Stats(); s.Open != 0 || s.Accepted != int64(total) || s.Closed != s.Accepted {
		t.Errorf("stats: %+v", s)
	}
	r.Close()
	mustBeLast(t, big)
	if after := descriptors(t); after > before+2 { // the Go runtime may have opened its own poller
		t.Errorf("%d descriptors before, %d after", before, after)
	}
}

func storm(c *Conn, plan int, big *pool.Shared) {
	for range rand.IntN(4) {
		c.Write2([]byte("head"), big.Bytes()[:1000])
		c.WriteShared(big)
		c.Post(func() { c.Write([]byte("posted")) })
		runtime.Gosched()
	}
	switch plan {
	case 6, 7:
		c.Close(io.ErrShortWrite)
		c.Abort(nil)
	case 8:
		c.Abort(io.ErrShortWrite)
	}
	_ = c.RemoteAddr()
	_ = c.Queued()
}

func client(t *testing.T, addr string) {
	nc, err := net.Dial("tcp", addr)
	// aborted before connect had returned
	if errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) {
		return
	}
	if err != nil {
		t.Error(err)
		return
	}
	_ = nc.SetDeadline(time.Now().Add(patience))
	tc := nc.(*net.TCPConn)
	buf := make([]byte, 4096)
	for range rand.IntN(4) {
		nc.Write(buf[:1+rand.IntN(len(buf)-1)]) // never nothing, because nobody answers that
		if rand.IntN(2) == 0 {
			if _, err := nc.Read(buf[:1+rand.IntN(4000)]); errors.Is(err, os.ErrDeadlineExceeded) {
				t.Error("neither an echo nor a close came")
			}
		}
	}
	switch rand.IntN(3) {
	case 0:
		_ = tc.SetLinger(0)
	case 1:
		_ = tc.CloseWrite()
	}
	nc.Close()
}

func TestEveryByteBeforeTheCloseIsDelivered(t *testing.T) {
	r := start(t, Options{Loops: 2, ReadBuffer: 1000})
	type end struct {
		n   int
		err error
	}
	ends := make(chan end, 1)
	ln, err := r.Listen("tcp", "127.0.0.1:0", func(*Conn) Handler {
		n := 0
		return &hooks{
			data:  func(_ *Conn, p []byte) { n += len(p) },
			close: func(_ *Conn, err error) { ends <- end{n, err} },
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 200 {
		msg := noise(i * 500)
		nc := dialNet(t, ln)
		nc.Write(msg)
		nc.Close()
		if e := await(t, ends, "OnClose"); e.n != len(msg) || e.err != io.EOF {
			t.Fatalf("%d of %d bytes, then %v", e.n, len(msg), e.err)
		}
	}
}

func TestPanicClosesThatConnectionOnly(t *testing.T) {
	log := new(countingLog)
	r := start(t, Options{Loops: 1, Tick: 1e6, Logger: log.logger()})
	closed := make(chan error, 1)
	boom := errors.New("boom")
	other := dialNet(t, listen(t, r, echo))
	for name, h := range map[string]*hooks{
		"OnOpen":  {open: func(*Conn) { panic(boom) }},
		"OnData":  {data: func(*Conn, []byte) { panic(boom) }},
		"OnTimer": {open: func(c *Conn) { c.SetTimer(1) }, timer: func(*Conn) { panic(boom) }},
		"Post":    {open: func(c *Conn) { c.Post(func() { panic(boom) }) }},
		"OnClose": {data: func(c *Conn, _ []byte) { c.Abort(&PanicError{boom}) }},
	} {
		h.close = func(_ *Conn, err error) {
			closed <- err
			if name == "OnClose" {
				panic(boom)
			}
		}
		if nc, err := net.Dial("tcp", listen(t, r, h).Addr().String()); err == nil {
			nc.Write([]byte("x"))
			defer nc.Close()
		} else if !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) {
			// OnOpen aborts quickly
			t.Fatal(err)
		}
		var pe *PanicError
		if err := await(t, closed, "OnClose"); !errors.As(err, &pe) || !errors.Is(err, boom) {
			t.Errorf("%s: OnClose got %v", name, err)
		}
		other.Write([]byte("y"))
		if _, err := io.ReadFull(other, make([]byte, 1)); err != nil {
			t.Fatalf("%s: another connection: %v", name, err)
		}
	}
	if n := log.lines.Load(); n != 5 {
		t.Errorf("%d lines logged for 5 panics", n)
	}
}

func TestPostRunsInOrderOnTheLoop(t *testing.T) {
	r := start(t, Options{Loops: 2})
	opened := make(chan *Conn, 1)
	dialNet(t, listen(t, r, &hooks{open: func(c *Conn) { opened <- c }}))
	c := await(t, opened, "OnOpen")
	var got []int // belongs to the loop
	done := make(chan struct{})
	for i := range 1000 {
		c.Post(func() {
			if got = append(got, i); len(got) == 1000 {
				c.Post(func() { close(done) }) // from the loop itself
			}
		})
	}
	await(t, done, "last function")
	for i, n := range got {
		if i != n {
			t.Fatalf("function %d ran as number %d", n, i)
		}
	}
}

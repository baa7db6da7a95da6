package reactor

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/smartsocket/smartsocket/pool"
)

// stalled returns a server-side connection whose peer reads nothing, and the peer.
func stalled(t *testing.T, o Options, h *hooks) (*Reactor, *Conn, io.ReadCloser) {
	t.Helper()
	o.SendBuffer = 32 << 10
	r := start(t, o)
	opened := make(chan *Conn, 1)
	h.open = func(c *Conn) { opened <- c }
	nc := dialNet(t, listen(t, r, h))
	_ = nc.SetReadBuffer(64 << 10)
	return r, await(t, opened, "OnOpen"), nc
}

func shared(p []byte) *pool.Shared {
	b := pool.Get(len(p))
	b.B = append(b.B, p...)
	return pool.NewShared(b)
}

// mustBeLast releases s and fails if anyone else still holds a reference.
func mustBeLast(t *testing.T, s *pool.Shared) {
	t.Helper()
	s.Release()
	defer func() {
		if recover() == nil {
			t.Error("the shared bytes still had another owner")
		}
	}()
	s.Release()
}

// The records of each writer must arrive whole and in order, whichever way they were written.
func TestOutboxKeepsOrderAcrossWriters(t *testing.T) {
	const writers, records = 8, 400
	_, c, peer := stalled(t, Options{Loops: 1, MaxOutboxBytes: 1 << 30, MaxOutboxAge: time.Hour},
		&hooks{})
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range records {
				size := 8 + (i*131+w*977)%3000
				rec := bytes.Repeat([]byte{byte(w)}, 8+size)
				binary.LittleEndian.PutUint32(rec[0:], uint32(size))
				binary.LittleEndian.PutUint16(rec[4:], uint16(w))
				binary.LittleEndian.PutUint16(rec[6:], uint16(i))
				switch i % 4 {
				case 0:
					c.Write(rec)
				case 1:
					c.Write2(rec[:8], rec[8:])
				case 2:
					s := shared(rec)
					c.WriteShared(s)
					s.Release()
				case 3:
					c.Post(func() { c.Write(rec) })
				}
				if i%4 == 3 { // the posted one first
					done := make(chan struct{})
					c.Post(func() { close(done) })
					<-done
				}
			}
		})
	}
	var next [writers]int
	head := make([]byte, 8)
	for range writers * records {
		if _, err := io.ReadFull(peer, head); err != nil {
			t.Fatal(err)
		}
		w := int(binary.LittleEndian.Uint16(head[4:]))
		if i := int(binary.LittleEndian.Uint16(head[6:])); w >= writers || i != next[w] {
			t.Fatalf("writer %d: record %d came, %d was next", w, i, next[min(w, writers-1)])
		}
		next[w]++
		body := make([]byte, binary.LittleEndian.Uint32(head))
		if _, err := io.ReadFull(peer, body); err != nil {
			t.Fatal(err)
		}
		if bytes.Count(body, []byte{byte(w)}) != len(body) {
			t.Fatalf("writer %d: a record is mixed with another", w)
		}
	}
	wg.Wait()
	if q := c.Queued(); q != 0 {
		t.Errorf("%d bytes queued at the end", q)
	}
}

func TestBackpressureThenOnWritable(t *testing.T) {
	writable := make(chan int, 1000)
	_, c, peer := stalled(t, Options{Loops: 1, LowWaterBytes: 1000},
		&hooks{writable: func(c *Conn) { writable <- c.Queued() }})
	sent, p, last := 0, noise(10_000), Sent
	for c.Queued() < 300_000 { // more than what may still fit into the kernel's buffers
		last = c.Write(p)
		sent += len(p)
	}
	if last != Backpressured {
		t.Errorf("a write behind 300 kB: %v", last)
	}
	for len(writable) > 0 { // from short queues on the way
		<-writable
	}
	if n, err := io.CopyN(io.Discard, peer, int64(sent)); err != nil {
		t.Fatalf("%d of %d bytes: %v", n, sent, err)
	}
	if q := await(t, writable, "OnWritable"); q > 1000 {
		t.Errorf("OnWritable with %d bytes queued", q)
	}
	eventually(t, "the poller is not asked for more", func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return !c.armed
	})
	if s := c.Write(p[:10]); s != Sent {
		t.Errorf("a write after OnWritable: %v", s)
	}
	if n := len(writable); n != 0 {
		t.Errorf("OnWritable ran %d more times", n)
	}
}

func TestSlowConsumerIsClosedAndOthersAreNot(t *testing.T) {
	for _, tc := range []struct {
		name string
		o    Options
		full bool
	}{
		{"bytes", Options{Loops: 1, MaxOutboxBytes: 100_000}, true},
		{"age", Options{Loops: 1, MaxOutboxAge: 20 * time.Millisecond, Tick: 5 * time.Millisecond},
			false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			closed := make(chan error, 1)
			r, c, _ := stalled(t, tc.o, &hooks{close: func(_ *Conn, err error) { closed <- err }})
			other := dialNet(t, listen(t, r, echo))
			s, p := Sent, noise(5_000)
			// Without the limit, 300 kB are more than what may still fit into the kernel's buffers.
			for s != Dropped && (tc.full || c.Queued() < 300_000) {
				s = c.Write(p)
			}
			if tc.full && s != Dropped {
				t.Errorf("the write over the limit: %v", s)
			}
			if err := await(t, closed, "OnClose"); !errors.Is(err, ErrSlowConsumer) {
				t.Errorf("OnClose got %v", err)
			}
			if n := r.Stats().SlowConsumers; n != 1 {
				t.Errorf("%d slow consumers counted", n)
			}
			if c.Queued() != 0 {
				t.Error("a closed connection has a queue")
			}
			other.Write(p)
			if _, err := io.ReadFull(other, make([]byte, len(p))); err != nil {
				t.Errorf("another connection: %v", err)
			}
		})
	}
}

func TestSharedReferencesAreReleased(t *testing.T) {
	for _, end := range []string{"sent", "aborted", "closed by the peer", "slow"} {
		t.Run(end, func(t *testing.T) {
			closed := make(chan error, 1)
			_, c, peer := stalled(t, Options{Loops: 1, MaxOutboxBytes: 500_000},
				&hooks{close: func(_ *Conn, err error) { closed <- err }})
			s := shared(noise(3000))
			n := 0
			for st := Sent; end == "slow" && st != Dropped || end != "slow" &&
				c.Queued() < 200_000; n++ {
				st = c.WriteShared(s)
			}
			switch end {
			case "sent":
				if _, err := io.CopyN(io.Discard, peer, int64(n*3000)); err != nil {
					t.Fatal(err)
				}
				c.Close(nil)
				peer.Close()
			case "aborted":
				c.Abort(nil)
			case "closed by the peer":
				peer.Close()
			}
			await(t, closed, "OnClose")
			mustBeLast(t, s)
		})
	}
}

func TestCloseFlushesTheOutbox(t *testing.T) {
	closed := make(chan error, 1)
	_, c, peer := stalled(t, Options{Loops: 1, MaxOutboxBytes: 1 << 30},
		&hooks{close: func(_ *Conn, err error) { closed <- err }})
	p := noise(3_000_000)
	if s := c.Write(p); s != Backpressured {
		t.Fatalf("3 MB to a peer that reads nothing: %v", s)
	}
	c.Close(nil)
	if s := c.Write(p); s != Dropped {
		t.Errorf("a write after Close: %v", s)
	}
	got, err := io.ReadAll(peer)
	if err != nil || !bytes.Equal(got, p) {
		t.Errorf("%v, %d of %d bytes, equal %v", err, len(got), len(p), bytes.Equal(got, p))
	}
	peer.Close()
	if err := await(t, closed, "OnClose"); err != nil {
		t.Errorf("OnClose got %v", err)
	}
}

// The peer must see in one read what was written in one callback, whoever wrote it.
func TestCorkSendsOneSegment(t *testing.T) {
	r := start(t, Options{Loops: 1})
	var want atomic.Int64
	ln := listen(t, r, &hooks{data: func(c *Conn, p []byte) {
		for i := range 16 {
			s := shared(bytes.Repeat([]byte{byte(i)}, 300))
			c.Write2([]byte{byte(i)}, p)
			c.WriteShared(s)
			mustBeLast(t, s)
		}
		done := make(chan struct{})
		go func() { // another goroutine's write is gathered too
			c.Write([]byte("tail"))
			close(done)
		}()
		<-done
		want.Store(int64(16*(1+len(p)+300) + 4))
	}})
	nc := dialNet(t, ln)
	buf := make([]byte, 64<<10)
	for range 50 {
		nc.Write([]byte("hello"))
		n, err := nc.Read(buf)
		if err != nil || n != int(want.Load()) {
			t.Fatalf("one read got %d bytes (%v), %d were written", n, err, want.Load())
		}
	}
	r.Close() // a write is counted after the peer may have seen it
	if s := r.Stats(); s.Writes != 50 {
		t.Errorf("%d system calls for 50 batches", s.Writes)
	}
}

func TestCorkAndLargeWritesKeepOrder(t *testing.T) {
	r := start(t, Options{Loops: 1, MaxOutboxBytes: 1 << 30, SendBuffer: 16 << 10})
	parts := [][]byte{noise(10), noise(16 << 10), noise(60_000), noise(15_000), noise(1),
		noise(300_000), noise(15_000), noise(20)}
	nc := dialNet(t, listen(t, r, &hooks{data: func(c *Conn, p []byte) {
		for i, p := range parts {
			if i%2 == 0 {
				c.Write(p)
			} else {
				s := shared(p)
				c.WriteShared(s)
				s.Release()
			}
		}
	}}))
	nc.Write([]byte("go"))
	want := bytes.Join(parts, nil)
	got := make([]byte, len(want))
	if _, err := io.ReadFull(nc, got); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%v, equal %v", err, bytes.Equal(got, want))
	}
}

// The outbox hands out what it holds, oldest first, and tells how much that is. It agrees with a
// byte slice.
func TestOutboxAgreesWithModel(t *testing.T) {
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 4))
		var total atomic.Int64
		o := &outbox{total: &total}
		var model []byte
		var all []*pool.Shared
		for range 300 {
			p := noise(1 + rng.IntN(6000))
			switch rng.IntN(3) {
			case 0:
				o.appendCopy(p)
				model = append(model, p...)
			case 1:
				s, skip := shared(p), rng.IntN(len(p))
				all = append(all, s)
				o.appendShared(s, skip)
				model = append(model, p[skip:]...)
			case 2:
				vectors, told := o.vectors(make([]syscall.Iovec, 0, 1+rng.IntN(maxVectors)))
				var got []byte
				for _, v := range vectors {
					got = append(got, unsafe.Slice(v.Base, v.Len)...)
				}
				if told != len(got) || !bytes.HasPrefix(model, got) {
					t.Fatalf("seed %d: %d bytes, told %d", seed, len(got), told)
				}
				if len(got) < len(model) && len(vectors) < cap(vectors) {
					t.Fatalf("seed %d: not all that fits is handed out", seed)
				}
				n := rng.IntN(len(got) + 1)
				o.advance(n)
				model = model[n:]
			}
			if o.bytes != len(model) {
				t.Fatalf("seed %d: %d bytes are counted, want %d", seed, o.bytes, len(model))
			}
		}
		o.advance(o.bytes)
		if n := total.Load(); n != 0 {
			t.Errorf("seed %d: %d bytes of memory are left", seed, n)
		}
		for _, s := range all {
			mustBeLast(t, s)
		}
	}
}

// A write that fails while the connection closes does not take the place of the reason for which it
// closes, and is the reason if there is no other.
func TestFailedWriteIsNoReasonToCloseTwice(t *testing.T) {
	errWhy := errors.New("why it was closed")
	for _, x := range []struct {
		name  string
		close func(*Conn)
		want  error
	}{
		{"open", func(*Conn) {}, syscall.EPIPE},
		{"closing", func(c *Conn) { c.Close(nil) }, nil},
		{"closing with a reason", func(c *Conn) { c.Close(errWhy) }, errWhy},
	} {
		t.Run(x.name, func(t *testing.T) {
			r := start(t, Options{Loops: 1})
			opened, end := make(chan *Conn, 1), make(chan error, 1)
			h := &hooks{open: func(c *Conn) { opened <- c },
				close: func(_ *Conn, err error) { end <- err }}
			dialNet(t, listen(t, r, h))
			c := await(t, opened, "OnOpen")
			onLoop(t, r, func() {
				x.close(c)
				c.mu.Lock()
				c.breakDown(syscall.EPIPE)
				c.mu.Unlock()
			})
			if err := await(t, end, "OnClose"); !errors.Is(err, x.want) {
				t.Errorf("OnClose got %v, want %v", err, x.want)
			}
		})
	}
}

// When the kernel has taken something of an outbox, its age begins anew, and the kernel is asked
// anew what the peer has acknowledged.
func TestOutboxThatMovesIsYoung(t *testing.T) {
	s := newSlowly(t, false, Options{MaxOutboxAge: time.Hour, SendBuffer: 64 << 10,
		MaxOutboxBytes: 64 << 20})
	fill(t, s.c, 2_000_000)
	s.clock.pass(t, s.r, 30*time.Second)
	ages := func() (moved, looked int64) {
		s.c.mu.Lock()
		defer s.c.mu.Unlock()
		return s.c.out.moved, s.c.out.looked
	}
	if _, looked := ages(); looked != 0 {
		t.Fatal("the kernel was asked already")
	}
	s.clock.pass(t, s.r, 8*time.Minute)
	if _, looked := ages(); looked == 0 {
		t.Fatal("the kernel was not asked")
	}
	now := int64(s.clock.now())
	for n := s.c.Queued(); s.c.Queued() == n; {
		s.take(50_000)
	}
	if moved, looked := ages(); moved != now || looked != 0 {
		t.Errorf("at %v: moved at %v, asked at %v", time.Duration(now), time.Duration(moved),
			time.Duration(looked))
	}
}

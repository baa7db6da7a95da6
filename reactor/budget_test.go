package reactor

import (
	"errors"
	"testing"
	"time"
)

// holders opens n connections whose peers read nothing, on r.
func holders(t *testing.T, r *Reactor, n int) (conns []*Conn, ends []chan error) {
	t.Helper()
	opened := make(chan *Conn, 1)
	for range n {
		end := make(chan error, 1)
		h := &hooks{open: func(c *Conn) { opened <- c },
			close: func(_ *Conn, err error) { end <- err }}
		_ = dialNet(t, listen(t, r, h)).SetReadBuffer(64 << 10)
		conns, ends = append(conns, await(t, opened, "OnOpen")), append(ends, end)
	}
	return conns, ends
}

// fill writes to c until n bytes are queued.
func fill(t *testing.T, c *Conn, n int) {
	t.Helper()
	for c.Queued() < n {
		if st := c.Write(noise(min(n, 20_000))); st == Dropped {
			t.Fatalf("dropped with %d bytes queued", c.Queued())
		}
	}
}

// The outboxes of all connections have one budget. Whoever holds most is closed first, and whoever
// holds little stays. One line in the log tells of a burst.
func TestOutboxBudgetClosesTheWorst(t *testing.T) {
	var log countingLog
	r := start(t, Options{Loops: 2, MaxOutboxBytes: 64 << 20, MaxTotalOutboxBytes: 4_000_000,
		MaxOutboxAge: time.Hour, SendBuffer: 16 << 10, Logger: log.logger()})
	conns, ends := holders(t, r, 6)
	for _, c := range conns[:4] {
		fill(t, c, 100_000)
	}
	fill(t, conns[4], 1_500_000)
	queued := func() (n int64) {
		for _, c := range conns {
			n += int64(c.Queued())
		}
		return n
	}
	// The kernel may still be taking some.
	for end := time.Now().Add(patience); r.Stats().OutboxBytes != queued(); {
		if time.Now().After(end) {
			t.Fatalf("%d bytes counted, %d queued", r.Stats().OutboxBytes, queued())
		}
	}
	fill(t, conns[5], 1_800_000)
	for r.Stats().OverBudget == 0 {
		if conns[5].Write(noise(50_000)) == Dropped {
			break
		}
	}
	err := await(t, ends[5], "OnClose of the worst")
	if err != ErrOutboxBudget || !errors.Is(err, ErrSlowConsumer) {
		t.Errorf("OnClose got %v", err)
	}
	for i, end := range ends[:5] {
		select {
		case err := <-end:
			t.Errorf("connection %d was closed: %v", i, err)
		default:
		}
	}
	s := r.Stats()
	if s.OverBudget != 1 || s.SlowConsumers != 1 || s.OutboxBytes > 4_000_000 {
		t.Errorf("stats: %+v", s)
	}
	for conns[4].Write(noise(100_000)) != Dropped {
	}
	await(t, ends[4], "OnClose of the next one")
	r.Close()
	if n := r.Stats().OutboxBytes; n != 0 {
		t.Errorf("%d bytes are left", n)
	}
	if n := log.lines.Load(); n != 1 {
		t.Errorf("%d lines in the log for one burst", n)
	}
}

// Bytes that connections share count once, so a broadcast to many slow peers closes nobody.
func TestSharedBytesCountOnceInTheBudget(t *testing.T) {
	r := start(t, Options{Loops: 2, MaxOutboxBytes: 64 << 20, MaxTotalOutboxBytes: 3_000_000,
		MaxOutboxAge: time.Hour, SendBuffer: 16 << 10})
	conns, ends := holders(t, r, 12)
	s := shared(noise(1_000_000))
	for _, c := range conns {
		if c.WriteShared(s) == Dropped {
			t.Fatal("dropped")
		}
	}
	if st := r.Stats(); st.OverBudget != 0 || st.OutboxBytes != 1_000_000 {
		t.Errorf("stats: %+v", st)
	}
	for i, c := range conns {
		c.Abort(nil)
		await(t, ends[i], "OnClose")
	}
	if n := r.Stats().OutboxBytes; n != 0 {
		t.Errorf("%d bytes are left", n)
	}
	mustBeLast(t, s)
}

// Of several that hold much the one that holds most is closed, and no other. Nobody is over its
// share when the budget is exceeded, so that the order alone decides.
func TestWorstIsClosedFirst(t *testing.T) {
	r := start(t, Options{Loops: 2, MaxOutboxBytes: 64 << 20, MaxTotalOutboxBytes: 2_000_000,
		MaxOutboxAge: time.Hour, SendBuffer: 16 << 10})
	conns, ends := holders(t, r, 3)
	for i, n := range []int{100_000, 100_000, 1_500_000} {
		fill(t, conns[i], n)
	}
	for r.Stats().OverBudget == 0 { // a share is 666 666 bytes
		if conns[0].Write(noise(20_000)) == Dropped {
			t.Fatal("one that holds less was closed")
		}
	}
	if err := await(t, ends[2], "OnClose of the worst"); err != ErrOutboxBudget {
		t.Errorf("OnClose got %v", err)
	}
	for i := range 2 {
		select {
		case err := <-ends[i]:
			t.Errorf("connection %d was closed: %v", i, err)
		default:
		}
	}
	if n := r.Stats().OverBudget; n != 1 {
		t.Errorf("%d were closed", n)
	}
}

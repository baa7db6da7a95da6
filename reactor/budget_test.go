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
	if !errors.Is(err, ErrOutboxBudget) || !errors.Is(err, ErrSlowConsumer) {
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

// Who holds most is closed until the rest is within the budget. That tells one line a burst.
func TestBudgetIsRelieved(t *testing.T) {
	clock := new(handClock)
	var log countingLog
	r := start(t, Options{Loops: 1, MaxOutboxBytes: 64 << 20, MaxTotalOutboxBytes: 64 << 20,
		MaxOutboxAge: time.Hour, SendBuffer: 16 << 10, Logger: log.logger(), Clock: clock.now})
	conns, ends := holders(t, r, 8)
	for i, c := range conns[:7] { // what is queued grows with the index; the last holds nothing
		onLoop(t, r, func() { // so that the kernel takes nothing meanwhile
			for range 2 {
				s := shared(noise(1_000_000 + i*400_000))
				if i%2 == 0 {
					c.WriteShared(s)
				} else {
					c.Write(s.Bytes())
				}
				s.Release()
			}
		})
	}
	eventually(t, "the kernel has taken what it takes", func() bool {
		before := r.Stats().BytesOut
		time.Sleep(20 * time.Millisecond)
		return r.Stats().BytesOut == before
	})
	sum := int64(0)
	for _, c := range conns {
		sum += int64(c.Holds())
	}
	if n := r.Stats().OutboxBytes; sum != n || sum == 0 {
		t.Errorf("the connections hold %d bytes, %d are counted", sum, n)
	}
	relieve := func(keep int) {
		t.Helper()
		onLoop(t, r, func() {
			r.budget.limit = 0
			for _, c := range conns[:keep] {
				r.budget.limit += int64(c.Holds())
			}
			r.budget.start()
		})
		eventually(t, "relieve ends", func() bool { return !r.budget.relieves.Load() })
	}
	closed := func(from int) {
		t.Helper()
		for i := from; i < 7; i++ {
			if err := await(t, ends[i], "OnClose"); !errors.Is(err, ErrOutboxBudget) {
				t.Errorf("connection %d: OnClose got %v", i, err)
			}
			if n := conns[i].Holds(); n != 0 {
				t.Errorf("connection %d is closed and holds %d bytes", i, n)
			}
			ends[i] <- ErrOutboxBudget // for the next look
		}
		for i := range from {
			if conns[i].Queued() == 0 || len(ends[i]) != 0 {
				t.Errorf("connection %d was closed too", i)
			}
		}
		if n := r.Stats().OverBudget; n != int64(7-from) {
			t.Errorf("%d are counted, want %d", n, 7-from)
		}
	}
	for _, step := range []struct {
		keep  int
		wait  time.Duration
		lines int64
	}{{7, 0, 0}, {6, 0, 1}, {5, 9 * time.Second, 1}, {4, 2 * time.Second, 2},
		{4, 20 * time.Second, 2}, {2, 0, 3}} {
		clock.ns.Add(int64(step.wait))
		relieve(step.keep)
		closed(step.keep)
		if n := log.lines.Load(); n != step.lines {
			t.Errorf("%d lines in the log after %v, want %d", n, step, step.lines)
		}
	}
	if len(ends[7]) != 0 {
		t.Error("who holds nothing was closed")
	}
	for _, c := range conns[:2] {
		c.Abort(nil)
	}
	eventually(t, "closed connections are forgotten", func() bool {
		onLoop(t, r, r.loops[0].onTick)
		r.budget.mu.Lock()
		defer r.budget.mu.Unlock()
		return len(r.budget.holders) == 0
	})
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
		if r.Stats().OutboxBytes > 2_000_000 { // a loop is about to close one
			time.Sleep(time.Millisecond)
		} else if conns[0].Write(noise(20_000)) == Dropped {
			t.Fatal("one that holds less was closed")
		}
	}
	if err := await(t, ends[2], "OnClose of the worst"); !errors.Is(err, ErrOutboxBudget) {
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

package reactor

import (
	"errors"
	"io"
	"testing"
)

// A connection that is closed for being slow counts once, however often it is found to be.
func TestSlowConsumerCountsOnce(t *testing.T) {
	r := start(t, Options{Loops: 1, MaxTotalOutboxBytes: 1 << 30})
	opened, ends := make(chan *Conn, 1), make(chan error, 1)
	dialNet(t, listen(t, r, &hooks{open: func(c *Conn) { opened <- c },
		close: func(_ *Conn, err error) { ends <- err }}))
	c := await(t, opened, "OnOpen")
	c.mu.Lock()
	c.slow(ErrOutboxBudget)
	c.slow(ErrSlowConsumer)
	c.slow(ErrOutboxBudget)
	c.mu.Unlock()
	if err := await(t, ends, "OnClose"); !errors.Is(err, ErrOutboxBudget) {
		t.Errorf("OnClose got %v", err)
	}
	if s := r.Stats(); s.SlowConsumers != 1 || s.OverBudget != 1 {
		t.Errorf("stats: %+v", s)
	}
}

// A control frame finds room behind an outbox that is full, an ordinary write does not.
func TestControlFramesHaveRoom(t *testing.T) {
	const limit, frame = 300_000, 125
	for _, flood := range []bool{false, true} {
		ends := make(chan error, 1)
		r, c, _ := stalled(t, Options{Loops: 1, MaxOutboxBytes: limit},
			&hooks{close: func(_ *Conn, err error) { ends <- err }})
		onLoop(t, r, func() { // the outbox moves only between the loop's functions
			for c.Queued() == 0 {
				c.Write(noise(100_000))
			}
			c.Write(noise(1)) // neither this message nor the one before counts
			for i := range limit / 1000 {
				if s := c.Write(noise(1000)); s != Backpressured {
					t.Errorf("write %d below the limit: status %v", i, s)
					return
				}
			}
			if s := c.WriteControl(noise(2), noise(frame-2)); s != Backpressured {
				t.Errorf("a control frame: status %v", s)
			}
			n := 1
			for flood && c.WriteControl(noise(2), noise(frame-2)) != Dropped {
				n++
			}
			if flood && n != 4<<10/frame {
				t.Errorf("%d control frames above the limit", n)
			}
			if s := c.Write(noise(1)); s != Dropped {
				t.Errorf("a write above the limit: status %v", s)
			}
		})
		if err := await(t, ends, "OnClose"); !errors.Is(err, ErrSlowConsumer) {
			t.Errorf("OnClose got %v", err)
		}
	}
}

// Within a callback small writes wait for its end, and one of 16 KiB leaves at once, with them.
func TestLargeWriteEndsTheCork(t *testing.T) {
	r := start(t, Options{Loops: 1})
	ends := make(chan error, 1)
	peer := dialNet(t, listen(t, r, &hooks{
		data: func(c *Conn, _ []byte) {
			before := r.Stats().Writes
			for _, x := range []struct {
				bytes  int
				writes int64
			}{{1, 0}, {16<<10 - 1, 0}, {16 << 10, 1}, {16<<10 - 1, 1}, {1, 1}, {17 << 10, 2},
				{16 << 10, 3}} {
				if s := c.Write(make([]byte, x.bytes)); s != Sent {
					t.Errorf("%d bytes: status %v", x.bytes, s)
				}
				if n := r.Stats().Writes - before; n != x.writes {
					t.Errorf("after %d bytes: %d writes, want %d", x.bytes, n, x.writes)
				}
			}
			c.Close(nil)
		},
		close: func(_ *Conn, err error) { ends <- err },
	}))
	peer.Write([]byte("x"))
	if _, err := io.Copy(io.Discard, peer); err != nil {
		t.Error(err)
	}
	peer.Close()
	await(t, ends, "OnClose")
}

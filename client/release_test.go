package client

import (
	"testing"
	"time"

	"github.com/smartsocket/smartsocket/message"
)

// watched is a transport that looks at its link whenever something is queued.
type watched struct {
	transport
	look func()
}

func (w *watched) room(<-chan struct{}, <-chan time.Time) bool { return true }
func (w *watched) append([]byte) error                         { w.look(); return nil }
func (w *watched) flushLater()                                 {}

// While parked events are released, whoever emits waits behind them.
func TestNothingOvertakesARelease(t *testing.T) {
	c, err := New("ws://127.0.0.1:1/", Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Disconnect)
	l := &link{c: c}
	queued := 0
	l.t = &watched{look: func() {
		queued++
		if !l.behind.Load() {
			t.Errorf("event %d leaves, and another could overtake the rest", queued)
		}
	}}
	c.mu.Lock()
	for range 3 {
		b := message.AppendEventHeader(nil, 0, 0, 0, "count")
		c.park(&parked{event: "count", b: b, body: len(b), at: c.clock.Now()})
	}
	c.release(l)
	c.mu.Unlock()
	if queued != 3 || l.behind.Load() {
		t.Errorf("%d of 3 left, and others wait: %t", queued, l.behind.Load())
	}
}

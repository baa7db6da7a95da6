//go:build !js

package client

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/message"
)

// TestRetryAfterRecovery cuts the connection again and again while answers are
// awaited: each event is answered, and its handlers run once.
func TestRetryAfterRecovery(t *testing.T) {
	for name, key := range map[string]string{"plain": "", "sealed": testKey} {
		t.Run(name, func(t *testing.T) {
			const rounds, each = 20, 25
			var runs [rounds * each]atomic.Int32
			v := caching(t, smartsocket.Options{EncryptionKey: key})
			smartsocket.Handle(v, "count", func(_ *smartsocket.Socket, n int) (int, error) {
				runs[n].Add(1)
				return n, nil
			})
			r := newRelay(t, v)
			c, back := flapper(t, r, Options{EncryptionKey: key})
			connect(t, c)
			answers := make(chan error, len(runs))
			for round := range rounds {
				for i := range each {
					if i == each/2 {
						r.cut(round%2 == 0)
					}
					n := round*each + i
					if err := c.EmitAck("count", n, 0, func(d Data, err error) {
						got := -1
						if err == nil {
							err = d.Decode(&got)
						}
						if err == nil && got != n {
							err = errors.New("the answer to another event came")
						}
						answers <- err
					}); err != nil {
						t.Fatal(err)
					}
				}
				if !take(t, back, "the session") {
					t.Fatalf("round %d: not recovered", round)
				}
			}
			for range runs {
				if err := take(t, answers, "an answer"); err != nil {
					t.Fatal(err)
				}
			}
			for n := range runs {
				if got := runs[n].Load(); got != 1 {
					t.Errorf("event %d was handled %d times", n, got)
				}
			}
			c.ackMu.Lock()
			defer c.ackMu.Unlock()
			if len(c.acks) != 0 || c.kept != 0 || c.keptBytes != 0 {
				t.Errorf("%d acks wait, %d events of %d bytes are kept", len(c.acks), c.kept,
					c.keptBytes)
			}
		})
	}
}

// TestRetryFindsTheRunningHandler: the first run of a handler answers the event that came again.
func TestRetryFindsTheRunningHandler(t *testing.T) {
	v := caching(t, smartsocket.Options{})
	started, release := make(chan bool, 10), make(chan bool)
	v.On("slow", func(_ *smartsocket.Socket, _ smartsocket.Data, ack smartsocket.Ack) {
		started <- true
		<-release
		ack.Reply("done")
	})
	r := newRelay(t, v)
	c, back := flapper(t, r, Options{})
	connect(t, c)
	answer := make(chan error, 1)
	if err := c.EmitAck("slow", strings.Repeat("long ", 1000), 0, func(_ Data, err error) {
		answer <- err
	}); err != nil {
		t.Fatal(err)
	}
	take(t, started, "the handler")
	r.cut(false)
	take(t, back, "the session")
	if n := c.Stats().Resent; n != 1 {
		t.Errorf("%d events were sent again", n)
	}
	release <- true
	if err := take(t, answer, "the answer"); err != nil {
		t.Error(err)
	}
	if len(started) != 0 {
		t.Error("the handler ran twice")
	}
}

// TestNoRetryWithoutRecovery: what waited fails when the session is new.
func TestNoRetryWithoutRecovery(t *testing.T) {
	v := caching(t, smartsocket.Options{MessageCacheSize: 1})
	var runs atomic.Int32
	never := make(chan bool)
	t.Cleanup(func() { close(never) })
	v.On("never", func(*smartsocket.Socket, smartsocket.Data, smartsocket.Ack) {
		runs.Add(1)
		<-never
	})
	r := newRelay(t, v)
	c := newClient(t, r.url, Options{})
	k := newTestClock()
	c.clock, c.random = k, func() float64 { return 0.5 }
	back := make(chan bool, 1)
	c.OnReconnected(func(recovered bool) { back <- recovered })
	connect(t, c)
	answer := make(chan error, 1)
	if err := c.EmitAck("never", nil, 0, func(_ Data, err error) { answer <- err }); err != nil {
		t.Fatal(err)
	}
	for runs.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	id := c.ID()
	r.cut(false)
	d := take(t, k.waits, "the wait")
	if len(answer) != 0 {
		t.Error("the answer was given up before the session was")
	}
	for n := range 3 { // more than the server keeps
		if _, err := v.ToSocket(id).Emit("news", n); err != nil {
			t.Fatal(err)
		}
	}
	k.pass <- time.Time{}.Add(d)
	if take(t, back, "the session") {
		t.Fatal("recovered")
	}
	if err := take(t, answer, "the end of the wait"); !errors.Is(err, message.ErrConnectionLost) {
		t.Error(err)
	}
	if runs.Load() != 1 {
		t.Errorf("%d runs", runs.Load())
	}
}

// TestKeptEventsAreBounded: what is over the bounds fails with the connection.
func TestKeptEventsAreBounded(t *testing.T) {
	v := caching(t, smartsocket.Options{})
	never := make(chan bool)
	t.Cleanup(func() { close(never) })
	v.On("never", func(*smartsocket.Socket, smartsocket.Data, smartsocket.Ack) { <-never })
	r := newRelay(t, v)
	c, back := flapper(t, r, Options{})
	connect(t, c)
	big := make([]byte, maxKeptBytes*2/3)
	failed := make(chan int, 10)
	for i := range 2 {
		if err := c.EmitAck("never", big, 0, func(_ Data, err error) {
			if errors.Is(err, message.ErrConnectionLost) {
				failed <- i
			}
		}); err != nil {
			t.Fatal(err)
		}
	}
	r.cut(false)
	take(t, back, "the session")
	if i := take(t, failed, "the failure"); i != 1 {
		t.Errorf("event %d failed", i)
	}
	if n := c.Stats().PendingAcks; n != 1 {
		t.Errorf("%d answers are awaited, want 1", n)
	}
}

//go:build !js

package client

import (
	"sync"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
)

// TestChurn emits, asks, loses sessions and disconnects at the same time: every call
// returns, and nothing waits without an end.
func TestChurn(t *testing.T) {
	v := startServer(t, smartsocket.Options{}, echoes)
	c := newClient(t, urlOf(v, "/"), Options{
		ReconnectDelay:       time.Millisecond,
		MaxReconnectAttempts: Forever,
	})
	c.On("back", func(Data, Ack) { _ = c.Emit("echo", 1) })
	var wg sync.WaitGroup
	var calls, settled int
	var mu sync.Mutex
	for round := range 3 {
		connect(t, c)
		for g := range 4 {
			wg.Go(func() {
				for i := range 100 {
					if g == 0 && i%25 == 24 {
						_ = c.Emit("drop", nil)
					}
					_ = c.Emit("back", i)
					if err := c.EmitAck("echo", i, 0, func(Data, error) {
						mu.Lock()
						settled++
						mu.Unlock()
					}); err == nil {
						mu.Lock()
						calls++
						mu.Unlock()
					}
					if _, err := c.EmitWithAck(testContext(t), "echo", i); err != nil &&
						testContext(t).Err() != nil {
						t.Error(err)
					}
				}
			})
		}
		if round == 1 { // in the middle of it
			_ = c.Emit("back", nil)
			c.Disconnect()
		}
		wg.Wait()
		c.Disconnect()
	}
	done := make(chan bool)
	c.post(job{run: func() { close(done) }})
	take(t, done, "the last of the handlers")
	mu.Lock()
	defer mu.Unlock()
	if calls != settled {
		t.Errorf("%d of %d answers were settled", settled, calls)
	}
	if n := c.Stats().PendingAcks; n != 0 {
		t.Errorf("%d acks wait", n)
	}
}

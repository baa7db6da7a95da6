//go:build !js

package client

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket/internal/ratelimit"
	"github.com/smartsocket/smartsocket/message"
)

// script is a transport that ends after a number of messages.
type script struct {
	left  int
	busy  int // how often room is asked for before there is room
	got   [][]byte
	drain func()
}

// events are the names and data of the events that were sent, "e 1 2" for two.
func (t *script) events() (list []string) {
	for _, b := range t.got {
		m, err := message.Parse(b)
		if err != nil {
			return append(list, err.Error())
		}
		list = append(list, string(m.Event)+string(m.Payload))
	}
	return list
}

func (t *script) append(b []byte) error {
	if t.left == 0 {
		return errClosed
	}
	t.left--
	t.got = append(t.got, append([]byte(nil), b...))
	return nil
}

func (t *script) run(_ func(bool, []byte), ended func(ending)) { ended(ending{}) }
func (t *script) room(<-chan struct{}, <-chan time.Time) bool {
	t.busy--
	return t.busy < 0
}
func (t *script) buffered() int                { return 0 }
func (t *script) onDrain(f func())             { t.drain = f }
func (t *script) flush()                       {}
func (t *script) flushLater()                  {}
func (t *script) limits(time.Duration, func()) {}
func (t *script) close(uint16, string)         {}
func (t *script) abort()                       {}

// resumed is a client whose connections are scripts.
type resumed struct {
	*Client
	x    *session
	life context.Context
	rate ratelimit.Limit // that the server told
}

func newResumed(t *testing.T, o Options) *resumed {
	c := &resumed{Client: newClient(t, "ws://localhost:1", o), x: &session{token: []byte("t")}}
	var end context.CancelFunc
	c.life, end = context.WithCancel(context.Background())
	t.Cleanup(end)
	c.Client.life, c.end = c.life, end
	return c
}

// next gives the client its next connection, which takes this many messages. The server has
// none of its events.
func (c *resumed) next(messages int) *script {
	t := &script{left: messages}
	l := newLink(c.Client, t, &attempt{life: c.life, at: c.at, session: c.x})
	l.resumable, l.recovered, l.arrived, l.rate = true, true, 1, c.rate
	c.current.Store(nil)
	c.state = reconnecting
	c.publish(l)
	if l.missing {
		c.raise(errSlow)
	}
	return t
}

// TestResendThatIsCut: what a connection that dies in the middle did not take is left for
// the next one.
func TestResendThatIsCut(t *testing.T) {
	c := newResumed(t, Options{})
	c.next(100)
	for range 5 {
		if err := c.Emit("e", nil); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(c.next(2).got); n != 2 {
		t.Errorf("%d were sent, want 2", n)
	}
	if n := len(c.next(100).got); n != 5 {
		t.Errorf("%d of 5 were sent", n)
	}
}

// TestKeptQuestionsAreNotMissing: they are sent again though the ring of events does not
// hold them any more.
func TestKeptQuestionsAreNotMissing(t *testing.T) {
	c := newResumed(t, Options{})
	c.next(1 << 20)
	if err := c.EmitAck("q", nil, time.Minute, func(Data, error) {}); err != nil {
		t.Fatal(err)
	}
	emit := func(n int) {
		for range n {
			if err := c.Emit("e", nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	emit(maxSent)
	if n := len(c.next(1 << 20).got); n != maxSent+1 {
		t.Errorf("%d were sent again, want %d", n, maxSent+1)
	}
	if c.current.Load().missing {
		t.Error("nothing is missing")
	}
	emit(maxSent + 1)
	c.next(1 << 20)
	if !c.current.Load().missing {
		t.Error("events are missing")
	}
}

// asking is a log handler that asks the client something.
type asking struct {
	slog.Handler
	ask func()
}

func (h *asking) Enabled(context.Context, slog.Level) bool { return true }

func (h *asking) Handle(context.Context, slog.Record) error {
	h.ask()
	return nil
}

// TestLoggerMayAskTheClient while it is told of missing events.
func TestLoggerMayAskTheClient(t *testing.T) {
	h := &asking{Handler: slog.DiscardHandler, ask: func() {}}
	c := newResumed(t, Options{Logger: slog.New(h)})
	c.next(1 << 20)
	for range maxSent + 1 {
		if err := c.Emit("e", nil); err != nil {
			t.Fatal(err)
		}
	}
	h.ask = func() { c.Stats() }
	done := make(chan bool, 1)
	go func() {
		c.next(1 << 20)
		done <- true
	}()
	take(t, done, "the connection")
}

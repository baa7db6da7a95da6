//go:build !js

package client

import (
	"slices"
	"testing"
	"time"
)

// dying is a transport that has ended, and tells that somebody tried to send.
type dying struct {
	script
	tried chan bool
}

func (t *dying) append([]byte) error {
	t.tried <- true
	return errClosed
}

// nextDying gives the client a connection that has ended, though its reader does not know yet.
func (c *resumed) nextDying() (*link, *dying) {
	t := &dying{tried: make(chan bool, 10)}
	l := newLink(c.Client, t, &attempt{life: c.life, at: c.at, session: c.x})
	l.resumable, l.recovered, l.arrived = true, true, 1
	c.current.Store(nil)
	c.state = reconnecting
	c.publish(l)
	return l, t
}

// TestQuestionIsHandedOverOnce: a question whose connection ends in the middle of EmitAck goes out
// once on the next one, which may open before EmitAck learns of the end.
func TestQuestionIsHandedOverOnce(t *testing.T) {
	c := newResumed(t, Options{})
	old, gone := c.nextDying()
	done := make(chan error, 1)
	go func() { done <- c.EmitAck("q", nil, time.Hour, func(Data, error) {}) }()
	take(t, gone.tried, "the question")
	next := c.next(100)
	close(old.done)
	if err := take(t, done, "EmitAck"); err != nil {
		t.Error(err)
	}
	if got := next.events(); !slices.Equal(got, []string{"q"}) {
		t.Errorf("the next connection was given %q", got)
	}
}

// TestParkedThatIsCut: what a connection that dies in the middle of the parked events did not take
// stays parked for the next one, questions too, in order.
func TestParkedThatIsCut(t *testing.T) {
	c := newResumed(t, Options{})
	c.state = reconnecting
	for i := range 4 {
		if err := c.Emit("e", i); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.EmitAck("q", nil, time.Hour, func(Data, error) {}); err != nil {
		t.Fatal(err)
	}
	if got := c.next(2).events(); !slices.Equal(got, []string{"e0", "e1"}) {
		t.Errorf("sent %q", got)
	}
	if n := c.Stats().Waiting; n != 3 {
		t.Errorf("%d messages wait, want 3", n)
	}
	if got := c.next(100).events(); !slices.Equal(got, []string{"e0", "e1", "e2", "e3", "q"}) {
		t.Errorf("the next connection was given %q", got)
	}
}

//go:build !js

package client

import (
	"errors"
	"fmt"
	"net"
	"runtime"
	"slices"
	"testing"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/message"
)

// TestWelcome: what the server emits before the application listens is not lost.
func TestWelcome(t *testing.T) {
	v := startServer(t, smartsocket.Options{}, func(v *smartsocket.Server) {
		v.OnConnected(func(s *smartsocket.Socket) {
			for n := range 3 {
				s.Emit("welcome", n)
			}
			s.EmitAck("ready", nil, 0, func(_ smartsocket.Data, err error) {
				s.Emit("told", err == nil)
			})
		})
	})
	for range 20 {
		c := newClient(t, urlOf(v, ""), Options{})
		connect(t, c)
		for c.Stats().Received < 4 {
			runtime.Gosched()
		}
		got := make(chan string, 4)
		On(c, "welcome", func(n int, _ Ack) { got <- fmt.Sprint("welcome ", n) })
		c.On("ready", func(_ Data, ack Ack) { ack.Reply(nil) })
		On(c, "told", func(ok bool, _ Ack) { got <- fmt.Sprint("told ", ok) })
		expect(t, got, "welcome 0", "welcome 1", "welcome 2", "told true")
		c.Disconnect()
	}
}

// TestEarlyEvents: they keep their order, a handler may end its goroutine, too many are not
// held, and after the time of grace questions are answered that nobody handles them.
func TestEarlyEvents(t *testing.T) {
	answers := make(chan message.Message, 10)
	url := fakeServer(t, func(_ int, nc net.Conn) {
		if !accept(nc) {
			return
		}
		for n := range maxEarly + 10 {
			event := "e"
			if n%2 == 1 {
				event = "never"
			}
			b := message.AppendEventHeader(nil, message.FlagAck, 0, uint64(n+1), event)
			nc.Write(frame.AppendFrame(nil, frame.Binary, fmt.Append(b, n)))
		}
		for {
			p, ok := readMessage(nc)
			if !ok {
				return
			}
			m, err := message.Parse(p)
			if err != nil {
				t.Error(err)
			}
			answers <- m
		}
	})
	c, k := clocked(t, url, Options{})
	connect(t, c)
	for range 10 { // the ones beyond the bounds
		if m := take(t, answers, "an answer"); m.Kind != message.KindError || m.AckID <= maxEarly {
			t.Errorf("%+v", m)
		}
	}
	var got []int
	On(c, "e", func(n int, ack Ack) {
		got = append(got, n)
		ack.Reply(nil)
		if n == 4 {
			runtime.Goexit()
		}
	})
	want := make([]int, maxEarly/2)
	for i := range want {
		want[i] = 2 * i
		m := take(t, answers, "an answer")
		if m.Kind != message.KindAck || m.AckID != uint64(2*i+1) {
			t.Errorf("%+v", m)
		}
	}
	look := take(t, k.funcs, "the timer")
	if n := c.Stats().Unhandled; n != 10 {
		t.Errorf("%d events count as unhandled", n)
	}
	k.add(earlyTime)
	look()
	for i := range maxEarly / 2 {
		m := take(t, answers, "an answer")
		e, err := message.ParseErrorJSON(m.Payload)
		if err != nil || !errors.Is(&e, message.ErrNoHandler) || m.AckID != uint64(2*i+2) {
			t.Errorf("%+v, %v", m, e)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("handled %v", got)
	}
	c.Disconnect()
	connect(t, c) // the same again: the time of grace ends once more
	look = take(t, k.funcs, "the timer of the second connection")
	k.add(earlyTime)
	look()
	for range maxEarly + 10 {
		take(t, answers, "an answer")
	}
}

package test

import (
	"bytes"
	"testing"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/message"
)

// burst is a handler that emits ten events and answers.
func burst(s *smartsocket.Socket, d smartsocket.Data, ack smartsocket.Ack) {
	for range 10 {
		s.Emit("part", d)
	}
	ack.Reply(d)
}

// What one turn of a handler sends to its own client leaves in one write, whether the handler
// blocks or runs inline, in clear or over TLS, with a session or without.
func TestOneWritePerHandlerTurn(t *testing.T) {
	certFile, keyFile := certificateFiles(t)
	secure := Options{TLSCertFile: certFile, TLSKeyFile: keyFile}
	inline := []smartsocket.HandlerOption{smartsocket.Inline}
	for _, c := range []struct {
		name string
		o    Options
		how  []smartsocket.HandlerOption
		dial func(testing.TB, *Server, string) *wire
	}{
		{"blocking", Options{}, nil, dialFull},
		{"inline", Options{}, inline, dialFull},
		{"blocking, with a session", Options{EnableMessageCache: true}, nil, dialFull},
		{"blocking, over TLS", secure, nil, dialTLS},
		{"inline, over TLS", secure, inline, dialTLS},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := startServer(t, c.o, func(v *Server) { v.On("burst", burst, c.how...) })
			w := c.dial(t, v, "/")
			const rounds = 50
			before, one := v.ConnectionStats().Writes, 0
			for id := range uint64(rounds) {
				at := v.ConnectionStats().Writes
				w.send(frame.Binary, eventBytes(message.FlagAck, id+1, "burst", `{"x":1}`))
				for range 10 {
					if m := w.message(); m.Kind != message.KindEvent || string(m.Event) != "part" {
						t.Fatalf("got kind %d, %q", m.Kind, m.Event)
					}
				}
				if m := w.message(); m.Kind != message.KindAck || m.AckID != id+1 {
					t.Fatalf("got kind %d, id %d instead of the answer %d", m.Kind, m.AckID, id+1)
				}
				// A write is counted when the client may have seen it already.
				eventually(t, "the count", func() bool { return v.ConnectionStats().Writes > at })
				if v.ConnectionStats().Writes == at+1 {
					one++
				}
			}
			// A goroutine that the system keeps from running may be overtaken by the loop.
			if n := v.ConnectionStats().Writes - before; n > 2*rounds || one < rounds/2 {
				t.Errorf("%d writes for %d turns, one write for %d of them", n, rounds, one)
			}
		})
	}
}

// An emit from a goroutine of the application is written when Emit returns. A handler that goes
// on for long holds back neither its own emits nor those of others.
func TestEmitsOutsideAHandlerLeaveAtOnce(t *testing.T) {
	entered, leave := make(chan *smartsocket.Socket, 1), make(chan struct{})
	v := startServer(t, Options{}, func(v *Server) {
		v.On("wait", func(s *smartsocket.Socket, d smartsocket.Data, ack smartsocket.Ack) {
			s.Emit("working", nil)
			entered <- s
			<-leave
			ack.Reply(nil)
		})
	})
	w := dialFull(t, v, "/")
	s := socketOf(t, v, w.id)
	const rounds = 20
	late := 0
	for range rounds {
		at := v.ConnectionStats().Writes
		s.Emit("now", nil)
		if v.ConnectionStats().Writes == at {
			late++
		}
		if m := w.message(); string(m.Event) != "now" {
			t.Fatalf("got %q", m.Event)
		}
	}
	// The loop may still be in the turn of the handshake. Then the turn's own write carries it.
	if late > rounds/4 {
		t.Errorf("%d of %d emits were not written when Emit returned", late, rounds)
	}
	w.send(frame.Binary, eventBytes(message.FlagAck, 1, "wait", ""))
	if m := w.message(); string(m.Event) != "working" { // while the handler still runs
		t.Fatalf("got %q", m.Event)
	}
	(<-entered).Emit("other", bytes.Repeat([]byte("x"), 20<<10))
	if m := w.message(); string(m.Event) != "other" {
		t.Fatalf("got %q", m.Event)
	}
	close(leave)
	if m := w.message(); m.Kind != message.KindAck {
		t.Fatalf("got kind %d instead of the answer", m.Kind)
	}
}

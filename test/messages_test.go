package test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/message"
)

func TestPlainClientIsAnswered(t *testing.T) {
	v := startServer(t, Options{}, func(v *Server) { v.On("echo", echo, smartsocket.Inline) })
	a, b := dialPlain(t, v, "/"), dialPlain(t, v, "/")
	a.text(`{"event":"echo","data":{"x":1}}`)
	b.text(`{"data":[1,2],"ack":7,"event":"echo"}`)
	a.wantText(`{"event":"echo","data":{"x":1}}`)
	b.wantText(`{"event":"echo","data":[1,2]}`)
	b.wantText(`{"ack":7,"data":[1,2]}`)
	a.text(`{"event":"echo"}`)
	a.wantText(`{"event":"echo"}`)
}

func TestProtocolClient(t *testing.T) {
	for _, mode := range []struct {
		name string
		opts []smartsocket.HandlerOption
	}{{"blocking", nil}, {"inline", []smartsocket.HandlerOption{smartsocket.Inline}}} {
		t.Run(mode.name, func(t *testing.T) {
			v := startServer(t, Options{}, func(v *Server) {
				v.Namespace("/game").On("echo", echo, mode.opts...)
			})
			a, b := dialFull(t, v, "/game"), dialFull(t, v, "game/")
			for i, payload := range []string{
				`{"x":1}`, `[]`, `null`, `"é"`, `12`, ``, `{"__proto__":1}`,
			} {
				for _, w := range []*wire{a, b} {
					w.request(uint64(i), "echo", payload)
					w.wantEvent("echo", payload)
					w.wantAck(uint64(i), payload)
				}
			}
			const raw = "\x00\xff\x00"
			flags := message.FlagBinary | message.FlagAck
			a.send(frame.Binary, eventBytes(flags, 300, "echo", raw))
			if m := a.message(); m.Flags&message.FlagBinary == 0 || string(m.Payload) != raw {
				t.Fatalf("binary payload came back as %v %q", m.Flags, m.Payload)
			}
			a.wantAck(300, raw)
		})
	}
}

func TestEventNamesOfObjectPrototypesAreOrdinary(t *testing.T) {
	names := []string{"constructor", "toString", "hasOwnProperty", "valueOf"}
	v := startServer(t, Options{}, func(v *Server) {
		for _, n := range names {
			v.On(n, func(s *Socket, _ Data, ack Ack) { ack.Reply(n) })
		}
	})
	w := dialFull(t, v, "/")
	for i, n := range names {
		w.request(uint64(i), n, "")
		w.wantAck(uint64(i), `"`+n+`"`)
	}
	w.request(98, "prototype", "")
	w.wantNack(98, message.CodeNoHandler)
	w.request(99, "__proto__", "")
	w.wantNack(99, message.CodeInvalidFormat)
}

func init() {
	// A name with two leading underscores is reserved. Registering one is a mistake that must not
	// pass silently.
	defer func() {
		if recover() == nil {
			panic("registering a reserved event name did not panic")
		}
	}()
	v, _ := smartsocket.New(Options{})
	v.On("__rate-limited__", echo)
}

func TestReservedEventsAreRefused(t *testing.T) {
	v := startServer(t, Options{}, func(v *Server) {
		v.OnConnected(func(*Socket) {})
		v.OnError(func(_ *Socket, err error) { t.Errorf("an error handler ran: %v", err) })
	})
	for _, n := range []string{
		"connected", "connect", "connection", "disconnect", "disconnected", "error", "rate-limit",
		"__x",
	} {
		w := dialFull(t, v, "/")
		w.request(1, n, "")
		w.wantNack(1, message.CodeInvalidFormat)
	}
}

func TestInvalidMessages(t *testing.T) {
	v := startServer(t, Options{}, func(v *Server) { v.On("echo", echo) })
	good := dialFull(t, v, "/")
	for _, bad := range []struct {
		name string
		op   frame.Opcode
		p    string
	}{
		{"empty", frame.Binary, ""},
		{"unknown kind", frame.Binary, "\x0c"},
		{"hello from a client", frame.Binary, "\x01"},
		{"event without name", frame.Binary, "\x04\x00"},
		{"name past the end", frame.Binary, "\x04\x7fabc"},
		{"payload not JSON", frame.Binary, "\x04\x04echo{"},
		{"text not JSON", frame.Text, "hello"},
		{"text without event", frame.Text, `{"data":1}`},
		{"event not a string", frame.Text, `{"event":{}}`},
		{"ack nobody waits for", frame.Binary, "\x45\x07"},
	} {
		t.Run(bad.name, func(t *testing.T) {
			w := dialFull(t, v, "/")
			for range 10 {
				w.send(bad.op, []byte(bad.p))
			}
			m := w.message()
			code := codeOf(m)
			if code != message.CodeInvalidFormat && code != message.CodeAckUnknown {
				t.Fatalf("answer: kind %d %q", m.Kind, m.Payload)
			}
			w.wantClose(frame.ClosePolicyViolation)
		})
	}
	good.request(1, "echo", `1`)
	good.wantEvent("echo", `1`)
	good.wantAck(1, `1`)
}

func TestMessageTooLargeIsRefusedBeforeSending(t *testing.T) {
	got := make(chan error, 2)
	v := startServer(t, Options{MaxMessageBytes: 1024}, func(v *Server) {
		v.OnConnected(func(s *Socket) {
			_, err := s.Emit("big", strings.Repeat("x", 2000))
			got <- err
			_, err = v.Emit("big", make([]byte, 2000))
			got <- err
			s.Emit("small", json.RawMessage(`1`))
		})
	})
	w := dialFull(t, v, "/")
	for range 2 {
		if err := <-got; !errors.Is(err, smartsocket.ErrTooLarge) {
			t.Errorf("got %v, want ERR_MSG_004", err)
		}
	}
	w.wantEvent("small", "1")
	w.emit("x", `"`+strings.Repeat("y", 2000)+`"`)
	w.wantClose(frame.CloseTooBig)
}

// The messages of one socket come in the order in which they were sent, whoever else sends
// meanwhile.
func TestOrderPerConnection(t *testing.T) {
	const n = 500
	v := startServer(t, Options{}, func(v *Server) {
		v.On("count", func(s *Socket, d Data, _ Ack) { s.Emit("count", d.JSON()) })
	})
	var wg sync.WaitGroup
	for range 4 {
		w := dialFull(t, v, "/")
		wg.Go(func() {
			for i := range n {
				w.emit("count", fmt.Sprint(i))
			}
			for i := range n {
				w.wantEvent("count", fmt.Sprint(i))
			}
		})
	}
	wg.Wait()
}

// A message far over the outbox limit reaches a client that reads. A client that does not read is
// closed and counted.
func TestLargeMessagesAndSlowConsumers(t *testing.T) {
	v := startServer(t, Options{}, joiner)
	reader, stalled := dialFull(t, v, "/"), dialFull(t, v, "/")
	big := `"` + strings.Repeat("x", 5<<20) + `"`
	ns := v.Namespace("/")
	if d := emit(t, ns.ToSocket(reader.id), "big", json.RawMessage(big)); d.Queued != 1 {
		t.Fatalf("%+v", d)
	}
	reader.wantEvent("big", big)
	half := json.RawMessage(big[:512<<10] + `"`)
	for i := 0; v.ConnectionStats().SlowConsumers == 0; i++ {
		if i > 200 {
			t.Fatal("100 MB were queued for a client that reads nothing")
		}
		if _, err := ns.ToSocket(stalled.id).Emit("much", half); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "the stalled client to be gone", func() bool { return ns.Len() == 1 })
	reader.request(1, "join", `["r"]`)
	reader.wantAck(1, "true")
}

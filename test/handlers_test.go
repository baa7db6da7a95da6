package test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/message"
)

func echo(s *smartsocket.Socket, d smartsocket.Data, ack smartsocket.Ack) {
	if d.Binary() {
		s.Emit("echo", d.Bytes())
		ack.Reply(d.Bytes())
		return
	}
	if d.Empty() {
		s.Emit("echo", nil)
		ack.Reply(nil)
		return
	}
	s.Emit("echo", d.JSON())
	ack.Reply(d.JSON())
}

func TestPlainClientIsAnswered(t *testing.T) {
	v := startServer(t, smartsocket.Options{}, func(v *smartsocket.Server) { v.On("echo", echo, smartsocket.Inline) })
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
			v := startServer(t, smartsocket.Options{}, func(v *smartsocket.Server) {
				v.Namespace("/game").On("echo", echo, mode.opts...)
			})
			a, b := dialFull(t, v, "/game"), dialFull(t, v, "game/")
			for i, payload := range []string{`{"x":1}`, `[]`, `null`, `"é"`, `12`, ``, `{"__proto__":1}`} {
				for _, w := range []*wire{a, b} {
					w.request(uint64(i), "echo", payload)
					w.wantEvent("echo", payload)
					w.wantAck(uint64(i), payload)
				}
			}
			raw := append(message.AppendEventHeader(nil, message.FlagBinary|message.FlagAck, 0, 300, "echo"), 0, 255, 0)
			a.send(frame.Binary, raw)
			if m := a.message(); m.Flags&message.FlagBinary == 0 || string(m.Payload) != "\x00\xff\x00" {
				t.Fatalf("binary payload came back as %v %q", m.Flags, m.Payload)
			}
			a.wantAck(300, "\x00\xff\x00")
		})
	}
}

func TestEventNamesOfObjectPrototypesAreOrdinary(t *testing.T) {
	names := []string{"constructor", "toString", "hasOwnProperty", "valueOf"}
	v := startServer(t, smartsocket.Options{}, func(v *smartsocket.Server) {
		for _, n := range names {
			v.On(n, func(s *smartsocket.Socket, _ smartsocket.Data, ack smartsocket.Ack) { ack.Reply(n) })
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
	// A name with two leading underscores is reserved; registering one is a mistake that must not pass silently.
	defer func() {
		if recover() == nil {
			panic("registering a reserved event name did not panic")
		}
	}()
	v, _ := smartsocket.New(smartsocket.Options{})
	v.On("__rate-limited__", echo)
}

func TestReservedEventsAreRefused(t *testing.T) {
	v := startServer(t, smartsocket.Options{}, func(v *smartsocket.Server) {
		v.OnConnected(func(*smartsocket.Socket) {})
		v.OnError(func(s *smartsocket.Socket, err error) { t.Errorf("an error handler ran: %v", err) })
	})
	for _, n := range []string{"connected", "connect", "connection", "disconnect", "disconnected", "error", "rate-limit", "__x"} {
		w := dialFull(t, v, "/")
		w.request(1, n, "")
		w.wantNack(1, message.CodeInvalidFormat)
	}
}

func TestInvalidMessages(t *testing.T) {
	v := startServer(t, smartsocket.Options{}, func(v *smartsocket.Server) { v.On("echo", echo) })
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
			e, err := message.ParseErrorJSON(m.Payload)
			if m.Kind != message.KindError || err != nil || e.Code != message.CodeInvalidFormat && e.Code != message.CodeAckUnknown {
				t.Fatalf("answer: kind %d %q", m.Kind, m.Payload)
			}
			w.wantClose(frame.ClosePolicyViolation)
		})
	}
	good.request(1, "echo", `1`)
	good.wantEvent("echo", `1`)
	good.wantAck(1, `1`)
}

func TestHandshakeRefusals(t *testing.T) {
	v := startServer(t, smartsocket.Options{HandshakeTimeout: 300 * time.Millisecond}, func(v *smartsocket.Server) { v.Namespace("/quiz") })
	connect := func(c message.Connect) []byte { return message.AppendConnect(nil, &c) }
	for _, c := range []struct {
		name  string
		p     []byte
		code  message.Code
		close frame.CloseCode
	}{
		{"unknown namespace", connect(message.Connect{Version: 1, Namespace: []byte("/nope")}), message.CodeInvalidNamespace, 3501},
		{"other version", connect(message.Connect{Version: 2}), message.CodeHandshakeFailed, 1002},
		{"encryption asked for", connect(message.Connect{Version: 1, Algorithm: 1}), message.CodeAuthFailed, 3500},
		{"event first", message.AppendEventHeader(nil, 0, 0, 0, "x"), message.CodeInvalidFormat, 1008},
		{"nothing at all", nil, message.CodeTimeout, 3001},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := dialWire(t, v, "/", message.Subprotocol)
			w.message()
			if c.p != nil {
				w.send(frame.Binary, c.p)
			}
			m := w.message()
			e, err := message.ParseErrorJSON(m.Payload)
			if m.Kind != message.KindError || err != nil || e.Code != c.code {
				t.Fatalf("answer: kind %d %q, want %s", m.Kind, m.Payload, c.code)
			}
			if c.code == message.CodeInvalidNamespace && !strings.Contains(e.Message, "/quiz") {
				t.Errorf("the answer does not list the known namespaces: %q", e.Message)
			}
			w.wantClose(c.close)
		})
	}
	if n := v.Stats().Connections; n != 0 {
		t.Errorf("%d refused clients count as connected", n)
	}
}

func TestPlainClientOfUnknownNamespace(t *testing.T) {
	v := startServer(t, smartsocket.Options{}, nil)
	w := dialPlain(t, v, "/nope")
	if op, p := w.next(); op != frame.Text || !strings.Contains(string(p), "ERR_MSG_005") {
		t.Fatalf("got %v %q", op, p)
	}
	w.wantClose(3501)
}

func TestMaxConnections(t *testing.T) {
	v := startServer(t, smartsocket.Options{MaxConnections: 2}, func(v *smartsocket.Server) { v.On("echo", echo) })
	a, b := dialFull(t, v, "/"), dialFull(t, v, "/")
	c := dialWire(t, v, "/", message.Subprotocol)
	if e, err := message.ParseErrorJSON(c.message().Payload); err != nil || e.Code != message.CodeMaxConnections {
		t.Fatalf("third client: %v %v", e, err)
	}
	c.wantClose(1013)
	c.nc.Close()
	for _, w := range []*wire{a, b} {
		w.request(1, "echo", "1")
		w.wantEvent("echo", "1")
		w.wantAck(1, "1")
	}
	b.nc.Close()
	eventually(t, "the slot to be free again", func() bool { return v.ConnectionStats().Open == 1 })
	d := dialFull(t, v, "/")
	d.request(1, "echo", "2")
	d.wantEvent("echo", "2")
}

func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

func TestLifecycleRunsOnceAndInOrder(t *testing.T) {
	var mu sync.Mutex
	var log []string
	note := func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		log = append(log, fmt.Sprintf(format, args...))
	}
	gone := make(chan struct{})
	v := startServer(t, smartsocket.Options{}, func(v *smartsocket.Server) {
		v.On("connection", func(s *smartsocket.Socket, _ smartsocket.Data, _ smartsocket.Ack) {
			note("server connected")
			s.Join("lobby")
		})
		ns := v.Namespace("/n")
		ns.OnConnected(func(s *smartsocket.Socket) {
			time.Sleep(20 * time.Millisecond)
			note("connected")
		})
		ns.On("a", func(*smartsocket.Socket, smartsocket.Data, smartsocket.Ack) { note("inline") }, smartsocket.Inline)
		ns.On("b", func(*smartsocket.Socket, smartsocket.Data, smartsocket.Ack) { note("blocking 1") })
		ns.On("b", func(*smartsocket.Socket, smartsocket.Data, smartsocket.Ack) { note("blocking 2") })
		ns.OnDisconnected(func(s *smartsocket.Socket, r smartsocket.Reason) {
			note("disconnected %d in %v", r.Code, s.Rooms())
			close(gone)
		})
	})
	w := dialFull(t, v, "/n")
	w.emit("a", "")
	w.emit("b", "")
	w.send(frame.Close, frame.AppendCloseBody(nil, 1000, "bye"))
	w.wantClose(1000)
	w.nc.Close()
	<-gone
	eventually(t, "the room to be empty", func() bool { return v.Namespace("/n").RoomLen("lobby") == 0 })
	want := "server connected|connected|inline|blocking 1|blocking 2|disconnected 1000 in [lobby]"
	mu.Lock()
	defer mu.Unlock()
	if got := strings.Join(log, "|"); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestTypedHandlers(t *testing.T) {
	type move struct{ X, Y int }
	v := startServer(t, smartsocket.Options{}, func(v *smartsocket.Server) {
		smartsocket.On(v, "move", func(s *smartsocket.Socket, m move, ack smartsocket.Ack) { ack.Reply(m.X + m.Y) })
		smartsocket.Handle(v, "div", func(s *smartsocket.Socket, m move) (int, error) {
			if m.Y == 0 {
				return 0, errors.New("division by zero")
			}
			return m.X / m.Y, nil
		})
		v.On("panic", func(*smartsocket.Socket, smartsocket.Data, smartsocket.Ack) { panic("boom") })
		v.On("twice", func(_ *smartsocket.Socket, _ smartsocket.Data, ack smartsocket.Ack) {
			ack.Reply(1)
			ack.Reply(2)
			ack.Fail(errors.New("three"))
		})
	})
	w := dialFull(t, v, "/")
	w.request(1, "move", `{"X":1,"Y":2}`)
	w.wantAck(1, `3`)
	w.request(2, "div", `{"X":6,"Y":2}`)
	w.wantAck(2, `3`)
	w.request(3, "div", `{"X":6}`)
	w.wantNack(3, message.CodeHandlerFailed)
	w.request(4, "move", `"not a move"`)
	w.wantNack(4, message.CodeInvalidFormat)
	w.request(5, "panic", "")
	w.wantNack(5, message.CodeHandlerFailed)
	w.request(6, "twice", "")
	w.wantAck(6, "1")
	w.request(7, "move", "")
	w.wantAck(7, "0")
}

func TestOnceAndOff(t *testing.T) {
	v := startServer(t, smartsocket.Options{}, func(v *smartsocket.Server) {
		v.Once("once", func(_ *smartsocket.Socket, _ smartsocket.Data, ack smartsocket.Ack) { ack.Reply("first") })
		v.On("off", echo)
		v.OnConnected(func(s *smartsocket.Socket) {
			s.On("own", func(s *smartsocket.Socket, _ smartsocket.Data, ack smartsocket.Ack) {
				s.Off("own")
				ack.Reply("own")
			})
		})
	})
	a, b := dialFull(t, v, "/"), dialFull(t, v, "/")
	a.request(1, "once", "")
	a.wantAck(1, `"first"`)
	b.request(2, "once", "")
	b.wantNack(2, message.CodeNoHandler)
	v.Off("off")
	a.request(3, "off", "")
	a.wantNack(3, message.CodeNoHandler)
	a.request(4, "own", "")
	a.wantAck(4, `"own"`)
	a.request(5, "own", "")
	a.wantNack(5, message.CodeNoHandler)
	b.request(6, "own", "")
	b.wantAck(6, `"own"`)
}

func TestMiddlewareFailsClosed(t *testing.T) {
	var kept func(error)
	v := startServer(t, smartsocket.Options{}, func(v *smartsocket.Server) {
		v.Use(func(s *smartsocket.Socket, event string, d smartsocket.Data, next func(error)) {
			switch event {
			case "forgotten":
				kept = next
			case "refused":
				next(errors.New("not for you"))
			case "coded":
				next(&smartsocket.Error{Code: message.CodeAuthFailed, Message: "log in"})
			case "panics":
				panic("boom")
			default:
				if kept != nil {
					kept(nil)
				}
				next(nil)
			}
		})
		v.Namespace("/").Use(func(s *smartsocket.Socket, event string, d smartsocket.Data, next func(error)) { next(nil) })
		for _, e := range []string{"forgotten", "refused", "coded", "panics"} {
			v.On(e, func(*smartsocket.Socket, smartsocket.Data, smartsocket.Ack) { t.Errorf("the handler of %q ran", e) })
		}
		v.On("fine", echo)
	})
	w := dialFull(t, v, "/")
	w.request(1, "forgotten", "")
	w.wantNack(1, message.CodeRejected)
	w.request(2, "refused", "")
	w.wantNack(2, message.CodeRejected)
	w.request(3, "coded", "")
	w.wantNack(3, message.CodeAuthFailed)
	w.request(4, "panics", "")
	w.wantNack(4, message.CodeRejected)
	w.request(5, "fine", "1")
	w.wantEvent("echo", "1")
	w.wantAck(5, "1")
}

func TestServerAsksForAcks(t *testing.T) {
	answers := make(chan string, 4)
	v := startServer(t, smartsocket.Options{}, func(v *smartsocket.Server) {
		v.On("go", func(s *smartsocket.Socket, _ smartsocket.Data, _ smartsocket.Ack) {
			d, err := s.EmitWithAck(context.Background(), "ask", 1)
			answers <- fmt.Sprintf("%s %v", d.Bytes(), err)
			_, err = s.EmitWithAck(context.Background(), "ask", 2)
			answers <- fmt.Sprint(errors.Is(err, smartsocket.ErrHandlerFailed))
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
			defer cancel()
			_, err = s.EmitWithAck(ctx, "ask", 3)
			answers <- fmt.Sprint(err)
			_, err = s.EmitWithAck(context.Background(), "ask", 4)
			answers <- fmt.Sprint(errors.Is(err, smartsocket.ErrConnectionLost))
		})
	})
	w := dialFull(t, v, "/")
	w.emit("go", "")
	m := w.message()
	w.send(frame.Binary, append(message.Append(nil, &message.Message{Kind: message.KindAck, Flags: message.FlagAck, AckID: m.AckID}), `"yes"`...))
	if got := <-answers; got != `"yes" <nil>` {
		t.Errorf("first answer: %s", got)
	}
	m = w.message()
	w.send(frame.Binary, append(message.Append(nil, &message.Message{Kind: message.KindError, Flags: message.FlagAck, AckID: m.AckID}), `{"code":"ERR_APP_002","message":"no"}`...))
	if got := <-answers; got != "true" {
		t.Errorf("second answer is not ERR_APP_002")
	}
	w.message()
	if got := <-answers; got != context.DeadlineExceeded.Error() {
		t.Errorf("third answer: %s", got)
	}
	w.message()
	w.nc.Close()
	if got := <-answers; got != "true" {
		t.Errorf("fourth answer is not ERR_CONN_006")
	}
}

func TestAckTimeout(t *testing.T) {
	got := make(chan error, 1)
	v := startServer(t, smartsocket.Options{AckTimeout: 20 * time.Millisecond}, func(v *smartsocket.Server) {
		v.OnConnected(func(s *smartsocket.Socket) {
			_, err := s.EmitWithAck(context.Background(), "ask", nil)
			got <- err
		})
	})
	dialFull(t, v, "/")
	if err := <-got; !errors.Is(err, smartsocket.ErrAckTimeout) {
		t.Errorf("got %v, want ERR_ACK_001", err)
	}
}

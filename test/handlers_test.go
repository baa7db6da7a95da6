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

func TestLifecycleRunsOnceAndInOrder(t *testing.T) {
	var mu sync.Mutex
	var log []string
	note := func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		log = append(log, fmt.Sprintf(format, args...))
	}
	gone := make(chan struct{})
	v := startServer(t, Options{}, func(v *Server) {
		v.On("connection", func(s *Socket, _ Data, _ Ack) {
			note("server connected")
			s.Join("lobby")
		})
		ns := v.Namespace("/n")
		ns.OnConnected(func(s *Socket) {
			time.Sleep(20 * time.Millisecond)
			note("connected")
		})
		ns.On("a", func(*Socket, Data, Ack) { note("inline") }, smartsocket.Inline)
		ns.On("b", func(*Socket, Data, Ack) { note("blocking 1") })
		ns.On("b", func(*Socket, Data, Ack) { note("blocking 2") })
		ns.OnDisconnected(func(s *Socket, r smartsocket.Reason) {
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
	eventually(t, "the room to be empty", func() bool {
		return v.Namespace("/n").RoomLen("lobby") == 0
	})
	want := "server connected|connected|inline|blocking 1|blocking 2|disconnected 1000 in [lobby]"
	mu.Lock()
	defer mu.Unlock()
	if got := strings.Join(log, "|"); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestTypedHandlers(t *testing.T) {
	type move struct{ X, Y int }
	v := startServer(t, Options{}, func(v *Server) {
		smartsocket.On(v, "move", func(s *Socket, m move, ack Ack) { ack.Reply(m.X + m.Y) })
		smartsocket.Handle(v, "div", func(s *Socket, m move) (int, error) {
			if m.Y == 0 {
				return 0, errors.New("division by zero")
			}
			return m.X / m.Y, nil
		})
		v.On("panic", panics)
		v.On("twice", func(_ *Socket, _ Data, ack Ack) {
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
	v := startServer(t, Options{}, func(v *Server) {
		v.Once("once", func(_ *Socket, _ Data, ack Ack) { ack.Reply("first") })
		v.On("off", echo)
		v.OnConnected(func(s *Socket) {
			s.On("own", func(s *Socket, _ Data, ack Ack) {
				s.Off("own")
				ack.Reply("own")
			})
			s.Once("own once", func(_ *Socket, _ Data, ack Ack) { ack.Reply("own once") })
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
	for _, w := range []*wire{a, b} {
		w.request(7, "own once", "")
		w.wantAck(7, `"own once"`)
		w.request(8, "own once", "")
		w.wantNack(8, message.CodeNoHandler)
	}
}

func TestMiddlewareFailsClosed(t *testing.T) {
	var kept func(error)
	v := startServer(t, Options{}, func(v *Server) {
		v.Use(func(s *Socket, event string, d Data, next func(error)) {
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
		v.Namespace("/").Use(func(_ *Socket, _ string, _ Data, next func(error)) { next(nil) })
		for _, e := range []string{"forgotten", "refused", "coded", "panics"} {
			v.On(e, func(*Socket, Data, Ack) { t.Errorf("the handler of %q ran", e) })
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
	v := startServer(t, Options{}, func(v *Server) {
		v.On("go", func(s *Socket, _ Data, _ Ack) {
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
	w.send(frame.Binary, ackTo(m, message.KindAck, `"yes"`))
	if got := <-answers; got != `"yes" <nil>` {
		t.Errorf("first answer: %s", got)
	}
	m = w.message()
	w.send(frame.Binary, ackTo(m, message.KindError, `{"code":"ERR_APP_002","message":"no"}`))
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
	v := startServer(t, Options{AckTimeout: 20 * time.Millisecond}, func(v *Server) {
		v.OnConnected(func(s *Socket) {
			_, err := s.EmitWithAck(context.Background(), "ask", nil)
			got <- err
		})
	})
	dialFull(t, v, "/")
	if err := <-got; !errors.Is(err, smartsocket.ErrAckTimeout) {
		t.Errorf("got %v, want ERR_ACK_001", err)
	}
}

package test

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/internal/logline"
	"github.com/smartsocket/smartsocket/message"
)

// linesInOrder checks that the parts are in the log, each behind the one before.
func linesInOrder(t *testing.T, log string, parts ...string) {
	t.Helper()
	rest := log
	for _, part := range parts {
		_, after, ok := strings.Cut(rest, part)
		if !ok {
			t.Fatalf("%q is missing, or not in its place, in\n%s", part, log)
		}
		rest = after
	}
}

// The life of a connection is at debug, its data at trace alone, and credentials nowhere.
func TestDebugShowsTheLifeOfAConnection(t *testing.T) {
	const key, password, payload = "the-key-of-it", "the-password", "the-payload"
	for _, level := range []slog.Level{slog.LevelInfo, slog.LevelDebug, smartsocket.LevelTrace} {
		var log logBuffer
		v := startServer(t, Options{
			Logger:  slog.New(smartsocket.NewLogHandler(&log, level)),
			APIKeys: []string{key},
		}, func(v *Server) {
			v.OnConnected(func(s *Socket) { s.RequireAuth() })
			v.On("auth", func(s *Socket, _ Data, ack Ack) {
				s.Authenticated("me")
				ack.Reply(nil)
			})
			v.On("talk", func(s *Socket, d Data, ack Ack) {
				s.Emit("told", d)
				s.Namespace().Emit("all", d)
				ack.Reply(d)
			})
		})
		w := dialWire(t, v, "/", message.Subprotocol)
		w.next()
		w.sendConnect(message.Connect{APIKey: []byte(key), Namespace: []byte("/")})
		w.next()
		w.request(1, "auth", `"`+password+`"`)
		w.wantAck(1, "")
		w.request(2, "talk", `"`+payload+`"`)
		w.wantEvent("told", `"`+payload+`"`)
		w.wantEvent("all", `"`+payload+`"`)
		w.wantAck(2, `"`+payload+`"`)
		w.request(3, "nobody", "")
		w.wantNack(3, message.CodeNoHandler)
		w.send(frame.Close, frame.AppendCloseBody(nil, 1000, "bye"))
		w.wantClose(1000)
		w.nc.Close() // the server would wait for that
		if level == slog.LevelInfo {
			v.Close()
			if text := log.String(); strings.Contains(text, "[debug]") ||
				strings.Contains(text, "event=") {
				t.Errorf("at info:\n%s", text)
			}
			continue
		}
		eventually(t, "the last line", func() bool {
			return strings.Contains(log.String(), "connection closed")
		})
		text := log.String()
		peer := "peer=" + w.nc.LocalAddr().String()
		linesInOrder(t, text, "[debug] connection accepted "+peer+" path=/ plain=false",
			"[debug] handshake complete "+peer,
			"[debug] CONNECT received "+peer+" namespace=/ key=true resumes=false",
			"[debug] authenticated "+peer+" by=apiKeys", "[debug] joined "+peer+" socket=ss_",
			"[debug] event received", "event=auth",
			"[debug] authenticated "+peer+" by=Authenticated", "[debug] event received",
			fmt.Sprintf("event=talk bytes=%d ack=true", len(payload)+2),
			"[debug] event emitted", "event=told", "[debug] event broadcast",
			"event=all bytes=13 queued=1", "[debug] event answered", "ack=2",
			"[debug] message refused", "event=nobody code="+string(message.CodeNoHandler),
			"[debug] connection closed "+peer+" code=1000 reason=bye", "duration=", "in=", "out=")
		if strings.Contains(text, payload) != (level == smartsocket.LevelTrace) {
			t.Errorf("the payload at %v:\n%s", level, text)
		}
		if strings.Contains(text, key) || strings.Contains(text, password) {
			t.Errorf("a secret at %v:\n%s", level, text)
		}
	}
}

// A refused handshake is one line at debug, and a burst of them few lines at warn.
func TestRefusedConnectionsAreLogged(t *testing.T) {
	var log logBuffer
	v := startServer(t, Options{Logger: log.logger()}, echoOn)
	const n = 20
	for range n {
		w := dialWire(t, v, "/", message.Subprotocol)
		w.next()
		w.sendConnect(message.Connect{Namespace: []byte("/nowhere")})
		w.wantClose(3501)
	}
	v.Close()
	text := log.String()
	const what = "connections are refused after the upgrade"
	linesInOrder(t, text, "[warn] "+what+" count=1 code=ERR_MSG_005", "[warn] "+what+" count=")
	if got := strings.Count(text, "[debug] connection refused peer="); got != n {
		t.Errorf("%d of %d at debug:\n%s", got, n, text)
	}
	if lines, sum := bursts(text, what); lines > 3 || sum != n {
		t.Errorf("%d lines tell of %d:\n%s", lines, sum, text)
	}
}

// What is refused in the protocol, behind the upgrade, is counted by cause like the rest.
func TestRefusalsAfterTheUpgradeAreCounted(t *testing.T) {
	v := startServer(t, Options{APIKeys: []string{"the-right-key"}, MaxConnections: 1}, nil)
	for range 3 {
		w, _ := connectWith(t, v, "the-wrong-key")
		w.wantClose(3500)
		w.nc.Close()
		eventually(t, "its place", func() bool { return v.ConnectionStats().Open == 0 })
	}
	w := dialWire(t, v, "/", message.Subprotocol)
	w.next()
	w.sendConnect(message.Connect{APIKey: []byte("the-right-key"), Namespace: []byte("/nowhere")})
	w.next()
	w.wantClose(3501)
	w.nc.Close()
	eventually(t, "its place", func() bool { return v.ConnectionStats().Open == 0 })
	connectWith(t, v, "the-right-key")
	w = dialWire(t, v, "/", message.Subprotocol)
	w.next()
	w.wantClose(1013)
	got := fmt.Sprint(v.ConnectionStats().Refusals)
	if got != "map[connections:1 credentials:3 namespace:1]" {
		t.Error(got)
	}
}

// bursts counts the lines with a text, and sums up what they count.
func bursts(log, what string) (lines, sum int) {
	for line := range strings.Lines(log) {
		if _, after, ok := strings.Cut(line, what); ok {
			var n int
			fmt.Sscanf(after[strings.Index(after, "count="):], "count=%d", &n)
			lines++
			sum += n
		}
	}
	return lines, sum
}

// What a client can bring about with every event costs a bounded log.
func TestBurstsAreFewLines(t *testing.T) {
	for _, mode := range [][]smartsocket.HandlerOption{nil, {smartsocket.Inline}} {
		var log logBuffer
		logger := slog.New(smartsocket.NewLogHandler(&log, slog.LevelInfo))
		v := startServer(t, Options{Logger: logger}, func(v *Server) {
			echoOn(v)
			v.On("panic", panics, mode...)
			smartsocket.On(v, "typed", func(*Socket, int, Ack) {}, mode...)
			v.On("stopped", ignore, mode...)
			v.Use(func(_ *Socket, event string, _ Data, next func(error)) {
				if event == "stopped" {
					next(errors.New("no"))
					return
				}
				next(nil)
			})
			v.On("twice", func(_ *Socket, _ Data, ack Ack) {
				ack.Reply(1)
				ack.Reply(2)
			}, mode...)
		})
		w := dialFull(t, v, "/")
		const n = 300
		for i := range n {
			w.request(uint64(4*i+1), "panic", "")
			w.wantNack(uint64(4*i+1), message.CodeHandlerFailed)
			w.request(uint64(4*i+2), "typed", `"x"`)
			w.wantNack(uint64(4*i+2), message.CodeInvalidFormat)
			w.request(uint64(4*i+3), "stopped", "")
			w.wantNack(uint64(4*i+3), message.CodeRejected)
			w.request(uint64(4*i+4), "twice", "")
			w.wantAck(uint64(4*i+4), "1")
		}
		st := v.ConnectionStats()
		v.Close()
		text := log.String()
		for _, what := range []string{"a handler panicked", "the data of an event does not fit",
			"error on a socket event=stopped", "a second answer to one event"} {
			if lines, sum := bursts(text, what); lines == 0 || lines > 6 || sum != n {
				t.Errorf("%q: %d lines tell of %d:\n%s", what, lines, sum, text)
			}
		}
		if st.HandlerPanics != n || st.Undecodable != n {
			t.Errorf("counted: %+v", st)
		}
	}
}

// The client is told which field does not fit, and the application hears of it.
func TestUndecodableData(t *testing.T) {
	type pos struct{ X uint8 }
	type move struct {
		Pos  pos
		Name string
		At   picky
	}
	errs := make(chan error, 1)
	var log logBuffer
	v := startServer(t, Options{Logger: log.logger()}, func(v *Server) {
		smartsocket.On(v, "move", func(*Socket, move, Ack) { t.Error("the handler ran") })
		v.OnError(func(_ *Socket, err error) { errs <- err })
	})
	w := dialFull(t, v, "/")
	const byteAt = "the field pos.X must be a whole number from 0 to 255, and is of the type "
	for i, c := range []struct{ data, want string }{
		{`{"pos":{"x":300}}`, byteAt + "number"},
		{`{"pos":{"x":"a secret"}}`, byteAt + "string"},
		{`{"name":[]}`, "the field Name must be a string, and is of the type array"},
		{`[1]`, "it must be an object, and is of the type array"},
		{`{"at":1}`, "not on Mondays"},
	} {
		w.request(uint64(i), "move", c.data)
		m := w.message()
		e, err := message.ParseErrorJSON(m.Payload)
		if err != nil || m.AckID != uint64(i) || !strings.Contains(strings.ToLower(e.Message),
			strings.ToLower(c.want)) || e.Event != "move" {
			t.Errorf("%s: %+v (%v), want %s", c.data, e, err, c.want)
		}
		if c.want == "not on Mondays" && e.Code != "ERR_MINE" {
			t.Errorf("the own error came as %+v", e)
		}
		if err := <-errs; !errors.Is(err, &e) {
			t.Errorf("%s: the application is told %v", c.data, err)
		}
	}
	if n := v.ConnectionStats().Undecodable; n != 5 {
		t.Errorf("%d are counted", n)
	}
	eventually(t, "the log", func() bool {
		return strings.Contains(log.String(), "does not fit its handler")
	})
	for line := range strings.Lines(log.String()) {
		if strings.Contains(line, "a secret") && !strings.Contains(line, "[trace] ") {
			t.Errorf("data in the log: %s", line)
		}
	}
}

// picky is a type whose decoding has an error of its own.
type picky struct{}

func (*picky) UnmarshalJSON([]byte) error {
	return &smartsocket.Error{Code: "ERR_MINE", Message: "not on Mondays"}
}

var _ json.Unmarshaler = (*picky)(nil)

// Errors of handlers name their event.
func TestErrorsOfHandlersNameTheirEvent(t *testing.T) {
	full := &smartsocket.Error{Code: "ERR_FULL", Message: "no room"}
	for _, mode := range [][]smartsocket.HandlerOption{nil, {smartsocket.Inline}} {
		v := startServer(t, Options{}, func(v *Server) {
			smartsocket.Handle(v, "own", func(*Socket, any) (any, error) {
				return nil, full
			}, mode...)
			smartsocket.Handle(v, "other", func(*Socket, any) (any, error) {
				return nil, errors.New("no")
			}, mode...)
			v.On("fail", func(_ *Socket, _ Data, ack Ack) { ack.Fail(full) }, mode...)
			v.On("reply", func(_ *Socket, _ Data, ack Ack) { ack.Reply(make(chan int)) }, mode...)
		})
		w := dialFull(t, v, "/")
		for i, event := range []string{"own", "other", "fail", "reply"} {
			w.request(uint64(i), event, "")
			m := w.message()
			if e, err := message.ParseErrorJSON(m.Payload); err != nil || e.Event != event {
				t.Errorf("%s: %+v (%v)", event, e, err)
			}
		}
		if full.Event != "" {
			t.Error("the application's error was changed")
		}
	}
}

// A socket that is gone still tells its peer's address.
func TestAddressOfAGoneSocket(t *testing.T) {
	for _, cache := range []bool{false, true} {
		gone := make(chan net.Addr, 2)
		here := make(chan *Socket, 1)
		v := startServer(t, Options{EnableMessageCache: cache}, func(v *Server) {
			v.OnConnected(func(s *Socket) { here <- s })
			v.OnDisconnected(func(s *Socket, _ smartsocket.Reason) { gone <- s.RemoteAddr() })
		})
		w := dialFull(t, v, "/")
		want := w.nc.LocalAddr().String()
		s := <-here
		if got := s.RemoteAddr().String(); got != want {
			t.Errorf("connected: %s instead of %s", got, want)
		}
		w.nc.Close()
		if got := (<-gone).String(); got != want {
			t.Errorf("in the handler: %s instead of %s", got, want)
		}
		v.Close()
		if got := s.RemoteAddr().String(); got != want {
			t.Errorf("afterwards: %s instead of %s", got, want)
		}
	}
}

// The watchdog names the event, and once it is over how long it took.
func TestTheWatchdogNamesTheEvent(t *testing.T) {
	release := make(chan struct{})
	var log logBuffer
	v := startServer(t, Options{InlineBudget: time.Millisecond, Logger: log.logger()},
		func(v *Server) {
			v.Namespace("/game").On("block", func(_ *Socket, _ Data, ack Ack) {
				<-release
				ack.Reply(nil)
			}, smartsocket.Inline)
		})
	w := dialFull(t, v, "/game")
	for i := range uint64(2) {
		w.request(i, "block", "")
		eventually(t, "the watchdog", func() bool {
			return v.ConnectionStats().SlowInline == int64(i)+1
		})
		release <- struct{}{}
		w.wantAck(i, "")
	}
	eventually(t, "the end", func() bool {
		return strings.Contains(log.String(), "an inline handler has held its event loop")
	})
	v.Close()
	for _, what := range []string{"an inline handler holds its event loop",
		"an inline handler has held its event loop"} {
		linesInOrder(t, log.String(), what, "event=block", "namespace=/game", "count=1", "longest=",
			"held=")
	}
	if _, sum := bursts(log.String(), "holds its event loop"); sum != 2 {
		t.Errorf("told of %d of 2:\n%s", sum, log.String())
	}
}

// stuckWriter is a log that cannot be written.
type stuckWriter struct {
	once  sync.Once
	stuck chan struct{} // closed when somebody has come
	free  chan struct{}
}

func (w *stuckWriter) Write(p []byte) (int, error) {
	w.once.Do(func() { close(w.stuck) })
	<-w.free
	return len(p), nil
}

// A log that cannot be written stops neither loops nor handlers nor Close.
func TestABlockedLogStopsNothing(t *testing.T) {
	for name, handler := range map[string]func(*stuckWriter) slog.Handler{
		"text": func(w *stuckWriter) slog.Handler {
			return smartsocket.NewLogHandler(w, smartsocket.LevelTrace)
		},
		"json": func(w *stuckWriter) slog.Handler {
			return logline.NewJSON(w, smartsocket.LevelTrace)
		},
	} {
		t.Run(name, func(t *testing.T) {
			log := &stuckWriter{stuck: make(chan struct{}), free: make(chan struct{})}
			defer close(log.free)
			v := startServer(t, Options{Logger: slog.New(handler(log))}, func(v *Server) {
				echoOn(v)
				v.On("fail", panics)
				v.On("fail inline", panics, smartsocket.Inline)
			})
			<-log.stuck
			var clients []*wire
			for range 4 {
				clients = append(clients, dialFull(t, v, "/"))
			}
			for i := range uint64(50) {
				for _, w := range clients {
					w.request(3*i+1, "fail", "")
					w.wantNack(3*i+1, message.CodeHandlerFailed)
					w.request(3*i+2, "fail inline", "")
					w.wantNack(3*i+2, message.CodeHandlerFailed)
					w.request(3*i+3, "echo", "1")
					w.wantEvent("echo", "1")
					w.wantAck(3*i+3, "1")
				}
			}
			if err := v.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

package test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/message"
)

// A connected handler may register handlers of its socket. Events that came meanwhile find them.
func TestHandlersRegisteredInConnectedAreFound(t *testing.T) {
	v := startServer(t, Options{}, func(v *Server) {
		v.OnConnected(func(s *Socket) {
			time.Sleep(20 * time.Millisecond)
			s.On("x", func(_ *Socket, _ Data, ack Ack) { ack.Reply("ok") })
		})
	})
	w := dialFull(t, v, "/")
	w.request(1, "x", "1")
	w.wantAck(1, `"ok"`)
	w.request(2, "y", "1")
	w.wantNack(2, message.CodeNoHandler)
	p := dialPlain(t, v, "/")
	p.text(`{"event":"x","ack":1}`)
	p.wantText(`{"ack":1,"data":"ok"}`)
}

// Inline events keep their order, and run one at a time, also when the first of them had to wait.
func TestInlineEventsKeepTheirOrder(t *testing.T) {
	const n = 400
	var mu sync.Mutex
	var got []string
	var running, overlap atomic.Int32
	gate, done := make(chan struct{}), make(chan struct{})
	v := startServer(t, Options{}, func(v *Server) {
		v.OnConnected(func(*Socket) { <-gate })
		v.On("x", func(_ *Socket, d Data, _ Ack) {
			if running.Add(1) > 1 {
				overlap.Add(1)
			}
			mu.Lock()
			if got = append(got, string(d.Bytes())); len(got) == n {
				close(done)
			}
			mu.Unlock()
			running.Add(-1)
		}, smartsocket.Inline)
	})
	w := dialFull(t, v, "/")
	for i := range n {
		w.emit("x", fmt.Sprint(i))
		if i == n/2 {
			close(gate)
		}
	}
	<-done
	for i, p := range got {
		if p != fmt.Sprint(i) {
			t.Fatalf("event %s came at place %d", p, i)
		}
	}
	if overlap.Load() > 0 {
		t.Errorf("%d inline events ran while another of their socket did", overlap.Load())
	}
}

func TestExceptSocketOfAnotherNamespaceHidesNobody(t *testing.T) {
	v := startServer(t, Options{}, func(v *Server) {
		v.Namespace("/a")
		v.Namespace("/b")
	})
	a := dialFull(t, v, "/a")
	dialFull(t, v, "/b")
	sa := v.Namespace("/a").Socket(a.id)
	for range 5 {
		v.Namespace("/b").Except().ExceptSocket(sa).Emit("y", 1)
		if d, _ := v.Namespace("/a").Except("nobody").Emit("x", 1); d.Queued != 1 {
			t.Fatalf("%+v: a socket was left out that nobody excepted", d)
		}
	}
}

// Bytes that are not valid text never reach a client that reads text.
func TestBrokenTextIsNotRelayed(t *testing.T) {
	v := startServer(t, Options{}, func(v *Server) {
		v.On("chat", func(s *Socket, d Data, _ Ack) { s.Broadcast().Emit("chat", d) })
	})
	plain, w := dialPlain(t, v, "/"), dialFull(t, v, "/")
	eventually(t, "both", func() bool { return v.Namespace("/").Len() == 2 })
	w.request(1, "chat", "\"\xff\xfe\"")
	w.wantError(message.CodeInvalidFormat)
	w.emit("chat", `"fine"`)
	plain.wantText(`{"event":"chat","data":"fine"}`)
}

func TestEmitRefusesWhatNoClientCouldRead(t *testing.T) {
	v := startServer(t, Options{}, nil)
	w := dialFull(t, v, "/")
	s := v.Namespace("/").Socket(w.id)
	for _, name := range []string{"", strings.Repeat("x", 200), "a\nb", "\xff"} {
		if _, err := s.Emit(name, 1); !errors.Is(err, smartsocket.ErrInvalidFormat) {
			t.Errorf("Emit(%.10q): %v", name, err)
		}
		if _, err := v.Emit(name, 1); !errors.Is(err, smartsocket.ErrInvalidFormat) {
			t.Errorf("broadcast of %.10q: %v", name, err)
		}
	}
	for _, raw := range []string{`1,"ack":7,"event":"y"`, `{`, "\"\xff\""} {
		_, err := v.Emit("x", json.RawMessage(raw))
		if !errors.Is(err, smartsocket.ErrInvalidFormat) {
			t.Errorf("RawMessage %q: %v", raw, err)
		}
	}
}

// The answer of a handler that runs when Shutdown begins still reaches its client.
func TestShutdownLetsRunningHandlersAnswer(t *testing.T) {
	started, release := make(chan struct{}), make(chan struct{})
	v := startServer(t, Options{}, func(v *Server) {
		v.On("x", func(_ *Socket, _ Data, ack Ack) {
			close(started)
			<-release
			ack.Reply("done")
		})
	})
	w := dialFull(t, v, "/")
	w.request(1, "x", "")
	<-started
	done := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		done <- v.Shutdown(ctx)
	}()
	if m := w.message(); m.Kind != message.KindGoaway {
		t.Errorf("kind %d, want GOAWAY", m.Kind)
	}
	close(release)
	w.wantAck(1, `"done"`)
	w.wantClose(1001)
	w.nc.Close()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// A client that finishes its handshake while the server shuts down is told to go, like the others.
func TestShutdownDuringAHandshake(t *testing.T) {
	v := startServer(t, Options{}, nil)
	w := dialWire(t, v, "/", message.Subprotocol)
	w.message()
	done := make(chan error, 1)
	go func() { done <- v.Shutdown(context.Background()) }()
	for v.Start() != smartsocket.ErrClosed {
		time.Sleep(time.Millisecond)
	}
	w.sendConnect(message.Connect{})
	w.wantClose(1001)
	w.nc.Close()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// A client that has no session here is told to come back to another server.
func TestShutdownDuringAHandshakeTurnsAway(t *testing.T) {
	started, release := make(chan struct{}), make(chan struct{})
	v := startServer(t, Options{}, func(v *Server) {
		v.On("x", func(*Socket, Data, Ack) {
			close(started)
			<-release
		})
	})
	late := dialWire(t, v, "/", message.Subprotocol)
	late.message()
	w := dialFull(t, v, "/")
	w.emit("x", "")
	<-started
	done := make(chan error, 1)
	go func() { done <- v.Shutdown(context.Background()) }()
	if m := w.message(); m.Kind != message.KindGoaway {
		t.Errorf("kind %d, want GOAWAY", m.Kind)
	}
	late.sendConnect(message.Connect{})
	m := late.message()
	if e, err := message.ParseErrorJSON(m.Payload); err != nil ||
		m.Kind != message.KindError || e.Code != message.CodeShuttingDown {
		t.Errorf("kind %d, %v, %v, want ERR_SRV_001", m.Kind, e, err)
	}
	late.wantClose(frame.CloseGoingAway)
	late.nc.Close()
	close(release)
	w.wantClose(frame.CloseGoingAway)
	w.nc.Close()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestEarlierSocketOfAResumedSession(t *testing.T) {
	v := cacheServer(t, Options{})
	var a resumer
	a.connect(t, v, "/", "")
	old := v.Namespace("/").Socket(a.id)
	a.nc.Close()
	eventually(t, "the server to notice", func() bool { return !old.Connected() })
	a.connect(t, v, "/", "")
	if d, _ := v.Namespace("/").Except().ExceptSocket(old).Emit("x", 1); d.Queued != 0 {
		t.Errorf("%+v: the session was excepted by its earlier socket", d)
	}
	res := make(chan error, 1)
	go func() {
		_, err := old.EmitWithAck(context.Background(), "q", 1)
		res <- err
	}()
	m := a.message()
	a.send(frame.Binary, ackTo(m, message.KindAck, ""))
	if err := <-res; err != nil {
		t.Errorf("EmitWithAck through the earlier socket: %v", err)
	}
}

// A nil *Error in an error is a mistake of the program. It must neither end the process nor leave
// the client waiting.
func TestNilErrorsAreAnswered(t *testing.T) {
	var none *smartsocket.Error
	v := startServer(t, Options{}, func(v *Server) {
		v.Use(func(_ *Socket, event string, _ Data, next func(error)) {
			if event == "mw" {
				next(none)
				return
			}
			next(nil)
		})
		v.On("mw", echo)
		v.On("fail", func(_ *Socket, _ Data, ack Ack) { ack.Fail(nil) })
		smartsocket.Handle(v, "handle", func(*Socket, int) (int, error) { return 1, none })
	})
	w := dialFull(t, v, "/")
	w.request(1, "mw", "")
	w.wantNack(1, message.CodeRejected)
	w.request(2, "fail", "")
	w.wantNack(2, message.CodeHandlerFailed)
	w.request(3, "handle", "1")
	w.wantNack(3, message.CodeHandlerFailed)
}

// brittle is an application's error and value whose methods fail.
type brittle struct{ text string }

// Error panics on nil, as the method of most errors does.
func (b *brittle) Error() string { return b.text }

func (b brittle) MarshalJSON() ([]byte, error) { panic("no JSON today") }

// The same holds for the methods of the application's own errors and values.
func TestFailingMethodsAreAnswered(t *testing.T) {
	var none *brittle
	v := startServer(t, Options{}, func(v *Server) {
		v.Use(func(_ *Socket, event string, _ Data, next func(error)) {
			if event == "mw" {
				next(none)
				return
			}
			next(nil)
		})
		v.On("mw", echo)
		v.On("fail", func(_ *Socket, _ Data, ack Ack) { ack.Fail(none) })
		v.On("reply", func(_ *Socket, _ Data, ack Ack) { ack.Reply(brittle{}) })
		smartsocket.Handle(v, "handle", func(*Socket, int) (int, error) { return 1, none })
	})
	w := dialFull(t, v, "/")
	for i, test := range []struct {
		event string
		code  message.Code
	}{
		{"mw", message.CodeRejected}, {"fail", message.CodeHandlerFailed},
		{"reply", message.CodeHandlerFailed}, {"handle", message.CodeHandlerFailed},
	} {
		w.request(uint64(i+1), test.event, "1")
		w.wantNack(uint64(i+1), test.code)
	}
}

// Refused connections on their way out take no place.
func TestRefusedConnectionsTakeNoSlot(t *testing.T) {
	v := startServer(t, Options{MaxConnections: 2}, nil)
	a, b := dialFull(t, v, "/"), dialFull(t, v, "/")
	for range 10 {
		dialWire(t, v, "/", message.Subprotocol).message()
	}
	a.nc.Close()
	b.nc.Close()
	eventually(t, "both to be gone", func() bool { return v.Namespace("/").Len() == 0 })
	dialFull(t, v, "/")
}

func TestBroadcastsSkipWhoHasNotAuthenticated(t *testing.T) {
	v := startServer(t, Options{RequireAuth: true}, func(v *Server) {
		v.On("auth", func(s *Socket, _ Data, ack Ack) {
			s.Authenticated("ann")
			ack.Reply(nil)
		})
	})
	w := dialFull(t, v, "/")
	if d, _ := v.Emit("secret", 1); d.Queued != 0 {
		t.Errorf("%+v before authentication", d)
	}
	w.request(1, "auth", "")
	w.wantAck(1, "")
	if d, _ := v.Emit("secret", 2); d.Queued != 1 {
		t.Errorf("%+v after authentication", d)
	}
	w.wantEvent("secret", "2")
}

func TestToNobodyThenSomebody(t *testing.T) {
	v := startServer(t, Options{}, nil)
	w := dialFull(t, v, "/")
	v.Namespace("/").Socket(w.id).Join("r")
	if d, _ := v.Namespace("/").To().To("r").Emit("x", 1); d.Queued != 1 {
		t.Errorf("%+v", d)
	}
}

func TestMountedServerRefusesBodies(t *testing.T) {
	v, err := smartsocket.New(Options{Logger: testLogger(t)})
	if err != nil {
		t.Fatal(err)
	}
	if err := v.StartDetached(); err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	h := httptest.NewServer(v)
	defer h.Close()
	addr := h.Listener.Addr().String()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	nc.SetDeadline(time.Now().Add(patience))
	const chunked = "Transfer-Encoding: chunked\r\n"
	req := frame.AppendRequest(nil, addr, "/", frame.NewKey(), "", "", "", chunked)
	nc.Write(append(req, "5\r\nhello\r\n0\r\n\r\n"...))
	b := make([]byte, 4096)
	n, _ := nc.Read(b)
	if !strings.HasPrefix(string(b[:n]), "HTTP/1.1 400 ") {
		t.Errorf("a request with a body got %q", b[:n])
	}
}

// A broadcast to a plain client that negotiated permessage-deflate is compressed like a single
// message.
func TestBroadcastToADeflatingPlainClient(t *testing.T) {
	v := startServer(t, Options{}, nil)
	dialRaw(t, v, upgradeRequest("", "permessage-deflate"))
	eventually(t, "the client", func() bool { return v.Namespace("/").Len() == 1 })
	before := v.ConnectionStats().BytesOut
	v.Emit("x", strings.Repeat("a", 8000))
	if n := v.ConnectionStats().BytesOut - before; n > 1000 {
		t.Errorf("8000 times the same letter took %d bytes", n)
	}
}

// A client that asks with data that is not JSON, or is nested too deeply, need not wait for the
// timeout.
func TestBadDataWithAnAckAnswersIt(t *testing.T) {
	v := startServer(t, Options{}, func(v *Server) { v.On("echo", reply) })
	w := dialFull(t, v, "/")
	nested := strings.Repeat("[", 100) + strings.Repeat("]", 100)
	for id, payload := range []string{"nonsense", nested} {
		w.request(uint64(id+1), "echo", payload)
		m := w.message()
		if m.Kind != message.KindError || m.Flags&message.FlagAck == 0 || m.AckID != uint64(id+1) {
			t.Fatalf("the answer to %.20q is of kind %d, flags %x, ack %d",
				payload, m.Kind, m.Flags, m.AckID)
		}
		if !strings.Contains(string(m.Payload), string(message.CodeInvalidFormat)) {
			t.Errorf("the error is %s", m.Payload)
		}
	}
	for id := uint64(3); ; id++ { // ten of them in a row still end the connection
		w.request(id, "echo", "nonsense")
		if op, _ := w.next(); op == frame.Close {
			break
		} else if id > 10 {
			t.Fatal("any number of invalid messages is taken")
		}
	}
}

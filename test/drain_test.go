package test

import (
	"bufio"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/message"
	"github.com/smartsocket/smartsocket/smartsockettest"
)

// drain begins to drain v and returns once new clients are refused.
func drain(t *testing.T, v *Server, ctx context.Context) <-chan error {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- v.Drain(ctx) }()
	eventually(t, "the drain to begin", func() bool {
		h, err := v.Hold("probe", time.Hour)
		if err == nil {
			h.Release()
		}
		return errors.Is(err, smartsocket.ErrShuttingDown)
	})
	return done
}

// hold holds v, with a limit that does not come.
func hold(t *testing.T, v *Server) *smartsocket.Hold {
	t.Helper()
	h, err := v.Hold("match 7", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// While something is held, new clients are refused and the others are served.
func TestDrain(t *testing.T) {
	v := startServer(t, Options{}, func(v *Server) {
		v.On("echo", func(_ *Socket, d Data, ack Ack) { ack.Reply(d) })
	})
	full, plain := dialFull(t, v, "/"), dialPlain(t, v, "/")
	eventually(t, "both clients", func() bool { return v.Stats().Connections == 2 })
	h := hold(t, v)
	done := drain(t, v, t.Context())

	if r, body := askHTTP(t, v, "GET", "/readyz", "1.1"); r.StatusCode != 503 ||
		!strings.Contains(body, "draining") {
		t.Errorf("/readyz: %s %s", r.Status, body)
	}
	if r, _ := askHTTP(t, v, "GET", "/healthz", "1.1"); r.StatusCode != 200 {
		t.Errorf("/healthz: %s", r.Status)
	}
	for _, protocol := range []string{"", message.Subprotocol} {
		nc := dialRaw(t, v, upgradeRequest(protocol, ""))
		r, err := http.ReadResponse(bufio.NewReader(nc), nil)
		if err != nil || r.StatusCode != 503 || r.Header.Get("Retry-After") != "1" {
			t.Errorf("a new client gets %v, %v", r, err)
		}
		nc.Close()
	}
	if n := v.ConnectionStats().Refusals["draining"]; n != 2 {
		t.Errorf("%d refusals were counted", n)
	}
	full.request(1, "echo", "7")
	full.wantAck(1, "7")
	plain.text(`{"event":"echo","data":8,"ack":1}`)
	if _, p := plain.next(); string(p) != `{"ack":1,"data":8}` {
		t.Errorf("a question is answered by %s", p)
	}
	if n := v.ConnectionStats().Holds; n != 1 {
		t.Errorf("%d holds", n)
	}

	h.Release()
	if m := full.message(); m.Kind != message.KindGoaway {
		t.Errorf("kind %d, want GOAWAY", m.Kind)
	}
	for _, w := range []*wire{full, plain} {
		w.wantClose(1001)
		w.send(frame.Close, frame.AppendCloseBody(nil, 1001, ""))
		w.nc.Close()
	}
	if err := returned(t, "Drain", done); err != nil {
		t.Error(err)
	}
	if err := v.Drain(t.Context()); err != nil {
		t.Errorf("a Drain after the drain: %v", err)
	}
	if err := v.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if err := v.Drain(t.Context()); !errors.Is(err, smartsocket.ErrClosed) {
		t.Errorf("a Drain after Shutdown: %v", err)
	}
}

// A client that was connected comes back to its session while matches run. Another is told to go
// elsewhere, in the protocol, and after the drain so is the first.
func TestSessionsComeBackDuringADrain(t *testing.T) {
	s := smartsockettest.New(t, Options{EnableMessageCache: true}, nil)
	player, other := s.Client(t), s.Client(t)
	h := hold(t, s.Server)
	done := drain(t, s.Server, t.Context())
	player.Cut()
	if !player.Reconnect() {
		t.Error("the session did not go on")
	}
	e := s.NewClient(t).ConnectFails(message.CodeShuttingDown)
	if e.RetryAfter != 1000 {
		t.Errorf("it may try again after %d ms", e.RetryAfter)
	}
	if n := s.ConnectionStats().Refusals["draining"]; n != 1 {
		t.Errorf("%d refusals were counted", n)
	}
	h.Release()
	player.ExpectClosed(uint16(frame.CloseAbnormal)) // by Cut
	player.ExpectClosed(message.CloseGoingAway)
	other.ExpectClosed(message.CloseGoingAway)
	if err := returned(t, "Drain", done); err != nil {
		t.Error(err)
	}
	eventually(t, "their end", func() bool { return s.Stats().Connections == 0 })
}

// A page does not see the status of a refusal, so it is told in the protocol. A proxy sees nothing
// but the status, by which it asks another server.
func TestDrainTellsPages(t *testing.T) {
	v := startServer(t, Options{AllowedOrigins: []string{"*"}}, nil)
	hold(t, v)
	done := drain(t, v, t.Context())
	nc := dialRaw(t, v, strings.Replace(upgradeRequest(message.Subprotocol, ""),
		"\r\n\r\n", "\r\nOrigin: https://a.example\r\n\r\n", 1))
	defer nc.Close()
	var got []byte
	for buf := make([]byte, 1024); ; {
		n, err := nc.Read(buf)
		if got = append(got, buf[:n]...); err != nil ||
			strings.Contains(string(got), string(message.CodeShuttingDown)) {
			break
		}
	}
	if !strings.Contains(string(got), string(message.CodeShuttingDown)) {
		t.Errorf("a page is told %q", got)
	}
	behind := dialRaw(t, v, strings.Replace(upgradeRequest(message.Subprotocol, ""), "\r\n\r\n",
		"\r\nOrigin: https://a.example\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n", 1))
	defer behind.Close()
	r, err := http.ReadResponse(bufio.NewReader(behind), nil)
	if err != nil || r.StatusCode != 503 || r.Header.Get("Retry-After") != "1" {
		t.Errorf("a proxy gets %v, %v", r, err)
	}
	v.Close()
	if err := returned(t, "Drain", done); !errors.Is(err, smartsocket.ErrClosed) {
		t.Error(err)
	}
}

// A match says when it ends, by the server's clock.
func TestHoldHasALimit(t *testing.T) {
	s := smartsockettest.New(t, Options{}, nil)
	c := s.Client(t)
	h, err := s.Hold("match 7", 2*time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	done := drain(t, s.Server, t.Context())
	s.Advance(time.Minute)
	if !h.Extend(2 * time.Minute) {
		t.Error("no overtime")
	}
	s.Advance(2*time.Minute - 1)
	c.ExpectNothing()
	select {
	case err := <-done:
		t.Fatalf("it returned early: %v", err)
	default:
	}
	s.Advance(1)
	if err := returned(t, "Drain", done); err != nil {
		t.Error(err)
	}
	c.ExpectClosed(message.CloseGoingAway)
	if st := s.ConnectionStats(); st.HoldsExpired != 1 || st.Holds != 0 || h.Extend(1) {
		t.Errorf("%d expired, %d held", st.HoldsExpired, st.Holds)
	}
}

// Hooks run once, and are waited for.
func TestDrainHooks(t *testing.T) {
	v := startServer(t, Options{}, nil)
	begun, finish := make(chan bool, 2), make(chan bool)
	v.OnDrain(func(context.Context) { begun <- true; <-finish })
	v.OnDrain(func(context.Context) { panic("no matches here") })
	over, cancel := context.WithCancel(t.Context())
	first := drain(t, v, over)
	second := drain(t, v, t.Context())
	<-begun
	cancel()
	if err := returned(t, "the first Drain", first); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	close(finish)
	if err := returned(t, "the second Drain", second); err != nil {
		t.Error(err)
	}
	if len(begun) > 0 || v.ConnectionStats().HandlerPanics != 1 {
		t.Error("hooks ran twice, or a panic was not counted")
	}
}

// The end of the server ends a Drain and the context of its hooks.
func TestEndsDuringADrain(t *testing.T) {
	for how, end := range ends {
		t.Run(how, func(t *testing.T) {
			v := startServer(t, Options{}, nil)
			told := make(chan error, 1)
			v.OnDrain(func(ctx context.Context) { <-ctx.Done(); told <- ctx.Err() })
			hold(t, v)
			w := dialFull(t, v, "/")
			done := drain(t, v, t.Context())
			w.leaves()
			if err := end(v); err != nil {
				t.Error(err)
			}
			if err := returned(t, "Drain", done); !errors.Is(err, smartsocket.ErrClosed) {
				t.Error(err)
			}
			if err := returned(t, "the hook", told); err == nil {
				t.Error("the hook's context has not ended")
			}
		})
	}
}

// A socket with a handler that runs is sent away behind its answer.
func TestDrainWaitsForAnswers(t *testing.T) {
	finish := make(chan bool)
	v := startServer(t, Options{}, func(v *Server) {
		v.On("slow", func(_ *Socket, _ Data, ack Ack) { <-finish; ack.Reply(1) })
	})
	busy, idle := dialFull(t, v, "/"), dialFull(t, v, "/")
	busy.request(1, "slow", "null")
	eventually(t, "the handler", func() bool { return v.ConnectionStats().WorkersBusy == 1 })
	done := drain(t, v, t.Context())
	if m := idle.message(); m.Kind != message.KindGoaway {
		t.Errorf("kind %d, want GOAWAY", m.Kind)
	}
	close(finish)
	busy.wantAck(1, "1")
	if m := busy.message(); m.Kind != message.KindGoaway {
		t.Errorf("kind %d, want GOAWAY", m.Kind)
	}
	busy.leaves()
	idle.leaves()
	if err := returned(t, "Drain", done); err != nil {
		t.Error(err)
	}
}

func TestDrainOutsideOfItsTime(t *testing.T) {
	v, err := smartsocket.New(Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if err := v.Drain(t.Context()); err != nil {
		t.Errorf("before Start: %v", err)
	}
	h, err := v.Hold("match", time.Hour)
	if err != nil {
		t.Errorf("the server drains: %v", err)
	}
	h.Release()
	v.Close()
	if err := v.Drain(t.Context()); !errors.Is(err, smartsocket.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

// Whoever drains from an event loop is not waited for.
func TestDrainFromALoop(t *testing.T) {
	errs := make(chan error, 1)
	v := startServer(t, Options{}, func(v *Server) {
		v.On("drain", func(*Socket, Data, Ack) { errs <- v.Drain(t.Context()) }, smartsocket.Inline)
	})
	w := dialFull(t, v, "/")
	w.emit("drain", "null")
	if err := returned(t, "Drain", errs); err == nil ||
		!strings.Contains(err.Error(), "event loop") {
		t.Error(err)
	}
	if m := w.message(); m.Kind != message.KindGoaway {
		t.Errorf("kind %d, want GOAWAY", m.Kind)
	}
	w.leaves()
}

// Run drains if there is a time for it.
func TestRunDrains(t *testing.T) {
	v, err := smartsocket.New(Options{Host: "127.0.0.1", Port: -1,
		DrainTimeout: time.Hour, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	drained := false
	v.OnDrain(func(context.Context) { drained = true })
	done := make(chan error, 1)
	go func() { done <- v.Run(ctx) }()
	eventually(t, "the server to listen", func() bool { return v.Addr() != nil })
	cancel()
	if err := returned(t, "Run", done); err != nil || !drained {
		t.Error(err, drained)
	}
}

package test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/client"
	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/message"
	"github.com/smartsocket/smartsocket/smartsockettest"
)

// dialMover is dialFull for a client that opens its next connection before it leaves.
func dialMover(t *testing.T, v *Server) *wire {
	t.Helper()
	w := dialWire(t, v, "/", message.Subprotocol)
	if m := w.message(); m.Kind != message.KindHello {
		t.Fatalf("the first message is of kind %d, not HELLO", m.Kind)
	}
	w.sendConnect(message.Connect{Random: make([]byte, 32), CanMove: true})
	_, p := w.next()
	a, err := message.ParseConnectAck(p)
	if err != nil {
		t.Fatal(err)
	}
	w.id = string(a.SocketID)
	return w
}

// goaway reads the next message, which must be a GOAWAY.
func (w *wire) goaway() message.Goaway {
	w.t.Helper()
	op, p := w.next()
	for len(p) > 0 && p[0] == byte(message.KindPing) {
		op, p = w.next()
	}
	g, err := message.ParseGoaway(p)
	if op != frame.Binary || err != nil {
		w.t.Errorf("no GOAWAY but %v %q", op, p)
	}
	return g
}

// goes is what a client does that has another connection.
func (w *wire) goes() {
	w.send(frame.Close, frame.AppendCloseBody(nil, 1000, ""))
	w.nc.Close()
}

// A client that moves is served until it has left, also while a handler of its runs. An older one,
// which knows nothing of it, is sent away when its handlers have returned.
func TestDrainLetsClientsMove(t *testing.T) {
	finish := make(chan bool)
	v := startServer(t, Options{}, func(v *Server) {
		v.On("echo", func(_ *Socket, d Data, ack Ack) { ack.Reply(d) })
		v.On("slow", func(_ *Socket, _ Data, ack Ack) { <-finish; ack.Reply(1) })
	})
	mover, busy, older := dialMover(t, v), dialMover(t, v), dialFull(t, v, "/")
	busy.request(1, "slow", "null")
	eventually(t, "the handler", func() bool { return v.ConnectionStats().WorkersBusy == 1 })
	done := drain(t, v, t.Context())
	for _, w := range []*wire{mover, busy} {
		if g := w.goaway(); !g.Move || g.Deadline == 0 || len(g.URL) > 0 {
			t.Errorf("it is told %+v", g)
		}
	}
	if g := older.goaway(); g.Move || g.Deadline != 0 {
		t.Errorf("an older client is told %+v", g)
	}
	older.wantClose(1001)
	mover.request(1, "echo", "7")
	mover.wantAck(1, "7")
	v.Emit("tick", nil)
	if m := mover.message(); string(m.Event) != "tick" {
		t.Errorf("it gets %q", m.Event)
	}
	mover.goes()
	if m := busy.message(); string(m.Event) != "tick" {
		t.Errorf("it gets %q", m.Event)
	}
	select {
	case err := <-done:
		t.Fatalf("Drain returned while a client is here: %v", err)
	default:
	}
	close(finish)
	busy.wantAck(1, "1")
	busy.goes()
	older.goes()
	if err := returned(t, "Drain", done); err != nil {
		t.Error(err)
	}
}

// Who does not move is closed when the time is over.
func TestDrainEndsForWhoDoesNotMove(t *testing.T) {
	v := startServer(t, Options{}, nil)
	w := dialMover(t, v)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	done := drain(t, v, ctx)
	if g := w.goaway(); !g.Move || g.Deadline > 100 {
		t.Errorf("it is told %+v", g)
	}
	w.wantClose(1001)
	w.leaves()
	if err := returned(t, "Drain", done); err != nil {
		t.Error(err)
	}
}

// New clients are served for a while after the announcement.
func TestDrainDelay(t *testing.T) {
	s := smartsockettest.New(t, Options{DrainDelay: time.Minute}, nil)
	c := s.Client(t)
	done := drain(t, s.Server, t.Context())
	s.Advance(time.Minute - 1)
	s.Client(t)
	if n := s.ConnectionStats().Refusals["draining"]; n != 0 {
		t.Errorf("%d refusals", n)
	}
	s.Advance(1)
	c.ExpectClosed(message.CloseGoingAway)
	if err := returned(t, "Drain", done); err != nil {
		t.Error(err)
	}
}

// A match keeps its own clients, while the others leave.
func TestDrainHoldsAGroup(t *testing.T) {
	v := startServer(t, Options{}, nil)
	players, guest := []*wire{dialFull(t, v, "/"), dialFull(t, v, "/")}, dialFull(t, v, "/")
	ids := map[string]bool{players[0].id: true, players[1].id: true}
	v.DrainTogether(func(s *Socket) string {
		if ids[s.ID()] {
			return "match 7"
		}
		return ""
	})
	h, err := v.HoldGroup("match 7", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	done := drain(t, v, t.Context())
	guest.goaway()
	guest.wantClose(1001)
	guest.goes()
	if _, err := v.HoldGroup("match 8", time.Hour); !errors.Is(err, smartsocket.ErrShuttingDown) {
		t.Errorf("another match may begin: %v", err)
	}
	v.Emit("goal", nil)
	for _, w := range players {
		if m := w.message(); string(m.Event) != "goal" {
			t.Errorf("kind %d %q", m.Kind, m.Event)
		}
	}
	h.Release()
	for _, w := range players {
		w.goaway()
		w.wantClose(1001)
		w.goes()
	}
	if err := returned(t, "Drain", done); err != nil {
		t.Error(err)
	}
}

// Two servers in turn have one listening socket. Nobody is refused meanwhile, and the clients move.
func TestHandOver(t *testing.T) {
	first, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f, err := first.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	second, err := net.FileListener(f)
	f.Close()
	if err != nil {
		t.Fatal(err)
	}
	serve := func(l net.Listener, name string) *Server {
		v, err := smartsocket.New(Options{Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { v.Close() })
		smartsocket.Handle(v, "who", func(*Socket, any) (string, error) { return name, nil })
		if err := v.Serve(l); err != nil {
			t.Fatal(err)
		}
		return v
	}
	old := serve(first, "old")
	url := "ws://" + old.Addr().String()
	dial := func() *client.Client {
		c, err := client.New(url, client.Options{MaxReconnectAttempts: client.Never})
		if err == nil {
			err = c.Connect(t.Context())
		}
		if err != nil {
			t.Error(err)
		}
		return c
	}
	stays, err := client.New(url, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer stays.Disconnect()
	if err := stays.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	moved, stop, newcomers := make(chan error, 1), make(chan bool), make(chan error)
	var dialled atomic.Int64
	stays.OnReconnected(func(bool) { moved <- nil })
	go func() {
		defer close(newcomers)
		for {
			select {
			case <-stop:
				return
			default:
				dial().Disconnect()
				dialled.Add(1)
			}
		}
	}()
	eventually(t, "newcomers", func() bool { return dialled.Load() > 0 })
	next := serve(second, "new")
	if err := old.HandOver(t.Context()); err != nil {
		t.Error(err)
	}
	_ = returned(t, "the move", moved)
	n := dialled.Load()
	eventually(t, "newcomers behind the hand-over", func() bool { return dialled.Load() > n })
	if who, err := client.Request[string](t.Context(), stays, "who", nil); err != nil ||
		who != "new" {
		t.Error(who, err)
	}
	close(stop)
	_ = returned(t, "the newcomers", newcomers)
	if err := old.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if n := old.ConnectionStats().Refusals["draining"] +
		next.ConnectionStats().Refusals["draining"]; n > 0 {
		t.Errorf("%d were refused", n)
	}
}

//go:build linux || darwin

package smartsockettest

import (
	"errors"
	"testing"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/message"
)

// arena is what a game registers.
func arena(v *smartsocket.Server) {
	v.OnConnected(func(s *smartsocket.Socket) { s.Set("lives", 3) })
	smartsocket.Handle(v, "join", func(s *smartsocket.Socket, room string) (int, error) {
		if room == "" {
			return 0, &smartsocket.Error{Code: message.CodeRejected, Message: "which room?"}
		}
		s.Emit("welcome", room)
		s.To(room).Emit("joined", s.ID())
		return s.Get("lives").(int), s.Join(room)
	})
	v.On("raw", func(_ *smartsocket.Socket, d Data, ack Ack) { ack.Reply(d) })
	v.On("cheat", func(s *smartsocket.Socket, _ Data, _ Ack) { s.Disconnect() })
	v.On("late", func(*smartsocket.Socket, Data, Ack) {})
	v.On("panic", func(*smartsocket.Socket, Data, Ack) { panic("no") })
	v.On("state", func(s *smartsocket.Socket, _ Data, _ Ack) {
		s.Emit("at", 1, smartsocket.Volatile)
		s.Emit("at", 2, smartsocket.State(""))
	})
}

func TestFake(t *testing.T) {
	a := NewFake(t, "/", arena)
	b := a.Another()
	for _, f := range []*Fake{a, b} {
		lives := 0
		if f.Call("join", "arena", &lives); lives != 3 || !f.In("arena") || !f.Connected() {
			t.Errorf("%d lives, rooms %v", lives, f.Rooms())
		}
		f.Expect("welcome", "arena")
	}
	a.Expect("joined", b.ID())
	if n := a.Server.Namespace("/").RoomLen("arena"); n != 2 {
		t.Errorf("%d in the room", n)
	}
	e := a.CallFails("join", "", message.CodeRejected)
	if e.Message != "which room?" || e.Event != "join" {
		t.Errorf("%+v", e)
	}
	a.CallFails("join", 7, message.CodeInvalidFormat)
	a.CallFails("nonsense", nil, message.CodeNoHandler)
	a.CallFails("panic", nil, message.CodeHandlerFailed)
	var raw []byte
	if a.Call("raw", []byte{1, 2}, &raw); len(raw) != 2 {
		t.Errorf("the answer is %v", raw)
	}
	a.Call("raw", nil, nil)
	a.Emit("state", nil)
	a.Expect("at", 1)
	a.Expect("at", 2)
	large := make([]byte, 1<<20)
	a.Socket.Emit("large", large)
	a.Expect("large", large)
	a.Server.Emit("news", 1)
	a.Expect("news", 1)
	a.ExpectNothing()
	b.Expect("news", 1)
	b.ExpectNothing()
	a.Emit("cheat", nil)
	a.ExpectClosed(message.CloseKicked)
}

// Run calls a handler that is registered nowhere.
func TestFakeRun(t *testing.T) {
	f := NewFake(t, "/game", nil)
	f.Run(func(s *smartsocket.Socket, d Data, ack Ack) {
		var n int
		if err := d.Decode(&n); err != nil || s.Namespace().Path() != "/game" {
			t.Error(err, s.Namespace().Path())
		}
		ack.Reply(2 * n)
		ack.Fail(errors.New("a second answer is ignored"))
	}, 21, new(int))
	f.ExpectNothing()
}

func TestFakeFailuresExplain(t *testing.T) {
	fake := func(t testing.TB) *Fake {
		f := NewFake(t, "/", arena)
		f.Call("join", "arena", nil)
		return f
	}
	sent := "Sent to the socket, in this order:\n\t1. \"welcome\" \"arena\""
	says(t, "nothing", func(t testing.TB) { fake(t).ExpectNothing() }, "\"welcome\" was sent", sent)
	says(t, "other data", func(t testing.TB) { fake(t).Expect("welcome", "lobby") },
		"got  \"arena\"", "want \"lobby\"", sent)
	says(t, "no event", func(t testing.TB) { fake(t).Expect("news", Any) }, "not sent. "+sent)
	says(t, "no events", func(t testing.TB) { NewFake(t, "/", nil).Expect("news", Any) },
		"Nothing was sent")
	says(t, "no answer", func(t testing.TB) { fake(t).Call("late", nil, nil) },
		"\"late\" was not answered")
	says(t, "an error", func(t testing.TB) { fake(t).Call("join", "", nil) }, "which room?")
	says(t, "an answer", func(t testing.TB) {
		fake(t).CallFails("join", "x", message.CodeRejected)
	}, "is 3, want the error ERR_")
	says(t, "another type", func(t testing.TB) { fake(t).Call("join", "x", new(string)) }, "is 3: ")
	says(t, "no JSON", func(t testing.TB) { fake(t).Emit("join", func() {}) }, "no JSON")
	says(t, "open", func(t testing.TB) { fake(t).ExpectClosed(1000) }, "not closed, want code 1000")
	says(t, "another code", func(t testing.TB) {
		f := fake(t)
		f.Emit("cheat", nil)
		f.ExpectClosed(1000)
	}, "code 3504 (kicked), want 1000")
}

// BenchmarkFake is a unit test of a handler.
func BenchmarkFake(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		f := NewFake(b, "/", arena)
		f.Call("join", "arena", nil)
		f.Expect("welcome", "arena")
	}
}

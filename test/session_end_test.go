package test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/client"
	"github.com/smartsocket/smartsocket/frame"
)

// However a session ends, it is told once and at last, with a reason.
func TestEveryEndIsToldOnce(t *testing.T) {
	away := func(t *testing.T, _ *Server, a *resumer, s *Socket) { a.leave(s) }
	for name, c := range map[string]struct {
		o    Options
		end  func(t *testing.T, v *Server, a *resumer, s *Socket)
		page string // behind connected
		code frame.CloseCode
	}{
		"final close": {end: func(_ *testing.T, _ *Server, a *resumer, _ *Socket) {
			a.finish()
		}, page: "disconnected 1000, ended", code: 1000},
		"kicked while connected": {end: func(_ *testing.T, _ *Server, a *resumer, s *Socket) {
			s.DisconnectWith(3500, "out")
			a.wantClose(3500)
			a.nc.Close()
		}, page: "disconnected 3500, ended", code: 3500},
		"protocol error": {end: func(_ *testing.T, _ *Server, a *resumer, _ *Socket) {
			a.nc.Write([]byte{0xff, 0xff, 0xff, 0xff})
			a.wantClose(frame.CloseProtocolError)
			a.nc.Close()
		}, page: "disconnected 1002, ended", code: 1002},
		"away for too long": {o: Options{MessageCacheAge: 100 * time.Millisecond}, end: away,
			page: "disconnected 1006, ended", code: 1006},
		"too many away": {o: Options{MaxConnections: 2}, end: func(
			t *testing.T, v *Server, a *resumer, s *Socket,
		) {
			a.leave(s)
			for range 2 {
				b, other := start(t, v)
				b.leave(other)
				eventually(t, "a place", func() bool { return v.ConnectionStats().Open == 0 })
			}
		}, page: "disconnected 1006, ended", code: 1006},
		"a gap": {o: Options{MessageCacheSize: 2}, end: func(
			t *testing.T, v *Server, a *resumer, s *Socket,
		) {
			a.leave(s)
			emitN(v, 3, "x")
			a.wantNew(v, s)
		}, page: "disconnected 1006, ended", code: 3503},
		"a gap on a half-open link": {o: Options{MessageCacheSize: 2}, end: func(
			t *testing.T, v *Server, a *resumer, s *Socket,
		) {
			old := a.wire
			emitN(v, 3, "x")
			a.wantNew(v, s)
			old.wantClose(3503)
			old.nc.Close()
		}, page: "disconnected 3503, ended", code: 3503},
	} {
		t.Run(name, func(t *testing.T) {
			v, d := diaryServer(t, c.o)
			a, s := start(t, v)
			s.Join("vip")
			d.want(s, "connected")
			c.end(t, v, a, s)
			page := "connected, " + c.page
			d.want(s, page)
			if r := d.told(s, 1); r.Text == "" && r.Code == 1006 || r.Code != c.code {
				t.Errorf("ended was told of %+v", r)
			}
			ns := v.Namespace("/")
			eventually(t, "the socket to be gone", func() bool { return ns.Socket(s.ID()) == nil })
			if n := membersOf(ns, "vip"); n != 0 {
				t.Errorf("%d are in the room", n)
			}
			d.want(s, page)
		})
	}
}

// Without the message cache a session is one connection.
func TestLifecycleWithoutTheCache(t *testing.T) {
	for name, dial := range map[string]func(testing.TB, *Server, string) *wire{
		"protocol": dialFull, "plain": dialPlain,
	} {
		t.Run(name, func(t *testing.T) {
			v := startServer(t, Options{}, nil)
			d := newDiary(t)
			d.keep(v)
			w := dial(t, v, "/")
			ns := v.Namespace("/")
			eventually(t, "the socket", func() bool { return ns.Len() == 1 })
			s := ns.Sockets()[0]
			s.Join("vip")
			w.nc.Close()
			d.want(s, "connected, disconnected 1006, ended")
			if got := d.rooms[s]; !slices.Equal(got, []string{"vip"}) {
				t.Errorf("ended saw the rooms %q", got)
			}
			eventually(t, "the socket to be gone", func() bool { return ns.Socket(s.ID()) == nil })
		})
	}
}

// A server that stops ends the sessions of those who are away, too.
func TestShutdownEndsEverySession(t *testing.T) {
	for name, stop := range map[string]func(*Server) error{
		"Close":    (*Server).Close,
		"Shutdown": func(v *Server) error { return v.Shutdown(t.Context()) },
	} {
		t.Run(name, func(t *testing.T) {
			v, d := diaryServer(t, Options{})
			a, here := start(t, v)
			b, away := start(t, v)
			b.leave(away)
			var wg sync.WaitGroup
			wg.Go(func() { // answers the closing handshake
				for op, _ := a.next(); op != frame.Close && op != 0; op, _ = a.next() {
				}
				a.nc.Close()
			})
			if err := stop(v); err != nil {
				t.Error(err)
			}
			wg.Wait()
			d.want(away, "connected, disconnected 1006, ended")
			if r := d.told(away, 1); r.Code != frame.CloseGoingAway {
				t.Errorf("the end of who was away is told as %v", r)
			}
			d.complete()
			if page := d.page(here); !strings.HasPrefix(page, "connected, disconnected ") {
				t.Error(page)
			}
		})
	}
}

// "ended" is a name that applications may use for an event of theirs: the end of a socket is told
// to OnEnded alone.
func TestEndedIsAnOrdinaryName(t *testing.T) {
	told := make(chan string, 4)
	v := startServer(t, Options{}, func(v *Server) {
		v.On("ended", func(_ *Socket, d Data, ack Ack) { ack.Reply(d) })
		v.OnEnded(func(s *Socket, r smartsocket.Reason) { told <- fmt.Sprint(s.ID(), " ", r.Code) })
	})
	w := dialFull(t, v, "/")
	w.request(1, "ended", `"the match"`)
	w.wantAck(1, `"the match"`)
	w.send(frame.Close, frame.AppendCloseBody(nil, frame.CloseNormal, ""))
	w.wantClose(frame.CloseNormal)
	w.nc.Close()
	if got := <-told; got != w.id+" 1000" {
		t.Errorf("told of %s", got)
	}
	eventually(t, "the socket to be gone", func() bool { return v.Namespace("/").Len() == 0 })
	if len(told) > 0 {
		t.Errorf("told again: %s", <-told)
	}
}

// What the application gave as the reason is what OnEnded is told, also when the client is away.
func TestTheReasonOfADisconnectWhileAway(t *testing.T) {
	told := make(chan smartsocket.Reason, 1)
	v := cacheServer(t, Options{})
	v.OnEnded(func(_ *Socket, r smartsocket.Reason) { told <- r })
	var a resumer
	a.connect(t, v, "/", "")
	s := v.Namespace("/").Socket(a.id)
	a.nc.Close()
	eventually(t, "the client to be away", func() bool { return !s.Connected() })
	s.DisconnectWith(3500, "banned")
	if r := <-told; r.Code != 3500 || r.Text != "banned" {
		t.Errorf("told %v", r)
	}
}

// The Go client of a session that was ended while it was away gets a new one, and knows.
func TestKickedClientKnowsThatItIsNew(t *testing.T) {
	v, d := diaryServer(t, Options{})
	p := newProxy(t, v)
	c, err := client.New("ws://"+p.addr()+"/", client.Options{
		ReconnectDelay: time.Millisecond, MaxReconnectAttempts: client.Forever,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Disconnect)
	back := make(chan bool, 4)
	c.OnReconnected(func(recovered bool) { back <- recovered })
	connected(t, c)
	ns := v.Namespace("/")
	eventually(t, "the socket", func() bool { return ns.Len() == 1 })
	s := ns.Sockets()[0]
	s.Join("vip")

	p.cut()
	if !<-back || ns.RoomLen("vip") != 1 {
		t.Error("the session was lost by a cut")
	}
	d.want(s, "connected, disconnected 1006, recovered")
	p.refuse(true)
	p.cut()
	eventually(t, "the server to notice", func() bool { return !s.Connected() })
	s.Disconnect()
	d.want(s, "connected, disconnected 1006, recovered, disconnected 1006, ended")
	p.refuse(false)
	if <-back {
		t.Error("the client believes that its session was recovered")
	}
	if n := membersOf(ns, "vip"); n != 0 {
		t.Errorf("%d are in the room", n)
	}
}

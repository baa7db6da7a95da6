package test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/message"
)

// A Socket is its session: one pointer from the first connect until the session ends, whatever its
// connections do meanwhile. These tests hold the pointer, as an application does.

// diaryServer is a cacheServer with a diary, and with handlers for what clients ask for here.
func diaryServer(t testing.TB, o Options) (*Server, *diary) {
	t.Helper()
	d := newDiary(t)
	v := cacheServer(t, o)
	d.keep(v)
	v.On("note", func(s *Socket, data Data, _ Ack) {
		d.note(s, "event "+string(data.Bytes()), nil)
	})
	return v, d
}

// start connects a client and returns its socket.
func start(t testing.TB, v *Server) (*resumer, *Socket) {
	t.Helper()
	a := new(resumer)
	a.connect(t, v, "/", "")
	return a, socketOf(t, v, a.id)
}

// leave cuts the connection and waits until the server has noticed.
func (r *resumer) leave(s *Socket) {
	r.t.Helper()
	r.nc.Close()
	eventually(r.t, "the server to notice the cut", func() bool { return !s.Connected() })
}

// finish ends the session as a client does that leaves for good.
func (r *resumer) finish() {
	r.t.Helper()
	r.send(frame.Close, frame.AppendCloseBody(nil, frame.CloseNormal, ""))
	r.wantClose(frame.CloseNormal)
	r.nc.Close()
}

// wantNew resumes a session that has ended: the client gets a new one with nothing of the old.
func (r *resumer) wantNew(v *Server, old *Socket) *Socket {
	r.t.Helper()
	r.connect(r.t, v, "/", "")
	if r.recovered || r.id == old.ID() {
		r.t.Fatal("the session came back")
	}
	s := socketOf(r.t, v, r.id)
	if s == old || s.Identity() != nil || s.Get("x") != nil || len(s.Rooms()) > 0 || s.Recovered() {
		r.t.Errorf("the new session has identity %v, value %v, rooms %q and Recovered %v",
			s.Identity(), s.Get("x"), s.Rooms(), s.Recovered())
	}
	return s
}

// The handlers run in the order of what happened to the session, on one *Socket.
func TestLifecycleOverAResume(t *testing.T) {
	modes := map[string][]smartsocket.HandlerOption{"blocking": nil, "inline": {smartsocket.Inline}}
	for name, opts := range modes {
		t.Run(name, func(t *testing.T) {
			v := startServer(t, Options{EnableMessageCache: true}, nil)
			ns := v.Namespace("/")
			d, e := newDiary(t), newDiary(t)
			d.keep(v, opts...)
			e.keep(ns, opts...)
			v.On("note", func(s *Socket, data Data, _ Ack) {
				d.note(s, "event "+string(data.Bytes()), nil)
			}, opts...)
			a, s := start(t, v)
			page := "connected"
			d.want(s, page)
			for n := 2; n < 5; n++ {
				a.leave(s)
				page += ", disconnected 1006"
				d.want(s, page)
				if d.plays(s) || s.Recovered() != (n > 2) {
					t.Errorf("away: plays %v, Recovered %v", d.plays(s), s.Recovered())
				}
				a.again(t, v)
				a.emit("note", fmt.Sprint(n))
				page += fmt.Sprint(", recovered, event ", n)
				d.want(s, page)
				if ns.Socket(a.id) != s || !s.Connected() || !s.Recovered() || !d.plays(s) {
					t.Errorf("back: same socket %v, Connected %v, Recovered %v, plays %v",
						ns.Socket(a.id) == s, s.Connected(), s.Recovered(), d.plays(s))
				}
			}
			a.finish()
			d.want(s, page+", disconnected 1000, ended")
			if r := d.told(s, 4); r.Code != frame.CloseNormal {
				t.Errorf("ended was told of %v", r)
			}
			eventually(t, "the socket to be gone", func() bool { return ns.Socket(a.id) == nil })
			d.complete()
			e.complete()
			d.want(s, page+", disconnected 1000, ended") // nothing behind the end
		})
	}
}

// A socket that is away is ended at once, and nothing of it comes back.
func TestDisconnectOfASocketThatIsAway(t *testing.T) {
	for name, kick := range map[string]func(*Socket){
		"Disconnect":           (*Socket).Disconnect,
		"DisconnectWith(3500)": func(s *Socket) { s.DisconnectWith(3500, "banned") },
		"DisconnectWith(3999)": func(s *Socket) { s.DisconnectWith(3999, "banned") },
		"twice":                func(s *Socket) { s.Disconnect(); s.DisconnectWith(3500, "") },
	} {
		t.Run(name, func(t *testing.T) {
			v, d := diaryServer(t, Options{})
			ns := v.Namespace("/")
			a, s := start(t, v)
			s.Authenticated("admin")
			s.Set("x", "kept")
			s.Join("vip")
			a.leave(s)
			kick(s)
			d.want(s, "connected, disconnected 1006, ended")
			eventually(t, "the socket to be gone", func() bool { return ns.Socket(s.ID()) == nil })
			if n := membersOf(ns, "vip"); n != 0 {
				t.Errorf("%d are in the room", n)
			}
			if got := d.rooms[s]; !slices.Equal(got, []string{"vip"}) {
				t.Errorf("ended saw the rooms %q", got)
			}
			if got := emit(t, s, "x", 1); got.Queued != 0 {
				t.Errorf("an emit to the ended session: %+v", got)
			}
			a.wantNew(v, s)
			d.want(s, "connected, disconnected 1006, ended")
		})
	}
}

// A code that asks the client to reconnect leaves the session alone, here or away.
func TestDisconnectThatAsksToReconnect(t *testing.T) {
	v, d := diaryServer(t, Options{})
	a, s := start(t, v)
	s.Join("vip")
	s.DisconnectWith(3000, "again")
	a.wantClose(3000)
	a.leave(s)
	d.want(s, "connected, disconnected 3000")
	s.DisconnectWith(3000, "again") // while it is away
	a.again(t, v)
	d.want(s, "connected, disconnected 3000, recovered")
	if !s.In("vip") || v.Namespace("/").Socket(a.id) != s {
		t.Error("the session is not what it was")
	}
}

// busyHandler is a handler that still runs while its client is cut and comes back.
type busyHandler struct {
	in, release, done chan bool
}

// during registers a handler of "busy" that calls act when it is released.
func during(v *Server, act func(*Socket)) *busyHandler {
	b := &busyHandler{in: make(chan bool, 1), release: make(chan bool), done: make(chan bool)}
	v.On("busy", func(s *Socket, _ Data, _ Ack) {
		b.in <- true
		<-b.release
		act(s)
		close(b.done)
	})
	return b
}

// over cuts the client of s while the handler runs, lets it resume, and lets the handler act.
func (b *busyHandler) over(t *testing.T, v *Server, a *resumer) {
	t.Helper()
	a.emit("busy", "")
	<-b.in
	a.again(t, v)
	b.release <- true
	<-b.done
}

// A handler whose client was cut and has resumed meanwhile ends the session all the same.
func TestDisconnectByAHandlerOfTheCutConnection(t *testing.T) {
	for name, c := range map[string]struct {
		kick func(*Socket)
		code frame.CloseCode
	}{
		"Disconnect":     {(*Socket).Disconnect, 3504},
		"DisconnectWith": {func(s *Socket) { s.DisconnectWith(3500, "banned") }, 3500},
	} {
		t.Run(name, func(t *testing.T) {
			v, d := diaryServer(t, Options{})
			b := during(v, c.kick)
			a, s := start(t, v)
			s.Authenticated("admin")
			s.Join("vip")
			b.over(t, v, a)
			a.wantClose(c.code)
			a.nc.Close()
			d.want(s, fmt.Sprintf(
				"connected, disconnected 1006, recovered, disconnected %d, ended", c.code))
			a.wantNew(v, s)
			if n := membersOf(v.Namespace("/"), "vip"); n != 0 {
				t.Errorf("%d are in the room", n)
			}
		})
	}
}

// What such a handler does to the session holds: rooms, values, identity, events.
func TestHandlerOfTheCutConnectionActsOnTheSession(t *testing.T) {
	v, d := diaryServer(t, Options{})
	ns := v.Namespace("/")
	b := during(v, func(s *Socket) {
		s.Leave("vip")
		s.Join("lobby")
		s.Set("x", "new")
		s.Authenticated("ann")
		s.Emit("hello", 1)
		ns.To("vip").Emit("secret", 1)
		ns.To("lobby").Emit("hello", 2)
	})
	a, s := start(t, v)
	s.Join("vip")
	b.over(t, v, a)
	a.want("1")
	a.want("2") // and not the secret between them
	a.request(1, "get", "")
	a.wantAck(1, `["new",["lobby"],true]`)
	if s.Identity() != "ann" || membersOf(ns, "vip") != 0 || !s.Connected() {
		t.Errorf("identity %v, %d in the room, Connected %v",
			s.Identity(), membersOf(ns, "vip"), s.Connected())
	}
	d.want(s, "connected, disconnected 1006, recovered")
}

// When a client comes back before the server has noticed that its old link is dead, the
// application is told at once, and in order, that the old connection is gone.
func TestLifecycleOverAHalfOpenLink(t *testing.T) {
	v, d := diaryServer(t, Options{})
	p := newProxy(t, v)
	a := &resumer{}
	a.connectAt(t, p.addr(), "/", "")
	s := socketOf(t, v, a.id)
	a.emit("note", "1")
	d.want(s, "connected, event 1")
	page := "connected, event 1"
	for n := 2; n < 6; n++ { // a link that is dead, and one that only seems to be
		if n%2 == 0 {
			p.stall()
			emit(t, s, "lost", n) // into the dead link
		}
		a.connectAt(t, p.addr(), "/", "")
		if !a.recovered {
			t.Fatal("not recovered")
		}
		if n%2 == 0 {
			a.want(fmt.Sprint(n))
		}
		a.emit("note", fmt.Sprint(n))
		page += fmt.Sprint(", disconnected 3503, recovered, event ", n)
		d.want(s, page)
		if !d.plays(s) {
			t.Error("the application has removed a player who plays")
		}
	}
	p.cut()
	eventually(t, "the dead links to be gone", func() bool { return v.ConnectionStats().Open == 0 })
	d.want(s, page+", disconnected 1006") // of the last link only
	if d.plays(s) {
		t.Error("a player is left that nobody plays")
	}
	a.connect(t, v, "/", "")
	a.finish()
	d.want(s, page+", disconnected 1006, recovered, disconnected 1000, ended")
}

// A connected handler that asks for authentication asks the session, not one connection. So
// nothing is won by resuming while it runs.
func TestRequireAuthInAConnectedHandlerIsNotResumedAway(t *testing.T) {
	for _, opts := range [][]smartsocket.HandlerOption{nil, {smartsocket.Inline}} {
		t.Run(fmt.Sprintf("inline event %v", opts != nil), func(t *testing.T) {
			in, release := make(chan bool), make(chan bool)
			v := startServer(t, Options{EnableMessageCache: true}, func(v *Server) {
				v.OnConnected(func(s *Socket) {
					if s.Recovered() {
						return
					}
					in <- true
					<-release
					if s.Recovered() {
						t.Error("the first connection's handler sees itself recovered")
					}
					s.RequireAuth()
				})
				v.On("secret", func(s *Socket, _ Data, ack Ack) {
					if s.Identity() == nil {
						t.Error("a stranger got in")
					}
					ack.Reply("told")
				}, opts...)
				smartsocket.On(v, "auth", func(s *Socket, name string, ack Ack) {
					s.Authenticated(name)
					ack.Reply(true)
				})
			})
			var a resumer
			a.connect(t, v, "/", "")
			<-in
			for n := range uint64(4) {
				a.again(t, v)
				a.request(1+n, "secret", "")
			}
			release <- true
			a.wantNack(4, message.CodeAuthFailed)
			a.request(9, "auth", `"ann"`)
			a.wantAck(9, "true")
			a.again(t, v)
			a.request(10, "secret", "")
			a.wantAck(10, `"told"`)
		})
	}
}

// Many strangers resume at once with their own tokens.
func TestStrangersWhoResumeAtOnceStayOut(t *testing.T) {
	v := startServer(t, Options{EnableMessageCache: true}, func(v *Server) {
		v.OnConnected(func(s *Socket) {
			time.Sleep(time.Millisecond)
			if !s.Recovered() {
				s.RequireAuth()
			}
		})
		v.On("secret", func(_ *Socket, _ Data, ack Ack) {
			t.Error("a stranger got in")
			ack.Reply(nil)
		})
	})
	for range 300 {
		var a resumer
		a.connect(t, v, "/", "")
		half := a.wire
		a.connect(t, v, "/", "") // its session, or a new one
		a.request(1, "secret", "")
		a.wantNack(1, message.CodeAuthFailed)
		a.nc.Close()
		half.nc.Close()
	}
}

// What is done to a socket whose client is away holds when the client is back.
func TestMethodsOfASocketThatIsAway(t *testing.T) {
	v, d := diaryServer(t, Options{})
	ns := v.Namespace("/")
	v.On("open", func(_ *Socket, _ Data, ack Ack) { ack.Reply("open") })
	smartsocket.On(v, "auth", func(s *Socket, name string, ack Ack) {
		s.Authenticated(name)
		ack.Reply(true)
	})
	a, s := start(t, v)
	s.Join("red", "blue")
	for id := range uint64(2) { // then the connected handlers are done, also for the loop
		a.request(100+id, "open", "")
		a.wantAck(100+id, `"open"`)
	}
	a.leave(s)

	s.Leave("red")
	if err := s.Join("green"); err != nil {
		t.Error(err)
	}
	s.Set("x", "y")
	s.On("own", func(_ *Socket, _ Data, ack Ack) { ack.Reply("own") })
	answer := make(chan string, 1)
	done := func(got Data, err error) { answer <- fmt.Sprintf("%s %v", got.Bytes(), err) }
	if err := s.EmitAck("question", 1, time.Minute, done); err != nil {
		t.Error(err)
	}
	for i, e := range []emitter{s, ns.To("green"), ns.To("red"), ns.ToSocket(s.ID())} {
		want := 1
		if i == 2 {
			want = 0
		}
		if got := emit(t, e, "news", i); got.Queued != want {
			t.Errorf("emit %d: %+v", i, got)
		}
	}
	s.RequireAuth()

	a.again(t, v)
	question := a.message()
	a.seq = question.Seq
	a.send(frame.Binary, ackTo(question, message.KindAck, `"yes"`))
	if got := <-answer; got != `"yes" <nil>` {
		t.Errorf("the question was answered with %s", got)
	}
	for _, i := range []int{0, 1, 3} {
		a.want(fmt.Sprint(i))
	}
	a.request(1, "open", "")
	a.wantNack(1, message.CodeAuthFailed)
	a.request(2, "auth", `"ann"`)
	a.wantAck(2, "true")
	a.request(3, "get", "")
	a.wantAck(3, `["y",["blue","green"],true]`)
	a.request(4, "own", "")
	a.wantAck(4, `"own"`)
	if s.Identity() != "ann" || ns.Socket(a.id) != s {
		t.Errorf("identity %v, same socket %v", s.Identity(), ns.Socket(a.id) == s)
	}
	d.want(s, "connected, disconnected 1006, recovered")
}

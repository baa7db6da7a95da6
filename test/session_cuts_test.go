package test

import (
	"fmt"
	"math/rand/v2"
	"net"
	"runtime"
	"sync"
	"testing"

	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/message"
)

// flapper is a client that is cut again and again, and what it knows of its session.
type flapper struct {
	resumer
	random *rand.Rand
	s      *Socket // of the session
	links  int     // of the session so far
	asks   uint64
	over   bool       // the session was ended, so it must not come back
	dead   []net.Conn // half open
}

// join makes a connection and checks whether it has the session that it must have.
func (f *flapper) join(t *testing.T, v *Server) {
	t.Helper()
	id := "no session"
	if f.s != nil {
		id = f.s.ID()
	}
	f.connect(t, v, "/", "")
	switch {
	case f.recovered && f.over:
		t.Errorf("%s came back after it was ended", id)
	case !f.recovered && f.s != nil && !f.over:
		t.Errorf("%s was lost", id)
	case f.recovered:
		if f.links++; v.Namespace("/").Socket(f.id) != f.s {
			t.Errorf("%s has another *Socket than before", id)
		}
		return
	}
	f.s, f.links, f.over = socketOf(t, v, f.id), 1, false
}

// act does something to the session, from the client's side or the application's.
func (f *flapper) act() {
	switch f.random.IntN(12) {
	case 0:
		f.s.Join("red")
	case 1:
		f.s.Leave("red")
	case 2:
		f.s.Set("x", f.links)
	case 3:
		f.s.Emit("news", f.links)
	case 4:
		f.s.EmitAck("question", nil, 0, func(Data, error) {})
	case 5:
		f.s.DisconnectWith(3000, "again")
	case 6:
		f.sync()
	default:
		f.emit("note", fmt.Sprint(f.links))
	}
}

// sync reads until the server has answered, or has closed the connection.
func (f *flapper) sync() {
	f.asks++
	f.request(f.asks, "get", "")
	for {
		op, p := f.next()
		if op != frame.Binary {
			return
		}
		m, err := message.Parse(p)
		if err == nil && m.Flags&message.FlagSeq != 0 && m.Seq > f.seq {
			f.seq = m.Seq
		}
		if err == nil && m.Kind == message.KindAck && m.AckID == f.asks {
			return
		}
	}
}

// cut ends the connection in one of the ways in which connections end, or leaves it half open.
func (f *flapper) cut() {
	for _, nc := range f.dead {
		nc.Close()
	}
	f.dead = nil
	switch f.random.IntN(5) {
	case 0:
		cut(f.nc, false)
	case 1:
		cut(f.nc, true)
	case 2: // in the middle of a frame
		b := masked(frame.Binary, eventBytes(0, 0, "note", "0"))
		f.nc.Write(b[:len(b)/2])
		cut(f.nc, false)
	case 3:
		f.send(frame.Close, frame.AppendCloseBody(nil, frame.CloseGoingAway, ""))
		cut(f.nc, false)
	default:
		f.dead = append(f.dead, f.nc)
	}
	if f.random.IntN(25) == 0 { // the application ends the session, of which it has the pointer
		f.s.DisconnectWith(3500, "banned")
		f.over = true
	}
}

// 1 000 cuts at random moments, while both ends act on the session. All handlers of every session
// run in order, each event between those of its own connection, and no session is lost, doubled or
// comes back after its end.
func TestLifecycleOverRandomCuts(t *testing.T) {
	const clients, cuts = 8, 125
	v, d := diaryServer(t, Options{
		MessageCacheSize: 1 << 14, MessageCacheBytes: 16 << 20, Loops: 2,
	})
	var wg sync.WaitGroup
	for n := range clients {
		wg.Go(func() {
			f := &flapper{random: rand.New(rand.NewPCG(uint64(n), 7))}
			f.join(t, v)
			for range cuts {
				for range f.random.IntN(6) {
					f.act()
				}
				f.cut()
				f.join(t, v)
			}
			for _, nc := range f.dead {
				nc.Close()
			}
			f.finish()
		})
	}
	wg.Wait()
	d.complete()
	ns := v.Namespace("/")
	eventually(t, "all sockets to be gone", func() bool {
		return len(ns.Sockets())+len(ns.Away()) == 0
	})
	if n := membersOf(ns, "red"); n != 0 {
		t.Errorf("%d are in the room", n)
	}
	lines, lives := 0, len(d.pages)
	for _, page := range d.pages {
		lines += len(page)
	}
	t.Logf("%d sessions, %d lines", lives, lines)
	if lives < clients || lines < clients*cuts {
		t.Error("the diary is too thin for this to have tested anything")
	}
}

// A session that is ended while its client takes it back either goes with the connection that it
// had, or with the one that it got. It is never left over.
func TestDisconnectWhileTheClientComesBack(t *testing.T) {
	v, d := diaryServer(t, Options{Loops: 2})
	ns := v.Namespace("/")
	random := rand.New(rand.NewPCG(1, 1))
	recovered := 0
	for range 300 {
		a, s := start(t, v)
		s.Join("vip")
		if random.IntN(2) == 0 {
			a.leave(s)
		}
		old := a.wire
		a.wire = dialWire(t, v, "/", message.Subprotocol)
		a.message()
		wait := random.IntN(200_000) // of about as long as the handshake takes
		var wg sync.WaitGroup
		wg.Go(func() {
			for range wait {
				runtime.KeepAlive(s)
			}
			s.Disconnect()
		})
		a.handshake(t, "/", "")
		wg.Wait()
		old.nc.Close()
		if a.recovered {
			recovered++
			a.wantClose(3504)
			a.nc.Close()
			a.wantNew(v, s)
		} else if a.id == s.ID() {
			t.Fatal("a new session with the id of the old one")
		}
		eventually(t, "the session to be gone", func() bool { return ns.Socket(s.ID()) == nil })
		a.finish()
	}
	t.Logf("%d of 300 recovered before they ended", recovered)
	if n := membersOf(ns, "vip"); n != 0 {
		t.Errorf("%d are in the room", n)
	}
	d.complete()
}

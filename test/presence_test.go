package test

import (
	"slices"
	"testing"

	"github.com/smartsocket/smartsocket"
)

// membersOf counts the members of a room, those included that are away.
func membersOf(ns *smartsocket.Namespace, room string) int {
	n := ns.RoomLen(room)
	for _, s := range ns.Away() {
		if s.In(room) {
			n++
		}
	}
	return n
}

// Everything that counts or lists sockets has the connected ones. Who is away is asked for by name,
// keeps the rooms, and gets what is emitted to them.
func TestWhoCounts(t *testing.T) {
	v := cacheServer(t, Options{})
	ns := v.Namespace("/")
	a, away := start(t, v)
	_, here := start(t, v)
	away.Join("both", "alone")
	here.Join("both")
	want := func(what string, sockets []*Socket, rooms []string, gone []*Socket) {
		t.Helper()
		same := func(list string, got, want []*Socket) {
			t.Helper()
			if len(got) != len(want) {
				t.Errorf("%s: %s has %d sockets, want %d", what, list, len(got), len(want))
			}
			for _, s := range want {
				if !slices.Contains(got, s) {
					t.Errorf("%s: %s is incomplete", what, list)
				}
			}
		}
		same("Sockets", ns.Sockets(), sockets)
		same("RoomSockets", ns.RoomSockets("both"), sockets)
		same("Away", ns.Away(), gone)
		st := v.NamespaceStats()["/"]
		for name, n := range map[string]int{
			"Len": ns.Len(), "RoomLen": ns.RoomLen("both"), "Stats": v.Stats().Connections,
			"NamespaceStats": st.Connections,
		} {
			if n != len(sockets) {
				t.Errorf("%s: %s counts %d, want %d", what, name, n, len(sockets))
			}
		}
		if got := ns.RoomNames(); !slices.Equal(got, rooms) || st.Rooms != len(rooms) {
			t.Errorf("%s: rooms %q, %d in the statistics, want %q", what, got, st.Rooms, rooms)
		}
		if n := ns.RoomLen("alone"); n != len(rooms)-1 {
			t.Errorf("%s: %d in the room of who is away", what, n)
		}
	}
	want("both here", []*Socket{away, here}, []string{"alone", "both"}, nil)
	for range 3 {
		a.leave(away)
		eventually(t, "the hub to know", func() bool { return len(ns.Away()) == 1 })
		want("one away", []*Socket{here}, []string{"both"}, []*Socket{away})
		if d := emit(t, ns.To("both"), "x", 1); d.Queued != 2 {
			t.Errorf("an emit to the room reached %+v", d)
		}
		if ns.Socket(a.id) != away {
			t.Error("a socket that is away is not found by its id")
		}
		a.again(t, v)
		want("back", []*Socket{away, here}, []string{"alone", "both"}, nil)
		a.want("1")
	}
	a.leave(away)
	away.Disconnect()
	eventually(t, "the kicked socket to go", func() bool { return ns.Socket(a.id) == nil })
	want("kicked", []*Socket{here}, []string{"both"}, nil)
}

// The handlers of its end find a socket uncounted, however its connection ended.
func TestWhoLeavesDoesNotCount(t *testing.T) {
	for name, cache := range map[string]bool{"without sessions": false, "with sessions": true} {
		t.Run(name, func(t *testing.T) {
			counts := make(chan [3]int, 3)
			v := startServer(t, Options{EnableMessageCache: cache}, func(v *Server) {
				v.OnDisconnected(func(s *Socket, _ smartsocket.Reason) {
					ns := s.Namespace()
					counts <- [3]int{ns.Len(), ns.RoomLen("red"), len(s.Rooms())}
				})
			})
			ns := v.Namespace("/")
			leave := map[string]func(*wire, *Socket){
				"cut":  func(w *wire, _ *Socket) { w.nc.Close() },
				"kick": func(w *wire, s *Socket) { w.leaves(); s.Disconnect() },
			}
			for how, leave := range leave {
				w := dialFull(t, v, "/")
				s := socketOf(t, v, w.id)
				s.Join("red")
				leave(w, s)
				if got := <-counts; got != [3]int{0, 0, 1} {
					t.Errorf("%s: Len, RoomLen and its own rooms are %v", how, got)
				}
				w.nc.Close()
			}
			if ns.Len() != 0 {
				t.Error("somebody counts")
			}
		})
	}
}

package test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/smartsocket/smartsocket"
)

func TestRoomsAndTargets(t *testing.T) {
	v := startServer(t, Options{}, func(v *Server) {
		joiner(v)
		v.Namespace("/other")
	})
	a, b, c := dialFull(t, v, "/"), dialFull(t, v, "/"), dialFull(t, v, "/")
	p := dialPlain(t, v, "/")
	other := dialFull(t, v, "/other")
	for w, rooms := range map[*wire]string{a: `["red"]`, b: `["red","blue"]`, c: `["blue"]`} {
		w.request(1, "join", rooms)
		w.wantAck(1, "true")
	}
	p.text(`{"event":"join","data":["blue"],"ack":1}`)
	p.wantText(`{"ack":1,"data":true}`)
	ns := v.Namespace("/")
	sb := ns.Socket(b.id)
	if sb == nil {
		t.Fatal("no socket under the id that CONNECT_ACK gave")
	}

	all := map[string]*wire{"a": a, "b": b, "c": c, "other": other}
	for i, step := range []struct {
		name   string
		target emitter
		want   string
		plain  bool
	}{
		{"server", v, "a b c other", true},
		{"namespace", ns, "a b c", true},
		{"room", ns.To("red"), "a b", false},
		{"server room", v.To("red"), "a b", false},
		{"two rooms, one message each", ns.To("red", "blue"), "a b c", true},
		{"chained rooms", ns.To("red").To("blue"), "a b c", true},
		{"room without a room", ns.To("red").Except("blue"), "a", false},
		{"everybody but a room", ns.Except("blue"), "a", false},
		{"room without a socket", ns.To("red").ExceptSocket(sb), "a", false},
		{"from a socket", sb.To("red", "blue"), "a c", true},
		{"from a socket to all others", sb.Broadcast(), "a c", true},
		{"one socket", ns.ToSocket(b.id), "b", false},
		{"one socket by To", v.To(b.id), "b", false},
		{"one socket of another namespace", v.ToSocket(other.id), "other", false},
		{"nobody", ns.To("nope"), "", false},
		{"no name", ns.To(), "", false},
		{"room name as socket id", ns.ToSocket("red"), "", false},
	} {
		d, err := step.target.Emit("hi", i)
		want := strings.Fields(step.want)
		n := len(want)
		if step.plain {
			n++
		}
		if err != nil || d.Queued != n || d.Dropped != 0 {
			t.Fatalf("%s: %+v %v, want %d queued", step.name, d, err, n)
		}
		for name, w := range all {
			if slices.Contains(want, name) {
				w.wantEvent("hi", fmt.Sprint(i))
			}
		}
		if step.plain {
			p.wantText(fmt.Sprintf(`{"event":"hi","data":%d}`, i))
		}
	}
	b.request(2, "leave", `["red","never"]`)
	b.wantAck(2, `["blue"]`)
	if d, _ := ns.To("red").Emit("x", nil); d.Queued != 1 {
		t.Errorf("after a leave: %+v", d)
	}
	a.nc.Close()
	eventually(t, "the empty room to be gone", func() bool {
		return slices.Equal(ns.RoomNames(), []string{"blue"})
	})
}

func TestRoomNamesAreChecked(t *testing.T) {
	v := startServer(t, Options{}, joiner)
	a, b := dialFull(t, v, "/"), dialFull(t, v, "/")
	long := strings.Repeat("x", 129)
	for i, rooms := range []string{`[""]`, `["` + long + `"]`, `["` + b.id + `"]`} {
		a.request(uint64(i), "join", rooms)
		a.wantNack(uint64(i), "ERR_MSG_001")
	}
	many := make([]string, 300)
	for i := range many {
		many[i] = fmt.Sprintf(`"r%d"`, i)
	}
	a.request(9, "join", "["+strings.Join(many, ",")+"]")
	a.wantNack(9, "ERR_MSG_001")
	if n := len(v.Namespace("/").RoomNames()); n != 256 {
		t.Errorf("%d rooms, want the limit of 256", n)
	}
}

// A closed socket in the middle of a room does not keep the others from getting their message.
func TestClosedSocketDoesNotStopABroadcast(t *testing.T) {
	block := make(chan struct{})
	v := startServer(t, Options{}, func(v *Server) {
		joiner(v)
		v.OnDisconnected(func(*Socket, smartsocket.Reason) { <-block })
	})
	var ws []*wire
	for range 5 {
		w := dialFull(t, v, "/")
		w.request(1, "join", `["r"]`)
		w.wantAck(1, "true")
		ws = append(ws, w)
	}
	ns := v.Namespace("/")
	dead := ns.Socket(ws[2].id)
	ws[2].nc.Close()
	eventually(t, "the server to notice", func() bool { return !dead.Connected() })
	d, err := ns.To("r").Emit("hi", 1)
	if err != nil || d.Queued != 4 || d.Dropped != 1 {
		t.Errorf("%+v %v, want 4 queued and 1 dropped", d, err)
	}
	close(block)
	for i, w := range ws {
		if i != 2 {
			w.wantEvent("hi", "1")
		}
	}
}

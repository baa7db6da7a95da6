package test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/smartsocket/smartsocket"
)

// joiner lets clients choose their rooms, and asks for broadcasts by event name.
func joiner(v *smartsocket.Server) {
	v.OnConnected(func(s *smartsocket.Socket) {})
	smartsocket.Handle(v, "join", func(s *smartsocket.Socket, rooms []string) (bool, error) { return true, s.Join(rooms...) })
	smartsocket.On(v, "leave", func(s *smartsocket.Socket, rooms []string, ack smartsocket.Ack) {
		s.Leave(rooms...)
		ack.Reply(s.Rooms())
	})
}

func TestRoomsAndTargets(t *testing.T) {
	v := startServer(t, smartsocket.Options{}, func(v *smartsocket.Server) {
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

	type emitter interface {
		Emit(string, any, ...smartsocket.EmitOption) (smartsocket.Delivery, error)
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
	eventually(t, "the empty room to be gone", func() bool { return slices.Equal(ns.RoomNames(), []string{"blue"}) })
}

func TestRoomNamesAreChecked(t *testing.T) {
	v := startServer(t, smartsocket.Options{}, joiner)
	a, b := dialFull(t, v, "/"), dialFull(t, v, "/")
	for i, rooms := range []string{`[""]`, `["` + strings.Repeat("x", 129) + `"]`, `["` + b.id + `"]`} {
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

// A closed socket in the middle of a room must not keep the others from getting their message.
func TestClosedSocketDoesNotStopABroadcast(t *testing.T) {
	block := make(chan struct{})
	v := startServer(t, smartsocket.Options{}, func(v *smartsocket.Server) {
		joiner(v)
		v.OnDisconnected(func(*smartsocket.Socket, smartsocket.Reason) { <-block })
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

// Messages of one socket come in the order they were sent, whoever else sends meanwhile.
func TestOrderPerConnection(t *testing.T) {
	const n = 500
	v := startServer(t, smartsocket.Options{}, func(v *smartsocket.Server) {
		v.On("count", func(s *smartsocket.Socket, d smartsocket.Data, _ smartsocket.Ack) { s.Emit("count", d.JSON()) })
	})
	var wg sync.WaitGroup
	for range 4 {
		w := dialFull(t, v, "/")
		wg.Go(func() {
			for i := range n {
				w.emit("count", fmt.Sprint(i))
			}
			for i := range n {
				w.wantEvent("count", fmt.Sprint(i))
			}
		})
	}
	wg.Wait()
}

// A message far over the outbox limit reaches a client that reads; one that does not read is closed and counted.
func TestLargeMessagesAndSlowConsumers(t *testing.T) {
	v := startServer(t, smartsocket.Options{}, joiner)
	reader, stalled := dialFull(t, v, "/"), dialFull(t, v, "/")
	big := `"` + strings.Repeat("x", 5<<20) + `"`
	if d, err := v.Namespace("/").ToSocket(reader.id).Emit("big", json.RawMessage(big)); err != nil || d.Queued != 1 {
		t.Fatalf("%+v %v", d, err)
	}
	reader.wantEvent("big", big)
	ns := v.Namespace("/")
	half := json.RawMessage(big[:512<<10] + `"`)
	for i := 0; v.ConnectionStats().SlowConsumers == 0; i++ {
		if i > 200 {
			t.Fatal("100 MB were queued for a client that reads nothing")
		}
		if _, err := ns.ToSocket(stalled.id).Emit("much", half); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "the stalled client to be gone", func() bool { return ns.Len() == 1 })
	reader.request(1, "join", `["r"]`)
	reader.wantAck(1, "true")
}

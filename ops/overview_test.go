package ops

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/smartsocket/smartsocket/client"
)

// One answer has what the first view of the page shows, and what to do about refusals.
func TestOverview(t *testing.T) {
	v := arena(t)
	h := Handler(v, Options{})
	c, _ := player(t, v, "anna", "red")
	before := get[Overview](t, h, "/api/overview")
	for range 20 {
		if _, err := c.EmitWithAck(t.Context(), "move", 1); err != nil {
			t.Fatal(err)
		}
	}
	lost, err := client.New("ws://"+v.Addr().String(), client.Options{Namespace: "/nowhere"})
	if err != nil {
		t.Fatal(err)
	}
	if lost.Connect(context.Background()) == nil {
		t.Fatal("a client of a namespace that there is not was taken")
	}
	o := get[Overview](t, h, "/api/overview")
	if o.Connections.Open < 1 || o.Connections.MessagesIn-before.Connections.MessagesIn < 20 ||
		!o.Info.Ready || o.Info.Address != v.Addr().String() ||
		o.Limits.Connections != 10000 || o.Limits.Loops < 1 || o.Cluster != nil ||
		o.Nodes.Cluster != "none" || len(o.Nodes.Nodes) != 1 {
		t.Errorf("%+v", o)
	}
	if o.Connections.Refusals["namespace"] != 1 || !strings.Contains(o.Fixes["namespace"], "URL") ||
		len(before.Fixes) != 0 {
		t.Errorf("refusals %v, fixes %v", o.Connections.Refusals, o.Fixes)
	}
	n := len(o.Times.BoundsMs)
	if n != 17 || o.Times.BoundsMs[0] != 0.064 || !slices.IsSorted(o.Times.BoundsMs) {
		t.Errorf("bounds %v", o.Times.BoundsMs)
	}
	for name, d := range map[string]Distribution{"lag": o.Times.LoopLag, "rtt": o.Times.RoundTrip,
		"inline": o.Times.Inline, "queued": o.Times.Queued, "wait": o.Times.Waiting,
		"broadcast": o.Times.Broadcast} {
		if len(d.Below) != n || !slices.IsSorted(d.Below) || d.Below[n-1] > d.Count {
			t.Errorf("%s: %+v", name, d)
		}
	}
	v.Measures().RoundTrip.AddN(3e6, 5) // 3 ms
	then := get[Overview](t, h, "/api/overview").Times.RoundTrip
	if d := o.Times.RoundTrip; then.Count-d.Count < 5 || then.SumMs-d.SumMs < 14.9 ||
		then.Below[6]-d.Below[6] < 5 {
		t.Errorf("five of 3 ms more than %+v are %+v", d, then)
	}
}

// Who looks for what is largest gets it first, without pages.
func TestLargestFirst(t *testing.T) {
	v := arena(t)
	h := Handler(v, Options{})
	for i := range 4 {
		player(t, v, fmt.Sprintf("player-%d", i), fmt.Sprintf("room-%d", i/3))
	}
	v.Namespace("/arena").To("room-0").Join("a-room")
	rooms := get[RoomList](t, h, "/api/rooms?namespace=/arena&sort=members&limit=2")
	if rooms.Total != 3 || rooms.Next != "" ||
		!slices.Equal(rooms.Rooms, []RoomInfo{{"a-room", 3}, {"room-0", 3}}) {
		t.Errorf("%+v", rooms)
	}
	for _, by := range []string{"rtt", "outbox"} {
		l := get[SocketList](t, h, "/api/sockets?sort="+by+"&limit=3")
		if l.Total != 4 || len(l.Sockets) != 3 || l.Next != "" {
			t.Errorf("by %s: %+v", by, l)
		}
	}
	for _, query := range []string{"rooms?sort=size", "sockets?sort=room"} {
		if code, text := ask(t, h, "GET", "/api/"+query, ""); code != 400 ||
			!strings.Contains(text, codeRequest) {
			t.Errorf("%s: %d %s", query, code, text)
		}
	}
	of := map[string]int{"a": 1, "b": 5, "c": 5, "d": 3}
	got := largest([]string{"d", "c", "a", "b"}, 3, func(s string) int { return of[s] },
		strings.Compare)
	if !slices.Equal(got, []string{"b", "c", "d"}) {
		t.Errorf("the largest are %v", got)
	}
}

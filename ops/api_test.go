package ops

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/client"
)

// get asks h and decodes the answer into a T.
func get[T any](t testing.TB, h http.Handler, target string) (v T) {
	t.Helper()
	code, text := ask(t, h, "GET", target, "")
	if code != 200 {
		t.Fatalf("%s: %d %s", target, code, text)
	}
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%s: %v in %s", target, err, text)
	}
	return v
}

// lines collects a log. It is safe for concurrent use.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (l *lines) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

// arena is a server with a namespace whose clients join rooms and say who they are.
func arena(t testing.TB) *smartsocket.Server {
	return start(t, smartsocket.Options{EnableMessageCache: true}, func(v *smartsocket.Server) {
		ns := v.Namespace("/arena")
		smartsocket.Handle(ns, "join", func(s *smartsocket.Socket, room string) (string, error) {
			return s.ID(), s.Join(room)
		})
		smartsocket.Handle(ns, "auth", func(s *smartsocket.Socket, who string) (bool, error) {
			return true, s.Authenticated(who)
		})
		ns.On("move", func(_ *smartsocket.Socket, d smartsocket.Data, ack smartsocket.Ack) {
			ack.Reply(d)
		})
	})
}

// player is a client of arena in a room.
func player(t testing.TB, v *smartsocket.Server, who, room string) (c *client.Client, id string) {
	t.Helper()
	c = dial(t, v, client.Options{Namespace: "/arena"})
	if _, err := client.Request[bool](t.Context(), c, "auth", who); err != nil {
		t.Fatal(err)
	}
	id, err := client.Request[string](t.Context(), c, "join", room)
	if err != nil {
		t.Fatal(err)
	}
	return c, id
}

func TestLists(t *testing.T) {
	v := arena(t)
	h := Handler(v, Options{})
	ids := make(map[string]string) // by identity
	for i := range 5 {
		who := fmt.Sprintf("player-%d", i)
		_, ids[who] = player(t, v, who, fmt.Sprintf("room-%d", i%2))
	}
	list := get[struct{ Namespaces []NamespaceInfo }](t, h, "/api/namespaces")
	if len(list.Namespaces) != 2 || list.Namespaces[1].Path != "/arena" ||
		list.Namespaces[1].Connections != 5 || list.Namespaces[1].Rooms != 2 {
		t.Errorf("namespaces: %+v", list)
	}
	rooms := get[RoomList](t, h, "/api/rooms?namespace=/arena&limit=1")
	if rooms.Total != 2 || len(rooms.Rooms) != 1 || rooms.Rooms[0] != (RoomInfo{"room-0", 3}) {
		t.Errorf("rooms: %+v", rooms)
	}
	rooms = get[RoomList](t, h, "/api/rooms?namespace=/arena&limit=1&after="+rooms.Next)
	if len(rooms.Rooms) != 1 || rooms.Rooms[0].Room != "room-1" || rooms.Next != "" {
		t.Errorf("rooms, second page: %+v", rooms)
	}
	seen := make(map[string]bool)
	for after := ""; ; {
		l := get[SocketList](t, h, "/api/sockets?namespace=/arena&room=room-0&limit=2&after="+after)
		if l.Total != 3 || len(l.Sockets) > 2 {
			t.Fatalf("members: %+v", l)
		}
		for _, s := range l.Sockets {
			if seen[s.ID] || !s.Connected || s.Namespace != "/arena" || s.Rooms != 1 ||
				ids[s.Identity] != s.ID {
				t.Errorf("member %+v", s)
			}
			seen[s.ID] = true
		}
		if after = l.Next; after == "" {
			break
		}
	}
	if len(seen) != 3 {
		t.Errorf("%d members in all pages, want 3", len(seen))
	}
	address := get[SocketInfo](t, h, "/api/sockets/"+ids["player-3"]).Address
	for query, want := range map[string]int{
		"q=player-3":              1,
		"q=player":                5,
		"q=player&by=id":          0,
		"q=" + ids["player-2"]:    1,
		"q=" + address:            1,
		"q=127.0.0.1&by=address":  5,
		"q=127.0.0.0/8":           5,
		"q=10.0.0.0/8":            0,
		"q=player&namespace=/":    0,
		"state=away":              0,
		"state=present&q=player-": 5,
	} {
		if l := get[SocketList](t, h, "/api/sockets?"+query); l.Total != want {
			t.Errorf("%s finds %d, want %d", query, l.Total, want)
		}
	}
}

// Behind a proxy the address is the client's, and the proxy's finds nobody.
func TestAddressBehindAProxy(t *testing.T) {
	v := start(t, smartsocket.Options{TrustedProxies: []string{"127.0.0.1"}}, nil)
	h := Handler(v, Options{})
	dial(t, v, client.Options{})
	for _, from := range []string{"192.0.2.7", "2001:db8::7"} {
		dial(t, v, client.Options{Header: http.Header{"X-Forwarded-For": {from}}})
		l := get[SocketList](t, h, "/api/sockets?by=address&q="+from)
		if l.Total != 1 || l.Sockets[0].Address != from {
			t.Errorf("%s finds %+v", from, l)
		}
	}
	for q, want := range map[string]int{"192.0.2.0/24": 1, "2001:db8::/32": 1, "127.0.0.1": 1} {
		if l := get[SocketList](t, h, "/api/sockets?by=address&q="+q); l.Total != want {
			t.Errorf("%s finds %d, want %d", q, l.Total, want)
		}
	}
}

func TestSocketDetails(t *testing.T) {
	v := arena(t)
	h := Handler(v, Options{})
	c, id := player(t, v, "anna", "red")
	first := get[SocketDetails](t, h, "/api/sockets/"+id)
	if first.ID != id || first.Identity != "anna" || fmt.Sprint(first.RoomNames) != "[red]" ||
		!first.Session.Resumable || first.Session.Connection != 1 || first.Counters.In != 0 {
		t.Errorf("%+v", first)
	}
	for range 3 {
		if _, err := c.EmitWithAck(t.Context(), "move", 1); err != nil {
			t.Fatal(err)
		}
	}
	then := get[SocketDetails](t, h, "/api/sockets/"+id)
	if then.Counters.In < 3 || then.Counters.Out < 3 || // there are heartbeats too
		then.Counters.In > 10 || then.Counters.SinceMs <= 0 {
		t.Errorf("after three events: %+v", then.Counters)
	}
	if code, text := ask(t, h, "GET", "/api/sockets/ss_none", ""); code != 404 ||
		!strings.Contains(text, codeUnknown) {
		t.Errorf("an unknown socket: %d %s", code, text)
	}
}

func TestActions(t *testing.T) {
	v := arena(t)
	var log lines
	var level slog.LevelVar
	drained := make(chan bool, 1)
	reloads := 0
	h := Handler(v, Options{Logger: log.logger(), Level: &level, Drain: func() { drained <- true },
		Reload: func() ([]string, error) {
			if reloads++; reloads > 1 {
				return nil, errors.New("port: this change needs a restart")
			}
			return []string{"rateLimitWindow"}, nil
		}})
	c, id := player(t, v, "anna", "red")
	_, other := player(t, v, "ben", "red")
	got := make(chan string, 1)
	c.On("news", func(d client.Data, _ client.Ack) { got <- string(d.Bytes()) })
	ended := make(chan struct{})
	c.OnDisconnected(func(client.Reason) { close(ended) })

	do := func(target, text string, status int, parts ...string) {
		t.Helper()
		code, answer := ask(t, h, "POST", target, text)
		if code != status {
			t.Errorf("%s %s: %d %s, want %d", target, text, code, answer, status)
		}
		for _, part := range parts {
			if !strings.Contains(answer, part) {
				t.Errorf("%s %s answers %s, which lacks %s", target, text, answer, part)
			}
		}
	}
	do("/api/emit", `{"namespace":"/arena","to":["red"],"event":"news","data":{"a":1}}`, 200,
		`"queued":2`)
	if text := <-got; text != `{"a":1}` {
		t.Errorf("the client got %s", text)
	}
	do("/api/emit", `{"event":"disconnect"}`, 400, codeRequest)
	do("/api/emit", `{"evnt":"news"}`, 400, codeRequest, "evnt")
	do("/api/emit", `{"namespace":"/nowhere","event":"news"}`, 404, codeUnknown)
	if ns := v.Namespaces(); len(ns) != 2 {
		t.Errorf("looking for a namespace has made one: %v", ns)
	}
	do("/api/sockets/"+other+"/leave", `{"rooms":["red"]}`, 200)
	if n := v.Namespace("/arena").RoomLen("red"); n != 1 {
		t.Errorf("%d in the room after one left", n)
	}
	do("/api/sockets/"+id+"/disconnect", `{"code":99}`, 400, codeRequest)
	do("/api/sockets/"+id+"/disconnect", `{"code":3999,"reason":"bye"}`, 200)
	<-ended
	do("/api/rooms/leave", `{"namespace":"/arena","room":"red"}`, 200, `"sockets"`)
	do("/api/rooms/disconnect", `{"namespace":"/arena"}`, 400, codeRequest)
	do("/log-level", `{"level":"debug"}`, 200, `"debug"`)
	if level.Level() != slog.LevelDebug {
		t.Errorf("the level is %v", level.Level())
	}
	if text := log.String(); !strings.Contains(text, "logLevel=debug before=info") {
		t.Errorf("the log does not say which level was set:\n%s", text) // level= is the line's own
	}
	do("/log-level", `{"level":"loud"}`, 400, codeRequest)
	do("/log-level", `{"level":"info"} {"level":"trace"}`, 400, codeRequest, "more")
	do("/reload", "", 200, `"changed":["rateLimitWindow"]`)
	do("/reload", "", 409, "port")
	do("/drain", "", 202)
	<-drained
	for _, action := range []string{"emit", "leave", "disconnect", "log-level", "reload", "drain"} {
		if !strings.Contains(log.String(), "action="+action+" who=local from=127.0.0.1:5555") {
			t.Errorf("%s is not in the log with who and from where:\n%s", action, &log)
		}
	}
}

// When levels are set for a while, one after the other, the first one is back in the end.
func TestLevelIsBack(t *testing.T) {
	v := arena(t)
	var log lines
	var level slog.LevelVar
	h := Handler(v, Options{Level: &level, Logger: log.logger()})
	set := func(text string, want int) {
		t.Helper()
		if code, answer := ask(t, h, "POST", "/log-level", text); code != want {
			t.Errorf("%s: %d %s", text, code, answer)
		}
	}
	set(`{"level":"debug","forMs":9223372036854775807}`, 400)
	set(`{"level":"warn"}`, 200)
	set(`{"level":"debug","forMs":3600000}`, 200)
	set(`{"level":"trace","forMs":1}`, 200)
	for late := time.Now().Add(time.Minute); !strings.Contains(log.String(), "level is back"); {
		if time.Now().After(late) {
			t.Fatal("the level is not back")
		}
		time.Sleep(time.Millisecond)
	}
	if l := level.Level(); l != slog.LevelWarn {
		t.Errorf("the level is %v", l)
	}
	set(`{"level":"debug","forMs":3600000}`, 200)
	set(`{"level":"error"}`, 200)
	if h.(*handler).passing != nil || level.Level() != slog.LevelError {
		t.Error("a level for good is one for a while")
	}
}

// A program that offers less says so.
func TestWhatIsNotOffered(t *testing.T) {
	h := Handler(arena(t), Options{})
	for _, path := range []string{"/reload", "/log-level"} {
		if code, text := ask(t, h, "POST", path, `{"level":"info"}`); code != 501 ||
			!strings.Contains(text, codeMissing) {
			t.Errorf("%s: %d %s", path, code, text)
		}
	}
	if code, _ := ask(t, h, "GET", "/api/nothing", ""); code != 404 {
		t.Errorf("an unknown path: %d", code)
	}
	if code, _ := ask(t, h, "GET", "/drain", ""); code != 405 {
		t.Errorf("GET /drain: %d", code)
	}
}

// Without a function of the program's, POST /drain drains the server.
func TestDrainsTheServer(t *testing.T) {
	v := arena(t)
	begun := make(chan struct{})
	v.OnDrain(func(context.Context) { close(begun) })
	h := Handler(v, Options{})
	if code, _ := ask(t, h, "POST", "/drain", ""); code != 202 {
		t.Errorf("status %d", code)
	}
	<-begun
	if code, text := ask(t, h, "GET", "/readyz", ""); code != 503 ||
		!strings.Contains(text, `"reason":"draining"`) {
		t.Errorf("/readyz: %d %s", code, text)
	}
}

func TestStatsAndInfo(t *testing.T) {
	v := arena(t)
	player(t, v, "anna", "red")
	var level slog.LevelVar
	h := Handler(v, Options{Level: &level})
	st := get[map[string]map[string]any](t, h, "/stats")
	if st["connections"]["open"] != 1.0 || st["server"]["connections"] != 1.0 {
		t.Errorf("stats: %v", st)
	}
	i := get[Info](t, h, "/api/info")
	if !i.Healthy || !i.Ready || i.LogLevel != "info" || i.CanReload || i.HasCluster ||
		i.Address != v.Addr().String() {
		t.Errorf("info: %+v", i)
	}
	if n := get[NodeList](t, h, "/api/nodes"); n.Cluster != "none" || len(n.Nodes) != 1 {
		t.Errorf("nodes: %+v", n)
	}
}

func TestIdentityText(t *testing.T) {
	for _, c := range []struct {
		of   any
		want string
	}{
		{nil, ""}, {"anna", "anna"}, {7, "7"}, {time.Second, "1s"},
		{struct{ Token string }{"secret"}, "(struct { Token string })"},
	} {
		if got := IdentityText(c.of); got != c.want {
			t.Errorf("%v is shown as %q, want %q", c.of, got, c.want)
		}
	}
}

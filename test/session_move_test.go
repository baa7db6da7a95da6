//go:build unix

package test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/client"
	"github.com/smartsocket/smartsocket/internal/socketpair"
)

// line are servers of which each succeeds the one before, at the same address.
type line struct {
	t     testing.TB
	o     Options
	setup func(*Server)
	l     net.Listener
	now   *Server
}

// newLine starts the first one.
func newLine(t testing.TB, o Options, setup func(*Server)) *line {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	o.EnableMessageCache, o.EnableRateLimiting = true, smartsocket.Disabled
	o.DrainRate, o.HandshakeTimeout = 1<<20, 2*patience // a busy machine does not end the waiting
	if o.Logger == nil {
		o.Logger = testLogger(t)
	}
	x := &line{t: t, o: o, setup: setup, l: l}
	x.now = x.serve(nil)
	return x
}

// serve starts a server that takes sessions from from.
func (x *line) serve(from net.Conn) *Server {
	x.t.Helper()
	v, err := smartsocket.New(x.o)
	if err != nil {
		x.t.Fatal(err)
	}
	x.setup(v)
	v.TakeSessions(from)
	f, err := x.l.(*net.TCPListener).File()
	if err != nil {
		x.t.Fatal(err)
	}
	defer f.Close()
	l, err := net.FileListener(f)
	if err == nil {
		err = v.Serve(l)
	}
	if err != nil {
		x.t.Fatal(err)
	}
	x.t.Cleanup(func() { x.end(v) })
	return v
}

func (x *line) end(v *Server) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := v.Shutdown(ctx); err != nil {
		x.t.Errorf("Shutdown: %v", err)
	}
}

// succeed starts the next server, which takes over. The one before drains into it; drained gets the
// result.
func (x *line) succeed() (next *Server, drained chan error) {
	x.t.Helper()
	a, b, err := socketpair.New()
	if err != nil {
		x.t.Fatal(err)
	}
	before := x.now
	x.now = x.serve(b)
	before.GiveSessions(a)
	drained = make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		drained <- before.HandOver(ctx)
	}()
	return x.now, drained
}

// notices is a client that takes down what happens to it.
type notices struct {
	*client.Client
	back chan bool
	said chan string
}

func (x *line) client(o client.Options) *notices {
	x.t.Helper()
	n := &notices{newClient(x.t, x.now, o), make(chan bool, 9), make(chan string, 9999)}
	n.OnReconnected(func(recovered bool) { n.back <- recovered })
	client.On(n.Client, "said", func(text string, _ client.Ack) { n.said <- text })
	connected(x.t, n.Client)
	return n
}

// request asks, and fails the test if there is no answer.
func request[T any](t testing.TB, c *client.Client, event string, data any) T {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	v, err := client.Request[T](ctx, c, event, data)
	if err != nil {
		t.Errorf("%s: %v", event, err)
	}
	return v
}

func awaited[T any](t testing.TB, what string, c <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(patience):
		t.Fatalf("waited in vain for %s", what)
	}
	return v
}

// A session goes on in the next process with all that it has: its id, rooms, values, what was
// emitted meanwhile, what is open on both sides. The application hears it as a resume.
func TestSessionMoves(t *testing.T) {
	heard := make(chan string, 99)
	finish := make(chan bool)
	late := make(chan Ack, 1)
	var mu sync.Mutex
	sockets := make(map[*Server]*Socket)
	x := newLine(t, Options{}, func(v *Server) {
		joiner(v)
		v.OnConnected(func(s *Socket) {
			mu.Lock()
			defer mu.Unlock()
			sockets[v] = s
			heard <- fmt.Sprint("connected ", s.Recovered())
			if !s.Recovered() {
				s.Set("x", 7)
			}
		})
		v.OnDisconnected(func(_ *Socket, r smartsocket.Reason) {
			heard <- fmt.Sprint("disconnected ", r.Code)
		})
		v.OnEnded(func(_ *Socket, r smartsocket.Reason) { heard <- fmt.Sprint("ended ", r.Code) })
		smartsocket.Handle(v, "who", func(s *Socket, _ any) ([]any, error) {
			return []any{s.ID(), s.Get("x"), s.Rooms(), s.Recovered()}, nil
		})
		smartsocket.Handle(v, "slow", func(s *Socket, _ any) (string, error) {
			<-finish
			_, err := s.Emit("said", "slow")
			return "answer", err
		})
		v.On("late", func(_ *Socket, _ Data, ack Ack) { late <- ack })
	})
	c := x.client(client.Options{})
	asks := make(chan client.Ack, 9)
	c.On("ask", func(_ client.Data, ack client.Ack) { asks <- ack })
	awaited(t, "connected", heard)
	id := c.ID()
	request[bool](t, c.Client, "join", []string{"r1", "r2"})
	old := x.now
	mu.Lock()
	s := sockets[old]
	mu.Unlock()
	asked := make(chan error, 1) // a question of the old process that is answered in the new one
	go func() {
		var n int
		d, err := s.EmitWithAck(t.Context(), "ask", 41)
		if err = errors.Join(err, d.Decode(&n)); err == nil && n != 42 {
			err = fmt.Errorf("the answer is %d", n)
		}
		asked <- err
	}()
	question := awaited(t, "the question", asks)
	answers := make(chan string, 2)
	for _, event := range []string{"late", "slow"} {
		err := c.EmitAck(event, nil, patience, func(d client.Data, err error) {
			var text string
			answers <- fmt.Sprint(event, d.Decode(&text), text, err)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	ack := awaited(t, "the handler", late)
	next, drained := x.succeed()
	eventually(t, "the next connection", func() bool { return next.ConnectionStats().Open > 0 })
	s.Emit("said", "waiting") // it leaves when the handler has returned
	close(finish)
	if !awaited(t, "the move", c.back) || c.ID() != id {
		t.Errorf("it is not the same session: %s, %s", c.ID(), id)
	}
	told := []string{awaited(t, "the end here", heard), awaited(t, "the begin there", heard)}
	slices.Sort(told) // two processes hear it in no order
	if !slices.Equal(told, []string{"connected true", "disconnected 3503"}) {
		t.Errorf("the application hears %q", told)
	}
	s.Emit("said", "passed on")
	old.To("r1").Emit("said", "to the room")
	for _, want := range []string{"waiting", "slow", "passed on", "to the room"} {
		if got := awaited(t, want, c.said); got != want {
			t.Errorf("the client is told %q, want %q", got, want)
		}
	}
	next.To("r2").Emit("said", "by the next")
	if got := awaited(t, "an event", c.said); got != "by the next" {
		t.Errorf("the client is told %q", got)
	}
	ack.Reply("at last")
	got := []string{awaited(t, "an answer", answers), awaited(t, "an answer", answers)}
	slices.Sort(got)
	want := []string{"late<nil>at last<nil>", "slow<nil>answer<nil>"}
	if !slices.Equal(got, want) {
		t.Errorf("the answers are %q", got)
	}
	question.Reply(42)
	if err := awaited(t, "the client's answer", asked); err != nil {
		t.Error(err)
	}
	who := request[[]any](t, c.Client, "who", nil)
	if s := fmt.Sprint(who); s != fmt.Sprintf("[%s 7 [r1 r2] true]", id) {
		t.Errorf("it is %s", s)
	}
	if err := awaited(t, "the end of HandOver", drained); err != nil {
		t.Error(err)
	}
	x.end(old)
	c.Disconnect()
	for _, want := range []string{"disconnected 1000", "ended 1000"} {
		if got := awaited(t, want, heard); got != want {
			t.Errorf("the application hears %q, want %q", got, want)
		}
	}
	if len(heard) > 0 || c.Stats().Moves != 1 || c.Stats().Reconnects != 0 {
		t.Errorf("it hears %q too, %+v", <-heard, c.Stats())
	}
}

// travel is what happens to a session in all processes.
type travel struct {
	mu    sync.Mutex
	notes []int   // as handlers saw them, in whichever process
	first *Socket // in the first process
}

func (l *travel) socket() *Socket {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.first
}

// While processes change hands, clients emit and ask without a pause. No event is lost, none comes
// twice, and the order stays, both ways, also of what the old process still emits.
func TestSessionsMoveInAStorm(t *testing.T) {
	const clients, rounds = 8, 2
	var lives sync.Map // by the ids of sockets
	of := func(s *Socket) *travel {
		l, _ := lives.LoadOrStore(s.ID(), new(travel))
		return l.(*travel)
	}
	x := newLine(t, Options{}, func(v *Server) {
		v.OnConnected(func(s *Socket) {
			l := of(s)
			l.mu.Lock()
			defer l.mu.Unlock()
			if l.first == nil {
				l.first = s
			}
		})
		smartsocket.On(v, "note", func(s *Socket, n int, _ Ack) {
			l := of(s)
			l.mu.Lock()
			l.notes = append(l.notes, n)
			l.mu.Unlock()
			s.Emit("noted", n)
		})
		smartsocket.Handle(v, "twice", func(s *Socket, n int) (int, error) { return 2 * n, nil })
	})
	type player struct {
		*notices
		mu          sync.Mutex
		noted, told []int
		sent        int
	}
	over := make(chan bool)
	var all []*player
	var busy sync.WaitGroup
	for range clients {
		p := &player{notices: x.client(client.Options{MaxReconnectAttempts: client.Forever})}
		note := func(list *[]int) func(int, client.Ack) {
			return func(n int, _ client.Ack) {
				p.mu.Lock()
				*list = append(*list, n)
				p.mu.Unlock()
			}
		}
		client.On(p.Client, "noted", note(&p.noted))
		client.On(p.Client, "told", note(&p.told))
		all = append(all, p)
		busy.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-over:
					return
				default:
				}
				if err := p.Emit("note", n); err != nil {
					t.Errorf("note %d: %v", n, err)
					return
				}
				p.sent = n + 1
				if n%5 == 0 && request[int](t, p.Client, "twice", n) != 2*n {
					t.Errorf("another answer to %d", n)
				}
			}
		})
	}
	eventually(t, "all connected handlers", func() bool {
		n := 0
		lives.Range(func(_, l any) bool {
			if l.(*travel).socket() != nil {
				n++
			}
			return true
		})
		return n == clients
	})
	telling, told := make(chan bool), make(chan int)
	go func() { // emits to the sockets of the first process, also when their sessions are elsewhere
		n := 0
		for ; ; n++ {
			select {
			case <-telling:
				told <- n
				return
			case <-time.After(time.Millisecond):
			}
			lives.Range(func(_, l any) bool {
				l.(*travel).socket().Emit("told", n)
				return true
			})
		}
	}()
	for range rounds {
		before := x.now
		_, drained := x.succeed()
		for i, p := range all {
			if !awaited(t, "a move", p.back) {
				t.Errorf("client %d has a new session", i)
			}
		}
		if err := awaited(t, "the end of HandOver", drained); err != nil {
			t.Error(err)
		}
		_ = before // the line between the two goes on until the end of the test
	}
	close(over)
	busy.Wait()
	close(telling)
	count := <-told
	for i, p := range all {
		eventually(t, "the last events", func() bool {
			p.mu.Lock()
			defer p.mu.Unlock()
			return len(p.noted) >= p.sent && len(p.told) >= count
		})
		l, _ := lives.Load(p.ID())
		if l == nil {
			t.Fatalf("client %d: nobody knows %s", i, p.ID())
		}
		countsUp(t, fmt.Sprint("what client ", i, " has noted"), l.(*travel).notes, p.sent)
		countsUp(t, fmt.Sprint("what came back to client ", i), p.noted, p.sent)
		countsUp(t, fmt.Sprint("what client ", i, " was told"), p.told, count)
		if s := p.Stats(); s.Moves != rounds || s.Reconnects > 0 {
			t.Errorf("client %d: %+v", i, s)
		}
	}
}

// countsUp checks that list is 0 to n-1.
func countsUp(t *testing.T, what string, list []int, n int) {
	t.Helper()
	if len(list) != n {
		t.Errorf("%s: %d events, want %d", what, len(list), n)
	}
	for i, got := range list {
		if got != i {
			t.Errorf("%s: event %d at place %d", what, got, i)
			return
		}
	}
}

// Who is away at the hand-over comes back to its session in the next process.
func TestSessionOfWhoIsAwayMoves(t *testing.T) {
	x := newLine(t, Options{}, func(v *Server) {
		joiner(v)
		v.On("get", func(s *Socket, _ Data, ack Ack) { ack.Reply(s.Rooms()) })
	})
	var r resumer
	r.connect(t, x.now, "/", "")
	r.request(1, "join", `["r"]`)
	r.wantAck(1, "true")
	id := r.id
	old := x.now
	r.nc.Close()
	eventually(t, "the loss", func() bool { return old.ConnectionStats().Away == 1 })
	old.To("r").Emit("missed", 1)
	next, drained := x.succeed()
	if err := awaited(t, "the end of HandOver", drained); err != nil {
		t.Error(err)
	}
	x.end(old)
	eventually(t, "the session", func() bool { return next.ConnectionStats().Away == 1 })
	next.To("r").Emit("missed", 2)
	r.connect(t, next, "/", "")
	if !r.recovered || r.id != id {
		t.Errorf("recovered: %v, %s, want %s", r.recovered, r.id, id)
	}
	for _, want := range []string{"1", "2"} {
		if m := r.message(); string(m.Event) != "missed" || string(m.Payload) != want {
			t.Errorf("it gets %q %s, want %s", m.Event, m.Payload, want)
		}
	}
}

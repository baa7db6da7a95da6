package test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/message"
)

// A client that leaves before its connected handler has called RequireAuth has not authenticated:
// its session must not wait (it could push out the sessions of others).
func TestStrangerGoneBeforeRequireAuth(t *testing.T) {
	in, release := make(chan bool, 1), make(chan bool)
	var ended atomic.Int32
	v := startServer(t, Options{EnableMessageCache: true}, func(v *Server) {
		v.OnConnected(func(s *Socket) {
			in <- true
			<-release
			s.RequireAuth()
		})
		v.OnEnded(func(*Socket, smartsocket.Reason) { ended.Add(1) })
	})
	a, s := start(t, v)
	<-in
	a.leave(s)
	close(release)
	deadline := time.Now().Add(3 * time.Second)
	for ended.Load() == 0 && time.Now().Before(deadline) {
		time.Sleep(5 * time.Millisecond)
	}
	if ended.Load() == 0 {
		t.Fatal("the session of a stranger waits for its client")
	}
}

// Context ends with the socket also when it is asked for only then.
func TestContextAskedAfterTheEnd(t *testing.T) {
	for _, cache := range []bool{false, true} {
		t.Run(fmt.Sprint(cache), func(t *testing.T) {
			got := make(chan error, 1)
			v := startServer(t, Options{EnableMessageCache: cache}, func(v *Server) {
				v.OnEnded(func(s *Socket, _ smartsocket.Reason) {
					select {
					case <-s.Context().Done():
						got <- nil
					case <-time.After(time.Second):
						got <- fmt.Errorf("the context goes on")
					}
				})
			})
			w := dialFull(t, v, "/")
			w.send(frame.Close, frame.AppendCloseBody(nil, frame.CloseNormal, ""))
			w.wantClose(frame.CloseNormal)
			w.nc.Close() // the server would wait for that
			if err := <-got; err != nil {
				t.Error(err)
			}
		})
	}
}

// A client that was told that its handshake is over is not connected afterwards.
func TestHookAnswersBehindTheTimeout(t *testing.T) {
	var connected atomic.Int32
	release := make(chan bool)
	v := startServer(t, Options{
		EnableMessageCache: true, HandshakeTimeout: 100 * time.Millisecond,
		Authenticate: func(context.Context, smartsocket.AuthRequest) (any, error) {
			<-release
			return "ann", nil
		},
	}, func(v *Server) { v.OnConnected(func(*Socket) { connected.Add(1) }) })
	w := dialWire(t, v, "/", message.Subprotocol)
	w.message()
	w.sendConnect(message.Connect{Random: make([]byte, 32), Namespace: []byte("/")})
	w.wantError(message.CodeTimeout)
	close(release)
	time.Sleep(500 * time.Millisecond)
	if n := connected.Load(); n != 0 {
		t.Errorf("%d sockets were connected behind the end of their handshake", n)
	}
}

// A token that leaves early (the connected handler sends much) must not let another connection
// overtake the connected handler.
func TestResumeDuringTheInlineConnectedHandler(t *testing.T) {
	inline := smartsocket.Inline
	for range 6 {
		var mu sync.Mutex
		var order []string
		note := func(x string) { mu.Lock(); order = append(order, x); mu.Unlock() }
		v := startServer(t, Options{EnableMessageCache: true, Loops: 2}, func(v *Server) {
			v.OnConnected(func(s *Socket) {
				if !s.Recovered() {
					note("in")
					big := make([]byte, 40<<10)
					for range 3 {
						s.Emit("big", big)
					}
					time.Sleep(100 * time.Millisecond) // the client comes back meanwhile
					note("out")
					return
				}
				note("recovered")
			}, inline)
			v.OnDisconnected(func(*Socket, smartsocket.Reason) { note("disconnected") }, inline)
			v.OnEnded(func(*Socket, smartsocket.Reason) { note("ended") }, inline)
		})
		var a resumer
		spare := dialWire(t, v, "/", message.Subprotocol) // on the other loop, in half of the cases
		spare.message()
		a.connect(t, v, "/", "")
		a.wire = spare
		spare.sendConnect(message.Connect{Namespace: []byte("/"), SessionToken: a.token})
		var got string
		eventually(t, "the handler of the recovered socket", func() bool {
			mu.Lock()
			got = fmt.Sprint(order)
			mu.Unlock()
			return strings.Contains(got, "recovered")
		})
		if got != "[in out disconnected recovered]" {
			t.Errorf("the handlers ran in the order %s", got)
		}
	}
}

// LinkContext ends when the application is told that the connection was replaced.
func TestLinkContextOfAReplacedLink(t *testing.T) {
	v, d := diaryServer(t, Options{})
	p := newProxy(t, v)
	a := &resumer{}
	a.connectAt(t, p.addr(), "/", "")
	s := socketOf(t, v, a.id)
	ctx := s.LinkContext()
	p.stall()
	a.connectAt(t, v.Addr().String(), "/", "")
	d.want(s, "connected, disconnected 3503, recovered")
	select {
	case <-ctx.Done():
	case <-time.After(time.Second):
		t.Error("the replaced connection's context goes on, though it was told as disconnected")
	}
	p.cut()
}

// With RequireAuth nobody gets a broadcast before it has authenticated.
func TestBroadcastToAStranger(t *testing.T) {
	v := startServer(t, Options{RequireAuth: true, EnableMessageCache: true}, nil)
	stop := make(chan bool)
	var wg sync.WaitGroup
	for range 2 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for {
				select {
				case <-stop:
					return
				default:
					v.Emit("secret", 1)
				}
			}
		}()
	}
	leaks := 0
	for end := time.Now().Add(2 * time.Second); time.Now().Before(end) && leaks == 0; {
		w := dialFull(t, v, "/")
		w.nc.SetReadDeadline(time.Now().Add(5 * time.Millisecond))
		for {
			op, p := w.next()
			if op == 0 {
				break
			}
			if m, err := message.Parse(p); err == nil && m.Kind == message.KindEvent {
				leaks++
			}
		}
		w.nc.Close()
	}
	close(stop)
	wg.Wait()
	if leaks > 0 {
		t.Errorf("a stranger got %d events", leaks)
	}
}

// Clients that resume in several connections at once, with gaps, while handlers and others act on
// their sockets: the handlers of each socket run one at a time and in their order, and every socket
// ends.
func TestStormOfSockets(t *testing.T) {
	for _, opts := range [][]smartsocket.HandlerOption{nil, {smartsocket.Inline}} {
		t.Run(fmt.Sprint("inline ", opts != nil), func(t *testing.T) {
			st := &storm{t: t, lives: make(map[*Socket]*life)}
			st.run(opts)
		})
	}
}

// storm watches the handlers of sockets while everything happens to these at once.
type storm struct {
	t    *testing.T
	v    *Server
	stop atomic.Bool

	mu    sync.Mutex
	lives map[*Socket]*life
}

// life is what the lifecycle handlers of a socket were told last, and how many of them run.
type life struct {
	state string
	in    int
}

func (st *storm) run(opts []smartsocket.HandlerOption) {
	st.v = startServer(st.t, Options{
		EnableMessageCache: true, Loops: 4, MessageCacheSize: 16, MaxConnections: 40,
		HandshakeTimeout: time.Second,
	}, func(v *Server) { st.register(v, opts) })
	var wg sync.WaitGroup
	wg.Go(st.meddle)
	for range 12 {
		wg.Go(st.client)
	}
	time.Sleep(2 * time.Second)
	st.stop.Store(true)
	wg.Wait()
	ns := st.v.Namespace("/")
	for _, s := range append(slices.Clone(ns.Sockets()), ns.Away()...) {
		s.Disconnect()
	}
	eventually(st.t, "all sockets to be gone", func() bool {
		return len(ns.Sockets()) == 0 && len(ns.Away()) == 0 && st.v.ConnectionStats().Open == 0
	})
	st.mu.Lock()
	defer st.mu.Unlock()
	n := 0
	for s, l := range st.lives {
		if l.state != "ended" {
			n++
			if n < 5 {
				st.t.Errorf("%s: the last is %q", s.ID(), l.state)
			}
		}
	}
	st.t.Logf("%d sockets, %d without an end", len(st.lives), n)
}

// step checks that a lifecycle handler may run now. The handler calls what it returns at its end.
func (st *storm) step(s *Socket, what string) (end func()) {
	st.mu.Lock()
	defer st.mu.Unlock()
	l := st.lives[s]
	if l == nil {
		l = new(life)
		st.lives[s] = l
	}
	from := l.state
	ok := what == "connected" && (from == "" || from == "disconnected") ||
		what == "disconnected" && from == "connected" ||
		what == "ended" && from == "disconnected"
	if what == "connected" && s.Recovered() != (from == "disconnected") {
		st.t.Errorf("Recovered %v after %q", s.Recovered(), from)
	}
	if !ok || l.in != 0 {
		st.t.Errorf("%s after %q, %d other handlers run", what, from, l.in)
	}
	l.state = what
	l.in++
	return func() { st.mu.Lock(); l.in--; st.mu.Unlock() }
}

// register adds handlers that act on their sockets.
func (st *storm) register(v *Server, opts []smartsocket.HandlerOption) {
	v.OnConnected(func(s *Socket) {
		defer st.step(s, "connected")()
		s.Join("room")
		if rand.Intn(8) == 0 {
			s.RequireAuth()
		}
		if rand.Intn(20) == 0 {
			s.Disconnect()
		}
	}, opts...)
	v.OnDisconnected(func(s *Socket, _ smartsocket.Reason) {
		defer st.step(s, "disconnected")()
		if rand.Intn(20) == 0 {
			s.Disconnect()
		}
		if rand.Intn(10) == 0 {
			s.Authenticated(1)
		}
	}, opts...)
	v.OnEnded(func(s *Socket, _ smartsocket.Reason) {
		defer st.step(s, "ended")()
	}, opts...)
	v.On("x", func(s *Socket, d Data, ack Ack) {
		switch rand.Intn(20) {
		case 0:
			s.Disconnect()
		case 1:
			s.DisconnectWith(3100, "again")
		case 2:
			time.Sleep(time.Millisecond)
		case 3:
			s.EmitAck("q", 1, time.Second, func(Data, error) {})
		case 4:
			s.Context()
			s.LinkContext()
		}
		s.Emit("y", 1)
		ack.Reply(1)
	}, opts...)
}

// meddle acts on all sockets from a goroutine of its own.
func (st *storm) meddle() {
	for !st.stop.Load() {
		for _, s := range st.v.Namespace("/").Sockets() {
			switch rand.Intn(200) {
			case 0:
				s.Disconnect()
			case 1:
				s.DisconnectWith(3001, "")
			case 2:
				s.RequireAuth()
			case 3:
				s.Authenticated(2)
			}
		}
		st.v.Emit("b", 1)
		st.v.To("room").Emit("s", 1, smartsocket.State(""))
		time.Sleep(2 * time.Millisecond)
	}
}

// client comes with up to three connections for one session at a time.
func (st *storm) client() {
	var token []byte
	var seq, id uint64
	for !st.stop.Load() {
		var ws []net.Conn
		for range 1 + rand.Intn(3) {
			if nc, err := st.dial(token, seq); err == nil {
				ws = append(ws, nc)
			}
		}
		for i, nc := range ws {
			got, tk, s := welcomed(nc)
			for range 1 + rand.Intn(6) {
				id++
				nc.Write(masked(frame.Binary, eventBytes(message.FlagAck, id, "x", "1")))
			}
			if got && i == len(ws)-1 {
				token, seq = tk, s
				if rand.Intn(12) == 0 {
					seq += 5 // a gap
				}
			}
		}
		for _, nc := range ws {
			if rand.Intn(4) == 0 {
				nc.Write(masked(frame.Close, frame.AppendCloseBody(nil, frame.CloseNormal, "")))
			}
			nc.Close()
		}
	}
}

// dial sends a request and CONNECT without waiting for an answer.
func (st *storm) dial(token []byte, seq uint64) (net.Conn, error) {
	addr := st.v.Addr().String()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	nc.SetDeadline(time.Now().Add(3 * time.Second))
	key := frame.NewKey()
	nc.Write(frame.AppendRequest(nil, addr, "/", key, "", message.Subprotocol, "", ""))
	c := message.Connect{
		Version: 1, Namespace: []byte("/"), SessionToken: token, LastSeq: seq,
	}
	nc.Write(masked(frame.Binary, message.AppendConnect(nil, &c)))
	return nc, nil
}

// welcomed reads up to CONNECT_ACK. It returns the token, and the number of the newest event that
// came with it.
func welcomed(nc net.Conn) (ok bool, token []byte, seq uint64) {
	buf := make([]byte, 64<<10)
	var got []byte
	for range 4 {
		nc.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
		n, err := nc.Read(buf)
		got = append(got, buf[:n]...)
		if _, frames, whole := bytes.Cut(got, []byte("\r\n\r\n")); whole {
			ok, token, seq = welcome(bytes.Clone(frames)) // a copy, because it is unmasked in place
		}
		if err != nil || ok {
			break
		}
	}
	return ok, token, seq
}

// welcome looks for CONNECT_ACK in what followed the head of the answer.
func welcome(frames []byte) (ok bool, token []byte, seq uint64) {
	var p frame.Parser
	for {
		m, rest, more, err := p.Feed(&wireConfig, frames)
		if err != nil || !more {
			return ok, token, seq
		}
		frames = rest
		if a, err := message.ParseConnectAck(m.Payload); err == nil && m.Op == frame.Binary {
			ok, token = true, bytes.Clone(a.SessionToken)
			continue
		}
		e, err := message.Parse(m.Payload)
		if err == nil && e.Kind == message.KindEvent && e.Seq > seq {
			seq = e.Seq
		}
	}
}

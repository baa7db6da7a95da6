//go:build linux || darwin

package smartsockettest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/client"
	"github.com/smartsocket/smartsocket/message"
)

// chat is an application: clients join a room, and what one says the others hear.
func chat(v *smartsocket.Server) {
	smartsocket.Handle(v, "join", func(s *smartsocket.Socket, room string) ([]string, error) {
		return s.Rooms(), s.Join(room)
	})
	smartsocket.On(v, "say", func(s *smartsocket.Socket, text string, ack Ack) {
		s.To("room").Emit("said", text)
		ack.Reply(nil)
	})
	v.On("echo", func(s *smartsocket.Socket, d Data, _ Ack) { s.Emit("echo", d.JSON()) },
		smartsocket.Inline)
}

func TestCallsAndEvents(t *testing.T) {
	s := New(t, Options{}, chat)
	a, b, c := s.Client(t), s.Client(t), s.Client(t)
	for _, x := range []*Client{a, b, c} {
		x.Call("join", "room")
	}
	a.Call("say", "hello")
	b.Expect("said", "hello")
	c.Expect("said", Any)
	for _, x := range []*Client{a, b, c} {
		x.ExpectNothing()
	}
	a.Emit("echo", map[string]int{"x": 1})
	a.Expect("echo", struct {
		X int `json:"x"`
	}{1})
	a.CallFails("nonsense", nil, message.CodeNoHandler)
	if a.Socket().ID() != a.ID() {
		t.Error("Socket is another client's")
	}
}

// What one client sets off at another one, and that one at the first, is all handled.
func TestQuietFollowsChains(t *testing.T) {
	const length = 20
	s := New(t, Options{}, func(v *smartsocket.Server) {
		smartsocket.On(v, "pass", func(s *smartsocket.Socket, n int, _ Ack) {
			s.Broadcast().Emit("passed", n+1)
		})
	})
	var last [2]int
	for i := range last {
		c := s.NewClient(t)
		client.On(c.Client, "passed", func(n int, _ client.Ack) {
			last[i] = n
			if n < length {
				c.Client.Emit("pass", n)
			}
		})
		c.Connect()
		if i == 1 {
			c.Emit("pass", 0)
		}
	}
	s.Quiet()
	if last[0]+last[1] != 2*length-1 {
		t.Errorf("%v after %d steps", last, length)
	}
}

func TestQuietWaitsForHandlers(t *testing.T) {
	begun, release := make(chan bool), make(chan bool)
	const sent = 2000
	ran := false
	s := New(t, Options{}, func(v *smartsocket.Server) {
		v.On("slow", func(s *smartsocket.Socket, _ Data, _ Ack) {
			begun <- true
			<-release
			for i := range sent {
				s.Emit("part", i)
			}
			ran = true
		})
	})
	c := s.Client(t)
	c.Emit("slow", nil)
	<-begun
	go func() { release <- true }()
	s.Quiet()
	if !ran {
		t.Error("Quiet did not wait for a handler")
	}
	if n := c.record.waiting(); n != sent {
		t.Errorf("Quiet did not wait for what it sent: %d of %d came", n, sent)
	}
}

func TestConnectedHandlersHaveRun(t *testing.T) {
	n := 0
	s := New(t, Options{}, func(v *smartsocket.Server) {
		v.OnConnected(func(s *smartsocket.Socket) { n++; s.Emit("welcome", n) })
	})
	for i := range 3 {
		c := s.Client(t)
		if n != i+1 {
			t.Fatalf("%d connected handlers ran, want %d", n, i+1)
		}
		c.Expect("welcome", i+1)
	}
}

func TestRefusals(t *testing.T) {
	s := New(t, Options{
		APIKeys: []string{"a very long key"}, Host: "0.0.0.0", Port: 80, TLSCertFile: "none",
		AllowedHosts: []string{"*.example.org"},
		Authenticate: func(_ context.Context, r smartsocket.AuthRequest) (any, error) {
			if r.Namespace == "/no" {
				return nil, errors.New("no")
			}
			return r.HTTP.Header.Get("Name"), nil
		},
	}, func(v *smartsocket.Server) { v.Namespace("/no") })
	s.NewClient(t).ConnectFails(message.CodeAuthFailed)
	key := client.Options{APIKey: "a very long key", Header: map[string][]string{"Name": {"me"}}}
	if c := s.Client(t, key); c.Socket().Identity() != "me" {
		t.Errorf("the identity is %v", c.Socket().Identity())
	}
	key.Namespace = "/no"
	s.NewClient(t, key).ConnectFails(message.CodeAuthFailed)
	key.Namespace = "/nowhere"
	s.NewClient(t, key).ConnectFails(message.CodeInvalidNamespace)
}

func TestSealedAndCompressed(t *testing.T) {
	key := "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
	s := New(t, Options{EncryptionKey: key, CompressionThreshold: 10}, chat)
	c := s.Client(t, client.Options{EncryptionKey: key})
	long := string(make([]byte, 2000))
	c.Emit("echo", long)
	c.Expect("echo", long)
	c.ExpectNothing()
}

func TestKicked(t *testing.T) {
	s := New(t, Options{}, nil)
	c := s.Client(t)
	c.Socket().Disconnect()
	if r := c.ExpectClosed(message.CloseKicked); r.Text != "kicked" {
		t.Errorf("%+v", r)
	}
	s.Quiet()
}

func TestSocket(t *testing.T) {
	socket, c := Socket(t, "/game")
	if err := socket.Join("a"); err != nil || !socket.In("a") {
		t.Error(err)
	}
	socket.Emit("bytes", []byte{1, 2})
	socket.Emit("nothing", nil)
	c.Expect("nothing", nil)
	c.Expect("bytes", []byte{1, 2})
	socket.Namespace().To("a").Emit("room", 1)
	c.Expect("room", 1)
}

func TestRateWindow(t *testing.T) {
	s := New(t, Options{RateLimitMaxRequests: 2, RateLimitWindow: time.Minute}, chat)
	c := s.Client(t)
	for range 3 {
		c.Call("say", "a")
		c.Call("say", "b")
		c.CallFails("say", "c", message.CodeRateLimited)
		s.Advance(2 * time.Minute)
	}
}

// The usual options have a limit whose window would not end while the clock stands still.
func TestDefaultOptionsHaveNoRateLimit(t *testing.T) {
	o := smartsocket.DefaultOptions()
	c := New(t, o, chat).Client(t)
	for range o.RateLimitMaxRequests + 1 {
		c.Call("say", "a")
	}
}

func TestAuthTimeout(t *testing.T) {
	s := New(t, Options{RequireAuth: true, AuthTimeout: 10 * time.Second},
		func(v *smartsocket.Server) {
			v.On("auth", func(s *smartsocket.Socket, _ Data, ack Ack) {
				s.Authenticated("me")
				ack.Reply(nil)
			})
		})
	quick, late := s.Client(t), s.Client(t)
	s.Advance(9 * time.Second)
	quick.Call("auth", nil)
	s.Advance(2 * time.Second)
	late.ExpectClosed(message.CloseAuth)
	if !quick.Connected() {
		t.Error("a client that authenticated in time was closed")
	}
}

// Clients answer the heartbeats that the clock brings about. One that is paused is not idle,
// because its system takes what the server sends.
func TestHeartbeats(t *testing.T) {
	s := New(t, Options{ConnectionTimeout: 30 * time.Second}, chat)
	c, held := s.Client(t), s.Client(t)
	held.Pause()
	for range 10 {
		s.Advance(time.Minute)
		if rtt := c.Socket().RTT(); rtt > time.Microsecond { // the least that there is
			t.Fatalf("the clock moved on by %v before a heartbeat was answered", rtt)
		}
	}
	held.Resume()
	c.Call("say", "still here")
	held.Call("say", "so am I")
	if n := s.ConnectionStats().IdleCloses; n != 0 {
		t.Errorf("%d were closed", n)
	}
}

func TestAckTimeout(t *testing.T) {
	s := New(t, Options{AckTimeout: 5 * time.Second}, nil)
	c := s.NewClient(t)
	c.On("silent", func(client.Data, client.Ack) {})
	c.Connect()
	got := make(chan error, 1)
	err := c.Socket().EmitAck("silent", nil, 0, func(_ Data, err error) { got <- err })
	if err != nil {
		t.Fatal(err)
	}
	s.Advance(4900 * time.Millisecond)
	if len(got) > 0 {
		t.Fatal("ended early: ", <-got)
	}
	s.Advance(100 * time.Millisecond)
	if err := <-got; !errors.Is(err, message.ErrAckTimeout) {
		t.Error(err)
	}
}

// A handler that waits for an answer does not hold up the clock.
func TestAckTimeoutInAHandler(t *testing.T) {
	got := make(chan error, 1)
	s := New(t, Options{AckTimeout: time.Minute, ConnectionTimeout: 10 * time.Second},
		func(v *smartsocket.Server) {
			v.On("ask", func(s *smartsocket.Socket, _ Data, _ Ack) {
				_, err := s.EmitWithAck(context.Background(), "silent", nil)
				got <- err
			})
		})
	c := s.NewClient(t)
	c.On("silent", func(client.Data, client.Ack) {})
	c.Connect()
	c.Emit("ask", nil)
	c.Expect("silent", nil)
	s.Advance(time.Minute)
	if err := <-got; !errors.Is(err, message.ErrAckTimeout) {
		t.Error(err)
	}
}

func TestSessionEnds(t *testing.T) {
	ended := 0
	s := New(t, Options{EnableMessageCache: true, MessageCacheAge: time.Minute},
		func(v *smartsocket.Server) {
			v.OnEnded(func(*smartsocket.Socket, smartsocket.Reason) { ended++ })
		})
	c := s.Client(t)
	c.Cut()
	s.Advance(59 * time.Second)
	s.Quiet()
	if ended != 0 {
		t.Fatal("the session ended early")
	}
	s.Advance(3 * time.Second)
	s.Quiet()
	if ended != 1 {
		t.Fatal("the session did not end")
	}
	if c.Reconnect() {
		t.Error("a session that had ended was recovered")
	}
}

func TestOptionsAreChecked(t *testing.T) {
	text := fails(t, func(t testing.TB) { New(t, Options{Workers: -1}, nil) })
	if text == "" {
		t.Error("a bad option was taken")
	}
}

// Servers of tests that run at the same time know nothing of each other.
func TestParallel(t *testing.T) {
	for range 8 {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			s := New(t, Options{}, chat)
			a, b := s.Client(t), s.Client(t)
			a.Call("join", "room")
			b.Call("join", "room")
			for range 20 {
				a.Call("say", "hello")
				b.Expect("said", "hello")
			}
			a.ExpectNothing()
			s.Advance(time.Minute)
		})
	}
}

//go:build !js

package client

import (
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
)

// storm passes connections on to a server and resets each after a random number of bytes,
// wherever in a message that falls.
type storm struct {
	url  string
	cuts atomic.Int64
	calm atomic.Bool // connections that begin now last
}

func newStorm(t testing.TB, v *smartsocket.Server, seed uint64) *storm {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &storm{url: "ws://" + l.Addr().String()}
	random := rand.New(rand.NewPCG(seed, 0))
	var wg sync.WaitGroup
	t.Cleanup(func() {
		l.Close()
		wg.Wait()
	})
	wg.Go(func() {
		for {
			down, err := l.Accept()
			if err != nil {
				return
			}
			left := random.Int64N(6000)
			wg.Go(func() { w.pass(down, v.Addr().String(), left) })
		}
	})
	return w
}

// pass relays one connection until left bytes have gone through it in both directions together.
func (w *storm) pass(down net.Conn, addr string, left int64) {
	up, err := net.Dial("tcp", addr)
	if err != nil {
		down.Close()
		return
	}
	var budget atomic.Int64
	budget.Store(left)
	if w.calm.Load() {
		budget.Store(1 << 40)
	}
	ended := make(chan struct{}, 2)
	relay := func(to, from net.Conn) {
		defer func() { ended <- struct{}{} }()
		b := make([]byte, 512)
		for {
			n, err := from.Read(b)
			rest := budget.Add(int64(-n))
			to.Write(b[:max(0, min(n, int(rest)+n))])
			if err != nil || rest <= 0 {
				return
			}
		}
	}
	go relay(up, down)
	go relay(down, up)
	<-ended
	if budget.Load() <= 0 {
		w.cuts.Add(1)
		down.(*net.TCPConn).SetLinger(0)
		up.(*net.TCPConn).SetLinger(0)
	}
	down.Close()
	up.Close()
	<-ended
}

// TestStorm cuts every connection somewhere, again and again, while events, questions and
// answers go both ways. In the end each event of either side came once and in order, each
// question was handled once, and each has its own answer.
func TestStorm(t *testing.T) {
	for name, o := range map[string]Options{"plain": {}, "sealed": {EncryptionKey: testKey}} {
		t.Run(name, func(t *testing.T) {
			seed := rand.Uint64()
			t.Logf("seed %d", seed)
			weather(t, seed, o)
		})
	}
}

const (
	stormClients = 5
	stormEvents  = 300
	stormAsks    = 100
	stormNotes   = 5 // before each question
)

// stormServer counts how often each question of a client was handled, and notes the order
// of a client's events.
type stormServer struct {
	mu      sync.Mutex
	handled map[string]int
	notes   [stormClients][]int
}

type note struct{ Client, N int }

func (h *stormServer) setup(v *smartsocket.Server) {
	smartsocket.Handle(v, "ask", func(s *smartsocket.Socket, q string) (string, error) {
		h.mu.Lock()
		h.handled[q]++
		h.mu.Unlock()
		return "re " + q, nil
	})
	smartsocket.On(v, "note", func(_ *smartsocket.Socket, n note, _ smartsocket.Ack) {
		if n.N%7 == 0 {
			time.Sleep(100 * time.Microsecond) // later ones pile up behind it, also over a resume
		}
		h.mu.Lock()
		h.notes[n.Client] = append(h.notes[n.Client], n.N)
		h.mu.Unlock()
	})
}

func weather(t *testing.T, seed uint64, o Options) {
	h := &stormServer{handled: map[string]int{}}
	v := startServer(t, smartsocket.Options{
		EnableMessageCache:   true,
		EncryptionKey:        o.EncryptionKey,
		CompressionThreshold: 100,
	}, h.setup)
	w := newStorm(t, v, seed)
	o.ReconnectDelay, o.MaxReconnectAttempts, o.AckTimeout = time.Millisecond, Forever, 2*patience
	var wg sync.WaitGroup
	clients := make([]*Client, stormClients)
	heard := make([]chan int, stormClients)
	polled := make([]atomic.Int64, stormClients)
	for i := range clients {
		heard[i] = make(chan int, 2*stormEvents)
		c := newClient(t, w.url, o)
		c.random = func() float64 { return -0.499 }
		c.OnReconnected(func(recovered bool) {
			if !recovered {
				t.Errorf("client %d lost its session", i)
			}
		})
		On(c, "news", func(n numberedNews, _ Ack) { heard[i] <- n.N })
		On(c, "poll", func(n int, ack Ack) { polled[i].Add(1); ack.Reply(n + 1) })
		for c.Connect(testContext(t)) != nil { // the first attempts may be cut, too
			if testContext(t).Err() != nil {
				t.Fatal("never connected")
			}
		}
		clients[i] = c
		wg.Go(func() { askAll(t, c, i) })
		wg.Go(func() { pollAll(t, v, c) })
	}
	for n := range stormEvents {
		v.Emit("news", numberedNews{n, fmt.Sprintf("%0*d", n%250, n)})
		if n%10 == 9 {
			time.Sleep(time.Millisecond) // lets some of it out before the next cut
		}
	}
	wg.Wait()
	w.calm.Store(true)
	for i := range clients {
		for n := range stormEvents {
			if got := take(t, heard[i], "an event"); got != n {
				t.Fatalf("client %d: event %d came, want %d", i, got, n)
			}
		}
		if n := polled[i].Load(); n != stormAsks {
			t.Errorf("client %d was asked %d times, want %d", i, n, stormAsks)
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for i, got := range h.notes {
		if len(got) != stormAsks*stormNotes || !slices.IsSorted(got) ||
			len(slices.Compact(slices.Clone(got))) != len(got) {
			t.Errorf("%d events of client %d came: %v", len(got), i, got)
		}
	}
	if len(h.handled) != stormClients*stormAsks {
		t.Errorf("%d questions were handled, want %d", len(h.handled), stormClients*stormAsks)
	}
	for q, n := range h.handled {
		if n != 1 {
			t.Errorf("%q was handled %d times", q, n)
		}
	}
	t.Logf("%d connections were cut", w.cuts.Load())
	if w.cuts.Load() < stormClients {
		t.Error("the weather was too good to show anything")
	}
}

type numberedNews struct {
	N    int
	Fill string
}

func askAll(t *testing.T, c *Client, i int) {
	for n := range stormAsks {
		for k := range stormNotes {
			if err := c.Emit("note", note{i, n*stormNotes + k}); err != nil {
				t.Error(err)
			}
		}
		q := fmt.Sprintf("%d of %d", n, i)
		if a, err := Request[string](testContext(t), c, "ask", q); err != nil || a != "re "+q {
			t.Errorf("the answer to %q is %q, %v", q, a, err)
			return
		}
	}
}

func pollAll(t *testing.T, v *smartsocket.Server, c *Client) {
	var s *smartsocket.Socket
	for s == nil { // an ID is there while there is a connection
		s = v.Namespace("/").Socket(c.ID())
	}
	for n := range stormAsks {
		d, err := s.EmitWithAck(testContext(t), "poll", n)
		var a int
		if err == nil {
			err = d.Decode(&a)
		}
		if err != nil || a != n+1 {
			t.Errorf("the answer to poll %d is %d, %v", n, a, err)
			return
		}
	}
}

package test

import (
	"fmt"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket/frame"
)

// fastest is the shortest of several runs of a, and of b. They take turns.
func fastest(a, b func()) (da, db time.Duration) {
	da, db = time.Hour, time.Hour
	for range 15 {
		start := time.Now()
		a()
		middle := time.Now()
		b()
		da, db = min(da, middle.Sub(start)), min(db, time.Since(middle))
	}
	return da, db
}

// The cost of a message is compared between a server that has next to nothing and one with
// thousands of connections, namespaces and rooms. A cost that grows with any of them differs by far
// more than the factor that is allowed here.
func TestImpossible_CostGrowingWithTheServer(t *testing.T) {
	const many, factor = 2000, 8
	small := startServer(t, Options{}, echoOn)
	large := startServer(t, Options{}, func(v *Server) {
		echoOn(v)
		for i := range many {
			v.Namespace(fmt.Sprintf("/ns%d", i)).On(fmt.Sprint("event", i), echo)
			v.On(fmt.Sprint("event", i), echo)
		}
	})
	ends := map[*Server]*wire{small: dialFull(t, small, "/"), large: dialFull(t, large, "/")}
	for range many / 4 {
		dialRaw(t, large, upgradeRequest("", ""))
	}
	ns := large.Namespace("/")
	eventually(t, "the crowd", func() bool { return ns.Len() == many/4+1 })
	for i, s := range ns.Sockets() {
		for k := range 4 {
			s.Join(fmt.Sprintf("room%d-%d", i, k))
		}
	}
	for _, v := range []*Server{small, large} {
		v.Namespace("/").Socket(ends[v].id).Join("mine")
	}
	repeat := func(n int, f func()) func() {
		return func() {
			for range n {
				f()
			}
		}
	}
	for name, act := range map[string]func(v *Server) func(){
		"an event and its answer": func(v *Server) func() {
			w := ends[v]
			return repeat(50, func() {
				w.request(1, "echo", "1")
				w.wantEvent("echo", "1")
				w.wantAck(1, "1")
			})
		},
		"an emit to a room of one": func(v *Server) func() {
			w, n := ends[v], v.Namespace("/")
			return repeat(50, func() {
				n.To("mine").Emit("e", 1)
				w.wantEvent("e", "1")
			})
		},
		"joining and leaving": func(v *Server) func() {
			s := v.Namespace("/").Socket(ends[v].id)
			return repeat(500, func() {
				s.Join("other")
				s.Leave("other")
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			a, b := fastest(act(small), act(large))
			if b > factor*a {
				t.Errorf("%v beside nobody, %v among %d connections and namespaces", a, b, many)
			}
		})
	}
}

func TestImpossible_LeakPerConnection(t *testing.T) {
	n := 1500
	if testing.Short() {
		n = 300
	}
	v := startServer(t, Options{MaxConnectionsPerAddress: 1000}, func(v *Server) {
		echoOn(v)
		v.OnConnected(func(s *Socket) {
			s.Join("a", "b", s.ID()[3:])
			s.Set("x", make([]byte, 1024))
			s.On("own", echo)
			s.EmitAck("ask", nil, time.Hour, func(Data, error) {})
		})
	})
	churn := func(n int) {
		for range n {
			nc := dialRaw(t, v, upgradeRequest("", ""))
			nc.Write(masked(frame.Text, []byte(`{"event":"echo","data":1}`)))
			var buf [512]byte
			nc.Read(buf[:])
			nc.Close()
		}
		ns := v.Namespace("/")
		eventually(t, "all to be gone", func() bool {
			return v.ConnectionStats().Open == 0 && ns.Len() == 0
		})
		eventually(t, "the rooms to be gone", func() bool { return len(ns.RoomNames()) == 0 })
	}
	churn(100) // fills the pools
	before := heapNow()
	churn(n)
	// The test's own record of its connections is a few hundred bytes each.
	if grown := heapNow() - before; grown > int64(n)*1024 {
		t.Errorf("%d connections that came and went left %d bytes", n, grown)
	}
}

// Finding a socket by id costs the same however many namespaces there are.
func TestImpossible_ToSocketGrowingWithNamespaces(t *testing.T) {
	small, large := startServer(t, Options{}, nil), startServer(t, Options{}, nil)
	for i := range 2000 {
		large.Namespace(fmt.Sprint("/n", i))
	}
	find := func(v *Server) func() {
		w := dialFull(t, v, "/")
		return func() {
			for range 100 {
				v.ToSocket(w.id)
			}
		}
	}
	if a, b := fastest(find(small), find(large)); b > 8*a {
		t.Errorf("%v with one namespace, %v with 2000", a, b)
	}
}

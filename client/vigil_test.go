//go:build !js

package client

import (
	"context"
	"net"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
)

// TestVigil drives the clock of a client whose server may be silent for 40 s.
func TestVigil(t *testing.T) {
	start := time.Unix(1e9, 0)
	at := func(s float64) time.Time { return start.Add(time.Duration(s * float64(time.Second))) }
	type step struct {
		at    float64
		heard bool // else a look
		dead  bool
		asked int     // so far
		due   float64 // the next look
	}
	for name, steps := range map[string][]step{
		"a living server": {
			{at: 0, heard: true, due: 30}, {at: 2, heard: true, due: 30},
			{at: 20, heard: true, due: 50}, {at: 49, heard: true, due: 79},
		},
		"a dead one": {
			{at: 0, heard: true, due: 30}, {at: 30, asked: 1, due: 40},
			{at: 40, dead: true, asked: 1, due: 40},
		},
		"one that answers": {
			{at: 0, heard: true, due: 30}, {at: 30, asked: 1, due: 40},
			{at: 31, heard: true, asked: 1, due: 61}, {at: 61, asked: 2, due: 71},
			{at: 71, dead: true, asked: 2, due: 71},
		},
		"we stood still for an hour": {
			{at: 0, heard: true, due: 30}, {at: 3600, asked: 1, due: 3610},
			{at: 3610.2, dead: true, asked: 1, due: 3610},
		},
		"and again while we waited for the answer": {
			{at: 0, heard: true, due: 30}, {at: 30, asked: 1, due: 40},
			{at: 3600, asked: 2, due: 3610}, {at: 3610, dead: true, asked: 2, due: 3610},
		},
	} {
		t.Run(name, func(t *testing.T) {
			asked := 0
			v := vigil{limit: 40 * time.Second, ask: func() { asked++ }}
			for _, s := range steps {
				dead := false
				if s.heard {
					v.heard(at(s.at))
				} else {
					dead = v.look(at(s.at))
				}
				if dead != s.dead || asked != s.asked || !v.due.Equal(at(s.due)) {
					t.Fatalf("at %v: dead %v, asked %d, due %v, want %+v", s.at, dead, asked,
						v.due.Sub(start).Seconds(), s)
				}
			}
		})
	}
	v := vigil{}
	if v.heard(start) || !v.due.IsZero() {
		t.Error("without a limit there is a look")
	}
}

// lateConn is a connection of a process that was stopped for longer than the server may be silent:
// when something comes, the deadline of the read has passed already.
type lateConn struct {
	net.Conn
	stops atomic.Int32 // how many more reads end with their deadline
	came  []byte       // meanwhile; for the reader
}

func (c *lateConn) Read(p []byte) (n int, err error) {
	if len(c.came) == 0 {
		if n, err = c.Conn.Read(p); err != nil {
			return n, err
		}
		c.came = append(c.came, p[:n]...)
	}
	if c.stops.Add(-1) >= 0 {
		return 0, os.ErrDeadlineExceeded
	}
	n = copy(p, c.came)
	c.came = c.came[n:]
	return n, nil
}

// TestStoppedProcess: after a stop the client asks the server, which lives, and stays. A server
// that says nothing after that is given up.
func TestStoppedProcess(t *testing.T) {
	v := startServer(t, smartsocket.Options{ConnectionTimeout: time.Minute}, nil)
	v.On("wake", func(s *smartsocket.Socket, _ smartsocket.Data, ack smartsocket.Ack) {
		ack.Reply(nil)
	})
	var late *lateConn
	c := newClient(t, urlOf(v, "/"), Options{
		MaxReconnectAttempts: Never,
		Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
			nc, err := new(net.Dialer).DialContext(ctx, network, addr)
			late = &lateConn{Conn: nc}
			return late, err
		},
	})
	lost := make(chan Reason, 1)
	c.OnDisconnected(func(r Reason) { lost <- r })
	connect(t, c)
	id := c.ID()
	for range 3 { // something comes in between
		late.stops.Store(1)
		if _, err := c.EmitWithAck(testContext(t), "wake", nil); err != nil {
			t.Fatal(err)
		}
	}
	if c.ID() != id || !c.Connected() {
		t.Error("the connection did not survive")
	}
	select {
	case r := <-lost:
		t.Fatal("cut: ", r)
	default:
	}
	late.stops.Store(2)
	if err := c.EmitAck("wake", nil, 0, func(Data, error) {}); err != nil {
		t.Fatal(err)
	}
	if r := take(t, lost, "the end"); r.Code != closeAbnormal {
		t.Error(r)
	}
}

//go:build !js

package client

import (
	"bytes"
	"io"
	"math/rand/v2"
	"net"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/pool"
)

// ends returns both ends of a TCP connection.
func ends(t *testing.T) (a, b net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if a, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if b, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	for _, nc := range []net.Conn{a, b} {
		t.Cleanup(func() { nc.Close() })
		nc.SetDeadline(time.Now().Add(patience))
	}
	return a, b
}

// TestSources: what is written is read, whole and in order, and then the end.
func TestSources(t *testing.T) {
	for name, from := range map[string]func(net.Conn) source{
		"of this system": func(nc net.Conn) source { return newSource(nc, 3000) },
		"growing":        func(nc net.Conn) source { return &growing{nc: nc, size: 3000} },
	} {
		t.Run(name, func(t *testing.T) {
			a, b := ends(t)
			random := rand.New(rand.NewPCG(1, 2))
			sent := make([]byte, 1<<20)
			for i := range sent {
				sent[i] = byte(random.Uint32())
			}
			go func() {
				for p := sent; len(p) > 0; {
					n := min(1+random.IntN(9000), len(p))
					a.Write(p[:n])
					p = p[n:]
				}
				a.Close()
			}()
			s := from(b)
			var got []byte
			for i := 0; ; i++ {
				p, err := s.read()
				if got = append(got, p...); len(p) > 3000 {
					t.Fatalf("a read of %d bytes", len(p))
				}
				if len(p) == 0 {
					if err != io.EOF {
						t.Errorf("the end is %v", err)
					}
					break
				}
				clear(p)
				if i%3 == 0 {
					s.prepare()
				}
			}
			s.done()
			if !bytes.Equal(got, sent) {
				t.Errorf("%d bytes came, or others than the %d that were sent", len(got), len(sent))
			}
		})
	}
}

// TestSourceDeadline: a source that is out of time can be read again.
func TestSourceDeadline(t *testing.T) {
	a, b := ends(t)
	for _, s := range []source{newSource(b, minRead), &growing{nc: b, size: minRead}} {
		b.SetReadDeadline(time.Unix(1, 0))
		if p, err := s.read(); len(p) > 0 || !isTimeout(err) {
			t.Errorf("out of time: %q, %v", p, err)
		}
		b.SetReadDeadline(time.Now().Add(patience))
		a.Write([]byte("x"))
		if p, err := s.read(); string(p) != "x" {
			t.Errorf("read %q, %v", p, err)
		}
		s.done()
	}
	b.Close()
	if _, err := newSource(b, minRead).read(); err == nil {
		t.Error("a closed connection can be read")
	}
}

func isTimeout(err error) bool {
	e, ok := err.(net.Error)
	return ok && e.Timeout()
}

// TestGrowing: the large buffer is taken when the small one was filled, and given back when little
// comes.
func TestGrowing(t *testing.T) {
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	s := &growing{nc: b, size: 4 << 10}
	defer s.done()
	for i, step := range []struct {
		write int
		reads []int
		large bool // afterwards
	}{
		{100, []int{100}, false},
		{minRead - 1, []int{minRead - 1}, false},
		{3000, []int{minRead, 3000 - minRead}, true},
		{4000, []int{4000}, true},
		{100, []int{100}, true}, // until the next read
		{100, []int{100}, false},
	} {
		go a.Write(make([]byte, step.write))
		for _, want := range step.reads {
			if p, err := s.read(); len(p) != want {
				t.Fatalf("step %d: read %d bytes, want %d: %v", i, len(p), want, err)
			}
		}
		if (s.large != nil) != step.large {
			t.Errorf("step %d: large is %v", i, s.large != nil)
		}
	}
}

// TestReadBufferBytes: the option is checked, and reaches the connection.
func TestReadBufferBytes(t *testing.T) {
	for n, ok := range map[int]bool{0: true, minRead: true, pool.MaxPooled: true,
		-1: false, minRead - 1: false, pool.MaxPooled + 1: false} {
		if _, err := New("ws://localhost", Options{ReadBufferBytes: n}); (err == nil) != ok {
			t.Errorf("%d: %v", n, err)
		}
	}
	v := startServer(t, smartsocket.Options{}, echoes)
	c := connect(t, newClient(t, urlOf(v, "/"), Options{ReadBufferBytes: minRead}))
	want := make([]byte, 10000)
	if d, err := c.EmitWithAck(testContext(t), "echo", want); !bytes.Equal(d.Bytes(), want) {
		t.Errorf("%d bytes came back, %v", len(d.Bytes()), err)
	}
}

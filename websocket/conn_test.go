package websocket

import (
	"bytes"
	"fmt"
	"io"
	"testing"
	"time"
	"unsafe"

	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/internal/race"
	"github.com/smartsocket/smartsocket/reactor"
)

// TestConnSize holds the size of an idle connection.
func TestConnSize(t *testing.T) {
	if n := unsafe.Sizeof(Conn{}); n > 160 {
		t.Errorf("Conn is %d bytes, at most 160 are allowed", n)
	} else {
		t.Logf("Conn is %d bytes", n)
	}
}

// What OnOpen sends leaves in the same write as the 101.
func TestGreetingRidesOnUpgrade(t *testing.T) {
	r := newReactor(t)
	nc := tcp(t,
		serve(t, r, Options{},
			accepting(&funcs{open: func(c *Conn) { c.Send(frame.Text, []byte("hello")) }})))
	nc.Write(upgradeRequest("localhost", ""))
	b := make([]byte, 4096)
	n, err := nc.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(b[:n], []byte("HTTP/1.1 101 ")) ||
		!bytes.HasSuffix(b[:n], frame.AppendFrame(nil, frame.Text, []byte("hello"))) {
		t.Errorf("first read: %q", b[:n])
	}
}

// Both ends of this package talk to each other, with and without compression.
func TestDialEcho(t *testing.T) {
	for _, deflate := range []bool{false, true} {
		r := newReactor(t)
		addr := serve(t, r, Options{Deflate: deflate}, Echo)
		messages := [][]byte{{}, []byte("x"), bytes.Repeat([]byte("compressible "), 1000),
			bytes.Repeat([]byte{0xff, 0}, 70_000)}
		done := make(chan []byte, len(messages))
		h := new(funcs)
		h.open = func(c *Conn) {
			if c.Deflate() != deflate {
				t.Errorf("Deflate() = %v", c.Deflate())
			}
			for _, m := range messages {
				if s := c.Send(frame.Binary, m); s == Dropped {
					t.Error("dropped")
				}
			}
		}
		h.message = func(_ *Conn, op frame.Opcode, p []byte) {
			if op != frame.Binary {
				t.Error(op)
			}
			done <- bytes.Clone(p)
		}
		dial(t, r, addr, DialOptions{Options: Options{Deflate: deflate}}, h)
		for _, m := range messages {
			if got := wait(t, done); !bytes.Equal(got, m) {
				t.Errorf("%d bytes came back as %d", len(m), len(got))
			}
		}
	}
}

func TestSendShared(t *testing.T) {
	r := newReactor(t)
	plain := frame.Prepare(frame.Text, []byte("shared"))
	defer plain.Release()
	deflated, err := frame.PrepareDeflated(frame.Text, bytes.Repeat([]byte("shared "), 100), 1)
	if err != nil {
		t.Fatal(err)
	}
	defer deflated.Release()
	sent := make(chan struct{}) // only then may we release our references
	addr := serve(t, r, Options{Deflate: true}, accepting(&funcs{open: func(c *Conn) {
		defer close(sent)
		c.SendShared(plain)
		if c.Deflate() {
			c.SendShared(deflated)
		}
	}}))
	got := make(chan string, 4)
	h := &funcs{message: func(_ *Conn, _ frame.Opcode, p []byte) { got <- string(p) }}
	h.open = func(c *Conn) {
		if s := c.SendShared(nil); s != Dropped {
			t.Error("a client sent an unmasked frame:", s)
		}
	}
	dial(t, r, addr, DialOptions{Options: Options{Deflate: true}}, h)
	if s := wait(t, got); s != "shared" {
		t.Errorf("%q", s)
	}
	if s := wait(t, got); len(s) != 700 {
		t.Errorf("%q", s)
	}
	wait(t, sent)
}

// Only messages strictly larger than the threshold are deflated, and only if that makes them
// smaller.
func TestDeflateThreshold(t *testing.T) {
	r := newReactor(t)
	addr := serve(t, r, Options{Deflate: true, DeflateThreshold: 100}, Echo)
	p := connect(t, addr, "Sec-WebSocket-Extensions: permessage-deflate\r\n")
	for _, x := range []struct {
		payload string
		b0      byte
	}{
		{string(bytes.Repeat([]byte("a"), 99)), 0x82},
		{string(bytes.Repeat([]byte("a"), 100)), 0x82},
		{string(bytes.Repeat([]byte("a"), 101)), 0xc2},
		{noise(200), 0x82},
	} {
		p.send(frame.Binary, x.payload)
		if b0, _ := p.read(t); b0 != x.b0 {
			t.Errorf("%d bytes: first byte %#x, want %#x", len(x.payload), b0, x.b0)
		}
	}
}

func noise(n int) string {
	b := make([]byte, n)
	for i, x := 0, uint32(1); i < n; i++ {
		x = x*1664525 + 1013904223
		b[i] = byte(x >> 24)
	}
	return string(b)
}

func TestPingPong(t *testing.T) {
	r := newReactor(t)
	pongs := make(chan string, 1)
	h := &funcs{pong: func(_ *Conn, p []byte) { pongs <- string(p) }}
	h.open = func(c *Conn) {
		if s := c.Ping(make([]byte, 126)); s != Dropped {
			t.Error("a ping of 126 bytes:", s)
		}
		c.Ping([]byte("are you there"))
	}
	addr := serve(t, r, Options{}, accepting(h))
	dial(t, r, addr, DialOptions{}, new(funcs))
	if p := wait(t, pongs); p != "are you there" {
		t.Errorf("%q", p)
	}
}

// While a pong waits behind data that a peer does not read, further pings are not answered one by
// one. The newest one is answered in the end.
func TestOnePongQueued(t *testing.T) {
	r := newReactorWith(t, reactor.Options{MaxOutboxBytes: 64 << 20, MaxOutboxAge: hang})
	synced := make(chan struct{})
	h := &funcs{message: func(_ *Conn, _ frame.Opcode, p []byte) { close(synced) }}
	h.open = func(c *Conn) {
		if s := c.Send(frame.Binary, make([]byte, 32<<20)); s == Dropped {
			t.Error("dropped")
		}
	}
	p := connect(t, serve(t, r, Options{MaxControlRate: 1000}, accepting(h)), "")
	for i := range 100 {
		p.send(frame.Ping, fmt.Sprint(i))
		// spreads them over several reads; one read gives the same result
		time.Sleep(100 * time.Microsecond)
	}
	p.send(frame.Text, "sync")
	wait(t, synced)
	if b0, b := p.read(t); b0 != 0x82 || len(b) != 32<<20 {
		t.Fatalf("frame %#x of %d bytes", b0, len(b))
	}
	for pongs := 1; ; pongs++ {
		b0, b := p.read(t)
		if b0 != 0x8a || pongs > 2+maxPongsPerRead {
			t.Fatalf("frame %#x, %d pongs", b0, pongs)
		}
		if string(b) == "99" {
			return
		}
	}
}

func TestTimer(t *testing.T) {
	r := newReactor(t)
	fired := make(chan int, 3)
	n := 0
	h := &funcs{open: func(c *Conn) { c.SetTimer(time.Millisecond) }}
	h.timer = func(c *Conn) {
		n++
		fired <- n
		if n < 3 {
			c.SetTimer(time.Millisecond)
		}
	}
	connect(t, serve(t, r, Options{HandshakeTimeout: hang}, accepting(h)), "")
	for i := 1; i <= 3; i++ {
		if got := wait(t, fired); got != i {
			t.Error(got)
		}
	}
}

// Control frames at a tolerable rate never close a connection, however many there are.
func TestControlRate(t *testing.T) {
	c := &Conn{ep: newEndpoint(Options{MaxControlRate: 10}, false, nil)}
	flooded := 0
	for i := range 100 {
		if c.controlFlood() {
			flooded = i
			break
		}
	}
	if flooded != 10 {
		t.Errorf("flood found at frame %d, want 10", flooded)
	}
	c = &Conn{ep: c.ep}
	for range 100 {
		c.controlSince -= 1000 // a second passes
		if c.controlFlood() {
			t.Fatal("one frame per second is no flood")
		}
	}
}

func TestEchoAllocs(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	r := newReactor(t)
	addr := serve(t, r, Options{}, Echo)
	for _, n := range []int{0, 20, 512, 16 << 10} {
		p := connect(t, addr, "")
		wire := masked(frame.Binary, string(make([]byte, n)))
		back := make([]byte, len(frame.AppendFrame(nil, frame.Binary, make([]byte, n))))
		p.SetDeadline(time.Time{})
		allocs := testing.AllocsPerRun(500, func() {
			p.Write(wire)
			io.ReadFull(p.br, back)
		})
		if allocs > 0 {
			t.Errorf("%v allocations per echo of %d bytes", allocs, n)
		}
	}
}

func TestClientAllocs(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	r := newReactor(t)
	addr := serve(t, r, Options{}, Echo)
	conns, back := make(chan *Conn, 1), make(chan struct{}, 1)
	h := &funcs{open: func(c *Conn) { conns <- c }, message: func(*Conn, frame.Opcode, []byte) {
		back <- struct{}{}
	}}
	dial(t, r, addr, DialOptions{}, h)
	c := wait(t, conns)
	payload := make([]byte, 300)
	allocs := testing.AllocsPerRun(500, func() {
		c.Send(frame.Binary, payload)
		<-back
	})
	if allocs > 0 {
		t.Errorf("%v allocations per message of a client", allocs)
	}
}

func BenchmarkEcho(b *testing.B) {
	r := newReactor(b)
	p := connect(b, serve(b, r, Options{}, Echo), "")
	p.SetDeadline(time.Time{})
	const burst = 16
	var wire, back []byte
	for range burst {
		wire = append(wire, masked(frame.Binary, "twenty bytes exactly")...)
		back = append(back, frame.AppendFrame(nil, frame.Binary, make([]byte, 20))...)
	}
	b.ReportAllocs()
	for i := 0; i < b.N; i += burst {
		p.Write(wire)
		if _, err := io.ReadFull(p.br, back); err != nil {
			b.Fatal(err)
		}
	}
}

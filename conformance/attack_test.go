package conformance

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	mrand "math/rand/v2"
	"net"
	"runtime"
	"testing"
	"time"
)

// rounds returns n, or a tenth of it in short mode.
func rounds(n int) int {
	if testing.Short() {
		return n / 10
	}
	return n
}

// drain reads until the server has closed. It fails if the server hangs.
func drain(t *testing.T, nc net.Conn) {
	t.Helper()
	if _, err := io.Copy(io.Discard, nc); err != nil && !ended(err) {
		t.Error("the server did not close:", err)
	}
}

// Lengths that overflow something, without the payload that they announce.
func TestLyingLengths(t *testing.T) {
	check := unharmed(t)
	for _, n := range []uint64{math.MaxUint64, math.MaxUint64 - 3, math.MaxUint64 - 13, 1 << 63,
		1<<63 + 5,
		math.MaxInt64, math.MaxInt64 - 13, 1 << 62, 1 << 33, 1<<32 + 1, 1 << 32, 1<<32 - 1, 1 << 31,
		1<<31 - 1} {
		want := []int{1009}
		if n > math.MaxInt64 {
			want = []int{1002} // RFC 6455 section 5.2: the most significant bit must be 0
		}
		for _, prefix := range [][]byte{nil, fr(opBinary, []byte("first fragment"))} {
			b0 := byte(finBit | opBinary)
			if prefix != nil {
				b0 = finBit | opCont
			}
			wire := join(prefix, header(b0, true, 8, n, []byte("a few bytes")))
			for _, p := range []pieces{whole, bytewise} {
				c := upgrade(t, "")
				c.write(wire, p, nil)
				if err := c.expectClose(want...); err != nil {
					t.Errorf("length %d %v: %v", n, p, err)
				}
				c.close()
			}
		}
		check()
	}
}

// A header that announces much must not make the server allocate it.
func TestAnnouncedLengthCostsNothing(t *testing.T) {
	inside(t)
	check := unharmed(t)
	const n = 200
	conns := make([]*client, n)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range conns {
		conns[i] = upgrade(t, "")
		defer conns[i].close()
		conns[i].write(header(finBit|opBinary, true, -1, maxMessage, []byte("x")), whole, nil)
	}
	check() // its loop has read the earlier announcements by now
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > n*64<<10 {
		t.Errorf("%d bytes for %d announcements of %d", grown, n, maxMessage)
	}
}

// Random bytes in place of a head, of frames, or of the contents of frames.
func TestRandomBytes(t *testing.T) {
	check := unharmed(t)
	rng := mrand.New(mrand.NewPCG(2026, 11))
	noise := func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
		return b
	}
	layers := []struct {
		name string
		send func(t *testing.T) *client
	}{
		{"head", func(t *testing.T) *client {
			c := &client{nc: dialTCP(t)}
			c.write(noise(1+rng.IntN(600)), random, rng)
			return c
		}},
		{"mutated head", func(t *testing.T) *client {
			c := &client{nc: dialTCP(t)}
			b := []byte(request(newKey(), ""))
			for range 1 + rng.IntN(4) {
				b[rng.IntN(len(b))] = byte(rng.Uint32())
			}
			c.write(b, random, rng)
			return c
		}},
		{"frames", func(t *testing.T) *client {
			c := upgrade(t, "")
			c.write(noise(1+rng.IntN(2000)), random, rng)
			return c
		}},
		{"frames with deflate", func(t *testing.T) *client {
			c := upgrade(t, deflateOffer)
			c.write(noise(1+rng.IntN(2000)), random, rng)
			return c
		}},
		{"text", func(t *testing.T) *client {
			c := upgrade(t, "")
			c.write(join(text(string(noise(1+rng.IntN(200)))), closeFrame(1000)), random, rng)
			return c
		}},
		{"deflated", func(t *testing.T) *client {
			c := upgrade(t, deflateOffer)
			c.write(join(fr(finBit|rsv1|opBinary, noise(1+rng.IntN(200))), closeFrame(1000)),
				random, rng)
			return c
		}},
		{"mutated frames", func(t *testing.T) *client {
			c := upgrade(t, deflateOffer)
			b := session()
			for range 1 + rng.IntN(4) {
				b[rng.IntN(len(b))] ^= 1 << rng.IntN(8)
			}
			c.write(b, random, rng)
			return c
		}},
	}
	for _, l := range layers {
		t.Run(l.name, func(t *testing.T) {
			for range rounds(150) {
				c := l.send(t)
				// Send FIN in place of what may be missing. The server must then close.
				c.nc.(*net.TCPConn).CloseWrite()
				drain(t, c.nc)
				c.close()
			}
			check()
		})
	}
}

// session returns a bit of everything that a good client sends after its handshake.
func session() []byte {
	return join(text("one"), fr(opText, []byte("frag")), ping("ping"),
		fr(finBit|opCont, []byte("ment")),
		deflated(opText, pattern(300), 6), binaryFrame(pattern(200)), pong("x"),
		closeRaw(closeBody(1000, "bye")))
}

// A session that breaks off at any byte, by FIN or by RST, leaves nothing behind.
func TestCutAtEveryByte(t *testing.T) {
	check := unharmed(t)
	wire := join([]byte(request(newKey(), "Sec-WebSocket-Extensions: "+deflateOffer+"\r\n")),
		session())
	step := 1
	if testing.Short() {
		step = 7
	}
	for _, reset := range []bool{true, false} {
		for cut := 0; cut <= len(wire); cut += step {
			nc := dialTCP(t)
			nc.Write(wire[:cut])
			if reset {
				nc.(*net.TCPConn).SetLinger(0)
			} else {
				nc.(*net.TCPConn).CloseWrite()
				drain(t, nc)
			}
			nc.Close()
			if cut%50 == 0 {
				check()
			}
		}
	}
	check()
}

// The peer sends RST while the server has much to send.
func TestResetWhileSending(t *testing.T) {
	check := unharmed(t)
	for i := range rounds(50) {
		c := upgrade(t, "")
		p := pattern(1 << 20)
		c.write(join(binaryFrame(p), binaryFrame(p)), whole, nil)
		if i%2 == 0 {
			c.nc.Read(make([]byte, 1+i*100))
		}
		c.nc.(*net.TCPConn).SetLinger(0)
		c.close()
	}
	check()
}

// A flood of control frames is closed with 1008, and pongs do not pile up.
func TestControlFlood(t *testing.T) {
	inside(t)
	check := unharmed(t)
	for _, frame := range [][]byte{ping(""), ping(string(pattern(125))), pong("x")} {
		c := upgrade(t, "")
		flood := make([]byte, 0, len(frame)*2000)
		for range 2000 {
			flood = append(flood, frame...)
		}
		c.write(flood, whole, nil)
		pongs := 0
		for {
			g, err := c.next()
			if err != nil {
				t.Fatal("no close frame:", err)
			}
			if g.op() == opPong {
				pongs++
				continue
			}
			if g.op() != opClose || binary.BigEndian.Uint16(g.payload) != 1008 {
				t.Fatal(g)
			}
			break
		}
		if pongs > 201 {
			t.Errorf("%d pongs", pongs)
		}
		c.close()
		check()
	}
}

// A peer that sends and never reads costs only its outbox, and stops nobody.
func TestPeerThatNeverReads(t *testing.T) {
	inside(t)
	check := unharmed(t)
	c := upgrade(t, "")
	defer c.close()
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		for range 300 {
			c.nc.SetWriteDeadline(time.Now().Add(hang))
			if _, err := c.nc.Write(binaryFrame(pattern(1 << 20))); err != nil {
				return // the server has closed a slow consumer
			}
		}
		t.Error("300 MiB were taken from a peer that reads nothing")
	}()
	for open := true; open; {
		check()
		select {
		case <-sent:
			open = false
		default:
		}
	}
}

// An endless series of empty fragments is cut off.
func TestEndlessFragments(t *testing.T) {
	inside(t)
	check := unharmed(t)
	for _, body := range [][]byte{nil, {'x'}} {
		c := upgrade(t, "")
		frame := fr(opCont, body)
		chunk := make([]byte, 0, len(frame)*10_000)
		for range 10_000 {
			chunk = append(chunk, frame...)
		}
		c.write(fr(opBinary, nil), whole, nil)
		stop := make(chan struct{})
		go func() {
			defer close(stop)
			for range 100 {
				if _, err := c.nc.Write(chunk); err != nil {
					return
				}
			}
		}()
		if err := c.expectClose(1008, 1009, 1002); err != nil {
			t.Error(err)
		}
		<-stop
		c.close()
		check()
	}
}

// Connections come and go in every way at once.
func TestChurn(t *testing.T) {
	check := unharmed(t)
	const workers = 16
	errs := make(chan error, workers)
	for w := range workers {
		go func() {
			rng := mrand.New(mrand.NewPCG(uint64(w), 3))
			for i := range rounds(60) {
				nc, err := net.DialTimeout("tcp", target.addr, hang)
				if err != nil {
					errs <- err
					return
				}
				nc.SetDeadline(time.Now().Add(hang))
				key := newKey()
				io.WriteString(nc, request(key, ""))
				if rng.IntN(4) > 0 {
					c, err := readUpgrade(nc, key)
					if err == nil {
						err = c.echo(fmt.Sprint(w, " ", i))
					}
					if err != nil {
						nc.Close()
						errs <- err
						return
					}
					if rng.IntN(2) == 0 {
						c.write(closeFrame(1001), whole, nil)
					}
				}
				if rng.IntN(2) == 0 {
					nc.(*net.TCPConn).SetLinger(0)
				}
				nc.Close()
			}
			errs <- nil
		}()
	}
	for range workers {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	check()
}

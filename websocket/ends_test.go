package websocket

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime/debug"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/reactor"
)

// MaxMessage and MaxEarlyMessage hold, each where it should, for any mix of options.
func TestWhichLimitApplies(t *testing.T) {
	for _, protocol := range []bool{false, true} {
		for _, early := range []int64{0, 100, 5000} {
			for _, established := range []bool{false, true} {
				limit := 1000
				if protocol && early == 100 && !established {
					limit = 100 // 5000 is more than MaxMessage
				}
				chosen, header := "", ""
				if protocol {
					chosen, header = "p", "Sec-WebSocket-Protocol: p\r\n"
				}
				h, sizes := new(funcs), make(chan int, 10)
				told := h.record()
				h.open = func(c *Conn) {
					if established {
						c.Established()
					}
				}
				h.message = func(_ *Conn, _ frame.Opcode, p []byte) { sizes <- len(p) }
				addr := serve(t, newReactor(t), Options{MaxMessage: 1000, MaxEarlyMessage: early},
					func(*frame.Request, *Conn) (Handler, string, error) { return h, chosen, nil })
				p := connect(t, addr, header)
				p.send(frame.Binary, string(make([]byte, limit)))
				if n := wait(t, sizes); n != limit {
					t.Errorf("%d bytes", n)
				}
				p.send(frame.Binary, string(make([]byte, limit+1)))
				p.wantClose(t, frame.CloseTooBig)
				wait(t, told)
				if n := len(sizes); n != 0 {
					t.Errorf("subprotocol %v, early %d, established %v: more than %d bytes came",
						protocol, early, established, limit)
				}
			}
		}
	}
}

// Established takes effect within one read.
func TestEstablishedWithinARead(t *testing.T) {
	h, sizes := new(funcs), make(chan int, 10)
	h.message = func(c *Conn, _ frame.Opcode, p []byte) {
		c.Established()
		sizes <- len(p)
	}
	addr := serve(t, newReactor(t), Options{MaxMessage: 1000, MaxEarlyMessage: 100},
		func(*frame.Request, *Conn) (Handler, string, error) { return h, "p", nil })
	p := connect(t, addr, "Sec-WebSocket-Protocol: p\r\n")
	p.Write(append(masked(frame.Binary, string(make([]byte, 90))),
		masked(frame.Binary, string(make([]byte, 900)))...))
	for _, want := range []int{90, 900} {
		if n := wait(t, sizes); n != want {
			t.Errorf("%d bytes, want %d", n, want)
		}
	}
}

// Dial on a reactor that is closed returns an error and calls no method of the handler.
func TestDialOnAClosedReactor(t *testing.T) {
	r := newReactor(t)
	addr := serve(t, r, Options{}, Echo)
	r.Close()
	h := new(funcs)
	told := h.record()
	h.open = func(*Conn) { t.Error("OnOpen ran") }
	for _, target := range []string{addr, "localhost:1"} {
		if err := Dial(t.Context(), r, target, DialOptions{}, h); !errors.Is(err,
			reactor.ErrClosed) {
			t.Errorf("Dial(%s): %v", target, err)
		}
	}
	if len(told) != 0 {
		t.Error("OnClose ran")
	}
}

func descriptors(t *testing.T) int {
	t.Helper()
	d, err := os.ReadDir("/dev/fd")
	if err != nil {
		t.Skip(err)
	}
	return len(d)
}

// Whatever way a connection of net/http ends, with TLS or without, no descriptor is left.
func TestServeHTTPLeavesNoDescriptors(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // finalizers would close what was forgotten
	for _, secured := range []bool{false, true} {
		for name, end := range map[string]func(r *reactor.Reactor, c *Conn, p *peer){
			"the peer closes":    func(_ *reactor.Reactor, _ *Conn, p *peer) { p.Close() },
			"the server aborts":  func(_ *reactor.Reactor, c *Conn, _ *peer) { c.Abort(nil) },
			"the reactor closes": func(r *reactor.Reactor, _ *Conn, _ *peer) { r.Close() },
			"the server closes": func(_ *reactor.Reactor, c *Conn, p *peer) {
				c.Close(frame.CloseNormal, "")
				p.send(frame.Close, "\x03\xe8")
				io.Copy(io.Discard, p)
			},
		} {
			least := descriptors(t)
			r, err := reactor.New(reactor.Options{Loops: 1})
			if err != nil {
				t.Fatal(err)
			}
			conns := make(chan *Conn, 1)
			s := NewServer(r, Options{}, accepting(&funcs{open: func(c *Conn) { conns <- c }}))
			hs := httptest.NewUnstartedServer(s)
			if secured {
				hs.TLS = serverTLS(t)
				hs.StartTLS()
			} else {
				hs.Start()
			}
			addr := hs.Listener.Addr().String()
			before := descriptors(t)
			for range 3 {
				var nc net.Conn = tcp(t, addr)
				if secured {
					nc = secure(nc, 0)
				}
				p, status := upgradeOver(t, nc, addr, "")
				if status != http.StatusSwitchingProtocols {
					t.Fatal(status)
				}
				c := wait(t, conns)
				end(r, c, p)
				p.Close()
				if name == "the reactor closes" {
					// what comes now cannot be adopted
					nc := tcp(t, addr)
					if secured {
						nc = secure(nc, 0)
					}
					nc.Write(upgradeRequest(addr, ""))
					io.Copy(io.Discard, nc)
					nc.Close()
					break
				}
			}
			falls := func(to int) {
				for end := time.Now().Add(hang); descriptors(t) > to; time.Sleep(time.Millisecond) {
					if time.Now().After(end) {
						t.Errorf("%s, TLS %v: %d descriptors before, %d after", name, secured, to,
							descriptors(t))
						break
					}
				}
			}
			falls(before)
			hs.Close()
			r.Close()
			falls(least) // a closed reactor has given back its own, behind which others could hide
		}
	}
}

// A request head may come in any two parts, and byte by byte, with frames behind it.
func TestSplitHeads(t *testing.T) {
	addr := serve(t, newReactor(t), Options{}, Echo)
	wire := append(upgradeRequest(addr, ""), masked(frame.Text, "behind")...)
	try := func(parts ...[]byte) {
		t.Helper()
		nc := tcp(t, addr)
		defer nc.Close()
		for _, part := range parts {
			nc.Write(part)
			time.Sleep(100 * time.Microsecond) // so that most parts are reads of their own
		}
		got := make([]byte, 0, 1024)
		for !bytes.HasSuffix(got, frame.AppendFrame(nil, frame.Text, []byte("behind"))) {
			n, err := nc.Read(got[len(got):cap(got)])
			if err != nil {
				t.Fatalf("%q, %v", got, err)
			}
			got = got[:len(got)+n]
		}
		if !bytes.HasPrefix(got, []byte("HTTP/1.1 101 ")) {
			t.Errorf("%q", got)
		}
	}
	for cut := 1; cut < len(wire); cut++ {
		try(wire[:cut], wire[cut:])
	}
	var single [][]byte
	for i := range wire {
		single = append(single, wire[i:i+1])
	}
	try(single...)
}

// A ping, a pong and a close frame reach a peer that takes a message larger than MaxOutboxBytes,
// and so does what is small behind it. CloseTimeout begins anew while the peer takes something.
func TestLargeMessageDoesNotCutHeartbeats(t *testing.T) {
	clock := newHandClock()
	r := newReactorWith(t, reactor.Options{MaxOutboxBytes: 10_000, SendBuffer: 32 << 10,
		Clock: clock.now})
	h, conns := new(funcs), make(chan *Conn, 1)
	told := h.record()
	h.open = func(c *Conn) { conns <- c }
	const large = 2 << 20
	p := connect(t, serve(t, r, Options{CloseTimeout: 2 * time.Second}, accepting(h)), "")
	// Else the peer's kernel may take all of it at once, and then nothing moves any more.
	if err := p.Conn.(*net.TCPConn).SetReadBuffer(32 << 10); err != nil {
		t.Fatal(err)
	}
	c := wait(t, conns)
	if s := c.Send(frame.Binary, make([]byte, large)); s != Backpressured {
		t.Fatalf("status %v", s)
	}
	for range 9 {
		if s := c.Send(frame.Binary, make([]byte, 1000)); s == Dropped {
			t.Fatal("a small message was dropped")
		}
	}
	for range 20 {
		if s := c.Ping(make([]byte, 100)); s == Dropped {
			t.Fatal("a ping was dropped")
		}
	}
	c.Close(frame.CloseGoingAway, "bye")
	read, written := 0, r.Stats().BytesOut
	for head := 10; head > 0; head-- { // slowly: many times CloseTimeout
		part := make([]byte, large/12)
		n, err := io.ReadFull(p.br, part)
		if read += n; err != nil {
			t.Fatalf("after %d bytes: %v", read, err)
		}
		for end := time.Now().Add(hang); r.Stats().BytesOut == written; { // the loop may be late
			if time.Now().After(end) {
				t.Fatalf("nothing was written for %d bytes that were read", read)
			}
			time.Sleep(time.Millisecond)
		}
		written = r.Stats().BytesOut
		clock.pass(t, c, 2500*time.Millisecond) // a quarter of what an outbox may wait
	}
	if n, err := io.CopyN(io.Discard, p.br, int64(large+10-read)); err != nil {
		t.Fatal(n, err)
	}
	for i := range 29 {
		if b0, _ := p.read(t); i < 9 && b0 != 0x82 || i >= 9 && b0 != 0x89 {
			t.Errorf("frame %d is %#x", i, b0)
		}
	}
	p.wantClose(t, frame.CloseGoingAway)
	if c := wait(t, told); c.code != frame.CloseGoingAway {
		t.Errorf("told %+v", c)
	}
}

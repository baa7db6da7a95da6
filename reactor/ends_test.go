package reactor

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"
)

// What was gathered may be gone when the loop gets to it: aborted, cut by the limit, or broken by
// the peer. Nobody else notices.
func TestGatheredBytesOfConnectionsThatEnd(t *testing.T) {
	r := start(t, Options{Loops: 1, MaxOutboxBytes: 1000})
	opened, ends := make(chan *Conn, 1), make(chan error, 1)
	ln := listen(t, r, &hooks{open: func(c *Conn) { opened <- c },
		close: func(_ *Conn, err error) { ends <- err }})
	cause := errors.New("enough")
	for name, end := range map[string]func(c *Conn, peer *net.TCPConn){
		"aborted": func(c *Conn, _ *net.TCPConn) { c.Abort(cause) },
		"closed":  func(c *Conn, peer *net.TCPConn) { c.Close(cause); peer.CloseWrite() },
		"over a limit": func(c *Conn, _ *net.TCPConn) { // two writes, unless the holder was here
			for c.Write(noise(900)) != Dropped {
			}
		},
		"flushed": func(c *Conn, _ *net.TCPConn) { c.Abort(cause); c.Flush() },
		"reset": func(c *Conn, peer *net.TCPConn) {
			_ = peer.SetLinger(0)
			peer.Close()
		},
	} {
		for range 20 {
			peer := dialNet(t, ln)
			c := await(t, opened, "OnOpen")
			onLoop(t, r, func() { // so that all of it is in one turn of the loop
				c.Gather()
				c.Write([]byte("gathered"))
				c.Write([]byte("more"))
				end(c, peer)
			})
			if err := await(t, ends, "OnClose: "+name); err == nil {
				t.Errorf("%s: OnClose got nil", name)
			}
			peer.Close()
		}
	}
	if n := r.Stats().OutboxBytes; n != 0 {
		t.Errorf("%d bytes are left", n)
	}
}

// The list of connections agrees with a slice under random opening and closing.
func TestConnectionListAgreesWithModel(t *testing.T) {
	for seed := range uint64(50) {
		rng := rand.New(rand.NewPCG(seed, 2))
		l := new(loop)
		var model []*Conn // newest first
		for range 200 {
			if len(model) == 0 || rng.IntN(2) == 0 {
				c := new(Conn)
				l.link(c)
				model = slices.Insert(model, 0, c)
			} else {
				i := rng.IntN(len(model))
				l.unlink(model[i])
				model = slices.Delete(model, i, i+1)
			}
			var forward []*Conn
			for c := l.conns; c != nil && len(forward) <= len(model); c = c.next {
				if c.next != nil && c.next.prev != c {
					t.Fatalf("seed %d: a back link is wrong", seed)
				}
				forward = append(forward, c)
			}
			if !slices.Equal(forward, model) {
				t.Fatalf("seed %d: %d connections in the list, want %d", seed, len(forward),
					len(model))
			}
		}
	}
}

// Close finds every connection, in whatever order others have ended before.
func TestCloseAfterOthersHaveEnded(t *testing.T) {
	for _, order := range [][]int{{3, 2}, {2, 3}, {1, 2}, {0, 1}, {0, 3}, {3, 0, 1}} {
		r := start(t, Options{Loops: 1})
		opened, ends := make(chan *Conn, 1), make(chan error, 4)
		ln := listen(t, r, &hooks{open: func(c *Conn) { opened <- c },
			close: func(_ *Conn, err error) { ends <- err }})
		var conns []*Conn
		for range 4 {
			dialNet(t, ln)
			conns = append(conns, await(t, opened, "OnOpen"))
		}
		for _, i := range order {
			conns[i].Abort(nil)
			await(t, ends, "OnClose")
		}
		done := make(chan struct{})
		go func() { r.Close(); close(done) }()
		await(t, done, "end of Close")
		if n := len(ends); n != 4-len(order) {
			t.Errorf("%v: OnClose ran for %d of the others", order, n)
		}
	}
}

// Reactor.Close lets what is queued leave, tells every Handler, and only then returns.
func TestReactorCloseFlushesAndWaits(t *testing.T) {
	for _, loops := range []int{1, 3} {
		clock := new(handClock) // so that the 5 s of a close never pass
		r := start(t, Options{Loops: loops, MaxOutboxBytes: 64 << 20, SendBuffer: 32 << 10,
			Clock: clock.now})
		const n = 3_000_000
		opened := make(chan *Conn, 1)
		var mu sync.Mutex
		var told []error
		h := &hooks{open: func(c *Conn) { opened <- c }}
		h.close = func(_ *Conn, err error) {
			time.Sleep(10 * time.Millisecond) // a Close that did not wait would be ahead
			mu.Lock()
			told = append(told, err)
			mu.Unlock()
		}
		ln := listen(t, r, h)
		msg := noise(n)
		var peers []*net.TCPConn
		for range 4 {
			peers = append(peers, dialNet(t, ln))
			if st := await(t, opened, "OnOpen").Write(msg); st != Backpressured {
				t.Fatalf("status %v", st)
			}
		}
		done := make(chan struct{})
		go func() { r.Close(); close(done) }()
		for _, peer := range peers {
			got, err := io.ReadAll(peer)
			if err != nil || !bytes.Equal(got, msg) {
				t.Errorf("%d of %d bytes, %v", len(got), n, err)
			}
			peer.Close()
		}
		await(t, done, "end of Close")
		mu.Lock()
		if len(told) != len(peers) {
			t.Errorf("Close returned after %d of %d OnClose", len(told), len(peers))
		}
		for _, err := range told {
			if err != ErrClosed {
				t.Errorf("OnClose got %v", err)
			}
		}
		mu.Unlock()
		if s := r.Stats(); s.Open != 0 {
			t.Errorf("stats: %+v", s)
		}
	}
}

// dialingConn dials an address that does not answer and returns once the connect is under way.
func dialingConn(t *testing.T, ctx context.Context) (*Reactor, chan error) {
	t.Helper()
	r := start(t, Options{Loops: 1})
	full := fullBacklog(t)
	ends := make(chan error, 2)
	h := &hooks{open: func(*Conn) { t.Error("OnOpen") },
		close: func(_ *Conn, err error) { ends <- err }}
	if err := r.Dial(ctx, "tcp", full, nil, h); err != nil {
		t.Fatal(err)
	}
	dialing := false
	onLoop(t, r, func() { dialing = r.loops[0].conns != nil })
	if !dialing || len(ends) != 0 {
		t.Fatal("the dial is not under way")
	}
	return r, ends
}

// A dial that is under way ends when its context does, or its Reactor.
func TestDialUnderWayIsCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	r, ends := dialingConn(t, ctx)
	cancel()
	if err := await(t, ends, "OnClose"); !errors.Is(err, context.Canceled) {
		t.Errorf("OnClose got %v", err)
	}
	onLoop(t, r, func() {
		if r.loops[0].conns != nil {
			t.Error("the connection is still there")
		}
	})
	r, ends = dialingConn(t, t.Context())
	done := make(chan struct{})
	go func() { r.Close(); close(done) }()
	await(t, done, "end of Close")
	if err := await(t, ends, "OnClose"); !errors.Is(err, ErrClosed) {
		t.Errorf("OnClose got %v", err)
	}
}

// An address that cannot be tried at all gives way to the next one, and the last error is told.
func TestDialTriesTheNextAddress(t *testing.T) {
	r := start(t, Options{Loops: 1})
	ln := listen(t, r, echo)
	good := ln.Addr().(*net.TCPAddr)
	dead, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	refused := dead.Addr().(*net.TCPAddr)
	dead.Close()
	unreachable := &net.TCPAddr{IP: net.IPv4bcast, Port: good.Port} // connect fails at once
	other := &net.TCPAddr{IP: net.IPv6loopback, Port: good.Port}
	try := func(network string, rest ...*net.TCPAddr) (opened bool, err error) {
		t.Helper()
		before := descriptors(t)
		type outcome struct {
			opened bool
			err    error
		}
		out := make(chan outcome, 1)
		h := &hooks{open: func(c *Conn) { opened = true; c.Abort(nil) },
			close: func(_ *Conn, err error) { out <- outcome{opened, err} }}
		d := &dialing{Handler: h, r: r, ctx: t.Context(), network: network, rest: rest}
		if !r.join() {
			t.Fatal("closed")
		}
		d.next(nil)
		o := await(t, out, "OnClose")
		eventually(t, "the descriptors are closed", func() bool { return descriptors(t) <= before })
		return o.opened, o.err
	}
	for _, rest := range [][]*net.TCPAddr{{good}, {unreachable, good}, {refused, good},
		{refused, unreachable, refused, good}, {unreachable, unreachable, good}} {
		if opened, err := try("tcp", rest...); !opened || err != nil {
			t.Errorf("%v: opened %v, %v", rest, opened, err)
		}
	}
	if opened, _ := try("tcp4", other, good); !opened {
		t.Error("tcp4 did not skip an address of IPv6")
	}
	for _, x := range []struct {
		network string
		rest    []*net.TCPAddr
		want    error
	}{
		{"tcp", []*net.TCPAddr{unreachable}, nil},
		{"tcp", []*net.TCPAddr{unreachable, refused}, syscall.ECONNREFUSED},
		{"tcp6", []*net.TCPAddr{good}, nil},
		{"tcp4", []*net.TCPAddr{other}, nil},
	} {
		opened, err := try(x.network, x.rest...)
		var op *net.OpError
		if opened || !errors.As(err, &op) || x.want != nil && !errors.Is(err, x.want) {
			t.Errorf("%s %v: opened %v, %v", x.network, x.rest, opened, err)
		}
	}
}

// A connection whose write fails is told so, unless there was another cause before.
func TestCauseOfABrokenConnection(t *testing.T) {
	for _, first := range []bool{false, true} {
		r := start(t, Options{Loops: 1})
		opened, ends := make(chan *Conn, 1), make(chan error, 1)
		ln := listen(t, r, &hooks{open: func(c *Conn) { opened <- c },
			close: func(_ *Conn, err error) { ends <- err }})
		peer := dialNet(t, ln)
		c := await(t, opened, "OnOpen")
		cause := errors.New("kicked")
		onLoop(t, r, func() {
			if first {
				c.Close(cause)
			}
			c.mu.Lock()
			c.breakDown(syscall.EPIPE)
			c.mu.Unlock()
			if st := c.Write([]byte("x")); st != Dropped {
				t.Errorf("a write to a broken connection: %v", st)
			}
		})
		peer.Close()
		err := await(t, ends, "OnClose")
		if first && err != cause || !first && !errors.Is(err, syscall.EPIPE) {
			t.Errorf("closed before %v: OnClose got %v", first, err)
		}
	}
}

// Every handshake that waits for a slot gets one in the end, first come first served.
func TestTLSWaitingHandshakesAllContinue(t *testing.T) {
	const clients = 12
	gate := make(chan struct{})
	cfg := serverConfig(t)
	cert := cfg.Certificates[0]
	cfg.Certificates = nil
	running := make(chan struct{}, clients)
	cfg.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		running <- struct{}{}
		<-gate
		return &cert, nil
	}
	clock := new(handClock) // nobody's time is ever over
	r := start(t, Options{Loops: 2, Clock: clock.now})
	ln := listenTLS(t, r,
		TLSOptions{Config: cfg, HandshakeTimeout: time.Hour, MaxHandshakes: 1}, echo)
	var wg sync.WaitGroup
	for range clients {
		nc := dialNet(t, ln)
		wg.Go(func() {
			tc := tls.Client(nc, insecure(0))
			if err := tc.Handshake(); err != nil {
				t.Error(err)
				return
			}
			tc.Write([]byte("hello"))
			if _, err := io.ReadFull(tc, make([]byte, 5)); err != nil {
				t.Error(err)
			}
		})
	}
	await(t, running, "first handshake")
	eventually(t, "all clients have sent their hello", func() bool {
		return r.Stats().Reads >= clients
	})
	if n := len(running); n != 0 {
		t.Errorf("%d handshakes run besides the one that may", n)
	}
	// Who floods while it waits is closed, and takes nobody's place.
	nc := dialNet(t, ln)
	nc.Write(clientHello(t))
	go nc.Write(make([]byte, maxHandshake))
	if _, err := io.Copy(io.Discard, nc); isTimeout(err) {
		t.Error("a flood during the wait is taken in")
	}
	close(gate)
	wg.Wait()
}

// The queue of handshakes agrees with a slice under random use.
func TestHandshakeQueueAgreesWithModel(t *testing.T) {
	for seed := range uint64(50) {
		rng := rand.New(rand.NewPCG(seed, 3))
		var q queue
		var model []*handshake // oldest first
		for range 200 {
			if len(model) == 0 || rng.IntN(2) == 0 {
				hs := new(handshake)
				q.push(hs)
				model = append(model, hs)
			} else {
				i := rng.IntN(len(model))
				q.remove(model[i])
				model = slices.Delete(model, i, i+1)
			}
			var forward, backward []*handshake
			for hs := q.first; hs != nil && len(forward) <= len(model); hs = hs.next {
				forward = append(forward, hs)
			}
			for hs := q.last; hs != nil && len(backward) <= len(model); hs = hs.prev {
				backward = append(backward, hs)
			}
			slices.Reverse(backward)
			if !slices.Equal(forward, model) || !slices.Equal(backward, model) {
				t.Fatalf("seed %d: %d forward, %d backward, want %d", seed, len(forward),
					len(backward), len(model))
			}
		}
	}
}

// Who does not speak TLS is closed at once and not only when its time is over.
func TestWhoSpeaksNoTLSIsClosedAtOnce(t *testing.T) {
	r := start(t, Options{Loops: 1})
	ln := listenTLS(t, r, TLSOptions{HandshakeTimeout: time.Hour}, &hooks{
		open: func(*Conn) { t.Error("OnOpen ran") },
	})
	flood := append([]byte{22, 3, 1, 0x40, 0}, make([]byte, 16<<10)...)
	for name, send := range map[string][]byte{
		"HTTP":                               []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
		"one byte":                           {'G'},
		"a huge record":                      {22, 3, 1, 255, 255},
		"a record header":                    {23, 3, 1, 0, 5},
		"an empty record, then another type": {22, 3, 1, 0, 0, 21, 3, 1, 0, 2, 1, 0},
		"too much of a handshake":            bytes.Repeat(flood, 1+maxHandshake/len(flood)),
	} {
		nc := dialNet(t, ln)
		nc.Write(send)
		if _, err := io.Copy(io.Discard, nc); isTimeout(err) {
			t.Errorf("%s: held for %v", name, patience)
		}
		nc.Close()
	}
	eventually(t, "the connections end", func() bool { return r.Stats().Open == 0 })
}

func isTimeout(err error) bool {
	var ne net.Error
	return errors.As(err, &ne) && ne.Timeout()
}

// A reactor that cannot open all its loops leaves no descriptor behind.
func TestNewWithoutDescriptors(t *testing.T) {
	var was syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &was); err != nil {
		t.Fatal(err)
	}
	start(t, Options{Loops: 1}).Close() // whatever the runtime opens once
	before := descriptors(t)
	failed := 0
	for room := range 20 {
		limit := was
		limit.Cur = uint64(before + room)
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
			t.Skip(err)
		}
		r, err := New(Options{Loops: 3})
		if e := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &was); e != nil {
			t.Fatal(e)
		}
		if err == nil {
			r.Close()
		} else {
			failed++
		}
		eventually(t, "the descriptors are closed", func() bool { return descriptors(t) <= before })
	}
	if failed == 0 {
		t.Error("New never failed")
	}
}

package reactor

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket/internal/selfsigned"
)

func serverConfig(t testing.TB) *tls.Config {
	t.Helper()
	cert, err := selfsigned.New(1)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{cert}}
}

func listenTLS(t testing.TB, r *Reactor, o TLSOptions, h Handler) *Listener {
	t.Helper()
	if o.Config == nil {
		o.Config = serverConfig(t)
	}
	ln, err := r.ListenTLS("tcp", "127.0.0.1:0", o, func(*Conn) Handler { return h })
	if err != nil {
		t.Fatal(err)
	}
	return ln
}

// insecure trusts every server.
func insecure(version uint16) *tls.Config {
	return &tls.Config{InsecureSkipVerify: true, MinVersion: version, MaxVersion: version}
}

func dialTLS(t testing.TB, ln *Listener, cfg *tls.Config) *tls.Conn {
	t.Helper()
	tc := tls.Client(dialNet(t, ln), cfg)
	if err := tc.Handshake(); err != nil {
		t.Fatal(err)
	}
	return tc
}

// versions runs a test with TLS 1.2 and 1.3.
func versions(t *testing.T, f func(t *testing.T, version uint16)) {
	for _, v := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(v), func(t *testing.T) { f(t, v) })
	}
}

func mustEcho(t testing.TB, rw io.ReadWriter, msg []byte) {
	t.Helper()
	sent := make(chan error, 1)
	go func() {
		_, err := rw.Write(msg)
		sent <- err
	}()
	got := make([]byte, len(msg))
	if n, err := io.ReadFull(rw, got); err != nil || !bytes.Equal(got, msg) {
		t.Fatalf("%d of %d bytes came back: %v, equal %v", n, len(msg), err, bytes.Equal(got, msg))
	}
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
}

func TestTLSEcho(t *testing.T) {
	versions(t, func(t *testing.T, version uint16) {
		r := start(t, Options{Loops: 2, MaxOutboxBytes: 16 << 20})
		ln := listenTLS(t, r, TLSOptions{}, echo)
		var wg sync.WaitGroup
		for i := range 20 {
			tc := dialTLS(t, ln, insecure(version))
			wg.Go(func() {
				for _, n := range []int{1, 100, 16 << 10, 16<<10 + 1, 100_000 + i, 4 << 20} {
					if n > 1<<20 && i > 2 {
						continue
					}
					mustEcho(t, tc, noise(n))
				}
			})
		}
		wg.Wait()
	})
}

// slicer writes one byte at a time.
type slicer struct{ net.Conn }

func (s slicer) Write(p []byte) (int, error) {
	for i := range p {
		if _, err := s.Conn.Write(p[i : i+1]); err != nil {
			return i, err
		}
	}
	return len(p), nil
}

func TestTLSInOneByteSegments(t *testing.T) {
	versions(t, func(t *testing.T, version uint16) {
		r := start(t, Options{Loops: 1})
		tc := tls.Client(slicer{dialNet(t, listenTLS(t, r, TLSOptions{}, echo))}, insecure(version))
		for n := 1; n < 2000; n *= 3 {
			mustEcho(t, tc, noise(n))
		}
	})
}

// The writes of a callback leave as one record, whoever makes them and however large the parts are.
func TestTLSCorksRecords(t *testing.T) {
	r := start(t, Options{Loops: 1})
	ln := listenTLS(t, r, TLSOptions{}, &hooks{data: func(c *Conn, p []byte) {
		for range 100 {
			c.Write2(p[:2], p[2:])
		}
	}})
	nc := &recordCounter{Conn: dialNet(t, ln)}
	tc := tls.Client(nc, insecure(tls.VersionTLS12)) // TLS 1.2, which sends no tickets
	if err := tc.Handshake(); err != nil {
		t.Fatal(err)
	}
	nc.records = 0
	tc.Write([]byte("hello"))
	got := make([]byte, 500)
	if _, err := io.ReadFull(tc, got); err != nil ||
		!bytes.Equal(got, bytes.Repeat([]byte("hello"), 100)) {
		t.Fatalf("%q, %v", got, err)
	}
	if nc.records != 1 {
		t.Errorf("100 writes of one callback came in %d records", nc.records)
	}
	r.Close() // a write is counted after the peer may have seen it
	// The handshake has two flights from the server (RFC 5246 section 7.3), and closing writes
	// once.
	if n := r.Stats().Writes; n > 4 {
		t.Errorf("and left by %d writes", n-3)
	}
}

// recordCounter counts the TLS records read from it.
type recordCounter struct {
	net.Conn
	records int
	last    [2]int // type and length
	head    []byte
	skip    int
}

func (rc *recordCounter) Read(p []byte) (int, error) {
	n, err := rc.Conn.Read(p)
	for _, b := range p[:n] {
		if rc.skip > 0 {
			rc.skip--
			continue
		}
		if rc.head = append(rc.head, b); len(rc.head) == recordHeader {
			rc.records++
			rc.skip = int(rc.head[3])<<8 | int(rc.head[4])
			rc.last = [2]int{int(rc.head[0]), rc.skip}
			rc.head = rc.head[:0]
		}
	}
	return n, err
}

// The records of each writer must arrive whole and in order, whichever way they were written, while
// the peer talks too.
func TestTLSKeepsOrderAcrossWriters(t *testing.T) {
	versions(t, func(t *testing.T, version uint16) {
		const writers, rounds = 6, 200
		r := start(t, Options{Loops: 1, MaxOutboxBytes: 1 << 30, MaxOutboxAge: time.Hour,
			SendBuffer: 256 << 10})
		opened := make(chan *Conn, 1)
		ln := listenTLS(t, r, TLSOptions{}, &hooks{
			open: func(c *Conn) { opened <- c },
			data: func(c *Conn, p []byte) { c.Write(bytes.Repeat([]byte{255}, 8)) },
		})
		tc := dialTLS(t, ln, insecure(version))
		c := await(t, opened, "OnOpen")
		var wg sync.WaitGroup
		total := 0
		for w := range writers {
			for i := range rounds {
				total += recordSize(w, i)
			}
			wg.Go(func() {
				for i := range rounds {
					rec := bytes.Repeat([]byte{byte(w)}, recordSize(w, i))
					rec[1], rec[2], rec[3], rec[4] = byte(i), byte(len(rec)), byte(len(rec)>>8),
						byte(len(rec)>>16)
					switch i % 4 {
					case 0:
						c.Write(rec)
					case 1:
						c.Write2(rec[:8], rec[8:])
					case 2:
						s := shared(rec)
						c.WriteShared(s)
						mustBeLast(t, s)
					case 3:
						done := make(chan struct{})
						c.Post(func() { c.Write(rec); close(done) })
						await(t, done, "the posted write")
					}
				}
			})
		}
		const asks = 50
		wg.Go(func() {
			for range asks {
				tc.Write([]byte{1})
			}
		})
		next := [writers]int{}
		for read, answers := 0, 0; read < total || answers == 0; {
			head := make([]byte, 8)
			if _, err := io.ReadFull(tc, head); err != nil {
				t.Fatal(err)
			}
			if head[0] == 255 {
				answers++
				continue
			}
			n := int(head[2]) | int(head[3])<<8 | int(head[4])<<16
			body := make([]byte, n-len(head))
			if _, err := io.ReadFull(tc, body); err != nil {
				t.Fatal(err)
			}
			w := int(head[0])
			if w >= writers || int(head[1]) != next[w] || n != recordSize(w, next[w]) ||
				bytes.Count(body, head[:1]) != len(body) {
				t.Fatalf("writer %d: %d came for %d, or broken", w, head[1], next[w])
			}
			next[w]++
			read += n
		}
		wg.Wait()
	})
}

// recordSize returns the size of a writer's i-th piece. Some exceed the cork and some exceed one
// TLS record.
func recordSize(w, i int) int {
	if i%41 == 7 {
		return 100_000 + w
	}
	return 16 + (i*131+w*977)%3000
}

func TestTLSCloseNotify(t *testing.T) {
	versions(t, func(t *testing.T, version uint16) {
		r := start(t, Options{Loops: 1})
		closed := make(chan error, 1)
		answer := noise(3 << 20)
		ln := listenTLS(t, r, TLSOptions{}, &hooks{
			data:  func(c *Conn, p []byte) { c.Write(answer); c.Close(nil); c.Write(p) },
			close: func(_ *Conn, err error) { closed <- err },
		})
		// At the end of a record crypto/tls does not tell EOF from close_notify, so the test looks
		// for the alert on the wire.
		nc := &recordCounter{Conn: dialNet(t, ln)}
		tc := tls.Client(nc, insecure(version))
		tc.Write([]byte("x"))
		got, err := io.ReadAll(tc)
		if err != nil || !bytes.Equal(got, answer) {
			t.Errorf("%d of %d bytes: %v", len(got), len(answer), err)
		}
		if want := [2]int{21, 2 + 8 + 16}; version == tls.VersionTLS12 && nc.last != want {
			t.Errorf("the last record's type and length are %v, want %v of an alert", nc.last, want)
		}
		if want := [2]int{23, 2 + 1 + 16}; version == tls.VersionTLS13 && nc.last != want {
			t.Errorf("the last record's type and length are %v, want %v of an alert", nc.last, want)
		}
		if _, err := nc.Conn.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("behind close_notify: %v", err)
		}
		if err := tc.Close(); err != nil {
			t.Errorf("closing the client: %v", err)
		}
		if err := await(t, closed, "OnClose"); err != nil {
			t.Errorf("OnClose got %v", err)
		}
	})
}

func TestTLSCloseByThePeer(t *testing.T) {
	r := start(t, Options{Loops: 1})
	opened := make(chan *Conn, 1)
	closed := make(chan error, 1)
	ln := listenTLS(t, r, TLSOptions{}, &hooks{
		open:  func(c *Conn) { opened <- c },
		close: func(_ *Conn, err error) { closed <- err },
	})
	for _, tc := range []struct {
		name string
		do   func(c *tls.Conn)
		want error
	}{
		{"close_notify", func(c *tls.Conn) { c.Close() }, io.EOF},
		{"close_notify alone", func(c *tls.Conn) {
			c.CloseWrite()
			io.ReadAll(c)
			c.NetConn().Close()
		}, io.EOF},
		{"FIN alone", func(c *tls.Conn) { c.NetConn().Close() }, io.EOF},
		{"RST", func(c *tls.Conn) { reset(c.NetConn()) }, syscall.ECONNRESET},
		{"half a record", func(c *tls.Conn) {
			c.NetConn().Write([]byte{23, 3, 3, 0, 40, 1})
			c.NetConn().Close()
		}, io.EOF},
	} {
		c := dialTLS(t, ln, insecure(0))
		await(t, opened, "OnOpen")
		tc.do(c)
		if err := await(t, closed, "OnClose: "+tc.name); !errors.Is(err, tc.want) {
			t.Errorf("%s: OnClose got %v, want %v", tc.name, err, tc.want)
		}
		c.NetConn().Close()
	}
	c := dialTLS(t, ln, insecure(0))
	await(t, opened, "OnOpen")
	c.NetConn().Write(append([]byte{23, 3, 3, 0, 40}, noise(40)...)) // does not authenticate
	if _, err := c.Read(make([]byte, 1)); err == nil ||
		!strings.Contains(err.Error(), "bad record MAC") {
		t.Errorf("a forged record was answered by %v", err)
	}
	c.NetConn().Close()
	var broken *TLSError
	if err := await(t, closed, "OnClose after a forged record"); !errors.As(err, &broken) {
		t.Errorf("OnClose got %v", err)
	}
}

func reset(nc net.Conn) {
	_ = nc.(*net.TCPConn).SetLinger(0)
	nc.Close()
}

// A peer that reads nothing is closed as a slow consumer. The others on its loop are served
// meanwhile.
func TestTLSSlowConsumer(t *testing.T) {
	r := start(t, Options{Loops: 1, MaxOutboxBytes: 1 << 20, SendBuffer: 64 << 10})
	closed := make(chan error, 1)
	opened := make(chan *Conn, 1)
	ln := listenTLS(t, r, TLSOptions{}, &hooks{
		open:  func(c *Conn) { opened <- c },
		close: func(_ *Conn, err error) { closed <- err },
	})
	healthy := dialTLS(t, listenTLS(t, r, TLSOptions{}, echo), insecure(0))
	dialTLS(t, ln, insecure(0))
	c := await(t, opened, "OnOpen")
	chunk := noise(100_000)
	pressured := false
	for i := 0; ; i++ {
		status := c.Write(chunk)
		pressured = pressured || status == Backpressured
		if status == Dropped {
			break
		}
		if i > 1000 {
			t.Fatal("100 MB were taken for a peer that reads nothing")
		}
		if c.Queued() > 2<<20 {
			t.Fatalf("%d bytes are queued", c.Queued())
		}
		mustEcho(t, healthy, chunk[:100])
	}
	if !pressured {
		t.Error("Backpressured was never answered")
	}
	if err := await(t, closed, "OnClose"); !errors.Is(err, ErrSlowConsumer) {
		t.Errorf("OnClose got %v", err)
	}
	mustEcho(t, healthy, chunk)
}

// OnWritable comes when a slow peer has caught up, and everything that was sent arrives.
func TestTLSWritableAgain(t *testing.T) {
	r := start(t, Options{Loops: 1, MaxOutboxBytes: 64 << 20, SendBuffer: 64 << 10})
	opened, writable := make(chan *Conn, 1), make(chan bool, 1)
	ln := listenTLS(t, r, TLSOptions{}, &hooks{open: func(c *Conn) {
		opened <- c
	}, writable: func(*Conn) { writable <- true }})
	tc := dialTLS(t, ln, insecure(0))
	c := await(t, opened, "OnOpen")
	msg := noise(4 << 20)
	sent := 0
	for c.Write(msg) != Backpressured {
		sent += len(msg)
	}
	sent += len(msg)
	for ; sent > 0; sent -= len(msg) {
		got := make([]byte, len(msg))
		if _, err := io.ReadFull(tc, got); err != nil || !bytes.Equal(got, msg) {
			t.Fatal("not what was sent", err)
		}
	}
	await(t, writable, "OnWritable")
}

// Connections that are cut at any byte, with FIN or RST, while both sides talk, leave nothing
// behind.
func TestTLSCutAnywhere(t *testing.T) {
	r := start(t, Options{Loops: 2})
	var opens, closes atomic.Int64
	greeting := noise(700)
	ln := listenTLS(t, r, TLSOptions{}, &hooks{
		open:  func(*Conn) { opens.Add(1) },
		data:  func(c *Conn, p []byte) { c.Write(p); go c.Write(greeting) },
		close: func(*Conn, error) { closes.Add(1) },
	})
	files := descriptors(t)
	rounds := 300
	if testing.Short() {
		rounds = 50
	}
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := range rounds / 4 {
				nc, err := net.Dial("tcp", ln.Addr().String())
				if err != nil {
					t.Error(err)
					return
				}
				_ = nc.SetDeadline(time.Now().Add(patience))
				cut := &cutter{Conn: nc, left: (w*997 + i*53) % 6000, hard: i%2 == 0}
				tc := tls.Client(cut, insecure([]uint16{tls.VersionTLS12, tls.VersionTLS13}[i/2%2]))
				go tc.Write(noise(5000))
				io.Copy(io.Discard, tc)
				tc.NetConn().Close()
			}
		})
	}
	wg.Wait()
	eventually(t, "all connections end", func() bool { return r.Stats().Open == 0 })
	if opens.Load() != closes.Load() || opens.Load() == 0 {
		t.Errorf("%d OnOpen, %d OnClose", opens.Load(), closes.Load())
	}
	eventually(t, "the descriptors are given back", func() bool { return descriptors(t) <= files })
	eventually(t, "the goroutines end", func() bool { return handshaking() == 0 })
	mustEcho(t, dialTLS(t, ln, insecure(0)), []byte("x")) // the listener still serves
}

// cutter ends its connection after the given number of bytes in either direction.
type cutter struct {
	net.Conn
	mu   sync.Mutex
	left int
	hard bool
}

func (c *cutter) count(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.left -= n; c.left <= 0 {
		if c.hard {
			_ = c.Conn.(*net.TCPConn).SetLinger(0)
		}
		c.Conn.Close()
	}
}

func (c *cutter) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.count(n)
	return n, err
}

func (c *cutter) Write(p []byte) (int, error) {
	c.mu.Lock()
	p = p[:max(min(len(p), c.left), 0)]
	c.mu.Unlock()
	n, err := c.Conn.Write(p)
	c.count(n)
	return n, err
}

// All of a write arrives, however it is divided into head and body, in a callback and outside.
func TestTLSWriteInTwoParts(t *testing.T) {
	r := start(t, Options{Loops: 1})
	opened := make(chan *Conn, 1)
	parts := [][2]string{{"", "a"}, {"b", ""}, {"cd", "ef"}, {"ghi", "j"}, {"k", "lmn"}, {"", ""}}
	write := func(c *Conn) {
		for _, p := range parts {
			if s := c.Write2([]byte(p[0]), []byte(p[1])); s != Sent {
				t.Errorf("%q: status %v", p, s)
			}
		}
	}
	tc := dialTLS(t, listenTLS(t, r, TLSOptions{}, &hooks{
		open: func(c *Conn) { opened <- c },
		data: func(c *Conn, _ []byte) { write(c) },
	}), insecure(0))
	got := make([]byte, 28)
	tc.Write([]byte("x"))
	if _, err := io.ReadFull(tc, got[:14]); err != nil {
		t.Fatal(err)
	}
	write(await(t, opened, "OnOpen"))
	if _, err := io.ReadFull(tc, got[14:]); err != nil ||
		string(got) != "abcdefghijklmnabcdefghijklmn" {
		t.Errorf("%q, %v", got, err)
	}
}

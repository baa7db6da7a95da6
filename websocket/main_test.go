package websocket

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/internal/leaktest"
	"github.com/smartsocket/smartsocket/reactor"
)

// hang bounds waits. It is reached only if something hangs.
const hang = 20 * time.Second

// TestMain checks that nothing of the package keeps running after the tests.
func TestMain(m *testing.M) { leaktest.Main(m) }

// funcs is a Handler made of the functions that a test needs.
type funcs struct {
	open    func(*Conn)
	message func(*Conn, frame.Opcode, []byte)
	pong    func(*Conn, []byte)
	timer   func(*Conn)
	closed  func(*Conn, frame.CloseCode, string, error)
}

func (f *funcs) OnOpen(c *Conn) {
	if f.open != nil {
		f.open(c)
	}
}

func (f *funcs) OnMessage(c *Conn, op frame.Opcode, p []byte) {
	if f.message != nil {
		f.message(c, op, p)
	}
}

func (f *funcs) OnPong(c *Conn, p []byte) {
	if f.pong != nil {
		f.pong(c, p)
	}
}

func (f *funcs) OnWritable(*Conn) {}

func (f *funcs) OnTimer(c *Conn) {
	if f.timer != nil {
		f.timer(c)
	}
}

func (f *funcs) OnClose(c *Conn, code frame.CloseCode, reason string, err error) {
	if f.closed != nil {
		f.closed(c, code, reason, err)
	}
}

// closing holds the arguments of OnClose.
type closing struct {
	code   frame.CloseCode
	reason string
	err    error
}

// record makes f send the arguments of OnClose to the channel. A second OnClose would show as a
// second value at the end of the test.
func (f *funcs) record() chan closing {
	ch := make(chan closing, 2)
	f.closed = func(_ *Conn, code frame.CloseCode, reason string, err error) {
		ch <- closing{code, reason, err}
	}
	return ch
}

func accepting(h Handler) Acceptor {
	return func(*frame.Request, *Conn) (Handler, string, error) { return h, "", nil }
}

func newReactor(t testing.TB) *reactor.Reactor {
	t.Helper()
	return newReactorWith(t, reactor.Options{})
}

func newReactorWith(t testing.TB, o reactor.Options) *reactor.Reactor {
	t.Helper()
	o.Loops, o.Tick = 2, 10*time.Millisecond
	r, err := reactor.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// serve starts a server and returns its address.
func serve(t testing.TB, r *reactor.Reactor, o Options, accept Acceptor) string {
	t.Helper()
	s := NewServer(r, o, accept)
	if err := s.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	return s.Addr().String()
}

func dial(t testing.TB, r *reactor.Reactor, addr string, o DialOptions, h Handler) {
	t.Helper()
	if err := Dial(context.Background(), r, addr, o, h); err != nil {
		t.Fatal(err)
	}
}

// wait receives from ch.
func wait[T any](t testing.TB, ch <-chan T) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(hang):
		t.Fatal("nothing came")
		panic("unreachable")
	}
}

// peer is a client that does only what the test tells it to.
type peer struct {
	net.Conn
	br *bufio.Reader
}

func tcp(t testing.TB, addr string) net.Conn {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	nc.SetDeadline(time.Now().Add(hang))
	t.Cleanup(func() { nc.Close() })
	return nc
}

func upgradeRequest(addr, header string) []byte {
	return frame.AppendRequest(nil, addr, "/", frame.NewKey(), "", "", "", header)
}

func connect(t testing.TB, addr, header string) *peer {
	t.Helper()
	p := &peer{Conn: tcp(t, addr)}
	p.Write(upgradeRequest(addr, header))
	p.br = bufio.NewReader(p)
	resp, err := http.ReadResponse(p.br, nil)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != 101 {
		t.Fatal(resp.Status)
	}
	return p
}

func (p *peer) send(op frame.Opcode, payload string) {
	p.Write(frame.AppendMaskedFrame(nil, op, false, []byte(payload), [4]byte{1, 2, 3, 4}))
}

// read returns the next frame.
func (p *peer) read(t testing.TB) (b0 byte, payload []byte) {
	t.Helper()
	b0, payload, err := p.tryRead()
	if err != nil {
		t.Fatal(err)
	}
	return b0, payload
}

func (p *peer) tryRead() (b0 byte, payload []byte, err error) {
	var h [2]byte
	if _, err := io.ReadFull(p.br, h[:]); err != nil {
		return 0, nil, err
	}
	n := int(h[1])
	if n >= 126 {
		long := make([]byte, 2+(n-126)*6)
		if _, err := io.ReadFull(p.br, long); err != nil {
			return 0, nil, err
		}
		n = 0
		for _, b := range long {
			n = n<<8 | int(b)
		}
	}
	payload = make([]byte, n)
	_, err = io.ReadFull(p.br, payload)
	return h[0], payload, err
}

// wantClose reads a close frame and then closes, like a peer that does not answer it.
func (p *peer) wantClose(t testing.TB, want frame.CloseCode) {
	t.Helper()
	b0, body := p.read(t)
	code, _, err := frame.ParseCloseBody(body)
	if b0 != 0x88 || err != nil || code != want {
		t.Fatalf("want close %d, got frame %#x %d %v", want, b0, code, err)
	}
	p.Close()
}

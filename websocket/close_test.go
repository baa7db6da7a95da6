package websocket

import (
	"errors"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket/frame"
)

// What was sent before Close arrives, what is sent after it is dropped, and both ends are told the
// same.
func TestCloseFlushes(t *testing.T) {
	r := newReactor(t)
	h := new(funcs)
	told := h.record()
	h.open = func(c *Conn) {
		c.Send(frame.Text, []byte("one"))
		c.Send(frame.Text, []byte("two"))
		c.Close(4001, "enough")
		if s := c.Send(frame.Text, []byte("late")); s != Dropped {
			t.Error("Send after Close:", s)
		}
		c.Close(4002, "ignored")
	}
	addr := serve(t, r, Options{}, accepting(h))

	var got []string
	ch := new(funcs)
	clientTold := ch.record()
	ch.message = func(_ *Conn, _ frame.Opcode, p []byte) { got = append(got, string(p)) }
	dial(t, r, addr, DialOptions{}, ch)
	want := closing{4001, "enough", nil}
	if c := wait(t, clientTold); c != want {
		t.Errorf("client was told %+v", c)
	}
	if c := wait(t, told); c != want {
		t.Errorf("server was told %+v", c)
	}
	if strings.Join(got, " ") != "one two" {
		t.Errorf("got %q", got)
	}
}

func TestPeerCloses(t *testing.T) {
	r := newReactor(t)
	h := new(funcs)
	told := h.record()
	addr := serve(t, r, Options{}, accepting(h))
	ch := new(funcs)
	clientTold := ch.record()
	ch.open = func(c *Conn) { c.Close(frame.CloseGoingAway, "page left") }
	dial(t, r, addr, DialOptions{}, ch)
	want := closing{frame.CloseGoingAway, "page left", nil}
	if c := wait(t, told); c != want {
		t.Errorf("server was told %+v", c)
	}
	if c := wait(t, clientTold); c != want {
		t.Errorf("client was told %+v", c)
	}
}

// A peer that does not answer the close frame is aborted, whatever else it sends, and none of its
// messages is delivered.
func TestCloseTimeout(t *testing.T) {
	r := newReactor(t)
	h := new(funcs)
	told := h.record()
	h.open = func(c *Conn) {
		c.SetTimer(time.Hour) // closing replaces the timer of the user
		c.Close(frame.CloseNormal, "")
		c.SetTimer(time.Hour)
	}
	h.message = func(*Conn, frame.Opcode, []byte) { t.Error("message after Close") }
	h.timer = func(*Conn) { t.Error("OnTimer after Close") }
	p := connect(t, serve(t, r, Options{CloseTimeout: 100 * time.Millisecond}, accepting(h)), "")
	if b0, _ := p.read(t); b0 != 0x88 {
		t.Fatalf("frame %#x", b0)
	}
	p.send(frame.Text, "not yet")
	c := wait(t, told)
	if c.code != frame.CloseNormal || !errors.Is(c.err, ErrCloseTimeout) {
		t.Errorf("told %+v", c)
	}
}

func TestAbort(t *testing.T) {
	r := newReactor(t)
	cause := errors.New("no more")
	h := new(funcs)
	told := h.record()
	h.message = func(c *Conn, _ frame.Opcode, p []byte) {
		if string(p) != "first" {
			t.Errorf("message %q after Abort", p)
		}
		c.Abort(cause)
	}
	p := connect(t, serve(t, r, Options{}, accepting(h)), "")
	p.Write(append(masked(frame.Text, "first"), masked(frame.Text, "second")...))
	if c := wait(t, told); c.code != frame.CloseAbnormal || c.err != cause {
		t.Errorf("told %+v", c)
	}
	if b0, _, err := p.tryRead(); err == nil {
		t.Errorf("frame %#x instead of the end", b0)
	}
}

func masked(op frame.Opcode, s string) []byte {
	return frame.AppendMaskedFrame(nil, op, false, []byte(s), [4]byte{9, 8, 7, 6})
}

func TestConnectionLost(t *testing.T) {
	r := newReactor(t)
	h := new(funcs)
	told := h.record()
	p := connect(t, serve(t, r, Options{}, accepting(h)), "")
	p.Close()
	if c := wait(t, told); c.code != frame.CloseAbnormal || !errors.Is(c.err, io.EOF) {
		t.Errorf("told %+v", c)
	}
}

// A protocol error is answered and reported with its code. Nothing after it is delivered.
func TestViolation(t *testing.T) {
	r := newReactor(t)
	h := new(funcs)
	told := h.record()
	h.message = func(_ *Conn, _ frame.Opcode, p []byte) {
		if string(p) != "good" {
			t.Errorf("message %q", p)
		}
	}
	p := connect(t, serve(t, r, Options{}, accepting(h)), "")
	p.Write(append(append(masked(frame.Text, "good"), masked(frame.Text, "\xff")...),
		masked(frame.Text, "behind")...))
	p.wantClose(t, frame.CloseInvalidPayload)
	c := wait(t, told)
	var fe *frame.Error
	if c.code != frame.CloseInvalidPayload || !errors.As(c.err, &fe) || fe.Code != c.code {
		t.Errorf("told %+v", c)
	}
}

// Codes that may not be on the wire never get there.
func TestUnsendableCodes(t *testing.T) {
	for code, want := range map[frame.CloseCode]frame.CloseCode{
		0: frame.CloseInternal, 999: frame.CloseInternal, 1004: frame.CloseInternal,
		frame.CloseAbnormal: frame.CloseInternal,
		1015:                frame.CloseInternal, 2000: frame.CloseInternal,
		5000:                frame.CloseInternal,
		frame.CloseNoStatus: frame.CloseNoStatus, 1012: 1012, 3000: 3000, 4999: 4999,
	} {
		r := newReactor(t)
		h := &funcs{open: func(c *Conn) { c.Close(code, strings.Repeat("é", 100)) }}
		p := connect(t, serve(t, r, Options{}, accepting(h)), "")
		p.wantClose(t, want)
	}
}

// However senders and Close race, no message follows the close frame.
func TestNothingAfterClose(t *testing.T) {
	for range 20 {
		r := newReactor(t)
		conns := make(chan *Conn, 1)
		p := connect(t,
			serve(t, r, Options{}, accepting(&funcs{open: func(c *Conn) { conns <- c }})), "")
		c := wait(t, conns)
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for c.Send(frame.Text, []byte("x")) != Dropped {
				}
			})
		}
		wg.Go(func() { c.Close(frame.CloseNormal, "") })
		for closed := false; ; {
			b0, _, err := p.tryRead()
			if err != nil {
				t.Fatal("no end:", err)
			}
			if closed {
				t.Fatalf("frame %#x after the close frame", b0)
			}
			if b0 == 0x88 {
				break
			}
		}
		wg.Wait()
		p.send(frame.Close, "\x03\xe8")
		if b0, _, err := p.tryRead(); err == nil {
			t.Fatalf("frame %#x after the close frame", b0)
		}
	}
}

// A panic closes its own connection, with 1011, and no other.
func TestPanics(t *testing.T) {
	boom := func() { panic("boom") }
	for name, h := range map[string]*funcs{
		"OnOpen":    {open: func(*Conn) { boom() }},
		"OnMessage": {message: func(*Conn, frame.Opcode, []byte) { boom() }},
		"OnPong":    {pong: func(*Conn, []byte) { boom() }},
		"OnTimer": {open: func(c *Conn) { c.SetTimer(time.Millisecond) }, timer: func(*Conn) {
			boom()
		}},
		"Post": {open: func(c *Conn) { c.Post(boom) }},
	} {
		t.Run(name, func(t *testing.T) {
			r := newReactor(t)
			told := h.record()
			var second atomic.Bool
			addr := serve(t, r, Options{}, func(req *frame.Request, c *Conn) (Handler, string,
				error) {
				if !second.Swap(true) {
					return Echo(req, c)
				}
				return h, "", nil
			})
			good := connect(t, addr, "")
			p := connect(t, addr, "")
			p.send(frame.Pong, "")
			p.send(frame.Text, "x")
			p.wantClose(t, frame.CloseInternal)
			c := wait(t, told)
			var pe *PanicError
			if c.code != frame.CloseInternal || !errors.As(c.err, &pe) || pe.Value != "boom" {
				t.Errorf("told %+v", c)
			}
			good.send(frame.Text, "still here")
			if _, b := good.read(t); string(b) != "still here" {
				t.Errorf("%q", b)
			}
		})
	}
}

func TestPanicInOnClose(t *testing.T) {
	r := newReactor(t)
	addr := serve(t, r, Options{},
		accepting(&funcs{closed: func(*Conn, frame.CloseCode, string, error) { panic("boom") }}))
	connect(t, addr, "").Close()
	connect(t, addr, "").Close()
}

// A connection is closed with a close frame if the peer has read what was sent, and cut if not.
func TestCloseIfRead(t *testing.T) {
	t.Run("read", func(t *testing.T) {
		_, c, p, _, _, _ := served(t, Options{}, Tuning{}, "")
		c.Send(frame.Binary, []byte("x"))
		p.read(t)
		c.CloseIfRead(3000, "replaced")
		p.wantClose(t, 3000)
	})
	t.Run("not read", func(t *testing.T) {
		_, c, _, _, told, _ := served(t, Options{}, Tuning{}, "")
		for c.Queued() == 0 {
			c.Send(frame.Binary, []byte(noise(64<<10)))
		}
		c.CloseIfRead(3000, "replaced")
		if end := wait(t, told); end.code != frame.CloseAbnormal || end.err != nil {
			t.Errorf("told %+v", end)
		}
	})
}

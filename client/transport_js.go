package client

import (
	"context"
	"sync"
	"syscall/js"
	"time"

	"github.com/smartsocket/smartsocket/message"
)

const (
	drainLook  = 10 * time.Millisecond // the browser does not report sending, so waiting is polling
	closeGrace = 2 * time.Second
	wakeGrace  = time.Second // a page that slept reads what arrived before silence counts
	envelope   = 1 << 10     // what a message adds to its payload: name, ids, seal
	wsOpen     = 1           // WebSocket.OPEN
)

// jsTransport is the browser's WebSocket. Its events come on the browser's thread. They
// are handed to run through an unbounded list, because they must not wait.
type jsTransport struct {
	ws    js.Value
	bytes js.Value // the class Uint8Array
	funcs []js.Func
	limit int
	mark  int // how many bytes may be unsent

	drained func()

	mu     sync.Mutex
	news   sync.Cond
	opened bool
	list   []jsMessage
	end    *ending

	silence time.Duration // 0 = any
	heard   time.Time
	ask     func()      // asks the server for a sign of life
	warned  bool        // the silence was too long when we last looked
	watch   *time.Timer // nil without silence
	closing *time.Timer // nil until close
	drain   *time.Timer // while somebody is to be told that there is room again
}

type jsMessage struct {
	text bool
	p    []byte
}

// errClosed is append's error on a connection that has ended.
var errClosed = &Error{Code: message.CodeConnectionLost, Message: "the connection has ended"}

// dial opens a WebSocket. If that fails the browser does not say why.
func dial(ctx context.Context, at *target, o *Options) (transport, error) {
	class := js.Global().Get("WebSocket")
	if !class.Truthy() {
		return nil, &Error{
			Code:    message.CodeRefused,
			Message: "there is no WebSocket here: use a browser, or Node.js 22",
		}
	}
	t := &jsTransport{bytes: js.Global().Get("Uint8Array"), limit: o.MaxMessageBytes + envelope,
		mark: o.HighWaterMark}
	t.news.L = &t.mu
	if err := t.open(class, at.url); err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() {
		t.finish(ending{
			closeAbnormal,
			"given up",
			ctx.Err(),
		})
	})
	defer stop()
	if !t.awaitOpen() {
		t.drop()
		if ctx.Err() != nil {
			return nil, contextError(ctx)
		}
		return nil, &Error{
			Code: message.CodeRefused,
			Message: "cannot connect to " + at.addr + ": check the address, that the server " +
				"runs and that it allows this page's origin",
		}
	}
	if t.ws.Get("protocol").String() != message.Subprotocol {
		t.drop()
		return nil, &Error{
			Code:    message.CodeHandshakeFailed,
			Message: "the server did not choose the subprotocol " + message.Subprotocol,
		}
	}
	return t, nil
}

// open makes the WebSocket and listens to it. The browser throws if it refuses the URL.
func (t *jsTransport) open(class js.Value, url string) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &Error{
				Code:    message.CodeRefused,
				Message: "the browser refuses this URL: " + describe(p),
			}
		}
	}()
	t.ws = class.New(url, message.Subprotocol)
	t.ws.Set("binaryType", "arraybuffer")
	t.on("open", func(js.Value) {
		t.mu.Lock()
		t.opened = true
		t.news.Broadcast()
		t.mu.Unlock()
	})
	t.on("message", func(e js.Value) { t.message(e.Get("data")) })
	t.on("close", func(e js.Value) {
		t.finish(ending{code: uint16(e.Get("code").Int()), reason: e.Get("reason").String()})
	})
	return nil
}

func (t *jsTransport) on(event string, f func(js.Value)) {
	g := js.FuncOf(func(_ js.Value, args []js.Value) any {
		f(args[0])
		return nil
	})
	t.funcs = append(t.funcs, g)
	t.ws.Set("on"+event, g)
}

// awaitOpen waits for the upgrade and reports whether it came.
func (t *jsTransport) awaitOpen() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for !t.opened && t.end == nil {
		t.news.Wait()
	}
	return t.opened
}

// message takes a message of the server. It checks the length before it copies the bytes.
func (t *jsTransport) message(data js.Value) {
	m := jsMessage{text: data.Type() == js.TypeString}
	if !m.text {
		data = t.bytes.New(data)
	}
	switch n := data.Length(); {
	case n > t.limit: // UTF-8 has at least as many bytes as UTF-16 has units
		t.refuse()
		return
	case m.text:
		m.p = []byte(data.String())
	default:
		m.p = make([]byte, n)
		js.CopyBytesToGo(m.p, data)
	}
	if len(m.p) > t.limit {
		t.refuse()
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.end != nil {
		return
	}
	if t.silence > 0 {
		t.heard, t.warned = time.Now(), false
	}
	t.list = append(t.list, m)
	t.news.Broadcast()
}

// refuse ends the connection because of a message that is too large.
func (t *jsTransport) refuse() {
	t.ws.Call("close") // a script may not send 1009
	t.finish(ending{
		code:   message.CloseTooLarge,
		reason: "a message is over Options.MaxMessageBytes",
	})
}

// finish notes how the connection ended, the first time that it is called.
func (t *jsTransport) finish(e ending) {
	t.mu.Lock()
	if t.end == nil {
		t.end = &e
	}
	t.news.Broadcast()
	t.mu.Unlock()
}

func (t *jsTransport) run(receive func(bool, []byte), ended func(ending)) {
	ended(t.serve(receive))
}

// serve gives what comes to receive until the connection ends.
func (t *jsTransport) serve(receive func(bool, []byte)) ending {
	defer t.release()
	for {
		t.mu.Lock()
		for len(t.list) == 0 && t.end == nil {
			t.news.Wait()
		}
		list, end := t.list, t.end
		t.list = nil
		t.mu.Unlock()
		for _, m := range list {
			receive(m.text, m.p)
		}
		if len(list) == 0 {
			return *end
		}
	}
}

// drop closes a WebSocket that run will never serve.
func (t *jsTransport) drop() {
	t.ws.Call("close")
	t.release()
}

// release unhooks the browser's events, so that nothing of ours is held by it,
// and stops the timers.
func (t *jsTransport) release() {
	for _, event := range []string{"open", "message", "close"} {
		t.ws.Set("on"+event, js.Null())
	}
	for _, f := range t.funcs {
		f.Release()
	}
	t.funcs = nil
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, timer := range []*time.Timer{t.watch, t.closing, t.drain} {
		if timer != nil {
			timer.Stop()
		}
	}
}

func (t *jsTransport) append(p []byte) error {
	if t.ws.Get("readyState").Int() != wsOpen {
		return errClosed
	}
	b := t.bytes.New(len(p))
	js.CopyBytesToJS(b, p)
	t.ws.Call("send", b)
	return nil
}

func (t *jsTransport) room(cancel <-chan struct{}, after <-chan time.Time) bool {
	if !t.full() {
		return true
	}
	if cancel == nil && after == nil {
		return false
	}
	look := time.NewTicker(drainLook)
	defer look.Stop()
	for t.full() {
		select {
		case <-look.C:
		case <-cancel:
			return false
		case <-after:
			return false
		}
	}
	return true
}

// full reports whether too much is unsent, and then begins to look whether that is over.
func (t *jsTransport) full() bool {
	if t.buffered() <= t.mark || t.ws.Get("readyState").Int() != wsOpen {
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.drain == nil && t.drained != nil && t.end == nil {
		t.drain = time.AfterFunc(drainLook, t.lookForRoom)
	}
	return true
}

func (t *jsTransport) lookForRoom() {
	t.mu.Lock()
	switch {
	case t.end != nil:
	case t.buffered() > t.mark/2:
		t.drain.Reset(drainLook)
	default:
		t.drain = nil
		t.mu.Unlock()
		t.drained()
		return
	}
	t.mu.Unlock()
}

func (t *jsTransport) buffered() int { return t.ws.Get("bufferedAmount").Int() }

func (t *jsTransport) onDrain(f func()) { t.drained = f }

// flush and flushLater do nothing, because the browser writes on its own.
func (t *jsTransport) flush()      {}
func (t *jsTransport) flushLater() {}

// limits counts only messages. A script does not see the server's WebSocket pings, but
// each heartbeat also has a PING of the subprotocol.
func (t *jsTransport) limits(silence time.Duration, ask func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.silence, t.ask, t.heard = silence, ask, time.Now()
	if silence > 0 && t.watch == nil && t.end == nil {
		t.watch = time.AfterFunc(silence, t.look)
	}
}

// look ends a connection that has been silent for too long at two looks in a row. In between the
// server is asked whether it lives.
func (t *jsTransport) look() {
	t.mu.Lock()
	left := t.silence - time.Since(t.heard)
	switch {
	case t.end != nil:
	case left > 0:
		t.watch.Reset(left)
	case !t.warned:
		t.warned = true
		t.watch.Reset(max(wakeGrace, t.silence/4))
		go t.ask() // it locks what is before mu
	default:
		t.mu.Unlock()
		t.ws.Call("close")
		t.finish(ending{code: closeAbnormal, reason: "the server was silent for too long"})
		return
	}
	t.mu.Unlock()
}

// close asks the browser for the closing handshake. Scripts may only send the codes 1000
// and 3000 to 4999.
func (t *jsTransport) close(code uint16, reason string) {
	if code != message.CloseNormal && code < 3000 {
		code = message.CloseNormal
	}
	t.ws.Call("close", int(code), reason)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.end == nil && t.closing == nil {
		t.closing = time.AfterFunc(closeGrace, t.abort) // if the server does not answer
	}
}

func (t *jsTransport) abort() {
	t.ws.Call("close")
	t.finish(ending{code: closeAbnormal, reason: "the connection was ended"})
}

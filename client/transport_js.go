package client

import (
	"context"
	"sync"
	"syscall/js"
	"time"

	"github.com/smartsocket/smartsocket/message"
)

// jsTransport is the browser's WebSocket. Its events come on the browser's
// thread and are handed to run through an unbounded list, for they must not wait.
type jsTransport struct {
	ws    js.Value
	funcs []js.Func
	limit int

	mu     sync.Mutex
	news   sync.Cond
	opened bool
	list   []jsMessage
	end    *ending
}

type jsMessage struct {
	text bool
	p    []byte
}

// errClosed is append's error on a connection that has ended.
var errClosed = &Error{Code: message.CodeConnectionLost, Message: "the connection has ended"}

// dial opens a WebSocket. The browser tells no more than that it failed.
func dial(ctx context.Context, at *target, o *Options) (transport, error) {
	class := js.Global().Get("WebSocket")
	if !class.Truthy() {
		return nil, &Error{Code: message.CodeRefused, Message: "there is no WebSocket here: use a browser, or Node.js 22"}
	}
	t := &jsTransport{limit: o.MaxMessageBytes + 1<<10}
	t.news.L = &t.mu
	if err := t.open(class, at.url); err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { t.finish(ending{closeAbnormal, "given up", ctx.Err()}) })
	defer stop()
	t.mu.Lock()
	for !t.opened && t.end == nil {
		t.news.Wait()
	}
	end := t.end
	t.mu.Unlock()
	if end == nil {
		if t.ws.Get("protocol").String() == message.Subprotocol {
			return t, nil
		}
		t.abort()
		t.release()
		return nil, &Error{Code: message.CodeHandshakeFailed, Message: "the server did not choose the subprotocol " + message.Subprotocol}
	}
	t.ws.Call("close")
	t.release()
	if ctx.Err() != nil {
		return nil, contextError(ctx)
	}
	return nil, &Error{Code: message.CodeRefused, Message: "cannot connect to " + at.addr + ": check the address, that the server runs and that it allows this page's origin"}
}

// open makes the socket and listens to it; a refused URL is a thrown exception.
func (t *jsTransport) open(class js.Value, url string) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &Error{Code: message.CodeRefused, Message: "the browser refuses this URL: " + describe(p)}
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

func (t *jsTransport) message(data js.Value) {
	var m jsMessage
	if data.Type() == js.TypeString {
		m = jsMessage{true, []byte(data.String())}
	} else {
		from := js.Global().Get("Uint8Array").New(data)
		if from.Length() > t.limit {
			t.close(message.CloseTooLarge, "")
			t.finish(ending{code: message.CloseTooLarge, reason: "a message is over Options.MaxMessageBytes"})
			return
		}
		m.p = make([]byte, from.Length())
		js.CopyBytesToGo(m.p, from)
	}
	t.mu.Lock()
	t.list = append(t.list, m)
	t.news.Broadcast()
	t.mu.Unlock()
}

// finish notes the first end.
func (t *jsTransport) finish(e ending) {
	t.mu.Lock()
	if t.end == nil {
		t.end = &e
	}
	t.news.Broadcast()
	t.mu.Unlock()
}

func (t *jsTransport) run(receive func(bool, []byte)) ending {
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

// release unhooks the browser's events.
func (t *jsTransport) release() {
	for _, event := range []string{"open", "message", "close"} {
		t.ws.Set("on"+event, js.Null())
	}
	for _, f := range t.funcs {
		f.Release()
	}
}

func (t *jsTransport) append(p []byte) error {
	if t.ws.Get("readyState").Int() != 1 {
		return errClosed
	}
	b := js.Global().Get("Uint8Array").New(len(p))
	js.CopyBytesToJS(b, p)
	t.ws.Call("send", b)
	return nil
}

// The browser buffers and writes by itself.
func (t *jsTransport) room(<-chan struct{}, <-chan time.Time) bool { return true }
func (t *jsTransport) flush()                                      {}
func (t *jsTransport) flushLater()                                 {}
func (t *jsTransport) limits(time.Duration)                        {}

// close asks the browser for the closing handshake; scripts may only send 1000 and 3000–4999.
func (t *jsTransport) close(code uint16, reason string) {
	if code != message.CloseNormal && code < 3000 {
		code = message.CloseNormal
	}
	t.ws.Call("close", int(code), reason)
	time.AfterFunc(2*time.Second, t.abort) // if the server does not answer
}

func (t *jsTransport) abort() {
	t.ws.Call("close")
	t.finish(ending{code: closeAbnormal, reason: "the connection was ended"})
}

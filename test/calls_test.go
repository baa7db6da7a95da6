package test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/client"
	"github.com/smartsocket/smartsocket/message"
)

type Call = smartsocket.Call

// notes is a list that handlers of several goroutines write.
type notes struct {
	mu   sync.Mutex
	list []string
}

func (n *notes) add(format string, args ...any) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.list = append(n.list, fmt.Sprintf(format, args...))
}

// take returns the list, joined, and empties it.
func (n *notes) take() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	s := strings.Join(n.list, " ")
	n.list = nil
	return s
}

// noting is an interceptor that notes when it begins and ends.
func (n *notes) noting(name string) smartsocket.Interceptor {
	return func(ctx context.Context, c *Call, next smartsocket.Next) error {
		n.add("%s(", name)
		err := next(ctx, c)
		n.add("%s)", name)
		return err
	}
}

// wantErrorTo reads the answer to a question, which has to be an error.
func wantErrorTo(t *testing.T, w *wire, id uint64, code message.Code) message.Error {
	t.Helper()
	m := w.message()
	e, err := message.ParseErrorJSON(m.Payload)
	if m.Kind != message.KindError || m.AckID != id || err != nil || e.Code != code {
		t.Fatalf("kind %d to %d, %+v, %v; want %s to %d", m.Kind, m.AckID, e, err, code, id)
	}
	return e
}

// Interceptors surround every kind of handler, behind the middlewares: the server's outermost, then
// the namespace's, then those of the one handler.
func TestInterceptorsSurroundHandlers(t *testing.T) {
	var n notes
	v := startServer(t, Options{}, func(v *Server) {
		v.Use(func(_ *Socket, _ string, _ Data, next func(error)) { n.add("mw"); next(nil) })
		game := v.Namespace("/")
		game.Intercept(n.noting("ns"))
		v.Intercept(n.noting("s1"), n.noting("s2"))
		around := smartsocket.Around(n.noting("a1"), n.noting("a2"))
		ran := func() { n.add("handler") }
		v.On("raw", func(_ *Socket, _ Data, a Ack) { ran(); a.Reply(1) }, around)
		v.On("inline", func(_ *Socket, _ Data, a Ack) { ran(); a.Reply(1) }, around,
			smartsocket.Inline)
		smartsocket.On(v, "typed", func(_ *Socket, x int, a Ack) { ran(); a.Reply(x) }, around)
		smartsocket.Handle(v, "handle", func(_ *Socket, x int) (int, error) {
			ran()
			return x, nil
		}, around)
		smartsocket.OnContext(v, "context", func(_ context.Context, _ *Socket, x int, a Ack) {
			ran()
			a.Reply(x)
		}, around)
		both := func(_ context.Context, _ *Socket, x int) (int, error) { ran(); return x, nil }
		smartsocket.HandleContext(v, "both", both, around, smartsocket.Inline)
		v.OnConnected(func(s *Socket) {
			s.On("own", func(_ *Socket, _ Data, a Ack) { ran(); a.Reply(1) }, around)
			n.take() // what happens to sockets has no interceptors
		})
	})
	w := dialFull(t, v, "/")
	for i, event := range []string{"raw", "inline", "typed", "handle", "context", "both", "own"} {
		w.request(uint64(i+1), event, "1")
		w.wantAck(uint64(i+1), "1")
		eventually(t, "the end of "+event, func() bool {
			n.mu.Lock()
			defer n.mu.Unlock()
			return slices.Contains(n.list, "s1)")
		})
		if got := n.take(); got != "mw s1( s2( ns( a1( a2( handler a2) a1) ns) s2) s1)" {
			t.Errorf("%s: %s", event, got)
		}
	}
}

// What an interceptor sees of a call, and what it may change.
func TestInterceptorsSeeTheCall(t *testing.T) {
	saw := make(chan string, 4)
	v := startServer(t, Options{}, func(v *Server) {
		v.Intercept(func(ctx context.Context, c *Call, next smartsocket.Next) error {
			if m := smartsocket.ValueOf[step](c); m != nil {
				m.X++
			}
			begin := c.Duration()
			err := next(ctx, c)
			saw <- fmt.Sprint(c.Event, " ", c.Size, " ", string(c.Data.Bytes()), " ", c.Result, " ",
				c.Requested(), " ", c.Socket.ID() != "", " ", c.Duration() >= begin, " ", err)
			if c.Result != nil {
				c.Result = []any{c.Result, "changed"}
			}
			return err
		})
		smartsocket.Handle(v, "handle", func(_ *Socket, m step) (int, error) { return m.X, nil })
		v.On("raw", ignore)
	})
	w := dialFull(t, v, "/")
	w.request(1, "handle", `{"X":4}`)
	w.wantAck(1, `[5,"changed"]`)
	if got := <-saw; got != `handle 7 {"X":4} 5 true true true <nil>` {
		t.Errorf("of handle: %s", got)
	}
	w.emit("raw", `[]`)
	if got := <-saw; got != `raw 2 [] <nil> false true true <nil>` {
		t.Errorf("of raw: %s", got)
	}
	w.request(2, "handle", `{"X":false}`) // does not get so far
	wantErrorTo(t, w, 2, message.CodeInvalidFormat)
	w.request(3, "handle", `{"X":99}`)
	wantErrorTo(t, w, 3, "ERR_MINE")
	if len(saw) != 0 {
		t.Errorf("data that does not decode was seen: %s", <-saw)
	}
}

// Whatever an interceptor does, a sender that asked gets one answer.
func TestInterceptorsAnswer(t *testing.T) {
	raised := make(chan error, 4)
	what := make(chan func(context.Context, *Call, smartsocket.Next) error, 1)
	v := startServer(t, Options{Logger: new(logBuffer).logger()}, func(v *Server) {
		v.OnError(func(_ *Socket, err error) { raised <- err })
		v.Intercept(func(ctx context.Context, c *Call, next smartsocket.Next) error {
			return (<-what)(ctx, c, next)
		})
		smartsocket.Handle(v, "handle", func(_ *Socket, x int) (int, error) {
			if x < 0 {
				return 0, errors.New("negative")
			}
			return x, nil
		})
		smartsocket.Handle(v, "inline", func(_ *Socket, x int) (int, error) { return x, nil },
			smartsocket.Inline)
		v.On("raw", reply)
	})
	w := dialFull(t, v, "/")
	id := uint64(0)
	ask := func(event, data string, f smartsocket.Interceptor) {
		t.Helper()
		id++
		what <- f
		w.request(id, event, data)
	}
	own := &smartsocket.Error{Code: "ERR_SHOP_001", Message: "no"}
	for _, event := range []string{"handle", "inline", "raw"} {
		ask(event, "1", func(context.Context, *Call, smartsocket.Next) error { return own })
		if e := wantErrorTo(t, w, id, own.Code); e.Event != event || e.Message != "no" {
			t.Errorf("%s: %+v", event, e)
		}
		ask(event, "1", func(context.Context, *Call, smartsocket.Next) error { return nil })
		wantErrorTo(t, w, id, message.CodeRejected)
		if err := <-raised; !errors.Is(err, smartsocket.ErrRejected) {
			t.Errorf("%s: %v was raised", event, err)
		}
		ask(event, "1", func(_ context.Context, c *Call, _ smartsocket.Next) error {
			c.Result = "from a cache"
			return nil
		})
		w.wantAck(id, `"from a cache"`)
		ask(event, "1", func(context.Context, *Call, smartsocket.Next) error { panic("boom") })
		wantErrorTo(t, w, id, message.CodeHandlerFailed)
		<-raised
	}
	ask("handle", "-1", func(ctx context.Context, c *Call, next smartsocket.Next) error {
		if err := next(ctx, c); err == nil || err.Error() != "negative" {
			t.Errorf("next returned %v", err)
		}
		return nil // the error is dropped, which is an answer without data
	})
	w.wantAck(id, "")
	ask("handle", "-1", func(ctx context.Context, c *Call, next smartsocket.Next) error {
		next(ctx, c)
		*smartsocket.ValueOf[int](c) = 7
		return next(ctx, c) // again, with other data
	})
	w.wantAck(id, "7")
	late := make(chan error)
	ask("raw", "1", func(ctx context.Context, c *Call, next smartsocket.Next) error {
		err := next(ctx, c)
		go func() {
			<-ctx.Done() // the call is over then
			late <- next(context.Background(), c)
		}()
		return err
	})
	w.wantAck(id, "1")
	if err := <-late; !errors.Is(err, smartsocket.ErrRejected) {
		t.Errorf("next when it was late: %v", err)
	}
	if v.ConnectionStats().HandlerPanics == 0 {
		t.Error("the panics were not counted")
	}
}

// A context of an interceptor's reaches the handler, with its values.
func TestInterceptorsGiveTheContext(t *testing.T) {
	type key struct{}
	v := startServer(t, Options{}, func(v *Server) {
		v.Intercept(func(ctx context.Context, c *Call, next smartsocket.Next) error {
			return next(context.WithValue(ctx, key{}, "span"), c)
		})
		h := func(ctx context.Context, _ *Socket, _ any) (any, error) {
			return ctx.Value(key{}), nil
		}
		smartsocket.HandleContext(v, "e", h)
	})
	w := dialFull(t, v, "/")
	w.request(1, "e", "")
	w.wantAck(1, `"span"`)
}

// MapError decides what leaves the process, wherever an error of the application becomes an answer.
func TestMapError(t *testing.T) {
	secret := errors.New("db at 10.0.0.5")
	var mode atomic.Value // set between questions
	raised := make(chan error, 8)
	options := Options{Logger: new(logBuffer).logger(),
		MapError: func(s *Socket, event string, err error) error {
			var own *smartsocket.Error
			switch {
			case s == nil || event == "":
				t.Error("no socket or no event")
			case mode.Load() == "panic":
				panic("no idea")
			case mode.Load() == "keep":
				return err
			case errors.As(err, &own) && own.Code == "ERR_SHOP_001":
				return smartsocket.WithDetails(own, map[string]int{"price": 5})
			}
			return nil
		}}
	v := startServer(t, options, func(v *Server) {
		v.OnError(func(_ *Socket, err error) { raised <- err })
		v.Use(func(_ *Socket, event string, _ Data, next func(error)) {
			if event == "stopped" {
				next(secret)
				return
			}
			next(nil)
		})
		v.On("stopped", ignore)
		v.On("fail", func(_ *Socket, _ Data, a Ack) { a.Fail(secret) })
		smartsocket.Handle(v, "handle", func(*Socket, any) (any, error) { return nil, secret })
		smartsocket.Handle(v, "shop", func(*Socket, any) (any, error) {
			return nil, fmt.Errorf("buying: %w", &smartsocket.Error{Code: "ERR_SHOP_001"})
		})
		v.On("around", reply, smartsocket.Around(
			func(context.Context, *Call, smartsocket.Next) error { return secret }))
		smartsocket.On(v, "step", func(*Socket, step, Ack) {})
	})
	w := dialFull(t, v, "/")
	id := uint64(0)
	ask := func(event, data string, code message.Code) message.Error {
		t.Helper()
		id++
		w.request(id, event, data)
		e := wantErrorTo(t, w, id, code)
		if e.Event != event {
			t.Errorf("%s: the event is %q", event, e.Event)
		}
		return e
	}
	for _, m := range []string{"hide", "panic"} {
		mode.Store(m)
		for event, code := range map[string]message.Code{
			"stopped": message.CodeRejected, "fail": message.CodeHandlerFailed,
			"handle": message.CodeHandlerFailed, "around": message.CodeHandlerFailed,
		} {
			if e := ask(event, "", code); strings.Contains(e.Message, "10.0") || e.Message == "" {
				t.Errorf("%s of %s: the client is told %q", m, event, e.Message)
			}
		}
		e := ask("step", `{"X":11}`, message.CodeInvalidFormat)
		if strings.Contains(e.Message, "11") {
			t.Errorf("%s of step: the client is told %q", m, e.Message)
		}
	}
	for n := 0; n < 4; n++ { // a middleware's and Validate's, in both modes
		if err := <-raised; !errors.Is(err, secret) && !strings.Contains(err.Error(), "not 11") {
			t.Errorf("the program itself is told %v", err)
		}
	}
	mode.Store("keep")
	if e := ask("handle", "", message.CodeHandlerFailed); e.Message != secret.Error() {
		t.Errorf("kept: %q", e.Message)
	}
	mode.Store("details")
	e := ask("shop", "", "ERR_SHOP_001")
	if d, ok := client.DetailsOf[map[string]int](&e); !ok || d["price"] != 5 {
		t.Errorf("details: %q", e.Details)
	}
}

// Details go both ways, to clients of every kind.
func TestErrorDetails(t *testing.T) {
	type price struct{ Cost int }
	v := startServer(t, Options{MaxMessageBytes: 64 << 10}, func(v *Server) {
		smartsocket.Handle(v, "buy", func(*Socket, any) (any, error) {
			return nil, smartsocket.WithDetails(errors.New("too poor"), price{5})
		})
		smartsocket.Handle(v, "huge", func(*Socket, any) (any, error) {
			return nil, smartsocket.WithDetails(errors.New("too much"), strings.Repeat("x", 70<<10))
		})
	})
	c := connected(t, newClient(t, v, client.Options{}))
	client.Handle(c, "ask", func(any) (any, error) {
		return nil, client.WithDetails(errors.New("tired"), price{7})
	})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	_, err := c.EmitWithAck(ctx, "buy", nil)
	if p, ok := client.DetailsOf[price](err); !ok || p.Cost != 5 ||
		!errors.Is(err, smartsocket.ErrHandlerFailed) {
		t.Errorf("from the server: %v, %v", p, err)
	}
	_, err = c.EmitWithAck(ctx, "huge", nil)
	var e *client.Error
	if !errors.As(err, &e) || e.Details != "" || e.Message != "too much" {
		t.Errorf("too many details: %v", err)
	}
	_, err = v.Namespace("/").Sockets()[0].EmitWithAck(ctx, "ask", nil)
	if p, ok := smartsocket.DetailsOf[price](err); !ok || p.Cost != 7 {
		t.Errorf("from the client: %v, %v", p, err)
	}
	w := dialPlain(t, v, "/")
	w.text(`{"event":"buy","ack":1}`)
	_, p := w.next()
	if want := `{"ack":1,"error":{"code":"ERR_APP_002","message":"too poor","event":"buy",` +
		`"details":{"Cost":5}}}`; string(p) != want {
		t.Errorf("as text: %s", p)
	}
}

// wrapping is a Registrar of an application, which runs something before each handler.
type wrapping struct {
	smartsocket.Registrar
	before func()
}

func (w wrapping) On(event string, h smartsocket.Handler, opts ...smartsocket.HandlerOption) {
	w.Registrar.On(event, func(s *Socket, d Data, a Ack) { w.before(); h(s, d, a) }, opts...)
}

// bare is a Registrar that drops all options.
type bare struct{ smartsocket.Registrar }

func (b bare) On(event string, h smartsocket.Handler, _ ...smartsocket.HandlerOption) {
	b.Registrar.On(event, h)
}

// What a Registrar of the application wraps around handlers is not passed over.
func TestWrappedHandlersHaveCalls(t *testing.T) {
	for name, intercepted := range map[string]bool{"plain": false, "intercepted": true} {
		t.Run(name, func(t *testing.T) {
			var n notes
			v := startServer(t, Options{}, func(v *Server) {
				if intercepted {
					v.Intercept(func(ctx context.Context, c *Call, next smartsocket.Next) error {
						if x := smartsocket.ValueOf[int](c); x != nil {
							*x++
						}
						return next(ctx, c)
					})
				}
				r := wrapping{v, func() { n.add("before") }}
				smartsocket.Handle(r, "a", func(_ *Socket, x int) (int, error) { return x, nil })
				b := func(ctx context.Context, _ *Socket, x int) (int, error) {
					return x, ctx.Err()
				}
				smartsocket.HandleContext(r, "b", b)
				smartsocket.HandleContext(bare{v}, "bare", b)
			})
			w := dialFull(t, v, "/")
			want := map[bool]string{false: "4", true: "5"}[intercepted]
			w.request(1, "a", "4")
			w.wantAck(1, want)
			w.request(2, "b", "4")
			w.wantAck(2, want)
			if got := n.take(); got != "before before" {
				t.Errorf("ran %q", got)
			}
			w.request(3, "bare", "4")
			w.wantAck(3, "4")
		})
	}
}

// Two handlers of one event each are a call, whatever their types are.
func TestCallsOfTwoHandlers(t *testing.T) {
	var n notes
	v := startServer(t, Options{}, func(v *Server) {
		smartsocket.OnContext(v, "e", func(ctx context.Context, _ *Socket, x int, _ Ack) {
			n.add("%d %v", x, ctx.Err())
		})
		smartsocket.On(v, "e", func(_ *Socket, x float64, _ Ack) { n.add("%v", x) })
		smartsocket.Handle(v, "e", func(_ *Socket, x int) (int, error) {
			n.add("%v", x)
			return x, nil
		})
	})
	w := dialFull(t, v, "/")
	w.request(1, "e", "3")
	w.wantAck(1, "3")
	if got := n.take(); got != "3 <nil> 3 3" {
		t.Errorf("ran %s", got)
	}
}

// Mistakes of the program show when it registers.
func TestNilInterceptors(t *testing.T) {
	v := startServer(t, Options{}, nil)
	for name, f := range map[string]func(){
		"Intercept": func() { v.Intercept(nil) }, "Around": func() { smartsocket.Around(nil) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s takes nil", name)
				}
			}()
			f()
		}()
	}
}

package test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/internal/testclock"
	"github.com/smartsocket/smartsocket/message"
)

// The context of a handler ends at once with its connection, although the handler holds the
// mailbox, and with the server.
func TestContextOfAHandlerEnds(t *testing.T) {
	for _, tt := range []struct {
		name  string
		cache bool
		end   func(*Server, *wire)
	}{
		{"connection lost", false, func(_ *Server, w *wire) { w.nc.Close() }},
		{"connection lost, with sessions", true, func(_ *Server, w *wire) { w.nc.Close() }},
		{"kicked", false, func(v *Server, _ *wire) { v.Namespace("/").Sockets()[0].Disconnect() }},
		{"shutdown", false, func(v *Server, _ *wire) {
			over, cancel := context.WithCancel(context.Background())
			cancel()
			v.Shutdown(over)
		}},
		{"close", true, func(v *Server, _ *wire) { v.Close() }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			begun, ended := make(chan bool, 1), make(chan context.Context, 1)
			v := startServer(t, Options{EnableMessageCache: tt.cache}, func(v *Server) {
				wait := func(ctx context.Context, _ *Socket, _ any, _ Ack) {
					begun <- true
					<-ctx.Done()
					ended <- ctx
				}
				smartsocket.OnContext(v, "wait", wait)
			})
			w := dialFull(t, v, "/")
			w.request(1, "wait", "")
			<-begun
			go tt.end(v, w)
			if ctx := <-ended; !errors.Is(context.Cause(ctx), smartsocket.ErrConnectionLost) ||
				ctx.Err() != context.Canceled {
				t.Errorf("%v, because of %v", ctx.Err(), context.Cause(ctx))
			}
		})
	}
}

// An event that waited until its client was away is handled for the session, which goes on.
func TestContextWhileTheClientIsAway(t *testing.T) {
	entered, release := make(chan bool), make(chan bool)
	errs := make(chan error, 1)
	v := cacheServer(t, Options{})
	v.On("block", func(*Socket, Data, Ack) { entered <- true; <-release })
	smartsocket.HandleContext(v, "buy", func(ctx context.Context, _ *Socket, x int) (int, error) {
		errs <- ctx.Err()
		return x, nil
	})
	var a resumer
	a.connect(t, v, "/", "")
	s := v.Namespace("/").Socket(a.id)
	a.emit("block", "")
	<-entered
	a.request(5, "buy", "3")
	eventually(t, "the purchase", func() bool { return v.ConnectionStats().MessagesIn >= 2 })
	a.nc.Close()
	eventually(t, "the loss", func() bool { return !s.Connected() })
	release <- true
	if err := <-errs; err != nil {
		t.Errorf("the context of a waiting event: %v", err)
	}
	a.connect(t, v, "/", "")
	a.request(5, "buy", "3")
	a.wantAck(5, "3")
	if len(errs) != 0 {
		t.Error("the purchase ran twice")
	}
}

// The context ends when the handler returns, and when its time is over; the sender is told.
func TestTimeoutOfAHandler(t *testing.T) {
	clock := new(testclock.Clock)
	v, err := smartsocket.New(Options{Host: "127.0.0.1", Port: -1, Logger: testLogger(t)})
	if err != nil {
		t.Fatal(err)
	}
	v.UseClock(clock)
	kept, armed := make(chan context.Context, 1), make(chan bool)
	smartsocket.HandleContext(v, "late", func(ctx context.Context, _ *Socket, _ any) (any, error) {
		if _, ok := ctx.Deadline(); !ok {
			t.Error("no deadline")
		}
		done := ctx.Done()
		armed <- true
		<-done
		return nil, fmt.Errorf("looking: %w", ctx.Err())
	}, smartsocket.Timeout(time.Second))
	smartsocket.HandleContext(v, "own", func(ctx context.Context, _ *Socket, _ any) (any, error) {
		done := ctx.Done()
		armed <- true
		<-done
		return nil, &smartsocket.Error{Code: "ERR_SHOP_002", Cause: ctx.Err()}
	}, smartsocket.Timeout(time.Second))
	smartsocket.HandleContext(v, "quick", func(ctx context.Context, _ *Socket, _ any) (any, error) {
		kept <- ctx
		return 1, nil
	}, smartsocket.Timeout(time.Second))
	if err := v.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })
	w := dialFull(t, v, "/")
	for i, event := range []string{"late", "own"} {
		w.request(uint64(i+1), event, "")
		<-armed
		clock.Advance(time.Second, func() {})
	}
	wantErrorTo(t, w, 1, message.CodeAckTimeout)
	wantErrorTo(t, w, 2, "ERR_SHOP_002")
	w.request(3, "quick", "")
	w.wantAck(3, "1")
	ctx := <-kept
	<-ctx.Done()
	if ctx.Err() != context.Canceled {
		t.Errorf("after the return: %v", ctx.Err())
	}
}

// The values of the upgrade request's context reach handlers and the socket's contexts.
func TestContextsHaveTheValuesOfTheRequest(t *testing.T) {
	type key struct{}
	for _, how := range []string{"plain", "cache", "cache, asked late"} {
		cache := how != "plain"
		v, err := smartsocket.New(Options{Logger: testLogger(t), EnableMessageCache: cache})
		if err != nil {
			t.Fatal(err)
		}
		who := func(ctx context.Context, s *Socket, _ any) (who []any, err error) {
			for _, c := range []context.Context{ctx, s.Context(), s.LinkContext()} {
				who = append(who, c.Value(key{}))
			}
			return who, nil
		}
		smartsocket.HandleContext(v, "who", who)
		if err := v.StartDetached(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { v.Close() })
		front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			who := r.Header.Get("X-Who")
			if who == "" {
				v.ServeHTTP(w, r)
				return
			}
			v.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), key{}, who)))
		}))
		t.Cleanup(front.Close)
		addr := front.Listener.Addr().String()
		var a resumer
		dial := func(who string) {
			nc, err := net.Dial("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			a.wire = upgradeWith(t, nc, addr, "/", message.Subprotocol,
				"X-Who: "+who+"\r\n")
			a.message()
			a.handshake(t, "/", "")
		}
		dial("first")
		if how != "cache, asked late" {
			a.request(1, "who", "")
			a.wantAck(1, `["first","first","first"]`)
		}
		if !cache {
			continue
		}
		a.nc.Close()
		dial("second")
		if !a.recovered {
			t.Fatal("not recovered")
		}
		a.request(2, "who", "")
		a.wantAck(2, `["second","first","second"]`)
	}
}

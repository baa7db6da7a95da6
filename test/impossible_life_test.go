package test

import (
	"context"
	"errors"
	"net"
	"reflect"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/client"
	"github.com/smartsocket/smartsocket/message"
)

// atImport is how many goroutines there were when the packages under test had been initialized.
var atImport = runtime.NumGoroutine()

func TestImpossible_WorkAtImport(t *testing.T) {
	if atImport != 1 {
		t.Errorf("%d goroutines ran before main, want 1", atImport)
	}
}

func TestImpossible_TwoServersOnOnePort(t *testing.T) {
	v := startServer(t, Options{}, nil)
	port := v.Addr().(*net.TCPAddr).Port
	w, err := smartsocket.New(Options{Host: "127.0.0.1", Port: port, Logger: testLogger(t)})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Start(); err == nil {
		w.Close()
		t.Error("two servers listen on one port")
	}
}

func TestImpossible_CloseLeavingClientsOpen(t *testing.T) {
	for name, stop := range map[string]func(*Server) error{
		"Close": (*Server).Close,
		"Shutdown": func(v *Server) error {
			ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
			defer cancel()
			v.Shutdown(ctx) // the clients below do not answer: it cuts them
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			v := startServer(t, Options{}, nil)
			conns := []net.Conn{
				dialFull(t, v, "/").nc, dialPlain(t, v, "/").nc, dialRaw(t, v, ""),
				dialRaw(t, v, "GET"), dialRaw(t, v, upgradeRequest(message.Subprotocol, "")),
			}
			eventually(t, "the clients", func() bool { return v.ConnectionStats().Open == 3 })
			if err := stop(v); err != nil {
				t.Error(err)
			}
			for _, nc := range conns {
				wantGone(t, nc)
			}
			if n := v.ConnectionStats().Open; n != 0 {
				t.Errorf("%d connections count as open", n)
			}
		})
	}
}

func TestImpossible_DisconnectReconnecting(t *testing.T) {
	var seen atomic.Int64
	v := startServer(t, Options{}, func(v *Server) {
		v.OnConnected(func(*Socket) { seen.Add(1) })
	})
	c := newClient(t, v, client.Options{MaxReconnectAttempts: client.Forever})
	c.OnReconnecting(func(client.Reconnecting) { t.Error("reconnecting after Disconnect") })
	for n := range int64(5) {
		connected(t, c).Disconnect()
		eventually(t, "the server to see it go", func() bool {
			return v.ConnectionStats().Open == 0
		})
		if c.Connected() || seen.Load() != n+1 {
			t.Fatalf("after %d connects and disconnects the server saw %d", n+1, seen.Load())
		}
	}
}

func TestImpossible_ListenerRunTwiceOrNever(t *testing.T) {
	var ran, once atomic.Int64
	v := startServer(t, Options{}, func(v *Server) {
		v.On("e", func(_ *Socket, _ Data, ack Ack) {
			ran.Add(1)
			ack.Reply(nil)
		})
		v.Once("e", func(*Socket, Data, Ack) { once.Add(1) })
		v.On("kick", func(s *Socket, _ Data, _ Ack) { s.DisconnectWith(3000, "again") })
		v.On("say", func(s *Socket, d Data, ack Ack) {
			s.Emit("said", d.JSON())
			ack.Reply(nil)
		})
	})
	c := newClient(t, v, client.Options{})
	var heard atomic.Int64
	c.On("said", func(client.Data, client.Ack) { heard.Add(1) })
	back := make(chan bool, 8)
	c.OnReconnected(func(bool) { back <- true })
	connected(t, c)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for round := range int64(4) { // a reconnection does not register the handlers again
		for _, event := range []string{"e", "say"} {
			if _, err := c.EmitWithAck(ctx, event, round); err != nil {
				t.Fatal(err)
			}
		}
		eventually(t, "the answer", func() bool { return heard.Load() > round })
		if ran.Load() != round+1 || heard.Load() != round+1 || once.Load() != 1 {
			t.Fatalf("round %d: handlers ran %d, %d and %d times",
				round, ran.Load(), heard.Load(), once.Load())
		}
		c.Emit("kick", nil)
		<-back
	}
}

func TestImpossible_AckCallbackNeverCalled(t *testing.T) {
	v := startServer(t, Options{}, func(v *Server) {
		v.On("answer", func(_ *Socket, _ Data, ack Ack) {
			ack.Reply(1)
			ack.Reply(2)
		})
		v.On("panic", panics)
		v.On("silent", ignore)
		v.On("kick", func(s *Socket, _ Data, _ Ack) { s.DisconnectWith(3000, "") })
		v.On("unwritable", func(_ *Socket, _ Data, ack Ack) { ack.Reply(func() {}) })
		v.Use(func(_ *Socket, event string, _ Data, next func(error)) {
			if event != "swallowed" {
				next(nil)
			}
		})
		v.On("swallowed", echo)
	})
	const each = 20
	var calls [8]atomic.Int64
	events := []string{
		"answer", "panic", "silent", "unwritable", "swallowed", "nobody", "kick", "silent",
	}
	c := connected(t, newClient(t, v, client.Options{}))
	for i, event := range events {
		for range each {
			timeout := time.Minute
			if i == 2 {
				timeout = 20 * time.Millisecond
			}
			if i == 7 {
				eventually(t, "a connection", c.Connected)
			}
			done := func(client.Data, error) { calls[i].Add(1) }
			if err := c.EmitAck(event, nil, timeout, done); err != nil {
				t.Fatal(err)
			}
		}
	}
	c.Disconnect() // settles what is left
	for i := range calls {
		eventually(t, "the callbacks of "+events[i], func() bool { return calls[i].Load() >= each })
		if n := calls[i].Load(); n != each {
			t.Errorf("%s: %d callbacks for %d emits", events[i], n, each)
		}
	}
}

func TestImpossible_OptionSilentlyIgnored(t *testing.T) {
	// A value that cannot be used is an error that names its field, whichever field it is.
	impossible := map[string]any{
		"EncryptionKey": "not a key", "EncryptionAlgorithm": "rot13",
		"TLSCertFile": "/nowhere", "TLSKeyFile": "/nowhere",
		"APIKeys":        []string{"short"},
		"AllowedOrigins": []string{"nonsense"}, "TrustedProxies": []string{"nonsense"},
	}
	_, valid := newKey()
	typ := reflect.TypeFor[Options]()
	for i := range typ.NumField() {
		f := typ.Field(i)
		if f.Tag.Get("config") == "-" {
			continue
		}
		var o Options
		field := reflect.ValueOf(&o).Elem().Field(i)
		bad, ok := impossible[f.Name]
		switch {
		case ok:
			field.Set(reflect.ValueOf(bad))
		case f.Name == "PreviousEncryptionKey": // a valid one that precedes nothing
			field.SetString(valid)
		case field.CanInt() && f.Name != "Port":
			field.SetInt(-5)
		case f.Name == "Port":
			field.SetInt(70_000)
		default: // switches and the host have no impossible value; other tests show their effects
			continue
		}
		var e *smartsocket.OptionError
		if _, err := smartsocket.New(o); !errors.As(err, &e) || e.Field != f.Name || e.Fix == "" {
			t.Errorf("%s = %v: %v", f.Name, field, err)
		}
	}
}

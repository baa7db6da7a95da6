package test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/message"
)

func TestServeHTTPMountsIntoNetHTTP(t *testing.T) {
	v, err := smartsocket.New(Options{Logger: testLogger(t)})
	if err != nil {
		t.Fatal(err)
	}
	v.On("echo", echo, smartsocket.Inline)
	if err := v.StartDetached(); err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	h := httptest.NewServer(v)
	defer h.Close()
	for range 2 {
		nc, err := net.Dial("tcp", h.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		nc.SetDeadline(time.Now().Add(patience))
		// The first message is pipelined behind the request and must not be lost.
		event := masked(frame.Text, []byte(`{"event":"echo","data":5}`))
		nc.Write(append([]byte(upgradeRequest("", "")), event...))
		var got []byte
		buf := make([]byte, 4096)
		for !strings.Contains(string(got), `{"event":"echo","data":5}`) {
			n, err := nc.Read(buf)
			if err != nil {
				t.Fatalf("%v after %q", err, got)
			}
			got = append(got, buf[:n]...)
		}
	}
}

func TestStartTwiceAndPortTaken(t *testing.T) {
	v := startServer(t, Options{}, nil)
	if err := v.Start(); !errors.Is(err, smartsocket.ErrStarted) {
		t.Errorf("second Start: %v", err)
	}
	_, port, _ := net.SplitHostPort(v.Addr().String())
	var o Options
	o.Host, o.Logger = "127.0.0.1", testLogger(t)
	fmt.Sscan(port, &o.Port)
	w, err := smartsocket.New(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Start(); err == nil {
		t.Error("two servers share one port")
	}
	if err := w.Start(); !errors.Is(err, smartsocket.ErrClosed) {
		t.Errorf("Start after a failed Start: %v", err)
	}
}

func TestShutdownTellsClients(t *testing.T) {
	v := startServer(t, Options{}, nil)
	full, plain := dialFull(t, v, "/"), dialPlain(t, v, "/")
	eventually(t, "both clients", func() bool { return v.Stats().Connections == 2 })
	done := make(chan error)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		done <- v.Shutdown(ctx)
	}()
	if m := full.message(); m.Kind != message.KindGoaway {
		t.Errorf("kind %d, want GOAWAY", m.Kind)
	}
	for _, w := range []*wire{full, plain} {
		w.wantClose(1001)
		w.send(frame.Close, frame.AppendCloseBody(nil, 1001, ""))
		w.nc.Close()
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	if err := v.Shutdown(context.Background()); err != nil {
		t.Errorf("second Shutdown: %v", err)
	}
}

func TestIdleConnectionIsPingedAndASilentOneClosed(t *testing.T) {
	v := startServer(t, Options{ConnectionTimeout: time.Second}, nil)
	live, silent := dialFull(t, v, "/"), dialFull(t, v, "/")
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		// Reads TCP without ever answering a ping, and leaves when it is told to.
		var all []byte
		buf := make([]byte, 1024)
		for {
			n, err := silent.nc.Read(buf)
			if all = append(all, buf[:n]...); bytes.Contains(all, []byte("ERR_CONN_002 idle")) {
				silent.nc.Close()
				return
			}
			if err != nil {
				t.Errorf("it ended without a close frame: %v, %q", err, all)
				return
			}
		}
	}()
	var reading sync.WaitGroup
	reading.Go(func() {
		for {
			if op, _ := live.next(); op == 0 {
				return
			}
		}
	})
	<-gone
	eventually(t, "the end of the silent one", func() bool { return v.Stats().Connections < 2 })
	if v.ConnectionStats().IdleCloses != 1 || v.Stats().Connections != 1 {
		t.Errorf("idle closes %d, connections %d: want 1 and 1",
			v.ConnectionStats().IdleCloses, v.Stats().Connections)
	}
	eventually(t, "a measured round trip", func() bool { return v.Stats().Latency.Samples > 0 })
	live.nc.Close()
	reading.Wait()
}

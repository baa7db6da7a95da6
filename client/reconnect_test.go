//go:build !js

package client

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/message"
)

// testClock notes the delays that are waited for and lets them pass when told.
type testClock struct {
	mu    sync.Mutex
	now   time.Time
	waits chan time.Duration
	pass  chan time.Time
	funcs chan func() // given to AfterFunc
}

func newTestClock() *testClock {
	return &testClock{now: time.Unix(1e9, 0), waits: make(chan time.Duration, 100),
		pass: make(chan time.Time), funcs: make(chan func(), 100)}
}

func (k *testClock) Now() time.Time {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.now
}

func (k *testClock) add(d time.Duration) {
	k.mu.Lock()
	k.now = k.now.Add(d)
	k.mu.Unlock()
}

func (k *testClock) After(d time.Duration) (<-chan time.Time, func() bool) {
	k.waits <- d
	return k.pass, func() bool { return true }
}

func (k *testClock) AfterFunc(_ time.Duration, f func()) func() bool {
	k.funcs <- f
	return func() bool { return true }
}

// step waits for the next delay and lets it pass.
func (k *testClock) step(t *testing.T) time.Duration {
	t.Helper()
	d := take(t, k.waits, "the next attempt")
	k.pass <- time.Time{}
	return d
}

func clocked(t *testing.T, url string, o Options) (*Client, *testClock) {
	c, k := newClient(t, url, o), newTestClock()
	c.clock, c.random = k, func() float64 { return 0.5 }
	return c, k
}

// A client that the server throttles stays away for as long as it is told, which may be longer than
// the longest delay of its own, and the attempt does not count. It does not believe in days.
func TestThrottledReconnection(t *testing.T) {
	answers := []string{"", "90", "900000", ""}
	url := fakeServer(t, func(n int, nc net.Conn) {
		if after := answers[min(n, len(answers)-1)]; after != "" {
			readRequest(nc)
			fmt.Fprintf(nc, "HTTP/1.1 429 Too Many Requests\r\nRetry-After: %s\r\n\r\n", after)
			return
		}
		accept(nc)
		if n > 0 {
			readMessage(nc) // until the end
		}
	})
	c, k := clocked(t, url, Options{MaxReconnectAttempts: 1})
	back := make(chan bool, 1)
	c.OnReconnected(func(bool) { back <- true })
	connect(t, c)
	k.step(t)
	for _, least := range []time.Duration{90 * time.Second, maxThrottled} {
		if d := k.step(t); d < least || d > least+c.opts.ReconnectDelay {
			t.Errorf("the client stays away for %v, want %v", d, least)
		}
	}
	take(t, back, "the reconnection")
}

// journal notes the lifecycle events in order.
func journal(c *Client) <-chan string {
	ch := make(chan string, 100)
	c.OnConnected(func() { ch <- "connected" })
	c.OnDisconnected(func(r Reason) { ch <- fmt.Sprint("disconnected ", r.Code) })
	c.On("reconnecting", func(d Data, _ Ack) { ch <- "reconnecting " + string(d.Bytes()) })
	c.OnReconnected(func(r bool) { ch <- fmt.Sprint("reconnected ", r) })
	c.OnError(func(err error) { ch <- "error " + string(err.(*Error).Code) })
	return ch
}

func expect(t *testing.T, ch <-chan string, want ...string) {
	t.Helper()
	for _, w := range want {
		if got := take(t, ch, w); got != w {
			t.Fatalf("%s, want %s", got, w)
		}
	}
}

// TestReconnect loses a session of the real server and flushes the queue.
func TestReconnect(t *testing.T) {
	got := make(chan int, 100)
	v := startServer(t, smartsocket.Options{}, func(v *smartsocket.Server) {
		echoes(v)
		smartsocket.On(v, "count", func(_ *smartsocket.Socket, n int, ack smartsocket.Ack) {
			got <- n
			ack.Reply(n)
		})
	})
	other := connect(t, newClient(t, urlOf(v, "/"), Options{}))
	c, k := clocked(t, urlOf(v, "/"), Options{QueueSize: 3})
	events := journal(c)
	connect(t, c)
	expect(t, events, "connected")
	pending := make(chan error, 1)
	c.EmitAck("silent", nil, time.Hour, func(_ Data, err error) { pending <- err })
	c.Emit("drop", nil)
	expect(t, events, "disconnected 1000", `reconnecting {"attempt":1,"delay":1000}`)
	if err := take(t, pending, "the pending ack"); !errors.Is(err, message.ErrConnectionLost) {
		t.Errorf("the pending ack: %v", err)
	}
	dropped := make(chan error, 1)
	c.EmitAck("count", 0, 0, func(_ Data, err error) { dropped <- err })
	for n := 1; n <= 3; n++ {
		if err := c.Emit("count", n); err != nil {
			t.Fatal(err)
		}
	}
	if err := take(
		t, dropped, "the dropped message's ack"); !errors.Is(err, message.ErrConnectionLost) {
		t.Errorf("the dropped message's ack: %v", err)
	}
	k.step(t)
	expect(t, events, "connected", "reconnected false")
	for n := 1; n <= 3; n++ { // they wait for the handlers that told us
		if m := take(t, got, "a queued message"); m != n {
			t.Errorf("message %d came, want %d", m, n)
		}
	}
	c.Emit("count", 4)
	if m := take(t, got, "a message of the new connection"); m != 4 {
		t.Errorf("message %d came, want 4", m)
	}
	if s := c.Stats(); s.Queued != 4 || s.Dropped != 1 || s.Waiting != 0 || s.Reconnects != 1 ||
		s.PendingAcks != 0 {
		t.Errorf("%+v", s)
	}
	if n, err := Request[int](testContext(t), other, "echo", 1); n != 1 {
		t.Errorf("the other client: %v", err)
	}
	c.Disconnect()
	expect(t, events, "disconnected 1000")
	if err := c.Connect(testContext(t)); err != nil {
		t.Errorf("Connect after Disconnect: %v", err)
	}
	expect(t, events, "connected")
}

func TestBackoff(t *testing.T) {
	open := make(chan net.Conn, 1)
	url := fakeServer(t, func(n int, nc net.Conn) {
		switch {
		case n == 0 || n == 12 || n == 13:
			if accept(nc) {
				open <- nc
				readMessage(nc)
			}
		case n%3 == 2: // does not count as an attempt
			readRequest(nc)
			nc.Write([]byte("HTTP/1.1 503 Busy\r\nRetry-After: 9\r\n\r\n"))
		}
	})
	c, k := clocked(t, url, Options{MaxReconnectAttempts: 8, Origin: "http://localhost"})
	connect(t, c)
	take(t, open, "the session").Close()
	var delays []time.Duration
	for range 12 {
		delays = append(delays, k.step(t).Round(time.Millisecond))
	}
	ms := time.Millisecond
	want := []time.Duration{
		1000 * ms, 1500 * ms, 13500 * ms, 3375 * ms, 5063 * ms, 13500 * ms,
		11391 * ms, 17086 * ms, 13500 * ms, 30000 * ms, 30000 * ms, 13500 * ms,
	}
	if !slices.Equal(delays, want) {
		t.Errorf("the delays are\n%v, want\n%v", delays, want)
	}
	// A session that was healthy starts anew.
	nc := take(t, open, "the restored session")
	for !c.Connected() {
		time.Sleep(time.Millisecond)
	}
	k.add(healthy)
	nc.Close()
	if d := k.step(t); d != time.Second {
		t.Errorf("after a healthy session the delay is %v", d)
	}
	take(t, open, "the session after that")
}

func TestGivesUp(t *testing.T) {
	url := fakeServer(t, func(n int, nc net.Conn) {
		if n == 0 && accept(nc) {
			nc.Write(frame.AppendFrame(nil, frame.Binary,
				message.AppendGoaway(nil, &message.Goaway{ReconnectWindow: 8000})))
			nc.Write(closeFrame(1001))
		}
	})
	c, k := clocked(t, url, Options{MaxReconnectAttempts: 2})
	events := journal(c)
	connect(t, c)
	if d := k.step(t); d != 4*time.Second {
		t.Errorf("in a window of 8 s the delay is %v", d)
	}
	k.step(t)
	expect(t, events, "connected", "disconnected 1001", `reconnecting {"attempt":1,"delay":4000}`,
		"error ERR_CONN_003", `reconnecting {"attempt":2,"delay":1500}`, "error ERR_CONN_003",
		"error ERR_CONN_006")
	if err := c.Emit("x", nil); !errors.Is(err, message.ErrConnectionLost) {
		t.Errorf("Emit: %v", err)
	}
}

func TestNoReconnect(t *testing.T) {
	for _, code := range []uint16{1002, 1008, 3500, 3501, 3502, 3503, 3504} {
		url := fakeServer(t, func(_ int, nc net.Conn) {
			if accept(nc) {
				nc.Write(closeFrame(code))
				readMessage(nc)
			}
		})
		c, k := clocked(t, url, Options{})
		events := journal(c)
		connect(t, c)
		expect(t, events, "connected", fmt.Sprint("disconnected ", code))
		c.mu.Lock()
		if c.state != idle || len(k.waits) > 0 {
			t.Errorf("after %d the client reconnects", code)
		}
		c.mu.Unlock()
	}
}

// TestFinalRefusal: a refusal of the namespace or the key ends the restoration.
func TestFinalRefusal(t *testing.T) {
	url := fakeServer(t, func(n int, nc net.Conn) {
		if n == 0 {
			accept(nc)
			return
		}
		nc.Write(append(append(readRequest(nc), hello()...), closeFrame(3500)...))
		readMessage(nc)
	})
	c, k := clocked(t, url, Options{})
	events := journal(c)
	connect(t, c)
	k.step(t)
	expect(t, events, "connected", "disconnected 1006", `reconnecting {"attempt":1,"delay":1000}`,
		"error ERR_CONN_004")
}

func TestDisconnectEndsTheWait(t *testing.T) {
	url := fakeServer(t, func(n int, nc net.Conn) { accept(nc) })
	c, k := clocked(t, url, Options{Offline: OfflineFail})
	connect(t, c)
	take(t, k.waits, "the wait")
	if err := c.Emit("x", nil); !errors.Is(err, message.ErrConnectionLost) {
		t.Errorf("Emit with OfflineFail: %v", err)
	}
	if err := c.Connect(testContext(t)); err == nil {
		t.Error("a second Connect succeeds")
	}
	c.Disconnect()
	c.Disconnect()
}

func TestAckTimeout(t *testing.T) {
	v := startServer(t, smartsocket.Options{}, echoes)
	c := connect(t, newClient(t, urlOf(v, "/"), Options{AckTimeout: 10 * time.Millisecond}))
	if _, err := c.EmitWithAck(
		testContext(t), "silent", nil); !errors.Is(err, message.ErrAckTimeout) {
		t.Errorf("%v", err)
	}
}

// TestHintsAreCapped: a server that asks for days gets no more than the longest delay.
func TestHintsAreCapped(t *testing.T) {
	url := fakeServer(t, func(n int, nc net.Conn) {
		if n > 0 {
			readRequest(nc)
			nc.Write([]byte("HTTP/1.1 503 Busy\r\nRetry-After: 864000\r\n\r\n"))
			return
		}
		if accept(nc) {
			nc.Write(frame.AppendFrame(nil, frame.Binary,
				message.AppendGoaway(nil, &message.Goaway{ReconnectWindow: 1 << 60})))
			nc.Write(closeFrame(1001))
		}
	})
	c, k := clocked(t, url, Options{})
	connect(t, c)
	if d := k.step(t); d != maxDelay/2 {
		t.Errorf("after GOAWAY the delay is %v", d)
	}
	if d := k.step(t); d != maxDelay+maxDelay/2 {
		t.Errorf("after Retry-After the delay is %v", d)
	}
}

// TestReconnectCauses: an error is raised for each attempt that failed, each attempt tells why the
// one before failed, and the last error why the last one did.
func TestReconnectCauses(t *testing.T) {
	url := fakeServer(t, func(n int, nc net.Conn) {
		if n == 0 {
			accept(nc)
			return
		}
		readRequest(nc)
		nc.Write([]byte("HTTP/1.1 403 Forbidden\r\n\r\n"))
	})
	c, k := clocked(t, url, Options{MaxReconnectAttempts: 2})
	causes, final := make(chan error, 10), make(chan error, 10)
	c.OnReconnecting(func(r Reconnecting) { causes <- r.Err })
	c.OnError(func(err error) { final <- err })
	connect(t, c)
	k.step(t)
	k.step(t)
	if err := take(t, causes, "the first attempt"); err != nil {
		t.Errorf("the first attempt: %v", err)
	}
	var h *frame.HandshakeError
	err := take(t, causes, "the second attempt")
	if !errors.As(err, &h) || h.Status != 403 {
		t.Errorf("the second attempt: %v", err)
	}
	for range 2 {
		h = nil
		err = take(t, final, "the error of an attempt")
		if !errors.Is(err, message.ErrHandshakeFailed) || !errors.As(err, &h) || h.Status != 403 {
			t.Errorf("the error of an attempt: %v", err)
		}
	}
	h = nil
	err = take(t, final, "the last error")
	if !errors.Is(err, message.ErrConnectionLost) || !errors.As(err, &h) || h.Status != 403 {
		t.Errorf("the last error: %v", err)
	}
	if len(final) != 0 {
		t.Errorf("one error more: %v", <-final)
	}
}

// TestURLs: Connect and the reconnection go on to the next address, and come back to the first.
func TestURLs(t *testing.T) {
	served := make(chan string, 10)
	serve := func(name string, ok func(n int) bool) string {
		return fakeServer(t, func(n int, nc net.Conn) {
			served <- name
			if ok(n) {
				accept(nc)
			}
		})
	}
	one := serve("one", func(n int) bool { return n == 2 })
	two := serve("two", func(n int) bool { return n == 0 })
	three := serve("three", func(int) bool { return false })
	c, k := clocked(t, one, Options{URLs: []string{two, one, three}})
	connect(t, c)
	expect(t, served, "one", "two") // two accepts, and is lost
	for _, name := range []string{"two", "one", "three", "two", "one"} {
		k.step(t)
		expect(t, served, name)
	}

	refusing := fakeServer(t, func(_ int, nc net.Conn) {
		nc.Write(append(append(readRequest(nc), hello()...), closeFrame(3500)...))
		readMessage(nc)
	})
	c = newClient(t, refusing, Options{URLs: []string{one}})
	if err := c.Connect(testContext(t)); !errors.Is(err, message.ErrAuthFailed) || len(served) > 0 {
		t.Errorf("after a final refusal: %v", err)
	}
	for _, bad := range []string{"", "ftp://a", "ws://a"} {
		_, err := New("wss://a", Options{URLs: []string{bad}})
		if e := (*OptionError)(nil); !errors.As(err, &e) || e.Field != "URLs" {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

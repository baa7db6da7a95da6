//go:build !js

package client

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/message"
)

// TestGoexit: a handler that ends its goroutine ends nothing else.
func TestGoexit(t *testing.T) {
	v := startServer(t, smartsocket.Options{}, echoes)
	c := newClient(t, urlOf(v, "/"), Options{})
	steps := make(chan string, 20)
	c.OnConnected(runtime.Goexit)
	c.OnConnected(func() { steps <- "connected" })
	c.OnError(func(err error) {
		if !errors.Is(err, message.ErrHandlerFailed) {
			t.Error(err)
		}
		steps <- "error"
		runtime.Goexit()
	})
	c.On("question", func(Data, Ack) { runtime.Goexit() })
	c.On("question", func(_ Data, ack Ack) { steps <- "second handler" })
	connect(t, c)
	expect(t, steps, "connected", "error")
	if _, err := c.EmitWithAck(
		testContext(t), "ask", nil); !errors.Is(err, message.ErrHandlerFailed) {
		t.Errorf("the answer of a handler that ended its goroutine: %v", err)
	}
	expect(t, steps, "second handler", "error")
	if err := c.EmitAck("echo", 1, 0, func(Data, error) { runtime.Goexit() }); err != nil {
		t.Fatal(err)
	}
	expect(t, steps, "error")
	if n, err := Request[int](testContext(t), c, "echo", 5); n != 5 {
		t.Error(err)
	}
}

// TestFinalCloseCodes: what the server closes a handshake with decides whether there is a
// next attempt.
func TestFinalCloseCodes(t *testing.T) {
	for code, final := range map[uint16]bool{3503: true, 3504: true, 1008: true, 1002: true,
		3500: true, 3501: true, 3502: true, 1001: false, 1011: false, 3000: false, 3001: false} {
		for _, part := range []string{"before HELLO", "after HELLO", "after CONNECT"} {
			var mu sync.Mutex
			tries := 0
			url := fakeServer(t, func(n int, nc net.Conn) {
				mu.Lock()
				tries++
				mu.Unlock()
				if n == 0 {
					accept(nc)
					return
				}
				b := readRequest(nc)
				if part != "before HELLO" {
					b = append(b, hello()...)
				}
				if part == "after CONNECT" {
					nc.Write(b)
					b = nil
					readMessage(nc)
				}
				nc.Write(append(b, closeFrame(code)...))
				io.Copy(io.Discard, nc)
			})
			c := newClient(t, url, Options{
				ReconnectDelay:       time.Millisecond,
				MaxReconnectAttempts: 3,
			})
			errs := make(chan error, 10)
			c.OnError(func(err error) { errs <- err })
			connect(t, c)
			raised := 1 // each attempt, and giving up
			if !final {
				raised = 4
			}
			var err error
			for range raised {
				err = take(t, errs, "the end of the attempts")
			}
			mu.Lock()
			if n := tries - 1; final && n != 1 || !final && n != 3 {
				t.Errorf("close %d %s: %d attempts, then %v", code, part, n, err)
			}
			mu.Unlock()
			c.Disconnect()
		}
	}
}

func TestRemoteClock(t *testing.T) {
	start := time.Unix(1e9, 0)
	var r remoteClock
	if rtt, ahead := r.read(); rtt != 0 || ahead != 0 {
		t.Errorf("nothing was measured: %v, %v", rtt, ahead)
	}
	const ahead = 90 * time.Second
	told := func(delay, rtt time.Duration) {
		sent := start.Add(ahead)
		r.add(start.Add(delay), uint64(sent.UnixMicro()), uint64(rtt.Microseconds()))
	}
	told(50*time.Millisecond, 0)
	if rtt, got := r.read(); rtt != 0 || got != ahead-50*time.Millisecond {
		t.Errorf("after one message: %v, %v", rtt, got)
	}
	told(10*time.Millisecond, 20*time.Millisecond)
	told(300*time.Millisecond, 600*time.Millisecond)
	if rtt, got := r.read(); rtt != 600*time.Millisecond || got != ahead {
		t.Errorf("the quickest does not count: %v, %v", rtt, got)
	}
	r.add(start, 1<<63, 1)
	r.add(start, 0, 1)
	r.add(start, 1, 1<<60)
	for range clockSamples { // the old ones do not count any more
		told(30*time.Millisecond, 60*time.Millisecond)
	}
	for r.taken%clockSamples != clockSamples-1 { // the last place
		told(30*time.Millisecond, 60*time.Millisecond)
	}
	told(50*time.Millisecond, 0) // of which no round trip is known
	if rtt, got := r.read(); rtt != 60*time.Millisecond || got != ahead {
		t.Errorf("%v, %v", rtt, got)
	}
}

// TestClockOfServer measures against the real server, with a clock of ours that is wrong.
func TestClockOfServer(t *testing.T) {
	v := startServer(t, smartsocket.Options{}, echoes)
	c := newClient(t, urlOf(v, "/"), Options{})
	c.clock = wrongClock{}
	connect(t, c)
	stop := time.Now().Add(patience)
	for c.Stats().RTT == 0 && time.Now().Before(stop) {
		time.Sleep(time.Millisecond)
	}
	s := c.Stats()
	if s.RTT <= 0 || s.RTT > patience {
		t.Errorf("RTT %v", s.RTT)
	}
	if d := s.ClockOffset - time.Hour; d.Abs() > patience {
		t.Errorf("the clock is an hour slow, measured %v", s.ClockOffset)
	}
	c.Disconnect()
	if s := c.Stats(); s.RTT != 0 || s.ClockOffset != 0 {
		t.Errorf("measured without a connection: %+v", s)
	}
}

// wrongClock is an hour slow.
type wrongClock struct{ systemClock }

func (wrongClock) Now() time.Time { return time.Now().Add(-time.Hour) }

// TestGoawayURL: the next connect goes where the server said, and back when nobody is there.
func TestGoawayURL(t *testing.T) {
	goaway := func(url string) []byte {
		return append(frame.AppendFrame(nil, frame.Binary,
			message.AppendGoaway(nil, &message.Goaway{ReconnectWindow: 10,
				URL: []byte(url)})), closeFrame(1001)...)
	}
	came := make(chan string, 10)
	next := fakeServer(t, func(n int, nc net.Conn) {
		came <- "next"
		if accept(nc) {
			switch n {
			case 0:
				nc.Write(closeFrame(1001)) // the next attempt comes here again
			case 1:
				nc.Write(goaway("ws://127.0.0.1:1")) // nobody is there
			}
			readMessage(nc)
		}
	})
	first := fakeServer(t, func(n int, nc net.Conn) {
		came <- "first"
		if accept(nc) {
			switch n {
			case 0:
				nc.Write(goaway(next + "/elsewhere"))
			case 1:
				nc.Write(goaway("not an address"))
			}
			readMessage(nc)
		}
	})
	c, k := clocked(t, first, Options{MaxReconnectAttempts: Forever})
	connect(t, c)
	expect(t, came, "first")
	k.step(t)
	expect(t, came, "next")
	k.step(t)
	expect(t, came, "next")
	k.step(t) // to nobody
	k.step(t)
	expect(t, came, "first")
	k.step(t)
	expect(t, came, "first")
}

func TestGoawayKeepsTLS(t *testing.T) {
	for _, tt := range []struct {
		home, to string
		moves    bool
	}{
		{"wss://a", "ws://b", false}, {"wss://a", "wss://b", true}, {"ws://a", "wss://b", true},
		{"ws://a", "http://b", false}, {"ws://a", "ws://user:secret@b", false},
		{"ws://a", "", false},
	} {
		c, err := New(tt.home, Options{})
		if err != nil {
			t.Fatal(err)
		}
		l := &link{c: c}
		if l.noteAddress([]byte(tt.to)); (l.moved != nil) != tt.moves {
			t.Errorf("%s to %s: moves %v", tt.home, tt.to, l.moved != nil)
		}
	}
}

// TestAckTimeoutByClock: the injected clock decides when an answer is late.
func TestAckTimeoutByClock(t *testing.T) {
	v := startServer(t, smartsocket.Options{}, echoes)
	c, k := clocked(t, urlOf(v, "/"), Options{AckTimeout: time.Hour})
	connect(t, c)
	done := make(chan error, 1)
	go func() {
		_, err := c.EmitWithAck(testContext(t), "silent", nil)
		done <- err
	}()
	take(t, k.funcs, "the timer")()
	if err := take(t, done, "the end"); !errors.Is(err, message.ErrAckTimeout) {
		t.Error(err)
	}
}

// lockedLog is a log that several goroutines write.
type lockedLog struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// TestLog: the lines are there at their levels, and no secret and no payload is at debug or above.
func TestLog(t *testing.T) {
	const apiKey, payload = "api-key-not-to-be-logged", "payload-not-to-be-logged"
	v := startServer(t, smartsocket.Options{
		EnableMessageCache: true,
		EncryptionKey:      testKey,
		APIKeys:            []string{apiKey},
	}, echoes)
	r := newRelay(t, v)
	run := func(level slog.Level) string {
		var log lockedLog
		c, back := flapper(t, r, Options{
			EncryptionKey: testKey, APIKey: apiKey,
			Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: level})),
		})
		var tokens []string
		note := func() { // the reader renews the token only when a session begins
			tokens = append(tokens, string(c.current.Load().session.token))
		}
		got := make(chan Data, 1)
		c.On("back", func(d Data, _ Ack) { got <- d.Clone() })
		connect(t, c)
		note()
		for _, data := range []any{payload, []byte(payload), json.RawMessage(`"` + payload + `"`)} {
			if err := c.Emit("back", data); err != nil {
				t.Fatal(err)
			}
			take(t, got, "the event")
			if _, err := c.EmitWithAck(testContext(t), "echo", data); err != nil {
				t.Fatal(err)
			}
		}
		_, _ = c.EmitWithAck(testContext(t), "nobody", payload)
		On(c, "question", func(n int, _ Ack) {})
		_, _ = c.EmitWithAck(testContext(t), "ask", payload) // does not decode
		r.cut(false)
		take(t, back, "the session")
		note()
		c.Disconnect()
		text := log.String()
		for _, secret := range append(tokens, apiKey, testKey) {
			if secret == "" || strings.Contains(text, secret) {
				t.Errorf("the log at %v holds the secret %q", level, secret)
			}
		}
		return text
	}
	host := strings.TrimPrefix(r.url, "ws://")
	lines := map[slog.Level][]string{
		slog.LevelInfo: {"Connecting to ws://" + host, "Connected to server"},
		slog.LevelDebug: {"WebSocket connection opened", "Sending CONNECT message",
			"Received CONNECT_ACK", "Emitting event: back", "Sent message ("},
	}
	for _, level := range []slog.Level{slog.LevelInfo, slog.LevelDebug} {
		text := run(level)
		if strings.Contains(text, payload) {
			t.Errorf("the log at %v holds a payload:\n%s", level, text)
		}
		for at, want := range lines {
			for _, line := range want {
				if strings.Contains(text, fmt.Sprintf("level=%v msg=%q", at, line)) ||
					strings.Contains(text, fmt.Sprintf("level=%v msg=\"%s", at, line)) {
					if at < level {
						t.Errorf("%q is logged at %v", line, level)
					}
				} else if at >= level {
					t.Errorf("%q is not logged at %v:\n%s", line, level, text)
				}
			}
		}
	}
	if !strings.Contains(run(levelTrace), payload) {
		t.Error("the payload is not logged at trace")
	}
}

//go:build linux || darwin

package smartsockettest

import (
	"strings"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/client"
	"github.com/smartsocket/smartsocket/message"
)

// soon makes the test of a client fail soon for what does not come.
func soon(c *Client) *Client {
	c.s.patience = 20 * time.Millisecond
	return c
}

// says checks that a test fails with all of these words.
func says(t *testing.T, name string, f func(testing.TB), words ...string) {
	t.Helper()
	text := fails(t, f)
	for _, w := range words {
		if !strings.Contains(text, w) {
			t.Errorf("%s: a failing test says\n%s\nwant %q in it", name, text, w)
		}
	}
}

// A test that fails says what came instead, in order.
func TestFailuresExplain(t *testing.T) {
	welcome := func(v *smartsocket.Server) {
		chat(v)
		v.OnConnected(func(s *smartsocket.Socket) {
			s.Emit("one", map[string]int{"x": 1})
			s.Emit("two", []byte{1, 2})
			s.Emit("three", nil)
		})
	}
	says(t, "another event", func(t testing.TB) {
		c := New(t, Options{}, welcome).Client(t)
		c.Expect("one", map[string]int{"x": 1})
		c.Expect("three", Any)
		soon(c).Expect("four", Any)
	}, `"four" did not come within 20ms`, "1. \"one\" {\"x\":1} (expected before)\n",
		"2. \"two\" bytes 0102\n", "3. \"three\" without data (expected before)\n")
	says(t, "other data", func(t testing.TB) {
		New(t, Options{}, welcome).Client(t).Expect("one", map[string]int{"x": 2})
	}, `"one" came with other data`, `got  {"x":1}`, `want {"x":2}`)
	says(t, "other bytes", func(t testing.TB) {
		New(t, Options{}, welcome).Client(t).Expect("two", []byte{1, 3})
	}, "got  bytes 0102", "want bytes 0103")
	says(t, "data where none are wanted", func(t testing.TB) {
		New(t, Options{}, welcome).Client(t).Expect("one", nil)
	}, "want no data")
	says(t, "no data", func(t testing.TB) {
		New(t, Options{}, welcome).Client(t).Expect("three", 3)
	}, "got  without data", "want 3")
	says(t, "no JSON", func(t testing.TB) {
		New(t, Options{}, welcome).Client(t).Expect("one", func() {})
	}, "want what is no JSON")
	says(t, "something", func(t testing.TB) {
		New(t, Options{}, welcome).Client(t).ExpectNothing()
	}, "3 events came that were not expected", "3. \"three\"")
	says(t, "nothing", func(t testing.TB) {
		soon(New(t, Options{}, nil).Client(t)).Expect("one", Any)
	}, "The client has got nothing")
	says(t, "no end", func(t testing.TB) {
		soon(New(t, Options{}, nil).Client(t)).ExpectClosed(message.CloseKicked)
	}, "the connection did not end within 20ms")
	says(t, "another end", func(t testing.TB) {
		c := New(t, Options{}, nil).Client(t)
		c.Socket().Disconnect()
		c.ExpectClosed(message.CloseNormal)
	}, "close code 3504 (kicked), want 1000", "disconnected: kicked (close code 3504)")
}

func TestFailingCallsExplain(t *testing.T) {
	says(t, "no handler", func(t testing.TB) {
		New(t, Options{}, chat).Client(t).Call("nonsense", 1)
	}, `"nonsense" was not answered`, string(message.CodeNoHandler))
	says(t, "an answer", func(t testing.TB) {
		New(t, Options{}, chat).Client(t).CallFails("join", "room", message.CodeNoHandler)
	}, `the answer to "join" is []`, "want the error ERR_")
	says(t, "another error", func(t testing.TB) {
		New(t, Options{}, chat).Client(t).CallFails("x", 1, message.CodeRateLimited)
	}, `the answer to "x" is an error`, "want "+string(message.CodeRateLimited))
	says(t, "another type", func(t testing.TB) {
		Call[int](New(t, Options{}, chat).Client(t), "join", "room")
	}, `the answer to "join" is []`)
	says(t, "no connection", func(t testing.TB) {
		New(t, Options{APIKeys: []string{"12345678"}}, nil).Client(t)
	}, "the client could not connect", string(message.CodeAuthFailed))
	says(t, "a connection", func(t testing.TB) {
		New(t, Options{}, nil).NewClient(t).ConnectFails(message.CodeAuthFailed)
	}, "the client could connect")
	says(t, "an end", func(t testing.TB) {
		s := New(t, Options{}, nil)
		s.Close()
		s.Client(t)
	}, "the server has ended")
	for name, f := range map[string]func(*Client){
		"Socket": func(c *Client) { c.Socket() }, "Pause": (*Client).Pause,
		"Cut": (*Client).Cut, "Emit": func(c *Client) { c.Emit("x", 1) },
	} {
		says(t, name, func(t testing.TB) { f(New(t, Options{}, nil).NewClient(t)) },
			"not connected")
	}
	says(t, "Reconnect", func(t testing.TB) { New(t, Options{}, nil).Client(t).Reconnect() },
		"Reconnect is for a client after Cut")
	says(t, "two Options", func(t testing.TB) {
		New(t, Options{}, nil).Client(t, client.Options{}, client.Options{})
	}, "one client.Options at most")
	says(t, "a bad Option", func(t testing.TB) {
		New(t, Options{}, nil).Client(t, client.Options{QueueSize: -1})
	}, "QueueSize")
}

func TestFailsWhenNeverQuiet(t *testing.T) {
	release := make(chan bool)
	says(t, "a handler that blocks", func(t testing.TB) {
		s := New(t, Options{}, func(v *smartsocket.Server) {
			v.On("block", func(*smartsocket.Socket, Data, Ack) { <-release })
		})
		c := soon(s.Client(t))
		c.Emit("block", nil)
		t.Cleanup(func() { close(release) })
		s.Quiet()
	}, "1 handlers have not returned after 20ms")
	says(t, "a ring", func(t testing.TB) {
		s := New(t, Options{}, chat)
		c := s.NewClient(t)
		c.On("echo", func(client.Data, client.Ack) { c.Client.Emit("echo", 1) })
		c.Connect()
		soon(c).Emit("echo", 1)
		s.Quiet()
	}, "they answer each other without end")
}

func TestLeaksAreReported(t *testing.T) {
	release := make(chan bool)
	says(t, "a goroutine of a handler", func(t testing.TB) {
		s := New(t, Options{}, func(v *smartsocket.Server) {
			v.OnConnected(func(*smartsocket.Socket) { go leak(release) })
		})
		s.Client(t)
	}, "are left behind", "smartsockettest.leak")
	close(release)
	release = make(chan bool)
	says(t, "a handler", func(t testing.TB) {
		begun := make(chan bool)
		s := New(t, Options{}, func(v *smartsocket.Server) {
			v.On("block", func(*smartsocket.Socket, Data, Ack) {
				close(begun)
				leak(release)
			})
		})
		s.Client(t).Emit("block", nil)
		<-begun
	}, "the server did not end", "1 handlers", "smartsockettest.leak")
	close(release)
	text := fails(t, func(t testing.TB) {
		end := make(chan bool)
		New(t, Options{}, func(v *smartsocket.Server) {
			t.Cleanup(func() { close(end) })
			go leak(end)
		})
	})
	if text != "" {
		t.Errorf("a test that cleans up says %s", text)
	}
}

func leak(release chan bool) { <-release }

// register may end the test.
func TestRegisterFails(t *testing.T) {
	text := fails(t, func(t testing.TB) {
		New(t, Options{}, func(*smartsocket.Server) { t.Fatal("no") })
	})
	if text != "no\n" {
		t.Errorf("it says %q", text)
	}
}

// A server that cannot start says why when a client connects.
func TestStartFails(t *testing.T) {
	says(t, "a broker", func(t testing.TB) {
		New(t, Options{Broker: noBroker{}}, nil).Client(t)
	}, "the server did not start", "no broker here")
}

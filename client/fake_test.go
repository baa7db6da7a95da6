//go:build !js

package client

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/message"
)

// fakeServer serves each connection with serve, on a goroutine of its own, until the test ends.
func fakeServer(t testing.TB, serve func(n int, nc net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for n := 0; ; n++ {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			nc.SetDeadline(time.Now().Add(patience))
			go func() {
				defer nc.Close()
				serve(n, nc)
			}()
		}
	}()
	return "ws://" + l.Addr().String()
}

// readRequest reads a client's upgrade request and returns the right answer to it.
func readRequest(nc net.Conn) []byte {
	var buf []byte
	one := make([]byte, 1)
	for !bytes.HasSuffix(buf, []byte("\r\n\r\n")) {
		if _, err := nc.Read(one); err != nil {
			return nil
		}
		buf = append(buf, one[0])
	}
	r, err := frame.ParseRequest(buf)
	if err != nil {
		return nil
	}
	return frame.AppendResponse(nil, &r, message.Subprotocol, "")
}

func hello() []byte {
	random := make([]byte, 32)
	rand.Read(random)
	return frame.AppendFrame(nil, frame.Binary, message.AppendHello(nil, &message.Hello{
		Version:         1,
		Random:          random,
		MaxMessageBytes: 1 << 20,
	}))
}

func connectAck() []byte {
	return frame.AppendFrame(nil, frame.Binary, message.AppendConnectAck(nil, &message.ConnectAck{
		SocketID:        []byte("ss_fake"),
		MaxMessageBytes: 1 << 20,
	}))
}

func closeFrame(code uint16) []byte {
	return frame.AppendFrame(nil, frame.Close, frame.AppendCloseBody(nil, frame.CloseCode(code),
		""))
}

// accept does the whole handshake.
func accept(nc net.Conn) bool {
	nc.Write(append(readRequest(nc), hello()...))
	_, ok := readMessage(nc)
	nc.Write(connectAck())
	return ok
}

// readMessage reads one frame of the client, by single bytes, and returns its payload.
func readMessage(nc net.Conn) ([]byte, bool) {
	var parser frame.Parser
	defer parser.Reset()
	one := make([]byte, 1)
	for {
		if _, err := nc.Read(one); err != nil {
			return nil, false
		}
		if m, _, ok, err := parser.Feed(&frame.Config{}, one); err != nil {
			return nil, false
		} else if ok {
			return bytes.Clone(m.Payload), m.Op != frame.Close
		}
	}
}

func TestBadServers(t *testing.T) {
	answers := map[string]struct {
		answer func(good []byte) []byte
		code   message.Code
	}{
		"no HTTP": {func([]byte) []byte {
			return []byte("SSH-2.0-x\r\n\r\n")
		}, message.CodeHandshakeFailed},
		"404": {func([]byte) []byte {
			return []byte("HTTP/1.1 404 Not Found\r\n\r\n")
		}, message.CodeHandshakeFailed},
		"503": {func([]byte) []byte {
			return []byte("HTTP/1.1 503 Busy\r\nRetry-After: 7\r\n\r\n")
		}, message.CodeMaxConnections},
		"429": {func([]byte) []byte {
			return []byte("HTTP/1.1 429 Too Many Requests\r\nRetry-After: 7\r\n\r\n")
		}, message.CodeThrottled},
		"429 without a time": {func([]byte) []byte {
			return []byte("HTTP/1.1 429 Too Many Requests\r\n\r\n")
		}, message.CodeThrottled},
		"wrong accept": {func(g []byte) []byte {
			return bytes.Replace(g, []byte("Sec-WebSocket-Accept: "),
				[]byte("Sec-WebSocket-Accept: A"), 1)
		}, message.CodeHandshakeFailed},
		"no subprotocol": {func(g []byte) []byte {
			return bytes.Replace(g, []byte("Sec-WebSocket-Protocol"), []byte("X-Protocol"), 1)
		}, message.CodeHandshakeFailed},
		"endless head": {func([]byte) []byte {
			return []byte("HTTP/1.1 101 OK\r\n" + strings.Repeat("A: b\r\n", 5000))
		}, message.CodeHandshakeFailed},
		"garbage HELLO": {func(g []byte) []byte {
			return append(g, frame.AppendFrame(nil, frame.Binary, []byte{1, 9, 255, 255})...)
		}, message.CodeHandshakeFailed},
		"text HELLO": {func(g []byte) []byte {
			return append(g, frame.AppendFrame(nil, frame.Text, []byte(`{"event":"x"}`))...)
		}, message.CodeHandshakeFailed},
		"CONNECT_ACK first": {func(g []byte) []byte {
			return append(g, connectAck()...)
		}, message.CodeHandshakeFailed},
		"masked frame": {func(g []byte) []byte {
			return append(g, 0x82, 0x81, 1, 2, 3, 4, 5)
		}, message.CodeHandshakeFailed},
		"another version": {func(g []byte) []byte {
			return append(g, frame.AppendFrame(nil, frame.Binary,
				message.AppendHello(nil, &message.Hello{
					Version: 2,
					Random:  make([]byte, 32),
				}))...)
		}, message.CodeHandshakeFailed},
		"close 3500": {func(g []byte) []byte {
			return append(g, closeFrame(3500)...)
		}, message.CodeAuthFailed},
		"close 1013": {func(g []byte) []byte {
			return append(append(g, hello()...), closeFrame(1013)...)
		}, message.CodeMaxConnections},
		"close after ERROR": {func(g []byte) []byte {
			return append(append(g, hello()...), append(frame.AppendFrame(nil, frame.Binary,
				message.Append(nil, &message.Message{
					Kind:    message.KindError,
					Payload: []byte(`{"code":"ERR_MSG_005","message":"no"}`),
				})), closeFrame(3501)...)...)
		}, message.CodeInvalidNamespace},
	}
	for name, tt := range answers {
		t.Run(name, func(t *testing.T) {
			url := fakeServer(t, func(_ int, nc net.Conn) {
				nc.Write(tt.answer(readRequest(nc)))
				io.Copy(io.Discard, nc)
			})
			c := newClient(t, url, Options{})
			c.OnReconnecting(func(Reconnecting) { t.Error("reconnects") })
			err := c.Connect(testContext(t))
			if e := (*Error)(nil); !errors.As(err, &e) || e.Code != tt.code {
				t.Errorf("Connect: %v, want %s", err, tt.code)
			}
			if (name == "503" || name == "429") && (!strings.Contains(err.Error(), name) ||
				err.(*Error).RetryAfter != 7000) {
				t.Errorf("Connect: %v", err)
			}
			if name == "429 without a time" && !strings.Contains(err.Error(), "try again later") {
				t.Errorf("Connect: %v", err)
			}
			if s := c.Stats(); s.Connected || c.Emit("x", nil) == nil {
				t.Error("the client believes to be connected")
			}
		})
	}
}

// A server whose frames break RFC 6455 is told so in a close frame, and is not asked again.
func TestServerBreaksTheProtocol(t *testing.T) {
	for name, b := range map[string][]byte{
		"masked":         {0x82, 0x81, 1, 2, 3, 4, 5},
		"reserved bits":  {0xe2, 0},
		"unknown opcode": {0x83, 0},
		"half a code":    {0x88, 1, 3},
		"reserved code":  {0x88, 2, 3, 0xed}, // 1005
	} {
		told := make(chan []byte, 1)
		url := fakeServer(t, func(_ int, nc net.Conn) {
			accept(nc)
			nc.Write(b)
			body, _ := readMessage(nc)
			told <- body
		})
		c := newClient(t, url, Options{})
		gone := make(chan Reason, 1)
		c.OnDisconnected(func(r Reason) { gone <- r })
		c.OnReconnecting(func(Reconnecting) { t.Errorf("%s: reconnects", name) })
		connect(t, c)
		if r := take(t, gone, "the end"); r.Code != 1002 {
			t.Errorf("%s: the client ends with %v", name, r)
		}
		code, _, err := frame.ParseCloseBody(take(t, told, "the close frame"))
		if err != nil || code != frame.CloseProtocolError {
			t.Errorf("%s: the server is told %d, %v", name, code, err)
		}
	}
}

func TestSilentServer(t *testing.T) {
	for name, serve := range map[string]func(int, net.Conn){
		"no 101": func(_ int, nc net.Conn) { io.Copy(io.Discard, nc) },
		"no HELLO": func(_ int, nc net.Conn) {
			nc.Write(readRequest(nc))
			io.Copy(io.Discard, nc)
		},
		"no CONNECT_ACK": func(_ int, nc net.Conn) {
			nc.Write(append(readRequest(nc), hello()...))
			io.Copy(io.Discard, nc)
		},
	} {
		c := newClient(t, fakeServer(t, serve), Options{ConnectTimeout: 50 * time.Millisecond})
		if err := c.Connect(testContext(t)); !errors.Is(err, message.ErrTimeout) {
			t.Errorf("%s: %v", name, err)
		}
	}
	c := newClient(t, "ws://127.0.0.1:1", Options{})
	if err := c.Connect(testContext(t)); !errors.Is(err, message.ErrRefused) {
		t.Errorf("nobody listens: %v", err)
	}
}

// TestCutHandshake closes the connection after each byte of the server's part of the handshake.
func TestCutHandshake(t *testing.T) {
	whole := len(hello()) + 1
	cut := 0
	url := fakeServer(t, func(n int, nc net.Conn) {
		b := append(readRequest(nc), hello()...)
		nc.Write(b[:min(n, len(b)-1)])
	})
	for range 129 + whole {
		c := newClient(t, url, Options{})
		if err := c.Connect(testContext(t)); !errors.Is(err, message.ErrHandshakeFailed) {
			t.Fatalf("after %d bytes: %v", cut, err)
		}
		cut++
	}
}

// FuzzServer gives the client arbitrary bytes behind a good handshake, and instead of HELLO.
func FuzzServer(f *testing.F) {
	f.Add([]byte{}, true)
	f.Add(frame.AppendFrame(nil, frame.Binary, message.AppendEventHeader(nil, message.FlagAck, 0, 1,
		"e")), true)
	f.Add(frame.AppendFrame(nil, frame.Binary, []byte{0x55, 1, 0xff}), true)
	f.Add(frame.AppendFrame(nil, frame.Text, []byte(`{"ack":1,"data":[]}`)), true)
	f.Add(hello(), false)
	f.Fuzz(func(t *testing.T, b []byte, open bool) {
		server, end := net.Pipe()
		go func() {
			if open {
				server.Write(append(hello(), connectAck()...))
			}
			server.Write(b)
			server.Close()
		}()
		go io.Copy(io.Discard, server)
		c, _ := New("ws://localhost", Options{
			MaxReconnectAttempts: Never,
			MaxMessageBytes:      1 << 16,
		})
		c.life, c.end = testContext(t), func() {}
		c.state = connecting
		nt := &netTransport{writer: writer{nc: end, tcp: end}, in: newSource(end, minRead),
			cfg: frame.Config{Client: true, MaxMessage: 1 << 16}}
		c.On("e", func(d Data, ack Ack) {
			var v any
			_ = d.Decode(&v)
			ack.Reply(v)
		})
		l := newLink(c, nt, &attempt{life: c.life, at: c.at, session: new(session)})
		l.run()
		<-l.done
		select {
		case <-l.ready:
		default:
			t.Error("the handshake has no result")
		}
	})
}

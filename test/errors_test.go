package test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/client"
	"github.com/smartsocket/smartsocket/crypto"
	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/message"
)

// Every ERR_ code is provoked twice, each test being named by its code: by bytes
// on the wire, and from the Go client.

// wantError checks the code of the next message, an ERROR.
func (w *wire) wantError(code message.Code) {
	w.t.Helper()
	m := w.message()
	if e, err := message.ParseErrorJSON(m.Payload); m.Kind != message.KindError || err != nil || e.Code != code {
		w.t.Errorf("kind %d %q (%v), want %s", m.Kind, m.Payload, err, code)
	}
}

// serverOfErrors has an event for each error that one event can meet.
func serverOfErrors(t *testing.T, o smartsocket.Options) *smartsocket.Server {
	return startServer(t, o, func(v *smartsocket.Server) {
		echoOn(v)
		v.Use(func(_ *smartsocket.Socket, event string, _ smartsocket.Data, next func(error)) {
			if event == "refused" {
				next(errors.New("not for you"))
				return
			}
			next(nil)
		})
		v.On("refused", echo)
		v.On("panic", func(*smartsocket.Socket, smartsocket.Data, smartsocket.Ack) { panic("boom") })
		v.On("silent", func(*smartsocket.Socket, smartsocket.Data, smartsocket.Ack) {})
		smartsocket.Handle(v, "typed", func(_ *smartsocket.Socket, n int) (int, error) { return n, nil })
		// ask asks back and answers with the code of what came of it.
		v.On("ask", func(s *smartsocket.Socket, _ smartsocket.Data, ack smartsocket.Ack) {
			_, err := s.EmitWithAck(context.Background(), "question", nil)
			var e *smartsocket.Error
			if errors.As(err, &e) {
				ack.Reply(e.Code)
				return
			}
			ack.Reply("")
		})
		v.SetEventRateLimit("rare", smartsocket.Limit{Window: time.Minute, MaxRequests: 1})
		v.On("rare", func(_ *smartsocket.Socket, _ smartsocket.Data, ack smartsocket.Ack) { ack.Reply(nil) })
	})
}

func TestErrorCodesOnTheWire(t *testing.T) {
	v := serverOfErrors(t, smartsocket.Options{HandshakeTimeout: 300 * time.Millisecond, AckTimeout: 50 * time.Millisecond, MaxMessageBytes: 1 << 20})
	key, text := newKey()
	for code, provoke := range map[message.Code]func(t *testing.T){
		message.CodeRefused: func(t *testing.T) {
			v := startServer(t, smartsocket.Options{}, nil)
			addr := v.Addr().String()
			v.Close()
			if _, err := net.Dial("tcp", addr); err == nil {
				t.Error("a closed server accepts")
			}
		},
		message.CodeTimeout: func(t *testing.T) {
			w := dialWire(t, v, "/", message.Subprotocol)
			w.message()
			w.wantError(message.CodeTimeout)
			w.wantClose(3001)
		},
		message.CodeHandshakeFailed: func(t *testing.T) {
			w := dialWire(t, v, "/", message.Subprotocol)
			w.message()
			w.send(frame.Binary, message.AppendConnect(nil, &message.Connect{Version: 99}))
			w.wantError(message.CodeHandshakeFailed)
			w.wantClose(1002)
			nc := dialRaw(t, v, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
			var buf [64]byte
			if n, _ := nc.Read(buf[:]); !strings.HasPrefix(string(buf[:n]), "HTTP/1.1 4") {
				t.Errorf("no upgrade: %q", buf[:n])
			}
		},
		message.CodeAuthFailed: func(t *testing.T) {
			v := startServer(t, smartsocket.Options{APIKeys: []string{"the-right-key"}}, nil)
			w, _ := connectWith(t, v, "the-wrong-key")
			w.wantClose(3500)
		},
		message.CodeMaxConnections: func(t *testing.T) {
			v := startServer(t, smartsocket.Options{MaxConnections: 1}, nil)
			dialFull(t, v, "/")
			w := dialWire(t, v, "/", message.Subprotocol)
			w.wantError(message.CodeMaxConnections)
			w.wantClose(1013)
		},
		message.CodeConnectionLost: func(t *testing.T) {
			got := make(chan error, 1)
			v := startServer(t, smartsocket.Options{}, func(v *smartsocket.Server) {
				v.OnConnected(func(s *smartsocket.Socket) {
					_, err := s.EmitWithAck(context.Background(), "question", nil)
					got <- err
				})
			})
			w := dialFull(t, v, "/")
			w.message()
			w.nc.Close()
			if err := <-got; !errors.Is(err, smartsocket.ErrConnectionLost) {
				t.Errorf("%v", err)
			}
		},
		message.CodeInvalidFormat: func(t *testing.T) {
			w := dialFull(t, v, "/")
			w.send(frame.Binary, []byte{0x0c})
			w.wantError(message.CodeInvalidFormat)
		},
		message.CodeDecompression: func(t *testing.T) {
			w := dialFull(t, v, "/")
			w.send(frame.Binary, append(message.AppendEventHeader(nil, message.FlagDeflated, 0, 0, "echo"), 7, 7, 7))
			w.wantError(message.CodeDecompression)
		},
		message.CodeDecryption: func(t *testing.T) {
			v := startServer(t, smartsocket.Options{EncryptionKey: text, EncryptionAlgorithm: "aes-256-gcm"}, nil)
			w, ok := dialSealed(t, v, "/", &key, crypto.AES256GCM)
			if !ok {
				t.Fatal("refused")
			}
			rec := w.ends.Seal(nil, message.AppendEventHeader(nil, 0, 0, 0, "x"))
			rec[len(rec)-1] ^= 1
			w.send(frame.Binary, rec)
			if e, err := message.ParseErrorJSON(w.open().Payload); err != nil || e.Code != message.CodeDecryption {
				t.Errorf("%v %v", e, err)
			}
			w.wantClose(3502)
		},
		message.CodeTooLarge: func(t *testing.T) {
			w := dialFull(t, v, "/")
			w.send(frame.Binary, append(message.AppendEventHeader(nil, message.FlagBinary, 0, 0, "echo"), make([]byte, 1<<20+1)...))
			w.wantError(message.CodeTooLarge)
			w.wantClose(1009)
		},
		message.CodeInvalidNamespace: func(t *testing.T) {
			w := dialWire(t, v, "/", message.Subprotocol)
			w.message()
			w.send(frame.Binary, message.AppendConnect(nil, &message.Connect{Version: 1, Namespace: []byte("/none")}))
			w.wantError(message.CodeInvalidNamespace)
			w.wantClose(3501)
		},
		message.CodeRateLimited: func(t *testing.T) {
			v := serverOfErrors(t, smartsocket.Options{RateLimitMaxRequests: 1, RateLimitWindow: time.Minute})
			w := dialFull(t, v, "/")
			w.request(1, "typed", "1")
			w.wantAck(1, "1")
			w.request(2, "typed", "1")
			w.wantNack(2, message.CodeRateLimited)
		},
		message.CodeEventRateLimited: func(t *testing.T) {
			v := serverOfErrors(t, smartsocket.Options{RateLimitMaxRequests: 100})
			w := dialFull(t, v, "/")
			w.request(1, "rare", "")
			w.wantAck(1, "")
			w.request(2, "rare", "")
			w.wantNack(2, message.CodeEventRateLimited)
		},
		message.CodeAckTimeout: func(t *testing.T) {
			w := dialFull(t, v, "/")
			w.request(1, "ask", "")
			w.message()
			w.wantAck(1, `"ERR_ACK_001"`)
		},
		message.CodeAckInvalid: func(t *testing.T) {
			w := dialFull(t, v, "/")
			w.request(1, "ask", "")
			w.send(frame.Binary, ackTo(w.message(), message.KindError, `"no error object"`))
			w.wantAck(1, `"ERR_ACK_002"`)
		},
		message.CodeAckUnknown: func(t *testing.T) {
			w := dialFull(t, v, "/")
			w.send(frame.Binary, ackTo(message.Message{AckID: 12345}, message.KindAck, "1"))
			w.wantError(message.CodeAckUnknown)
		},
		message.CodeRejected: func(t *testing.T) {
			w := dialFull(t, v, "/")
			w.request(1, "refused", "")
			w.wantNack(1, message.CodeRejected)
		},
		message.CodeHandlerFailed: func(t *testing.T) {
			w := dialFull(t, v, "/")
			w.request(1, "panic", "")
			w.wantNack(1, message.CodeHandlerFailed)
		},
		message.CodeNoHandler: func(t *testing.T) {
			w := dialFull(t, v, "/")
			w.request(1, "nobody", "")
			w.wantNack(1, message.CodeNoHandler)
		},
	} {
		t.Run(string(code), provoke)
	}
}

func TestErrorCodesFromTheClient(t *testing.T) {
	v := serverOfErrors(t, smartsocket.Options{AckTimeout: 50 * time.Millisecond})
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	dialErr := func(addr string, o client.Options) error {
		c, err := client.New("ws://"+addr, o)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Disconnect()
		return c.Connect(ctx)
	}
	request := func(v *smartsocket.Server, event string, data any) error {
		_, err := connected(t, newClient(t, v, client.Options{AckTimeout: 100 * time.Millisecond})).EmitWithAck(ctx, event, data)
		return err
	}
	for code, provoke := range map[message.Code]func(t *testing.T) error{
		message.CodeRefused: func(t *testing.T) error {
			l, _ := net.Listen("tcp", "127.0.0.1:0")
			l.Close()
			return dialErr(l.Addr().String(), client.Options{})
		},
		message.CodeTimeout: func(t *testing.T) error {
			l, _ := net.Listen("tcp", "127.0.0.1:0")
			defer l.Close()
			return dialErr(l.Addr().String(), client.Options{ConnectTimeout: 50 * time.Millisecond})
		},
		message.CodeHandshakeFailed: func(t *testing.T) error {
			h := httptest.NewServer(http.NotFoundHandler())
			defer h.Close()
			return dialErr(h.Listener.Addr().String(), client.Options{})
		},
		message.CodeAuthFailed: func(t *testing.T) error {
			v := startServer(t, smartsocket.Options{APIKeys: []string{"the-right-key"}}, nil)
			return dialErr(v.Addr().String(), client.Options{APIKey: "the-wrong-key"})
		},
		message.CodeMaxConnections: func(t *testing.T) error {
			v := startServer(t, smartsocket.Options{MaxConnections: 1}, nil)
			dialFull(t, v, "/")
			return dialErr(v.Addr().String(), client.Options{})
		},
		message.CodeConnectionLost: func(t *testing.T) error {
			c := connected(t, newClient(t, v, client.Options{}))
			lost := make(chan error, 1)
			c.EmitAck("silent", nil, 0, func(_ client.Data, err error) { lost <- err })
			c.Disconnect()
			return <-lost
		},
		message.CodeInvalidFormat: func(t *testing.T) error { return request(v, "typed", "not a number") },
		message.CodeTooLarge: func(t *testing.T) error {
			v := serverOfErrors(t, smartsocket.Options{MaxMessageBytes: 1000})
			return request(v, "echo", make([]byte, 1001))
		},
		message.CodeInvalidNamespace: func(t *testing.T) error {
			return dialErr(v.Addr().String(), client.Options{Namespace: "/none"})
		},
		message.CodeRateLimited: func(t *testing.T) error {
			v := serverOfErrors(t, smartsocket.Options{RateLimitMaxRequests: 1, RateLimitWindow: time.Minute})
			c := connected(t, newClient(t, v, client.Options{}))
			c.Emit("silent", nil)
			_, err := c.EmitWithAck(ctx, "typed", 1)
			return err
		},
		message.CodeEventRateLimited: func(t *testing.T) error {
			v := serverOfErrors(t, smartsocket.Options{RateLimitMaxRequests: 100})
			c := connected(t, newClient(t, v, client.Options{}))
			c.Emit("rare", nil)
			_, err := c.EmitWithAck(ctx, "rare", nil)
			return err
		},
		message.CodeAckTimeout: func(t *testing.T) error { return request(v, "silent", nil) },
		message.CodeAckInvalid: func(t *testing.T) error {
			_, err := client.Request[[]int](ctx, connected(t, newClient(t, v, client.Options{})), "typed", 1)
			return err
		},
		message.CodeRejected:      func(t *testing.T) error { return request(v, "refused", nil) },
		message.CodeHandlerFailed: func(t *testing.T) error { return request(v, "panic", nil) },
		message.CodeNoHandler:     func(t *testing.T) error { return request(v, "nobody", nil) },
		// What the client cannot do wrong by itself, a server does to it.
		message.CodeDecompression: func(t *testing.T) error {
			return raisedBy(t, "", append(message.AppendEventHeader(nil, message.FlagDeflated, 0, 0, "e"), 7, 7, 7))
		},
		message.CodeDecryption: func(t *testing.T) error {
			_, text := newKey()
			return raisedBy(t, text, []byte{byte(message.KindSealed), 1, 2, 3})
		},
		// An answer nobody waits for is counted; it is no error of anything the client does.
		message.CodeAckUnknown: func(t *testing.T) error {
			_, c := tampered(t, "", append(message.Append(nil, &message.Message{Kind: message.KindAck, Flags: message.FlagAck, AckID: 4711}), '1'))
			eventually(t, "the answer to be counted", func() bool { return c.Stats().UnknownAcks > 0 })
			return message.ErrAckUnknown
		},
	} {
		t.Run(string(code), func(t *testing.T) {
			var e *smartsocket.Error
			if err := provoke(t); !errors.As(err, &e) || e.Code != code {
				t.Errorf("got %v", err)
			}
		})
	}
}

// raisedBy connects a client, lets the server's next message to it be b, and
// returns what the client's "error" handler is told.
func raisedBy(t *testing.T, key string, b []byte) error {
	raised, _ := tampered(t, key, b)
	select {
	case err := <-raised:
		return err
	case <-time.After(patience):
		t.Fatal("no error was raised")
		return nil
	}
}

// tampered connects a client through a proxy that, once the client has sent an
// event, sends it b as one message.
func tampered(t *testing.T, key string, b []byte) (raised chan error, c *client.Client) {
	v := startServer(t, smartsocket.Options{EncryptionKey: key}, echoOn)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	injected := make(chan struct{})
	go func() {
		in, err := l.Accept()
		if err != nil {
			return
		}
		defer in.Close()
		out, err := net.Dial("tcp", v.Addr().String())
		if err != nil {
			return
		}
		defer out.Close()
		done := make(chan struct{})
		go func() {
			defer close(done)
			var buf [4096]byte
			for {
				in.SetReadDeadline(time.Now().Add(patience))
				n, err := in.Read(buf[:])
				if err != nil {
					out.Close()
					return
				}
				out.Write(buf[:n])
			}
		}()
		var buf [4096]byte
		for {
			n, err := out.Read(buf[:])
			if err != nil {
				break
			}
			in.Write(buf[:n])
			select {
			case <-injected:
				in.Write(frame.AppendFrame(nil, frame.Binary, b))
			default:
			}
		}
		in.Close()
		<-done
	}()
	raised = make(chan error, 8)
	c, err = client.New("ws://"+l.Addr().String(), client.Options{EncryptionKey: key, MaxReconnectAttempts: client.Never})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Disconnect)
	c.OnError(func(err error) { raised <- err })
	connected(t, c)
	close(injected)
	c.Emit("echo", 1)
	return raised, c
}

// Who asks while the server drains is told why it gets no answer.
func TestErrorCodeOfShutdown(t *testing.T) {
	holds, hold := make(chan struct{}), make(chan struct{})
	v := startServer(t, smartsocket.Options{}, func(v *smartsocket.Server) {
		v.On("hold", func(_ *smartsocket.Socket, _ smartsocket.Data, ack smartsocket.Ack) {
			close(holds)
			<-hold
			ack.Reply(nil)
		})
	})
	a, b := dialFull(t, v, "/"), dialFull(t, v, "/")
	a.request(1, "hold", "")
	<-holds
	b.request(1, "nobody", "")
	b.wantNack(1, message.CodeNoHandler)
	done := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		done <- v.Shutdown(ctx)
	}()
	for { // until the drain has begun
		b.request(2, "nobody", "")
		m := b.message()
		if e, err := message.ParseErrorJSON(m.Payload); err == nil && e.Code == message.CodeShuttingDown {
			break
		} else if m.Kind != message.KindError && m.Kind != message.KindGoaway {
			t.Fatalf("kind %d", m.Kind)
		}
		time.Sleep(time.Millisecond)
	}
	close(hold)
	a.nc.Close()
	b.nc.Close()
	<-done
}

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

// serverOfErrors has an event for each error that one event can meet.
func serverOfErrors(t *testing.T, o Options) *Server {
	return startServer(t, o, func(v *Server) {
		echoOn(v)
		v.Use(func(_ *Socket, event string, _ Data, next func(error)) {
			if event == "refused" {
				next(errors.New("not for you"))
				return
			}
			next(nil)
		})
		v.On("refused", echo)
		v.On("panic", panics)
		v.On("silent", ignore)
		smartsocket.Handle(v, "typed", func(_ *Socket, n int) (int, error) { return n, nil })
		// ask asks back and answers with the code of what came of it.
		v.On("ask", func(s *Socket, _ Data, ack Ack) {
			_, err := s.EmitWithAck(context.Background(), "question", nil)
			var e *smartsocket.Error
			if errors.As(err, &e) {
				ack.Reply(e.Code)
				return
			}
			ack.Reply("")
		})
		v.SetEventRateLimit("rare", smartsocket.Limit{Window: time.Minute, MaxRequests: 1})
		v.On("rare", func(_ *Socket, _ Data, ack Ack) { ack.Reply(nil) })
	})
}

// Every ERR_ code is provoked twice, in a test that is named by the code: here by bytes on the
// wire, and below from the Go client.
func TestErrorCodesOnTheWire(t *testing.T) {
	v := serverOfErrors(t, Options{
		HandshakeTimeout: 300 * time.Millisecond, AckTimeout: 50 * time.Millisecond,
		MaxMessageBytes: 1 << 20,
	})
	key, text := newKey()
	for code, provoke := range map[message.Code]func(t *testing.T){
		message.CodeRefused: func(t *testing.T) {
			v := startServer(t, Options{}, nil)
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
			w.sendConnect(message.Connect{Version: 99})
			w.wantError(message.CodeHandshakeFailed)
			w.wantClose(1002)
			nc := dialRaw(t, v, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
			var buf [64]byte
			if n, _ := nc.Read(buf[:]); !strings.HasPrefix(string(buf[:n]), "HTTP/1.1 4") {
				t.Errorf("no upgrade: %q", buf[:n])
			}
		},
		message.CodeAuthFailed: func(t *testing.T) {
			v := startServer(t, Options{APIKeys: []string{"the-right-key"}}, nil)
			w, _ := connectWith(t, v, "the-wrong-key")
			w.wantClose(3500)
		},
		message.CodeMaxConnections: func(t *testing.T) {
			v := startServer(t, Options{MaxConnections: 1}, nil)
			dialFull(t, v, "/")
			w := dialWire(t, v, "/", message.Subprotocol)
			w.wantError(message.CodeMaxConnections)
			w.wantClose(1013)
		},
		message.CodeThrottled: func(t *testing.T) { // a page's client; others get HTTP 429
			v := startServer(t, Options{APIKeys: []string{"the-right-key"}, FailureLimit: 1}, nil)
			w, _ := connectWith(t, v, "the-wrong-key")
			w.wantClose(3500)
			addr := v.Addr().String()
			nc, err := net.Dial("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			w = upgradeWith(t, nc, addr, "/", message.Subprotocol, "Origin: http://"+addr+"\r\n")
			w.wantError(message.CodeThrottled)
			w.wantClose(1013)
		},
		message.CodeConnectionLost: func(t *testing.T) {
			got := make(chan error, 1)
			v := startServer(t, Options{}, func(v *Server) {
				v.OnConnected(func(s *Socket) {
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
			w.send(frame.Binary, eventBytes(message.FlagDeflated, 0, "echo", "\a\a\a"))
			w.wantError(message.CodeDecompression)
		},
		message.CodeDecryption: func(t *testing.T) {
			o := Options{EncryptionKey: text, EncryptionAlgorithm: "aes-256-gcm"}
			v := startServer(t, o, nil)
			w, ok := dialSealed(t, v, "/", &key, crypto.AES256GCM)
			if !ok {
				t.Fatal("refused")
			}
			rec := w.ends.Seal(nil, eventBytes(0, 0, "x", ""))
			rec[len(rec)-1] ^= 1
			w.send(frame.Binary, rec)
			if m := w.open(); codeOf(m) != message.CodeDecryption {
				t.Errorf("got kind %d %q", m.Kind, m.Payload)
			}
			w.wantClose(3502)
		},
		message.CodeTooLarge: func(t *testing.T) {
			w := dialFull(t, v, "/")
			large := string(make([]byte, 1<<20+1))
			w.send(frame.Binary, eventBytes(message.FlagBinary, 0, "echo", large))
			w.wantError(message.CodeTooLarge)
			w.wantClose(1009)
		},
		message.CodeInvalidNamespace: func(t *testing.T) {
			w := dialWire(t, v, "/", message.Subprotocol)
			w.message()
			w.sendConnect(message.Connect{Namespace: []byte("/none")})
			w.wantError(message.CodeInvalidNamespace)
			w.wantClose(3501)
		},
		message.CodeRateLimited: func(t *testing.T) {
			o := Options{RateLimitMaxRequests: 1, RateLimitWindow: time.Minute}
			v := serverOfErrors(t, o)
			w := dialFull(t, v, "/")
			w.request(1, "typed", "1")
			w.wantAck(1, "1")
			w.request(2, "typed", "1")
			w.wantNack(2, message.CodeRateLimited)
		},
		message.CodeEventRateLimited: func(t *testing.T) {
			v := serverOfErrors(t, Options{RateLimitMaxRequests: 100})
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
			w := dialFull(t, serverOfErrors(t, Options{}), "/") // its acks have time
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
	v := serverOfErrors(t, Options{AckTimeout: 50 * time.Millisecond})
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
	request := func(v *Server, event string, data any) error {
		c := newClient(t, v, client.Options{AckTimeout: 100 * time.Millisecond})
		_, err := connected(t, c).EmitWithAck(ctx, event, data)
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
			v := startServer(t, Options{APIKeys: []string{"the-right-key"}}, nil)
			return dialErr(v.Addr().String(), client.Options{APIKey: "the-wrong-key"})
		},
		message.CodeMaxConnections: func(t *testing.T) error {
			v := startServer(t, Options{MaxConnections: 1}, nil)
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
		message.CodeInvalidFormat: func(t *testing.T) error {
			return request(v, "typed", "not a number")
		},
		message.CodeTooLarge: func(t *testing.T) error {
			v := serverOfErrors(t, Options{MaxMessageBytes: 1000})
			return request(v, "echo", make([]byte, 1001))
		},
		message.CodeInvalidNamespace: func(t *testing.T) error {
			return dialErr(v.Addr().String(), client.Options{Namespace: "/none"})
		},
		message.CodeThrottled: func(t *testing.T) error {
			v := startServer(t, Options{APIKeys: []string{"the-right-key"}}, nil)
			for range 10 {
				err := dialErr(v.Addr().String(), client.Options{APIKey: "the-wrong-key"})
				if !errors.Is(err, message.ErrAuthFailed) {
					t.Errorf("a wrong key: %v", err)
				}
			}
			var err error
			for _, origin := range []string{"http://" + v.Addr().String(), ""} { // 101 and 429
				o := client.Options{APIKey: "the-right-key", Origin: origin}
				err = dialErr(v.Addr().String(), o)
				var e *smartsocket.Error
				if !errors.Is(err, message.ErrThrottled) || !errors.As(err, &e) ||
					e.RetryAfter < 1000 || e.RetryAfter > 110_000 ||
					!strings.Contains(err.Error(), "throttled") ||
					!strings.Contains(err.Error(), "failureLimit") {
					t.Errorf("origin %q: %v", origin, err)
				}
			}
			return err
		},
		message.CodeRateLimited: func(t *testing.T) error {
			o := Options{RateLimitMaxRequests: 1, RateLimitWindow: time.Minute}
			v := serverOfErrors(t, o)
			c := connected(t, newClient(t, v, client.Options{}))
			c.Emit("silent", nil)
			_, err := c.EmitWithAck(ctx, "typed", 1)
			return err
		},
		message.CodeEventRateLimited: func(t *testing.T) error {
			v := serverOfErrors(t, Options{RateLimitMaxRequests: 100})
			c := connected(t, newClient(t, v, client.Options{}))
			c.Emit("rare", nil)
			_, err := c.EmitWithAck(ctx, "rare", nil)
			return err
		},
		message.CodeAckTimeout: func(t *testing.T) error { return request(v, "silent", nil) },
		message.CodeAckInvalid: func(t *testing.T) error {
			c := connected(t, newClient(t, v, client.Options{}))
			_, err := client.Request[[]int](ctx, c, "typed", 1)
			return err
		},
		message.CodeRejected:      func(t *testing.T) error { return request(v, "refused", nil) },
		message.CodeHandlerFailed: func(t *testing.T) error { return request(v, "panic", nil) },
		message.CodeNoHandler:     func(t *testing.T) error { return request(v, "nobody", nil) },
		// What the client cannot do wrong on its own, a server does to it.
		message.CodeDecompression: func(t *testing.T) error {
			return raisedBy(t, "", eventBytes(message.FlagDeflated, 0, "e", "\a\a\a"))
		},
		message.CodeDecryption: func(t *testing.T) error {
			_, text := newKey()
			return raisedBy(t, text, []byte{byte(message.KindSealed), 1, 2, 3})
		},
		// An answer that nothing waits for is counted. It is not an error of anything that the
		// client does.
		message.CodeAckUnknown: func(t *testing.T) error {
			late := ackTo(message.Message{AckID: 4711}, message.KindAck, "1")
			_, c := tampered(t, "", late)
			eventually(t, "the answer to be counted", func() bool {
				return c.Stats().UnknownAcks > 0
			})
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

// raisedBy connects a client, makes b the server's next message to it, and returns what the
// client's "error" handler is told.
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

// tampered connects a client through a proxy that sends it b as one message once the client has
// sent an event.
func tampered(t *testing.T, key string, b []byte) (raised chan error, c *client.Client) {
	v := startServer(t, Options{EncryptionKey: key}, echoOn)
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
	o := client.Options{EncryptionKey: key, MaxReconnectAttempts: client.Never}
	c, err = client.New("ws://"+l.Addr().String(), o)
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

// A client that asks while the server drains is told why it gets no answer.
func TestErrorCodeOfShutdown(t *testing.T) {
	holds, hold := make(chan struct{}), make(chan struct{})
	v := startServer(t, Options{}, func(v *Server) {
		v.On("hold", func(_ *Socket, _ Data, ack Ack) {
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
		if codeOf(m) == message.CodeShuttingDown {
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

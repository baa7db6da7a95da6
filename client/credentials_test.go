//go:build !js

package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/message"
)

// Each attempt has a token of its own, and a failure is not final.
func TestCredentials(t *testing.T) {
	for name, set := range map[string]func(*Options, func(context.Context) (string, error)){
		"Credentials": func(o *Options, f func(context.Context) (string, error)) {
			o.Credentials = f
		},
		"the old name": func(o *Options, f func(context.Context) (string, error)) {
			o.APIKeyFunc = f
		},
	} {
		t.Run(name, func(t *testing.T) {
			keys := make(chan string, 10)
			url := fakeServer(t, func(n int, nc net.Conn) {
				nc.Write(append(readRequest(nc), hello()...))
				p, ok := readMessage(nc)
				if !ok {
					return
				}
				m, err := message.ParseConnect(p)
				if err != nil {
					t.Error(err)
				}
				keys <- string(m.APIKey)
				nc.Write(connectAck())
			})
			calls, broken := 0, errors.New("the key store is down")
			var o Options
			set(&o, func(ctx context.Context) (string, error) {
				if _, ok := ctx.Deadline(); !ok {
					t.Error("the context has no end")
				}
				if calls++; calls == 1 || calls == 3 {
					return "", broken
				}
				return fmt.Sprint("key ", calls), nil
			})
			c, k := clocked(t, url, o)
			err := c.Connect(testContext(t))
			if !errors.Is(err, broken) || !errors.Is(err, message.ErrRefused) {
				t.Errorf("Connect: %v", err)
			}
			connect(t, c)
			expect(t, keys, "key 2")
			k.step(t) // the third call fails
			k.step(t)
			expect(t, keys, "key 4")
		})
	}
}

// The two names are not given at once, and ErrAuthFailed ends the attempts.
func TestCredentialsEnd(t *testing.T) {
	none := func(context.Context) (string, error) {
		return "", fmt.Errorf("logged out: %w", message.ErrAuthFailed)
	}
	_, err := New("ws://localhost", Options{Credentials: none, APIKeyFunc: none})
	if e := (*OptionError)(nil); !errors.As(err, &e) || e.Field != "APIKeyFunc" {
		t.Errorf("both names: %v", err)
	}
	c := newClient(t, "ws://127.0.0.1:1", Options{Credentials: none, RetryConnect: Enabled})
	c.OnReconnecting(func(Reconnecting) { t.Error("it tries again") })
	if err := c.Connect(testContext(t)); !errors.Is(err, message.ErrAuthFailed) {
		t.Errorf("Connect: %v", err)
	}
}

// expired is what a server says when credentials have expired.
func expired(event string) []byte {
	return frame.AppendFrame(nil, frame.Binary, message.Append(nil, &message.Message{
		Kind: message.KindError,
		Payload: message.AppendErrorJSON(nil, &Error{
			Code: message.CodeAuthFailed, Message: "expired", Event: event,
		}),
	}))
}

// answer is the server's answer to the question m: an ACK, or the error e.
func answer(m *message.Message, e *Error) []byte {
	a := message.Message{Kind: message.KindAck, Flags: message.FlagAck, AckID: m.AckID}
	if e != nil {
		a.Kind, a.Payload = message.KindError, message.AppendErrorJSON(nil, e)
	}
	return frame.AppendFrame(nil, frame.Binary, message.Append(nil, &a))
}

// When the server says that the credentials have expired, the client sends fresh ones, and tries
// again if there are none. It is told when the server refuses them.
func TestRenewedCredentials(t *testing.T) {
	sent := make(chan string, 10)
	goOn := make(chan bool)
	url := fakeServer(t, func(n int, nc net.Conn) {
		accept(nc)
		auth := func(e *Error) {
			p, ok := readMessage(nc)
			m, err := message.Parse(p)
			if !ok || err != nil || m.Kind != message.KindEvent || m.Flags&message.FlagAck == 0 {
				t.Errorf("the server got % x, %v", p, err)
				return
			}
			sent <- string(m.Event) + " " + string(m.Payload)
			nc.Write(answer(&m, e))
		}
		nc.Write(append(expired("auth"), expired("auth")...)) // the second is of no use
		auth(nil)
		<-goOn
		nc.Write(expired("auth"))
		auth(&Error{Code: message.CodeAuthFailed, Message: "banned"})
		<-goOn
		nc.Write(expired("move")) // of another event
		io.Copy(io.Discard, nc)
	})
	var calls atomic.Int64
	var log safeBuffer
	broken := errors.New("the key store is down")
	c, k := clocked(t, url, Options{
		Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: levelTrace})),
		Credentials: func(ctx context.Context) (string, error) {
			if _, ok := ctx.Deadline(); !ok {
				t.Error("the context has no end")
			}
			n := calls.Add(1)
			if n == 3 {
				return "", broken
			}
			return fmt.Sprint("token ", n), nil
		}})
	told := make(chan error, 10)
	c.OnError(func(err error) { told <- err })
	connect(t, c)
	expect(t, sent, `auth "token 2"`)
	awaitRenewed(t, c)
	goOn <- true
	if err := take(t, told, "the failure"); !errors.Is(err, broken) {
		t.Errorf("told %v", err)
	}
	k.step(t) // the delay before the next call
	expect(t, sent, `auth "token 4"`)
	if err := take(t, told, "the refusal"); !errors.Is(err, message.ErrAuthFailed) ||
		!strings.Contains(err.Error(), "banned") {
		t.Errorf("told %v", err)
	}
	awaitRenewed(t, c)
	goOn <- true
	var e *Error
	if err := take(t, told, "the other error"); !errors.As(err, &e) || e.Event != "move" {
		t.Errorf("told %v", err)
	}
	if n := calls.Load(); n != 4 {
		t.Errorf("%d calls of Credentials", n)
	}
	c.Disconnect()
	if strings.Contains(log.String(), "token") {
		t.Errorf("the log has a token:\n%s", log.String())
	}
}

// awaitRenewed waits until the client is done with fresh credentials.
func awaitRenewed(t *testing.T, c *Client) {
	t.Helper()
	l := c.current.Load()
	for ctx := testContext(t); l.renewing.Load(); {
		if ctx.Err() != nil {
			t.Fatal("the renewal does not end")
		}
	}
}

// A loss ends the renewal without an error, because CONNECT carries credentials. Without
// Credentials the application is told that those of the server have expired.
func TestRenewalEnds(t *testing.T) {
	inside, keys := make(chan bool), make(chan string, 10)
	url := fakeServer(t, func(n int, nc net.Conn) {
		accept(nc)
		keys <- "connected"
		nc.Write(expired("auth"))
		if n == 0 {
			<-inside
			return // the connection is lost
		}
		io.Copy(io.Discard, nc)
	})
	var calls atomic.Int64
	c, k := clocked(t, url, Options{Credentials: func(ctx context.Context) (string, error) {
		if calls.Add(1) == 2 {
			inside <- true
			<-ctx.Done()
			return "", ctx.Err()
		}
		return "token", nil
	}})
	c.OnError(func(err error) { t.Errorf("told %v", err) })
	connect(t, c)
	k.step(t)
	expect(t, keys, "connected", "connected")

	url = fakeServer(t, func(_ int, nc net.Conn) {
		accept(nc)
		nc.Write(expired("auth"))
		io.Copy(io.Discard, nc)
	})
	plain := newClient(t, url, Options{APIKey: "k"})
	told := make(chan error, 1)
	plain.OnError(func(err error) { told <- err })
	connect(t, plain)
	if err := take(t, told, "the error"); !errors.Is(err, message.ErrAuthFailed) {
		t.Errorf("told %v", err)
	}
}

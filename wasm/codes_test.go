//go:build !js

package main

import (
	"bufio"
	"context"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/crypto"
)

// TestErrorCodesOfTheBrowserClient provokes every ERR_ code from JavaScript at a real server.
func TestErrorCodesOfTheBrowserClient(t *testing.T) {
	node(t, "codes.test.js", codeServers(t).list()...)
}

// TestBehaviour covers what the end-to-end tests leave out: aborted waits, throwing listeners, the
// offline queue, recovery, clocks.
func TestBehaviour(t *testing.T) { node(t, "behaviour.test.js", codeServers(t).list()...) }

// TestOldBrowsers runs the plain script against the same servers, with nothing newer than what the
// oldest browsers have.
func TestOldBrowsers(t *testing.T) {
	old := environment{"SMARTSOCKET_OLD": "1"}
	for file, servers := range map[string]environment{"e2e": plainServers(t),
		"e2e-sealed": sealedServers(t), "codes": codeServers(t), "behaviour": codeServers(t)} {
		t.Run(file, func(t *testing.T) {
			node(t, file+".test.js", append(old.list(), servers.list()...)...)
		})
	}
}

// codeServers starts the servers for codes.test.js and behaviour.test.js.
func codeServers(t *testing.T) environment {
	o := testOptions()
	o.AckTimeout, o.MaxMessageBytes, o.ConnectionTimeout = 50*time.Millisecond, 1<<16, time.Second
	limited, full, locked, sealed := testOptions(), testOptions(), testOptions(), testOptions()
	throttled := testOptions()
	throttled.APIKeys = []string{"the-right-key"}
	limited.EnableRateLimiting, limited.RateLimitMaxRequests = smartsocket.Enabled, 5
	full.MaxConnections = 1
	locked.APIKeys = []string{"the-right-key"}
	key := crypto.GenerateKey()
	sealed.EncryptionKey = key.Encode()
	return environment{
		"SMARTSOCKET_CODES_URL":        url(startCodes(t, o)),
		"SMARTSOCKET_LIMITED_URL":      url(startCodes(t, limited)),
		"SMARTSOCKET_CODES_FULL_URL":   url(start(t, full)),
		"SMARTSOCKET_API_KEY_URL":      url(start(t, locked)),
		"SMARTSOCKET_THROTTLED_URL":    url(start(t, throttled)),
		"SMARTSOCKET_CODES_SEALED_URL": url(start(t, sealed)),
		"SMARTSOCKET_CODES_KEY":        key.Encode(),
		"SMARTSOCKET_CONTROL":          startControl(t),
	}
}

// errNoGold is an error of an application.
var errNoGold = smartsocket.NewCode("TEST_NO_GOLD", "not enough gold")

// startCodes starts a server that has an event for each error that an event can meet.
func startCodes(t *testing.T, o smartsocket.Options) *smartsocket.Server {
	v := start(t, o)
	v.Use(func(_ *smartsocket.Socket, event string, _ smartsocket.Data, next func(error)) {
		if event == "refused" {
			next(errors.New("not for you"))
			return
		}
		next(nil)
	})
	v.On("refused", func(*smartsocket.Socket, smartsocket.Data, smartsocket.Ack) {})
	v.On("panic", func(*smartsocket.Socket, smartsocket.Data, smartsocket.Ack) {
		panic("on purpose")
	})
	v.On("poor", func(_ *smartsocket.Socket, _ smartsocket.Data, ack smartsocket.Ack) {
		ack.Fail(fmt.Errorf("buying: %w", errNoGold))
	})
	v.On("silent", func(*smartsocket.Socket, smartsocket.Data, smartsocket.Ack) {})
	v.On("drop me", func(s *smartsocket.Socket, _ smartsocket.Data, _ smartsocket.Ack) {
		s.DisconnectWith(3000, "")
	})
	smartsocket.Handle(v, "typed", func(_ *smartsocket.Socket, n int) (int, error) {
		return n, nil
	})
	// ask asks the client in return and answers with the code of the result.
	v.On("ask", func(s *smartsocket.Socket, _ smartsocket.Data, ack smartsocket.Ack) {
		_, err := s.EmitWithAck(context.Background(), "question", nil)
		var e *smartsocket.Error
		if errors.As(err, &e) {
			ack.Reply(e.Code)
			return
		}
		ack.Reply("")
	})
	// late is answered when its socket sends now.
	v.On("late", func(s *smartsocket.Socket, _ smartsocket.Data, ack smartsocket.Ack) {
		s.Set("late", ack)
	})
	v.On("now", func(s *smartsocket.Socket, _ smartsocket.Data, _ smartsocket.Ack) {
		if ack, ok := s.Get("late").(smartsocket.Ack); ok {
			ack.Reply(nil)
		}
	})
	v.SetEventRateLimit("rare", smartsocket.Limit{Window: time.Minute, MaxRequests: 1})
	v.On("rare", func(_ *smartsocket.Socket, _ smartsocket.Data, ack smartsocket.Ack) {
		ack.Reply(nil)
	})
	return v
}

// control does over HTTP what a page cannot do itself: start servers that misbehave, cut
// connections, shut down.
type control struct {
	t       *testing.T
	caching *smartsocket.Server

	mu     sync.Mutex
	relays map[string]*relay
	drains map[string]*drain
}

// drain is a server that is shut down while an event delays the shutdown.
type drain struct {
	server *smartsocket.Server
	hold   chan struct{}
}

func startControl(t *testing.T) string {
	o := testOptions()
	o.EnableMessageCache = true
	c := &control{t: t, caching: start(t, o), relays: map[string]*relay{},
		drains: map[string]*drain{}}
	s := httptest.NewServer(c)
	t.Cleanup(s.Close)
	return s.URL
}

// ServeHTTP answers with the address of what the path names. A query names a server that was
// started before.
func (c *control) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Access-Control-Allow-Origin", "*")
	c.mu.Lock()
	defer c.mu.Unlock()
	named := strings.TrimSuffix(r.URL.RawQuery, "/")
	switch r.URL.Path {
	case "/closed":
		l := c.listen(nil)
		l.Close()
		io.WriteString(w, "ws://"+l.Addr().String())
	case "/silent":
		io.WriteString(w, "ws://"+c.listen(func(nc net.Conn) {
			io.Copy(io.Discard, nc)
		}).Addr().String())
	case "/later-version":
		io.WriteString(w, "ws://"+c.listen(greetFromTheFuture).Addr().String())
	case "/relay":
		relay := &relay{to: c.caching.Addr().String()}
		address := "ws://" + c.listen(relay.serve).Addr().String()
		c.relays[address] = relay
		io.WriteString(w, address)
	case "/cut":
		c.relays[named].cut()
	case "/news":
		for i := range 10 {
			c.caching.Emit("news", i)
		}
	case "/draining":
		io.WriteString(w, c.startDraining())
	case "/drain":
		go c.drains[named].server.Shutdown(context.Background())
	case "/release":
		close(c.drains[named].hold)
	default:
		http.NotFound(w, r)
	}
}

// listen serves every connection with serve until the test ends.
func (c *control) listen(serve func(net.Conn)) net.Listener {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		c.t.Error(err)
		return nil
	}
	var running sync.WaitGroup
	c.t.Cleanup(running.Wait)
	c.t.Cleanup(func() { l.Close() })
	running.Go(func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			stop := context.AfterFunc(c.t.Context(), func() { nc.Close() })
			running.Go(func() {
				defer stop()
				defer nc.Close()
				serve(nc)
			})
		}
	})
	return l
}

func (c *control) startDraining() string {
	d := &drain{server: start(c.t, testOptions()), hold: make(chan struct{})}
	held := make(chan struct{})
	d.server.On("hold", func(*smartsocket.Socket, smartsocket.Data, smartsocket.Ack) {
		close(held)
		<-d.hold
	})
	d.server.On("is held", func(_ *smartsocket.Socket, _ smartsocket.Data, ack smartsocket.Ack) {
		<-held
		ack.Reply(nil)
	})
	c.drains[url(d.server)] = d
	return url(d.server)
}

// greetFromTheFuture opens the WebSocket correctly and says HELLO in version 99 of our protocol.
func greetFromTheFuture(nc net.Conn) {
	r, err := http.ReadRequest(bufio.NewReader(nc))
	if err != nil {
		return
	}
	sum := sha1.Sum([]byte(r.Header.Get("Sec-WebSocket-Key") +
		"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	fmt.Fprintf(nc, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: "+
		"Upgrade\r\nSec-WebSocket-Accept: %s\r\nSec-WebSocket-Protocol: "+
		"smartsocket.v1\r\n\r\n\x82\x04\x01\x01\x01\x63", base64.StdEncoding.EncodeToString(sum[:]))
	nc.Read(make([]byte, 1)) // the client closes
}

// relay sits between a client and the server at address to, and can lose their connections.
type relay struct {
	to string

	mu    sync.Mutex
	conns []net.Conn
}

func (r *relay) serve(nc net.Conn) {
	up, err := net.Dial("tcp", r.to)
	if err != nil {
		return
	}
	defer up.Close()
	r.mu.Lock()
	r.conns = append(r.conns, nc, up)
	r.mu.Unlock()
	go func() {
		io.Copy(up, nc)
		up.Close()
	}()
	io.Copy(nc, up)
}

// cut closes both ends of every connection without a close frame.
func (r *relay) cut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, nc := range r.conns {
		nc.Close()
	}
	r.conns = nil
}

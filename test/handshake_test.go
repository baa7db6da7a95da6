package test

import (
	"context"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/message"
)

func TestHandshakeRefusals(t *testing.T) {
	o := Options{HandshakeTimeout: 300 * time.Millisecond}
	v := startServer(t, o, func(v *Server) { v.Namespace("/quiz") })
	connect := func(c message.Connect) []byte { return message.AppendConnect(nil, &c) }
	nope := message.Connect{Version: 1, Namespace: []byte("/nope")}
	sealed := message.Connect{Version: 1, Algorithm: 1}
	for _, c := range []struct {
		name  string
		p     []byte
		code  message.Code
		close frame.CloseCode
	}{
		{"unknown namespace", connect(nope), message.CodeInvalidNamespace, 3501},
		{"other version", connect(message.Connect{Version: 2}), message.CodeHandshakeFailed, 1002},
		{"encryption asked for", connect(sealed), message.CodeAuthFailed, 3500},
		{"event first", eventBytes(0, 0, "x", ""), message.CodeInvalidFormat, 1008},
		{"nothing at all", nil, message.CodeTimeout, 3001},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := dialWire(t, v, "/", message.Subprotocol)
			w.message()
			if c.p != nil {
				w.send(frame.Binary, c.p)
			}
			m := w.message()
			e, err := message.ParseErrorJSON(m.Payload)
			if m.Kind != message.KindError || err != nil || e.Code != c.code {
				t.Fatalf("answer: kind %d %q, want %s", m.Kind, m.Payload, c.code)
			}
			if c.code == message.CodeInvalidNamespace && !strings.Contains(e.Message, "/quiz") {
				t.Errorf("the answer does not list the known namespaces: %q", e.Message)
			}
			w.wantClose(c.close)
		})
	}
	if n := v.Stats().Connections; n != 0 {
		t.Errorf("%d refused clients count as connected", n)
	}
}

func TestPlainClientOfUnknownNamespace(t *testing.T) {
	v := startServer(t, Options{}, nil)
	w := dialPlain(t, v, "/nope")
	if op, p := w.next(); op != frame.Text || !strings.Contains(string(p), "ERR_MSG_005") {
		t.Fatalf("got %v %q", op, p)
	}
	w.wantClose(3501)
}

func TestMaxConnections(t *testing.T) {
	v := startServer(t, Options{MaxConnections: 2}, func(v *Server) { v.On("echo", echo) })
	a, b := dialFull(t, v, "/"), dialFull(t, v, "/")
	c := dialWire(t, v, "/", message.Subprotocol)
	if m := c.message(); codeOf(m) != message.CodeMaxConnections {
		t.Fatalf("third client: kind %d %q", m.Kind, m.Payload)
	}
	c.wantClose(1013)
	c.nc.Close()
	for _, w := range []*wire{a, b} {
		w.request(1, "echo", "1")
		w.wantEvent("echo", "1")
		w.wantAck(1, "1")
	}
	b.nc.Close()
	eventually(t, "the slot to be free again", func() bool { return v.ConnectionStats().Open == 1 })
	d := dialFull(t, v, "/")
	d.request(1, "echo", "2")
	d.wantEvent("echo", "2")
}

// TestCutHandshakesLeaveNothing cuts connections at every few bytes of their handshake and first
// event, and while their credentials are being checked. Afterwards all places that the limits count
// are free again, and no session is kept of a client that has not sent its auth event.
func TestCutHandshakesLeaveNothing(t *testing.T) {
	const newcomers, perAddress, all = 12, 16, 20
	asked := make(chan bool)
	var watched atomic.Bool
	watched.Store(true)
	v := startServer(t, Options{
		MaxUnauthenticatedPerAddress: newcomers, MaxConnectionsPerAddress: perAddress,
		MaxUnauthenticated: newcomers, MaxConnections: all,
		EnableMessageCache: true, EncryptionKey: "", RequireAuth: true,
		Authenticate: func(ctx context.Context, r smartsocket.AuthRequest) (any, error) {
			if watched.Load() {
				asked <- true // and is cut now
				<-asked
			}
			return r.APIKey, nil
		},
	}, nil)
	key := frame.NewKey()
	script := frame.AppendRequest(nil, v.Addr().String(), "/", key, "", message.Subprotocol, "", "")
	connect := message.AppendConnect(nil, &message.Connect{
		Version: 1, Random: make([]byte, 32), Namespace: []byte("/"), APIKey: []byte("k"),
	})
	script = append(script, masked(frame.Binary, connect)...)
	event := eventBytes(message.FlagAck, 1, "auth", "1")
	script = append(script, masked(frame.Binary, event)...)
	noneOpen := func() bool { return v.ConnectionStats().Open == 0 }

	for _, reset := range []bool{false, true} { // while the hook runs
		nc, err := net.Dial("tcp", v.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		nc.Write(script)
		<-asked
		cut(nc, reset)
		asked <- true
		eventually(t, "the connection to be gone", noneOpen)
	}
	watched.Store(false)
	var wg sync.WaitGroup
	slots := make(chan bool, newcomers/2) // few enough that no limit ends them
	for n := 0; n <= len(script); n += 3 {
		for _, reset := range []bool{false, true} {
			slots <- true
			wg.Go(func() {
				defer func() { <-slots }()
				nc, err := net.Dial("tcp", v.Addr().String())
				if err != nil {
					t.Error(err)
					return
				}
				nc.Write(script[:n])
				cut(nc, reset)
			})
		}
	}
	wg.Wait()
	eventually(t, "the connections to be gone", noneOpen)
	// Each finds a place as soon as the server is done with the last of those connections, and no
	// place is left over.
	for range newcomers {
		eventually(t, "a place", func() bool {
			r, _ := tryUpgrade(t, v, message.Subprotocol)
			return r.StatusCode == 101
		})
	}
	if r, _ := tryUpgrade(t, v, message.Subprotocol); r.StatusCode != 503 {
		t.Errorf("HTTP %d with all places for newcomers taken", r.StatusCode)
	}
	if n := len(v.Namespace("/").Sockets()); n != 0 {
		t.Errorf("%d sockets are left", n)
	}
}

// cut ends a connection, with an RST if reset.
func cut(nc net.Conn, reset bool) {
	if reset {
		nc.(*net.TCPConn).SetLinger(0)
	}
	nc.Close()
}

// NE8: with namespaceOfPath a client that has come by the path of one namespace gets no other one.
func TestNamespaceOfThePath(t *testing.T) {
	for _, agree := range []bool{false, true} {
		v := startServer(t, Options{NamespaceOfPath: agree}, func(v *Server) {
			v.Namespace("/public")
			v.Namespace("/admin")
		})
		for _, c := range []struct {
			path, namespace string
			refused         bool
		}{
			{"/public", "/admin", agree},
			{"/", "/admin", agree},
			{"/nowhere", "/admin", agree},
			{"/public", "/", agree},
			{"/public", "/public", false},
			{"/public/", "public", false}, // as namespaces are written elsewhere
			{"/%70ublic", "/public", false},
			{"/public", "", false},
		} {
			w := dialWire(t, v, c.path, message.Subprotocol)
			w.message()
			connect := message.Connect{Random: make([]byte, 32)}
			if c.namespace != "" {
				connect.Namespace = []byte(c.namespace)
			}
			w.sendConnect(connect)
			m := w.message()
			if got := codeOf(m) == message.CodeInvalidNamespace; got != c.refused {
				t.Errorf("%v: %s, then %s: kind %d %q", agree, c.path, c.namespace, m.Kind,
					m.Payload)
			}
			if c.refused {
				w.wantClose(3501)
			}
			w.nc.Close()
		}
	}
}

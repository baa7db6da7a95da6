package test

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/message"
)

// TestCutHandshakesLeaveNothing cuts connections at every few bytes of their handshake and first event, also while their
// credentials are being checked: afterwards all places that the limits count are free again, and no session of a client that
// has not sent its auth event is kept.
func TestCutHandshakesLeaveNothing(t *testing.T) {
	const newcomers, perAddress, all = 12, 16, 20
	asked := make(chan bool)
	var watched atomic.Bool
	watched.Store(true)
	v := startServer(t, smartsocket.Options{
		MaxUnauthenticatedPerAddress: newcomers, MaxConnectionsPerAddress: perAddress, MaxUnauthenticated: newcomers, MaxConnections: all,
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
	connect := message.AppendConnect(nil, &message.Connect{Version: 1, Random: make([]byte, 32), Namespace: []byte("/"), APIKey: []byte("k")})
	script = frame.AppendMaskedFrame(script, frame.Binary, false, connect, [4]byte{1, 2, 3, 4})
	event := append(message.AppendEventHeader(nil, message.FlagAck, 0, 1, "auth"), "1"...)
	script = frame.AppendMaskedFrame(script, frame.Binary, false, event, [4]byte{5, 6, 7, 8})

	for _, reset := range []bool{false, true} { // while the hook runs
		nc, err := net.Dial("tcp", v.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		nc.Write(script)
		<-asked
		cut(nc, reset)
		asked <- true
		eventually(t, "the connection to be gone", func() bool { return v.ConnectionStats().Open == 0 })
	}
	watched.Store(false)
	var wg sync.WaitGroup
	slots := make(chan bool, newcomers/2) // so many at once; the limits are not what ends them
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
	eventually(t, "the connections to be gone", func() bool { return v.ConnectionStats().Open == 0 })
	for range newcomers { // each finds a place as soon as the last of those connections has been seen to, and none is left over
		eventually(t, "a place", func() bool { r, _ := tryUpgrade(t, v, message.Subprotocol); return r.StatusCode == 101 })
	}
	if r, _ := tryUpgrade(t, v, message.Subprotocol); r.StatusCode != 503 {
		t.Errorf("HTTP %d with all places for newcomers taken", r.StatusCode)
	}
	if n := len(v.Namespace("/").Sockets()); n != 0 {
		t.Errorf("%d sockets are left", n)
	}
}

func cut(nc net.Conn, reset bool) {
	if reset {
		nc.(*net.TCPConn).SetLinger(0)
	}
	nc.Close()
}

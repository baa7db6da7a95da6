package test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/message"
)

// dialFrom opens a connection from a loopback address and sends b.
func dialFrom(t testing.TB, v *Server, from, b string) net.Conn {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	nc, err := d.Dial("tcp", v.Addr().String())
	if err != nil {
		t.Skip("this system has one loopback address: ", err)
	}
	t.Cleanup(func() { nc.Close() })
	nc.SetDeadline(time.Now().Add(patience))
	io.WriteString(nc, b)
	return nc
}

// statusOf reads the status of an answer, 0 if there is none.
func statusOf(nc net.Conn) int {
	r, err := http.ReadResponse(bufio.NewReader(nc), nil)
	if err != nil {
		return 0
	}
	return r.StatusCode
}

// A54: one address can take only a share of the places of those that have not authenticated, so
// that clients of other addresses get in while it holds what it can.
func TestAttackOneAddressTakesAllPlaces(t *testing.T) {
	v := startServer(t, Options{MaxUnauthenticated: 64, HandshakeTimeout: patience}, echoOn)
	request := upgradeRequest(message.Subprotocol, "")
	in := func(from string) (n int) {
		for range 100 {
			if statusOf(dialFrom(t, v, from, request)) == 101 {
				n++
			}
		}
		return n
	}
	if n := in("127.0.0.1"); n != 32 {
		t.Errorf("one address has %d of 64 places, want half", n)
	}
	if n := in("127.0.0.2"); n != 16 {
		t.Errorf("a second one has %d of the 32 that were left, want half", n)
	}
	for i := range 8 {
		from := fmt.Sprintf("127.0.1.%d", i+1)
		if got := statusOf(dialFrom(t, v, from, request)); got != 101 {
			t.Errorf("the client of %s got HTTP %d", from, got)
		}
	}
	st := v.ConnectionStats()
	if st.Refusals["newcomersOfAddress"] != 68+84 {
		t.Errorf("refusals: %v", st.Refusals)
	}
}

// A54 with as many connections as one address can open: good clients of another are not kept out.
func TestAttackFloodOfSilentUpgrades(t *testing.T) {
	v := startServer(t, Options{HandshakeTimeout: patience}, echoOn)
	request := upgradeRequest(message.Subprotocol, "")
	for range 1200 {
		dialFrom(t, v, "127.0.0.1", request)
	}
	in := 0
	const good = 60
	for range good {
		if statusOf(dialFrom(t, v, "127.0.0.2", request)) == 101 {
			in++
		}
	}
	t.Logf("%d of %d clients of another address got in", in, good)
	if in != good {
		t.Errorf("%d of %d clients of another address got in", in, good)
	}
}

// A55: connections that send nothing count against limits, are counted in the statistics, and
// leave room for others.
func TestAttackRawConnections(t *testing.T) {
	v := startServer(t, Options{
		MaxConnections: 100, MaxConnectionsPerAddress: 5, MaxUnauthenticated: 20,
		HandshakeTimeout: patience,
	}, echoOn)
	for range 300 {
		dialFrom(t, v, "127.0.0.1", "")
	}
	eventually(t, "the connections to be refused", func() bool {
		return v.ConnectionStats().Refusals["pending"] == 295
	})
	st := v.ConnectionStats()
	// Those that are told so stay for as long as that takes.
	if held := st.Pending; held < 5 || held > 5+64 {
		t.Errorf("%d are held", held)
	}
	nc := dialFrom(t, v, "127.0.0.2", upgradeRequest(message.Subprotocol, ""))
	if got := statusOf(nc); got != 101 {
		t.Errorf("a client of another address got HTTP %d", got)
	}
	if got := statusOf(dialFrom(t, v, "127.0.0.1", "")); got != 503 && got != 0 {
		t.Errorf("one more of that address got HTTP %d", got)
	}
}

// A56: clients that cannot authenticate get no place, and those that must do so by the event auth
// are newcomers until they have.
func TestAttackPlacesWithoutAuthentication(t *testing.T) {
	keyed := startServer(t, Options{
		APIKeys: []string{"key-number-one"}, MaxUnauthenticated: 20,
	}, nil)
	for range 40 {
		if r, _ := tryUpgrade(t, keyed, ""); r.StatusCode != 401 {
			t.Fatalf("a plain client got HTTP %d", r.StatusCode)
		}
	}
	if st := keyed.ConnectionStats(); st.Refusals["credentials"] != 40 || st.Rejected != 40 {
		t.Errorf("%+v", st)
	}
	if _, m := connectWith(t, keyed, "key-number-one"); m.Kind != message.KindConnectAck {
		t.Errorf("a client with the key got %q", m.Payload)
	}

	for name, o := range map[string]Options{
		"option": {RequireAuth: true}, "handler": {},
	} {
		t.Run(name, func(t *testing.T) {
			o.MaxUnauthenticated, o.MaxUnauthenticatedPerAddress = 20, -1
			o.AuthTimeout = patience
			required := make(chan bool, 100)
			v := startServer(t, o, func(v *Server) {
				v.OnConnected(func(s *Socket) {
					if !o.RequireAuth {
						s.RequireAuth()
					}
					required <- true
				})
				v.On("auth", func(s *Socket, _ Data, ack Ack) {
					s.Authenticated("me")
					ack.Reply(true)
				})
			})
			var in []*wire
			for len(in) < 20 {
				if len(in)%2 == 0 && o.RequireAuth {
					in = append(in, dialPlain(t, v, "/"))
				} else {
					in = append(in, dialFull(t, v, "/"))
				}
				<-required
			}
			refused := func() bool {
				r, nc := tryUpgrade(t, v, message.Subprotocol)
				nc.Close()
				return r.StatusCode == 503
			}
			eventually(t, "all places to be taken", refused)
			if o.RequireAuth {
				if r, _ := tryUpgrade(t, v, ""); r.StatusCode != 503 {
					t.Errorf("a plain client got HTTP %d", r.StatusCode)
				}
			}
			in[1].request(1, "auth", `"x"`)
			in[1].wantAck(1, "true")
			eventually(t, "the place of the one that authenticated", func() bool {
				return !refused()
			})
		})
	}
}

// A57: a page whose own name leads to this machine is no page of the same origin.
func TestAttackDNSRebinding(t *testing.T) {
	v := startServer(t, Options{}, nil)
	listed := startServer(t, Options{AllowedHosts: []string{"game.example"}}, nil)
	for _, c := range []struct {
		v            *Server
		host, header string
		want         int
	}{
		{v, "evil.example:3000", "Origin: http://evil.example:3000\r\n", 403},
		{v, "localhost.evil.example", "Origin: http://localhost.evil.example\r\n", 403},
		{v, "localhost:3000", "Origin: http://localhost:3000\r\n", 101},
		{v, "127.0.0.1:3000", "Origin: http://127.0.0.1:3000\r\n", 101},
		{v, "[::1]:3000", "Origin: http://[::1]:3000\r\n", 101},
		{v, "evil.example", "", 101}, // no page
		{listed, "game.example", "Origin: https://game.example\r\n", 101},
		{listed, "evil.example", "Origin: http://evil.example\r\n", 403},
		{listed, "evil.example", "", 403},
		{listed, "localhost", "Origin: http://localhost\r\n", 403},
	} {
		request := frame.AppendRequest(nil, c.host, "/", frame.NewKey(), "", "", "", c.header)
		if got := statusOf(dialRaw(t, c.v, string(request))); got != c.want {
			t.Errorf("%s %q: HTTP %d, want %d", c.host, c.header, got, c.want)
		}
	}
	if n := v.ConnectionStats().Refusals["host"]; n != 2 {
		t.Errorf("%d refusals of a host", n)
	}
}

// A flood of refusals is a few lines of log, with the count, an example and what to do.
func TestAttackRefusalsFillNoLog(t *testing.T) {
	var log logBuffer
	v := startServer(t, Options{Logger: log.warnings()}, nil)
	header := "Origin: http://evil.example\r\n"
	request := string(frame.AppendRequest(nil, "h", "/a", frame.NewKey(), "", "", "", header))
	const n = 500
	for range n {
		nc := dialRaw(t, v, request)
		if got := statusOf(nc); got != 403 {
			t.Fatalf("HTTP %d", got)
		}
		nc.Close()
	}
	if got := v.ConnectionStats().Refusals["origin"]; got != n {
		t.Errorf("%d refusals were counted", got)
	}
	v.Close()
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	if len(lines) > 4 {
		t.Errorf("%d lines: %s", len(lines), log.String())
	}
	sum := 0
	for _, line := range lines {
		var count int
		_, rest, _ := strings.Cut(line, "count=")
		fmt.Sscan(rest, &count)
		sum += count
		for _, part := range []string{
			"cause=origin", "origin=http://evil.example", "host=h", "path=/a", "peer=127.0.0.1:",
			"allowedOrigins",
		} {
			if !strings.Contains(line, part) {
				t.Errorf("a line lacks %s: %s", part, line)
			}
		}
	}
	if sum != n {
		t.Errorf("the lines tell of %d refusals", sum)
	}
}

package test

import (
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/message"
	"github.com/smartsocket/smartsocket/pool"
)

// What one connection may send in a second is bounded below the level of events. A connection over
// a bound is closed with 1008 while others are served.
func TestFloodsAreCutOff(t *testing.T) {
	event := eventBytes(0, 0, "x", "1")
	ping := message.AppendClock(nil, message.KindPing, message.Clock{})
	var many, tiny, pings, bombs []byte
	for range 300 {
		many = append(many, masked(frame.Binary, event)...)
		pings = append(pings, masked(frame.Binary, ping)...)
	}
	for i := range 300 { // one message of 300 frames
		f := masked(frame.Continuation, []byte{' '})
		if i == 0 {
			f = masked(frame.Binary, event)
		}
		if i < 299 {
			f[0] &^= 0x80 // not the last one
		}
		tiny = append(tiny, f...)
	}
	head := message.AppendEventHeader(nil, message.FlagDeflated, 0, 0, "x")
	long := []byte(`"` + strings.Repeat("a", 60<<10) + `"`)
	deflated, err := pool.Deflate(head, long, 6, false)
	if err != nil {
		t.Fatal(err)
	}
	for range 8 {
		bombs = append(bombs, masked(frame.Binary, deflated)...)
	}
	v := startServer(t, Options{
		RateLimitMaxRequests: 1 << 20, MaxFrameRate: 100, MaxInflateRate: 1,
		MaxMessageBytes: 64 << 10,
	}, nil)
	v.On("x", func(_ *Socket, _ Data, ack Ack) { ack.Reply(true) }, smartsocket.Inline)
	good := dialFull(t, v, "/")
	for name, bytes := range map[string][]byte{
		"frames": many, "fragments": tiny, "pings": pings, "inflated bytes": bombs,
	} {
		t.Run(name, func(t *testing.T) {
			before := v.ConnectionStats().Floods
			w := dialFull(t, v, "/")
			w.nc.Write(bytes)
			w.wantClose(frame.ClosePolicyViolation)
			w.nc.Close()
			eventually(t, "the flood to be counted", func() bool {
				return v.ConnectionStats().Floods == before+1
			})
		})
	}
	good.request(1, "x", "")
	good.wantAck(1, "true")
}

// The limits of a second are off when the rate limits are off.
func TestNoFloodLimitWithoutRateLimits(t *testing.T) {
	v := startServer(t, Options{MaxFrameRate: 10}, nil)
	v.On("x", func(_ *Socket, _ Data, ack Ack) { ack.Reply(true) }, smartsocket.Inline)
	w := dialFull(t, v, "/")
	for id := range uint64(200) {
		w.request(id+1, "x", "")
	}
	for id := range uint64(200) {
		w.wantAck(id+1, "true")
	}
}

func TestAcceptRate(t *testing.T) {
	v := startServer(t, Options{AcceptRate: 3}, nil)
	accepted, refused := 0, 0
	for refused == 0 {
		switch r, _ := tryUpgrade(t, v, ""); {
		case r.StatusCode == 101:
			accepted++
		case r.StatusCode == 503 && r.Header.Get("Retry-After") != "":
			refused++
		default:
			t.Fatalf("HTTP %d %v", r.StatusCode, r.Header)
		}
		if accepted > 10_000 {
			t.Fatal("nobody was refused")
		}
	}
	if accepted < 3 {
		t.Errorf("%d were accepted at once, want 3", accepted)
	}
	if n := v.ConnectionStats().AcceptLimited; n != 1 {
		t.Errorf("AcceptLimited is %d", n)
	}
	eventually(t, "places for newcomers", func() bool {
		r, _ := tryUpgrade(t, v, "")
		return r.StatusCode == 101
	})
}

func TestUnauthenticatedConnectionsAreBounded(t *testing.T) {
	for name, o := range map[string]Options{
		"all":         {MaxUnauthenticated: 2},
		"per address": {MaxUnauthenticatedPerAddress: 2},
	} {
		t.Run(name, func(t *testing.T) {
			v := startServer(t, o, nil)
			status := func() int {
				r, _ := tryUpgrade(t, v, message.Subprotocol)
				return r.StatusCode
			}
			first := dialWire(t, v, "/", message.Subprotocol)
			second := dialWire(t, v, "/", message.Subprotocol)
			if got := status(); got != 503 {
				t.Fatalf("HTTP %d past the limit", got)
			}
			if r, _ := tryUpgrade(t, v, ""); r.StatusCode != 101 {
				t.Errorf("HTTP %d for a plain client, which has nothing to authenticate",
					r.StatusCode)
			}
			first.message()
			first.sendConnect(message.Connect{})
			first.next() // its CONNECT_ACK
			if got := status(); got != 101 {
				t.Errorf("HTTP %d after one has authenticated", got)
			}
			second.nc.Close()
			eventually(t, "the place of the one that left", func() bool { return status() == 101 })
			if v.ConnectionStats().AcceptLimited == 0 {
				t.Error("nothing was counted")
			}
		})
	}
}

func TestConnectionsPerAddressAndTrustedProxies(t *testing.T) {
	o := Options{MaxConnectionsPerAddress: 2, TrustedProxies: []string{"127.0.0.0/8"}}
	v := startServer(t, o, nil)
	dial := func(forwarded string) (status string, nc net.Conn) {
		nc, err := net.Dial("tcp", v.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { nc.Close() })
		nc.SetDeadline(time.Now().Add(patience))
		header := ""
		if forwarded != "" {
			header = "X-Forwarded-For: " + forwarded + "\r\n"
		}
		addr := v.Addr().String()
		nc.Write(frame.AppendRequest(nil, addr, "/", frame.NewKey(), "", "", "", header))
		b := make([]byte, 4096)
		n, _ := nc.Read(b)
		return string(b[9:min(12, n)]), nc
	}
	_, first := dial("203.0.113.7")
	for _, step := range []struct{ forwarded, want string }{
		{"198.51.100.1, 203.0.113.7", "101"}, // the client made up the first
		{"203.0.113.7", "503"},
		{"203.0.113.8", "101"},
		{"2001:db8:1:2::1", "101"},
		{"2001:db8:1:2::2", "101"},
		{"2001:db8:1:2:ffff::3", "503"}, // same /64
		{"2001:db8:1:3::1", "101"},
		{"garbage", "101"}, // counts for nobody that is known
		{"unknown", "101"},
		{"203.0.113.9:http", "503"},
		{"203.0.113.7:51234", "503"},
		{"203.0.113.8:443", "101"},
		{`"203.0.113.8"`, "503"},
		{"[2001:db8:1:3::9]:443", "101"},
		{"[2001:db8:1:3::9]", "503"},
		{"", "101"}, // the proxy itself
		{"", "101"},
		{"", "503"},
	} {
		if got, _ := dial(step.forwarded); got != step.want {
			t.Errorf("%q: status %s, want %s", step.forwarded, got, step.want)
		}
	}
	first.Close()
	eventually(t, "the address to have room again", func() bool {
		status, nc := dial("203.0.113.7")
		nc.Close()
		return status == "101"
	})
}

func TestRateLimits(t *testing.T) {
	limited := Options{RateLimitMaxRequests: 5, RateLimitWindow: time.Hour}
	yes := func(_ *Socket, _ Data, ack Ack) { ack.Reply(true) }
	v := startServer(t, limited, func(v *Server) {
		v.SetEventRateLimit("rare", smartsocket.Limit{Window: time.Hour, MaxRequests: 1})
		for _, e := range []string{"any", "rare"} {
			v.On(e, yes)
		}
		own := v.Namespace("/own")
		own.On("any", yes)
		own.On("rate-limit", func(s *Socket, d Data, _ Ack) {
			s.Emit("own-answer", errors.Is(d.Err(), smartsocket.ErrRateLimited))
		})
	})
	w := dialFull(t, v, "/")
	wantNotice := func(part string) {
		t.Helper()
		m := w.message()
		if string(m.Event) != "__rate-limited__" || !strings.Contains(string(m.Payload), part) {
			t.Fatalf("%q %q", m.Event, m.Payload)
		}
	}
	w.request(1, "rare", "")
	w.wantAck(1, "true")
	w.request(2, "rare", "")
	w.wantNack(2, message.CodeEventRateLimited)
	wantNotice(`"event":"rare"`)
	for i := range uint64(4) {
		w.request(10+i, "any", "")
		w.wantAck(10+i, "true")
	}
	w.request(20, "any", "")
	w.wantNack(20, message.CodeRateLimited)
	wantNotice(`"retryAfter":`)
	w.request(21, "any", "")
	w.wantNack(21, message.CodeRateLimited)
	w.emit("any", "")
	w.request(22, "any", "")
	w.wantNack(22, message.CodeRateLimited) // and no second notice before it
	o := dialFull(t, v, "/own")
	for i := range uint64(5) {
		o.request(i, "any", "")
		o.wantAck(i, "true")
	}
	o.emit("any", "")
	o.wantEvent("own-answer", "true")
}

// A zero Limit takes the limit of one event away again, and a negative one is a mistake.
func TestEventRateLimitIsRemoved(t *testing.T) {
	o := Options{RateLimitMaxRequests: 1000, RateLimitWindow: time.Hour}
	v := startServer(t, o, func(v *Server) { v.On("rare", reply) })
	v.SetEventRateLimit("rare", smartsocket.Limit{Window: time.Hour, MaxRequests: 1})
	v.SetEventRateLimit("rare", smartsocket.Limit{})
	w := dialFull(t, v, "/")
	for id := range uint64(3) {
		w.request(id+1, "rare", "1")
		w.wantAck(id+1, "1")
	}
	for _, l := range []smartsocket.Limit{{Window: -1, MaxRequests: 1},
		{Window: time.Hour, MaxRequests: -1}} {
		func() {
			defer func() {
				if text, _ := recover().(string); !strings.Contains(text, "rare") {
					t.Errorf("%+v: panic %q", l, text)
				}
			}()
			v.SetEventRateLimit("rare", l)
		}()
	}
}

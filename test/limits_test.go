package test

import (
	"bufio"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/message"
	"github.com/smartsocket/smartsocket/pool"
)

func masked(op frame.Opcode, p []byte) []byte {
	return frame.AppendMaskedFrame(nil, op, false, p, [4]byte{1, 2, 3, 4})
}

// What one connection sends in a second is bounded below the level of events,
// and who is over a bound is closed with 1008 while others are served.
func TestFloodsAreCutOff(t *testing.T) {
	event := append(message.AppendEventHeader(nil, 0, 0, 0, "x"), '1')
	var many, tiny, pings, bombs []byte
	for range 300 {
		many = append(many, masked(frame.Binary, event)...)
		pings = append(pings, masked(frame.Binary, message.AppendClock(nil, message.KindPing, message.Clock{}))...)
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
	deflated, err := pool.Deflate(message.AppendEventHeader(nil, message.FlagDeflated, 0, 0, "x"), []byte(`"`+strings.Repeat("a", 60<<10)+`"`), 6, false)
	if err != nil {
		t.Fatal(err)
	}
	for range 8 {
		bombs = append(bombs, masked(frame.Binary, deflated)...)
	}
	v := startServer(t, smartsocket.Options{RateLimitMaxRequests: 1 << 20, MaxFrameRate: 100, MaxInflateRate: 1, MaxMessageBytes: 64 << 10}, nil)
	v.On("x", func(_ *smartsocket.Socket, _ smartsocket.Data, ack smartsocket.Ack) { ack.Reply(true) }, smartsocket.Inline)
	good := dialFull(t, v, "/")
	for name, bytes := range map[string][]byte{"frames": many, "fragments": tiny, "pings": pings, "inflated bytes": bombs} {
		t.Run(name, func(t *testing.T) {
			before := v.ConnectionStats().Floods
			w := dialFull(t, v, "/")
			w.nc.Write(bytes)
			w.wantClose(frame.ClosePolicyViolation)
			w.nc.Close()
			eventually(t, "the flood to be counted", func() bool { return v.ConnectionStats().Floods == before+1 })
		})
	}
	good.request(1, "x", "")
	good.wantAck(1, "true")
}

// The limits of a second go with the rate limits.
func TestNoFloodLimitWithoutRateLimits(t *testing.T) {
	v := startServer(t, smartsocket.Options{MaxFrameRate: 10}, nil)
	v.On("x", func(_ *smartsocket.Socket, _ smartsocket.Data, ack smartsocket.Ack) { ack.Reply(true) }, smartsocket.Inline)
	w := dialFull(t, v, "/")
	for id := range uint64(200) {
		w.request(id+1, "x", "")
	}
	for id := range uint64(200) {
		w.wantAck(id+1, "true")
	}
}

// tryUpgrade asks for a connection and returns the HTTP status with the connection.
func tryUpgrade(t *testing.T, v *smartsocket.Server, protocol string) (*http.Response, net.Conn) {
	t.Helper()
	nc, err := net.Dial("tcp", v.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	nc.SetDeadline(time.Now().Add(patience))
	nc.Write(frame.AppendRequest(nil, v.Addr().String(), "/", frame.NewKey(), "", protocol, "", ""))
	r, err := http.ReadResponse(bufio.NewReader(nc), nil)
	if err != nil {
		t.Fatal(err)
	}
	return r, nc
}

func TestAcceptRate(t *testing.T) {
	v := startServer(t, smartsocket.Options{AcceptRate: 3}, nil)
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
	eventually(t, "places for newcomers", func() bool { r, _ := tryUpgrade(t, v, ""); return r.StatusCode == 101 })
}

func TestUnauthenticatedConnectionsAreBounded(t *testing.T) {
	for name, o := range map[string]smartsocket.Options{
		"all":         {MaxUnauthenticated: 2},
		"per address": {MaxUnauthenticatedPerAddress: 2},
	} {
		t.Run(name, func(t *testing.T) {
			v := startServer(t, o, nil)
			status := func() int { r, _ := tryUpgrade(t, v, message.Subprotocol); return r.StatusCode }
			first := dialWire(t, v, "/", message.Subprotocol)
			second := dialWire(t, v, "/", message.Subprotocol)
			if got := status(); got != 503 {
				t.Fatalf("HTTP %d past the limit", got)
			}
			if r, _ := tryUpgrade(t, v, ""); r.StatusCode != 101 {
				t.Errorf("HTTP %d for a plain client, which has nothing to authenticate", r.StatusCode)
			}
			first.message()
			first.send(frame.Binary, message.AppendConnect(nil, &message.Connect{Version: 1}))
			first.next() // its CONNECT_ACK
			if got := status(); got != 101 {
				t.Errorf("HTTP %d after one has authenticated", got)
			}
			second.nc.Close()
			eventually(t, "the place of who left", func() bool { return status() == 101 })
			if v.ConnectionStats().AcceptLimited == 0 {
				t.Error("nothing was counted")
			}
		})
	}
}

// A34, A48: reserved names are events too and count against the limit.
func TestAttackReservedNamesAreLimited(t *testing.T) {
	v := startServer(t, smartsocket.Options{RateLimitMaxRequests: 5, RateLimitWindow: time.Minute}, echoOn)
	w := dialFull(t, v, "/")
	for i := range uint64(20) {
		w.request(i, "__x", "")
	}
	for i := range uint64(20) {
		for m := w.message(); ; m = w.message() {
			if m.Kind != message.KindError {
				continue
			}
			if e, _ := message.ParseErrorJSON(m.Payload); i >= 5 && e.Code != message.CodeRateLimited {
				t.Fatalf("reserved event %d got %s: no limit applies", i, e.Code)
			}
			break
		}
	}
}

// A48: events over the limit do not excuse invalid messages between them.
func TestAttackInvalidBetweenLimited(t *testing.T) {
	v := startServer(t, smartsocket.Options{RateLimitMaxRequests: 1, RateLimitWindow: time.Minute}, echoOn)
	w := dialFull(t, v, "/")
	for range 10 {
		for range 9 {
			w.send(frame.Binary, []byte{0x0c})
		}
		w.emit("echo", "1")
	}
	w.wantClose(frame.ClosePolicyViolation)
}

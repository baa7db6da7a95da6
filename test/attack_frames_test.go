package test

import (
	"bytes"
	"compress/flate"
	"fmt"
	"net"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/crypto"
	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/message"
)

// The names behind TestAttack are those of the list in docs/SECURITY.md.

// stillServes checks that the server answers a client that behaves.
func stillServes(t testing.TB, v *smartsocket.Server) {
	t.Helper()
	w := dialFull(t, v, "/")
	w.request(1, "echo", `"here"`)
	w.wantEvent("echo", `"here"`)
	w.wantAck(1, `"here"`)
	w.nc.Close()
}

func echoOn(v *smartsocket.Server) { v.On("echo", echo) }

// dialRaw opens a connection and sends b.
func dialRaw(t testing.TB, v *smartsocket.Server, b string) net.Conn {
	t.Helper()
	nc, err := net.Dial("tcp", v.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	nc.SetDeadline(time.Now().Add(patience))
	if _, err := nc.Write([]byte(b)); err != nil {
		t.Fatal(err)
	}
	return nc
}

// wantGone reads until the server has ended the connection.
func wantGone(t testing.TB, nc net.Conn) {
	t.Helper()
	var buf [4096]byte
	for {
		if _, err := nc.Read(buf[:]); err != nil {
			if e, ok := err.(net.Error); ok && e.Timeout() {
				t.Fatal("the server keeps the connection")
			}
			return
		}
	}
}

// announce is the header of a masked final frame of n bytes.
func announce(op frame.Opcode, n uint64) []byte {
	b := []byte{0x80 | byte(op), 0x80 | 127}
	for i := 7; i >= 0; i-- {
		b = append(b, byte(n>>(8*i)))
	}
	return append(b, 1, 2, 3, 4)
}

// heapNow is the live heap after a collection.
func heapNow() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// allocated is how many bytes f makes the process allocate.
func allocated(f func()) int64 {
	var a, b runtime.MemStats
	runtime.ReadMemStats(&a)
	f()
	runtime.ReadMemStats(&b)
	return int64(b.TotalAlloc - a.TotalAlloc)
}

// A13: heads that trickle, heads that stop, and upgrades without a CONNECT cost
// no goroutine, keep nobody out, and are cut at the deadline.
func TestAttackSlowHandshakes(t *testing.T) {
	n := 2000
	if testing.Short() {
		n = 200
	}
	v := startServer(t, smartsocket.Options{HandshakeTimeout: 3 * time.Second}, echoOn)
	stillServes(t, v)
	before := runtime.NumGoroutine()
	upgrade := string(frame.AppendRequest(nil, "x", "/", frame.NewKey(), "", message.Subprotocol, "", ""))
	starts := []string{"", "G", upgrade[:40], upgrade}
	conns := make([]net.Conn, n)
	for i := range conns {
		conns[i] = dialRaw(t, v, starts[i%len(starts)])
		if i%len(starts) == 1 {
			conns[i].Write([]byte("ET"))
		}
	}
	began := time.Now()
	good := dialFull(t, v, "/")
	t.Logf("with %d unfinished handshakes another client connected within %v", n, time.Since(began))
	good.nc.Close()
	stillServes(t, v)
	if now := runtime.NumGoroutine(); now > before+8 {
		t.Errorf("%d goroutines with %d unfinished handshakes, %d before", now, n, before)
	}
	for _, nc := range conns {
		wantGone(t, nc)
	}
	stillServes(t, v)
}

// A1, A14: what a header announces is neither believed nor allocated, before the
// handshake is done as little as after it.
func TestAttackAnnouncedLengths(t *testing.T) {
	v := startServer(t, smartsocket.Options{}, echoOn)
	const limit = 16 << 20
	for _, c := range []struct {
		n    uint64
		code frame.CloseCode
	}{
		{1 << 63, 1002}, {1<<64 - 1, 1002}, {1<<64 - 4, 1002}, {1<<63 - 1, 1009}, {1 << 32, 1009}, {1<<31 - 1, 1009}, {2 * limit, 1009},
	} {
		t.Run(fmt.Sprintf("%#x", c.n), func(t *testing.T) {
			for _, w := range []*wire{dialFull(t, v, "/"), dialWire(t, v, "/", message.Subprotocol), dialPlain(t, v, "/")} {
				w.nc.Write(announce(frame.Binary, c.n))
				w.wantClose(c.code)
			}
		})
	}
	const n = 500
	conns := make([]net.Conn, n)
	upgrade := string(frame.AppendRequest(nil, "x", "/", frame.NewKey(), "", message.Subprotocol, "", ""))
	for i := range conns {
		conns[i] = dialRaw(t, v, upgrade)
	}
	eventually(t, "all upgrades", func() bool { return v.ConnectionStats().Open >= n })
	stillServes(t, v)
	before := heapNow()
	for _, nc := range conns {
		nc.Write(announce(frame.Binary, limit))
	}
	stillServes(t, v)
	if grown := heapNow() - before; grown > n*1024 {
		t.Errorf("%d connections announce 16 MiB each: the heap grew by %d bytes", n, grown)
	}
}

// A2, A3, A4: fragments are counted and added up, whatever comes between them.
func TestAttackFragments(t *testing.T) {
	v := startServer(t, smartsocket.Options{MaxMessageBytes: 1 << 20}, echoOn)
	part := func(op frame.Opcode, p []byte) []byte {
		b := frame.AppendMaskedFrame(nil, op, false, p, [4]byte{1, 2, 3, 4})
		b[0] &^= 0x80
		return b
	}
	t.Run("sum over the limit with a ping between", func(t *testing.T) {
		w := dialFull(t, v, "/")
		w.nc.Write(part(frame.Binary, make([]byte, 600<<10)))
		w.send(frame.Ping, []byte("reset?"))
		w.nc.Write(part(frame.Continuation, make([]byte, 600<<10)))
		w.wantClose(frame.CloseTooBig)
	})
	for name, p := range map[string][]byte{"empty": nil, "one byte": {'x'}} {
		t.Run("endless, "+name, func(t *testing.T) {
			w := dialFull(t, v, "/")
			b := part(frame.Binary, p)
			for range 2000 {
				b = append(b, part(frame.Continuation, p)...)
			}
			w.nc.Write(b)
			w.wantClose(frame.ClosePolicyViolation)
		})
	}
	stillServes(t, v)
}

// deflated is raw DEFLATE of n zeros at its best.
func deflated(n int) []byte {
	var b bytes.Buffer
	w, _ := flate.NewWriter(&b, 9)
	zeros := make([]byte, 1<<20)
	for n > 0 {
		k := min(n, len(zeros))
		w.Write(zeros[:k])
		n -= k
	}
	w.Close()
	return b.Bytes()
}

// A5, A6, A7: a bomb in the transport's compression, in our own and in our own
// inside encryption costs the limit and not what it holds.
func TestAttackDeflateBombs(t *testing.T) {
	const limit = 1 << 20
	bomb := deflated(64 << 20)
	key, text := newKey()
	open := startServer(t, smartsocket.Options{MaxMessageBytes: limit}, echoOn)
	sealed := startServer(t, smartsocket.Options{MaxMessageBytes: limit, EncryptionKey: text, EncryptionAlgorithm: "aes-256-gcm"}, echoOn)
	event := func(p []byte) []byte {
		b := message.AppendEventHeader(nil, message.FlagBinary|message.FlagDeflated, 0, 0, "echo")
		return append(b, p...)
	}
	compressed := func(p []byte) []byte {
		b := frame.AppendMaskedFrame(nil, frame.Text, false, p, [4]byte{1, 2, 3, 4})
		b[0] |= 0x40
		return b
	}
	for name, attack := range map[string]func(t *testing.T) func(){
		"permessage-deflate": func(t *testing.T) func() {
			nc := dialRaw(t, open, string(frame.AppendRequest(nil, "x", "/", frame.NewKey(), "", "", "permessage-deflate", "")))
			var buf [4096]byte
			if n, _ := nc.Read(buf[:]); !strings.Contains(string(buf[:n]), "permessage-deflate") {
				t.Fatalf("not negotiated: %q", buf[:n])
			}
			b := compressed(bomb)
			return func() { nc.Write(b); wantGone(t, nc) }
		},
		"message": func(t *testing.T) func() {
			w := dialFull(t, open, "/")
			b := event(bomb)
			return func() { w.send(frame.Binary, b); w.wantClose(frame.CloseTooBig) }
		},
		"message inside encryption": func(t *testing.T) func() {
			w, ok := dialSealed(t, sealed, "/", &key, crypto.AES256GCM)
			if !ok {
				t.Fatal("refused")
			}
			b := w.ends.Seal(nil, event(bomb))
			return func() { w.send(frame.Binary, b); w.wantClose(frame.CloseTooBig) }
		},
	} {
		t.Run(name, func(t *testing.T) {
			// Growing to the limit by doubling allocates twice that; the rest is the two ends' reading of 64 KiB.
			if n := allocated(attack(t)); n > 5*limit {
				t.Errorf("64 MiB in %d bytes made the process allocate %d bytes", len(bomb), n)
			}
		})
	}
	w := dialFull(t, open, "/")
	exact := func(n int) { w.send(frame.Binary, event(deflated(n))) }
	exact(limit)
	if m := w.message(); m.Kind != message.KindEvent || len(m.Payload) != limit {
		t.Fatalf("exactly the limit: kind %d with %d bytes", m.Kind, len(m.Payload))
	}
	exact(limit + 1)
	w.wantClose(frame.CloseTooBig)

	// Blocks without output, what is cut, and what is not DEFLATE at all.
	w = dialFull(t, open, "/")
	for _, p := range [][]byte{bytes.Repeat([]byte{0, 0, 0, 0xff, 0xff}, 100_000), bomb[:1000], {7, 7, 7}, {}} {
		w.send(frame.Binary, event(p))
		if e, err := message.ParseErrorJSON(w.message().Payload); err != nil || e.Code != message.CodeDecompression {
			t.Errorf("%d bytes that do not inflate: %v %v", len(p), e, err)
		}
	}
	w.send(frame.Binary, event(deflated(3)))
	if m := w.message(); string(m.Payload) != "\x00\x00\x00" {
		t.Errorf("after broken streams, a good one gives %q", m.Payload)
	}
}

// A15: before CONNECT nothing is inflated or dispatched, and one message of 4 KiB is all that is read.
func TestAttackBeforeConnect(t *testing.T) {
	v := startServer(t, smartsocket.Options{APIKeys: []string{"a-key-nobody-knows"}}, func(v *smartsocket.Server) {
		v.On("echo", func(*smartsocket.Socket, smartsocket.Data, smartsocket.Ack) {
			t.Error("a handler ran before authentication")
		})
	})
	event := append(message.AppendEventHeader(nil, message.FlagBinary, 0, 0, "echo"), "x"...)
	for name, p := range map[string][]byte{
		"over 4 KiB": append(message.AppendConnect(nil, &message.Connect{Version: 1, APIKey: bytes.Repeat([]byte{'k'}, 4096)}), 0),
		"1 MiB":      make([]byte, 1<<20),
		"an event":   event,
	} {
		t.Run(name, func(t *testing.T) {
			w := dialWire(t, v, "/", message.Subprotocol)
			w.message()
			w.send(frame.Binary, p)
			w.send(frame.Binary, event)
			if name != "an event" { // refused by its header, before any of it is kept
				w.wantClose(frame.CloseTooBig)
				return
			}
			if e, err := message.ParseErrorJSON(w.message().Payload); err != nil || e.Code != message.CodeInvalidFormat {
				t.Errorf("%v %v", e, err)
			}
			w.wantClose(frame.ClosePolicyViolation)
		})
	}
	if st := v.ConnectionStats(); st.HandlerPanics != 0 || v.Stats().Connections != 0 {
		t.Errorf("%+v", st)
	}
}

// A16: who may connect from a browser is the origin's matter, compared as a whole.
func TestAttackForeignOrigins(t *testing.T) {
	same := startServer(t, smartsocket.Options{}, nil)
	listed := startServer(t, smartsocket.Options{AllowedOrigins: []string{"https://good.example", "http://localhost:8080"}}, nil)
	none := startServer(t, smartsocket.Options{AllowedOrigins: []string{}}, nil) // as a config file gives it
	for _, c := range []struct {
		v      *smartsocket.Server
		name   string
		header string
		want   string
	}{
		{same, "none", "", "101"},
		{same, "the same host", "Origin: http://game.example\r\n", "101"},
		{same, "the same host in capitals", "Origin: http://GAME.example\r\n", "101"},
		{same, "another host", "Origin: http://evil.example\r\n", "403"},
		{same, "null", "Origin: null\r\n", "403"},
		{same, "the host as a prefix", "Origin: http://game.example.evil.example\r\n", "403"},
		{same, "the host as a suffix", "Origin: http://evilgame.example\r\n", "403"},
		{same, "another port", "Origin: http://game.example:81\r\n", "403"},
		{same, "userinfo", "Origin: http://game.example@evil.example\r\n", "403"},
		{same, "two", "Origin: http://game.example\r\nOrigin: http://evil.example\r\n", "40"},
		{none, "an empty list, the same host", "Origin: http://game.example\r\n", "101"},
		{none, "an empty list, another host", "Origin: http://evil.example\r\n", "403"},
		{listed, "listed", "Origin: https://good.example\r\n", "101"},
		{listed, "listed with a port", "Origin: http://localhost:8080\r\n", "101"},
		{listed, "listed, other scheme", "Origin: http://good.example\r\n", "403"},
		{listed, "listed, other port", "Origin: https://good.example:444\r\n", "403"},
		{listed, "listed, subdomain", "Origin: https://a.good.example\r\n", "403"},
		{listed, "not listed, same host", "Origin: http://game.example\r\n", "403"},
	} {
		t.Run(c.name, func(t *testing.T) {
			nc := dialRaw(t, c.v, string(frame.AppendRequest(nil, "game.example", "/", frame.NewKey(), "", "", "", c.header)))
			var buf [512]byte
			n, _ := nc.Read(buf[:])
			if !strings.HasPrefix(string(buf[:n]), "HTTP/1.1 "+c.want) {
				t.Errorf("answered with %.40q, want %s", buf[:n], c.want)
			}
		})
	}
}

// A27: a client that asks and asks and never reads is cut off at its outbox limit.
func TestAttackNeverReading(t *testing.T) {
	v := startServer(t, smartsocket.Options{MaxOutboxBytes: 1 << 20}, echoOn)
	w := dialFull(t, v, "/")
	w.nc.(*net.TCPConn).SetReadBuffer(4 << 10)
	b := append(message.AppendEventHeader(nil, message.FlagBinary, 0, 0, "echo"), make([]byte, 64<<10)...)
	before := heapNow()
	for range 2000 {
		if _, err := w.nc.Write(frame.AppendMaskedFrame(nil, frame.Binary, false, b, [4]byte{1, 2, 3, 4})); err != nil {
			break
		}
	}
	eventually(t, "the client to be cut off", func() bool { return v.ConnectionStats().SlowConsumers == 1 })
	eventually(t, "its memory to be free again", func() bool { return heapNow()-before < 8<<20 })
	stillServes(t, v)
}

// A28: many connections with much to do share a bounded number of goroutines.
func TestAttackHandlerBurst(t *testing.T) {
	const workers, clients, each = 16, 100, 50
	var running, most atomic.Int64
	v := startServer(t, smartsocket.Options{Workers: workers}, func(v *smartsocket.Server) {
		v.On("slow", func(_ *smartsocket.Socket, _ smartsocket.Data, ack smartsocket.Ack) {
			n := running.Add(1)
			for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			}
			time.Sleep(time.Millisecond)
			running.Add(-1)
			ack.Reply(nil)
		})
	})
	before := runtime.NumGoroutine()
	conns := make([]*wire, clients)
	for i := range conns {
		conns[i] = dialFull(t, v, "/")
		for k := range each {
			conns[i].request(uint64(k), "slow", "")
		}
	}
	if n := runtime.NumGoroutine(); n > before+workers+4 {
		t.Errorf("%d goroutines, %d before and %d workers", n, before, workers)
	}
	for _, w := range conns {
		for k := range each {
			w.wantAck(uint64(k), "")
		}
	}
	if n := most.Load(); n > workers {
		t.Errorf("%d handlers ran at once on %d workers", n, workers)
	}
}

// A32: nesting is bounded, without recursion, in both encodings.
func TestAttackDeepNesting(t *testing.T) {
	v := startServer(t, smartsocket.Options{}, echoOn)
	nested := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	w := dialFull(t, v, "/")
	w.emit("echo", nested(60))
	w.wantEvent("echo", nested(60))
	for _, n := range []int{65, 100_000, 1_000_000} {
		for _, p := range []string{nested(n), strings.Repeat("[", n), strings.Repeat(`{"a":`, n)} {
			w := dialFull(t, v, "/")
			w.request(1, "echo", p)
			if e, err := message.ParseErrorJSON(w.message().Payload); err != nil || e.Code != message.CodeInvalidFormat {
				t.Errorf("depth %d, binary: %v %v", n, e, err)
			}
			plain := dialPlain(t, v, "/")
			plain.text(`{"event":"echo","data":%s}`, p)
			if _, b := plain.next(); !strings.Contains(string(b), "ERR_MSG_001") {
				t.Errorf("depth %d, text: %q", n, b)
			}
		}
	}
}

// A35: an ack settles what its own connection was asked, once.
func TestAttackForgedAcks(t *testing.T) {
	settled := make(chan string, 8)
	v := startServer(t, smartsocket.Options{}, nil)
	a, b := dialFull(t, v, "/"), dialFull(t, v, "/")
	eventually(t, "both clients", func() bool { return v.Namespace("/").Len() == 2 })
	sa := v.Namespace("/").Socket(a.id)
	if err := sa.EmitAck("ask", nil, 0, func(d smartsocket.Data, err error) { settled <- fmt.Sprintf("%s %v", d.Bytes(), err) }); err != nil {
		t.Fatal(err)
	}
	id := a.message().AckID
	ack := func(n uint64, p string) []byte {
		return append(message.Append(nil, &message.Message{Kind: message.KindAck, Flags: message.FlagAck, AckID: n}), p...)
	}
	wantUnknown := func(w *wire) {
		t.Helper()
		if e, err := message.ParseErrorJSON(w.message().Payload); err != nil || e.Code != message.CodeAckUnknown {
			t.Errorf("%v %v, want ERR_ACK_003", e, err)
		}
	}
	b.send(frame.Binary, ack(id, `"forged"`))
	wantUnknown(b)
	a.send(frame.Binary, ack(id+1, `"early"`))
	wantUnknown(a)
	a.send(frame.Binary, ack(id, `"true"`))
	a.send(frame.Binary, ack(id, `"again"`)) // counted, and no fault: see TestLateAnswersAreNoFault
	a.send(frame.Binary, ack(id+2, `"early"`))
	wantUnknown(a)
	if got := <-settled; got != `"true" <nil>` {
		t.Errorf("settled with %s", got)
	}
	if n := v.ConnectionStats().UnknownAcks; n != 4 {
		t.Errorf("%d unknown acks were counted, want 4", n)
	}
	plain := dialPlain(t, v, "/")
	for _, n := range []string{"-1", "1.5", "9007199254740993", `"1"`, "{}"} {
		plain.text(`{"ack":%s,"data":1}`, n)
		if _, p := plain.next(); !strings.Contains(string(p), "ERR_MSG_001") {
			t.Errorf("ack %s: %q", n, p)
		}
	}
	for range 5 {
		plain.text(`{"ack":77,"data":1}`)
	}
	plain.wantClose(frame.ClosePolicyViolation)
	select {
	case got := <-settled:
		t.Errorf("settled again: %s", got)
	default:
	}
}

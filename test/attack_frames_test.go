package test

import (
	"bytes"
	"compress/flate"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"testing"

	"github.com/smartsocket/smartsocket/crypto"
	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/message"
)

// announce is the header of a masked final frame of n bytes.
func announce(op frame.Opcode, n uint64) []byte {
	b := []byte{0x80 | byte(op), 0x80 | 127}
	for i := 7; i >= 0; i-- {
		b = append(b, byte(n>>(8*i)))
	}
	return append(b, 1, 2, 3, 4)
}

// A1, A14: what a header announces is neither believed nor allocated, before the handshake or
// after it.
func TestAttackAnnouncedLengths(t *testing.T) {
	v := startServer(t, Options{}, echoOn)
	const limit = 16 << 20
	for _, c := range []struct {
		n    uint64
		code frame.CloseCode
	}{
		{1 << 63, 1002}, {1<<64 - 1, 1002}, {1<<64 - 4, 1002},
		{1<<63 - 1, 1009}, {1 << 32, 1009}, {1<<31 - 1, 1009}, {2 * limit, 1009},
	} {
		t.Run(fmt.Sprintf("%#x", c.n), func(t *testing.T) {
			for _, w := range []*wire{
				dialFull(t, v, "/"), dialWire(t, v, "/", message.Subprotocol), dialPlain(t, v, "/"),
			} {
				w.nc.Write(announce(frame.Binary, c.n))
				w.wantClose(c.code)
			}
		})
	}
	const n = 500
	conns := make([]net.Conn, n)
	upgrade := upgradeRequest(message.Subprotocol, "")
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
	v := startServer(t, Options{MaxMessageBytes: 1 << 20}, echoOn)
	part := func(op frame.Opcode, p []byte) []byte {
		b := masked(op, p)
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

// deflated is raw DEFLATE of n zeros, as small as it can be.
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

// deflatedNoise is raw DEFLATE of n bytes, of which the first are noise and so do not get smaller.
func deflatedNoise(noise, n int) []byte {
	random := rand.New(rand.NewPCG(1, 2))
	plain := make([]byte, n)
	for i := range noise {
		plain[i] = byte(random.Uint32())
	}
	var b bytes.Buffer
	w, _ := flate.NewWriter(&b, 9)
	w.Write(plain)
	w.Close()
	return b.Bytes()
}

// A5, A6, A7: a bomb in the transport's compression, in our own, or in our own inside encryption
// costs the limit, not what it holds.
func TestAttackDeflateBombs(t *testing.T) {
	const limit = 1 << 20
	bomb := deflated(64 << 20)
	key, text := newKey()
	open := startServer(t, Options{MaxMessageBytes: limit}, echoOn)
	sealed := startServer(t, Options{
		MaxMessageBytes: limit, EncryptionKey: text, EncryptionAlgorithm: "aes-256-gcm",
	}, echoOn)
	event := func(p []byte) []byte {
		return eventBytes(message.FlagBinary|message.FlagDeflated, 0, "echo", string(p))
	}
	compressed := func(p []byte) []byte {
		b := masked(frame.Text, p)
		b[0] |= 0x40
		return b
	}
	for name, attack := range map[string]func(t *testing.T) func(){
		"permessage-deflate": func(t *testing.T) func() {
			nc := dialRaw(t, open, upgradeRequest("", "permessage-deflate"))
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
			// A buffer that doubles until it reaches the limit allocates twice that. The rest is
			// what the two ends allocate to read 64 KiB.
			if n := allocated(attack(t)); n > 5*limit {
				t.Errorf("64 MiB in %d bytes made the process allocate %d bytes", len(bomb), n)
			}
		})
	}
	w := dialFull(t, open, "/")
	exact := func(n int) { w.send(frame.Binary, event(deflatedNoise(n/20, n))) }
	exact(limit)
	if m := w.message(); m.Kind != message.KindEvent || len(m.Payload) != limit {
		t.Fatalf("exactly the limit: kind %d with %d bytes", m.Kind, len(m.Payload))
	}
	exact(limit + 1)
	w.wantClose(frame.CloseTooBig)

	// Blocks without output, what is cut, and what is not DEFLATE at all.
	w = dialFull(t, open, "/")
	empty := bytes.Repeat([]byte{0, 0, 0, 0xff, 0xff}, 100_000)
	for _, p := range [][]byte{empty, bomb[:60], {7, 7, 7}, {}} {
		w.send(frame.Binary, event(p))
		if m := w.message(); codeOf(m) != message.CodeDecompression {
			t.Errorf("%d bytes that do not inflate: kind %d %q", len(p), m.Kind, m.Payload)
		}
	}
	w.send(frame.Binary, event(deflated(3)))
	if m := w.message(); string(m.Payload) != "\x00\x00\x00" {
		t.Errorf("after broken streams, a good one gives %q", m.Payload)
	}
}

// A32: nesting is bounded, without recursion, in both encodings.
func TestAttackDeepNesting(t *testing.T) {
	v := startServer(t, Options{}, echoOn)
	nested := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	w := dialFull(t, v, "/")
	w.emit("echo", nested(60))
	w.wantEvent("echo", nested(60))
	for _, n := range []int{65, 100_000, 1_000_000} {
		for _, p := range []string{nested(n), strings.Repeat("[", n), strings.Repeat(`{"a":`, n)} {
			w := dialFull(t, v, "/")
			w.request(1, "echo", p)
			if m := w.message(); codeOf(m) != message.CodeInvalidFormat {
				t.Errorf("depth %d, binary: kind %d %q", n, m.Kind, m.Payload)
			}
			plain := dialPlain(t, v, "/")
			plain.text(`{"event":"echo","data":%s}`, p)
			if _, b := plain.next(); !strings.Contains(string(b), "ERR_MSG_001") {
				t.Errorf("depth %d, text: %q", n, b)
			}
		}
	}
}

package test

import (
	"strings"
	"sync/atomic"
	"testing"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/client"
	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/message"
)

// list is a JSON array of n numbers, which has n + 1 elements.
func list(n int) string { return "[" + strings.Repeat("0,", n-1) + "0]" }

// A message with more elements than the limit reaches no handler. Its sender is told, and stays.
func TestElementsOfAMessageAreLimited(t *testing.T) {
	var handled atomic.Int64
	v := startServer(t, Options{MaxJSONElements: 101}, func(v *Server) {
		echoOn(v)
		v.On("list", func(_ *Socket, d Data, ack Ack) {
			handled.Add(1)
			ack.Reply(d.Bytes())
		})
	})
	w := dialFull(t, v, "/")
	w.request(1, "list", list(101))
	w.wantNack(1, message.CodeTooLarge)
	w.request(2, "list", `"`+strings.Repeat(",", 1000)+`"`)
	w.request(3, "list", list(100))
	w.message()
	w.message()
	plain := dialWire(t, v, "/", "")
	plain.text(`{"type":"event","event":"list","ack":1,"data":%s}`, list(101))
	plain.wantPlainError(message.CodeTooLarge)
	plain.text(`{"event":"list","ack":2,"data":%s}`, list(100))
	plain.next()
	if n := handled.Load(); n != 3 {
		t.Errorf("%d events were handled, want 3", n)
	}
	stillServes(t, v)
}

// wantPlainError reads a text message with an error of this code.
func (w *wire) wantPlainError(code message.Code) {
	w.t.Helper()
	if op, p := w.next(); op != frame.Text || !strings.Contains(string(p), string(code)) {
		w.t.Fatalf("%v %q, want %s", op, p, code)
	}
}

// MaxBytes of a handler is checked before the handler decodes anything.
func TestMaxBytesOfAnEvent(t *testing.T) {
	for name, opts := range map[string][]smartsocket.HandlerOption{
		"blocking": {smartsocket.MaxBytes(10)},
		"inline":   {smartsocket.MaxBytes(10), smartsocket.Inline},
	} {
		t.Run(name, func(t *testing.T) {
			var handled atomic.Int64
			v := startServer(t, Options{}, func(v *Server) {
				echoOn(v)
				smartsocket.On(v, "small", func(_ *Socket, text string, ack Ack) {
					handled.Add(1)
					ack.Reply(text)
				}, opts...)
			})
			w := dialFull(t, v, "/")
			w.request(1, "small", `"12345678"`)
			w.wantAck(1, `"12345678"`)
			w.request(2, "small", `"123456789"`)
			w.wantNack(2, message.CodeTooLarge)
			w.emit("small", `"123456789"`)
			w.wantError(message.CodeTooLarge)
			w.request(3, "echo", `"123456789"`)
			w.wantEvent("echo", `"123456789"`)
			if n := handled.Load(); n != 1 {
				t.Errorf("%d events were handled, want 1", n)
			}
		})
	}
}

// 16 KiB on the wire cost 32 times that, and no more, however well they compress.
func TestInflationIsLimitedBySize(t *testing.T) {
	const content = 500 << 10
	v, _, release := busyServer(t, Options{})
	defer release()
	w := dialFull(t, v, "/")
	send := func(id uint64, p []byte) {
		const flags = message.FlagBinary | message.FlagDeflated | message.FlagAck
		w.send(frame.Binary, eventBytes(flags, id, "work", string(p)))
	}
	send(1, deflated(content))
	w.wantNack(1, message.CodeTooLarge)
	send(2, deflatedNoise(16<<10, content))
	eventually(t, "the event to wait", func() bool {
		return v.ConnectionStats().BufferedBytes == content
	})
}

// What our client sends is not refused for compressing too well.
func TestClientCompressesNoMoreThanTheServerTakes(t *testing.T) {
	v := startServer(t, Options{MaxOutboxBytes: 16 << 20}, echoOn)
	c := connected(t, newClient(t, v, client.Options{}))
	for _, n := range []int{1 << 10, 64 << 10, 65 << 10, 4 << 20} {
		got, err := c.EmitWithAck(t.Context(), "echo", make([]byte, n))
		if err != nil || len(got.Bytes()) != n {
			t.Errorf("%d zeros: %d bytes, %v", n, len(got.Bytes()), err)
		}
	}
}

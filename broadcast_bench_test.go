package smartsocket_test

import (
	"io"
	"log/slog"
	"testing"

	"github.com/smartsocket/smartsocket"
)

// BenchmarkBroadcast emits to receivers of each kind. Only "connected" makes
// system calls, one write per receiver; the others show what the fan-out itself costs.
func BenchmarkBroadcast(b *testing.B) {
	const receivers = 64
	data := []byte("0123456789abcdef0123456789abcdef")
	for _, c := range []struct {
		name string
		o    smartsocket.Options
		slow bool // the clients do not read and are behind
		gone bool // the clients are away, their sessions wait
		opts []smartsocket.EmitOption
	}{
		{name: "connected"},
		{name: "connected-volatile", opts: []smartsocket.EmitOption{smartsocket.Volatile}},
		{name: "away", o: smartsocket.Options{EnableMessageCache: true, MessageCacheSize: 16}, gone: true},
		{name: "behind-volatile", slow: true, opts: []smartsocket.EmitOption{smartsocket.Volatile}},
		{name: "behind-state", slow: true, opts: []smartsocket.EmitOption{smartsocket.State("k")}},
	} {
		b.Run(c.name, func(b *testing.B) {
			c.o.Logger = slog.New(slog.DiscardHandler)
			v := slowServer(b, c.o)
			ns := v.Namespace("/")
			for range receivers {
				w := dialFull(b, v, "/")
				switch {
				case c.slow:
					w.fall(socketOf(b, v, w.id))
				case c.gone:
					w.nc.Close()
				default:
					go io.Copy(io.Discard, w.nc)
				}
			}
			if c.gone {
				eventually(b, "the clients to go", func() bool { return ns.Len() == 0 })
			}
			ns.Emit("warm", data, c.opts...)
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				ns.Emit("at", data, c.opts...)
			}
			b.StopTimer()
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/receivers, "ns/receiver")
		})
	}
}

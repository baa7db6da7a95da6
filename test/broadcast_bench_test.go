package test

import (
	"io"
	"log/slog"
	"sync/atomic"
	"testing"

	"github.com/smartsocket/smartsocket"
)

// readBytes counts what it reads from all clients.
type readBytes struct{ n atomic.Int64 }

func (r *readBytes) Write(p []byte) (int, error) {
	r.n.Add(int64(len(p)))
	return len(p), nil
}

func benchServer(b *testing.B, o Options, slow bool) *Server {
	if slow {
		return slowServer(b, o)
	}
	return startServer(b, o, nil)
}

// BenchmarkBroadcast emits to receivers of each kind. Only those that are
// connected cost system calls, one write each; the others show what the fan-out costs.
func BenchmarkBroadcast(b *testing.B) {
	const receivers, batch = 64, 16
	data := []byte("0123456789abcdef0123456789abcdef")
	cached := Options{EnableMessageCache: true, MessageCacheSize: 16}
	volatile := []smartsocket.EmitOption{smartsocket.Volatile}
	for _, c := range []struct {
		name string
		o    Options
		slow bool // the clients do not read and are behind
		gone bool // the clients are away, their sessions wait
		opts []smartsocket.EmitOption
	}{
		{name: "connected"},
		{name: "connected-volatile", opts: volatile},
		{name: "away", o: cached, gone: true},
		{name: "behind-volatile", slow: true, opts: volatile},
		{name: "behind-state", slow: true, opts: []smartsocket.EmitOption{smartsocket.State("k")}},
	} {
		b.Run(c.name, func(b *testing.B) {
			c.o.Logger = slog.New(slog.DiscardHandler)
			v := benchServer(b, c.o, c.slow)
			ns := v.Namespace("/")
			var read readBytes
			for range receivers {
				w := dialFull(b, v, "/")
				switch {
				case c.slow:
					w.fall(socketOf(b, v, w.id))
				case c.gone:
					w.nc.Close()
				default:
					go io.Copy(&read, w.nc)
				}
			}
			// arrived waits until every client has read its share of what was sent.
			reads := !c.slow && !c.gone
			var sent int64
			arrived := func() {
				if reads {
					eventually(b, "the clients", func() bool { return read.n.Load() >= sent })
				}
			}
			if c.gone {
				eventually(b, "the clients to go", func() bool { return ns.Len() == 0 })
			}
			for range batch { // the first ones fill the pools
				ns.Emit("at", data, c.opts...)
			}
			sent = batch * receivers * int64(len(data))
			arrived()
			b.ReportAllocs()
			b.ResetTimer()
			for i := range b.N {
				if d, _ := ns.Emit("at", data, c.opts...); d.Queued+d.Dropped != receivers {
					b.Fatalf("%+v", d)
				}
				if sent += receivers * int64(len(data)); reads && i%batch == batch-1 {
					b.StopTimer()
					arrived()
					b.StartTimer()
				}
			}
			b.StopTimer()
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/receivers, "ns/receiver")
		})
	}
}

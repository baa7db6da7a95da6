package cluster

import (
	"testing"

	"github.com/smartsocket/smartsocket"
)

// pair makes two clusters on one NATS server. Whatever one publishes puts a token into got at the
// other.
func pair(b *testing.B) (from *Cluster, got chan struct{}) {
	broker := startNATS(b, -1)
	got = make(chan struct{}, 1<<16)
	var both [2]*Cluster
	for i := range both {
		c, err := New(Options{URL: broker.ClientURL(), Node: string(rune('a' + i)),
			Logger: quietLogger()})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { c.Close() })
		eventually(b, "the connection", func() bool { return c.Stats().State == Connected })
		if err := c.Open([]string{"/"}, func(*smartsocket.Envelope) error {
			got <- struct{}{}
			return nil
		}); err != nil {
			b.Fatal(err)
		}
		both[i] = c
	}
	return both[0], got
}

// BenchmarkAcross measures one broadcast of 100 bytes from node to node: alone, for its latency,
// and as part of a stream. The NATS server runs in this process, so its work is included.
func BenchmarkAcross(b *testing.B) {
	e := smartsocket.Envelope{Namespace: "/", Names: []string{"room"}, Event: "moved",
		Payload: make([]byte, 100)}
	b.Run("one at a time", func(b *testing.B) {
		from, got := pair(b)
		b.ReportAllocs()
		for b.Loop() {
			from.Publish(e)
			<-got
		}
	})
	b.Run("stream", func(b *testing.B) {
		from, got := pair(b)
		b.ReportAllocs()
		flying := 0
		for b.Loop() {
			from.Publish(e)
			if flying++; flying > 1000 {
				<-got
				flying--
			}
		}
		for range flying {
			<-got
		}
	})
}

// BenchmarkEmit measures what emitting costs the goroutine that emits, without and with other
// nodes. Nobody is in the room here.
func BenchmarkEmit(b *testing.B) {
	broker := startNATS(b, -1)
	for name, joined := range map[string]bool{"alone": false, "joined": true} {
		b.Run(name, func(b *testing.B) {
			o := smartsocket.Options{Host: "127.0.0.1", Port: -1, Logger: quietLogger()}
			if joined {
				c, err := New(Options{URL: broker.ClientURL(), Logger: quietLogger()})
				if err != nil {
					b.Fatal(err)
				}
				defer c.Close()
				eventually(b, "the connection", func() bool { return c.Stats().State == Connected })
				o.Broker = c
			}
			v, err := smartsocket.New(o)
			if err != nil {
				b.Fatal(err)
			}
			if err := v.Start(); err != nil {
				b.Fatal(err)
			}
			defer v.Close()
			room := v.To("room")
			data := make([]byte, 100)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := room.Emit("moved", data); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

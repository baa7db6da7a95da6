package smartsocket_test

import (
	"sync"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/message"
)

// TestResumesAtOnce lets several connections use one token at the same time, while events are sent and sessions expire: there
// is one session in the end, or none and new ones, and it works.
func TestResumesAtOnce(t *testing.T) {
	for name, age := range map[string]time.Duration{"kept": time.Minute, "expiring": 100 * time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			v := cacheServer(t, smartsocket.Options{MessageCacheAge: age})
			ns := v.Namespace("/")
			for round := range 20 {
				var a resumer
				a.connect(t, v, "/", "")
				a.request(1, "join", `["red"]`)
				a.wantAck(1, "true")
				id := a.id
				if round%2 == 0 {
					a.nc.Close()
				}
				connect := message.AppendConnect(nil, &message.Connect{Version: 1, Namespace: []byte("/"), SessionToken: a.token, LastSeq: a.seq})
				const n = 4
				var wires [n]*wire
				for i := range wires {
					wires[i] = dialWire(t, v, "/", message.Subprotocol)
					wires[i].message()
				}
				var wg sync.WaitGroup
				for _, w := range wires {
					wg.Go(func() { w.send(frame.Binary, connect) })
				}
				wg.Go(func() {
					for i := range 10 {
						ns.ToSocket(id).Emit("news", i)
						ns.To("red").Emit("news", i)
					}
				})
				wg.Wait()
				live := 0
				for i, w := range wires {
					w.send(frame.Binary, append(message.AppendEventHeader(nil, message.FlagAck, 0, uint64(100+i), "get"), `""`...))
					if lives(w, uint64(100+i)) {
						live++
					}
				}
				if live == 0 {
					t.Fatalf("round %d: no connection is left", round)
				}
				for _, w := range wires {
					w.nc.Close()
				}
				a.nc.Close()
			}
			eventually(t, "the connections to be gone", func() bool { return v.ConnectionStats().Open == 0 && ns.Len() == 0 })
			if age < time.Second {
				eventually(t, "the sessions to be gone", func() bool { return len(ns.Sockets()) == 0 && ns.RoomLen("red") == 0 })
			}
		})
	}
}

// lives reads until the answer to id, or the end.
func lives(w *wire, id uint64) bool {
	for {
		op, p := w.next()
		if op != frame.Binary {
			return false
		}
		if m, err := message.Parse(p); err == nil && m.Kind == message.KindAck && m.AckID == id {
			return true
		}
	}
}

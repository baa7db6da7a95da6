//go:build linux || darwin

package room

import (
	"fmt"
	"testing"

	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/internal/testclock"
	"github.com/smartsocket/smartsocket/room/state"
)

// BenchmarkTick is a tick of a room of 16 players who all move: inputs, code, commit, and a delta
// for each of them, up to where the kernel would take it.
func BenchmarkTick(b *testing.B) {
	type ship struct {
		Name  string  `state:"name"`
		X     float64 `state:"x,min=0,max=1000,step=0.1"`
		Y     float64 `state:"y,min=0,max=1000,step=0.1"`
		VX    float32 `state:"vx"`
		Score int     `state:"score"`
	}
	type sea struct {
		Ships state.Map[string, ship] `state:"ships"`
	}
	ships := func(s *sea) *state.Map[string, ship] { return &s.Ships }
	for name, interest := range map[string]Interest[sea]{
		"all": nil,
		"near": SeeNear(Grid{Cell: 200, Reach: 1}, ships,
			func(s *ship) (x, y float64) { return s.X, s.Y },
			func(r *Room[sea], m *Member) (x, y float64, limited bool) {
				s := r.State.Ships.Get(m.Key())
				return s.X, s.Y, true
			}),
	} {
		b.Run(name, func(b *testing.B) {
			var clock testclock.Clock
			v := server(b)
			v.UseClock(&clock)
			ns := v.Namespace("/")
			k := Register(ns, Options[sea]{
				Name: "sea", Rate: 30, Interest: interest,
				OnEnter: func(r *Room[sea], m *Member) error {
					n := float64(len(r.seats))
					r.State.Ships.Put(m.Key(), ship{Name: fmt.Sprint(n), X: 60 * n, Y: 500})
					return nil
				},
				OnInput: func(r *Room[sea], m *Member, in Input) {
					r.State.Ships.Get(m.Key()).VX = float32(in.Bytes()[0])
				},
				OnTick: func(r *Room[sea]) {
					for _, s := range r.State.Ships.All() {
						s.X += 0.1
						s.Y -= 0.1
					}
				},
			})
			r, err := k.Create("", nil)
			if err != nil {
				b.Fatal(err)
			}
			bytes := 0
			for range 16 {
				s := ns.Captive(func(_ frame.Opcode, p []byte) { bytes += len(p) })
				if _, err := r.Enter(s, nil); err != nil {
					b.Fatal(err)
				}
			}
			seq := uint64(0)
			b.ReportAllocs()
			for b.Loop() {
				seq++
				for _, m := range r.seats {
					r.queued(&waiting{m: m, seq: seq}, []byte{byte(seq)})
				}
				r.next = k.schedule.now()
				r.wake()
			}
			b.ReportMetric(float64(bytes)/float64(b.N)/16, "B/player")
		})
	}
}

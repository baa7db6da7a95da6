package state

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"
)

// The benchmarks behind the figures in docs/STATE.md. Players have eight fields.

// BenchmarkCommit finds the changes of a tick by comparing: of nobody, of three fields of each
// player, and of each player and bullet.
func BenchmarkCommit(b *testing.B) {
	for _, n := range []int{16, 1000} {
		for _, moving := range []int{0, n} {
			b.Run(fmt.Sprintf("players=%d/moving=%d", n, moving), func(b *testing.B) {
				a, e := newCrowd(b, n)
				a.Bullets.Clear()
				all := make([]*mover, 0, n)
				for _, m := range a.Movers.All() {
					all = append(all, m)
				}
				at, tick := time.UnixMicro(0), uint64(0)
				for b.Loop() {
					tick++
					for _, m := range all[:moving] {
						m.X, m.Y, m.Angle = float64(tick%900), float64(tick%700), float32(tick)
					}
					if err := e.Commit(tick, at); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// setMover is mover as generated setters would have it: each tells the state what changed.
type setMover struct {
	v     mover
	raw   [8]uint64
	ticks [8]uint64
	dirty uint8
	slot  int
	state *setCrowd
}

type setCrowd struct {
	movers []*setMover
	dirty  []int
}

func (m *setMover) mark(field int) {
	if m.dirty == 0 {
		m.state.dirty = append(m.state.dirty, m.slot)
	}
	m.dirty |= 1 << field
}

func (m *setMover) SetX(v float64) {
	if m.v.X != v {
		m.v.X = v
		m.mark(1)
	}
}

func (m *setMover) SetY(v float64) {
	if m.v.Y != v {
		m.v.Y = v
		m.mark(2)
	}
}

func (m *setMover) SetAngle(v float32) {
	if m.v.Angle != v {
		m.v.Angle = v
		m.mark(3)
	}
}

// commit does with what setters marked what Commit does with what it found: it rounds, and notes
// the tick.
func (c *setCrowd) commit(p *plan, tick uint64) {
	for _, slot := range c.dirty {
		m := c.movers[slot]
		for i, v := range [...]uint64{
			1: p.fields[1].fixed(m.v.X), 2: p.fields[2].fixed(m.v.Y), 3: bits32(m.v.Angle),
		} {
			if m.dirty>>i&1 == 1 && m.raw[i] != v {
				m.raw[i], m.ticks[i] = v, tick
			}
		}
		m.dirty = 0
	}
	c.dirty = c.dirty[:0]
}

// BenchmarkSetters is BenchmarkCommit with setters instead of comparing.
func BenchmarkSetters(b *testing.B) {
	s, err := Describe[crowd]()
	if err != nil {
		b.Fatal(err)
	}
	for _, n := range []int{16, 1000} {
		for _, moving := range []int{0, n} {
			b.Run(fmt.Sprintf("players=%d/moving=%d", n, moving), func(b *testing.B) {
				c := &setCrowd{}
				for i := range n {
					c.movers = append(c.movers, &setMover{slot: i, state: c})
				}
				tick := uint64(0)
				for b.Loop() {
					tick++
					for _, m := range c.movers[:moving] {
						m.SetX(float64(tick % 900))
						m.SetY(float64(tick % 700))
						m.SetAngle(float32(tick))
					}
					c.commit(s.root.fields[1].sub, tick)
				}
			})
		}
	}
}

// BenchmarkTick is a whole tick of a room: three fields of each player change, and each of the
// players gets what changed. It reports the bytes of a client's tick.
func BenchmarkTick(b *testing.B) {
	for _, own := range []bool{false, true} {
		b.Run(fmt.Sprintf("players=16/views=16/own=%t", own), func(b *testing.B) {
			a, e := newCrowd(b, 16)
			a.Bullets.Clear()
			var views []*View
			for i := range 16 {
				v := e.View()
				if own {
					a.Movers.Own(v, fmt.Sprint("player", i))
				}
				v.AppendSnapshot(nil)
				views = append(views, v)
			}
			buf, at, tick, sent := make([]byte, 0, 4096), time.UnixMicro(0), 0, 0
			for b.Loop() {
				tick++
				a.move(tick)
				if err := e.Commit(uint64(tick), at); err != nil {
					b.Fatal(err)
				}
				for _, v := range views {
					out, _ := v.AppendDelta(buf, false)
					sent += len(out)
				}
			}
			b.ReportMetric(float64(sent)/float64(tick)/16, "B/view")
		})
	}
}

// BenchmarkTickAsJSON is what people do without deltas: one JSON text of the state for all.
func BenchmarkTickAsJSON(b *testing.B) {
	type plain struct {
		Left   int              `json:"left"`
		Movers map[string]mover `json:"movers"`
	}
	a, _ := newCrowd(b, 16)
	tick, sent := 0, 0
	for b.Loop() {
		tick++
		a.move(tick)
		p := plain{a.Left, map[string]mover{}}
		for k, m := range a.Movers.All() {
			p.Movers[k] = *m
		}
		text, err := json.Marshal(p)
		if err != nil {
			b.Fatal(err)
		}
		sent += len(text)
	}
	b.ReportMetric(float64(sent)/float64(tick), "B/view")
}

// BenchmarkSnapshot is what a player costs who joins.
func BenchmarkSnapshot(b *testing.B) {
	a, e := newCrowd(b, 16)
	a.Bullets.Clear()
	if err := e.Commit(1, time.UnixMicro(0)); err != nil {
		b.Fatal(err)
	}
	v, n := e.View(), 0
	buf := make([]byte, 0, 8192)
	for b.Loop() {
		n = len(v.AppendSnapshot(buf))
	}
	b.ReportMetric(float64(n), "B/view")
}

// BenchmarkApply is what a tick costs a Go client.
func BenchmarkApply(b *testing.B) {
	a, e := newCrowd(b, 16)
	a.Bullets.Clear()
	v, at := e.View(), time.UnixMicro(0)
	d, err := NewDecoder[crowd]()
	if err != nil {
		b.Fatal(err)
	}
	var messages [][]byte
	for tick := range 1000 {
		a.move(tick)
		if err := e.Commit(uint64(tick+1), at); err != nil {
			b.Fatal(err)
		}
		out, _ := v.AppendDelta(nil, false)
		messages = append(messages, out)
	}
	i := 0
	for b.Loop() {
		if _, err := d.Apply(messages[i%1000]); err != nil {
			b.Fatal(err)
		}
		i++
	}
}

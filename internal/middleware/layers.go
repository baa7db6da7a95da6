package middleware

import "sync/atomic"

// Layers are what surrounds one thing, from outside to inside: two lists that surround many, and
// one of its own.
type Layers[M any] struct {
	Outer [2]*Snapshot[M]
	Inner []M
}

// Any reports whether there are layers at all.
func (l *Layers[M]) Any() bool { return l.Outer[0].Len()+l.Outer[1].Len()+len(l.Inner) > 0 }

// At is the layer at position i from outside. It reports false inside of the last.
func (l *Layers[M]) At(i int) (m M, ok bool) {
	for _, list := range l.Outer {
		if i < list.Len() {
			return (*list)[i], true
		}
		i -= list.Len()
	}
	if i < len(l.Inner) {
		return l.Inner[i], true
	}
	return m, false
}

// Position is how far something has got on its way through layers. It belongs to one goroutine,
// except that Over may have been called by another. The zero value is outside of all.
type Position struct {
	at   int32
	over atomic.Bool
}

// In steps one layer in and returns its position. It reports false after Over.
func (p *Position) In() (i int, ok bool) {
	if p.over.Load() {
		return 0, false
	}
	i = int(p.at)
	p.at++
	return i, true
}

// Out undoes an In, so that the same layer may be entered again.
func (p *Position) Out() { p.at-- }

// Over ends the way.
func (p *Position) Over() { p.over.Store(true) }

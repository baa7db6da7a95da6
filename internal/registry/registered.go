package registry

// Registered is a handler of type H with what was said about it when it was registered.
type Registered[H any] struct {
	Handler  H
	Inline   bool // it runs where the event was read
	Strict   bool // its data may have no unknown fields
	MaxBytes int  // of the payload that it takes; 0 = no limit
}

// Pair has the handlers of one event from two tables: those that are for many, which run first, and
// those of one alone. Either may be nil.
type Pair[H any] struct {
	Many, Own *Entry[Registered[H]]
}

// Inline reports whether every handler of e, which may be nil, is inline.
func Inline[H any](e *Entry[Registered[H]]) bool {
	for i := range e.Len() {
		if !e.At(i).Inline {
			return false
		}
	}
	return true
}

// None reports whether there is no handler at all.
func (p *Pair[H]) None() bool { return p.Many == nil && p.Own == nil }

// Inline reports whether all of them are inline.
func (p *Pair[H]) Inline() bool { return Inline(p.Many) && Inline(p.Own) }

// Fit reports whether all of them take a payload of n bytes.
func (p *Pair[H]) Fit(n int) bool {
	for _, e := range [...]*Entry[Registered[H]]{p.Many, p.Own} {
		for i := range e.Len() {
			if most := e.At(i).MaxBytes; most > 0 && n > most {
				return false
			}
		}
	}
	return true
}

// First is the first entry that has handlers. There is at least one.
func (p *Pair[H]) First() *Entry[Registered[H]] {
	if p.Many != nil {
		return p.Many
	}
	return p.Own
}

// Event is the event's name. There is at least one handler.
func (p *Pair[H]) Event() string { return p.First().Event() }

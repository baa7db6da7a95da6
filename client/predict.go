package client

import (
	"sync"

	"github.com/smartsocket/smartsocket/room/state"
)

// maxPending is how many inputs are kept while the server answers none.
const maxPending = 256

// Prediction is what a player sees of himself: the server's value with the inputs that it does not
// contain yet. Make one with Predict. Its methods are safe for concurrent use.
type Prediction[T, S, I any] struct {
	s     *Mirror[T]
	from  func(value *T) (mine S, ok bool)
	apply func(mine *S, input I)
	offs  []func()

	mu   sync.Mutex // taken before the Mirror's
	mine S
	ok   bool
	kept []pending[I]
}

type pending[I any] struct {
	seq   uint64
	input I
}

// Predict applies inputs ahead of the server, and again to each value that comes without them. from
// copies what is predicted out of the server's value, and says whether it is there. apply does to
// it what the server will do for the input. Both run under a lock: they must not call the
// Prediction.
func Predict[T, S, I any](
	s *Mirror[T], from func(value *T) (mine S, ok bool), apply func(mine *S, input I),
) *Prediction[T, S, I] {
	p := &Prediction[T, S, I]{s: s, from: from, apply: apply}
	look := func(value *T, _ state.Changes) { p.reconcile(value) }
	p.offs = append(p.offs, hear(s.c, &s.hearers.whole, look, func() {
		if s.hearers.some {
			p.reconcile(s.value)
		}
	}), s.OnSync(func(bool) {
		if s.Status().Ended {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.kept = nil
		}
	}))
	return p
}

// Send sends an input and does it at once. It returns what Mirror.Send does.
func (p *Prediction[T, S, I]) Send(input I) (seq uint64, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if seq, err = p.s.Send(input); err != nil {
		return 0, err
	}
	p.kept = append(p.kept, pending[I]{seq, input})
	if len(p.kept) > maxPending {
		p.kept = append(p.kept[:0], p.kept[1:]...)
	}
	if p.ok {
		p.apply(&p.mine, input)
	}
	return seq, nil
}

// Value returns what the player sees, and whether there is something.
func (p *Prediction[T, S, I]) Value() (mine S, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mine, p.ok
}

// Pending returns how many inputs the server's value does not contain yet.
func (p *Prediction[T, S, I]) Pending() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.kept)
}

// Off ends the prediction.
func (p *Prediction[T, S, I]) Off() {
	for _, off := range p.offs {
		off()
	}
}

func (p *Prediction[T, S, I]) reconcile(value *T) {
	p.mu.Lock()
	defer p.mu.Unlock()
	acked := p.s.Status().Acked
	n := 0
	for _, k := range p.kept {
		if k.seq > acked {
			p.kept[n] = k
			n++
		}
	}
	p.kept = p.kept[:n]
	if p.mine, p.ok = p.from(value); p.ok {
		for _, k := range p.kept {
			p.apply(&p.mine, k.input)
		}
	}
}

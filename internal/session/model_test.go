package session

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// However connections come, go and lose what they were sent, a client that resumes with its
// newest token gets every event once and in order, or a new session.
func TestNothingIsLostOrDoubled(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 2))
		lossless(t, r.IntN, 400)
	}
}

func FuzzNothingIsLostOrDoubled(f *testing.F) {
	f.Add([]byte("a seed for the fuzzer"))
	f.Fuzz(func(t *testing.T, script []byte) {
		i := 0
		lossless(t, func(n int) int {
			if i++; i > len(script) {
				return 0
			}
			return int(script[i-1]) % n
		}, len(script))
	})
}

func lossless(t *testing.T, pick func(int) int, steps int) {
	w := newWorld()
	w.l.Events = 8
	n, o, p := w.start()
	token, got, emitted := p.token, 0, 0
	// read lets the client read what p was sent.
	read := func() {
		for i, e := range p.events {
			if p.seqs[i] != uint64(got)+1 || e != fmt.Sprint(got) {
				t.Fatalf("event %q with number %d, want %d", e, p.seqs[i], got)
			}
			got++
		}
		p.events, p.seqs = nil, nil
		if p.token != nil {
			token = p.token
		}
	}
	for range steps {
		switch pick(6) {
		case 0, 1:
			n.emit(fmt.Sprint(emitted), 0)
			emitted++
		case 2:
			read()
			if len(o.ended) == 0 && !p.gone {
				n.Proved(p)
			}
		case 3: // the server sees the cut
			n.cut(p)
			p.events, p.seqs, p.token = nil, nil, nil
		case 4: // a half-open link: the server does not see it
			p.gone = true
		case 5:
			if !p.gone {
				read()
			}
			q := &peer{o: o, gone: pick(3) == 0}
			if n.resumeWith(token, q, uint64(got)) == Refused {
				if emitted-got <= w.l.Events {
					t.Fatalf("refused, although only %d events are missing", emitted-got)
				}
				if !slices.Equal(o.ended, []End{Gap}) {
					t.Fatalf("ended %v", o.ended)
				}
				return
			}
			p = q
		}
	}
}

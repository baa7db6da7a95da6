package session

import (
	"math/rand"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// stormOwner checks that a session ends once, and never while it is held.
type stormOwner struct {
	t     *testing.T
	held  atomic.Int32
	ended atomic.Int32
	here  atomic.Pointer[stormPeer]
}

func (o *stormOwner) Left()       { o.here.Store(nil) }
func (o *stormOwner) Back(p Peer) { o.here.Store(p.(*stormPeer)) }
func (o *stormOwner) Ended(End, Peer) {
	if o.held.Load() != 0 {
		o.t.Error("Ended while the session is held")
	}
	if o.ended.Add(1) > 1 {
		o.t.Error("ended twice")
	}
}

type stormPeer struct {
	o        *stormOwner
	mu       sync.Mutex
	token    []byte
	seq      uint64
	again    chan bool
	replaced atomic.Bool
	t        *testing.T
}

func (p *stormPeer) Group() netip.Addr { return netip.Addr{} }
func (p *stormPeer) Fits(Peer) bool    { return true }
func (p *stormPeer) Welcome(token []byte, _ uint64) {
	p.mu.Lock()
	p.token = token
	p.mu.Unlock()
}
func (p *stormPeer) Waits(uint64) bool { return false }
func (p *stormPeer) Send(_ []byte, seq uint64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.seq != 0 && seq <= p.seq {
		p.t.Errorf("seq %d after %d", seq, p.seq)
	}
	p.seq = seq
	return true
}
func (p *stormPeer) Replaced() { p.replaced.Store(true) }
func (p *stormPeer) Retry()    { p.again <- true }

func TestSessionStorm(t *testing.T) {
	var clock atomic.Int64
	l := Limits{Events: 8, Bytes: 1 << 20, Age: time.Second, TotalBytes: 1 << 20, Away: 2}
	r := NewRegistry(func() Limits { return l }, func() time.Duration {
		return time.Duration(clock.Load())
	})
	end := time.Now().Add(8 * time.Second)
	ends := 0
	for time.Now().Before(end) {
		const sessions = 4
		var all sync.WaitGroup
		var owners [sessions]*stormOwner
		var nodes [sessions]*Session
		var tokens [sessions]atomic.Pointer[[]byte]
		for i := range sessions {
			o := &stormOwner{t: t}
			n := new(Session)
			p := &stormPeer{o: o, t: t, again: make(chan bool, 1)}
			token := r.Start(n, o, p, key)
			n.Done()
			tokens[i].Store(&token)
			owners[i], nodes[i] = o, n
			leave := func(p *stormPeer) {
				switch n.Leave(p, rand.Intn(8) == 0, rand.Intn(4) != 0) {
				case Replaced:
					return
				case Undecided:
					if n.Decide(p, rand.Intn(2) == 0) == Over {
						o.ended.Add(1)
					}
				case Over:
					o.ended.Add(1)
				}
				o.held.Add(1)
				o.held.Add(-1)
				n.Done()
			}
			all.Go(func() { leave(p) })
			for range 3 {
				all.Go(func() {
					for range 20 {
						token := *tokens[i].Load()
						p := &stormPeer{o: o, t: t, again: make(chan bool, 1)}
						var got Result
						for {
							got, _ = n.Resume(HashOf(token), p, uint64(rand.Intn(3)))
							if got != Busy {
								break
							}
							select {
							case <-p.again:
							case <-time.After(5 * time.Second):
								t.Error("no Retry")
								return
							}
						}
						if got == Refused {
							return
						}
						p.mu.Lock()
						fresh := p.token
						p.mu.Unlock()
						tokens[i].Store(&fresh)
						n.Done()
						for range rand.Intn(4) {
							if n.Take(p) {
								if o.held.Add(1) != 1 {
									t.Error("two hold the session")
								}
								n.emit("x", 0)
								n.Proved(p)
								o.held.Add(-1)
								n.Done()
							}
						}
						leave(p)
					}
				})
			}
			all.Go(func() {
				for range 5 {
					n.emit("y", 0)
					clock.Add(int64(10 * time.Millisecond))
					r.Sweep()
				}
				if rand.Intn(3) == 0 {
					n.Doom()
				}
			})
		}
		all.Wait()
		r.EndAll(Shutdown)
		for i := range sessions {
			if got := owners[i].ended.Load(); got != 1 {
				t.Errorf("a session ended %d times", got)
			}
			nodes[i].mu.Lock()
			if nodes[i].busy != 0 || nodes[i].untold != 0 || len(nodes[i].suitors) != 0 {
				t.Errorf("left: busy %d, untold %d, %d suitors",
					nodes[i].busy, nodes[i].untold, len(nodes[i].suitors))
			}
			nodes[i].mu.Unlock()
			ends++
		}
		if len(r.byToken) != 0 || r.Away() != 0 || r.Bytes() != 0 {
			t.Errorf("left: %d tokens, %d away, %d bytes", len(r.byToken), r.Away(), r.Bytes())
		}
		if t.Failed() {
			return
		}
	}
	t.Logf("%d sessions", ends)
}

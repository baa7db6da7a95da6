package test

import (
	"net"
	"sync"
	"testing"
)

// proxy stands between clients and a server. A link through it can be cut, or half open: then
// nothing is forwarded, and neither end learns that the other is gone.
type proxy struct {
	server string
	l      net.Listener
	wg     sync.WaitGroup

	mu      sync.Mutex
	moved   *sync.Cond // when one of the following has changed
	stalled map[net.Conn]bool
	conns   map[net.Conn]bool // all ends that are open
	refuses bool
}

// newProxy runs a proxy until the test ends.
func newProxy(t testing.TB, v *Server) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{
		server: v.Addr().String(), l: l,
		stalled: make(map[net.Conn]bool), conns: make(map[net.Conn]bool),
	}
	p.moved = sync.NewCond(&p.mu)
	p.wg.Go(p.accept)
	t.Cleanup(func() {
		p.refuse(true)
		l.Close()
		p.cut()
		p.wg.Wait()
	})
	return p
}

func (p *proxy) addr() string { return p.l.Addr().String() }

func (p *proxy) accept() {
	for {
		in, err := p.l.Accept()
		if err != nil {
			return
		}
		out, err := net.Dial("tcp", p.server)
		if err != nil || !p.add(in, out) {
			in.Close()
			if err == nil {
				out.Close()
			}
			continue
		}
		p.wg.Go(func() { p.forward(in, out) })
		p.wg.Go(func() { p.forward(out, in) })
	}
}

// add takes a pair of ends, unless the proxy refuses connections.
func (p *proxy) add(in, out net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.refuses {
		return false
	}
	p.conns[in], p.conns[out] = true, true
	return true
}

// forward copies from one end to the other until either is closed.
func (p *proxy) forward(from, to net.Conn) {
	b := make([]byte, 32<<10)
	for {
		n, err := from.Read(b)
		p.mu.Lock()
		for p.stalled[from] && p.conns[from] {
			p.moved.Wait()
		}
		p.mu.Unlock()
		if err != nil {
			break
		}
		if _, err := to.Write(b[:n]); err != nil {
			break
		}
	}
	p.mu.Lock()
	delete(p.conns, from)
	p.mu.Unlock()
	from.Close()
	to.Close()
}

// stall makes the links of now half open. Later ones work.
func (p *proxy) stall() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		p.stalled[c] = true
	}
}

// cut closes all links of now, at both ends.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		c.Close()
		delete(p.conns, c)
	}
	p.moved.Broadcast()
}

// refuse makes the proxy close new links at once, or take them again.
func (p *proxy) refuse(yes bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuses = yes
}

package cluster

import (
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// proxy forwards connections to a NATS server until it is told to stop reading and writing.
type proxy struct {
	l    net.Listener
	to   string
	wg   sync.WaitGroup
	mu   sync.Mutex
	cond *sync.Cond
	held bool
	open []net.Conn
}

func startProxy(t *testing.T, to string) *proxy {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{l: l, to: to}
	p.cond = sync.NewCond(&p.mu)
	p.wg.Go(p.accept)
	t.Cleanup(func() {
		l.Close()
		p.cut()
		p.wg.Wait()
	})
	return p
}

func (p *proxy) accept() {
	for {
		a, err := p.l.Accept()
		if err != nil {
			return
		}
		b, err := net.Dial("tcp", p.to)
		if err != nil {
			a.Close()
			continue
		}
		p.mu.Lock()
		p.open = append(p.open, a, b)
		p.mu.Unlock()
		p.wg.Go(func() { p.copy(a, b) })
		p.wg.Go(func() { p.copy(b, a) })
	}
}

func (p *proxy) copy(dst, src net.Conn) {
	defer dst.Close()
	defer src.Close()
	buf := make([]byte, 32<<10)
	for {
		n, err := src.Read(buf)
		p.mu.Lock()
		for p.held {
			p.cond.Wait()
		}
		p.mu.Unlock()
		if _, werr := dst.Write(buf[:n]); err != nil || werr != nil {
			return
		}
	}
}

func (p *proxy) hold() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.held = true
}

// release goes on where hold stopped.
func (p *proxy) release() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.held = false
	p.cond.Broadcast()
}

// cut ends all connections, and lets new ones through.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.open {
		c.Close()
	}
	p.open, p.held = nil, false
	p.cond.Broadcast()
}

// A server shuts down although NATS hangs.
func TestCloseWhileNATSHangs(t *testing.T) {
	t.Parallel()
	broker := startNATS(t, -1)
	p := startProxy(t, broker.Addr().String())
	a := startStrictNode(t, "nats://"+p.l.Addr().String(), "a")
	eventually(t, "the connection", func() bool { return a.cluster.Stats().State == Connected })
	p.hold()
	for range 50 {
		emit(t, a.server.To("elsewhere"), "big", strings.Repeat("x", 256<<10))
	}
	began := time.Now()
	a.stop()
	t.Logf("stopped after %v", time.Since(began))
	if err := a.cluster.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
}

// A NATS server that takes nothing more, but does not hang up, delays nobody. Emitting does not
// wait, local clients get their events, the queue is bounded, the losses are counted, and the node
// recovers.
func TestStalledNATSHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	broker := startNATS(t, -1)
	p := startProxy(t, broker.Addr().String())
	a := startStrictNode(t, "nats://"+p.l.Addr().String(), "a")
	b := startStrictNode(t, broker.ClientURL(), "b")
	meet(t, a, b)
	here, there := a.dial("/"), b.dial("/")
	emit(t, a.server, "msg", -1) // b knows the numbers of a from here on
	here.want("msg -1")
	there.want("msg -1")
	p.hold()
	big := strings.Repeat("x", 256<<10)
	const n = 200 // 50 MiB in all: more than the queue and the sockets hold
	for i := range n {
		emit(t, a.server.To("elsewhere"), "big", big)
		emit(t, a.server, "msg", i)
		here.want(fmt.Sprintf("msg %d", i))
	}
	if st := a.cluster.Stats(); st.Lost == 0 {
		t.Errorf("50 MiB went into a NATS that takes nothing: %+v", st)
	}
	a.cluster.out.mu.Lock()
	if queued := cap(a.cluster.out.queue.data); queued > 2*maxQueued {
		t.Errorf("%d bytes are queued", queued)
	}
	a.cluster.out.mu.Unlock()
	eventually(t, "the node to notice", func() bool { return a.cluster.Stats().State == Degraded })
	p.cut()
	meet(t, a, b)
	emit(t, a.server, "end", nil)
	here.want("end ")
	last := -1
	for text := there.next(); text != "end "; text = there.next() {
		var i int
		if _, err := fmt.Sscanf(text, "msg %d", &i); err != nil || i <= last {
			t.Fatalf("got %q behind number %d", text, last)
		}
		last = i
	}
	b.settles("every broadcast to be received or missed", func(st Stats) bool {
		return st.Gaps > 0 && st.Received+st.Missed == 2*n+2
	})
}

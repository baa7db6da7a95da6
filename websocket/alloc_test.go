package websocket

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/internal/race"
	"github.com/smartsocket/smartsocket/pool"
)

// An echo allocates nothing at any size, neither in the server nor in the client of this test,
// plain and with permessage-deflate, and the pools hit.
func TestEchoDoesNotAllocate(t *testing.T) {
	if race.Enabled || pool.Poisoned {
		t.Skip("the race detector makes sync.Pool drop buffers")
	}
	for _, deflate := range []bool{false, true} {
		for _, n := range []int{20, 300, 4 << 10, 100 << 10} {
			t.Run(fmt.Sprintf("deflate=%v/%d", deflate, n), func(t *testing.T) {
				testEchoAllocations(t, deflate, n)
			})
		}
	}
}

func testEchoAllocations(t *testing.T, deflate bool, n int) {
	r := newReactor(t)
	o := Options{Deflate: deflate, MaxMessage: 1 << 20}
	addr := serve(t, r, o, accepting(&funcs{message: func(c *Conn, op frame.Opcode, p []byte) {
		c.Send(op, p)
	}}))
	opened, got := make(chan *Conn, 1), make(chan int, 1)
	dial(t, r, addr, DialOptions{Options: o}, &funcs{
		open:    func(c *Conn) { opened <- c },
		message: func(_ *Conn, _ frame.Opcode, p []byte) { got <- len(p) },
	})
	c := wait(t, opened)
	if c.Deflate() != deflate {
		t.Fatalf("deflate is %v", c.Deflate())
	}
	var text strings.Builder
	for i := 0; text.Len() < n; i++ {
		fmt.Fprintf(&text, "player %d at %d;", i, i*i%997)
	}
	p := []byte(text.String()[:n])
	const runs = 100
	allocs, misses := uint64(1<<32), uint64(1<<32)
	for range 4 { // something else may allocate meanwhile
		var before, after runtime.MemStats
		was := pool.Stats()
		runtime.ReadMemStats(&before)
		for range runs {
			c.Send(frame.Text, p)
			if k := <-got; k != n {
				t.Fatalf("%d bytes came back", k)
			}
		}
		runtime.ReadMemStats(&after)
		allocs = min(allocs, after.Mallocs-before.Mallocs)
		misses = min(misses, pool.Stats().Misses-was.Misses)
	}
	if allocs > runs/4 || misses > runs/50 {
		t.Errorf("%d allocations and %d misses in %d echoes", allocs, misses, runs)
	}
}

//go:build linux || darwin

package smartsockettest

import (
	"bytes"
	"math"
	"runtime"
	"runtime/pprof"
	"strings"
	"sync/atomic"
	"time"
)

// label is the profiler label of the goroutines of a Server. A goroutine inherits the labels of the
// one that starts it. So those of handlers have it too, and what they start.
const label = "smartsockettest"

// fewest is the least number of goroutines that any test began or ended with.
var fewest atomic.Int64

func init() { fewest.Store(math.MaxInt64) }

// few reports whether there are no more goroutines than some test began or ended with. Then no
// test has left any, unless one of those that are not ours has ended meanwhile.
func few() bool {
	n := int64(runtime.NumGoroutine())
	for {
		least := fewest.Load()
		if n > least {
			return false
		}
		if fewest.CompareAndSwap(least, n) {
			return true
		}
	}
}

func yield() { runtime.Gosched() }

// leakPatience is how long goroutines may take to end behind the test. Their end gives no signal.
const leakPatience = time.Second

// leaked returns the stacks of the goroutines that are left behind the server, or "" for none. A
// look at each of them is sure, and costs as much as a third of the test.
func (s *Server) leaked() string {
	for pause := (wait{end: time.Now().Add(leakPatience)}); !few(); pause.next() {
		if pause.looks < 20 {
			continue
		}
		left := s.stacks()
		if left == "" || time.Now().After(pause.end) {
			return left
		}
	}
	return ""
}

// stacks returns the stacks of the goroutines with the server's label.
func (s *Server) stacks() string {
	var b bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&b, 1); err != nil {
		return ""
	}
	var left strings.Builder
	for part := range strings.SplitSeq(b.String(), "\n\n") {
		if strings.Contains(part, "\""+label+"\":\""+s.label+"\"") {
			left.WriteString(part + "\n\n")
		}
	}
	return left.String()
}

//go:build linux || darwin

package reactor

import (
	_ "unsafe" // for go:linkname

	"github.com/cloudwego/netpoll"
)

// netpollVersion is the version whose internals poller.go and poller_linux.go rely on. A test
// compares it with go.mod.
const netpollVersion = "v0.7.2"

// openPoll is netpoll's own constructor of a Poll. netpoll exports the types Poll and FDOperator,
// but constructs them only inside a manager, which brings a goroutine per readable connection and a
// buffer of 8 KiB per idle one. A loop that reads into one shared buffer needs only the poller.
// This declaration therefore reaches the one name that is not exported.
//
//go:linkname openPoll github.com/cloudwego/netpoll.openPoll
func openPoll() (netpoll.Poll, error)

// operatorDone tells netpoll that the callback of an operator is over. netpoll calls it itself,
// unless the callback ended the goroutine (see loop.run).
//
//go:linkname operatorDone github.com/cloudwego/netpoll.(*FDOperator).done
func operatorDone(*netpoll.FDOperator)

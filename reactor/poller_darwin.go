package reactor

import "github.com/cloudwego/netpoll"

// boundEvents does nothing, because netpoll's event array has a fixed size on kqueue.
func boundEvents(netpoll.Poll) bool { return true }

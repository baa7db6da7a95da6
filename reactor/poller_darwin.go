package reactor

import "github.com/cloudwego/netpoll"

// boundEvents has nothing to do: on kqueue netpoll's event array has a fixed size.
func boundEvents(netpoll.Poll) bool { return true }

package websocket

import (
	"net"
	"sync/atomic"

	"github.com/smartsocket/smartsocket/frame"
)

// Refusal is one upgrade that was refused.
type Refusal struct {
	Cause  frame.Cause
	Status int    // of the HTTP answer; 0 if there was none
	Reason string // what the client was told
	// What was read of the request until then. They are copies, and "" when they are not known.
	Path, Host, Origin, Forwarded string
	Peer                          net.Addr
}

// refusals counts by cause.
type refusals [frame.Causes]atomic.Int64

// Refusals returns how many connections were refused before their upgrade, by cause.
func (s *Server) Refusals() (n [frame.Causes]int64) {
	for i := range s.ep.refusals {
		n[i] = s.ep.refusals[i].Load()
	}
	return n
}

// refused counts a refusal and tells Options.Refused. r may be nil. peer is called only if there
// is somebody to tell.
func (ep *endpoint) refused(e *frame.HandshakeError, r *frame.Request, peer func() net.Addr) {
	cause := min(e.Cause, frame.CauseOther)
	ep.refusals[cause].Add(1)
	if ep.onNo == nil {
		return
	}
	told := Refusal{Cause: cause, Status: e.Status, Reason: e.Reason, Peer: peer()}
	if r != nil {
		told.Path, told.Host, told.Origin = string(r.Path), string(r.Host), string(r.Origin)
		told.Forwarded = string(r.ForwardedFor)
		if r.ForwardedFor == nil {
			told.Forwarded = string(r.Forwarded)
		}
	}
	ep.onNo(told)
}

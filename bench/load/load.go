// Package load is the load generator of the benchmarks: one thread, one epoll
// of its own, raw system calls, frames built beforehand. It shares no code with
// the reactor that it measures, and costs little enough that the server is the
// busier of the two. It runs as a process of its own, see Main.
package load

import "time"

// Protocol is what the connections speak.
type Protocol string

const (
	// Floor is plain TCP; the bytes of the WebSocket frames are sent as they are.
	Floor Protocol = "floor"
	// WebSocket is RFC 6455 without a subprotocol.
	WebSocket Protocol = "websocket"
	// Session is SmartSocket's full protocol: HELLO, CONNECT, CONNECT_ACK, then events.
	Session Protocol = "session"
	// Sealed is a session whose messages are encrypted with Key, and Secure one over TLS
	// whose certificate is not checked. Both are held by package client, so they measure idle memory alone.
	Sealed Protocol = "sealed"
	Secure Protocol = "secure"
)

// Key is the encryption key of Sealed, public and for nothing but measuring.
const Key = "c21hcnRzb2NrZXQtYmVuY2htYXJrcy1vbmx5LTMyLUI="

// Params describe one run of the generator.
type Params struct {
	Addr     string   `json:"addr"`
	PID      int      `json:"pid"` // the server's process, whose CPU and memory are read
	Protocol Protocol `json:"protocol"`
	Path     string   `json:"path"`  // request target, "" = "/"
	Event    string   `json:"event"` // event name, with Session

	Conns     int  `json:"conns"`
	Payload   int  `json:"payload"`   // bytes of one message's payload
	Window    int  `json:"window"`    // messages written at once by a connection, which then waits for as many replies
	Broadcast bool `json:"broadcast"` // one connection sends, all receive
	Idle      bool `json:"idle"`      // connect, and measure memory alone

	Warm    time.Duration `json:"warm"`
	Measure time.Duration `json:"measure"`
	// Messages ends the run after so many, whatever Measure says; 0 = no limit.
	Messages int64 `json:"messages,omitempty"`
	// Profile tells the server (SIGUSR2) when the measured part begins and ends.
	Profile bool `json:"profile,omitempty"`
}

// Result is what one run measured.
type Result struct {
	Messages  int64         `json:"messages"` // replies or deliveries in the measured part
	Elapsed   time.Duration `json:"elapsed"`
	ServerCPU time.Duration `json:"serverCPU"` // all threads of the server, measured part
	OwnCPU    time.Duration `json:"ownCPU"`
	Connect   time.Duration `json:"connect"`   // to open all connections
	RSSBefore int64         `json:"rssBefore"` // bytes, before connecting
	RSSAfter  int64         `json:"rssAfter"`  // bytes, after the measured part
}

// PerMessage is the server's CPU for one message.
func (r *Result) PerMessage() time.Duration {
	if r.Messages == 0 {
		return 0
	}
	return r.ServerCPU / time.Duration(r.Messages)
}

// Package load is the load generator of the benchmarks. It has one thread, an epoll instance of its
// own, raw system calls, and frames that are built beforehand. It shares no code with the reactor
// that it measures, and costs so little that the server is the busier of the two. It runs in a
// process of its own, see Main.
//
// It has no mutex. Read load.go (parameters and result), then run_linux.go (the closed loop),
// conn_linux.go (one connection) and scan.go (counting replies).
package load

import "time"

// Protocol is what the connections speak.
type Protocol string

const (
	// Floor is plain TCP. The bytes of the WebSocket frames are sent as they are.
	Floor Protocol = "floor"
	// WebSocket is RFC 6455 without a subprotocol.
	WebSocket Protocol = "websocket"
	// Session is SmartSocket's full protocol: HELLO, CONNECT, CONNECT_ACK, then events.
	Session Protocol = "session"
	// Sealed is a session whose messages are encrypted with Key. Secure is a session over TLS whose
	// certificate is not checked. Package client holds the connections of both, so they measure
	// only idle memory.
	Sealed Protocol = "sealed"
	Secure Protocol = "secure"
)

// Key is the encryption key of Sealed. It is public and serves only to measure.
const Key = "c21hcnRzb2NrZXQtYmVuY2htYXJrcy1vbmx5LTMyLUI="

// Params describes one run of the generator.
type Params struct {
	Addr     string   `json:"addr"`
	PID      int      `json:"pid"` // process id of the server whose CPU and memory are read
	Protocol Protocol `json:"protocol"`
	Path     string   `json:"path"`  // request target; "" means "/"
	Event    string   `json:"event"` // event name with Session

	Conns   int `json:"conns"`
	Payload int `json:"payload"` // bytes of payload in one message
	// Window is the number of messages that a connection writes at once. It then waits for the same
	// number of replies.
	Window    int  `json:"window"`
	Broadcast bool `json:"broadcast"` // one connection sends, all receive
	Idle      bool `json:"idle"`      // connect, and measure only memory

	Warm    time.Duration `json:"warm"`
	Measure time.Duration `json:"measure"`
	// Messages ends the run after this number of messages, whatever Measure says. 0 means no limit.
	Messages int64 `json:"messages,omitempty"`
	// Profile signals the server (SIGUSR2) when the measured part begins and ends.
	Profile bool `json:"profile,omitempty"`
}

// Result is what one run measured.
type Result struct {
	Messages int64         `json:"messages"` // replies or deliveries in the measured part
	Elapsed  time.Duration `json:"elapsed"`
	// ServerCPU is the CPU of all threads of the server during the measured part.
	ServerCPU time.Duration `json:"serverCPU"`
	OwnCPU    time.Duration `json:"ownCPU"`
	Connect   time.Duration `json:"connect"`   // time to open all connections
	RSSBefore int64         `json:"rssBefore"` // bytes, before connecting
	RSSAfter  int64         `json:"rssAfter"`  // bytes, after the measured part
}

// PerMessage returns the server's CPU time per message.
func (r *Result) PerMessage() time.Duration {
	if r.Messages == 0 {
		return 0
	}
	return r.ServerCPU / time.Duration(r.Messages)
}

// Package websocket joins reactor and frame: one endpoint of RFC 6455 over an
// event loop. It upgrades, parses, answers pings and close frames, negotiates
// and applies permessage-deflate, and knows nothing of events. The event
// layer, the -echo mode and the load generator stand on it.
package websocket

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/pool"
	"github.com/smartsocket/smartsocket/reactor"
)

// Status is reactor.Status.
type Status = reactor.Status

const (
	Sent          = reactor.Sent
	Backpressured = reactor.Backpressured
	Dropped       = reactor.Dropped
)

// Handler receives the events of one connection, all on its loop, one at a time, corked (see reactor.Handler). It must not block.
type Handler interface {
	// OnOpen runs once, when the handshake is done; what it writes leaves in the same write as the 101.
	OnOpen(c *Conn)
	// OnMessage hands over one complete data message (inflated, UTF-8 checked if text). p is borrowed until return and may be changed in place.
	OnMessage(c *Conn, op frame.Opcode, p []byte)
	// OnPong runs for each pong frame.
	OnPong(c *Conn, p []byte)
	OnWritable(c *Conn)
	// OnTimer runs when the time set by SetTimer has come.
	OnTimer(c *Conn)
	// OnClose runs once, last, and only if OnOpen ran. code is the peer's or our own close code (1006 without a close frame).
	OnClose(c *Conn, code frame.CloseCode, reason string, err error)
}

// Acceptor decides about an upgrade request, on the loop, before the 101. It returns the connection's Handler
// and the subprotocol to answer ("" = none), or an error: a *frame.HandshakeError is sent as it is, any other as 500.
// r is borrowed for the call.
type Acceptor func(r *frame.Request, c *Conn) (h Handler, protocol string, err error)

// Options configure an endpoint. The zero value is usable.
type Options struct {
	MaxMessage       int64         // decoded and wire limit; 0 = 16 MiB
	HandshakeTimeout time.Duration // accept → complete request head; 0 = 5 s
	CloseTimeout     time.Duration // our close frame → peer's; 0 = 5 s
	Deflate          bool          // accept permessage-deflate
	DeflateLevel     int           // 1..9, 0 = 1
	DeflateThreshold int           // messages smaller than this are sent plain; 0 = 256
	MaxControlRate   int           // control frames per second per connection past which it is closed 1008; 0 = 100
	Origin           *frame.OriginPolicy
	Logger           *slog.Logger
}

// Server accepts WebSocket connections on a reactor.
type Server struct{}

// NewServer makes an endpoint on r, which stays the caller's. It accepts nothing until Listen is called or it is mounted as an http.Handler.
func NewServer(r *reactor.Reactor, o Options, accept Acceptor) *Server { panic("contract") }

// Listen binds addr (see reactor.Listen). A request that is no upgrade gets 426. Once per Server.
func (s *Server) Listen(network, addr string) error { panic("contract") }

// ServeHTTP upgrades a request of a net/http server (HTTP/1.1) under the same strict rules and hands the hijacked connection, with
// the bytes pipelined behind the request, over to the reactor; no goroutine stays.
func (s *Server) ServeHTTP(w http.ResponseWriter, req *http.Request) { panic("contract") }

func (s *Server) Addr() net.Addr { panic("contract") }

// Close stops accepting; connections stay.
func (s *Server) Close() error { panic("contract") }

// DialOptions configure a client connection (load generator, tests).
type DialOptions struct {
	Options
	Target    string // request target, "" = "/"
	Protocols string
	Header    string // extra "Name: value\r\n" lines
	Local     net.Addr
}

// Dial connects to addr (host:port) on r; h.OnOpen or h.OnClose reports the outcome.
func Dial(ctx context.Context, r *reactor.Reactor, addr string, o DialOptions, h Handler) error {
	panic("contract")
}

// Conn is one WebSocket connection. Methods may be called from any goroutine and never block, unless said otherwise.
type Conn struct{}

// Send sends one message in one frame; p is copied or written before return. Deflated when negotiated and over the threshold.
func (c *Conn) Send(op frame.Opcode, p []byte) Status { panic("contract") }

// SendShared sends bytes prepared by frame.Prepare. The caller keeps its reference. Server side only.
func (c *Conn) SendShared(s *pool.Shared) Status { panic("contract") }

// Ping sends a ping frame; p at most 125 bytes.
func (c *Conn) Ping(p []byte) Status { panic("contract") }

// Close starts the close handshake: queued messages, then the close frame; the peer has CloseTimeout to answer. No OnMessage follows. Idempotent.
func (c *Conn) Close(code frame.CloseCode, reason string) { panic("contract") }

// Abort closes TCP at once, without a close frame.
func (c *Conn) Abort(err error) { panic("contract") }

// Deflate reports whether permessage-deflate was negotiated.
func (c *Conn) Deflate() bool { panic("contract") }

// SetTimer, LastRead, Now: as on reactor.Conn, on the loop only; the timer is the user's once OnOpen has run (close timeouts are kept apart).
func (c *Conn) SetTimer(d time.Duration) { panic("contract") }
func (c *Conn) LastRead() time.Duration  { panic("contract") }
func (c *Conn) Now() time.Duration       { panic("contract") }
func (c *Conn) Post(f func()) bool       { panic("contract") }
func (c *Conn) Queued() int              { panic("contract") }
func (c *Conn) RemoteAddr() net.Addr     { panic("contract") }
func (c *Conn) Loop() int                { panic("contract") }

package websocket

import (
	"crypto/tls"
	"log/slog"
	"math"
	"net"
	"sync/atomic"
	"time"

	"github.com/smartsocket/smartsocket/frame"
)

// Options configure an endpoint. The zero value is usable.
type Options struct {
	MaxMessage       int64         // bytes of one message, on the wire and inflated; 0 = 16 MiB
	HandshakeTimeout time.Duration // accept → complete request head; 0 = 5 s
	CloseTimeout     time.Duration // our close frame → peer's; 0 = 5 s
	Deflate          bool          // accept (Dial: offer) permessage-deflate, for connections without a subprotocol: a subprotocol may compress itself
	DeflateLevel     int           // 1..9, 0 = 1
	DeflateThreshold int           // messages smaller than this are sent plain; 0 = 256
	// MaxControlRate is the number of control frames per second past which a
	// connection is closed with 1008; 0 = 100, at most 65534. It is judged over spans of that
	// many frames, so an idle peer may burst up to twice as many.
	MaxControlRate int
	// MaxFragments per message; 0 = one per 64 bytes of MaxMessage, at least 1024.
	// Fragments are put together in one buffer, so tiny ones cost time, not memory.
	MaxFragments int
	// MaxEarlyMessage is what MaxMessage is for a connection with a subprotocol
	// until its handler calls Conn.Established; 0 = MaxMessage from the start.
	MaxEarlyMessage int64
	Origin          *frame.OriginPolicy // nil = same origin only; requests without Origin pass
	// TLSConfig makes Server.Listen speak TLS 1.2 or 1.3 with HTTP/1.1 inside (wss); nil = plain. It is copied; NextProtos
	// becomes http/1.1. The TLS handshake and then the request head have HandshakeTimeout each. With the default Origin
	// policy only https pages of the same host connect. Not for ServeHTTP, where TLS is net/http's, and Dial, which knows none.
	TLSConfig *tls.Config
	Logger    *slog.Logger // nil = discard
}

// endpoint is what all connections of a Server, or one dialled, have in common.
// Read only once made.
type endpoint struct {
	plain, deflated frame.Config
	early           frame.Config // MaxMessage 0 = there is none
	maxMessage      int
	handshake       time.Duration
	closing         time.Duration
	tuned           *atomic.Pointer[Tuning] // shared with secured
	controlRate     uint16
	deflate         bool
	client          bool
	isSecure        bool     // its own origin is https
	peer            net.Addr // of the one connection behind a bridge; nil = the connection's own
	tls             *tls.Config
	log             *slog.Logger
	accept          Acceptor // nil on a client
}

func newEndpoint(o Options, client bool, accept Acceptor) *endpoint {
	ep := &endpoint{
		maxMessage:  int(orDefault(o.MaxMessage, 16<<20)),
		handshake:   orDefault(o.HandshakeTimeout, 5*time.Second),
		closing:     orDefault(o.CloseTimeout, 5*time.Second),
		tuned:       new(atomic.Pointer[Tuning]),
		controlRate: uint16(min(orDefault(o.MaxControlRate, 100), math.MaxUint16-1)),
		deflate:     o.Deflate,
		client:      client,
		tls:         o.TLSConfig,
		log:         o.Logger,
		accept:      accept,
	}
	ep.tune(Tuning{DeflateLevel: o.DeflateLevel, DeflateThreshold: o.DeflateThreshold, Origin: o.Origin})
	if ep.log == nil {
		ep.log = slog.New(slog.DiscardHandler)
	}
	ep.plain = frame.Config{
		Client:       client,
		MaxMessage:   int64(ep.maxMessage),
		MaxFragments: orDefault(o.MaxFragments, max(1024, ep.maxMessage/64)),
	}
	if o.MaxEarlyMessage > 0 {
		ep.early = ep.plain
		ep.early.MaxMessage = min(o.MaxEarlyMessage, int64(ep.maxMessage))
	}
	ep.deflated = ep.plain
	ep.deflated.Deflate = true
	return ep
}

// Tuning is what may change while connections are served, see Server.Tune. Its fields are those of Options.
type Tuning struct {
	DeflateLevel     int
	DeflateThreshold int
	Origin           *frame.OriginPolicy
	// MaxFrameRate and MaxInflateRate are the data frames, and the bytes that compressed messages inflate to, past
	// which a connection is closed with 1008, counted over seconds; 0 = no limit.
	MaxFrameRate   int
	MaxInflateRate int
}

func (ep *endpoint) tune(t Tuning) {
	t.DeflateLevel = min(orDefault(t.DeflateLevel, 1), 9)
	t.DeflateThreshold = orDefault(t.DeflateThreshold, 256)
	ep.tuned.Store(&t)
}

// checkOrigin applies the policy in force.
func (ep *endpoint) checkOrigin(r *frame.Request) error {
	var policy frame.OriginPolicy
	if p := ep.tuned.Load().Origin; p != nil {
		policy = *p
	}
	policy.Secure = policy.Secure || ep.isSecure
	return policy.Check(r)
}

// orDefault is v, or def when v is zero or negative.
func orDefault[T int | int64 | time.Duration](v, def T) T {
	if v <= 0 {
		return def
	}
	return v
}

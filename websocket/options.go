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

// Options configure an endpoint. The zero value is usable. Sizes are in bytes.
type Options struct {
	// MaxMessage is the length of one message, on the wire and inflated; 0 means 16 MiB.
	MaxMessage       int64
	HandshakeTimeout time.Duration // from accept to the complete request head; 0 means 5 s
	CloseTimeout     time.Duration // from our close frame to the peer's; 0 means 5 s
	// Deflate accepts permessage-deflate, or offers it in Dial. It applies to connections without a
	// subprotocol, because a subprotocol may compress its messages itself.
	Deflate          bool
	DeflateLevel     int // 1 to 9; 0 means 1
	DeflateThreshold int // only strictly larger messages are compressed; 0 means 256
	// MaxControlRate is the number of control frames per second above which a connection is closed
	// with 1008. 0 means 100; the maximum is 65534. It is measured over spans of that many frames,
	// so an idle peer may burst up to twice as many.
	MaxControlRate int
	// MaxFragments is the largest number of frames in one message. 0 means one per 64 bytes of
	// MaxMessage, and at least 1024. Fragments are assembled in one buffer, so tiny ones cost time
	// and not memory.
	MaxFragments int
	// MessageTimeout is how long a message may take from its first byte to its last; 0 means 30 s.
	// A longer one is not cut as long as it has averaged 2 KiB/s since then. Beyond that the
	// connection is closed with 1008 when more of the message comes. What does not come at all is
	// for the Handler's timer, see Conn.LastProgress.
	MessageTimeout time.Duration
	// MaxInflateRatio is how many times its size a compressed message may inflate to, if that is
	// more than 64 KiB. 0 means that MaxMessage alone limits it.
	MaxInflateRatio int
	// MaxEarlyMessage replaces MaxMessage on a connection with a subprotocol until its handler
	// calls Conn.Established. 0 means that MaxMessage applies from the start.
	MaxEarlyMessage int64
	// Origin also says under which names the server may be reached. nil means same origin only;
	// requests without Origin pass.
	Origin *frame.OriginPolicy
	// Head bounds the request head. It may hold a cookie or a token of some KiB.
	Head frame.HeadLimits
	// Answer, if not nil, answers a GET or HEAD that asks for no upgrade, by its path, on the loop:
	// it must not block. ok is false for a path that has no answer; the request then gets 426.
	Answer func(path string) (a frame.Answer, ok bool)
	// Arrive, if not nil, is asked about each connection that Listen accepts, before its request
	// and before its TLS, on the accepting loop. leave is called once, when the connection has been
	// upgraded or is gone. An error refuses the connection. With a leave it is sent to the client,
	// unless that speaks TLS; without one the connection is closed without an answer.
	Arrive func(peer net.Addr) (leave func(), err *frame.HandshakeError)
	// Proxied, if not nil, reports whether a peer is a load balancer that begins each connection
	// with a PROXY preamble (version 1 or 2), before TLS. The client's address that it names is
	// that of the connection from then on. A connection of such a peer without a preamble is
	// refused, and so is a preamble of any other peer.
	Proxied func(peer net.Addr) bool
	// Refused, if not nil, is told of each refusal, after it was counted (see Server.Refusals). It
	// must not block. It may run on any loop, and for ServeHTTP on any goroutine.
	Refused func(Refusal)
	// Grew, if not nil, is called on the loop when a message that is not complete takes more
	// memory. If it returns an error there is none left, and the connection is closed with 1013
	// and this error if that message has more than 64 KiB of it.
	Grew func() error
	// TLSConfig makes Server.Listen speak wss, that is TLS 1.2 or 1.3 with HTTP/1.1 inside. nil
	// means no TLS. It is copied. Its NextProtos are kept, as that of ACME, apart from HTTP/2, and
	// http/1.1 is added. The TLS handshake has HandshakeTimeout, and so has the request head after
	// it. With the default Origin policy only https pages of the same host can connect. ServeHTTP
	// does not use it because TLS belongs to net/http there, and Dial does not speak TLS.
	TLSConfig *tls.Config
	Logger    *slog.Logger // nil means discard
}

// endpoint is what all connections of a Server, or one dialled connection, have in common. It does
// not change once it is made.
type endpoint struct {
	plain, deflated frame.Config
	early           frame.Config // MaxMessage is 0 if there is no early limit
	maxMessage      int
	maxRatio        int
	messageSeconds  int
	held            *atomic.Int64 // memory of unfinished messages; shared with secured
	handshake       time.Duration
	closing         time.Duration
	tuned           *atomic.Pointer[Tuning] // shared with secured
	controlRate     uint16
	deflate         bool
	client          bool
	isSecure        bool // its own origin is https
	// peer of the one connection behind a bridge; nil means ask the connection
	peer     net.Addr
	limits   frame.HeadLimits
	answer   func(path string) (frame.Answer, bool)
	proxied  func(peer net.Addr) bool
	arrive   func(peer net.Addr) (func(), *frame.HandshakeError)
	grew     func() error
	onNo     func(Refusal)
	refusals *refusals // shared with secured
	loopback bool      // listens on a loopback address
	tls      *tls.Config
	log      *slog.Logger
	accept   Acceptor // nil on a client
}

func newEndpoint(o Options, client bool, accept Acceptor) *endpoint {
	ep := &endpoint{
		maxMessage:  int(orDefault(o.MaxMessage, 16<<20)),
		maxRatio:    max(o.MaxInflateRatio, 0),
		held:        new(atomic.Int64),
		handshake:   orDefault(o.HandshakeTimeout, 5*time.Second),
		closing:     orDefault(o.CloseTimeout, 5*time.Second),
		tuned:       new(atomic.Pointer[Tuning]),
		controlRate: uint16(min(orDefault(o.MaxControlRate, 100), math.MaxUint16-1)),
		deflate:     o.Deflate,
		client:      client,
		limits:      o.Head,
		answer:      o.Answer,
		arrive:      o.Arrive,
		proxied:     o.Proxied,
		grew:        o.Grew,
		onNo:        o.Refused,
		refusals:    new(refusals),
		tls:         o.TLSConfig,
		log:         o.Logger,
		accept:      accept,
	}
	ep.limits.Bytes = orDefault(ep.limits.Bytes, frame.MaxHeadBytes)
	ep.messageSeconds = int(orDefault(o.MessageTimeout, 30*time.Second) / time.Second)
	ep.tune(Tuning{DeflateLevel: o.DeflateLevel, DeflateThreshold: o.DeflateThreshold,
		Origin: o.Origin})
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

// Tuning is what may change while connections are served, see Server.Tune. Fields that Options has
// too mean the same.
type Tuning struct {
	DeflateLevel     int
	DeflateThreshold int
	Origin           *frame.OriginPolicy
	// MaxFrameRate is the number of data frames per second above which a connection is closed with
	// 1008. MaxInflateRate is the same for the bytes that its compressed messages inflate to, or
	// for what inflating them may have cost if that is more, see pool.InflateCost. 0 means no
	// limit.
	MaxFrameRate   int
	MaxInflateRate int
}

func (ep *endpoint) tune(t Tuning) {
	t.DeflateLevel = min(orDefault(t.DeflateLevel, 1), 9)
	t.DeflateThreshold = orDefault(t.DeflateThreshold, 256)
	ep.tuned.Store(&t)
}

// checkOrigin applies the current policy.
func (ep *endpoint) checkOrigin(r *frame.Request) error {
	var policy frame.OriginPolicy
	if p := ep.tuned.Load().Origin; p != nil {
		policy = *p
	}
	policy.Secure = policy.Secure || ep.isSecure
	policy.Loopback = policy.Loopback || ep.loopback
	return policy.Check(r)
}

// orDefault returns v, or def if v is zero or negative.
func orDefault[T int | int64 | time.Duration](v, def T) T {
	if v <= 0 {
		return def
	}
	return v
}

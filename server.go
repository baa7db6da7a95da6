package smartsocket

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/internal/admission"
	"github.com/smartsocket/smartsocket/internal/budget"
	"github.com/smartsocket/smartsocket/internal/departure"
	"github.com/smartsocket/smartsocket/internal/hub"
	"github.com/smartsocket/smartsocket/internal/journal"
	"github.com/smartsocket/smartsocket/internal/mailbox"
	"github.com/smartsocket/smartsocket/internal/metrics"
	"github.com/smartsocket/smartsocket/internal/middleware"
	"github.com/smartsocket/smartsocket/internal/outgoing"
	"github.com/smartsocket/smartsocket/internal/pulse"
	"github.com/smartsocket/smartsocket/internal/ratelimit"
	"github.com/smartsocket/smartsocket/internal/sealing"
	"github.com/smartsocket/smartsocket/internal/session"
	"github.com/smartsocket/smartsocket/internal/succession"
	"github.com/smartsocket/smartsocket/internal/testclock"
	"github.com/smartsocket/smartsocket/internal/turnaway"
	"github.com/smartsocket/smartsocket/internal/vetting"
	"github.com/smartsocket/smartsocket/internal/watchdog"
	"github.com/smartsocket/smartsocket/message"
	"github.com/smartsocket/smartsocket/reactor"
	"github.com/smartsocket/smartsocket/websocket"
)

// Server accepts clients and routes their events. Make one with New, register
// handlers, then Start it. All methods are safe for concurrent use.
type Server struct {
	fixed     fixed                    // the options that Reload cannot change
	settings  atomic.Pointer[settings] // all options in force, see current
	reloading sync.Mutex
	log       *slog.Logger
	started   time.Time
	clock     *testclock.Clock // nil = the system's

	mu         sync.RWMutex // guards what follows, up to root
	namespaces map[string]*Namespace
	phase      phase
	reactor    *reactor.Reactor
	cutShort   context.CancelFunc // ends a Shutdown that drains; nil before
	endpoint   *websocket.Server
	joined     bool // the broker is being told of the namespaces, or was

	registrations                         // concern all namespaces
	root          *Namespace              // "/"
	members       *hub.Directory[*Socket] // of all namespaces
	eventLimits   ratelimit.Rules         // of single events
	departure     departure.State
	together      atomic.Pointer[func(*Socket) string] // see DrainTogether; nil = not set
	gate          admission.Gate
	refusals      *turnaway.Log
	sessions      *session.Registry // nil without the message cache
	giver         atomic.Pointer[succession.Giver]
	taker         atomic.Pointer[succession.Taker]
	workers       *mailbox.Workers
	hooks         *vetting.Desk  // nil without Authenticate
	memory        *budget.Budget // of what waits
	housekeeper   *watchdog.Rounds
	pulse         *pulse.Monitor // nil before the start
	journal       *journal.Journal

	counters counters
	measures metrics.Set
	rates    metrics.Rates
	loops    []loopState
}

type phase uint8

const (
	phaseNew phase = iota
	phaseRunning
	phaseClosed
)

// loopState is what belongs to one event loop, padded so that loops do not share cache lines.
type loopState struct {
	in      atomic.Int64           // messages received
	out     atomic.Int64           // messages sent to single sockets of this loop
	handled atomic.Int64           // inline events finished
	inline  atomic.Pointer[Socket] // whose inline handlers run now, nil while none do
	event   atomic.Pointer[entry]  // the handlers that inline runs, or the last that ran
	data    body                   // what the inline handler that runs was given; the loop's
	sampler metrics.Sampler        // the loop's
	_       [16]byte

	watch watchdog.Watch[*Socket] // the housekeeper's
	stuck journal.Cause           // what watch has reported; the housekeeper's
}

// logListening tells that the server listens, and with which of the options that matter most.
func (v *Server) logListening(addr net.Addr, secure bool) {
	v.log.Info("listening on "+addr.String(), "codec", message.CodecName(), "loops", v.fixed.Loops,
		"tls", secure, "gomaxprocs", runtime.GOMAXPROCS(0), "maxConnections",
		v.current().MaxConnections, "maxBufferedBytes", v.current().MaxBufferedBytes)
}

// eachNamespace lists all namespaces, in no order.
func (v *Server) eachNamespace() []*Namespace { return v.appendNamespaces(nil) }

// appendNamespaces is eachNamespace with memory of the caller's.
func (v *Server) appendNamespaces(dst []*Namespace) []*Namespace {
	v.mu.RLock()
	defer v.mu.RUnlock()
	for _, ns := range v.namespaces {
		dst = append(dst, ns)
	}
	return dst
}

func (v *Server) sinceStart() time.Duration { return v.clock.Since(v.started) }

// UseClock is for package smartsockettest, and to be called before Start.
func (v *Server) UseClock(c *testclock.Clock) { v.clock = c }

// Alarm is a timer that calls a function at a time that can be moved, see Server.NewAlarm.
type Alarm = testclock.Alarm

// NewAlarm makes an Alarm for f, not set yet, by the server's clock: in a test of package
// smartsockettest that of Advance, which waits for f. Otherwise f gets a goroutine of its own.
func (v *Server) NewAlarm(f func()) *Alarm { return v.clock.NewAlarm(f) }

// Logger returns the server's log, for a package that stands on the server.
func (v *Server) Logger() *slog.Logger { return v.log }

// fixed are the options that hold for a server's life. What Reload may change is only in settings.
type fixed struct {
	Host, Port                                       string
	Authenticate                                     func(context.Context, AuthRequest) (any, error)
	TLSConfig                                        *tls.Config
	Broker                                           Broker
	ConnectionTimeout, HandshakeTimeout              time.Duration
	InlineBudget, MaxOutboxAge                       time.Duration
	MaxMessageBytes, MaxOutboxBytes, SendBufferBytes int
	Loops                                            int
	pooling, ProxyProtocol, StrictDecoding           bool
	head                                             frame.HeadLimits
}

// settings are the options in force and what is made of them, replaced as a whole: no lock.
type settings struct {
	Options
	keys    *sealing.Keyring // nil = no encryption
	apiKeys *admission.Keys  // nil = none needed
	places  admission.Limits
	proxies admission.Proxies
	limit   ratelimit.Limit // for all events of a socket; zero = all rate limits are off
}

// current returns the settings in force. They are not to be changed.
func (v *Server) current() *settings { return v.settings.Load() }

// counters only grow.
type counters struct {
	rejected, violations, unknownAcks, unhandled, overflows, panics, errors atomic.Int64
	rejectedEvents, idleCloses, slowInline, rateLimited, repeated, floods   atomic.Int64
	acceptLimited, undecodable, discarded, workerStalls, overBudget         atomic.Int64

	outgoing outgoing.Counters // of broadcasts; the messages to single sockets are counted per loop
}

// registrations are the handlers and middlewares of a Server, which concern the sockets of all its
// namespaces, or of one Namespace. All methods are safe for concurrent use.
type registrations struct {
	events      *table // of the namespace; those of a server are for "/"
	life        table  // of what happens to sockets, as opposed to what they send
	middlewares middleware.List[Middleware]
	// interceptors surround the handlers of events.
	interceptors middleware.List[Interceptor]
	// emitOptions are what SetEmitOptions has set. A pointer leads to it, because escape analysis
	// gives up on what leads to an atomic value: here a Target.
	emitOptions *outgoing.Rules
}

package smartsocket

import (
	"context"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/smartsocket/smartsocket/internal/admission"
	"github.com/smartsocket/smartsocket/internal/budget"
	"github.com/smartsocket/smartsocket/internal/journal"
	"github.com/smartsocket/smartsocket/internal/mailbox"
	"github.com/smartsocket/smartsocket/internal/metrics"
	"github.com/smartsocket/smartsocket/internal/ratelimit"
	"github.com/smartsocket/smartsocket/internal/session"
	"github.com/smartsocket/smartsocket/internal/turnaway"
	"github.com/smartsocket/smartsocket/internal/vetting"
	"github.com/smartsocket/smartsocket/internal/watchdog"
	"github.com/smartsocket/smartsocket/message"
	"github.com/smartsocket/smartsocket/pool"
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

	mu         sync.RWMutex // guards what follows, up to root
	namespaces map[string]*Namespace
	phase      phase
	reactor    *reactor.Reactor
	cutShort   context.CancelFunc // ends a Shutdown that drains; nil before
	endpoint   *websocket.Server
	joined     bool // the broker is being told of the namespaces, or was

	registrations                 // concern all namespaces
	root          *Namespace      // "/"
	ids           sync.Map        // socket id to *Namespace, however many there are
	eventLimits   ratelimit.Rules // of single events
	draining      atomic.Bool
	gate          admission.Gate
	refusals      *turnaway.Log
	sessions      *session.Registry // nil without the message cache
	workers       *mailbox.Workers
	hooks         *vetting.Desk  // nil without Authenticate
	memory        *budget.Budget // of what waits
	housekeeper   *housekeeper
	journal       *journal.Journal

	counters counters
	latency  metrics.Histogram // of the heartbeats
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
	in      atomic.Int64 // messages received
	out     atomic.Int64 // messages sent to single sockets of this loop
	handled atomic.Int64 // inline events finished
	inline  atomic.Pointer[Socket]
	event   atomic.Pointer[entry] // of inline, or of the last one
	data    body                  // what the inline handler that runs was given; the loop's
	_       [24]byte

	watch watchdog.Watch[*Socket] // the housekeeper's
	stuck journal.Cause           // what watch has reported; the housekeeper's
}

// maxEnvelope bounds what a message adds to its payload: header, event name, seal.
const maxEnvelope = 256

// New makes a server that does nothing yet. An option that cannot be used gives an *OptionError.
func New(o Options) (*Server, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	if o.TLSConfig, err = o.secured(); err != nil {
		return nil, err
	}
	t, err := newSettings(o)
	if err != nil {
		return nil, err
	}
	v := &Server{
		fixed: o.fixed(), log: o.Logger, started: time.Now(),
		namespaces: make(map[string]*Namespace),
		workers:    mailbox.NewWorkers(o.Workers), loops: make([]loopState, o.Loops),
		memory: budget.New(int64(o.MaxBufferedBytes)),
	}
	v.settings.Store(t)
	v.gate.LimitFailures(t.FailureLimit)
	v.refusals = turnaway.NewLog(v.log)
	v.journal = journal.New(v.log, v.sinceStart)
	v.emitOptions = new(emitSettings)
	if hook := o.Authenticate; hook != nil {
		v.hooks = &vetting.Desk{Timeout: o.HandshakeTimeout, Log: v.log,
			Hook: func(ctx context.Context, r vetting.Request) (any, error) {
				return hook(ctx, AuthRequest(r))
			},
			Failed: func(a netip.Addr) { v.gate.Failed(a, v.sinceStart()) },
			Panicked: func(namespace, text string) {
				v.counters.panics.Add(1)
				v.journal.HookPanicked(namespace, text)
			}}
		v.hooks.Open(max(o.Workers/4, 1))
	}
	if o.EnableMessageCache {
		v.sessions = session.NewRegistry(v.sessionLimits, v.sinceStart)
	}
	v.root = v.Namespace("/")
	v.events = &v.root.handlers
	return v, nil
}

// Start binds the address and serves in the background. It returns once the port is bound, or with
// the reason why it cannot be. A server starts once.
func (v *Server) Start() error {
	if err := v.StartDetached(); err != nil {
		return err
	}
	network, addr := v.fixed.address()
	if err := v.endpoint.Listen(network, addr); err != nil {
		v.Close()
		return err
	}
	v.logListening(v.Addr())
	return nil
}

// Serve is Start on a listener of the caller's, which it takes: one that was inherited from the
// system, that limits connections, or that reads a protocol of its own first. Options.Host and
// Port are not used. With a *net.TCPListener or *net.UnixListener it returns at once, like Start.
// With any other it accepts until the listener fails, and returns its error, or until the server
// ends, and returns ErrClosed. See websocket.Server.Serve for what such connections cost.
func (v *Server) Serve(l net.Listener) error {
	if err := v.StartDetached(); err != nil {
		return err
	}
	v.logListening(l.Addr())
	err := v.endpoint.Serve(l)
	if err == nil {
		return nil
	}
	v.mu.RLock()
	ended := v.phase == phaseClosed
	v.mu.RUnlock()
	if ended {
		return ErrClosed
	}
	v.Close()
	return err
}

func (v *Server) logListening(addr net.Addr) {
	v.log.Info("listening on "+addr.String(), "codec", message.CodecName(),
		"loops", v.fixed.Loops, "tls", v.fixed.TLSConfig != nil,
		"gomaxprocs", runtime.GOMAXPROCS(0), "maxConnections", v.current().MaxConnections,
		"maxBufferedBytes", v.current().MaxBufferedBytes)
}

// StartDetached starts all but the listener, for ServeHTTP to be mounted into net/http.
func (v *Server) StartDetached() error {
	if err := v.startLoops(); err != nil {
		return err
	}
	v.checkDescriptors()
	v.warnOptions()
	v.warnExposed()
	if err := v.openBroker(); err != nil {
		v.Close()
		return err
	}
	return nil
}

func (v *Server) startLoops() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch v.phase {
	case phaseRunning:
		return ErrStarted
	case phaseClosed:
		return ErrClosed
	}
	r, err := reactor.New(reactor.Options{
		Loops: v.fixed.Loops, MaxOutboxBytes: v.fixed.MaxOutboxBytes,
		MaxTotalOutboxBytes: int64(v.current().MaxBufferedBytes),
		MaxOutboxAge:        v.fixed.MaxOutboxAge, SendBuffer: v.fixed.SendBufferBytes, Logger: v.log,
	})
	if err != nil {
		return err
	}
	pool.SetPooling(v.fixed.pooling)
	v.reactor = r
	v.endpoint = websocket.NewServer(r, websocket.Options{
		MaxMessage:      int64(v.fixed.MaxMessageBytes + maxEnvelope),
		MaxEarlyMessage: maxConnectBytes, MaxFragments: 1024, MaxInflateRatio: pool.MaxRatio,
		HandshakeTimeout: v.fixed.HandshakeTimeout, TLSConfig: v.fixed.TLSConfig,
		Deflate: v.current().CompressionThreshold >= 0, Logger: v.log, Head: v.fixed.head,
		Answer: v.get, Arrive: v.arrive, Proxied: v.proxied(),
		Refused: func(r websocket.Refusal) { v.refusals.Note(r, v.sinceStart()) },
	}, v.accept)
	v.endpoint.Tune(v.current().tuning())
	v.phase = phaseRunning
	v.housekeeper = startHousekeeper(v)
	return nil
}

// Run starts the server, waits until ctx ends, and shuts down within Options.ShutdownTimeout.
func (v *Server) Run(ctx context.Context) error {
	if err := v.Start(); err != nil {
		return err
	}
	<-ctx.Done()
	stop, cancel := context.WithTimeout(context.Background(), v.current().ShutdownTimeout)
	defer cancel()
	return v.Shutdown(stop)
}

// Addr is the bound address, nil before Start.
func (v *Server) Addr() net.Addr {
	v.mu.RLock()
	defer v.mu.RUnlock()
	if v.endpoint == nil {
		return nil
	}
	return v.endpoint.Addr()
}

// ServeHTTP upgrades a request of a net/http server and moves its connection to the event loops,
// without a goroutine. The server must be started, with Start or StartDetached.
func (v *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	v.mu.RLock()
	running, endpoint := v.phase == phaseRunning, v.endpoint
	v.mu.RUnlock()
	if !running {
		http.Error(w, "smartsocket: the server is not running", http.StatusServiceUnavailable)
		return
	}
	endpoint.ServeHTTP(w, r)
}

// Namespace returns the namespace of a path, making it if need be. A missing
// leading slash is added, a trailing one trimmed; case matters.
func (v *Server) Namespace(path string) *Namespace {
	path = cleanPath(path)
	v.mu.Lock()
	ns := v.namespaces[path]
	late := ns == nil && v.joined
	if ns == nil {
		ns = newNamespace(v, path)
		v.namespaces[path] = ns
	}
	v.mu.Unlock()
	if late {
		v.fixed.Broker.Subscribe(path)
	}
	return ns
}

// Namespaces lists the paths of all namespaces, sorted.
func (v *Server) Namespaces() []string {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return slices.Sorted(maps.Keys(v.namespaces))
}

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

// To selects members of rooms of the namespace "/", and sockets by id in any namespace.
func (v *Server) To(names ...string) *Target {
	t := v.toward(names)
	t.names = names // here, so that a Target that the caller drops costs nothing
	return &t
}

// ToSocket selects one socket by id, in whichever namespace it is.
func (v *Server) ToSocket(id string) *Target {
	t := v.towardSocket(id)
	t.names = []string{id}
	return &t
}

// toward is a target without its names: in "/", but for a socket's id as towardSocket has it.
func (v *Server) toward(names []string) Target {
	if len(names) == 1 && isSocketID(names[0]) {
		return v.towardSocket(names[0])
	}
	return Target{ns: v.root, nobody: len(names) == 0}
}

// towardSocket is a target without its name: where the socket is, or anywhere when it is not here.
func (v *Server) towardSocket(id string) Target {
	if !isSocketID(id) {
		return Target{ns: v.root, nobody: true}
	}
	if ns, ok := v.ids.Load(id); ok {
		return Target{ns: ns.(*Namespace)}
	}
	return Target{ns: v.root, anywhere: true}
}

// Except selects all of the namespace "/" except members of these rooms or sockets with these ids.
func (v *Server) Except(names ...string) *Target { return v.root.Except(names...) }

func (v *Server) sinceStart() time.Duration { return time.Since(v.started) }

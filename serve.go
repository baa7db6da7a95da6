package smartsocket

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/smartsocket/smartsocket/crypto"
	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/internal/advice"
	"github.com/smartsocket/smartsocket/internal/budget"
	"github.com/smartsocket/smartsocket/internal/certfile"
	"github.com/smartsocket/smartsocket/internal/departure"
	"github.com/smartsocket/smartsocket/internal/greeting"
	"github.com/smartsocket/smartsocket/internal/health"
	"github.com/smartsocket/smartsocket/internal/journal"
	"github.com/smartsocket/smartsocket/internal/mailbox"
	"github.com/smartsocket/smartsocket/internal/outgoing"
	"github.com/smartsocket/smartsocket/internal/pulse"
	"github.com/smartsocket/smartsocket/internal/session"
	"github.com/smartsocket/smartsocket/internal/turnaway"
	"github.com/smartsocket/smartsocket/internal/vetting"
	"github.com/smartsocket/smartsocket/pool"
	"github.com/smartsocket/smartsocket/reactor"
	"github.com/smartsocket/smartsocket/websocket"
)

// maxOverhead bounds what a message adds to its payload: header, event name, seal.
const maxOverhead = 256

// New makes a server that does nothing yet. An option that cannot be used gives an *OptionError.
func New(o Options) (*Server, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	if o.TLSCertFile != "" {
		o.TLSConfig, err = certfile.Config(o.TLSConfig, o.TLSCertFile, o.TLSKeyFile, o.Logger)
		if err != nil {
			return nil, &OptionError{"TLSCertFile", err.Error()}
		}
	}
	t, err := newSettings(o)
	if err != nil {
		return nil, err
	}
	v := &Server{
		fixed: o.fixed(), log: o.Logger, started: time.Now(),
		namespaces: make(map[string]*Namespace), members: newDirectory(),
		workers: mailbox.NewWorkers(o.Workers), loops: make([]loopState, o.Loops),
		memory: budget.New(int64(o.MaxBufferedBytes)),
	}
	v.settings.Store(t)
	v.gate.LimitFailures(t.FailureLimit)
	v.refusals = turnaway.NewLog(v.log)
	v.journal = journal.New(v.log, v.sinceStart)
	v.emitOptions = new(outgoing.Rules)
	if hook := o.Authenticate; hook != nil {
		v.hooks = &vetting.Desk{Timeout: o.HandshakeTimeout, Log: v.log,
			Hook: func(ctx context.Context, r vetting.Request) (any, error) {
				return hook(ctx, AuthRequest(r))
			},
			Check: v.checked, Unusable: v.journal.BadGrant,
			Failed: func(a netip.Addr) { v.gate.Failed(a, v.sinceStart()) },
			Panicked: func(namespace, text string) {
				v.counters.panics.Add(1)
				v.journal.HookPanicked(namespace, text)
			}}
		v.hooks.Open(max(o.Workers/4, 1))
	}
	if o.EnableMessageCache {
		v.sessions = session.NewRegistry(v.sessionLimits, v.sinceStart)
		v.memory.Watch(v.sessions.Bytes)
	}
	v.root = v.Namespace("/")
	v.events = &v.root.handlers
	return v, nil
}

// Start binds the address and serves in the background. It returns once the port is bound, or with
// the reason why it cannot be. A server starts once: after an error make a new one.
func (v *Server) Start() error {
	if err := v.StartDetached(); err != nil {
		return err
	}
	if err := v.endpoint.Listen(v.fixed.address()); err != nil {
		v.Close()
		return err
	}
	v.logListening(v.Addr(), v.fixed.TLSConfig != nil)
	return nil
}

// StartDetached starts all but the listener, for ServeHTTP to be mounted into net/http.
func (v *Server) StartDetached() error {
	if err := v.startLoops(); err != nil {
		return err
	}
	v.advise()
	if err := v.openBroker(); err != nil {
		v.Close()
		return err
	}
	return nil
}

// startLoops moves to the running phase, with event loops and the housekeeper.
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
		Loops: v.fixed.Loops, Logger: v.log, MaxOutboxBytes: v.fixed.MaxOutboxBytes,
		MaxTotalOutboxBytes: int64(v.current().MaxBufferedBytes),
		MaxOutboxAge:        v.fixed.MaxOutboxAge, SendBuffer: v.fixed.SendBufferBytes,
		Clock: v.clock.Func(), Grew: func() { _ = v.memory.Grew() },
	})
	if err != nil {
		return err
	}
	pool.SetPooling(v.fixed.pooling)
	v.reactor = r
	v.clock.Follow(r.Tick)
	v.endpoint = websocket.NewServer(r, websocket.Options{
		MaxMessage:      int64(v.fixed.MaxMessageBytes + maxOverhead),
		MaxEarlyMessage: greeting.MaxBytes, MaxFragments: 1024, MaxInflateRatio: pool.MaxRatio,
		HandshakeTimeout: v.fixed.HandshakeTimeout, TLSConfig: v.fixed.TLSConfig,
		Deflate: v.current().CompressionThreshold >= 0, Logger: v.log, Head: v.fixed.head,
		Grew: v.memory.Grew, Answer: v.get, Arrive: v.arrive, Proxied: v.proxied(),
		MaxControlRate: v.clock.ControlRate(),
		Refused:        func(r websocket.Refusal) { v.refusals.Note(r, v.sinceStart()) },
	}, v.accept)
	v.endpoint.Tune(v.current().tuning())
	v.memory.Watch(r.OutboxBytes, v.endpoint.UnfinishedBytes, v.counters.outgoing.Bytes.Load)
	budget.Guard(v.memory, v.eachLink, (*link).holds, (*link).cut)
	v.phase = phaseRunning
	v.pulse = &pulse.Monitor{
		Now: func() time.Duration { return time.Since(v.started) }, // also when a test has a clock
		Lag: &v.measures.LoopLag, Queue: v.workers.Progress,
		Answer: func(err error) []byte {
			a := health.Alive(err)
			return frame.AppendAnswer(nil, &a, false, time.Now())
		},
		Held: v.journal.LoopHeld, Queued: v.journal.QueueHeld,
	}
	v.pulse.Watch(r)
	v.housekeeper = newHousekeeper(v)
	return nil
}

// Run starts the server, waits until ctx ends, drains for Options.DrainTimeout if that is set, and
// shuts down within Options.ShutdownTimeout.
func (v *Server) Run(ctx context.Context) error {
	if err := v.Start(); err != nil {
		return err
	}
	<-ctx.Done()
	if d := v.current().DrainTimeout; d > 0 {
		drain, cancel := context.WithTimeout(context.Background(), d)
		_ = v.Drain(drain) // its error is in the log, and Shutdown follows in any case
		cancel()
	}
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
	if endpoint := v.running(); endpoint != nil {
		endpoint.ServeHTTP(w, r)
		return
	}
	http.Error(w, "smartsocket: the server is not running", http.StatusServiceUnavailable)
}

// running returns the endpoint, nil if the server is not started or at its end.
func (v *Server) running() *websocket.Server {
	v.mu.RLock()
	defer v.mu.RUnlock()
	if v.phase == phaseRunning {
		return v.endpoint
	}
	return nil
}

// AddListener serves on one more TCP or Unix listener, which it takes, while the server runs: with
// TLS if secure, otherwise without. Addr names the first. On an error l is still the caller's.
func (v *Server) AddListener(l net.Listener, secure bool) error {
	endpoint := v.running()
	if endpoint == nil {
		return ErrClosed
	}
	err := endpoint.AddListener(l, secure)
	if err == nil {
		v.logListening(l.Addr(), secure)
	}
	return err
}

// advise logs which options are legal and seldom meant, and what is missing.
func (v *Server) advise() {
	o := v.current()
	(&advice.Setup{
		Host: o.Host, AllowedOrigins: o.AllowedOrigins, MaxConnections: o.MaxConnections,
		CompressionThreshold: o.CompressionThreshold, CompressionLevel: o.CompressionLevel,
		Encrypts: o.keys != nil, TLS: o.TLSConfig != nil,
		CBC:           o.keys != nil && o.keys.Algorithm() == crypto.AES256CBC,
		Authenticates: o.needsAuth() || o.RequireAuth,
	}).Log(v.log)
}

// get answers a plain GET or HEAD: whether the server runs, and has a place for a client.
func (v *Server) get(path string) (frame.Answer, bool) {
	t := v.current()
	if path != t.HealthPath && path != t.ReadyPath {
		return frame.Answer{}, false
	}
	return v.Probe(path == t.ReadyPath), true
}

// Healthy returns nil if every event loop, and the goroutines that run handlers, have done
// something new within the last second. Otherwise it says which have not. Options.HealthPath
// answers with it.
func (v *Server) Healthy() error {
	v.mu.RLock()
	defer v.mu.RUnlock()
	switch v.phase {
	case phaseNew:
		return health.ErrNotStarted
	case phaseRunning:
		return v.pulse.Err()
	}
	return nil
}

// Ready returns nil if the server takes new clients, and otherwise why not. Options.ReadyPath
// answers with it.
func (v *Server) Ready() error {
	if err := v.Healthy(); err != nil {
		return err
	}
	t := v.current()
	switch {
	case v.departure.Stage() > departure.Serving:
		return health.ErrDraining
	case v.gate.Open() >= int64(t.MaxConnections):
		return health.ErrFull
	case v.memory.Over() > 0:
		return health.ErrBuffers
	}
	if b, ok := v.fixed.Broker.(interface{ Ready() error }); ok && !t.ReadyWithoutBroker {
		return b.Ready()
	}
	return nil
}

// Probe is for package ops: what is answered at ReadyPath, or else at HealthPath.
func (v *Server) Probe(ready bool) frame.Answer {
	if ready {
		return health.Ready(v.Ready())
	}
	return health.Alive(v.Healthy())
}

// Serve is Start on the caller's listener, which the server then owns: one that was inherited from
// the system, that limits connections, or that reads a protocol of its own first. Options.Host and
// Port are not used. With a *net.TCPListener or *net.UnixListener it returns at once, like Start.
// With any other it accepts until the listener fails, and returns its error, or until the server
// ends, and returns ErrClosed. See websocket.Server.Serve for what such connections cost.
func (v *Server) Serve(l net.Listener) error {
	if err := v.StartDetached(); err != nil {
		return err
	}
	v.logListening(l.Addr(), v.fixed.TLSConfig != nil)
	err := v.endpoint.Serve(l)
	if err == nil {
		return nil
	}
	if v.running() == nil {
		return ErrClosed
	}
	v.Close()
	return err
}

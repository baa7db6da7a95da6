package smartsocket

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/message"
	"github.com/smartsocket/smartsocket/pool"
	"github.com/smartsocket/smartsocket/reactor"
	"github.com/smartsocket/smartsocket/websocket"
)

// Server accepts clients and routes their events. Make one with New, register
// handlers, then Start it. All methods are safe for concurrent use.
type Server struct {
	opts    Options
	keys    *keyring // nil = no encryption
	apiKeys *apiKeys // nil = none needed
	proxies []netip.Prefix
	log     *slog.Logger
	started time.Time

	mu         sync.RWMutex // guards namespaces, phase, reactor and endpoint
	namespaces map[string]*Namespace
	phase      phase
	reactor    *reactor.Reactor
	cutShort   context.CancelFunc // ends a Shutdown that drains; nil before
	endpoint   *websocket.Server

	root        *Namespace // "/"
	ids         sync.Map   // socket id to *Namespace, so that finding one does not take longer with many namespaces
	life        lifecycle  // server-wide lifecycle handlers
	middlewares middlewares
	limits      limits
	draining    atomic.Bool
	throttle    throttle
	sessions    *sessions // nil without the message cache
	workers     *workers
	sampler     *sampler

	live     atomic.Int64 // accepted connections, refused ones included until they are gone
	refused  atomic.Int64 // of live, those that were refused and are on their way out
	peak     atomic.Int64
	counters counters
	latency  histogram
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
	data    body // what the inline handler that runs was given; the loop's
	_       [32]byte

	suspect        *Socket // the sampler's, see watchInline
	suspectHandled int64
	suspectSince   time.Duration
	reported       bool
}

// maxEnvelope bounds what a message adds to its payload: header, event name, seal.
const maxEnvelope = 256

// refusalMargin is how many connections past MaxConnections are told so in a
// WebSocket message; more get HTTP 503.
const refusalMargin = 64

// New checks the options and makes a server that does nothing yet. A value that
// cannot be used is an *OptionError.
func New(o Options) (*Server, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	keys, err := newKeyring(&o)
	if err != nil {
		return nil, err
	}
	proxies, err := o.proxies()
	if err != nil {
		return nil, err
	}
	if o.TLSConfig, err = o.secured(); err != nil {
		return nil, err
	}
	v := &Server{
		keys:       keys,
		proxies:    proxies,
		apiKeys:    newAPIKeys(o.APIKeys),
		opts:       o,
		log:        o.Logger,
		started:    time.Now(),
		namespaces: make(map[string]*Namespace),
		workers:    newWorkers(o.Workers),
		loops:      make([]loopState, o.Loops),
	}
	if o.EnableRateLimiting != Disabled {
		v.limits.all = Limit{o.RateLimitWindow, o.RateLimitMaxRequests}
	}
	if o.EnableMessageCache {
		v.sessions = &sessions{srv: v, all: make(map[tokenHash]*session)}
	}
	v.root = v.Namespace("/")
	return v, nil
}

// Start binds the address and serves in the background. It returns once the
// port is bound, or the reason why it cannot be. A server starts once.
func (v *Server) Start() error {
	if err := v.StartDetached(); err != nil {
		return err
	}
	addr := net.JoinHostPort(v.opts.Host, strconv.Itoa(max(v.opts.Port, 0)))
	if err := v.endpoint.Listen("tcp", addr); err != nil {
		v.Close()
		return err
	}
	v.log.Info("listening on "+v.Addr().String(), "codec", message.CodecName(), "loops", v.opts.Loops, "tls", v.opts.TLSConfig != nil,
		"gomaxprocs", runtime.GOMAXPROCS(0), "maxConnections", v.opts.MaxConnections)
	return nil
}

// StartDetached starts everything but the listener, for a server that is
// mounted into a net/http server by its ServeHTTP.
func (v *Server) StartDetached() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch v.phase {
	case phaseRunning:
		return ErrStarted
	case phaseClosed:
		return ErrClosed
	}
	r, err := reactor.New(reactor.Options{
		Loops:          v.opts.Loops,
		MaxOutboxBytes: v.opts.MaxOutboxBytes,
		MaxOutboxAge:   v.opts.MaxOutboxAge,
		Logger:         v.log,
	})
	if err != nil {
		return err
	}
	v.checkDescriptors()
	pool.SetPooling(v.opts.EnableConnectionPooling != Disabled)
	v.reactor = r
	v.endpoint = websocket.NewServer(r, websocket.Options{
		MaxMessage:       int64(v.opts.MaxMessageBytes + maxEnvelope),
		MaxEarlyMessage:  maxConnectBytes,
		MaxFragments:     1024,
		HandshakeTimeout: v.opts.HandshakeTimeout,
		Deflate:          v.opts.CompressionThreshold >= 0,
		DeflateLevel:     v.opts.CompressionLevel,
		DeflateThreshold: max(v.opts.CompressionThreshold, 0),
		Origin:           originPolicy(v.opts.AllowedOrigins),
		TLSConfig:        v.opts.TLSConfig,
		Logger:           v.log,
	}, v.accept)
	v.phase = phaseRunning
	v.sampler = startSampler(v)
	return nil
}

// Run starts the server, waits for the context to end, and shuts down within Options.ShutdownTimeout.
func (v *Server) Run(ctx context.Context) error {
	if err := v.Start(); err != nil {
		return err
	}
	<-ctx.Done()
	stop, cancel := context.WithTimeout(context.Background(), v.opts.ShutdownTimeout)
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

// ServeHTTP upgrades a request of a net/http server and takes its connection
// over to the event loops; no goroutine stays behind. The server must be
// started, with Start or StartDetached.
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
	defer v.mu.Unlock()
	ns := v.namespaces[path]
	if ns == nil {
		ns = &Namespace{srv: v, path: path, hub: newHub(&v.ids)}
		v.namespaces[path] = ns
	}
	return ns
}

// Namespaces lists the paths of all namespaces, sorted.
func (v *Server) Namespaces() []string {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return slices.Sorted(maps.Keys(v.namespaces))
}

func (v *Server) eachNamespace() []*Namespace {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return slices.Collect(maps.Values(v.namespaces))
}

// On registers a handler in the namespace "/". The lifecycle events connected,
// disconnected and error are those of all namespaces. See Namespace.On.
func (v *Server) On(event string, h Handler, opts ...HandlerOption) {
	register(&v.root.handlers, &v.life, event, h, false, opts)
}

// Once is On for the first such event only.
func (v *Server) Once(event string, h Handler, opts ...HandlerOption) {
	register(&v.root.handlers, &v.life, event, h, true, opts)
}

// Off removes what On and Once registered for an event.
func (v *Server) Off(event string) { unregister(&v.root.handlers, &v.life, event) }

// OnConnected is Namespace.OnConnected for the sockets of every namespace.
func (v *Server) OnConnected(h func(*Socket), opts ...HandlerOption) {
	v.On(eventConnected, func(s *Socket, _ Data, _ Ack) { h(s) }, opts...)
}

// OnDisconnected is Namespace.OnDisconnected for the sockets of every namespace.
func (v *Server) OnDisconnected(h func(*Socket, Reason), opts ...HandlerOption) {
	v.On(eventDisconnected, func(s *Socket, d Data, _ Ack) { h(s, d.Reason()) }, opts...)
}

// OnError is Namespace.OnError for the sockets of every namespace.
func (v *Server) OnError(h func(*Socket, error), opts ...HandlerOption) {
	v.On(eventError, func(s *Socket, d Data, _ Ack) { h(s, d.Err()) }, opts...)
}

// Use adds a middleware for every namespace; it runs before theirs.
func (v *Server) Use(mw Middleware) { v.middlewares.use(mw) }

// Emit sends an event to every socket of every namespace; see Target.Emit.
func (v *Server) Emit(event string, data any) (Delivery, error) {
	o, err := v.newOutgoing(event, data)
	if err != nil {
		return Delivery{}, err
	}
	defer o.release()
	var d Delivery
	for _, ns := range v.eachNamespace() {
		d.add((&Target{ns: ns}).send(o))
	}
	return d, nil
}

// To selects members of rooms of the namespace "/", and sockets by id in any namespace.
func (v *Server) To(names ...string) *Target {
	if len(names) == 1 && isSocketID(names[0]) {
		return v.ToSocket(names[0])
	}
	return v.root.To(names...)
}

// ToSocket selects one socket by id, in whichever namespace it is.
func (v *Server) ToSocket(id string) *Target {
	if ns, ok := v.ids.Load(id); ok {
		return ns.(*Namespace).ToSocket(id)
	}
	return v.root.ToSocket(id)
}

// Except selects everybody in the namespace "/" but the members of rooms or the sockets with these ids.
func (v *Server) Except(names ...string) *Target { return v.root.Except(names...) }

// accept decides about an upgrade request, on its loop.
func (v *Server) accept(r *frame.Request, c *websocket.Conn) (websocket.Handler, string, error) {
	path, err := url.PathUnescape(string(r.Path))
	if err != nil {
		return nil, "", &frame.HandshakeError{Status: http.StatusBadRequest, Reason: "the path is not properly escaped"}
	}
	s := &Socket{srv: v, plain: !frame.HasProtocol(r.Protocols, message.Subprotocol)}
	if v.needsAuth() || v.keys != nil || v.opts.MaxConnectionsPerAddress > 0 {
		if err := v.admit(s, r, c); err != nil {
			return nil, "", err
		}
	}
	n := v.live.Add(1)
	switch full := n-v.refused.Load() > int64(v.opts.MaxConnections); {
	case full && v.refused.Load() >= refusalMargin:
		v.release(s)
		v.counters.rejected.Add(1)
		return nil, "", &frame.HandshakeError{Status: http.StatusServiceUnavailable, Reason: "max connections", RetryAfter: 1}
	case full:
		s.overflow = true
		v.refused.Add(1)
		v.counters.rejected.Add(1)
		s.refusal = errorf(message.CodeMaxConnections, "the server has its %d connections: try again later", v.opts.MaxConnections)
	default:
		s.ns, _ = v.lookup(path)
	}
	for p := v.peak.Load(); n > p && !v.peak.CompareAndSwap(p, n); p = v.peak.Load() {
	}
	if s.plain {
		return (*conn)(s), "", nil
	}
	return (*conn)(s), message.Subprotocol, nil
}

// admit checks what depends on the client's address, and refuses plain clients
// where credentials or a key are needed, since they can give neither.
func (v *Server) admit(s *Socket, r *frame.Request, c *websocket.Conn) error {
	s.address = v.addressOf(r, c)
	if wait := v.throttle.blocked(s.address, v.sinceStart()); wait > 0 {
		v.counters.rejected.Add(1)
		return &frame.HandshakeError{Status: http.StatusTooManyRequests, Reason: "too many failed authentications", RetryAfter: int(wait/time.Second) + 1}
	}
	if s.plain {
		switch {
		case v.keys != nil:
			s.refusal = errPlaintext
		case v.needsAuth():
			s.refusal = errAuth
		}
	}
	if limit := v.opts.MaxConnectionsPerAddress; limit > 0 {
		if !v.throttle.enter(s.address, limit) {
			v.counters.rejected.Add(1)
			return &frame.HandshakeError{Status: http.StatusServiceUnavailable, Reason: "max connections of one address", RetryAfter: 1}
		}
		s.counted = true
	}
	return nil
}

// release gives back what accept counted.
func (v *Server) release(s *Socket) {
	v.live.Add(-1)
	if s.overflow { // after live: never fewer than there are
		s.overflow = false
		v.refused.Add(-1)
	}
	if s.counted {
		s.counted = false
		v.throttle.leave(s.address)
	}
}

func (v *Server) sinceStart() time.Duration { return time.Since(v.started) }

// Shutdown drains the server: it stops accepting, tells the clients to
// reconnect elsewhere, lets queued events run, flushes, closes every connection
// with 1001 and stops. When ctx ends first, what is left is closed at once and
// ctx's error returned. Idempotent.
func (v *Server) Shutdown(ctx context.Context) error {
	if !v.end() {
		return nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	v.mu.Lock()
	v.cutShort = cancel
	v.mu.Unlock()
	v.draining.Store(true)
	v.log.Info("shutting down", "connections", v.live.Load())
	v.endpoint.Close()
	goaway := message.AppendGoaway(nil, &message.Goaway{Deadline: deadlineMillis(ctx), ReconnectWindow: uint64(v.live.Load())})
	for _, ns := range v.eachNamespace() {
		for _, s := range ns.Sockets() {
			if !s.plain {
				s.sendMessage(goaway)
			}
		}
	}
	v.waitQuiet(ctx) // so that the answers of running handlers still go out
	for _, ns := range v.eachNamespace() {
		for _, s := range ns.Sockets() {
			s.ws.Close(frame.CloseGoingAway, "server shutting down")
		}
	}
	err := v.waitGone(ctx)
	if err != nil {
		v.cut()
	}
	return errors.Join(err, v.stop(ctx))
}

// goAway asks the client to go elsewhere and closes its connection.
func (s *Socket) goAway(goaway []byte) {
	if !s.plain {
		s.sendMessage(goaway)
	}
	s.ws.Close(frame.CloseGoingAway, "server shutting down")
}

// cut aborts what is connected: the reactor's Close would still flush for seconds.
func (v *Server) cut() {
	for _, ns := range v.eachNamespace() {
		for _, s := range ns.Sockets() {
			s.ws.Abort(reactor.ErrClosed)
		}
	}
}

func deadlineMillis(ctx context.Context) uint64 {
	if t, ok := ctx.Deadline(); ok {
		return uint64(max(time.Until(t).Milliseconds(), 0))
	}
	return 0
}

// waitQuiet waits until no handler runs or waits on the goroutines, for at most
// half of the time that ctx has, and 5 s.
func (v *Server) waitQuiet(ctx context.Context) {
	limit := 5 * time.Second
	if t, ok := ctx.Deadline(); ok {
		limit = min(limit, time.Until(t)/2)
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !v.workers.quiet() {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// waitGone waits until no connection is left.
func (v *Server) waitGone(ctx context.Context) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for v.live.Load() > 0 {
		select {
		case <-ctx.Done():
			v.log.Warn("closing what is left", "connections", v.live.Load())
			return ctx.Err()
		case <-tick.C:
		}
	}
	return nil
}

// stop ends loops, workers and sampler; connections that are left are cut.
// Handlers that still run when ctx ends are left behind.
func (v *Server) stop(ctx context.Context) error {
	err := v.reactor.Close()
	v.sampler.stop()
	return errors.Join(err, v.workers.stop(ctx))
}

// Close stops at once, without draining: connections are cut, and handlers that
// run get a second to return. Idempotent.
func (v *Server) Close() error {
	if !v.end() {
		v.mu.RLock()
		cutShort := v.cutShort
		v.mu.RUnlock()
		if cutShort != nil {
			cutShort()
		}
		return nil
	}
	v.draining.Store(true)
	v.endpoint.Close()
	v.cut()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	return v.stop(ctx)
}

// end moves to the closed phase and reports whether the server was running.
func (v *Server) end() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	was := v.phase
	v.phase = phaseClosed
	return was == phaseRunning
}

func originPolicy(allowed []string) *frame.OriginPolicy {
	if slices.Contains(allowed, "*") {
		return &frame.OriginPolicy{AllowAll: true}
	}
	return &frame.OriginPolicy{Allowed: allowed}
}

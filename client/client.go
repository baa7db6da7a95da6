package client

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/smartsocket/smartsocket/crypto"
	"github.com/smartsocket/smartsocket/internal/registry"
	"github.com/smartsocket/smartsocket/message"
)

// Client is the client's end of one session in one namespace of a server. It
// keeps the session across connections, and may hold several sessions one after
// the other. Make one with New. All methods are safe for concurrent use. The
// order of its locks is in the package comment.
type Client struct {
	opts      Options
	at        *target
	others    []*target   // Options.URLs
	namespace string      // as CONNECT says it; "" = the path of the request decides
	key       *crypto.Key // nil = no encryption
	clock     clock
	random    func() float64

	mu     sync.Mutex
	state  stage
	life   context.Context // from Connect until Disconnect or the final failure
	end    context.CancelFunc
	failed int // failed attempts since the last healthy connection
	// leaving is a link that was replaced and is still open. quickMoves counts moves whose links
	// were not healthy.
	leaving    *link
	quickMoves int
	parked     []*parked
	states     map[string]*parked // of parked, by key
	losses     losses
	// parkedStates reports whether there are states, without the lock.
	parkedStates atomic.Bool
	// stopRelease stops the wait for the server's rate limit; nil = there is none.
	stopRelease func() bool

	pace       pace
	deliveries atomic.Pointer[map[string]delivery] // by event, immutable

	current atomic.Pointer[link] // the open connection, nil without one

	ackMu     sync.Mutex
	lastAck   uint64 // counts up over all connections
	acks      map[uint64]*question
	kept      int // how many of acks have a copy of their event
	keptBytes int

	handlers registry.Table[Handler]
	any      observers
	syncs    syncs
	queue    dispatcher
	early    early // dispatcher only
	raising  bool  // an "error" handler is running; dispatcher only
	stats    counters
}

type stage uint8

const (
	idle stage = iota
	connecting
	connected
	reconnecting
)

// clock is the source of time. Tests replace it.
type clock interface {
	Now() time.Time
	// After returns a channel that gets a value once d has passed, and a function that stops it.
	After(d time.Duration) (<-chan time.Time, func() bool)
	// AfterFunc calls f once d has passed, and returns a function that stops it.
	AfterFunc(d time.Duration, f func()) func() bool
}

type systemClock struct{}

func (systemClock) Now() time.Time { return time.Now() }

func (systemClock) After(d time.Duration) (<-chan time.Time, func() bool) {
	t := time.NewTimer(d)
	return t.C, t.Stop
}

func (systemClock) AfterFunc(d time.Duration, f func()) func() bool {
	return time.AfterFunc(d, f).Stop
}

// New makes a client for a ws:// or wss:// URL. It checks the URL and the options
// and does not connect. Every error is an *OptionError.
func New(rawURL string, o Options) (*Client, error) {
	at, err := parseTarget(rawURL)
	if err != nil {
		return nil, err
	}
	if o, err = o.withDefaults(); err != nil {
		return nil, err
	}
	c := &Client{
		opts:   o,
		at:     at,
		clock:  systemClock{},
		random: rand.Float64,
		acks:   make(map[uint64]*question),
	}
	if c.key, err = o.sealKey(); err != nil {
		return nil, err
	}
	if c.others, err = o.targets(at.secure); err != nil {
		return nil, err
	}
	switch {
	case o.EnableNamespaces == Disabled && o.Namespace != "" && cleanPath(o.Namespace) != "/":
		return nil, &OptionError{
			"Namespace",
			"EnableNamespaces is Disabled, which is always /: leave out one of the two",
		}
	case o.EnableNamespaces == Disabled:
		c.namespace = "/"
	case o.Namespace != "":
		c.namespace = cleanPath(o.Namespace)
	default:
		for i, other := range c.others {
			c.others[i] = other.beside(at)
		}
	}
	c.queue.room.L = &c.queue.mu
	return c, nil
}

// Connect connects and returns when the server has accepted the handshake. It
// tries once, unless Options.RetryConnect is Enabled. Errors, which "error" handlers are
// told too if ctx has not ended, are *Error: ERR_CONN_001 refused, 002 timeout, 003 bad
// handshake, 004 authentication, 005 server full, 007 throttled, with RetryAfter in
// milliseconds, ERR_MSG_005 no such namespace.
// The context bounds this call, not the connection. It returns nil when the
// client is connected already, and ERR_CONN_001 while another call or a
// reconnection is under way.
//
// Handlers may be registered before or right after Connect: for a second, events
// without a handler are held until it is there, up to 256 events of 256 KiB.
func (c *Client) Connect(ctx context.Context) error {
	c.mu.Lock()
	switch c.state {
	case connected:
		c.mu.Unlock()
		return nil
	case connecting, reconnecting:
		c.mu.Unlock()
		return &Error{
			Code:    message.CodeRefused,
			Message: "a connection is being made already: wait for it, or call Disconnect first",
		}
	}
	c.state = connecting
	c.failed = 0
	life, end := context.WithCancel(context.Background())
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	c.life = life
	c.end = func() { // not by context.AfterFunc, which costs memory as long as life lasts
		end()
		cancel()
	}
	c.mu.Unlock()
	err := c.connectFirst(ctx, life)
	c.mu.Lock()
	if c.life == life {
		c.end = end
	}
	c.mu.Unlock()
	if err == nil {
		return nil
	}
	c.mu.Lock()
	if c.life == life {
		c.state, c.life = idle, nil
		c.forget("the connection could not be made")
	}
	c.mu.Unlock()
	end()
	if ctx.Err() == nil { // otherwise the caller wanted the end
		c.raise(asError(err, message.CodeConnectionLost))
	}
	return err
}

// connectFirst tries each address once, and then goes on as Options.RetryConnect says. It raises
// the errors of all attempts except the last one.
func (c *Client) connectFirst(ctx, life context.Context) error {
	t := &trial{route: c.route(c.at), session: new(session), hint: -1}
	for i, at := range t.route {
		code, err := c.attempt(ctx, &attempt{life: life, at: at, session: t.session})
		if err == nil {
			return nil
		}
		e := asError(err, message.CodeConnectionLost)
		if ctx.Err() != nil || final(e, code) ||
			i == len(t.route)-1 && !c.retriesConnect() {
			return err
		}
		c.raise(e)
		t.failed(e)
		t.tries++
	}
	t.grown, t.counted = 1, min(t.counted, 1) // one round
	switch connected, err := c.try(ctx, life, t); {
	case connected:
		return nil
	case err != nil:
		return err
	}
	return contextError(ctx)
}

func (c *Client) retriesConnect() bool {
	return c.opts.RetryConnect == Enabled && c.opts.MaxReconnectAttempts != Never
}

// route returns the addresses to try in turn: first, New's, and Options.URLs.
func (c *Client) route(first *target) []*target {
	list := []*target{first}
	for _, at := range append([]*target{c.at}, c.others...) {
		if !slices.ContainsFunc(list, func(t *target) bool { return t.url == at.url }) {
			list = append(list, at)
		}
	}
	return list
}

// attempt is one attempt to connect to at, and to resume session there.
type attempt struct {
	life     context.Context
	at       *target
	session  *session
	replaces *link // see link
}

// attempt makes one connection, up to CONNECT_ACK, and resumes the session if it
// can. code is the close code with which the server refused, or 0.
func (c *Client) attempt(parent context.Context, a *attempt) (code uint16, err error) {
	c.opts.Logger.Info("Connecting to " + a.at.shown())
	ctx, cancel := context.WithTimeout(parent, c.opts.ConnectTimeout)
	defer cancel()
	apiKey, err := c.credentials(ctx)
	if err != nil {
		return 0, err
	}
	t, err := dial(ctx, a.at, &c.opts)
	if err != nil {
		return 0, err
	}
	c.opts.Logger.Debug("WebSocket connection opened")
	l := newLink(c, t, a)
	l.apiKey = apiKey
	go l.run()
	select {
	case <-l.ready:
	case <-ctx.Done():
		if l.settled.CompareAndSwap(false, true) {
			t.abort()
			<-l.done
			return 0, contextError(ctx)
		}
		<-l.ready
	}
	l.ready = nil // which nobody uses any more
	if l.err != nil {
		return l.code, l.err
	}
	return 0, nil
}

// contextError turns the end of a context into an *Error that unwraps to it.
func contextError(ctx context.Context) *Error {
	err := ctx.Err()
	if errors.Is(err, context.DeadlineExceeded) {
		return &Error{
			Code:    message.CodeTimeout,
			Message: "no session in time: check the network, or raise Options.ConnectTimeout",
			Cause:   err,
		}
	}
	return &Error{Code: message.CodeConnectionLost, Message: "connecting was given up", Cause: err}
}

// established publishes an open link: its connected handlers are queued before any
// event. The reader calls it.
func (c *Client) established(l *link) {
	sizes, ok := c.publish(l)
	if !ok {
		l.t.close(message.CloseNormal, "")
		l.err = &Error{
			Code:    message.CodeConnectionLost,
			Message: "Disconnect was called",
			Cause:   context.Canceled,
		}
		return
	}
	if l.missing {
		c.raise(&Error{
			Code: message.CodeConnectionLost,
			Message: "events that were sent before the connection was lost did not arrive and " +
				"are not kept any more: emit less at once, or ask for acks",
		})
	}
	c.opts.Logger.Info("Connected to server", "id", l.id)
	for _, n := range sizes {
		c.logSent(n)
	}
}

// publish makes l the open link and returns the sizes of the messages that it sent.
// ok is false when Disconnect was faster.
//
// Parked messages are sent at once if l recovers the session. A new session may have
// to be authenticated first, so there they wait until the connected handlers have
// returned, and if the server asks for it until the event auth was answered. Otherwise they
// do not wait.
func (c *Client) publish(l *link) (sizes []int, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	l.opened = c.clock.Now()
	moves := l.replaces != nil && c.current.Load() == l.replaces && c.state == connected
	if c.life != l.life || !moves && c.state != connecting && c.state != reconnecting {
		return nil, false
	}
	again := c.state != connecting
	c.state = connected
	c.queue.setOpen(true)
	c.pace.begin(l.rate, l.recovered, l.opened, c.stats.sent.Load())
	sizes = c.resend(l, moves)
	if l.asksAuth && c.parkedAuth() {
		l.authed.Store(true) // it goes out first
	}
	wait := !l.recovered && len(c.parked) > 0 &&
		(l.asksAuth || c.handlers.FindString(EventConnected) != nil)
	if !wait {
		sizes = append(sizes, c.release(l)...)
	}
	c.current.Store(l)
	if !again {
		c.allowEarly()
	}
	c.fire(EventConnected, Data{}) // the reader runs this, so no event is delivered before it
	if again {
		c.restored(l, moves)
	}
	if wait {
		c.post(job{run: func() { c.releaseOn(l) }})
	}
	if moves {
		c.post(job{run: c.relieve(l)})
	} else if l.replaces != nil { // which ended before
		l.replaces.replaced.Store(true)
	}
	return sizes, true
}

// restored counts a link that came in place of another, and tells the application. c.mu is held.
func (c *Client) restored(l *link, moves bool) {
	told := `{"recovered":` + strconv.FormatBool(l.recovered)
	if moves {
		told += `,"moved":true`
		c.stats.moves.Add(1)
	} else {
		c.stats.reconnects.Add(1)
	}
	c.fire(EventReconnected, Data{b: []byte(told + "}"), info: l.recovered})
}

// Reason tells OnDisconnected handlers how a connection ended.
type Reason struct {
	Code uint16 // close code (RFC 6455 section 7.4); 1006 without one, 1000 after Disconnect
	Text string
	Err  error // the transport's error, if any
}

// String returns the text and the close code.
func (r Reason) String() string {
	if r.Text == "" {
		return "close code " + strconv.Itoa(int(r.Code))
	}
	return r.Text + " (close code " + strconv.Itoa(int(r.Code)) + ")"
}

// lost ends an open link and decides whether the session is to be restored. The
// reader calls it.
func (c *Client) lost(l *link, end ending) {
	c.mu.Lock()
	if !c.current.CompareAndSwap(l, nil) {
		c.mu.Unlock() // Disconnect has done all this, or another link has replaced it
		c.left(l)
		return
	}
	c.queue.setOpen(false)
	if l.fault != nil {
		end.code, end.reason = message.CloseCodeFor(l.fault.Code), l.fault.Message
	}
	if c.clock.Now().Sub(l.opened) >= healthy {
		c.failed = 0
	}
	// If it is being replaced, the server may have moved the session already.
	again := message.Reconnects(end.code) || l.mover != nil && end.code == message.CloseReplaced
	again = again && c.opts.MaxReconnectAttempts != Never
	life, stop := c.life, c.end
	if again {
		c.state = reconnecting
	} else {
		c.state, c.life = idle, nil
		c.forget("the connection ended for good")
		stop()
	}
	if c.stopRelease != nil {
		c.stopRelease()
		c.stopRelease = nil
	}
	c.disconnected(Reason{end.code, end.reason, end.err})
	c.mu.Unlock()
	c.opts.Logger.Info("Disconnected", "code", end.code)
	c.abandonIf(func(q *question) bool {
		return q.on == l && (!again || q.sent.b == nil)
	}, "the connection was lost before the answer came")
	if l.fault != nil {
		c.raise(l.fault)
	}
	if again {
		go c.reconnect(life, l)
	}
}

func (c *Client) disconnected(r Reason) {
	b, _ := marshal(nil, r.String())
	c.fire(EventDisconnected, Data{b: b, info: r})
}

// Disconnect ends the connection and the session for good, after what was emitted
// before has been handed to the connection. Nothing reconnects, and questions that
// wait end with ERR_CONN_006. It does not wait for the closing handshake or for
// handlers, so handlers may call it. Connect may be called again and begins a new
// session. Further calls do nothing.
func (c *Client) Disconnect() {
	c.queue.setOpen(false)
	c.mu.Lock()
	was, l := c.state, c.current.Swap(nil)
	c.state = idle
	if c.life != nil {
		c.end()
		c.life = nil
	}
	if was != idle {
		c.forget("Disconnect was called")
	}
	if old := c.leaving; old != nil {
		old.t.close(message.CloseNormal, "")
	}
	if l != nil {
		l.t.close(message.CloseNormal, "")
		c.disconnected(Reason{Code: message.CloseNormal, Text: "Disconnect was called"})
	}
	c.mu.Unlock()
	if l != nil {
		c.opts.Logger.Info("Disconnected", "code", message.CloseNormal)
	}
	c.abandon("Disconnect was called before the answer came")
}

// Connected reports whether there is an open connection.
func (c *Client) Connected() bool { return c.current.Load() != nil }

// ID returns the socket's id on the server, or "" without an open connection.
// A reconnection that does not recover the session changes it.
func (c *Client) ID() string {
	if l := c.current.Load(); l != nil {
		return l.id
	}
	return ""
}

package client

import (
	"context"
	"errors"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/smartsocket/smartsocket/crypto"
	"github.com/smartsocket/smartsocket/internal/registry"
	"github.com/smartsocket/smartsocket/message"
)

// Client is a connection to one namespace of a server, across reconnections.
// All methods are safe for concurrent use.
//
// Locks: mu, then a stream's sent.mu, then queue.mu, ackMu and the transport's; nothing is called out to under them.
type Client struct {
	opts      Options
	at        *target
	namespace string      // as CONNECT says it
	key       *crypto.Key // nil = no encryption
	clock     clock
	random    func() float64

	mu     sync.Mutex
	state  state
	life   context.Context // of the connection that the user asked for, ended by Disconnect
	end    context.CancelFunc
	losses int // failed attempts since the last healthy session
	parked []parked

	current atomic.Pointer[session] // the open session, nil without one

	ackMu     sync.Mutex
	lastAck   uint64 // counts up over all connections
	acks      map[uint64]*waiting
	kept      int // of acks, those with a copy of their event
	keptBytes int

	handlers registry.Table[Handler]
	queue    dispatcher
	raising  bool // an "error" handler runs; dispatcher only
	stats    counters
}

type state uint8

const (
	idle state = iota
	connecting
	connected
	reconnecting
)

// clock is time, for the tests to replace.
type clock interface {
	Now() time.Time
	// After returns a channel that gets a value once d has passed, and what gives it up.
	After(d time.Duration) (<-chan time.Time, func() bool)
	// AfterFunc calls f once d has passed, and returns what gives it up.
	AfterFunc(d time.Duration, f func()) func() bool
}

type systemClock struct{}

func (systemClock) Now() time.Time { return time.Now() }

func (systemClock) After(d time.Duration) (<-chan time.Time, func() bool) {
	t := time.NewTimer(d)
	return t.C, t.Stop
}

func (systemClock) AfterFunc(d time.Duration, f func()) func() bool { return time.AfterFunc(d, f).Stop }

// New checks the URL (ws:// or wss://) and the options. It connects to nothing.
func New(rawURL string, o Options) (*Client, error) {
	at, err := parseTarget(rawURL)
	if err != nil {
		return nil, err
	}
	if o, err = o.withDefaults(); err != nil {
		return nil, err
	}
	c := &Client{opts: o, at: at, clock: systemClock{}, random: rand.Float64, acks: make(map[uint64]*waiting)}
	if c.key, err = o.sealKey(); err != nil {
		return nil, err
	}
	switch {
	case o.EnableNamespaces == Disabled && o.Namespace != "" && cleanPath(o.Namespace) != "/":
		return nil, &OptionError{"Namespace", "EnableNamespaces is Disabled, which is always /: leave out one of the two"}
	case o.EnableNamespaces == Disabled:
		c.namespace = "/"
	case o.Namespace != "":
		c.namespace = cleanPath(o.Namespace)
	default:
		c.namespace = at.namespace
	}
	c.queue.room.L = &c.queue.mu
	return c, nil
}

// Connect connects and returns when the server has accepted the handshake. It
// tries once. Errors are *Error: ERR_CONN_001 refused, 002 timeout, 003 bad
// handshake, 004 authentication, 005 server full, ERR_MSG_005 no such namespace.
// The context bounds this call, not the connection. Connected already: nil.
func (c *Client) Connect(ctx context.Context) error {
	c.mu.Lock()
	switch c.state {
	case connected:
		c.mu.Unlock()
		return nil
	case connecting, reconnecting:
		c.mu.Unlock()
		return &Error{Code: message.CodeRefused, Message: "a connection is being made already: wait for it, or call Disconnect first"}
	}
	c.state = connecting
	c.losses = 0
	life, end := context.WithCancel(context.Background())
	c.life, c.end = life, end
	c.mu.Unlock()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(life, cancel)()
	_, err := c.attempt(ctx, life, c.at, new(stream))
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
	return err
}

// attempt makes one connection to at, up to CONNECT_ACK, and resumes x if it
// can. code is the server's close code, if it refused by one.
func (c *Client) attempt(parent, life context.Context, at *target, x *stream) (code uint16, err error) {
	c.opts.Logger.Info("Connecting to " + at.shown())
	ctx, cancel := context.WithTimeout(parent, c.opts.ConnectTimeout)
	defer cancel()
	t, err := dial(ctx, at, &c.opts)
	if err != nil {
		return 0, err
	}
	c.opts.Logger.Debug("WebSocket connection opened")
	s := newSession(c, t, life, at, x)
	go s.run()
	select {
	case <-s.ready:
	case <-ctx.Done():
		if s.settled.CompareAndSwap(false, true) {
			t.abort()
			<-s.done
			return 0, contextError(ctx)
		}
		<-s.ready
	}
	if s.err != nil {
		return s.code, s.err
	}
	return 0, nil
}

// contextError turns the end of a context into an *Error that unwraps to it.
func contextError(ctx context.Context) *Error {
	err := ctx.Err()
	if errors.Is(err, context.DeadlineExceeded) {
		return &Error{Code: message.CodeTimeout, Message: "no session in time: check the network, or raise Options.ConnectTimeout", Cause: err}
	}
	return &Error{Code: message.CodeConnectionLost, Message: "connecting was given up", Cause: err}
}

// established publishes an open session: parked messages go first, then the
// connected handlers are queued, then events. Called by the reader.
func (c *Client) established(s *session) {
	sizes, ok := c.publish(s)
	if !ok {
		s.t.close(message.CloseNormal, "")
		s.err = &Error{Code: message.CodeConnectionLost, Message: "Disconnect was called", Cause: context.Canceled}
		return
	}
	if s.missing {
		c.raise(&Error{Code: message.CodeConnectionLost, Message: "events that were sent before the connection was lost did not arrive and are not kept any more: emit less at once, or ask for acks"})
	}
	c.opts.Logger.Info("Connected to server", "id", s.id)
	for _, n := range sizes {
		c.logSent(n)
	}
}

// publish makes s the open session and returns the sizes of what was parked and
// is sent; not ok means that Disconnect was faster.
func (c *Client) publish(s *session) (sizes []int, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s.opened = c.clock.Now()
	if c.life != s.life || c.state != connecting && c.state != reconnecting {
		return nil, false
	}
	again := c.state == reconnecting
	c.state = connected
	c.queue.setOpen(true)
	sizes = append(c.resend(s), c.release(s)...)
	c.current.Store(s)
	c.fire(EventConnected, Data{}) // the reader, which runs this, delivers no event before
	if again {
		c.stats.reconnects.Add(1)
		c.fire(EventReconnected, Data{b: []byte(`{"recovered":` + strconv.FormatBool(s.recovered) + `}`), info: s.recovered})
	}
	return sizes, true
}

// Reason says how a session ended.
type Reason struct {
	Code uint16 // close code; 1006 when there was none, 1000 after Disconnect
	Text string
	Err  error // the transport's error, if any
}

// String gives the text and the close code.
func (r Reason) String() string {
	if r.Text == "" {
		return "close code " + strconv.Itoa(int(r.Code))
	}
	return r.Text + " (close code " + strconv.Itoa(int(r.Code)) + ")"
}

// lost is called by the reader at the end of an open session.
func (c *Client) lost(s *session, end ending) {
	c.queue.setOpen(false)
	c.mu.Lock()
	if !c.current.CompareAndSwap(s, nil) {
		c.mu.Unlock() // Disconnect has done all this
		return
	}
	if s.fault != nil {
		end.code, end.reason = message.CloseCodeFor(s.fault.Code), s.fault.Message
	}
	if c.clock.Now().Sub(s.opened) >= healthy {
		c.losses = 0
	}
	again := message.Reconnects(end.code) && c.opts.MaxReconnectAttempts != Never
	life, stop := c.life, c.end
	if again {
		c.state = reconnecting
	} else {
		c.state, c.life = idle, nil
		c.forget("the connection ended for good")
		stop()
	}
	c.disconnected(Reason{end.code, end.reason, end.err})
	c.mu.Unlock()
	c.opts.Logger.Info("Disconnected", "code", end.code)
	c.abandonIf(func(w *waiting) bool { return w.s == s && (!again || w.sent.b == nil) }, "the connection was lost before the answer came")
	if s.fault != nil {
		c.raise(s.fault)
	}
	if again {
		go c.reconnect(life, s)
	}
}

func (c *Client) disconnected(r Reason) {
	b, _ := marshal(nil, r.String())
	c.fire(EventDisconnected, Data{b: b, info: r})
}

// Disconnect ends the connection for good, behind what was emitted before:
// nothing reconnects, and waiting acks end with ERR_CONN_006. It does not wait
// for the closing handshake or for handlers, so that handlers may call it.
// Connect may be called again and begins a new session. Idempotent.
func (c *Client) Disconnect() {
	c.queue.setOpen(false)
	c.mu.Lock()
	was, s := c.state, c.current.Swap(nil)
	c.state = idle
	if c.life != nil {
		c.end()
		c.life = nil
	}
	if was != idle {
		c.forget("Disconnect was called")
	}
	if s != nil {
		s.t.close(message.CloseNormal, "")
		c.disconnected(Reason{Code: message.CloseNormal, Text: "Disconnect was called"})
	}
	c.mu.Unlock()
	if s != nil {
		c.opts.Logger.Info("Disconnected", "code", message.CloseNormal)
	}
	c.abandon("Disconnect was called before the answer came")
}

// Connected reports whether there is an open session.
func (c *Client) Connected() bool { return c.current.Load() != nil }

// ID is the socket's id on the server, "" without an open session. It
// changes with a reconnection that did not recover the session.
func (c *Client) ID() string {
	if s := c.current.Load(); s != nil {
		return s.id
	}
	return ""
}

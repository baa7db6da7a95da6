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
	"github.com/smartsocket/smartsocket/message"
)

// Client is a connection to one namespace of a server, across reconnections.
// All methods are safe for concurrent use.
//
// Locks: mu before queue.mu and ackMu; nothing is called out to under them.
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

	ackMu   sync.Mutex
	lastAck uint64
	acks    map[uint64]*waiting

	handlers registry
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
}

type systemClock struct{}

func (systemClock) Now() time.Time { return time.Now() }

func (systemClock) After(d time.Duration) (<-chan time.Time, func() bool) {
	t := time.NewTimer(d)
	return t.C, t.Stop
}

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
	c.opts.Logger.Info("Connecting to " + c.at.host)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(life, cancel)()
	err := c.attempt(ctx)
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

// attempt makes one connection, up to CONNECT_ACK.
func (c *Client) attempt(parent context.Context) error {
	ctx, cancel := context.WithTimeout(parent, c.opts.ConnectTimeout)
	defer cancel()
	t, err := dial(ctx, c.at, &c.opts)
	if err != nil {
		return err
	}
	s := newSession(c, t)
	go s.run()
	select {
	case <-s.ready:
	case <-ctx.Done():
		if s.settled.CompareAndSwap(false, true) {
			t.abort()
			<-s.done
			return contextError(ctx)
		}
		<-s.ready
	}
	if s.err != nil {
		return s.err
	}
	return nil
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
func (c *Client) established(s *session, recovered bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s.opened = c.clock.Now()
	if c.state != connecting && c.state != reconnecting {
		s.t.close(message.CloseNormal, "") // Disconnect was faster
		s.err = &Error{Code: message.CodeConnectionLost, Message: "Disconnect was called", Cause: context.Canceled}
		return
	}
	again := c.state == reconnecting
	c.state = connected
	c.queue.setOpen(true)
	c.opts.Logger.Info("Connected to server", "id", s.id)
	c.fire(EventConnected, Data{})
	if again {
		c.stats.reconnects.Add(1)
		c.fire(EventReconnected, Data{b: []byte(`{"recovered":` + strconv.FormatBool(recovered) + `}`), info: recovered})
	}
	c.release(s)
	c.current.Store(s)
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
	c.abandon(s, "the connection was lost before the answer came")
	if s.fault != nil {
		c.raise(s.fault)
	}
	if again {
		go c.reconnect(life, s.waitFor, s.window)
	}
}

func (c *Client) disconnected(r Reason) {
	c.opts.Logger.Info("Disconnected", "code", r.Code)
	b, _ := marshal(nil, r.String())
	c.fire(EventDisconnected, Data{b: b, info: r})
}

// Disconnect ends the connection for good, behind what was emitted before:
// nothing reconnects, and waiting acks end with ERR_CONN_006. It does not wait
// for the closing handshake or for handlers, so that handlers may call it.
// Connect may be called again. Idempotent.
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
	c.abandon(nil, "Disconnect was called before the answer came")
}

// Connected reports whether there is an open session.
func (c *Client) Connected() bool { return c.current.Load() != nil }

// ID is the socket's id on the server, "" without an open session. It changes with a reconnection.
func (c *Client) ID() string {
	if s := c.current.Load(); s != nil {
		return s.id
	}
	return ""
}

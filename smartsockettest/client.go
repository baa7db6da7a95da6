//go:build linux || darwin

package smartsockettest

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/client"
	"github.com/smartsocket/smartsocket/message"
)

// Client is a client.Client that is connected to a Server in memory, with what a test needs to
// trouble it and to look at what it gets. Its own methods belong to the goroutine of the test that
// it was made for, and fail that test.
type Client struct {
	*client.Client

	t      testing.TB
	s      *Server
	record record

	mu   sync.Mutex
	conn *conn         // the newest, nil before the first
	up   chan struct{} // closed while dialling is allowed
	over bool
}

// NewClient makes a client that is not connected yet, so that handlers can be registered first.
// All its connections go to s. It takes one Options at most, or none for the defaults, which for a
// test are: an attempt to come back at once, and without end, and no move before the server closes.
func (s *Server) NewClient(t testing.TB, o ...client.Options) *Client {
	t.Helper()
	c := &Client{t: t, s: s, up: make(chan struct{})}
	close(c.up)
	var opts client.Options
	switch len(o) {
	case 0:
	case 1:
		opts = o[0]
	default:
		t.Fatal("NewClient and Client take one client.Options at most")
	}
	opts.Dial, opts.Proxy, opts.URLs, opts.TLSConfig = c.dial, nil, nil, nil
	if opts.ReconnectDelay == 0 {
		opts.ReconnectDelay = time.Millisecond
	}
	if opts.MaxReconnectAttempts == 0 {
		opts.MaxReconnectAttempts = client.Forever
	}
	if opts.EnableMoves == client.Auto {
		opts.EnableMoves = client.Disabled // there is no other server to move to
	}
	if opts.ConnectTimeout == 0 {
		opts.ConnectTimeout = time.Hour // a client that is cut waits in Dial until Reconnect
	}
	inner, err := client.New("ws://"+s.host, opts)
	if err != nil {
		t.Fatal(err)
	}
	c.Client = inner
	c.record.follow(inner)
	s.mu.Lock()
	s.clients = append(s.clients, c)
	s.mu.Unlock()
	return c
}

// Client is NewClient and Connect.
func (s *Server) Client(t testing.TB, o ...client.Options) *Client {
	t.Helper()
	c := s.NewClient(t, o...)
	c.Connect()
	return c
}

// Connect connects. When it returns, the server's connected handlers have returned.
func (c *Client) Connect() {
	c.t.Helper()
	if err := c.connect(); err != nil {
		c.t.Fatalf("the client could not connect: %v%s", err, c.s.because())
	}
	c.settle()
}

// ConnectFails connects, which the server is to refuse with this code, as message.CodeAuthFailed.
// It returns the error.
func (c *Client) ConnectFails(code message.Code) *client.Error {
	c.t.Helper()
	err := c.connect()
	if err == nil {
		c.t.Fatalf("the client could connect, want %s", code)
	}
	return wantCode(c.t, "the client could not connect", err, code)
}

func (c *Client) connect() (err error) {
	ctx, cancel := c.context()
	defer cancel()
	c.s.labelled(func() { err = c.Client.Connect(ctx) })
	return err
}

// because adds why the server did not start.
func (s *Server) because() string {
	select {
	case <-s.network.closed:
		<-s.served
		if s.refused != nil {
			return ": the server did not start: " + s.refused.Error()
		}
		return ": the server has ended"
	default:
		return ""
	}
}

// settle waits until the server is done with the beginning, or the end, of a connection.
func (c *Client) settle() {
	c.t.Helper()
	ctx, cancel := c.context()
	defer cancel()
	c.Sync(ctx) // an error means that it is gone again
	c.s.handled(time.Now().Add(c.s.patience))
}

func (c *Client) context() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), c.s.patience)
}

// dial is the client's Dial.
func (c *Client) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	c.mu.Lock()
	up := c.up
	c.mu.Unlock()
	select {
	case <-up:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	nc, err := c.s.network.dial(ctx)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over {
		nc.Close()
		return nil, net.ErrClosed
	}
	c.conn = newConn(nc)
	return c.conn, nil
}

// Socket returns the server's end of the client: the socket that handlers get. The test fails if
// the client is not connected.
func (c *Client) Socket() *smartsocket.Socket {
	c.t.Helper()
	id := c.ID()
	for _, path := range c.s.Namespaces() {
		if s := c.s.Namespace(path).Socket(id); s != nil && id != "" {
			return s
		}
	}
	c.t.Fatal("the client is not connected, so the server has no socket for it")
	return nil
}

// Cut breaks the connection, as a cable does that is pulled: no close frame is sent. When it
// returns, both ends have noticed, and the server's disconnected handlers have returned. The
// client is away until Reconnect.
func (c *Client) Cut() {
	c.t.Helper()
	gone := c.Socket().LinkContext()
	c.mu.Lock()
	nc := c.conn
	c.up = make(chan struct{})
	c.mu.Unlock()
	seen, _, _ := c.record.count(disconnected)
	nc.Close()
	end := time.NewTimer(c.s.patience)
	defer end.Stop()
	select {
	case <-gone.Done():
	case <-end.C:
		c.t.Fatal("the server did not notice the end of the connection")
	}
	c.after(disconnected, seen, "the client did not notice the end of the connection")
	c.s.clock.Tick() // the loop has told the socket
	c.s.handled(time.Now().Add(c.s.patience))
}

// Reconnect lets a client that was cut come back, and returns when it has. recovered says that the
// server had kept its session: it has the same id and rooms, and gets what it missed.
func (c *Client) Reconnect() (recovered bool) {
	c.t.Helper()
	seen, _, _ := c.record.count(reconnected)
	c.mu.Lock()
	select {
	case <-c.up:
		c.mu.Unlock()
		c.t.Fatal("Reconnect is for a client after Cut")
	default:
	}
	close(c.up)
	c.mu.Unlock()
	back := c.after(reconnected, seen, "the client did not come back")
	c.settle()
	return back.kept
}

// after waits until more than seen items of a kind have come, and returns the newest.
func (c *Client) after(k kind, seen int, otherwise string) item {
	c.t.Helper()
	end := time.NewTimer(c.s.patience)
	defer end.Stop()
	for {
		n, last, change := c.record.count(k)
		if n > seen {
			return last
		}
		select {
		case <-change:
		case <-end.C:
			c.t.Fatalf("%s within %v: does a handler of it block? %s", otherwise, c.s.patience,
				&c.record)
		}
	}
}

// Pause stops the client from reading. What the server sends then waits in the system, which holds
// some 200 KB, and then in the outbox that Options.MaxOutboxBytes limits. It holds until Resume or
// the end of the connection.
func (c *Client) Pause() { c.gate(paused, 0, 0) }

// Resume lets the client read as it likes again, after Pause, Lag and Slow. What was held back
// comes at once.
func (c *Client) Resume() { c.gate(open, 0, 0) }

// Lag makes what the server sends arrive later by d, by the server's clock, so: while the test
// calls Advance. Socket.RTT becomes d. It holds until Resume or the end of the connection.
func (c *Client) Lag(d time.Duration) { c.gate(lagging, d, 0) }

// Slow makes the client read so many bytes per second of the server's clock, so: while the test
// calls Advance. It holds until Resume or the end of the connection.
func (c *Client) Slow(bytesPerSecond int) { c.gate(slow, 0, bytesPerSecond) }

func (c *Client) gate(m mode, lag time.Duration, rate int) {
	c.t.Helper()
	c.mu.Lock()
	nc := c.conn
	c.mu.Unlock()
	if m != open && (nc == nil || !c.Connected()) {
		c.t.Fatal("the client is not connected")
	}
	if nc == nil {
		return
	}
	nc.set(m, lag, rate, c.s.clock.Now())
}

// current is the client's connection, nil if it has none.
func (c *Client) current() *conn {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.conn
}

// reads reports whether the client has a connection and reads as it likes.
func (c *Client) reads() bool {
	nc := c.current()
	if nc == nil || !c.Connected() {
		return false
	}
	nc.mu.Lock()
	defer nc.mu.Unlock()
	return nc.mode == open
}

// collect takes what has come for a client that lags. A step of the clock ends when it is due.
func (c *Client) collect(now time.Duration) {
	nc := c.current()
	if nc == nil {
		return
	}
	if due, some := nc.collect(now); some {
		c.s.clock.Mark(due - now)
	}
}

// release gives a client that lags or is slow what it may read now, and waits until it has, and
// until the server has what it answers at once.
func (c *Client) release(now time.Duration) {
	nc := c.current()
	if nc == nil {
		return
	}
	nc.release(now)
	nc.consumed()
	c.delivered()
	c.sent()
	c.collect(now)
}

// sent waits until the server has read all that the client has sent. It needs no answer.
func (c *Client) sent() {
	nc := c.current()
	for pause := (wait{end: time.Now().Add(c.s.patience)}); nc != nil && c.Connected(); {
		if c.Stats().BufferedAmount == 0 && nc.unread() == 0 {
			break
		}
		if !pause.next() {
			break
		}
	}
	c.s.clock.Tick() // what was read has been looked at
}

// delivered waits until what the client has read is in its record.
func (c *Client) delivered() {
	end := time.NewTimer(c.s.patience)
	defer end.Stop()
	for {
		n, _, change := c.record.count(event)
		if uint64(n) >= c.Stats().Received {
			return
		}
		select {
		case <-change:
		case <-end.C: // a handler of the client blocks
			return
		}
	}
}

// end ends the client at once.
func (c *Client) end() {
	c.mu.Lock()
	c.over = true
	nc := c.conn
	c.mu.Unlock()
	c.Disconnect()
	if nc != nil {
		nc.Close()
	}
}

// wantCode fails the test unless err is an *Error with this code.
func wantCode(t testing.TB, what string, err error, code message.Code) *client.Error {
	t.Helper()
	e := (*client.Error)(nil)
	if !errors.As(err, &e) || e.Code != code {
		t.Fatalf("%s: %v, want %s", what, err, code)
	}
	return e
}

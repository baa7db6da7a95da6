//go:build linux || darwin

package reactor

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"time"

	"github.com/smartsocket/smartsocket/pool"
)

const (
	maxRecord    = 16 << 10 // plaintext of one TLS record (RFC 8446 section 5.1)
	sealedWrite  = 64 << 10 // ciphertext gathered for one write
	recordExtra  = 64       // a record adds at most this to its plaintext
	maxHandshake = 256 << 10
)

var (
	// ErrTLSTimeout is logged if a client did not complete its TLS handshake in time.
	ErrTLSTimeout = errors.New("reactor: TLS handshake timed out")
	// ErrNotTLS is logged if the first bytes of a client are not a TLS handshake.
	ErrNotTLS = errors.New(
		"reactor: the client does not speak TLS: it has to connect with wss:// or https://")
	// ErrTLSFlood is logged if a client sent too much before its handshake was complete.
	ErrTLSFlood = errors.New("reactor: too many bytes before the end of the TLS handshake")
	// ErrNoTLSConfig is returned by ListenTLS without a config.
	ErrNoTLSConfig = errors.New(
		"reactor: TLSOptions.Config is nil: give it a certificate, as tls.LoadX509KeyPair reads it")
)

// TLSOptions configure ListenTLS.
type TLSOptions struct {
	// Config needs a certificate, or GetCertificate. It is copied. Versions below TLS 1.2 are
	// refused whatever it says.
	Config *tls.Config
	// HandshakeTimeout limits the time from accept to the end of the TLS handshake. 0 means 5 s.
	HandshakeTimeout time.Duration
	// MaxHandshakes is the number of handshakes that run at once, each on a goroutine. 0 means 512.
	// Further ones wait their turn.
	MaxHandshakes int
	// Early makes newHandler run when a connection is accepted, as with Listen, and not after its
	// handshake. OnClose then also runs for a connection whose handshake failed, without OnOpen.
	Early bool
	// Listener, if not nil, is listened on as by ListenOn, and network and addr are not used.
	Listener net.Listener
	// NotTLS, if not nil, is told of a client whose first bytes are not a TLS handshake. What it
	// returns is sent in clear before the connection is closed.
	NotTLS func(c *Conn, first []byte) []byte
}

// Preambler is a Handler that takes something in clear before the TLS handshake, as a load balancer
// sends it. It needs TLSOptions.Early. Preamble gets p, which is borrowed, until done is true, and
// returns what follows. An error closes the connection.
type Preambler interface {
	Preamble(c *Conn, p []byte) (rest []byte, done bool, err error)
}

// ListenTLS is Listen for connections secured by TLS 1.2 or 1.3 (crypto/tls). Handlers and Conns
// receive and send plaintext. newHandler is called after the TLS handshake, just before OnOpen and
// on the connection's loop, so a connection whose handshake fails is never seen. Writes before that
// are Dropped. The bytes of one callback, and of one Gather, leave as one record if they fit.
// WriteShared encrypts for each connection separately. Close sends close_notify; if the peer sends
// it, OnClose gets io.EOF.
//
// A handshake runs on a goroutine from its first whole record to its end. An established connection
// has none. Queued and the limits of the outbox count ciphertext.
func (r *Reactor) ListenTLS(
	network, addr string, o TLSOptions, newHandler func(c *Conn) Handler,
) (*Listener, error) {
	if newHandler == nil {
		return nil, ErrNoHandler
	}
	if o.Config == nil {
		return nil, ErrNoTLSConfig
	}
	s := &tlsServer{config: o.Config.Clone(), timeout: o.HandshakeTimeout, newHandler: newHandler,
		early: o.Early, notTLS: o.NotTLS, log: r.opts.Logger}
	s.config.MinVersion = max(s.config.MinVersion, tls.VersionTLS12)
	s.config.DynamicRecordSizingDisabled = true // one record per callback
	if s.timeout <= 0 {
		s.timeout = 5 * time.Second
	}
	s.slots = o.MaxHandshakes
	if s.slots <= 0 {
		s.slots = 512
	}
	listen := func() (*Listener, error) { return r.Listen(network, addr, s.accept) }
	if o.Listener != nil {
		listen = func() (*Listener, error) { return r.ListenOn(o.Listener, s.accept) }
	}
	ln, err := listen()
	if err == nil {
		ln.secure.Store(true)
	}
	return ln, err
}

// tlsConn is the TLS of one connection. It is the reactor's Handler in front of the user's Handler,
// and the net.Conn below crypto/tls. Its Conn has secure set and keeps it as its handler for life,
// so that any goroutine can find it there.
//
// During the handshake only the goroutine of hs uses tc. From then on every call of tc is made
// under c.mu. That includes decrypting, because it may answer; otherwise the locks of crypto/tls
// would be taken in two different orders.
type tlsConn struct {
	server *tlsServer
	c      *Conn
	tc     *tls.Conn
	inner  Handler // the user's; nil before the handshake is complete; belongs to the loop
	early  Handler // inner until then, with TLSOptions.Early
	// preamble is early while it takes what comes before TLS; belongs to the loop
	preamble Preambler
	hs       *handshake // nil once the handshake is complete
	// cut cuts what crypto/tls is given. It belongs to the goroutine of the handshake, later it is
	// guarded by c.mu.
	cut records
	in  []byte // borrowed ciphertext to decrypt; guarded by c.mu
	// sealed is ciphertext to write. It is guarded by c.mu, and nil whenever c.mu is free.
	sealed *pool.Buffer
	plain  *pool.Buffer // gathered plaintext; guarded by c.mu; nil when there is none
	up     bool         // the handshake is complete; written once by the loop under c.mu
	failed bool         // an alert has ended the session; guarded by c.mu
}

var (
	_ Handler  = (*tlsConn)(nil)
	_ net.Conn = (*tlsConn)(nil)
)

// TLS describes the TLS session, nil for a connection in clear. It may be called on the loop only,
// from OnOpen on.
func (c *Conn) TLS() *tls.ConnectionState {
	if !c.secure {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	state := c.handler.(*tlsConn).tc.ConnectionState()
	return &state
}

// OnOpen waits for the ClientHello.
func (t *tlsConn) OnOpen(c *Conn) { c.SetTimer(t.server.timeout) }

// OnData takes ciphertext.
func (t *tlsConn) OnData(c *Conn, p []byte) {
	if t.up {
		t.open(p)
		return
	}
	if t.preamble != nil {
		rest, done, err := t.preamble.Preamble(c, p)
		if err != nil {
			c.Close(err)
		}
		if err != nil || !done {
			return
		}
		if t.preamble, p = nil, rest; len(p) == 0 {
			return
		}
	}
	if err := t.hs.feed(p); err != nil {
		if err == ErrNotTLS && t.server.notTLS != nil && !t.hs.started {
			t.clear(t.server.notTLS(c, t.hs.rest()))
		}
		c.Close(err)
	} else if !t.hs.started && t.hs.hasRecord() {
		t.hs.started = true
		t.tc = tls.Server(t, t.server.config)
		t.server.start(t)
	}
}

// clear sends p as it is to a client that does not speak TLS.
func (t *tlsConn) clear(p []byte) {
	t.c.mu.Lock()
	defer t.c.mu.Unlock()
	if t.c.state == stateOpen {
		t.c.writeRaw(p)
	}
}

// OnWritable passes the event on.
func (t *tlsConn) OnWritable(c *Conn) {
	if t.inner != nil {
		t.inner.OnWritable(c)
	}
}

// OnTimer passes the event on once the handshake is complete.
func (t *tlsConn) OnTimer(c *Conn) {
	if t.inner == nil {
		c.Abort(ErrTLSTimeout)
		return
	}
	t.inner.OnTimer(c)
}

// OnClose ends a handshake, or passes the event on.
func (t *tlsConn) OnClose(c *Conn, err error) {
	if t.inner != nil {
		t.inner.OnClose(c, err)
		return
	}
	if t.hs != nil {
		t.server.giveUp(t.hs)
		t.hs.end(net.ErrClosed)
	}
	t.server.log.Debug("reactor: no TLS connection", "error", err, "peer", c.RemoteAddr())
	if t.early != nil {
		t.early.OnClose(c, err)
	}
}

// established opens the connection for the user's Handler. On the loop, corked.
func (t *tlsConn) established() {
	c := t.c
	rest := t.hs.rest()
	t.hs = nil
	c.mu.Lock()
	open := c.state == stateOpen
	t.up = open
	c.mu.Unlock()
	if !open {
		return
	}
	c.SetTimer(0)
	h := t.early
	if h == nil {
		h = t.server.newHandler(c)
	}
	if h == nil {
		c.Close(nil)
		return
	}
	t.inner, t.early = h, nil
	h.OnOpen(c)
	t.open(rest) // crypto/tls may still hold bytes
}

// open decrypts p, which is borrowed, and delivers the plaintext, up to a loop's buffer at a time.
// On the loop, corked.
func (t *tlsConn) open(p []byte) {
	c := t.c
	l := c.loop
	if l.plain == nil {
		l.plain = make([]byte, l.r.opts.ReadBuffer)
	}
	for more := true; more; {
		c.mu.Lock()
		if c.state != stateOpen {
			c.mu.Unlock()
			return
		}
		t.in = p
		n, err := t.decrypt(l.plain)
		p, t.in = t.in, nil
		t.flush() // alerts and answers to key updates
		c.mu.Unlock()
		if n > 0 {
			t.inner.OnData(c, l.plain[:n])
		}
		switch {
		case err == errDry:
			more = false
		case err == io.EOF:
			c.Close(io.EOF)
			return
		case err != nil:
			c.Close(&TLSError{err})
			return
		}
	}
}

// decrypt fills plain as far as t.in allows. mu is held.
func (t *tlsConn) decrypt(plain []byte) (n int, err error) {
	for n < len(plain) && err == nil {
		if n > 0 && len(t.in) == 0 && t.cut.whole() {
			return n, errDry // crypto/tls would say the same
		}
		var k int
		k, err = t.tc.Read(plain[n:])
		n += k
	}
	if err != nil && err != errDry && err != io.EOF {
		t.failed = true
	}
	return n, err
}

// sendSecure is send for plaintext of a TLS connection in stateOpen. mu is held.
func (c *Conn) sendSecure(head, body []byte) Status {
	t, ok := c.handler.(*tlsConn)
	if !ok {
		return c.handler.(*captive).write(head, body)
	}
	n := len(head) + len(body)
	if !t.up || t.failed {
		return Dropped
	}
	if n == 0 {
		return Sent
	}
	if c.late || !c.corked && c.out == nil && c.gathers() {
		return t.gather(head, body)
	}
	if !c.corked {
		return t.seal(nil, head, body)
	}
	l := c.loop
	if c.out == nil && n < corkMaxWrite && len(l.cork)+n <= cap(l.cork) {
		l.cork = append(append(l.cork, head...), body...)
		return Sent
	}
	status := t.seal(l.cork, head, body)
	l.cork = l.cork[:0]
	return status
}

// seal encrypts and sends the three parts, whose first records they share. mu is held, and the
// connection is not broken.
func (t *tlsConn) seal(cork, head, body []byte) Status {
	c := t.c
	n := len(cork) + len(head) + len(body)
	n += (n/maxRecord + 1) * recordExtra
	if !c.hasRoom(n) {
		return Dropped
	}
	before := 0
	if c.out != nil {
		before = c.out.bytes
	}
	t.sealed = pool.Get(min(n, sealedWrite+maxRecord+recordExtra))
	if small := len(cork) + len(head); small == 0 || len(head)+len(body) == 0 {
		t.encrypt(cork)
		t.encrypt(body)
	} else {
		fill := min(len(body), (maxRecord-small%maxRecord)%maxRecord)
		b := pool.Get(small + fill)
		b.B = append(append(append(b.B, cork...), head...), body[:fill]...)
		t.encrypt(b.B)
		t.encrypt(body[fill:])
		pool.Put(b)
	}
	t.flush()
	switch {
	case t.failed || c.broken || c.state >= stateDoomed:
		return Dropped
	case c.out != nil:
		c.out.admit(c.out.bytes - before)
		return Backpressured
	}
	return Sent
}

// encrypt makes crypto/tls write the records of p to t. mu is held.
func (t *tlsConn) encrypt(p []byte) {
	if len(p) == 0 || t.failed {
		return
	}
	if _, err := t.tc.Write(p); err != nil {
		t.failed = true
	}
}

// flush writes the ciphertext that there is. mu is held.
func (t *tlsConn) flush() {
	if t.sealed == nil {
		return
	}
	t.emit()
	pool.Put(t.sealed)
	t.sealed = nil
}

// emit empties t.sealed into the kernel or the outbox. mu is held.
func (t *tlsConn) emit() {
	t.c.writeRaw(t.sealed.B)
	t.sealed.B = t.sealed.B[:0]
}

// writeRaw sends bytes as they are. It bypasses the cork and the limit of the outbox. mu is held.
func (c *Conn) writeRaw(p []byte) {
	switch {
	case len(p) == 0 || c.broken || c.state >= stateLingering:
	case c.out != nil:
		c.enqueue(nil, p, nil, nil, 0)
	default:
		c.push(nil, p, nil, nil)
	}
}

// closeNotify ends our half of the session (RFC 8446 section 6.1). mu is held.
func (t *tlsConn) closeNotify() {
	if t.up && !t.failed && !t.c.broken {
		_ = t.tc.CloseWrite() // once only; it writes to t, which does not fail
		t.flush()
	}
}

// Read gives ciphertext to crypto/tls. During the handshake it waits for it. Later it returns
// errDry if there is no more at the moment.
func (t *tlsConn) Read(p []byte) (int, error) {
	if !t.up {
		return t.hs.read(p)
	}
	if len(t.in) == 0 {
		return 0, errDry
	}
	n := copy(p, t.in[:t.cut.take(t.in, len(p))])
	t.in = t.in[n:]
	return n, nil
}

// records finds the ends of TLS records. crypto/tls is never given more than the rest of one
// record. Its buffer therefore stays as small as the largest record, and is known to be empty if
// everything given was whole.
type records struct {
	rest   int32 // bytes that the record still lacks
	filled uint8 // of header
	header [recordHeader]byte
}

// take returns how many bytes of in, at most room, belong to one record. They count as given.
func (r *records) take(in []byte, room int) int {
	in = in[:min(len(in), room)]
	n := 0
	if r.rest == 0 {
		n = copy(r.header[r.filled:], in)
		if r.filled += uint8(n); r.filled < recordHeader {
			return n
		}
		r.filled, r.rest = 0, int32(r.header[3])<<8|int32(r.header[4])
	}
	body := min(int32(len(in)-n), r.rest)
	r.rest -= body
	return n + int(body)
}

// whole reports whether what was given ends at the end of a record.
func (r *records) whole() bool { return r.rest == 0 && r.filled == 0 }

// Write takes ciphertext from crypto/tls. After the handshake it is gathered, and Write never
// fails.
func (t *tlsConn) Write(p []byte) (int, error) {
	c := t.c
	if !t.up {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.state != stateOpen || c.broken {
			return 0, net.ErrClosed
		}
		c.writeRaw(p)
		return len(p), nil
	}
	if t.sealed == nil {
		t.sealed = pool.Get(len(p))
	}
	t.sealed.B = append(t.sealed.B, p...)
	if len(t.sealed.B) >= sealedWrite {
		t.emit()
	}
	return len(p), nil
}

// Close, the addresses and the deadlines complete a net.Conn. The reactor has its own.

// Close does nothing, because the reactor closes.
func (t *tlsConn) Close() error { return nil }

// LocalAddr returns that of the Conn.
func (t *tlsConn) LocalAddr() net.Addr { return t.c.LocalAddr() }

// RemoteAddr returns that of the Conn.
func (t *tlsConn) RemoteAddr() net.Addr { return t.c.RemoteAddr() }

// SetDeadline does nothing. Only the handshake blocks, and it has a timer.
func (t *tlsConn) SetDeadline(time.Time) error { return nil }

// SetReadDeadline does nothing.
func (t *tlsConn) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline does nothing.
func (t *tlsConn) SetWriteDeadline(time.Time) error { return nil }

// dry is an error that crypto/tls considers temporary: it keeps what it has read of a record and
// can be called again.
type dry struct{}

func (dry) Error() string   { return "reactor: no TLS record is complete" }
func (dry) Timeout() bool   { return true }
func (dry) Temporary() bool { return true }

var errDry net.Error = dry{}

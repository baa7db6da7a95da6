//go:build linux || darwin

package smartsockettest

import (
	"context"
	"errors"
	"log/slog"
	"runtime/pprof"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/internal/testclock"
)

// patience is how long anything of this package waits for what does not come. It bounds a test
// that fails, and is nothing that a test that passes ever waits for.
const patience = 10 * time.Second

// Server is a smartsocket.Server that runs in memory, for one test. Its further methods belong to
// the goroutine of that test.
type Server struct {
	*smartsocket.Server

	t        testing.TB
	patience time.Duration
	clock    *testclock.Clock
	network  *network
	serving  bool          // false if register ended the test
	served   chan struct{} // closed when the server accepts no more
	refused  error         // why it did not start; set before served is closed
	label    string        // of its goroutines
	host     string        // in the clients' URLs

	mu      sync.Mutex
	clients []*Client
}

// started counts the servers, for their labels.
var started atomic.Int64

// New starts a server that ends with the test. register gets it before it starts, to register
// handlers; nil registers none.
//
// The options mean what they mean in production, with these exceptions. Host, Port and everything
// about TLS are not used, because nothing is listened on. Loops is 1 by default, MaxConnections
// 1000, and Logger writes warnings to t's log. Rate limits are off unless EnableRateLimiting or
// RateLimitMaxRequests is set, because the clock stands still and a window would never end. They
// are off as well with the RateLimitMaxRequests of DefaultOptions.
//
// At the end of the test it closes the clients and the server. The test fails if handlers do not
// return then, or if goroutines are left that the server or its handlers started.
func New(
	t testing.TB, o smartsocket.Options, register func(*smartsocket.Server),
) *Server {
	t.Helper()
	s := &Server{
		t: t, patience: patience, clock: new(testclock.Clock), network: newNetwork(),
		served: make(chan struct{}), host: hostOf(o.AllowedHosts),
		label: strconv.FormatInt(started.Add(1), 10),
	}
	few() // before there is anything of this test
	v, err := smartsocket.New(s.adapt(o))
	if err != nil {
		t.Fatal(err)
	}
	s.Server = v
	v.UseClock(s.clock)
	t.Cleanup(s.end)
	s.labelled(func() {
		if register != nil {
			register(v)
		}
		s.serving = true
		go s.serve()
	})
	return s
}

// adapt makes the options of a test of o.
func (s *Server) adapt(o smartsocket.Options) smartsocket.Options {
	o.Host, o.Port = "localhost", 0
	o.TLSConfig, o.TLSCertFile, o.TLSKeyFile = nil, "", ""
	o.ProxyProtocol = false
	if o.Loops == 0 {
		o.Loops = 1
	}
	if o.MaxConnections == 0 {
		o.MaxConnections = 1000
	}
	usual := smartsocket.DefaultOptions().RateLimitMaxRequests
	if o.RateLimitMaxRequests == usual ||
		o.RateLimitMaxRequests == 0 && o.EnableRateLimiting == smartsocket.Auto {
		o.EnableRateLimiting = smartsocket.Disabled
	}
	if o.Logger == nil {
		w := &testLog{t: s.t}
		s.t.Cleanup(w.end)
		o.Logger = slog.New(smartsocket.NewLogHandler(w, slog.LevelWarn))
	}
	return o
}

// hostOf is a host that clients may ask for.
func hostOf(allowed []string) string {
	if len(allowed) == 0 {
		return "localhost"
	}
	return strings.Replace(allowed[0], "*.", "test.", 1)
}

// serve accepts until the server ends.
func (s *Server) serve() {
	defer close(s.served)
	if err := s.Serve(s.network); !errors.Is(err, smartsocket.ErrClosed) {
		s.refused = err
	}
	s.network.Close()
}

// labelled runs f, on the goroutine of the caller, so that all goroutines that it starts can be
// told from those of others.
func (s *Server) labelled(f func()) {
	pprof.Do(context.Background(), pprof.Labels(label, s.label), func(context.Context) { f() })
}

// end ends the clients and the server, and reports what is left.
func (s *Server) end() {
	s.t.Helper()
	s.mu.Lock()
	clients := s.clients
	s.mu.Unlock()
	for _, c := range clients {
		c.end()
	}
	if err := s.Close(); err != nil {
		s.t.Errorf("the server did not end: %v", err)
	}
	s.network.Close()
	if s.serving {
		<-s.served
	}
	if left := s.leaked(); left != "" {
		s.t.Errorf("goroutines that this test's server, clients or handlers started are left "+
			"behind. End them with a context or a channel, in the disconnected handler or in a "+
			"t.Cleanup that is registered after smartsockettest.New:\n%s", left)
	}
}

// Advance moves the server's clock on by d. All timers and limits that become due on the way run in
// their order, and each has run, with what it brings about at handlers and clients, before the
// clock moves on. See the package comment for what follows this clock. A handler that asks its
// client, as by Socket.EmitWithAck, may wait for the answer meanwhile. One that blocks on anything
// else is waited for as little as 20 ms of real time.
//
// A handler must not call Advance.
func (s *Server) Advance(d time.Duration) {
	s.t.Helper()
	s.settle(s.unblocked)
	s.eachGated((*Client).collect)
	writes := s.writes()
	s.clock.Advance(d, func() {
		s.eachGated((*Client).release)
		if s.writes() != writes {
			s.settle(s.unblocked)
			s.eachGated((*Client).collect)
			writes = s.writes()
		}
	})
}

// Now returns the server's time of day, which only Advance moves on. Compute from it what is given
// to the server as a time, such as Grant.Expires.
func (s *Server) Now() time.Time { return time.UnixMicro(s.clock.Micro()) }

// writes tells whether the server has sent anything.
func (s *Server) writes() int64 { return s.ConnectionStats().Writes }

// Quiet returns when nothing is under way any more: all that clients have emitted has been handled
// by handlers, which have returned, all that these have sent has been handled by the clients'
// handlers, and so on. The test fails if that does not happen.
//
// It says nothing of goroutines that handlers have started, of clients that are paused, slow,
// lagging or cut, and of what waits for the clock to advance.
func (s *Server) Quiet() {
	s.t.Helper()
	s.settle(s.handled)
}

// settle is Quiet, as far as handlers are waited for by this function.
func (s *Server) settle(handlers func(end time.Time)) {
	s.t.Helper()
	end := time.Now().Add(s.patience)
	for {
		before := s.activity()
		s.syncClients(end)
		handlers(end)
		s.syncClients(end)
		if time.Now().After(end) {
			s.t.Fatalf("the server and its clients were still busy after %v: a client's handler "+
				"blocks, or they answer each other without end", s.patience)
		}
		if s.activity() == before {
			return
		}
	}
}

// activity changes when a client sends an event or gets one.
func (s *Server) activity() (n uint64) {
	for _, c := range s.all() {
		st := c.Stats()
		n += st.Sent + st.Received + st.Reconnects
	}
	return n
}

// syncClients makes a round trip with every client that reads. Of the others it waits for what
// they have sent.
func (s *Server) syncClients(end time.Time) {
	ctx, cancel := context.WithDeadline(context.Background(), end)
	defer cancel()
	for _, c := range s.all() {
		if c.reads() {
			c.Sync(ctx) // an error means that it is gone
		} else {
			c.sent()
		}
	}
}

// grace is how long Advance waits for handlers that block on something else than the clock.
const grace = 20 * time.Millisecond

// unblocked waits until no handler waits or runs, except those that may wait for the clock, with a
// question.
func (s *Server) unblocked(time.Time) {
	for pause := (wait{end: time.Now().Add(grace)}); ; {
		st := s.ConnectionStats()
		if st.SocketsWaiting == 0 && int(st.WorkersBusy) <= s.clock.Calls() || !pause.next() {
			return
		}
	}
}

// handled waits until no handler waits or runs.
func (s *Server) handled(end time.Time) {
	s.t.Helper()
	pause := wait{end: end}
	for {
		st := s.ConnectionStats()
		if st.WorkersBusy == 0 && st.SocketsWaiting == 0 {
			return
		}
		if !pause.next() {
			s.t.Fatalf("%d handlers have not returned after %v", st.WorkersBusy, s.patience)
		}
	}
}

func (s *Server) all() []*Client {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.clients
}

// eachGated calls f for the clients that do not read as they like.
func (s *Server) eachGated(f func(*Client, time.Duration)) {
	for _, c := range s.all() {
		if !c.reads() {
			f(c, s.clock.Now())
		}
	}
}

// wait paces the looks at something that gives no signal: at once, then ever more rarely.
type wait struct {
	end   time.Time
	looks int
}

// next waits a moment. It returns false when the time is over.
func (w *wait) next() bool {
	if w.looks++; w.looks > 20 {
		time.Sleep(min(time.Duration(w.looks)*time.Microsecond, time.Millisecond))
		return time.Now().Before(w.end)
	}
	yield()
	return true
}

// testLog writes to a test's log until the test ends.
type testLog struct {
	mu sync.Mutex
	t  testing.TB // nil when it is over
}

func (w *testLog) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.t = nil
}

// Write implements io.Writer.
func (w *testLog) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.t != nil {
		w.t.Logf("%s", strings.TrimSuffix(string(p), "\n"))
	}
	return len(p), nil
}

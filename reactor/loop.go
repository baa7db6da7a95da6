//go:build linux || darwin

package reactor

import (
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cloudwego/netpoll"
	"github.com/smartsocket/smartsocket/internal/goid"
)

const (
	corkBytes     = 64 << 10
	keepTasks     = 4096 // a task list longer than this is left to the garbage collector after use
	maxReadRounds = 16   // full read buffers taken from one connection before others get their turn
)

type taskKind uint8

const (
	taskFunc      taskKind = iota // run f, corked for c unless c is nil
	taskOpen                      // register c, OnOpen, then f
	taskDial                      // register c and wait for its connect
	taskConnected                 // the connect of c has finished
	taskHup                       // the peer of c is gone: take what is left and close
	taskSettle                    // c was closed or aborted: continue that
	taskWatch                     // c has an outbox, whose age must be watched
	taskFree                      // do nothing but free dead operators
	taskLate                      // send what c has gathered
	taskShutdown                  // close every connection
	taskStop                      // end the loop
)

type task struct {
	c    *Conn
	f    func()
	kind taskKind
}

// loop is one event loop. Fields without a note belong to its goroutine.
type loop struct {
	r      *Reactor
	index  int
	poll   netpoll.Poll
	wake   wakeup
	wakeOp *netpoll.FDOperator
	done   chan struct{} // closed when the goroutine has ended

	buf  []byte // all connections read into it
	cork []byte // what was written to the corked connection; guarded by the mu of that connection

	plain []byte // TLS connections decrypt into it; nil before the first one

	conns   *Conn   // registered connections
	watched []*Conn // the ones that have an outbox
	wheel   wheel
	dead    []*netpoll.FDOperator // detached, to be freed outside their callbacks
	spare   []task
	ticking bool
	ticker  *time.Timer

	op     *netpoll.FDOperator // whose callback runs, or was the last to
	rest   []task              // of the batch that runs
	exited *Conn               // its user ended the goroutine

	avoided atomic.Bool   // see Reactor.Avoid
	turn    atomic.Uint32 // odd while a connection is corked; each cork has its own number
	now     atomic.Int64  // coarse clock, see time; written by the loop
	heldUp  atomic.Int64  // ns that do not count, because the loop did not run; written by the loop
	tickDue atomic.Bool   // set by ticker

	goroutine atomic.Uint64 // the loop's own, see Reactor.OnLoop
	holdMu    sync.Mutex    // a leaf, taken while the mu of a connection is held
	held      []*Conn       // guarded by holdMu: those whose writes Gather holds back
	holdTicks uint8         // guarded by holdMu: counts the looks at them
	holder    *time.Timer

	mu      sync.Mutex
	tasks   []task // guarded by mu
	stopped bool   // guarded by mu: wake is closed

	// The counters are written from everywhere and get their own cache line.
	_                                [64]byte
	bytesIn, reads, bytesOut, writes atomic.Int64
	outboxBytes                      atomic.Int64
}

func newLoop(r *Reactor, index int) (*loop, error) {
	p, err := openPoll()
	if err != nil {
		return nil, err
	}
	l := &loop{r: r, index: index, poll: p, done: make(chan struct{})}
	if !boundEvents(p) {
		r.opts.Logger.Warn("reactor: this netpoll's event array cannot be bounded; busy servers "+
			"will use more memory", "want", netpollVersion)
	}
	l.takeBuffers()
	l.ticker = time.AfterFunc(time.Hour, l.onTicker)
	l.ticker.Stop()
	l.holder = time.AfterFunc(time.Hour, l.onHolder)
	l.holder.Stop()
	if l.wake, err = newWakeup(); err != nil {
		_ = p.Close()
		go p.Wait() // lets the poll close its own descriptors
		return nil, err
	}
	l.wakeOp = p.Alloc()
	l.wakeOp.FD = l.wake.r
	l.wakeOp.OnRead = l.onWake
	if err = l.wakeOp.Control(netpoll.PollReadable); err != nil {
		l.wake.close()
		_ = p.Close()
		go p.Wait()
		return nil, err
	}
	return l, nil
}

// buffers are those of loops that have ended, for loops that begin: a program that tests a server
// makes and ends one again and again.
var buffers sync.Pool

type buffer struct{ read, cork []byte }

// takeBuffers makes buf and cork.
func (l *loop) takeBuffers() {
	if b, ok := buffers.Get().(*buffer); ok && len(b.read) == l.r.opts.ReadBuffer {
		l.buf, l.cork = b.read, b.cork
		return
	}
	l.buf = make([]byte, l.r.opts.ReadBuffer)
	l.cork = make([]byte, 0, corkBytes)
}

// run runs the loop. A user's function may end the goroutine (runtime.Goexit). Its connection is
// then closed, and another goroutine goes on: the poller reports again what was not read.
func (l *loop) run() {
	over := false
	defer func() {
		if !over {
			go l.run()
			return
		}
		close(l.done)
	}()
	l.goroutine.Store(goid.ID())
	l.repair()
	if err := l.poll.Wait(); err != nil {
		l.r.opts.Logger.Error("reactor: event loop ended", "loop", l.index, "error", err)
	}
	over = true
}

// repair makes up for what was not done because a user's function ended the goroutine.
func (l *loop) repair() {
	c := l.exited
	if c == nil {
		return
	}
	l.exited = nil
	if l.op != nil {
		operatorDone(l.op)
		l.op = nil
	}
	l.mu.Lock()
	l.tasks = append(l.rest, l.tasks...)
	l.rest, l.spare = nil, nil
	if !l.stopped {
		l.wake.signal() // for the tasks, and for dead operators
	}
	l.mu.Unlock()
	if l.ticking {
		l.ticker.Reset(l.r.opts.Tick)
	}
	c.end()
}

// stop ends the loop and waits until it has ended.
func (l *loop) stop() {
	l.post(task{kind: taskStop})
	<-l.done
	buffers.Put(&buffer{l.buf, l.cork[:0]}) // no connection is left that could use them
}

// post hands t to the loop, from any goroutine including the loop's own. It never blocks. Tasks run
// in the order in which they were posted. After the loop has stopped, post does nothing.
func (l *loop) post(t task) {
	l.mu.Lock()
	if !l.stopped {
		l.tasks = append(l.tasks, t)
		if len(l.tasks) == 1 {
			l.wake.signal() // under mu, so that the descriptor cannot be closed meanwhile
		}
	}
	l.mu.Unlock()
}

// onWake runs one list of tasks. Tasks posted meanwhile wait for the next event, so that other
// connections get their turn in between.
func (l *loop) onWake(netpoll.Poll) error {
	l.op = l.wakeOp
	l.wake.clear()
	l.mu.Lock()
	batch := l.tasks
	l.tasks = l.spare[:0]
	l.mu.Unlock()
	if l.tickDue.Swap(false) {
		l.onTick()
	}
	for i := range batch {
		l.rest = batch[i+1:]
		if batch[i].kind == taskShutdown {
			l.rest = batch[i:] // again, when it is cut short
		}
		l.do(&batch[i])
	}
	l.rest = nil
	clear(batch)
	l.spare = nil
	if cap(batch) <= keepTasks {
		l.spare = batch
	}
	// This callback belongs to the wake operator, so none of a dead operator is running.
	for i, op := range l.dead {
		op.Free()
		l.dead[i] = nil
	}
	l.dead = l.dead[:0]
	return nil
}

func (l *loop) do(t *task) {
	switch t.kind {
	case taskFunc:
		l.runFunc(t)
	case taskOpen:
		t.c.register(t.f)
	case taskDial:
		t.c.registerDial()
	case taskConnected:
		t.c.connected()
	case taskHup:
		t.c.drain()
	case taskSettle:
		t.c.settle()
	case taskWatch:
		l.watched = append(l.watched, t.c)
		l.startTicking()
	case taskLate:
		t.c.sendLate()
	case taskShutdown:
		l.closeAll()
	case taskStop:
		l.end()
	}
}

func (l *loop) runFunc(t *task) {
	if t.c == nil {
		t.f()
		return
	}
	switch t.c.begin() {
	case stateNew, stateDialing: // its taskOpen is on the way
		l.post(*t)
		return
	case stateDoomed, stateClosed:
		return
	}
	t.c.call(t.f)
	t.c.end()
}

// retire frees op, which is detached, as soon as that is safe.
func (l *loop) retire(op *netpoll.FDOperator) {
	l.dead = append(l.dead, op)
	if len(l.dead) == 1 {
		l.post(task{kind: taskFree})
	}
}

func (l *loop) closeAll() {
	for c := l.conns; c != nil; {
		next := c.next
		c.Close(ErrClosed)
		c.settle() // may unlink c
		c = next
	}
}

// end closes what the loop owns. netpoll's Wait returns after this batch.
func (l *loop) end() {
	l.mu.Lock()
	l.stopped = true
	l.tasks = nil
	l.ticker.Stop()
	l.holder.Stop()
	_ = l.wakeOp.Control(netpoll.PollDetach)
	l.wake.close()
	l.mu.Unlock()
	if err := l.poll.Close(); err != nil {
		l.r.opts.Logger.Error("reactor: cannot close the poller", "loop", l.index, "error", err)
	}
}

func (l *loop) link(c *Conn) {
	c.next = l.conns
	if l.conns != nil {
		l.conns.prev = c
	}
	l.conns = c
}

func (l *loop) unlink(c *Conn) {
	if c.prev != nil {
		c.prev.next = c.next
	} else if l.conns == c {
		l.conns = c.next
	}
	if c.next != nil {
		c.next.prev = c.prev
	}
	c.prev, c.next = nil, nil
}

// onTicker runs on a goroutine of the runtime.
func (l *loop) onTicker() {
	l.mu.Lock()
	if !l.stopped {
		l.tickDue.Store(true)
		l.wake.signal()
	}
	l.mu.Unlock()
}

func (l *loop) startTicking() {
	if l.ticking {
		return
	}
	l.ticking = true
	now := l.time()
	l.now.Store(now)
	l.wheel.start(now / int64(l.r.opts.Tick))
	l.ticker.Reset(l.r.opts.Tick)
}

// onTick advances the clock, fires timers and checks the age of outboxes. If there are no timers
// and no outboxes it does not request the next tick, so that an idle loop sleeps.
func (l *loop) onTick() {
	tick := int64(l.r.opts.Tick)
	now := l.time()
	if gap := now - l.now.Load(); gap > max(10*tick, int64(maxHoldUp)) {
		// The peers have been as quiet as they had to be: what they sent was not read, and what
		// keeps them alive was not sent.
		l.heldUp.Add(gap - tick)
		l.r.holdUps.Add(1)
		now -= gap - tick
	}
	l.now.Store(now)
	l.wheel.advance(now/tick, (*Conn).expire)
	l.checkAges(now)
	if l.wheel.count > 0 || len(l.watched) > 0 {
		l.ticker.Reset(l.r.opts.Tick)
	} else {
		l.ticking = false
	}
}

// maxHoldUp is the longest time between two ticks that counts in full.
const maxHoldUp = time.Second

// time returns the time since Reactor.start without the loop's hold-ups, in ns. It may be called
// from any goroutine.
func (l *loop) time() int64 { return int64(l.r.clock()) - l.heldUp.Load() }

func (l *loop) checkAges(now int64) {
	kept := l.watched[:0]
	for _, c := range l.watched {
		if c.checkAge(now) {
			kept = append(kept, c)
		}
	}
	clear(l.watched[len(kept):])
	l.watched = kept
}

// panicked is deferred around every call of a user's function for c. returned is whether it did.
func (c *Conn) panicked(returned *bool) {
	if *returned {
		return
	}
	v := recover()
	if v == nil { // runtime.Goexit
		c.loop.exited = c
		v = "runtime.Goexit: it ended its goroutine"
	}
	c.loop.r.opts.Logger.Error("reactor: handler panicked; its connection is closed", "panic", v,
		"stack", string(debug.Stack()))
	c.Abort(&PanicError{Value: v})
}

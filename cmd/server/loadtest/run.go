package loadtest

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/smartsocket/smartsocket/client"
	"github.com/smartsocket/smartsocket/cmd/server/netsim"
	"github.com/smartsocket/smartsocket/internal/testclock"
)

// every is the time between samples.
const every = time.Second

// errEnough ends a test that has emitted Plan.MaxEvents.
var errEnough = errors.New("the number of events that maxEvents allows")

// test is a run of a Plan.
type test struct {
	*Plan
	start   time.Time
	end     time.Duration // of the measured time
	tally   *tally
	streams []stream
	players []*player
	sampler *testclock.Timer
	emitted atomic.Int64
	open    questions
	closing atomic.Bool // the clients are being disconnected
	stop    context.CancelCauseFunc
	series  []Sample
}

// questions are the events that wait for their answer.
type questions struct {
	all sync.WaitGroup
	n   atomic.Int64
}

func (q *questions) add() {
	q.n.Add(1)
	q.all.Add(1)
}

func (q *questions) done() {
	q.n.Add(-1)
	q.all.Done()
}

// Run does what the plan says and returns what came out. progress, which may be nil, is called for
// each second, on a goroutine of its own.
//
// The error is an *Error if the plan cannot be used, or that of the first client, a *client.Error,
// if it cannot connect. A ctx that ends stops the test, and its result is that of the time until
// then.
func Run(ctx context.Context, p *Plan, progress func(Sample)) (*Result, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	if err := p.probe(ctx); err != nil {
		return nil, err
	}
	return newTest(p).run(ctx, progress), nil
}

// newTest begins a test: its time runs.
func newTest(p *Plan) *test {
	t := &test{
		Plan: p, start: time.Now(), end: p.Whole(), tally: newTally(&p.Mix, p.Ramp),
		streams: p.Mix.streams(), sampler: p.clock.NewTimer(every),
	}
	for i := range p.Clients {
		t.players = append(t.players, newPlayer(t, i))
	}
	return t
}

// run lets the players play and returns the result.
func (t *test) run(ctx context.Context, progress func(Sample)) *Result {
	playing, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	t.stop = stop
	sampled := make(chan struct{})
	stopSampling := make(chan struct{})
	go func() {
		defer close(sampled)
		t.sample(stopSampling, progress)
	}()
	t.play(playing)
	took := t.now()
	t.settle(ctx)
	t.disconnect()
	close(stopSampling)
	<-sampled
	return t.result(took, context.Cause(playing))
}

// probe connects one client, so that what is wrong is said once and clearly.
func (p *Plan) probe(ctx context.Context) error {
	o := p.options()
	o.Dial = p.dial(0, p.Clients)
	c, err := client.New(p.URL, o)
	if err != nil {
		return err
	}
	defer c.Disconnect()
	return c.Connect(ctx)
}

// dial returns how the client with a number opens connections, nil for the usual way. n numbers the
// connection for the simulated network.
func (p *Plan) dial(number, n int) client.DialFunc {
	if p.Network == (netsim.Link{}) && len(p.Addresses) == 0 {
		return nil
	}
	var d net.Dialer
	if len(p.Addresses) > 0 {
		d.LocalAddr = &net.TCPAddr{IP: net.ParseIP(p.Addresses[number%len(p.Addresses)])}
	}
	seed := p.Seed<<20 ^ uint64(n)
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		nc, err := d.DialContext(ctx, network, addr)
		if err != nil || p.Network == (netsim.Link{}) {
			return nc, err
		}
		return netsim.Wrap(nc, p.Network, seed, p.clock), nil
	}
}

// now returns the time since the start.
func (t *test) now() time.Duration { return t.clock.Since(t.start) }

// play lets all players play until the end, or until ctx ends.
func (t *test) play(ctx context.Context) {
	var all sync.WaitGroup
	for _, p := range t.players {
		all.Go(func() { p.play(ctx) })
	}
	all.Wait()
}

// settle waits for the last answers.
func (t *test) settle(ctx context.Context) {
	answered := make(chan struct{})
	go func() {
		t.open.all.Wait()
		close(answered)
	}()
	timer := t.clock.NewTimer(t.Grace)
	defer timer.Stop()
	select {
	case <-answered:
	case <-timer.C:
	case <-ctx.Done():
	}
}

// disconnect ends all sessions and waits until all questions have ended.
func (t *test) disconnect() {
	t.closing.Store(true)
	for _, p := range t.players {
		p.leave()
	}
	t.open.all.Wait()
}

// sample takes a sample each second until stop is closed, and then the last one.
func (t *test) sample(stop <-chan struct{}, progress func(Sample)) {
	last := time.Duration(0)
	take := func() {
		now := t.now()
		s := t.tally.sample(now, last)
		s.Open = t.open.n.Load()
		last = now
		t.series = append(t.series, s)
		if progress != nil {
			progress(s)
		}
	}
	defer t.sampler.Stop()
	for {
		select {
		case <-stop:
			if t.now()-last > every/10 {
				take()
			}
			return
		case <-t.sampler.C:
			take()
			t.sampler.Reset(max(last.Truncate(every)+every-t.now(), time.Millisecond))
		}
	}
}

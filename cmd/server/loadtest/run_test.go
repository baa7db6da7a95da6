package loadtest

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/client"
	"github.com/smartsocket/smartsocket/cmd/server/netsim"
	"github.com/smartsocket/smartsocket/internal/leaktest"
	"github.com/smartsocket/smartsocket/internal/testclock"
	"github.com/smartsocket/smartsocket/message"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// patience limits waits that end this way only if something hangs.
const patience = 30 * time.Second

// serve starts a server until the test ends. prepare registers handlers.
func serve(t *testing.T, o smartsocket.Options, prepare func(*smartsocket.Server)) string {
	t.Helper()
	o.Host, o.Port = "127.0.0.1", -1
	o.EnableRateLimiting = smartsocket.Disabled
	srv, err := smartsocket.New(o)
	if err != nil {
		t.Fatal(err)
	}
	prepare(srv)
	if err := srv.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { srv.Close() })
	return "ws://" + srv.Addr().String()
}

// answers registers an event that is answered by an ack, and one that is answered by an event.
func answers(srv *smartsocket.Server) {
	srv.On("ask", func(_ *smartsocket.Socket, d smartsocket.Data, ack smartsocket.Ack) {
		ack.Reply(d)
	}, smartsocket.Inline)
	srv.On("move", func(s *smartsocket.Socket, d smartsocket.Data, _ smartsocket.Ack) {
		s.Emit("moved", d)
	}, smartsocket.Inline)
}

func plan(url string, events ...Event) *Plan {
	return &Plan{URL: url, Clients: 4, For: time.Second, MaxEvents: 1e6, Grace: patience, Seed: 1,
		Mix: Mix{Events: events}}
}

// fail fails the test with what r says.
func fail(t *testing.T, r *Result) {
	t.Helper()
	var b strings.Builder
	_ = r.WriteText(&b)
	t.Errorf("%s\n%+v", b.String(), r.Series)
}

// run runs a plan on a clock of its own. After each step of it whoever was to connect has done so,
// and everything is answered.
func run(t *testing.T, p *Plan) *Result {
	t.Helper()
	return runWith(t, p, func(x *test) {
		for _, one := range x.players {
			if p.Ramp*time.Duration(one.number)/time.Duration(p.Clients) < p.clock.Now() {
				arrived(t, one)
			}
		}
		settled(t, x)
	})
}

// arrived waits until a client was connected.
func arrived(t *testing.T, one *player) {
	t.Helper()
	for until := time.Now().Add(patience); ; runtime.Gosched() {
		one.mu.Lock()
		up := one.everUp
		one.mu.Unlock()
		if up {
			return
		}
		if time.Now().After(until) {
			t.Fatalf("client %d does not connect", one.number)
		}
	}
}

// settled waits until nothing waits for an answer.
func settled(t *testing.T, x *test) {
	t.Helper()
	for until := time.Now().Add(patience); x.open.n.Load() > 0; runtime.Gosched() {
		if time.Now().After(until) {
			t.Fatal("there are questions without an answer")
		}
	}
}

// runWith is run, which calls each after each step.
func runWith(t *testing.T, p *Plan, each func(*test)) *Result {
	t.Helper()
	if err := p.Check(); err != nil {
		t.Fatal(err)
	}
	p.clock = new(testclock.Clock)
	ended := make(chan *Result, 1)
	x := newTest(p)
	go func() { ended <- x.run(context.Background(), nil) }()
	for {
		select {
		case r := <-ended:
			return r
		default:
			p.clock.Advance(10*time.Millisecond, func() {})
			each(x)
		}
	}
}

func TestCountsAndAnswers(t *testing.T) {
	url := serve(t, smartsocket.Options{}, answers)
	r := run(t, plan(url, Event{Event: "ask", Rate: 20, Ack: true, Data: []byte(`{"n":"${seq}"}`)},
		Event{Event: "move", Rate: 10, Answer: "moved", Bytes: 20}))
	if r.Connected != 4 || r.Sent < 110 || r.Sent > 125 || r.Answered != r.Sent || r.Failed != 0 ||
		r.Lost != 0 || len(r.Errors) != 0 || r.Ended != "" || r.For != 1 {
		fail(t, r)
	}
	ask, move := r.Events[0], r.Events[1]
	if ask.Answered < 76 || ask.Answered > 84 || move.Answered < 36 || move.Answered > 44 ||
		ask.Answered+move.Answered != r.Answered || r.Latency.Count != r.Answered ||
		ask.Latency.Count != ask.Answered || r.Connect.Count != 4 ||
		r.Received != move.Answered || r.Rate != float64(r.Answered) {
		fail(t, r)
	}
	if len(r.Series) == 0 || r.Series[0].Clients != 4 || len(r.Curve) == 0 {
		t.Errorf("the series is %+v, the curve %+v", r.Series, r.Curve)
	}
}

// Events are emitted when they are due, whether or not the server answers, and the latency counts
// from then: a server that stands still shows in each of them.
func TestOpenLoop(t *testing.T) {
	const wanted = 10
	came := make(chan struct{}, 100)
	release := make(chan struct{})
	url := serve(t, smartsocket.Options{}, func(srv *smartsocket.Server) {
		srv.On("ask", func(_ *smartsocket.Socket, _ smartsocket.Data, ack smartsocket.Ack) {
			came <- struct{}{}
			go func() {
				<-release
				ack.Reply(nil)
			}()
		}, smartsocket.Inline)
	})
	p := plan(url, Event{Event: "ask", Rate: wanted, Ack: true})
	p.Clients = 1
	r := runWith(t, p, func(x *test) {
		if p.clock.Now() == time.Second {
			for range wanted {
				<-came
			}
			close(release)
			settled(t, x)
		}
	})
	if r.Sent != wanted || r.Answered != wanted {
		t.Fatalf("%+v", r)
	}
	// Ten events of one second: whenever the answers came, the first waited 900 ms longer than the
	// last, and no two of them were due at once.
	if spread := r.Latency.Max - r.Latency.P50; r.Latency.Max < 900 || spread < 350 {
		t.Errorf("the latencies are %+v", r.Latency)
	}
}

// An event that leaves late was due earlier, and the latency tells.
func TestLatencyCountsFromDueTime(t *testing.T) {
	url := serve(t, smartsocket.Options{}, answers)
	p := plan(url, Event{Event: "ask", Rate: 1, Ack: true},
		Event{Event: "move", Rate: 1, Answer: "moved"})
	if err := p.Check(); err != nil {
		t.Fatal(err)
	}
	p.clock = new(testclock.Clock)
	x := newTest(p)
	one := x.players[0]
	if !one.connect(context.Background()) {
		t.Fatal("not connected")
	}
	for _, other := range x.players {
		other.timer.Stop()
	}
	p.clock.Advance(300*time.Millisecond, func() {})
	one.emit(0, 100*time.Millisecond)
	one.emit(1, 100*time.Millisecond)
	x.open.all.Wait()
	one.leave()
	for i, e := range x.tally.events {
		if s := summarize(e.latency); s.Count != 1 || s.Max < 200 || s.Max > 201 {
			t.Errorf("event %d: %+v, not 200 ms", i, s)
		}
	}
	if s := summarize(x.tally.lag); s.Count != 2 || s.Max < 200 || s.Max > 201 {
		t.Errorf("the lag is %+v", s)
	}
}

// What the server never answers counts as failed, and with the time that it has waited.
func TestUnanswered(t *testing.T) {
	url := serve(t, smartsocket.Options{}, func(srv *smartsocket.Server) {
		srv.On("ask", func(*smartsocket.Socket, smartsocket.Data, smartsocket.Ack) {})
		srv.On("move", func(*smartsocket.Socket, smartsocket.Data, smartsocket.Ack) {})
	})
	p := plan(url, Event{Event: "ask", Rate: 5, Ack: true},
		Event{Event: "move", Rate: 5, Answer: "moved"})
	p.Grace = 500 * time.Millisecond
	r := runWith(t, p, func(*test) {})
	if r.Sent != 40 || r.Failed != 40 || r.Answered != 0 || r.Errors[unanswered] != 40 ||
		r.Latency.Count != 40 || r.Latency.Max < 500 {
		fail(t, r)
	}
}

// An error as the answer is no answer, and its code is counted.
func TestErrorsByCode(t *testing.T) {
	url := serve(t, smartsocket.Options{}, answers)
	r := run(t, plan(url, Event{Event: "nobody", Rate: 5, Ack: true}))
	if r.Failed != 20 || r.Errors["ERR_APP_003"] != 20 || r.Latency.Count != 0 {
		fail(t, r)
	}
	var b strings.Builder
	if err := r.WriteText(&b); err != nil || !strings.Contains(b.String(), "20 × ERR_APP_003") ||
		!strings.Contains(b.String(), "no handler for an event of the mix") {
		t.Error(err, b.String())
	}
}

// The ramp spreads the connects, and what happens in it is not measured.
func TestRamp(t *testing.T) {
	var connected atomic.Int64
	url := serve(t, smartsocket.Options{}, func(srv *smartsocket.Server) {
		answers(srv)
		srv.OnConnected(func(*smartsocket.Socket) { connected.Add(1) })
	})
	p := plan(url, Event{Event: "ask", Rate: 10, Ack: true})
	p.Ramp = 2 * time.Second
	r := run(t, p)
	if r.Connected != 4 || connected.Load() != 4 {
		t.Errorf("%d of %d clients", r.Connected, connected.Load())
	}
	if r.Sent < 36 || r.Sent > 44 || r.Ramp != 2 {
		fail(t, r)
	}
	var clients []int
	for _, s := range r.Series {
		clients = append(clients, s.Clients)
	}
	if len(clients) < 3 || !slices.IsSorted(clients[:3]) || clients[0] == 4 || clients[2] != 4 {
		t.Errorf("clients in the first seconds: %v", clients)
	}
	if r.Series[0].Measured || !r.Series[2].Measured {
		t.Errorf("%+v", r.Series)
	}
}

// The number of events is bounded, and so is the time.
func TestBoundedByEvents(t *testing.T) {
	url := serve(t, smartsocket.Options{}, answers)
	p := plan(url, Event{Event: "ask", Rate: 100, Ack: true})
	p.For, p.MaxEvents = time.Hour, 50
	if r := run(t, p); r.Sent != 50 || !strings.Contains(r.Ended, "maxEvents") || r.For > 10 {
		fail(t, r)
	}
}

func TestInterrupted(t *testing.T) {
	url := serve(t, smartsocket.Options{}, answers)
	ctx, cancel := context.WithCancel(context.Background())
	p := plan(url, Event{Event: "ask", Rate: 1, Ack: true})
	p.For = time.Hour
	r, err := Run(ctx, p, func(Sample) { cancel() })
	if err != nil || r.Ended != "interrupted" || r.For > 3000 {
		t.Errorf("%+v, %v", r, err)
	}
}

// A client that is thrown out comes back, and the time that it was away is measured. What it was
// waiting for has failed.
func TestLostConnections(t *testing.T) {
	url := serve(t, smartsocket.Options{}, func(srv *smartsocket.Server) {
		var thrown atomic.Bool
		srv.On("ask", func(s *smartsocket.Socket, _ smartsocket.Data, ack smartsocket.Ack) {
			if !thrown.Swap(true) {
				s.DisconnectWith(1012, "restart")
				return
			}
			ack.Reply(nil)
		})
	})
	p := plan(url, Event{Event: "ask", Rate: 10, Ack: true})
	p.Clients = 1
	p.Client.ReconnectDelay = time.Millisecond
	x := run(t, p)
	if x.Lost != 1 || x.Renewed != 1 || x.Away.Count != 1 ||
		x.Errors[string(message.CodeConnectionLost)] == 0 || x.Answered == 0 {
		fail(t, x)
	}
}

func TestGaps(t *testing.T) {
	url := serve(t, smartsocket.Options{}, func(srv *smartsocket.Server) {
		srv.On("ask", func(s *smartsocket.Socket, _ smartsocket.Data, ack smartsocket.Ack) {
			s.Emit("tick", nil)
			ack.Reply(nil)
		}, smartsocket.Inline)
	})
	p := plan(url, Event{Event: "ask", Rate: 4, Ack: true})
	p.Mix.Gaps = "tick"
	r := run(t, p)
	if r.Gap.Count != 4 || r.Gap.Max < 200 || r.Received < 16 {
		fail(t, r)
	}
}

// Behind a slow network answers take its round trip.
func TestNetwork(t *testing.T) {
	url := serve(t, smartsocket.Options{}, answers)
	p := plan(url, Event{Event: "ask", Rate: 5, Ack: true})
	p.Network = netsim.Link{Delay: 20 * time.Millisecond}
	p.For, p.MaxEvents = time.Hour, 12          // however long this machine takes for them
	r, err := Run(context.Background(), p, nil) // on the system's clock, as the client's
	if err != nil || r.Answered != 12 || r.Failed > 0 || r.Latency.P50 < 40 || r.Connect.P50 < 40 {
		t.Errorf("%+v, %v", r, err)
	}
}

// What is wrong with the server is said by the first client.
func TestCannotConnect(t *testing.T) {
	const key = "0123456789abcdef0123"
	closed := serve(t, smartsocket.Options{APIKeys: []string{key}},
		func(srv *smartsocket.Server) { answers(srv) })
	ask := Event{Event: "ask", Rate: 5, Ack: true}
	for name, try := range map[string]struct {
		url, key string
		code     message.Code
	}{
		"nobody listens": {"ws://127.0.0.1:1", "", message.CodeRefused},
		"no key":         {closed, "", message.CodeAuthFailed},
		"wrong key":      {closed, "0123456789abcdef0124", message.CodeAuthFailed},
		"no namespace":   {closed + "/nowhere", key, message.CodeInvalidNamespace},
	} {
		p := plan(try.url, ask)
		p.Client.APIKey = try.key
		_, err := Run(context.Background(), p, nil)
		var e *client.Error
		if !errors.As(err, &e) || e.Code != try.code {
			t.Errorf("%s: %v", name, err)
		}
	}
}

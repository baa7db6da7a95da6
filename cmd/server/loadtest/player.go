package loadtest

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/smartsocket/smartsocket/client"
	"github.com/smartsocket/smartsocket/internal/testclock"
	"github.com/smartsocket/smartsocket/message"
)

// What errors are counted under: their codes, or a few words.
const (
	lost       = string(message.CodeConnectionLost)
	late       = string(message.CodeAckTimeout)
	unanswered = "no answer by the end"
)

// player is one client.
type player struct {
	*test
	number int
	timer  *testclock.Timer
	rand   *rand.Rand      // of the goroutine that plays
	next   []time.Duration // when the next event of each stream is due
	seq    []int64         // events emitted, of each kind
	data   []byte          // of the event that is emitted
	c      *client.Client  // nil if there was an error

	mu       sync.Mutex
	asked    map[string][]question // by the event that answers
	everUp   bool
	wentDown time.Duration // valid while down
	isDown   bool
	received int64
	ticked   time.Duration // when Mix.Gaps came last; 0 = not yet
	gap      time.Duration // the longest
}

// question is an event that waits for its answer.
type question struct {
	event int
	due   time.Duration
}

func newPlayer(t *test, number int) *player {
	p := &player{
		test: t, number: number, rand: rand.New(rand.NewPCG(t.Seed, uint64(number))),
		next: make([]time.Duration, len(t.streams)), seq: make([]int64, len(t.Mix.Events)),
		asked: make(map[string][]question),
	}
	p.timer = t.clock.NewTimer(p.begins())
	return p
}

// begins returns when the client connects.
func (p *player) begins() time.Duration {
	return p.Ramp * time.Duration(p.number) / time.Duration(p.Clients)
}

// play connects when its time has come, and then emits until the end.
func (p *player) play(ctx context.Context) {
	timer := p.timer
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return
	case <-timer.C:
	}
	if !p.connect(ctx) {
		return
	}
	now := p.now()
	for i := range p.next {
		p.next[i] = now + p.streams[i].first(p.rand)
	}
	for {
		i := p.earliest()
		due := min(p.next[i], p.end)
		if wait := due - p.now(); wait > 0 {
			timer.Reset(wait)
			select {
			case <-ctx.Done():
				return
			case <-timer.C:
			}
		}
		if due == p.end || ctx.Err() != nil {
			return
		}
		if p.emitted.Add(1) > p.MaxEvents {
			p.stop(errEnough)
			return
		}
		s := &p.streams[i]
		p.emit(s.pick(p.rand), p.next[i])
		p.next[i] += s.next(p.rand)
	}
}

// earliest returns the stream whose event is due first.
func (p *player) earliest() (first int) {
	for i := range p.next {
		if p.next[i] < p.next[first] {
			first = i
		}
	}
	return first
}

// connect reports whether the client is connected. It tries as often as a player's program does.
func (p *player) connect(ctx context.Context) bool {
	o := p.options()
	o.RetryConnect = client.Enabled
	o.Dial = p.dial(p.number, p.number)
	c, err := client.New(p.URL, o)
	if err != nil {
		p.tally.fault(codeOf(err))
		return false
	}
	p.c = c
	c.OnError(func(err error) { p.tally.fault(codeOf(err)) })
	c.OnConnected(p.up)
	c.OnDisconnected(func(client.Reason) { p.down() })
	c.OnAny(func(event string, _ client.Data) { p.heard(event) })
	ignore := func(client.Data, client.Ack) {}
	for i := range p.Mix.Events {
		if answer := p.Mix.Events[i].Answer; answer != "" {
			c.On(answer, ignore)
		}
	}
	return c.Connect(ctx) == nil // the error was told to OnError
}

// up is called for each session that begins or is recovered.
func (p *player) up() {
	recovered, now := p.c.Recovered(), p.now()
	p.mu.Lock()
	first := !p.everUp
	away := now - p.wentDown
	p.everUp, p.isDown = true, false
	p.mu.Unlock()
	if first {
		p.tally.up(now - p.begins())
		return
	}
	p.tally.back(away, recovered)
	if !recovered {
		p.forget(lost)
	}
}

// down is called for each session that ends or is interrupted.
func (p *player) down() {
	if p.closing.Load() {
		return
	}
	now := p.now()
	p.mu.Lock()
	p.wentDown, p.isDown = now, true
	p.mu.Unlock()
	p.tally.down()
}

// heard is called for each event of the server.
func (p *player) heard(event string) {
	now := p.now()
	p.mu.Lock()
	p.received++
	if event == p.Mix.Gaps {
		if p.ticked > 0 {
			p.gap = max(p.gap, now-p.ticked)
		}
		p.ticked = now
	}
	q, answers := question{}, false
	if list := p.asked[event]; len(list) > 0 {
		q, answers = list[0], true
		p.asked[event] = list[1:]
	}
	p.mu.Unlock()
	if answers {
		p.tally.answered(q.event, q.due, now-q.due)
		p.open.done()
	}
}

// emit emits an event that was due at a time.
func (p *player) emit(event int, due time.Duration) {
	e := &p.Mix.Events[event]
	data := p.fill(e, p.seq[event])
	p.seq[event]++
	p.tally.sent(event, due, max(p.now()-due, 0))
	q := question{event, due}
	var err error
	switch {
	case e.Ack:
		p.open.add()
		err = p.c.EmitAck(e.Event, data, 0, func(_ client.Data, err error) {
			p.acked(q, err)
			p.open.done()
		})
		if err != nil {
			p.open.done()
		}
	case e.Answer != "":
		p.open.add()
		p.mu.Lock()
		p.asked[e.Answer] = append(p.asked[e.Answer], q)
		p.mu.Unlock()
		if err = p.c.Emit(e.Event, data); err != nil && p.withdraw(e.Answer) {
			p.open.done()
		}
	default:
		err = p.c.Emit(e.Event, data)
	}
	if err != nil {
		p.tally.failed(event, due, 0, codeOf(err))
	}
}

// withdraw forgets the newest question, which was not sent. It reports whether it was still there.
func (p *player) withdraw(answer string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := p.asked[answer]
	if len(list) == 0 {
		return false
	}
	p.asked[answer] = list[:len(list)-1]
	return true
}

// fill makes the data of an event.
func (p *player) fill(e *Event, seq int64) any {
	switch {
	case e.Bytes > 0:
		for len(p.data) < e.Bytes {
			p.data = append(p.data, byte(p.rand.Uint32()))
		}
		return p.data[:e.Bytes]
	case len(e.data) == 0:
		return nil
	}
	p.data = e.data.append(p.data[:0], &values{p.number, seq, p.rand, time.Now()})
	return json.RawMessage(p.data)
}

// acked counts what became of a question.
func (p *player) acked(q question, err error) {
	took := p.now() - q.due
	code := codeOf(err)
	switch {
	case err == nil:
		p.tally.answered(q.event, q.due, took)
	case p.closing.Load() && code == lost:
		p.tally.failed(q.event, q.due, took, unanswered)
	case code == lost || code == late:
		p.tally.failed(q.event, q.due, took, code)
	default:
		p.tally.failed(q.event, q.due, 0, code)
	}
}

// forget counts the questions as failed that no event will answer any more.
func (p *player) forget(code string) {
	now := p.now()
	p.mu.Lock()
	lost := p.asked
	p.asked = make(map[string][]question)
	p.mu.Unlock()
	for _, list := range lost {
		for _, q := range list {
			p.tally.failed(q.event, q.due, now-q.due, code)
			p.open.done()
		}
	}
}

// leave ends the session.
func (p *player) leave() {
	if p.c == nil {
		return
	}
	p.c.Disconnect()
	p.forget(unanswered)
	now := p.now()
	p.mu.Lock()
	received, gap := p.received, p.gap
	if p.ticked > 0 { // the wait for one that did not come counts as well
		gap = max(gap, min(now, p.end)-p.ticked)
	}
	p.mu.Unlock()
	p.tally.finished(received, gap)
}

// codeOf returns what an error is counted under.
func codeOf(err error) string {
	var e *client.Error
	if errors.As(err, &e) {
		return string(e.Code)
	}
	if err == nil {
		return ""
	}
	return "other"
}

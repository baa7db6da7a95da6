package loadtest

import (
	"sync"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
)

// What histograms can hold. Three digits are exact.
const (
	lowest  = int64(1) // microsecond
	highest = int64(time.Hour / time.Microsecond)
	digits  = 3
)

func newHistogram() *hdr.Histogram { return hdr.New(lowest, highest, digits) }

// record adds a time. What is out of range counts as the next that is in range.
func record(h *hdr.Histogram, d time.Duration) {
	_ = h.RecordValue(min(max(d.Microseconds(), 0), highest)) // it is in range
}

// tally counts what happens. Its methods may be called concurrently.
type tally struct {
	mu       sync.Mutex
	measured time.Duration // when the measured time begins

	latency *hdr.Histogram // of answers in the measured time
	lag     *hdr.Histogram
	connect *hdr.Histogram
	away    *hdr.Histogram
	gap     *hdr.Histogram // the longest of each client
	second  *hdr.Histogram // of answers since the last sample
	late    *hdr.Histogram // lag since the last sample
	events  []eventTally

	connected int              // now
	everUp    int              // clients that were ever connected
	lost      int64            // sessions that ended or were interrupted
	resumed   int64            // of these, those that came back as they were
	renewed   int64            // and those that came back without their state
	errors    map[string]int64 // by code
	since     counts           // of all events, since the last sample
	received  int64            // events of the server
}

// eventTally is what happened to one kind of event, in the measured time.
type eventTally struct {
	counts
	latency *hdr.Histogram
}

// counts are numbers of events.
type counts struct{ sent, answered, failed int64 }

func newTally(m *Mix, measured time.Duration) *tally {
	t := &tally{
		measured: measured, latency: newHistogram(), lag: newHistogram(), connect: newHistogram(),
		away: newHistogram(), gap: newHistogram(), second: newHistogram(), late: newHistogram(),
		events: make([]eventTally, len(m.Events)), errors: make(map[string]int64),
	}
	for i := range t.events {
		t.events[i].latency = newHistogram()
	}
	return t
}

// sent counts an event that was due at a time and left late by lag.
func (t *tally) sent(event int, due, lag time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.since.sent++
	record(t.late, lag)
	if due >= t.measured {
		t.events[event].sent++
		record(t.lag, lag)
	}
}

// answered counts an answer to an event that was due at a time.
func (t *tally) answered(event int, due, took time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.since.answered++
	record(t.second, took)
	if due >= t.measured {
		e := &t.events[event]
		e.answered++
		record(e.latency, took)
		record(t.latency, took)
	}
}

// failed counts an event that got no answer, or an error as its answer. If waited is more than 0
// the time counts as a latency, because nobody would be answered sooner.
func (t *tally) failed(event int, due, waited time.Duration, code string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.since.failed++
	t.errors[code]++
	if waited > 0 {
		record(t.second, waited)
	}
	if due >= t.measured {
		e := &t.events[event]
		e.failed++
		if waited > 0 {
			record(e.latency, waited)
			record(t.latency, waited)
		}
	}
}

// fault counts an error that belongs to no event.
func (t *tally) fault(code string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.errors[code]++
}

// up counts a client that is connected for the first time.
func (t *tally) up(took time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.connected++
	t.everUp++
	record(t.connect, took)
}

// down counts a session that is interrupted or at its end.
func (t *tally) down() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.connected--
	t.lost++
}

// back counts a client that is connected again.
func (t *tally) back(away time.Duration, recovered bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.connected++
	record(t.away, away)
	if recovered {
		t.resumed++
	} else {
		t.renewed++
	}
}

// finished adds what one client has counted by itself.
func (t *tally) finished(received int64, gap time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.received += received
	if gap > 0 {
		record(t.gap, gap)
	}
}

// sample returns what happened since the last one.
func (t *tally) sample(now, since time.Duration) Sample {
	t.mu.Lock()
	defer t.mu.Unlock()
	seconds := max(now-since, time.Millisecond).Seconds()
	s := Sample{
		At: now.Seconds(), Measured: since >= t.measured, Clients: t.connected,
		Sent:     float64(t.since.sent) / seconds,
		Answered: float64(t.since.answered) / seconds,
		Failed:   float64(t.since.failed) / seconds,
		Latency:  summarize(t.second), Lag: summarize(t.late),
	}
	t.since = counts{}
	t.second.Reset()
	t.late.Reset()
	return s
}

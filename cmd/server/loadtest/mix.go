package loadtest

import (
	"encoding/json"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/smartsocket/smartsocket/config"
)

// Mix is what each client emits.
type Mix struct {
	// Rate is how many of the events without a rate of their own a client emits in a second,
	// chosen by their weights.
	Rate float64 `json:"rate,omitempty"`
	// Arrival is "regular", which is the default, or "poisson", for clients that do not keep time.
	Arrival string  `json:"arrival,omitempty"`
	Events  []Event `json:"events"`
	// Gaps names an event of the server that comes regularly, as a tick does. The longest time
	// between two of them is measured for each client.
	Gaps string `json:"gaps,omitempty"`
}

// Event is one kind of event of a Mix.
type Event struct {
	Event string `json:"event"`
	// Data is JSON, with places to fill in: see pattern.go. Without it the event has no data.
	Data json.RawMessage `json:"data,omitempty"`
	// Bytes is the size of binary data, in place of Data.
	Bytes int `json:"bytes,omitempty"`
	// Rate is how many of these a client emits in a second; 0 means that the mix's rate and the
	// weight decide.
	Rate   float64 `json:"rate,omitempty"`
	Weight float64 `json:"weight,omitempty"` // among those without a rate; 0 = 1
	// Ack asks for an answer, from which the latency is taken.
	Ack bool `json:"ack,omitempty"`
	// Answer names the event with which the server answers each of these, in order and to this
	// client alone. It is for servers that use no acks.
	Answer string `json:"answer,omitempty"`

	data pattern
}

// Limits of a Mix.
const (
	maxEvents    = 100
	maxEventRate = 10_000
	maxBytes     = 1 << 20
)

// ReadMix reads a mix from a JSON or YAML file.
func ReadMix(path string) (Mix, error) {
	var m Mix
	if err := config.ReadDocument(path, &m); err != nil {
		return m, err
	}
	if err := m.check(); err != nil {
		return m, &Error{path, err.Error()}
	}
	return m, nil
}

// check checks the mix and prepares its patterns.
func (m *Mix) check() error {
	if len(m.Events) == 0 || len(m.Events) > maxEvents {
		return wrong("events", "there are %d: write 1 to %d", len(m.Events), maxEvents)
	}
	if m.Arrival != "" && m.Arrival != "regular" && m.Arrival != "poisson" {
		return wrong("arrival", "%q is no kind of arrival: write regular or poisson", m.Arrival)
	}
	shared := false
	for i := range m.Events {
		e := &m.Events[i]
		if field, fix := e.check(); fix != "" {
			return wrong("events["+strconv.Itoa(i)+"]."+field, "%s", fix)
		}
		var err error
		if e.data, err = parsePattern(e.Data); err != nil {
			return wrong("events["+strconv.Itoa(i)+"].data", "%v", err)
		}
		shared = shared || e.Rate == 0
	}
	switch {
	case m.Rate < 0 || m.Rate > maxEventRate:
		return wrong("rate", "%v is no rate: write events a second of one client, up to %d", m.Rate,
			maxEventRate)
	case shared && m.Rate == 0:
		return wrong("rate", "there are events without a rate of their own: give each one, or the "+
			"mix a rate, of which each gets a share by its weight")
	case !shared && m.Rate > 0:
		return wrong("rate", "all events have a rate of their own: remove this one")
	}
	return nil
}

// check returns which field cannot be used, and what to do about it.
func (e *Event) check() (field, fix string) {
	switch {
	case e.Event == "":
		return "event", "there is no name: write that of an event of the server"
	case e.Rate < 0 || e.Rate > maxEventRate:
		return "rate", "write events a second of one client, up to " + strconv.Itoa(maxEventRate)
	case e.Weight < 0:
		return "weight", "write a number above 0"
	case e.Rate > 0 && e.Weight > 0:
		return "weight", "an event with a rate of its own has no weight: keep one of them"
	case e.Ack && e.Answer != "":
		return "answer", "the answer is the ack or an event: keep one of them"
	case e.Bytes < 0 || e.Bytes > maxBytes:
		return "bytes", "write a size of up to 1 MiB"
	case e.Bytes > 0 && len(e.Data) > 0:
		return "bytes", "an event has data or bytes: keep one of them"
	}
	return "", ""
}

// stream is a sequence of events of one client.
type stream struct {
	every   time.Duration // on average
	poisson bool
	events  []int     // indices in Mix.Events
	until   []float64 // for each event, the sum of the weights up to it
}

// streams returns one for each event with a rate, and one for all others together.
func (m *Mix) streams() (list []stream) {
	every := func(rate float64) time.Duration { return time.Duration(float64(time.Second) / rate) }
	poisson := m.Arrival == "poisson"
	shared := stream{poisson: poisson}
	sum := 0.0
	for i := range m.Events {
		e := &m.Events[i]
		if e.Rate > 0 {
			list = append(list, stream{every(e.Rate), poisson, []int{i}, []float64{1}})
			continue
		}
		weight := e.Weight
		if weight == 0 {
			weight = 1
		}
		sum += weight
		shared.events, shared.until = append(shared.events, i), append(shared.until, sum)
	}
	if len(shared.events) > 0 {
		shared.every = every(m.Rate)
		list = append(list, shared)
	}
	return list
}

// first returns when the first event of a client is due: the clients are spread over the interval.
func (s *stream) first(r *rand.Rand) time.Duration {
	if s.poisson {
		return s.next(r)
	}
	return time.Duration(r.Int64N(int64(s.every)))
}

// next returns the time from one event to the next.
func (s *stream) next(r *rand.Rand) time.Duration {
	if s.poisson {
		return time.Duration(r.ExpFloat64() * float64(s.every))
	}
	return s.every
}

// pick chooses an event by its weight and returns its index in Mix.Events.
func (s *stream) pick(r *rand.Rand) int {
	at := 0
	if len(s.events) > 1 {
		x := r.Float64() * s.until[len(s.until)-1]
		for at < len(s.until)-1 && x >= s.until[at] {
			at++
		}
	}
	return s.events[at]
}

// rate is how many events a second one client emits.
func (m *Mix) rate() (sum float64) {
	for _, s := range m.streams() {
		sum += float64(time.Second) / float64(s.every)
	}
	return sum
}

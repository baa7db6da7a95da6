package loadtest

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
)

// Result is what came out of a test. Times are in milliseconds, except where a name says seconds.
type Result struct {
	URL     string    `json:"url"`
	Started time.Time `json:"started"`
	Clients int       `json:"clients"` // that were to connect
	Ramp    float64   `json:"rampSeconds"`
	For     float64   `json:"forSeconds"` // that were really measured
	Network string    `json:"network,omitempty"`
	Mix     Mix       `json:"mix"`
	Seed    uint64    `json:"seed"`
	// Ended says why the test ended before its time; "" means that it did not.
	Ended string `json:"ended,omitempty"`

	Connected int   `json:"connected"` // clients that were ever connected
	Lost      int64 `json:"lost"`      // connections that were interrupted
	Recovered int64 `json:"recovered"` // of these, those that came back with their session
	Renewed   int64 `json:"renewed"`   // and those that came back with a new one

	Sent     int64   `json:"sent"` // events, in the measured time
	Answered int64   `json:"answered"`
	Failed   int64   `json:"failed"`   // without an answer, or with an error as the answer
	Received int64   `json:"received"` // events of the server, in the whole time
	Rate     float64 `json:"rate"`     // answers a second

	Latency Summary `json:"latency"` // of answers, from the moment when the event was due
	Lag     Summary `json:"lag"`     // how late this program emitted
	Connect Summary `json:"connect"` // from the moment when a client was to connect
	Away    Summary `json:"away"`    // of interrupted clients
	Gap     Summary `json:"gap"`     // the longest of each client between two of Mix.Gaps

	Errors map[string]int64 `json:"errors,omitempty"` // in the whole time, by code
	Events []EventResult    `json:"events"`
	Series []Sample         `json:"series"`
	Curve  []Point          `json:"curve"` // the distribution of the latency
	Limits []Verdict        `json:"limits,omitempty"`
}

// EventResult is the part of a Result that concerns one kind of event.
type EventResult struct {
	Event    string  `json:"event"`
	Sent     int64   `json:"sent"`
	Answered int64   `json:"answered"`
	Failed   int64   `json:"failed"`
	Latency  Summary `json:"latency"`
}

// Sample is what happened in about a second.
type Sample struct {
	At       float64 `json:"at"`       // its end, in seconds since the start
	Measured bool    `json:"measured"` // whether it lies behind the ramp
	Clients  int     `json:"clients"`  // connected at its end
	Sent     float64 `json:"sent"`     // events a second, as the next two
	Answered float64 `json:"answered"`
	Failed   float64 `json:"failed"`
	Open     int64   `json:"open"` // events that wait for their answer, at its end
	Latency  Summary `json:"latency"`
	Lag      Summary `json:"lag"`
}

// Summary is a distribution of times in milliseconds. It is zero if there were none.
type Summary struct {
	Count int64   `json:"count"`
	Mean  float64 `json:"mean"`
	P50   float64 `json:"p50"`
	P90   float64 `json:"p90"`
	P95   float64 `json:"p95"`
	P99   float64 `json:"p99"`
	P999  float64 `json:"p99.9"`
	P9999 float64 `json:"p99.99"`
	Max   float64 `json:"max"`
}

// Point is a point of a distribution: the share of times that are at most so long.
type Point struct {
	Percentile   float64 `json:"percentile"`
	Milliseconds float64 `json:"ms"`
}

func summarize(h *hdr.Histogram) Summary {
	if h.TotalCount() == 0 {
		return Summary{}
	}
	at := func(percentile float64) float64 { return milliseconds(h.ValueAtQuantile(percentile)) }
	return Summary{
		Count: h.TotalCount(), Mean: math.Round(h.Mean()) / 1e3, P50: at(50), P90: at(90),
		P95: at(95), P99: at(99), P999: at(99.9), P9999: at(99.99), Max: milliseconds(h.Max()),
	}
}

// milliseconds returns microseconds in milliseconds.
func milliseconds(us int64) float64 { return float64(us) / 1e3 }

// result puts together what was counted. took is how long the players played.
func (t *test) result(took time.Duration, ended error) *Result {
	y := t.tally
	y.mu.Lock()
	defer y.mu.Unlock()
	measured := max(min(took, t.end)-t.Ramp, 0)
	if ended == nil {
		measured = t.For // the last event is due a little before the end
	}
	r := &Result{
		URL: t.URL, Started: t.start, Clients: t.Clients, Ramp: t.Ramp.Seconds(),
		For: measured.Seconds(), Network: t.Network.String(), Mix: t.Mix, Seed: t.Seed,
		Connected: y.everUp, Lost: y.lost, Recovered: y.resumed, Renewed: y.renewed,
		Received: y.received, Latency: summarize(y.latency), Lag: summarize(y.lag),
		Connect: summarize(y.connect), Away: summarize(y.away), Gap: summarize(y.gap),
		Errors: y.errors, Series: t.series, Curve: curve(y.latency),
	}
	switch {
	case errors.Is(ended, context.Canceled):
		r.Ended = "interrupted"
	case ended != nil:
		r.Ended = ended.Error()
	}
	for i := range y.events {
		e := &y.events[i]
		r.Events = append(r.Events, EventResult{t.Mix.Events[i].Event, e.sent, e.answered, e.failed,
			summarize(e.latency)})
		r.Sent, r.Answered, r.Failed = r.Sent+e.sent, r.Answered+e.answered, r.Failed+e.failed
	}
	if measured > 0 {
		r.Rate = float64(r.Answered) / measured.Seconds()
	}
	return r
}

// curve returns the distribution, finer towards its end.
func curve(h *hdr.Histogram) (points []Point) {
	if h.TotalCount() == 0 {
		return nil
	}
	for _, b := range h.CumulativeDistributionWithTicks(5) {
		points = append(points, Point{b.Quantile, milliseconds(b.ValueAt)})
	}
	return points
}

// WriteJSON writes the result as JSON.
func (r *Result) WriteJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(r)
}

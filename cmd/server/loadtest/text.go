package loadtest

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// Milliseconds writes a time as people read it, with three digits.
func Milliseconds(ms float64) string {
	switch {
	case ms == 0:
		return "0"
	case ms < 1:
		return strconv.FormatFloat(ms*1e3, 'f', 0, 64) + " µs"
	case ms < 10:
		return strconv.FormatFloat(ms, 'f', 2, 64) + " ms"
	case ms < 100:
		return strconv.FormatFloat(ms, 'f', 1, 64) + " ms"
	case ms < 10_000:
		return strconv.FormatFloat(ms, 'f', 0, 64) + " ms"
	}
	return strconv.FormatFloat(ms/1e3, 'f', 1, 64) + " s"
}

// Number writes a number with groups of three digits.
func Number[N int | int64 | float64](n N) string {
	text := strconv.FormatInt(int64(n), 10)
	for i := len(text) - 3; i > 0 && text[i-1] != '-'; i -= 3 {
		text = text[:i] + "\u202f" + text[i:]
	}
	return text
}

// Line is the sample as one line of progress. whole is the time of the test, in seconds.
func (s Sample) Line(whole float64, of int) string {
	phase := "ramp"
	switch {
	case s.At > whole+0.2:
		phase = "wait" // for the last answers
	case s.Measured:
		phase = "run "
	}
	line := fmt.Sprintf("%s %3.0f/%.0f s  %s/%s clients  %s sent/s  %s answered/s", phase, s.At,
		whole, Number(s.Clients), Number(of), Number(s.Sent), Number(s.Answered))
	if s.Latency.Count > 0 {
		line += fmt.Sprintf("  p50 %s  p99 %s  max %s", Milliseconds(s.Latency.P50),
			Milliseconds(s.Latency.P99), Milliseconds(s.Latency.Max))
	}
	if s.Failed > 0 {
		line += "  " + Number(s.Failed) + " failed/s"
	}
	if s.Lag.P99 > lagging {
		line += "  own lag " + Milliseconds(s.Lag.P99)
	}
	return line
}

// lagging is the lag, in milliseconds at p99, from which a test says more about this machine than
// about the server.
const lagging = 10

// WriteText writes the result for people.
func (r *Result) WriteText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s: %s of %s clients connected, %s s measured", r.URL, Number(r.Connected),
		Number(r.Clients), strconv.FormatFloat(r.For, 'f', -1, 64))
	if r.Network != "" {
		fmt.Fprintf(&b, ", network %s", r.Network)
	}
	if r.Ended != "" {
		fmt.Fprintf(&b, ", ended early: %s", r.Ended)
	}
	fmt.Fprintf(&b, "\n%s events sent, %s answered (%s/s), %s failed, %s received from the "+
		"server\n",
		Number(r.Sent), Number(r.Answered), Number(r.Rate), Number(r.Failed), Number(r.Received))
	if r.Lost > 0 {
		fmt.Fprintf(&b, "%s connections lost, %s came back with their session, %s with a new one\n",
			Number(r.Lost), Number(r.Recovered), Number(r.Renewed))
	}
	b.WriteByte('\n')
	r.table(&b)
	for _, code := range r.errorCodes() {
		fmt.Fprintf(&b, "\n%8s × %s", Number(r.Errors[code]), code)
	}
	for _, note := range r.notes() {
		fmt.Fprintf(&b, "\nnote: %s", note)
	}
	for _, v := range r.Limits {
		outcome := "ok    "
		if v.Crossed {
			outcome = "FAILED"
		}
		fmt.Fprintf(&b, "\n%s %s: %s", outcome, v.Limit, v.Shown)
	}
	b.WriteByte('\n')
	_, err := io.WriteString(w, b.String())
	return err
}

// row is a line of the table of times.
type row struct {
	Name string
	Summary
}

// rows are the lines of the table: of all answers, of each kind of event, and of the rest.
func (r *Result) rows() []row {
	list := []row{{"answers", r.Latency}}
	if len(r.Events) > 1 {
		for _, e := range r.Events {
			list = append(list, row{"  " + e.Event, e.Latency})
		}
	}
	list = append(list, row{"connecting", r.Connect}, row{"own lag", r.Lag}, row{"away", r.Away},
		row{"longest gap", r.Gap})
	return slices.DeleteFunc(list, func(l row) bool { return l.Count == 0 })
}

func (r *Result) table(b *strings.Builder) {
	w := tabwriter.NewWriter(b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\tcount\tp50\tp90\tp99\tp99.9\tmax\t")
	for _, l := range r.rows() {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t\n", l.Name, Number(l.Count),
			Milliseconds(l.P50), Milliseconds(l.P90), Milliseconds(l.P99), Milliseconds(l.P999),
			Milliseconds(l.Max))
	}
	_ = w.Flush() // a strings.Builder takes everything
}

// errorCodes lists what errors were counted under, the most frequent first.
func (r *Result) errorCodes() []string {
	return slices.SortedFunc(maps.Keys(r.Errors), func(a, b string) int {
		return cmp.Or(cmp.Compare(r.Errors[b], r.Errors[a]), cmp.Compare(a, b))
	})
}

// notes says what a reader should know before believing the figures.
func (r *Result) notes() (list []string) {
	if r.Lag.P99 > lagging {
		list = append(list, fmt.Sprintf("this program emitted late (p99 %s), which is part of the "+
			"latencies: give it more of a machine, or fewer clients", Milliseconds(r.Lag.P99)))
	}
	if r.Connected < r.Clients {
		list = append(list, fmt.Sprintf("%s clients never connected",
			Number(r.Clients-r.Connected)))
	}
	if n := r.Errors["ERR_RATE_001"]; n > 0 {
		list = append(list, "the server limits the events of a client (ERR_RATE_001): lower the "+
			"rate, or raise its rateLimitMaxRequests")
	}
	if n := r.Errors["ERR_APP_003"]; n > 0 {
		list = append(list, "the server has no handler for an event of the mix (ERR_APP_003): "+
			"give -mix a file with events that it knows")
	}
	if r.Latency.Count == 0 {
		list = append(list, "nothing was answered: ask for acks, or name the event that answers")
	}
	return list
}

// Whole is how long the plan takes, without the wait for last answers.
func (p *Plan) Whole() time.Duration { return p.Ramp + p.For }

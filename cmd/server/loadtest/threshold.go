package loadtest

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Limit is what must not be: a metric above or below a value. Read one with ParseLimit.
type Limit struct {
	text    string
	metric  string
	above   bool // it is crossed above the value, otherwise below
	value   float64
	percent bool
}

// Verdict is what became of a Limit.
type Verdict struct {
	Limit   string  `json:"limit"`
	Value   float64 `json:"value"` // ms, a number, or percent, as the limit has it
	Shown   string  `json:"shown"`
	Crossed bool    `json:"crossed"`
}

// summaries are the distributions by the names that limits use. That of answers needs none.
var summaries = map[string]func(*Result) *Summary{
	"":        func(r *Result) *Summary { return &r.Latency },
	"lag":     func(r *Result) *Summary { return &r.Lag },
	"connect": func(r *Result) *Summary { return &r.Connect },
	"away":    func(r *Result) *Summary { return &r.Away },
	"gap":     func(r *Result) *Summary { return &r.Gap },
}

// times are the figures of a distribution.
var times = map[string]func(*Summary) float64{
	"mean":   func(s *Summary) float64 { return s.Mean },
	"p50":    func(s *Summary) float64 { return s.P50 },
	"p90":    func(s *Summary) float64 { return s.P90 },
	"p95":    func(s *Summary) float64 { return s.P95 },
	"p99":    func(s *Summary) float64 { return s.P99 },
	"p99.9":  func(s *Summary) float64 { return s.P999 },
	"p99.99": func(s *Summary) float64 { return s.P9999 },
	"max":    func(s *Summary) float64 { return s.Max },
}

// numbers are the figures that are no times, and what a percentage of them is taken of.
var numbers = map[string]struct{ of, whole func(*Result) float64 }{
	"errors":    {func(r *Result) float64 { return float64(r.Failed) }, sent},
	"answered":  {func(r *Result) float64 { return float64(r.Answered) }, sent},
	"sent":      {sent, nil},
	"rate":      {func(r *Result) float64 { return r.Rate }, nil},
	"lost":      {func(r *Result) float64 { return float64(r.Lost) }, clients},
	"renewed":   {func(r *Result) float64 { return float64(r.Renewed) }, clients},
	"connected": {func(r *Result) float64 { return float64(r.Connected) }, clients},
}

func sent(r *Result) float64    { return float64(r.Sent) }
func clients(r *Result) float64 { return float64(r.Clients) }

// ParseLimit reads a limit: p50, p90, p95, p99, p99.9, p99.99, max or mean of the answers, or of
// connect, away, gap or lag, as in connect.p99, and errors, answered, sent, rate, lost, renewed or
// connected; then > or <, and the value that must not be crossed, as in p99>50ms, errors>1% or
// connected<1000.
func ParseLimit(text string) (Limit, error) {
	compact := strings.ReplaceAll(text, " ", "")
	at := strings.IndexAny(compact, "<>")
	if at < 1 {
		return Limit{}, fmt.Errorf("%q is no limit: write what must not be, as in p99>50ms or "+
			"errors>1%%", text)
	}
	l := Limit{text: compact, metric: compact[:at], above: compact[at] == '>'}
	value := compact[at+1:]
	if n, isNumber := numbers[l.metric]; isNumber {
		number, percent := strings.CutSuffix(value, "%")
		x, err := strconv.ParseFloat(number, 64)
		if err != nil || percent && n.whole == nil {
			return l, fmt.Errorf("%q: %q is no value for %s: write a number, as in 10", text, value,
				l.metric)
		}
		l.value, l.percent = x, percent
		return l, nil
	}
	if summary, figure := l.split(); summaries[summary] == nil || times[figure] == nil {
		known := slices.Sorted(maps.Keys(numbers))
		return l, fmt.Errorf("%q: %q is not measured: write p50, p90, p95, p99, p99.9, p99.99, "+
			"max or mean, one of these behind connect., away., gap. or lag., or %s", text, l.metric,
			strings.Join(known, ", "))
	}
	d, err := time.ParseDuration(value)
	if err != nil {
		return l, fmt.Errorf("%q: %q is no time: write it as in 50ms", text, value)
	}
	l.value = float64(d) / float64(time.Millisecond)
	return l, nil
}

// split returns the names of the distribution and of its figure.
func (l *Limit) split() (summary, figure string) {
	if first, rest, ok := strings.Cut(l.metric, "."); ok && summaries[first] != nil {
		return first, rest
	}
	return "", l.metric
}

// Judge looks at the limits and keeps the verdicts in the result. It reports whether none was
// crossed. A time of which there is no measurement crosses any limit of it, unless it is of clients
// that were away.
func (r *Result) Judge(limits []Limit) bool {
	passed := true
	for i := range limits {
		v := limits[i].judge(r)
		r.Limits = append(r.Limits, v)
		passed = passed && !v.Crossed
	}
	return passed
}

func (l *Limit) judge(r *Result) Verdict {
	v := Verdict{Limit: l.text}
	if n, isNumber := numbers[l.metric]; isNumber {
		v.Value = n.of(r)
		v.Shown = strconv.FormatFloat(v.Value, 'f', -1, 64)
		if l.percent {
			if whole := n.whole(r); whole > 0 {
				v.Value *= 100 / whole
			}
			v.Shown = strconv.FormatFloat(v.Value, 'f', 3, 64) + " %"
		}
	} else {
		name, figure := l.split()
		s := summaries[name](r)
		if s.Count == 0 {
			v.Shown, v.Crossed = "nothing was measured", name != "away"
			return v
		}
		v.Value = times[figure](s)
		v.Shown = Milliseconds(v.Value)
	}
	v.Crossed = l.above && v.Value > l.value || !l.above && v.Value < l.value
	return v
}

package loadtest

import (
	_ "embed"
	"html/template"
	"io"
	"math"
	"strconv"
)

//go:embed report.html
var pageText string

// page is the report for browsers. It is one file that loads nothing and has no script.
var page = template.Must(template.New("report").Funcs(template.FuncMap{
	"ms": Milliseconds,
	"n":  Number[int64],
	"i":  Number[int],
	"f":  Number[float64],
	"s":  func(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) },
}).Parse(pageText))

// pageData is what the template is given.
type pageData struct {
	*Result
	Rows   []row
	Codes  []string
	Notes  []string
	Charts []*chart
	Passed bool
}

// WriteHTML writes the result as a page.
func (r *Result) WriteHTML(w io.Writer) error {
	d := pageData{Result: r, Rows: r.rows(), Codes: r.errorCodes(), Notes: r.notes(), Passed: true}
	for _, v := range r.Limits {
		d.Passed = d.Passed && !v.Crossed
	}
	if len(r.Series) > 0 {
		d.Charts = append(d.Charts, r.latencyChart(), r.rateChart(), r.clientsChart())
	}
	if c := r.curveChart(); c != nil {
		d.Charts = append(d.Charts, c)
	}
	return page.Execute(w, d)
}

// over returns a chart over the time of the test.
func (r *Result) over(title, note string) *chart {
	c := &chart{Title: title, Note: note, shade: r.Ramp}
	for _, s := range r.Series {
		c.xs = append(c.xs, s.At)
	}
	c.at = func(i int) string { return strconv.FormatFloat(r.Series[i].At, 'f', 0, 64) + " s" }
	last := c.xs[len(c.xs)-1]
	c.shade = min(c.shade, last)
	step := niceStep(last / 8)
	for at := 0.0; at <= last; at += step {
		c.xTick = append(c.xTick, tick{at, strconv.FormatFloat(at, 'f', -1, 64) + " s"})
	}
	return c
}

// line adds a line over the samples.
func (c *chart) line(r *Result, name, class string, of func(*Sample) float64) {
	l := plotted{Name: name, Class: class}
	for i := range r.Series {
		l.ys = append(l.ys, of(&r.Series[i]))
	}
	c.lines = append(c.lines, l)
}

func (r *Result) latencyChart() *chart {
	c := r.over("Latency", "of the answers of each second, on a logarithmic scale")
	c.log, c.show = true, Milliseconds
	of := func(value func(*Summary) float64) func(*Sample) float64 {
		return func(s *Sample) float64 {
			if s.Latency.Count == 0 {
				return math.NaN()
			}
			return value(&s.Latency)
		}
	}
	c.line(r, "max", "c", of(func(s *Summary) float64 { return s.Max }))
	c.line(r, "p99", "b", of(func(s *Summary) float64 { return s.P99 }))
	c.line(r, "p50", "a", of(func(s *Summary) float64 { return s.P50 }))
	c.line(r, "own lag, p99", "d", func(s *Sample) float64 {
		if s.Lag.Count == 0 {
			return math.NaN()
		}
		return s.Lag.P99
	})
	return c
}

func (r *Result) rateChart() *chart {
	c := r.over("Events a second", "sent, answered and failed")
	c.show = Number[float64]
	c.line(r, "sent", "d", func(s *Sample) float64 { return s.Sent })
	c.line(r, "answered", "a", func(s *Sample) float64 { return s.Answered })
	c.line(r, "failed", "c", func(s *Sample) float64 { return s.Failed })
	return c
}

func (r *Result) clientsChart() *chart {
	c := r.over("Clients and open questions", "connected, and events that wait for their answer")
	c.show = Number[float64]
	c.line(r, "connected", "a", func(s *Sample) float64 { return float64(s.Clients) })
	c.line(r, "open questions", "b", func(s *Sample) float64 { return float64(s.Open) })
	return c
}

// curveChart shows the distribution with an axis on which each nine takes as much room.
func (r *Result) curveChart() *chart {
	if len(r.Curve) == 0 {
		return nil
	}
	place := func(percentile float64) float64 { return -math.Log10(1 - percentile/100) }
	c := &chart{Title: "Distribution of the latency",
		Note: "the share of answers on the x axis took at most the time on the y axis",
		log:  true, show: Milliseconds}
	l := plotted{Name: "latency", Class: "a"}
	shown := []Point{}
	for _, p := range r.Curve {
		if p.Percentile < 100 {
			shown = append(shown, p)
		}
	}
	if len(shown) == 0 {
		return nil
	}
	for _, p := range shown {
		c.xs, l.ys = append(c.xs, place(p.Percentile)), append(l.ys, p.Milliseconds)
	}
	c.lines = []plotted{l}
	name := func(p float64) string { return strconv.FormatFloat(p, 'f', -1, 64) + " %" }
	c.at = func(i int) string { return strconv.FormatFloat(shown[i].Percentile, 'f', 4, 64) + " %" }
	last := c.xs[len(c.xs)-1]
	for _, p := range []float64{0, 50, 90, 99, 99.9, 99.99, 99.999, 99.9999} {
		if place(p) <= last {
			c.xTick = append(c.xTick, tick{place(p), name(p)})
		}
	}
	return c
}

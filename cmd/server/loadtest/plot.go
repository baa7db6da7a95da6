package loadtest

import (
	"fmt"
	"html"
	"html/template"
	"math"
	"strconv"
	"strings"
)

// Sizes of a chart, in units of its drawing.
const (
	chartWidth, chartHeight = 560.0, 240.0
	chartLeft, chartRight   = 60.0, 14.0
	chartTop, chartBottom   = 12.0, 30.0
)

// chart is a drawing of lines over a common x.
type chart struct {
	Title string
	Note  string
	xs    []float64
	at    func(int) string // what a point is called, as in "12 s"
	xTick []tick
	lines []plotted
	log   bool
	show  func(float64) string
	shade float64 // x up to which the ground is shaded; 0 = none
}

// plotted is one line of a chart. NaN is a hole in it.
type plotted struct {
	Name  string
	Class string // of the style sheet: a, b, c or d
	ys    []float64
}

// tick is a place on an axis.
type tick struct {
	at   float64
	text string
}

// Lines returns the lines for the legend.
func (c *chart) Lines() []plotted { return c.lines }

// SVG draws the chart.
func (c *chart) SVG() template.HTML {
	var b strings.Builder
	fmt.Fprintf(&b, `<svg viewBox="0 0 %g %g" role="img" aria-label="%s">`, chartWidth, chartHeight,
		html.EscapeString(c.Title))
	low, high, ticks := c.yAxis()
	y := c.scale(low, high)
	if c.shade > 0 {
		fmt.Fprintf(&b, `<rect class="ramp" x="%.1f" y="%g" width="%.1f" height="%g"/>`, chartLeft,
			chartTop, c.x(c.shade)-chartLeft, chartHeight-chartTop-chartBottom)
	}
	for _, t := range ticks {
		fmt.Fprintf(&b, `<line class="grid" x1="%g" x2="%g" y1="%.1f" y2="%.1[3]f"/>`, chartLeft,
			chartWidth-chartRight, y(t.at))
		fmt.Fprintf(&b, `<text class="tick" x="%g" y="%.1f" text-anchor="end">%s</text>`,
			chartLeft-8, y(t.at)+4, t.text)
	}
	for _, t := range c.xTick {
		fmt.Fprintf(&b, `<text class="tick" x="%.1f" y="%g" text-anchor="middle">%s</text>`,
			c.x(t.at), chartHeight-10, t.text)
	}
	for _, l := range c.lines {
		c.path(&b, l, y)
	}
	c.hints(&b)
	b.WriteString("</svg>")
	return template.HTML(b.String()) // all texts in it are numbers, or escaped above
}

// path draws a line, broken where there is nothing.
func (c *chart) path(b *strings.Builder, l plotted, y func(float64) float64) {
	fmt.Fprintf(b, `<path class="line %s" d="`, l.Class)
	move := "M"
	for i, v := range l.ys {
		if math.IsNaN(v) || c.log && v <= 0 {
			move = "M"
			continue
		}
		fmt.Fprintf(b, "%s%.1f %.1f", move, c.x(c.xs[i]), y(v))
		if move == "M" && (i+1 == len(l.ys) || math.IsNaN(l.ys[i+1])) {
			b.WriteString("h.1") // a point alone is seen too
		}
		move = "L"
	}
	b.WriteString(`"/>`)
}

// hints lays a strip over each point that tells its figures to a pointer.
func (c *chart) hints(b *strings.Builder) {
	for i := range c.xs {
		left, right := chartLeft, chartWidth-chartRight
		if i > 0 {
			left = (c.x(c.xs[i-1]) + c.x(c.xs[i])) / 2
		}
		if i+1 < len(c.xs) {
			right = (c.x(c.xs[i]) + c.x(c.xs[i+1])) / 2
		}
		fmt.Fprintf(b, `<rect class="hint" x="%.1f" y="%g" width="%.1f" height="%g"><title>%s`,
			left, chartTop, max(right-left, 0), chartHeight-chartTop-chartBottom,
			html.EscapeString(c.at(i)))
		for _, l := range c.lines {
			if !math.IsNaN(l.ys[i]) {
				b.WriteString("\n" + html.EscapeString(l.Name+": "+c.show(l.ys[i])))
			}
		}
		b.WriteString("</title></rect>")
	}
}

// x returns where a value of the x axis lies.
func (c *chart) x(v float64) float64 {
	first, last := c.xs[0], c.xs[len(c.xs)-1]
	if c.shade > 0 || c.xs[0] > 0 && !c.log {
		first = 0
	}
	if len(c.xTick) > 0 {
		first = min(first, c.xTick[0].at)
	}
	if last <= first {
		return (chartLeft + chartWidth - chartRight) / 2
	}
	return chartLeft + (v-first)/(last-first)*(chartWidth-chartLeft-chartRight)
}

// scale returns where a value of the y axis lies.
func (c *chart) scale(low, high float64) func(float64) float64 {
	of := func(v float64) float64 { return v }
	if c.log {
		of = math.Log10
	}
	return func(v float64) float64 {
		share := (of(v) - of(low)) / (of(high) - of(low))
		return chartHeight - chartBottom - share*(chartHeight-chartTop-chartBottom)
	}
}

// yAxis returns the bounds of the y axis and its ticks.
func (c *chart) yAxis() (low, high float64, ticks []tick) {
	low, high = math.Inf(1), 0
	for _, l := range c.lines {
		for _, v := range l.ys {
			if !math.IsNaN(v) && (v > 0 || !c.log) {
				low, high = min(low, v), max(high, v)
			}
		}
	}
	if c.log {
		return c.decades(low, high)
	}
	step := niceStep(high / 5)
	high = max(math.Ceil(high/step), 1) * step
	for v := 0.0; v <= high+step/2; v += step {
		ticks = append(ticks, tick{v, html.EscapeString(c.show(v))})
	}
	return 0, high, ticks
}

// decades are the ticks of a logarithmic axis.
func (c *chart) decades(low, high float64) (float64, float64, []tick) {
	if high == 0 {
		low, high = 0.1, 1
	}
	first, last := math.Floor(math.Log10(low)), math.Ceil(math.Log10(high))
	if last == first {
		last++
	}
	var ticks []tick
	for e := first; e <= last; e++ {
		v := math.Pow(10, e)
		ticks = append(ticks, tick{v, html.EscapeString(short(v))})
		for _, f := range []float64{2, 5} {
			if last-first <= 2 && e < last {
				ticks = append(ticks, tick{v * f, html.EscapeString(short(v * f))})
			}
		}
	}
	return math.Pow(10, first), math.Pow(10, last), ticks
}

// short writes a round number of milliseconds for an axis.
func short(ms float64) string {
	switch {
	case ms < 0.9995:
		return strconv.FormatFloat(math.Round(ms*1e3), 'f', -1, 64) + " µs"
	case ms < 999.5:
		return strconv.FormatFloat(math.Round(ms), 'f', -1, 64) + " ms"
	}
	return strconv.FormatFloat(math.Round(ms/1e3), 'f', -1, 64) + " s"
}

// niceStep returns 1, 2 or 5 times a power of ten that is at least v.
func niceStep(v float64) float64 {
	if v <= 0 {
		return 1
	}
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, f := range []float64{1, 2, 5} {
		if f*power >= v {
			return max(f*power, 1)
		}
	}
	return max(10*power, 1)
}

package loadtest

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"time"
)

// result is one with something in each place.
func result() *Result {
	s := Summary{Count: 1000, Mean: 2, P50: 1.5, P90: 3, P95: 4, P99: 12.5, P999: 80, P9999: 95,
		Max: 120}
	r := &Result{
		URL: `ws://host/<script>"&`, Started: time.Unix(1e9, 0), Clients: 1200, Connected: 1199,
		Ramp: 2, For: 10, Network: "delay=40ms", Seed: 5, Lost: 3, Recovered: 2, Renewed: 1,
		Sent: 1010, Answered: 1000, Failed: 10, Received: 12345, Rate: 100, Latency: s,
		Connect: s, Away: s, Gap: s, Lag: Summary{Count: 1010, P99: 25},
		Errors: map[string]int64{"ERR_RATE_001": 7, "ERR_APP_003": 2, "<b>": 1},
		Events: []EventResult{{Event: "move", Sent: 1000, Answered: 990, Latency: s},
			{Event: "<i>", Sent: 10, Answered: 10, Latency: s}},
		Curve: []Point{{0, 0.5}, {50, 1.5}, {90, 3}, {99, 12.5}, {99.9, 80}, {100, 120}},
	}
	for i := range 12 {
		sample := Sample{At: float64(i + 1), Measured: i >= 2, Clients: 100 * i, Sent: 100,
			Answered: 99, Failed: 1, Open: 4, Latency: s, Lag: s}
		if i == 5 { // a second without an answer
			sample.Latency, sample.Answered = Summary{}, 0
		}
		r.Series = append(r.Series, sample)
	}
	return r
}

func TestLimits(t *testing.T) {
	for text, crossed := range map[string]bool{
		"p99>50ms": false, "p99>12ms": true, "p99 < 50ms": true, "p99<12ms": false,
		"max>119ms": true, "p99.9>80ms": false, "p99.99>94ms": true, "p95>4ms": false,
		"mean>1ms": true, "p50>1500us": false, "p90>2ms": true,
		"connect.p99>1s": false, "away.max>100ms": true, "gap.max>250ms": false,
		"lag.p99>10ms": true, "errors>0": true, "errors>10": false, "errors>1%": false,
		"errors>0.9%": true, "connected<1200": true, "connected<99%": false, "rate<100": false,
		"rate<101": true, "lost>2": true, "lost>1%": false, "renewed>0": true,
		"answered<99%": false, "sent<1011": true,
	} {
		l, err := ParseLimit(text)
		if err != nil {
			t.Error(err)
			continue
		}
		r := result()
		if passed := r.Judge([]Limit{l}); passed == crossed || r.Limits[0].Crossed != crossed {
			t.Errorf("%s: %+v", text, r.Limits)
		}
	}
	for text, want := range map[string]string{
		"p99": "as in p99>50ms", "": "is no limit", ">5": "is no limit", "p98>5ms": "not measured",
		"p99>5": "as in 50ms", "errors>few": "write a number", "rate>5%": "write a number",
		"lag.errors>5": "not measured", "answers.p99>5ms": "not measured",
	} {
		if _, err := ParseLimit(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, which should say %q", text, err, want)
		}
	}
}

// Without a measurement nothing is known to be well.
func TestLimitsOfNothing(t *testing.T) {
	for text, crossed := range map[string]bool{
		"p99>50ms": true, "gap.max>1s": true, "away.max>1s": false, "errors>1%": false,
	} {
		l, err := ParseLimit(text)
		if err != nil {
			t.Fatal(err)
		}
		if r := new(Result); r.Judge([]Limit{l}) == crossed {
			t.Errorf("%s: %+v", text, r.Limits)
		}
	}
}

func TestText(t *testing.T) {
	r := result()
	limit, _ := ParseLimit("p99>1ms")
	kept, _ := ParseLimit("p99>1s")
	r.Judge([]Limit{limit, kept})
	var b strings.Builder
	if err := r.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"1\u202f199 of 1\u202f200 clients connected, 10 s measured, network delay=40ms",
		"1\u202f010 events sent, 1\u202f000 answered (100/s), 10 failed",
		"3 connections lost, 2 came back with their session, 1 with a new one",
		"12.5 ms", "  move", "longest gap", "7 × ERR_RATE_001\n", "raise its rateLimitMaxRequests",
		"emitted late (p99 25.0 ms)", "1 clients never connected", "FAILED p99>1ms: 12.5 ms",
		"ok     p99>1s: 12.5 ms",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is missing in\n%s", want, b.String())
		}
	}
	line := r.Series[3].Line(12, 1200)
	for _, want := range []string{"run ", "  4/12 s", "300/1\u202f200 clients", "p99 12.5 ms",
		"1 failed/s", "own lag 12.5 ms"} {
		if !strings.Contains(line, want) {
			t.Errorf("%q is missing in %q", want, line)
		}
	}
}

func TestNumbers(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1\u202f000",
		1234567: "1\u202f234\u202f567", -1000: "-1\u202f000", -100: "-100"} {
		if got := Number(n); got != want {
			t.Errorf("%d is %q", n, got)
		}
	}
	for ms, want := range map[float64]string{0: "0", 0.05: "50 µs", 1.234: "1.23 ms",
		99.94: "99.9 ms", 1234: "1234 ms", 12_000: "12.0 s"} {
		if got := Milliseconds(ms); got != want {
			t.Errorf("%v is %q", ms, got)
		}
	}
}

func TestJSON(t *testing.T) {
	var b bytes.Buffer
	if err := result().WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	var back Result
	if err := json.Unmarshal(b.Bytes(), &back); err != nil || back.Latency.P999 != 80 ||
		len(back.Series) != 12 || back.Errors["ERR_RATE_001"] != 7 {
		t.Errorf("%+v, %v", back, err)
	}
}

// The page is well-formed, loads nothing, and shows names as text.
func TestHTML(t *testing.T) {
	for name, r := range map[string]*Result{"full": result(), "empty": new(Result),
		"one second": {Series: []Sample{{At: 0.5}}, Curve: []Point{{0, 1}, {100, 1}}}} {
		var b bytes.Buffer
		if err := r.WriteHTML(&b); err != nil {
			t.Fatal(name, err)
		}
		text := b.String()
		for _, bad := range []string{"<script", "http://", "https://", "src=", "<link", "@import",
			"NaN", "Inf", "%!", "ZgotmplZ", "<i>", "<b>"} {
			if strings.Contains(strings.ReplaceAll(text, "<b>"+"0", ""), bad) && bad != "<b>" {
				t.Errorf("%s: there is %s in the page", name, bad)
			}
		}
		wellFormed(t, name, text[strings.Index(text, "<body>"):strings.Index(text, "</html>")])
	}
}

// wellFormed reports an element that is not closed.
func wellFormed(t *testing.T, name, text string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(text))
	d.Entity = xml.HTMLEntity
	for {
		_, err := d.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
	}
}

func TestAxes(t *testing.T) {
	for v, want := range map[float64]float64{0: 1, 0.3: 1, 1.5: 2, 3: 5, 7: 10, 1200: 2000} {
		if got := niceStep(v); got != want {
			t.Errorf("niceStep(%v) = %v", v, got)
		}
	}
	for v, want := range map[float64]string{0.01: "10 µs", 0.5: "500 µs", 1: "1 ms", 100: "100 ms",
		1000: "1 s", 50_000: "50 s"} {
		if got := short(v); got != want {
			t.Errorf("short(%v) = %q", v, got)
		}
	}
	c := &chart{xs: []float64{0, 10}, lines: []plotted{{ys: []float64{0, 80}}},
		show: Number[float64]}
	low, high, ticks := c.yAxis()
	y := c.scale(low, high)
	if low != 0 || high != 80 || len(ticks) != 5 || y(0) != chartHeight-chartBottom ||
		y(80) != chartTop || c.x(0) != chartLeft || c.x(10) != chartWidth-chartRight {
		t.Errorf("%v to %v, %v", low, high, ticks)
	}
	c.log, c.lines[0].ys = true, []float64{0.2, 30}
	low, high, ticks = c.yAxis()
	if y = c.scale(low, high); low != 0.1 || high != 100 || len(ticks) != 4 ||
		math.Abs(y(1)-y(10)-(y(10)-y(100))) > 1e-9 {
		t.Errorf("%v to %v, %v", low, high, ticks)
	}
}

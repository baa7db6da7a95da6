package loadtest

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

const second = time.Second

func readMix(t *testing.T, name, text string) (Mix, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return ReadMix(path)
}

func TestReadMix(t *testing.T) {
	m, err := readMix(t, "mix.yaml", `
rate: 2
arrival: poisson
gaps: tick
events:
  - event: move
    rate: 20
    data: {x: "${float 0 100}", keys: ["${pick left right}"]}
    answer: moved
  - {event: chat, weight: 3, ack: true, data: "${text 16}"}
  - {event: shot, bytes: 64}
`)
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Events) != 3 || m.Gaps != "tick" || m.Events[0].Answer != "moved" ||
		!m.Events[1].Ack || m.Events[2].Bytes != 64 || m.rate() != 22 {
		t.Errorf("%+v, rate %v", m, m.rate())
	}
	list := m.streams()
	if len(list) != 2 || list[0].every != second/20 || list[1].every != second/2 ||
		!list[0].poisson {
		t.Errorf("%+v", list)
	}
}

func TestMixErrors(t *testing.T) {
	for text, want := range map[string]string{
		`{"events": []}`:                                  "write 1 to 100",
		`{"events": [{"rate": 1}]}`:                       "events[0].event: there is no name",
		`{"events": [{"event": "a"}]}`:                    "rate: there are events without",
		`{"rate": 1, "events": [{"event":"a","rate":1}]}`: "all events have a rate",
		`{"events": [{"event":"a","rate":-1}]}`:           "events[0].rate: write events a second",
		`{"events": [{"event":"a","rate":1e9}]}`:          "up to 10000",
		`{"events": [{"event":"a","rate":1,"weight":1}]}`: "has no weight",
		`{"rate":1,"events":[{"event":"a","weight":-1}]}`: "above 0",

		`{"events": [{"event":"a","rate":1,"ack":true,"answer":"b"}]}`: "keep one of them",

		`{"events": [{"event":"a","rate":1,"bytes":5,"data":1}]}`: "data or bytes",
		`{"events": [{"event":"a","rate":1,"bytes":99999999}]}`:   "up to 1 MiB",
		`{"arrival":"often","events":[{"event":"a","rate":1}]}`:   "regular or poisson",
		`{"event": [{"event":"a","rate":1}]}`:                     `unknown field "event"`,
		`{"events": [{"event":"a","rate":1,"data":"${in 1}"}]}`:   "events[0].data: ${in 1}",
	} {
		_, err := readMix(t, "mix.json", text)
		if err == nil || !strings.Contains(err.Error(), want) ||
			!strings.Contains(err.Error(), "mix.json") {
			t.Errorf("%s: %v, which should say %q", text, err, want)
		}
	}
}

func TestPlanErrors(t *testing.T) {
	for want, spoil := range map[string]func(*Plan){
		"URL: there is none": func(p *Plan) { p.URL = "" },
		"ws://host:port":     func(p *Plan) { p.URL = "http://localhost" },
		"URL: \"ws://\"":     func(p *Plan) { p.URL = "ws://" },
		"Clients: 0":         func(p *Plan) { p.Clients = 0 },
		"1 to 200000":        func(p *Plan) { p.Clients = 1e6 },
		"Ramp":               func(p *Plan) { p.Ramp = -1 },
		"For: 0s":            func(p *Plan) { p.For = 0 },
		"up to 24h":          func(p *Plan) { p.For = 48 * time.Hour },
		"MaxEvents":          func(p *Plan) { p.MaxEvents = 0 },
		"Grace":              func(p *Plan) { p.Grace = 2 * time.Hour },
		"events: there are":  func(p *Plan) { p.Mix.Events = nil },
		"EncryptionKey":      func(p *Plan) { p.Client.EncryptionKey = "short" },
	} {
		p := plan("ws://localhost:1", Event{Event: "a", Rate: 1})
		spoil(p)
		if err := p.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, which should say %q", err, want)
		}
	}
}

// Events without a rate share the mix's by their weights, and the same seed repeats them.
func TestWeights(t *testing.T) {
	m := Mix{Rate: 10, Events: []Event{{Event: "a"}, {Event: "b", Weight: 3},
		{Event: "c", Rate: 1}}}
	if err := m.check(); err != nil {
		t.Fatal(err)
	}
	s := m.streams()[1]
	var picked [3]int
	var first, again []int
	r, twin := rand.New(rand.NewPCG(1, 2)), rand.New(rand.NewPCG(1, 2))
	for range 10_000 {
		first, again = append(first, s.pick(r)), append(again, s.pick(twin))
		picked[first[len(first)-1]]++
		if first[len(first)-1] != again[len(again)-1] {
			t.Fatal("the same seed picks others")
		}
	}
	if picked[2] != 0 || picked[0] < 2300 || picked[0] > 2700 {
		t.Errorf("picked %v, not 1 : 3 : 0", picked)
	}
}

func TestArrivals(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	regular := stream{every: second / 10}
	for range 100 {
		if f := regular.first(r); f < 0 || f >= second/10 || regular.next(r) != second/10 {
			t.Fatal("a regular stream begins at", f)
		}
	}
	poisson := stream{every: second / 10, poisson: true}
	sum, squares := 0.0, 0.0
	const n = 20_000
	for range n {
		d := poisson.next(r).Seconds()
		sum, squares = sum+d, squares+d*d
	}
	mean := sum / n
	deviation := math.Sqrt(squares/n - mean*mean)
	if mean < 0.098 || mean > 0.102 || deviation < 0.095 || deviation > 0.105 {
		t.Errorf("mean %v s, deviation %v s, where both are 0.1", mean, deviation)
	}
}

func TestPattern(t *testing.T) {
	v := &values{client: 7, seq: 3, rand: rand.New(rand.NewPCG(1, 2)), now: time.UnixMilli(1234)}
	for text, want := range map[string]string{
		`{"a": 1, "b": [true]}`:            `{"a":1,"b":\[true\]}`,
		`"${seq}"`:                         `3`,
		`{"id": "c${client}-${seq}"}`:      `{"id":"c7-3"}`,
		`{"${seq}": "${seq}"}`:             `{"3":3}`,
		`{"at": "${now}"}`:                 `{"at":1234}`,
		`["${int -5 5}", "${int 4 4}"]`:    `\[-?[0-5],4\]`,
		`"${float 1 2}"`:                   `[12]\.\d\d\d`,
		`"${text 12}"`:                     `"[a-z]{12}"`,
		`"${text 0}"`:                      `""`,
		`{"k": "${pick left right}"}`:      `{"k":"(left|right)"}`,
		`"at ${int 0 9} of ${client}"`:     `"at \d of 7"`,
		`"$ { and $5"`:                     `"\$ { and \$5"`,
		`"${pick a b}${pick c d}"`:         `"[ab][cd]"`,
		`null`:                             `null`,
		`{"a": "${client}","b": "${seq}"}`: `{"a":7,"b":3}`,
	} {
		p, err := parsePattern(json.RawMessage(text))
		if err != nil {
			t.Error(text, err)
			continue
		}
		for range 50 {
			got := p.append(nil, v)
			if !regexp.MustCompile("^"+want+"$").Match(got) || !json.Valid(got) {
				t.Fatalf("%s gives %s, not %s", text, got, want)
			}
		}
	}
	for text, want := range map[string]string{
		`"${seq"`:          "write } behind",
		`"${}"`:            "is empty",
		`"${seq 1}"`:       "write ${seq}",
		`"${int 5}"`:       "as in ${int 0 100}",
		`"${int 5 1}"`:     "the smaller one first",
		`"${int a b}"`:     "whole numbers",
		`"${float 1 x}"`:   "as in ${float 0 1}",
		`"${float 1 NaN}"`: "as in ${float 0 1}",
		`"${text -1}"`:     "as in ${text 64}",
		`"${text}"`:        "as in ${text 64}",
		`"${pick a}"`:      "two words",
		`"${time}"`:        "not known",
		`{"a": }`:          "invalid character",
	} {
		if _, err := parsePattern(json.RawMessage(text)); err == nil ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, which should say %q", text, err, want)
		}
	}
}

// The mix that docs/LOADTEST.md shows is one.
func TestDocumentedMix(t *testing.T) {
	page, err := os.ReadFile("../../../docs/LOADTEST.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(page), "```yaml\n")
	text, _, found := strings.Cut(text, "```")
	m, err := readMix(t, "mix.yaml", text)
	if err != nil || !found || len(m.Events) != 3 || m.Gaps != "state" || m.rate() != 20.5 {
		t.Errorf("%+v, %v", m, err)
	}
}

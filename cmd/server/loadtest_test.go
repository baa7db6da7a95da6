package main

import (
	"context"
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"github.com/smartsocket/smartsocket/cmd/server/loadtest"
)

func TestLoadtest(t *testing.T) {
	r := start(t, "-rate-limit-max-requests", "100000")
	dir := t.TempDir()
	mix := filepath.Join(dir, "mix.yaml")
	if err := os.WriteFile(mix, []byte(`
gaps: echo
events:
  - {event: echo, rate: 20, ack: true, data: {n: "${seq}"}}
  - {event: ping, rate: 10, answer: pong}
`), 0o600); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "r.json")
	code, text, progress := command("loadtest", "ws://"+r.addr.String(), "-clients", "20", "-ramp",
		"100ms", "-for", "1s", "-mix", mix, "-json", file, "-html", filepath.Join(dir, "r.html"),
		"-fail", "errors>0,lost>0", "-fail", "p50>1h", "-seed", "3")
	if code != 0 {
		t.Errorf("code %d\n%s%s", code, text, progress)
	}
	for _, want := range []string{"20 of 20 clients connected", "  ping", "longest gap",
		"ok     errors>0", "ok     lost>0", "ok     p50>1h"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
	if !strings.Contains(progress, "/20 clients") {
		t.Errorf("the progress is %q", progress)
	}
	var result loadtest.Result
	written, err := os.ReadFile(file)
	if err != nil || json.Unmarshal(written, &result) != nil {
		t.Fatal(err, string(written))
	}
	// What is due in a second is not more, and on a machine with no time for it less.
	if result.Connected != 20 || result.Failed != 0 || result.Answered == 0 ||
		result.Answered != result.Sent || result.Sent > 700 || result.Seed != 3 ||
		len(result.Limits) != 3 || result.Ended != "" {
		t.Errorf("%s", written)
	}
}

// The codes tell what went wrong, and the sentence which flag to mend.
func TestLoadtestCodes(t *testing.T) {
	r := start(t, "-api-keys", "0123456789abcdefghij")
	at := "ws://" + r.addr.String()
	key := []string{"-api-key", "0123456789abcdefghij"}
	quick := []string{"-clients", "1", "-for", "100ms", "-ramp", "0", "-quiet"}
	for name, test := range map[string]struct {
		args []string
		code int
		want string
	}{
		"a limit is crossed": {append([]string{at, "-fail", "p50>0s"}, append(key, quick...)...), 1,
			"FAILED p50>0s"},
		"as JSON": {append([]string{at, "-json", "-"}, append(key, quick...)...), 0,
			`"connected": 1`},
		"the URL at the end": {append(append(key, quick...), at), 0, "1 of 1 clients"},
		"no folder": {append([]string{at, "-html", "/no/such/folder"}, append(key, quick...)...), 1,
			"no such file"},
		"no key":        {append([]string{at}, quick...), 3, "ERR_CONN_004"},
		"nobody there":  {append([]string{"ws://127.0.0.1:1"}, quick...), 3, "check the address"},
		"no namespace":  {append([]string{at + "/no"}, append(key, quick...)...), 3, "ERR_MSG_005"},
		"no URL":        {nil, 2, "URL: there is none"},
		"a wrong URL":   {[]string{"http://localhost"}, 2, "write ws://host:port/namespace"},
		"no URL either": {[]string{"localhost:3000"}, 2, "write ws://host:port/namespace"},
		"clients":       {[]string{at, "-clients", "0"}, 2, "flag -clients: 0 is no number"},
		"descriptors":   {[]string{at, "-clients", "200000"}, 2, "flag -clients: this process may"},
		"rate":          {[]string{at, "-rate", "0"}, 2, "flag -rate: each client"},
		"data":          {[]string{at, "-data", `"${x}"`}, 2, "flag -data: ${x} is not known"},
		"network":       {[]string{at, "-network", "5g"}, 2, `flag -network: "5g" is no network`},
		"fail":          {[]string{at, "-fail", "p99"}, 2, `flag -fail: "p99" is no limit`},
		"mix":           {[]string{at, "-mix", "/no/mix"}, 2, "no such file"},
		"mix and event": {[]string{at, "-mix", "x", "-event", "y"}, 2, "flag -event: the file"},
		"authority":     {[]string{at, "-tls-ca", "/no/ca"}, 2, "flag -tls-ca: open /no/ca"},
		"unknown flag":  {[]string{at, "-client", "5"}, 2, "did you mean clients?"},
		"help":          {[]string{"-help"}, 0, "-clients"},
	} {
		code, text, fault := command(append([]string{"loadtest"}, test.args...)...)
		if code != test.code || !strings.Contains(text+fault, test.want) {
			t.Errorf("%s: code %d, not %d, and this should say %q\n%s%s", name, code, test.code,
				test.want, text, fault)
		}
	}
}

func TestLoadtestOverTLS(t *testing.T) {
	secured := certificate(t)
	at := "wss://" + start(t, secured...).addr.String()
	quick := []string{"loadtest", at, "-clients", "2", "-for", "100ms", "-ramp", "0", "-quiet",
		"-network", "lan"}
	for name, test := range map[string]struct {
		args []string
		code int
	}{
		"unknown authority": {nil, 3},
		"its authority":     {[]string{"-tls-ca", secured[1]}, 0},
		"unchecked":         {[]string{"-tls-insecure"}, 0},
	} {
		if code, text, fault := command(append(quick, test.args...)...); code != test.code {
			t.Errorf("%s: %d\n%s%s", name, code, text, fault)
		}
	}
}

// The report is looked at in a real browser: light and dark, wide and on a phone.
func TestLoadtestReportInABrowser(t *testing.T) {
	browser := bareBrowser(t)
	file := filepath.Join(t.TempDir(), "report.html")
	mix := writeFile(t, `{"rate": 10, "events": [{"event": "echo", "ack": true, "weight": 9},
		{"event": "nobody", "ack": true}]}`)
	r := start(t, "-rate-limit-max-requests", "100000")
	if code, _, fault := command("loadtest", "ws://"+r.addr.String(), "-clients", "20", "-for",
		"2s", "-ramp", "1s", "-mix", mix, "-html", file, "-quiet", "-fail", "errors>0,p50>1h",
	); code != 1 {
		t.Fatalf("code %d: %s", code, fault)
	}
	p := openTab(t, browser, "report")
	var loaded []string
	chromedp.ListenTarget(p.ctx, func(event any) {
		if request, ok := event.(*network.EventRequestWillBeSent); ok {
			loaded = append(loaded, request.Request.URL)
		}
	})
	scheme := func(name string) chromedp.Action {
		return emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: name}})
	}
	p.do(network.Enable(), scheme("light"), chromedp.EmulateViewport(1280, 1700),
		chromedp.Navigate((&url.URL{Scheme: "file", Path: file}).String()))
	p.until("shows its plots", `document.querySelectorAll('figure > svg').length === 4 &&
		[...document.querySelectorAll('figure > svg')].every((s) => s.getBBox().width > 400) &&
		[...document.querySelectorAll('path.line')].every((l) => l.getTotalLength() > 0)`)
	p.until("tells what failed", `/failed/.test(document.querySelector('h1').textContent) &&
		/ERR_APP_003/.test(document.body.innerText)`)
	// Lines and texts of the axes stay within their drawing, and the grid is level.
	p.until("keeps within its drawings", `[...document.querySelectorAll('figure > svg')].every(
		(s) => { const b = s.getBBox(), v = s.viewBox.baseVal; return b.x >= -1 && b.y >= -1 &&
			b.x + b.width <= v.width + 1 && b.y + b.height <= v.height + 1; }) &&
		[...document.querySelectorAll('.grid')].every((l) => l.y1.baseVal.value ===
			l.y2.baseVal.value)`)
	p.screenshot("loadtest-light.png")
	ground := `getComputedStyle(document.body).backgroundColor`
	p.until("is light", ground+` === 'rgb(251, 251, 250)'`)
	p.do(scheme("dark"))
	p.until("is dark", ground+` === 'rgb(22, 22, 21)'`)
	p.screenshot("loadtest-dark.png")
	p.do(chromedp.EmulateViewport(390, 1800))
	p.until("fits a phone", `document.documentElement.scrollWidth <= 390`)
	p.screenshot("loadtest-phone.png")
	if len(loaded) != 1 {
		t.Errorf("the page loaded %q", loaded)
	}
	if len(p.faults) != 0 {
		t.Errorf("the console has %q", p.faults)
	}
}

// A signal ends the test early, and what was measured until then is told.
func TestLoadtestInterrupted(t *testing.T) {
	r := start(t)
	ctx, cancel := context.WithCancel(context.Background())
	out := new(safeBuffer)
	seen := writerFunc(func(p []byte) (int, error) {
		cancel()
		return out.Write(p)
	})
	code := run(ctx, []string{"loadtest", "ws://" + r.addr.String(), "-clients", "1", "-for", "1h"},
		nil, out, seen, nil)
	if code != 0 || !strings.Contains(out.String(), "ended early: interrupted") {
		t.Errorf("%d, %s", code, out)
	}
}

// writerFunc is a function that is written to.
type writerFunc func([]byte) (int, error)

// Write calls the function.
func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

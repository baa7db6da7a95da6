package page_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"

	"github.com/smartsocket/smartsocket/internal/browsertest"
)

// tab is one tab of Chromium.
type tab struct {
	t   *testing.T
	ctx context.Context

	mu     sync.Mutex
	faults []string // what the console, uncaught exceptions and the policy said
}

// openBrowser starts a headless Chromium, which ends with the test.
func openBrowser(t *testing.T) context.Context {
	t.Helper()
	return browsertest.Driven(t, 6*time.Minute)
}

// openTab opens a window of a size, with one tab. Unlike a second tab it counts as visible.
func openTab(t *testing.T, browser context.Context, width, height int64) *tab {
	t.Helper()
	c := chromedp.FromContext(browser)
	id, err := target.CreateTarget("about:blank").WithNewWindow(true).Do(
		cdp.WithExecutor(browser, c.Browser))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := chromedp.NewContext(browser, chromedp.WithTargetID(id))
	t.Cleanup(cancel)
	p := &tab{t: t, ctx: ctx}
	chromedp.ListenTarget(ctx, p.hear)
	p.do(log.Enable(), emulation.SetFocusEmulationEnabled(true))
	p.size(width, height)
	return p
}

// hear collects what nobody should have to read.
func (p *tab) hear(event any) {
	switch event := event.(type) {
	case *runtime.EventExceptionThrown:
		p.fault(event.ExceptionDetails.Error())
	case *runtime.EventConsoleAPICalled:
		p.fault(fmt.Sprintf("console %s: %s", event.Type, event.Args[0].Value))
	case *log.EventEntryAdded:
		// An answer that is an error is logged too, as of the source network.
		if event.Entry.Source != log.SourceNetwork {
			p.fault(fmt.Sprintf("%s: %s", event.Entry.Source, event.Entry.Text))
		}
	}
}

func (p *tab) fault(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults = append(p.faults, text)
}

// clean fails if anything was heard.
func (p *tab) clean() {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, fault := range p.faults {
		p.t.Errorf("the console: %s", fault)
	}
}

func (p *tab) do(actions ...chromedp.Action) {
	p.t.Helper()
	if err := chromedp.Run(p.ctx, actions...); err != nil {
		p.t.Fatal(err)
	}
}

func (p *tab) size(width, height int64) {
	p.t.Helper()
	p.do(chromedp.EmulateViewport(width, height))
}

func (p *tab) scheme(name string) {
	p.t.Helper()
	p.do(emulation.SetEmulatedMedia().WithFeatures(
		[]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}}))
}

// until waits until an expression is true. Meanwhile nudge, if given, is called again and again.
func (p *tab) until(what, expression string, nudge ...func()) {
	p.t.Helper()
	for late := time.Now().Add(patience); ; {
		var is bool
		p.do(chromedp.Evaluate("Boolean("+expression+")", &is))
		if is {
			return
		}
		if time.Now().After(late) {
			var page string
			p.do(chromedp.Evaluate(`document.body.innerText`, &page))
			p.shoot("failed")
			var wide string
			p.do(chromedp.Evaluate(`[...document.querySelectorAll('body *')].filter((e) => `+
				`e.getBoundingClientRect().right > innerWidth).map((e) => e.tagName + '.' + `+
				`e.className + e.id).join()`, &wide))
			p.t.Logf("over the edge: %s", wide)
			p.t.Fatalf("the page never %s: %s\nconsole: %q\n%s", what, expression, p.faults, page)
		}
		for _, f := range nudge {
			f()
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// look makes the page ask now, as when the network is back.
func (p *tab) look() {
	p.t.Helper()
	p.do(chromedp.Evaluate(`dispatchEvent(new Event('online'))`, nil))
}

// shows waits until the page has a text.
func (p *tab) shows(text string, nudge ...func()) {
	p.t.Helper()
	p.until("shows "+text, fmt.Sprintf(`document.body.innerText.includes(%q)`, text), nudge...)
}

// press presses the button, or follows the link, that has a text.
func (p *tab) press(text string) {
	p.t.Helper()
	p.until("has a button "+text, fmt.Sprintf(`(() => {
		const all = document.querySelectorAll('dialog[open]').length
			? document.querySelectorAll('dialog button')
			: document.querySelectorAll('button, a, label.chip');
		const found = [...all].filter((b) => b.textContent === %q && !b.disabled &&
			b.checkVisibility());
		document.querySelectorAll('[data-pressed]').forEach((b) =>
			delete b.dataset.pressed);
		if (found.length) found[0].dataset.pressed = '1';
		return found.length;
	})()`, text))
	p.do(chromedp.Click(`[data-pressed]`, chromedp.ByQuery))
}

// enter writes into a field, in the place of what is there.
func (p *tab) enter(id, text string) {
	p.t.Helper()
	p.until("has a field "+id, fmt.Sprintf(`document.getElementById(%q)`, id))
	p.do(chromedp.Evaluate(fmt.Sprintf(`document.getElementById(%q).select()`, id), nil),
		chromedp.KeyEvent(text))
}

// choose takes an entry of a select.
func (p *tab) choose(id, value string) {
	p.t.Helper()
	p.do(chromedp.Evaluate(fmt.Sprintf(`{ const s = document.getElementById(%q); s.value = %q; `+
		`s.dispatchEvent(new Event('change')); }`, id, value), nil))
}

// visit opens a view by its address.
func (p *tab) visit(hash string) {
	p.t.Helper()
	p.do(chromedp.Evaluate(fmt.Sprintf(`location.hash = %q`, hash), nil))
}

// shoot leaves a screenshot of the whole page in artifacts/admin.
func (p *tab) shoot(name string) {
	p.t.Helper()
	dir := filepath.Join("..", "..", "artifacts", "admin")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		p.t.Fatal(err)
	}
	var picture []byte
	p.do(chromedp.CaptureScreenshot(&picture))
	if err := os.WriteFile(filepath.Join(dir, name+".png"), picture, 0o644); err != nil {
		p.t.Fatal(err)
	}
}

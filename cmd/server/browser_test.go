package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/smartsocket/smartsocket/internal/browsertest"
)

func missing(t *testing.T, what string) {
	t.Helper()
	if browsertest.Required(browsertest.Chromium) {
		t.Fatal(what)
	}
	t.Skip(what)
}

// page is one tab on the demo.
type page struct {
	t    *testing.T
	name string
	ctx  context.Context

	mu     sync.Mutex
	faults []string // what the console and uncaught exceptions said
}

// newBrowser starts a browser for the demo's pages.
func newBrowser(t *testing.T, more ...chromedp.ExecAllocatorOption) context.Context {
	t.Helper()
	if _, err := web.ReadFile("web/dist/index.js"); err != nil {
		missing(t, "the browser client is not built: run make wasm")
	}
	return bareBrowser(t, more...)
}

// bareBrowser starts a headless Chromium that talks only to the page's server.
func bareBrowser(t *testing.T, more ...chromedp.ExecAllocatorOption) context.Context {
	t.Helper()
	return browsertest.Driven(t, 3*time.Minute, more...)
}

// open loads the demo in a new tab and waits until it is in its room.
func open(t *testing.T, browser context.Context, url, name string, width, height int64) *page {
	t.Helper()
	p := openTab(t, browser, name)
	p.do(chromedp.EmulateViewport(width, height), chromedp.Navigate(url))
	p.until("is connected and in a room",
		`document.getElementById('app').dataset.state === 'online' && `+
			`document.querySelectorAll('#people li').length > 0`)
	p.do(
		chromedp.Evaluate(
			fmt.Sprintf(`{ const box = document.getElementById('my-name'); box.value = %q; `+
				`box.dispatchEvent(new Event('change')); }`, name), nil))
	p.until("has its name",
		fmt.Sprintf(`document.querySelector('#people li:has(.you) .name')?.textContent === %q`,
			name))
	return p
}

// openTab opens an empty tab and collects what its console complains about.
func openTab(t *testing.T, browser context.Context, name string) *page {
	t.Helper()
	ctx, cancel := chromedp.NewContext(browser)
	t.Cleanup(cancel)
	p := &page{t: t, name: name, ctx: ctx}
	chromedp.ListenTarget(ctx, func(event any) {
		switch event := event.(type) {
		case *runtime.EventExceptionThrown:
			p.fault(event.ExceptionDetails.Error())
		case *runtime.EventConsoleAPICalled:
			if event.Type == runtime.APITypeError || event.Type == runtime.APITypeWarning {
				p.fault(fmt.Sprintf("console %s: %s", event.Type, event.Args[0].Value))
			}
		case *log.EventEntryAdded:
			// what the browser itself refuses, above all because of the content security policy
			if event.Entry.Source == log.SourceSecurity {
				p.fault(event.Entry.Text)
			}
		}
	})
	return p
}

func (p *page) fault(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults = append(p.faults, text)
}

func (p *page) do(actions ...chromedp.Action) {
	p.t.Helper()
	if err := chromedp.Run(p.ctx, actions...); err != nil {
		p.t.Fatalf("%s: %v", p.name, err)
	}
}

// until waits until a JavaScript expression is true.
func (p *page) until(what, expression string) {
	p.t.Helper()
	err := chromedp.Run(p.ctx, chromedp.Poll(expression, nil, chromedp.WithPollingTimeout(patience),
		chromedp.WithPollingInterval(20*time.Millisecond)))
	if err != nil {
		var text string
		_ = chromedp.Run(p.ctx, chromedp.Evaluate(`document.body.innerText`, &text))
		p.mu.Lock()
		defer p.mu.Unlock()
		p.t.Fatalf("%s never %s: %v\nconsole: %q\npage:\n%s", p.name, what, err, p.faults, text)
	}
}

func (p *page) say(text string) {
	p.t.Helper()
	p.do(chromedp.SendKeys("#text", text+"\r", chromedp.ByID))
}

// sees waits for a message by its sender. The user's own messages are on the right.
func (p *page) sees(text string, mine bool) {
	p.t.Helper()
	p.until("saw "+text,
		fmt.Sprintf(`[...document.querySelectorAll('.message')].filter((m) => `+
			`m.querySelector('.bubble').textContent === %q && m.classList.contains('mine') === `+
			`%t).length === 1`, text, mine))
}

func (p *page) seesPeople(names ...string) {
	p.t.Helper()
	p.until("saw "+strings.Join(names, " and "),
		fmt.Sprintf(`[...document.querySelectorAll('#people .name')].map((n) => `+
			`n.textContent).join() === %q`, strings.Join(names, ",")))
}

func (p *page) screenshot(file string) {
	p.t.Helper()
	dir := filepath.Join("..", "..", "artifacts", "demo")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		p.t.Fatal(err)
	}
	var picture []byte
	p.do(chromedp.CaptureScreenshot(&picture))
	if err := os.WriteFile(filepath.Join(dir, file), picture, 0o644); err != nil {
		p.t.Fatal(err)
	}
}

func TestChatInABrowser(t *testing.T) {
	browser := newBrowser(t)
	url := "http://" + start(t, "-demo").addr.String() + "/chat.html"
	ann := open(t, browser, url, "Ann Arbor", 1280, 800)
	bob := open(t, browser, url+"#lobby", "Bob Barker", 390, 844)

	ann.seesPeople("Ann Arbor", "Bob Barker")
	bob.seesPeople("Ann Arbor", "Bob Barker")
	ann.until("runs the wasm engine", `document.getElementById('engine').textContent === 'wasm'`)

	ann.say("Hello from the desktop")
	ann.sees("Hello from the desktop", true)
	bob.sees("Hello from the desktop", false)
	bob.say("and from a phone <b>not bold</b>")
	bob.sees("and from a phone <b>not bold</b>", true)
	ann.sees("and from a phone <b>not bold</b>", false)
	ann.until("kept markup as text", `document.querySelector('.bubble b') === null`)

	bob.do(chromedp.SendKeys("#text", "h", chromedp.ByID))
	ann.until("saw Bob typing",
		`document.getElementById('typing').textContent.startsWith('Bob Barker is typing')`)
	ann.until("measured a round trip",
		`parseFloat(document.getElementById('rtt').textContent) >= 0`)
	ann.until("got the server's figures",
		`document.getElementById('connections').textContent === '2'`)

	ann.do(chromedp.Evaluate(`document.getElementById('drop').click()`, nil))
	ann.until("lost its connection", `document.getElementById('app').dataset.state !== 'online'`)
	ann.until("said so", `!document.getElementById('banner').hidden`)
	bob.seesPeople("Bob Barker")
	bob.do(chromedp.Evaluate(`document.getElementById('text').value = ''`, nil))
	bob.say("while you were away")
	ann.until("reconnected",
		`document.getElementById('app').dataset.state === 'online' && `+
			`document.getElementById('reconnects').textContent === '1'`)
	ann.seesPeople("Ann Arbor", "Bob Barker")
	bob.seesPeople("Ann Arbor", "Bob Barker")
	ann.sees("while you were away", false)
	ann.sees("Hello from the desktop", true)
	ann.say("back again")
	ann.sees("back again", true)
	bob.sees("back again", false)

	for _, p := range []*page{ann, bob} {
		p.until("kept the prototypes clean",
			`(() => { for (const key in {}) return false; return [Object, Array, `+
				`Function].every((c) => Object.keys(c.prototype).length === 0); })()`)
		p.until("leaked no globals",
			`['Go', 'fs', 'process', 'client'].every((name) => !(name in window))`)
		p.until("fits its window",
			`document.documentElement.scrollWidth <= innerWidth && `+
				`document.documentElement.scrollHeight <= innerHeight`)
	}
	ann.screenshot("chat-desktop-light.png")
	bob.screenshot("chat-phone-light.png")
	dark := emulation.SetEmulatedMedia().WithFeatures(
		[]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "dark"}})
	ann.do(dark)
	ann.screenshot("chat-desktop-dark.png")
	bob.do(dark, chromedp.Click("#show-info", chromedp.ByID))
	bob.until("opened the drawer",
		`document.getElementById('info-panel').getAnimations().length === 0`)
	bob.screenshot("chat-phone-dark-info.png")

	for _, p := range []*page{ann, bob} {
		p.mu.Lock()
		for _, fault := range p.faults {
			t.Errorf("%s's console: %s", p.name, fault)
		}
		p.mu.Unlock()
	}
}

func TestChatWorksByKeyboard(t *testing.T) {
	browser := newBrowser(t)
	url := "http://" + start(t, "-demo").addr.String() + "/chat.html"
	p := open(t, browser, url, "Kay", 390, 844)
	p.do(chromedp.Focus("#show-rooms", chromedp.ByID), chromedp.KeyEvent("\r"))
	p.until("opened the drawer",
		`document.getElementById('rooms-panel').contains(document.activeElement) && `+
			`document.getElementById('show-rooms').getAttribute('aria-expanded') === 'true'`)
	p.do(chromedp.KeyEvent("\u001b"))
	p.until("closed the drawer",
		`document.activeElement.id === 'show-rooms' && `+
			`document.getElementById('show-rooms').getAttribute('aria-expanded') === 'false'`)
	p.do(chromedp.Focus("#text", chromedp.ByID), chromedp.KeyEvent("two words\r"))
	p.sees("two words", true)
	p.until("emptied the box", `document.getElementById('text').value === ''`)
}

// play opens the arena in a new tab.
func play(t *testing.T, browser context.Context, url, name string, width, height int64) *page {
	t.Helper()
	p := openTab(t, browser, name)
	p.do(chromedp.EmulateViewport(width, height), chromedp.Navigate(url))
	p.until("is in the arena",
		`document.body.dataset.state === 'online' && document.querySelector('#board .me') !== null`)
	p.do(
		chromedp.Evaluate(
			fmt.Sprintf(`{ const box = document.getElementById('name'); box.value = %q; `+
				`box.dispatchEvent(new Event('change')); }`, name), nil))
	p.until("has its name",
		fmt.Sprintf(`document.querySelector('#board .me td').textContent.startsWith(%q)`, name))
	return p
}

func (p *page) hears(text string) {
	p.t.Helper()
	p.until("heard "+text,
		fmt.Sprintf(`[...document.querySelectorAll('#lines li')].some((li) => `+
			`li.textContent.endsWith(%q))`, text))
}

// clean fails if the page's console said anything.
func (p *page) clean() {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, fault := range p.faults {
		p.t.Errorf("%s's console: %s", p.name, fault)
	}
}

func TestArenaInABrowser(t *testing.T) {
	browser := newBrowser(t)
	url := "http://" + start(t, "-demo").addr.String() + "/"
	ann, bob := play(t, browser, url, "Ann Arbor", 1280, 800),
		play(t, browser, url, "Bob Barker", 390, 844)
	early := false // a state that comes before the rules is not drawn
	ann.do(chromedp.Evaluate(`import('/js/arena/world.js').then(({ World }) => { const w = `+
		`new World(); w.watch({ value: { players: new Map(), gems: new Map() }, onSync() {}, `+
		`onChange() {} }, { interpolate() {} }); return w.look(0, 0) === null; })`, &early,
		func(p *runtime.EvaluateParams) *runtime.EvaluateParams {
			return p.WithAwaitPromise(true)
		}))
	if !early {
		t.Error("a world without rules is drawn")
	}
	for _, p := range []*page{ann, bob} {
		p.until("sees both",
			`['Ann Arbor', 'Bob Barker'].every((name) => [...document.querySelectorAll('#board `+
				`td')].some((td) => td.textContent.startsWith(name)))`)
		p.until("draws",
			`(() => { const c = document.getElementById('canvas'); const d = `+
				`c.getContext('2d').getImageData(0, 0, c.width, c.height).data; return new `+
				`Set(new Uint32Array(d.buffer)).size > 20; })()`)
		p.until("gets many updates a second",
			`parseInt(document.getElementById('in').textContent) > 20`)
		p.until("fits its window",
			`document.documentElement.scrollWidth <= innerWidth && `+
				`document.documentElement.scrollHeight <= innerHeight`)
	}
	ann.do(chromedp.Click("#canvas", chromedp.ByID), chromedp.KeyEvent(" "))
	ann.do(
		chromedp.Evaluate(
			`for (const code of ['ArrowLeft', 'ArrowUp']) document.body.dispatchEvent(new `+
				`KeyboardEvent('keydown', { code, bubbles: true }))`, nil))
	ann.do(chromedp.Focus("#talk", chromedp.ByID),
		chromedp.SendKeys("#talk", "Hello <b>Bob</b>\r", chromedp.ByID))
	ann.hears("Hello <b>Bob</b>")
	bob.hears("Hello <b>Bob</b>")
	bob.until("kept markup as text", `document.querySelector('#lines li b b') === null`)
	ann.screenshot("arena-desktop-light.png")
	bob.screenshot("arena-phone-light.png")

	ann.do(chromedp.Click("#drop", chromedp.ByID))
	ann.until("resumed its session",
		`document.getElementById('resumed').textContent === '1' && document.body.dataset.state `+
			`=== 'online'`)
	ann.hears("the session was resumed, nothing is lost")
	const hue = `document.querySelector('#board .me i').style.getPropertyValue('--hue')`
	var before string
	ann.do(chromedp.Evaluate(hue, &before), chromedp.Evaluate(
		`window.skippedBefore = parseInt(document.getElementById('skipped').textContent)`, nil),
		chromedp.Click("#slow", chromedp.ByID))
	ann.until("skips updates",
		`parseInt(document.getElementById('skipped').textContent) > window.skippedBefore + 20`)
	ann.until("is the same player", fmt.Sprintf(`%s === %q`, hue, before))
	dark := emulation.SetEmulatedMedia().WithFeatures(
		[]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "dark"}})
	ann.do(dark)
	ann.screenshot("arena-desktop-dark-slow.png")
	ann.do(chromedp.Click("#slow", chromedp.ByID))
	ann.until("is fast again",
		`document.body.dataset.state === 'online' && `+
			`parseInt(document.getElementById('in').textContent) > 20`)
	ann.do(chromedp.Click("#engines label:has([value=js])"))
	ann.until("runs the js engine",
		`document.getElementById('engine').textContent === 'js' && document.querySelector('#board `+
			`.me td').textContent.startsWith('Ann Arbor') && `+hue+` === '`+before+`'`)
	ann.do(chromedp.Click("#engines label:has([value=wasm])"))
	ann.until("runs the wasm engine", `document.getElementById('engine').textContent === 'wasm'`)
	bob.do(dark, chromedp.Click("#tab-wire", chromedp.ByID))
	bob.until("shows the connection",
		`document.getElementById('wire-panel').offsetHeight > 0 && `+
			`document.getElementById('board-panel').offsetHeight === 0`)
	bob.screenshot("arena-phone-dark-connection.png")
	bob.until("still has one Ann",
		`[...document.querySelectorAll('#board td')].filter((td) => `+
			`td.textContent.startsWith('Ann Arbor')).length === 1`)
	ann.clean()
	bob.clean()
}

// TestReloadKeepsAnInventedName: who reloads the arena without ever having given a name is still
// the same player under the same name.
func TestReloadKeepsAnInventedName(t *testing.T) {
	browser := newBrowser(t)
	p := openTab(t, browser, "nameless")
	url := "http://" + start(t, "-demo").addr.String() + "/"
	const named = `document.body.dataset.state === 'online' && ` +
		`document.querySelector('#board .me') !== null`
	var before, after string
	read := func(into *string) {
		p.until("is in the arena", named)
		p.do(chromedp.Evaluate(`document.getElementById('name').value`, into))
	}
	p.do(chromedp.Navigate(url))
	read(&before)
	p.do(chromedp.Reload())
	read(&after)
	if before == "" || after != before {
		t.Errorf("%q is called %q after a reload", before, after)
	}
}

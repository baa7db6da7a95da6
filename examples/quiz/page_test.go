//go:build linux || darwin

package main

import (
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/internal/browsertest"
)

// window is a tab with the page.
type window struct {
	t    *testing.T
	name string
	ctx  context.Context
}

// serveTest serves the quiz to a browser, until the test ends.
func serveTest(t *testing.T) (browser context.Context, url string) {
	t.Helper()
	client := filepath.Join("..", "..", "dist")
	if _, err := os.Stat(filepath.Join(client, "state.js")); err != nil {
		missing := "the browser client is not built: run make wasm"
		if browsertest.Required(browsertest.Chromium) {
			t.Fatal(missing)
		}
		t.Skip(missing)
	}
	browser = browsertest.Driven(t, browsertest.Patience)
	server, err := smartsocket.New(options)
	if err != nil {
		t.Fatal(err)
	}
	register(server)
	if err := server.StartDetached(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	web := httptest.NewServer(site(server, client))
	t.Cleanup(web.Close)
	return browser, web.URL
}

// open opens the page in a tab. Whatever its console complains about fails the test.
func open(t *testing.T, browser context.Context, name, url string, width, height int64) *window {
	t.Helper()
	ctx, cancel := chromedp.NewContext(browser)
	t.Cleanup(cancel)
	chromedp.ListenTarget(ctx, func(event any) {
		switch event := event.(type) {
		case *runtime.EventExceptionThrown:
			t.Errorf("%s: %v", name, event.ExceptionDetails)
		case *runtime.EventConsoleAPICalled:
			if event.Type == runtime.APITypeError || event.Type == runtime.APITypeWarning {
				t.Errorf("%s: console %s: %s", name, event.Type, event.Args[0].Value)
			}
		}
	})
	w := &window{t: t, name: name, ctx: ctx}
	w.do(chromedp.EmulateViewport(width, height), chromedp.Navigate(url))
	return w
}

func (w *window) do(actions ...chromedp.Action) {
	w.t.Helper()
	if err := chromedp.Run(w.ctx, actions...); err != nil {
		w.t.Fatalf("%s: %v", w.name, err)
	}
}

// until waits until a JavaScript expression is true.
func (w *window) until(what, expression string) {
	w.t.Helper()
	err := chromedp.Run(w.ctx, chromedp.Poll(expression, nil,
		chromedp.WithPollingTimeout(30*time.Second),
		chromedp.WithPollingInterval(20*time.Millisecond)))
	if err != nil {
		var text string
		_ = chromedp.Run(w.ctx, chromedp.Evaluate(`document.body.innerText`, &text))
		w.t.Fatalf("%s never %s: %v\npage:\n%s", w.name, what, err, text)
	}
}

// sees waits until an element's text has a part.
func (w *window) sees(id, text string) {
	w.t.Helper()
	w.until(fmt.Sprintf("saw %q in %s", text, id), fmt.Sprintf(
		`document.getElementById(%q).getClientRects().length > 0 && `+
			`document.getElementById(%[1]q).innerText.includes(%q)`, id, text))
}

func (w *window) press(key string) {
	w.t.Helper()
	w.do(chromedp.KeyEvent(key))
}

// picture keeps what the window shows, to be looked at.
func (w *window) picture(file string, dark bool) {
	w.t.Helper()
	dir := filepath.Join("..", "..", "artifacts", "quiz")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		w.t.Fatal(err)
	}
	scheme := map[bool]string{false: "light", true: "dark"}[dark]
	var picture []byte
	w.do(emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme}}), chromedp.CaptureScreenshot(&picture))
	if err := os.WriteFile(filepath.Join(dir, file), picture, 0o644); err != nil {
		w.t.Fatal(err)
	}
	w.until("fits its window", `document.documentElement.scrollWidth <= innerWidth`)
}

// join plays the keyboard of somebody who has opened the host's link.
func (w *window) join() {
	w.t.Helper()
	w.do(chromedp.Focus("#join-name", chromedp.ByID),
		chromedp.SendKeys("#join-name", w.name+"\r", chromedp.ByID))
	w.sees("players", w.name)
}

func TestQuizInABrowser(t *testing.T) {
	browser, url := serveTest(t)
	host := open(t, browser, "Host", url, 1280, 800)
	host.picture("start-desktop-light.png", false)
	host.do(chromedp.Click("#host", chromedp.ByID))
	host.sees("lobby-title", "Join with this code")
	var link string
	host.do(chromedp.Location(&link))
	ann := open(t, browser, "Ann", link, 390, 844)
	ann.join()
	bob := open(t, browser, "Bob", link, 1280, 800)
	bob.join()
	host.sees("scores-title", "2 players")
	host.picture("lobby-host-light.png", false)
	ann.picture("lobby-phone-dark.png", true)

	host.press("\r")
	ann.sees("question", questions[0].text)
	ann.press(fmt.Sprint(questions[0].right + 1))
	ann.sees("verdict", "Your answer is in")
	bob.sees("answered", "1 of 2")
	bob.until("does not see what Ann chose", `!document.querySelector('#options .chosen, .right')`)
	ann.picture("question-phone-dark.png", true)
	host.picture("question-host-light.png", false)

	ann.do(chromedp.Reload()) // and finds the seat and the answer again
	ann.sees("verdict", "Your answer is in")
	ann.until("finds her choice", fmt.Sprintf(
		`document.querySelector('#options li:nth-child(%d)').classList.contains('chosen')`,
		questions[0].right+1))
	bob.do(chromedp.Click(fmt.Sprintf("#options li:nth-child(%d) button",
		wrong(questions[0])+1)))
	ann.sees("verdict", "Right: ")
	bob.sees("verdict", "Not this time")
	host.sees("players", "+")
	ann.picture("answer-phone-light.png", false)
	bob.picture("answer-desktop-dark.png", true)

	host.do(chromedp.Reload())
	host.sees("scores-title", "Scores")
	for i := 1; i < len(questions); i++ {
		host.press("\r")
		bob.sees("number", fmt.Sprintf("Question %d of %d", i+1, len(questions)))
		host.press("\r") // nobody answers
		bob.sees("verdict", "Too late")
	}
	host.press("\r")
	bob.sees("scores-title", "Final scores")
	bob.until("sees Ann win", `document.querySelector('#players .name').textContent === 'Ann'`)
	ann.picture("over-phone-dark.png", true)
	host.picture("over-host-light.png", false)
	bob.do(chromedp.Click("#leave", chromedp.ByID))
	host.until("sees Bob leave", `document.querySelectorAll('#players li').length === 1`)
	host.do(chromedp.Click("#leave", chromedp.ByID))
	ann.sees("toast", "the host has left")
}

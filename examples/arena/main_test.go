package main

import (
	"context"
	"fmt"
	"math"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/client"
	"github.com/smartsocket/smartsocket/internal/browsertest"
	"github.com/smartsocket/smartsocket/room/state"
)

const dist = "../../dist"

// start serves the arena.
func start(t *testing.T) string {
	t.Helper()
	server, err := smartsocket.New(options)
	if err != nil {
		t.Fatal(err)
	}
	handler := site(server, dist)
	if err := server.StartDetached(); err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(handler)
	t.Cleanup(func() {
		server.Close()
		web.Close()
	})
	return web.URL
}

// TestPlayerMoves: a player goes where his input says, and another one sees it.
func TestPlayerMoves(t *testing.T) {
	url := "ws" + start(t)[len("http"):] + "/game"
	enter := func(decoded chan<- Arena) (*client.Client, string) {
		c, err := client.New(url, client.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Disconnect)
		decoder, err := state.NewDecoder[Arena]()
		if err != nil {
			t.Fatal(err)
		}
		c.On("arena", func(d client.Data, _ client.Ack) {
			if _, err := decoder.Apply(d.Bytes()); err != nil {
				t.Error(err)
				return
			}
			for key, p := range decoder.State().Players.All() {
				if decoded != nil && math.Hypot(p.X-400, p.Y-200) < 1 {
					var got Arena
					got.Players.Put(key, *p)
					select {
					case decoded <- got:
					default:
					}
				}
			}
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := c.Connect(ctx); err != nil {
			t.Fatal(err)
		}
		key, err := client.Request[string](ctx, c, "play", struct{}{})
		if err != nil {
			t.Fatal(err)
		}
		return c, key
	}
	arrived := make(chan Arena, 1)
	enter(arrived)
	ann, key := enter(nil)
	if err := ann.Emit("arena:input", map[string]any{"seq": 1, "at": 0,
		"data": Point{X: 400, Y: 200}}); err != nil {
		t.Fatal(err)
	}
	for {
		select {
		case got := <-arrived:
			if got.Players.Get(key) != nil {
				return
			}
		case <-time.After(time.Minute):
			t.Fatal("nobody has seen the player arrive")
		}
	}
}

// TestPage: the page draws its own player, who follows the pointer, and the console stays clean.
func TestPage(t *testing.T) {
	if _, err := os.Stat(dist + "/state.js"); err != nil {
		t.Skip("the browser client is not built: run scripts/wasm.sh")
	}
	tab, cancel := chromedp.NewContext(browsertest.Driven(t, browsertest.Patience))
	defer cancel()
	chromedp.ListenTarget(tab, func(event any) {
		if e, ok := event.(*runtime.EventExceptionThrown); ok {
			t.Error(e.ExceptionDetails.Error())
		}
	})
	// mine is whether the page draws its own player within 20 pixels of a place.
	const mine = `(() => { const c = document.querySelector('canvas'); const d = ` +
		`c.getContext('2d').getImageData(%d, %d, %d, %d).data; for (let i = 0; i < d.length; ` +
		`i += 4) if (d[i] === 79 && d[i + 1] === 70 && d[i + 2] === 229) return true; ` +
		`return false; })()`
	if err := chromedp.Run(tab, chromedp.EmulateViewport(820, 480),
		chromedp.Navigate(start(t)),
		chromedp.Poll(fmt.Sprintf(mine, 0, 0, 800, 450), nil),
		chromedp.Evaluate(`{ const c = document.querySelector('canvas'), b = `+
			`c.getBoundingClientRect(); c.onpointermove({ clientX: b.left + b.width / 4, `+
			`clientY: b.top + b.height / 3 }); }`, nil),
		chromedp.Poll(fmt.Sprintf(mine, 198, 148, 4, 4), nil)); err != nil {
		t.Fatal(err)
	}
}

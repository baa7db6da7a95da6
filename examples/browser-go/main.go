//go:build js && wasm

// Command browser-go is a Go program that runs in a page. It talks to the server that the page came
// from. Its native half, the command host, compiles and serves it.
package main

import (
	"context"
	"fmt"
	"strings"
	"syscall/js"
	"time"

	"github.com/smartsocket/smartsocket/client"
)

type said struct {
	From string
	Text string
}

var document = js.Global().Get("document")

func main() {
	if err := run(context.Background()); err != nil {
		logf("failed: %v", err)
		return
	}
	select {} // keeps the program running
}

func run(ctx context.Context) error {
	c, err := client.New(serverURL(), client.Options{ReconnectDelay: 200 * time.Millisecond})
	if err != nil {
		return err
	}
	c.OnDisconnected(func(r client.Reason) { logf("disconnected: %v", r) })
	c.OnReconnected(func(recovered bool) {
		logf("reconnected as %s, recovered: %v", c.ID(), recovered)
	})
	client.On(c, "said", func(m said, _ client.Ack) { logf("%s says: %s", m.From, m.Text) })
	client.On(c, "what do you see", func(_ any, ack client.Ack) {
		ack.Reply(document.Get("title").String())
	})

	if err := c.Connect(ctx); err != nil {
		return err
	}
	logf("connected as %s", c.ID())
	pages, err := client.Request[int](ctx, c, "join", nil)
	if err != nil {
		return err
	}
	logf("pages in the room: %d", pages)
	reversed, err := c.EmitWithAck(ctx, "reverse", []byte{1, 2, 255})
	if err != nil {
		return err
	}
	logf("bytes reversed: %v", reversed.Bytes())

	on("form", "submit", func() {
		input := document.Call("querySelector", "input")
		if err := c.Emit("say", input.Get("value").String()); err != nil {
			logf("not said: %v", err)
		}
		input.Set("value", "")
	})
	on("#break", "click", func() { c.Emit("break", nil) })
	return nil
}

// serverURL returns the address of the server that the page came from.
func serverURL() string {
	location := js.Global().Get("location")
	return strings.Replace(location.Get("protocol").String(), "http", "ws", 1) + "//" +
		location.Get("host").String()
}

// on calls f for an event of the page. f must not block, because the page waits for it.
func on(selector, event string, f func()) {
	callback := js.FuncOf(func(_ js.Value, args []js.Value) any {
		args[0].Call("preventDefault")
		f()
		return nil
	})
	document.Call("querySelector", selector).Call("addEventListener", event, callback)
}

// logf appends a line to the page.
func logf(format string, args ...any) {
	line := document.Call("createElement", "li")
	line.Set("textContent", fmt.Sprintf(format, args...))
	document.Call("querySelector", "#log").Call("append", line)
}

//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket/client"
	"github.com/smartsocket/smartsocket/internal/freeport"
	"github.com/smartsocket/smartsocket/message"
)

// What clients experience when the process of their server is killed, and another one is started: a
// new session, an error for the question that it had not answered, and what they emitted meanwhile
// arrives, apart from what may be lost.
func TestAKilledProcess(t *testing.T) {
	addr := fmt.Sprintf("127.0.0.1:%d", freeport.Of(t))
	p := execute(t, nil, "-addr", addr, "-enable-message-cache", "-log-level", "debug")
	p.expect(`listening on`)
	c, err := client.New("ws://"+addr, client.Options{ReconnectDelay: 10 * time.Millisecond,
		MaxReconnectAttempts: client.Forever})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Disconnect()
	back, lost := make(chan bool, 1), make(chan client.Reason, 1)
	c.OnReconnected(func(recovered bool) { back <- recovered })
	c.OnDisconnected(func(r client.Reason) { lost <- r })
	if err := c.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	id := c.ID()
	echoed(t, c)
	p.signal(syscall.SIGSTOP) // so that it gets the question, and does not answer
	ask := func(text string) chan error {
		t.Helper()
		end := make(chan error, 1)
		err := c.EmitAck("echo", text, patience, func(d client.Data, err error) {
			if got := string(d.Bytes()); err == nil && got != `"`+text+`"` {
				err = fmt.Errorf("%s was answered with %s", text, got)
			}
			end <- err
		})
		if err != nil {
			t.Fatal(err)
		}
		return end
	}
	open := ask("open")
	p.signal(syscall.SIGKILL)
	_ = p.end()
	<-lost
	parked := ask("parked")
	if err := c.Emit("lossy", 1, client.Volatile); err != nil {
		t.Fatal(err)
	}
	again := execute(t, nil, "-addr", addr, "-enable-message-cache", "-log-level", "debug")
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	select {
	case recovered := <-back:
		if recovered || c.Recovered() || c.ID() == id {
			t.Errorf("the session is said to go on, as %s after %s", c.ID(), id)
		}
	case <-ctx.Done():
		t.Fatal("the client does not come back")
	}
	if err := <-open; !errors.Is(err, message.ErrConnectionLost) {
		t.Errorf("the question that the killed process had: %v", err)
	}
	if err := <-parked; err != nil {
		t.Errorf("what was asked while away: %v", err)
	}
	echoed(t, c)
	again.signal(syscall.SIGTERM)
	for {
		line := again.expect(`(event received.*|stopped)`)
		if line == "stopped" {
			break
		}
		if strings.Contains(line, "lossy") {
			t.Error("a volatile event was kept for a connection to come")
		}
	}
}

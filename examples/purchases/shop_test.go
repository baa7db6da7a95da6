//go:build linux || darwin

package main

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/client"
	"github.com/smartsocket/smartsocket/message"
	"github.com/smartsocket/smartsocket/smartsockettest"
)

// watched is a bank that tells of each call.
type watched struct {
	*memory
	mu    sync.Mutex
	calls int
	paid  chan struct{}
}

func (b *watched) Buy(ctx context.Context, player string, o Order) (Receipt, error) {
	b.mu.Lock()
	b.calls++
	b.mu.Unlock()
	defer func() { b.paid <- struct{}{} }()
	return b.memory.Buy(ctx, player, o)
}

// alice is a client with 100 gold at a shop.
func alice(t *testing.T) (*smartsockettest.Server, *smartsockettest.Client, *watched) {
	t.Helper()
	bank := &watched{memory: newMemory(), paid: make(chan struct{}, 10)}
	bank.gold["alice"] = 100
	s := smartsockettest.New(t, options, func(v *smartsocket.Server) { register(v, bank) })
	return s, s.Client(t, client.Options{APIKey: "alice"}), bank
}

type outcome struct {
	r   Receipt
	err error
}

// buying buys a hat on a goroutine of its own.
func buying(c *smartsockettest.Client) <-chan outcome {
	done := make(chan outcome, 1)
	go func() {
		r, err := Buy(context.Background(), c.Client, "hat")
		done <- outcome{r, err}
	}()
	return done
}

func TestBuy(t *testing.T) {
	_, c, bank := alice(t)
	sword := Order{ID: "an ID of the client's", Item: "sword"}
	if r := smartsockettest.Call[Receipt](c, "buy", sword); r != (Receipt{"sword", 30}) {
		t.Errorf("%+v", r)
	}
	c.CallFails("buy", Order{ID: sword.ID, Item: "hat"}, message.CodeHandlerFailed)
	c.CallFails("buy", Order{ID: "another ID of hers", Item: "sword"}, message.CodeHandlerFailed)
	c.CallFails("buy", Order{ID: "another ID of hers", Item: "moon"}, message.CodeHandlerFailed)
	c.CallFails("buy", Order{Item: "hat"}, message.CodeInvalidFormat)
	if bank.gold["alice"] != 30 {
		t.Errorf("%d gold is left", bank.gold["alice"])
	}
}

// The player has paid, and the receipt is lost on its way. She comes back to her session, which
// repeats the question by itself: the handler has run once.
func TestReceiptIsLost(t *testing.T) {
	s, c, bank := alice(t)
	c.Pause()
	done := buying(c)
	<-bank.paid
	s.Quiet()
	c.Cut()
	if !c.Reconnect() {
		t.Error("the session was lost")
	}
	if got := <-done; got.err != nil || got.r != (Receipt{"hat", 70}) {
		t.Errorf("%+v", got)
	}
	if bank.calls != 1 || bank.gold["alice"] != 70 {
		t.Errorf("%d calls, %d gold is left", bank.calls, bank.gold["alice"])
	}
}

// She comes back so late that her session has ended. The same order goes to the bank twice, and is
// paid once.
func TestSessionIsLost(t *testing.T) {
	s, c, bank := alice(t)
	c.Pause()
	done := buying(c)
	<-bank.paid
	s.Quiet()
	c.Cut()
	s.Advance(6 * time.Minute)
	if c.Reconnect() {
		t.Error("the session was kept for six minutes")
	}
	if got := <-done; got.err != nil || got.r != (Receipt{"hat", 70}) {
		t.Errorf("%+v", got)
	}
	if bank.calls != 2 || bank.gold["alice"] != 70 {
		t.Errorf("%d calls, %d gold is left", bank.calls, bank.gold["alice"])
	}
}

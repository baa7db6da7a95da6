package test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/client"
)

// The codes of an application, as a package that both ends import declares them.
var (
	errNoGold  = smartsocket.NewCode("TEST_SHOP_NO_GOLD", "not enough gold")
	errClosed  = smartsocket.NewCode("TEST_SHOP_CLOSED", "the shop is closed")
	errTooBold = smartsocket.NewCode("TEST_SHOP_TOO_BOLD", "that is too much")
)

// bid is refused by its own Validate.
type bid struct{ Gold int }

func (b bid) Validate() error {
	if b.Gold > 100 {
		return fmt.Errorf("bidding %d: %w", b.Gold, errTooBold)
	}
	return nil
}

// What an application declares once is the same error on both sides, whoever of them fails with
// it, and however it is wrapped.
func TestCodesOfAnApplication(t *testing.T) {
	v := startServer(t, Options{}, func(v *Server) {
		smartsocket.Handle(v, "buy", func(*Socket, string) (int, error) { return 0, errNoGold })
		smartsocket.Handle(v, "bid", func(_ *Socket, b bid) (int, error) {
			return 0, fmt.Errorf("bidding %d: %w", b.Gold, errNoGold)
		})
		v.On("enter", reply)
		v.Use(func(_ *Socket, event string, _ Data, next func(error)) {
			if event == "enter" {
				next(fmt.Errorf("at night: %w", errClosed))
				return
			}
			next(nil)
		})
		v.On("ask", func(s *Socket, d Data, ack Ack) {
			_, err := s.EmitWithAck(context.Background(), "sell", d.Clone())
			ack.Reply([]bool{errors.Is(err, errClosed), errors.Is(err, errTooBold)})
		})
	})
	c := newClient(t, v, client.Options{})
	client.Handle(c, "sell", func(bid) (int, error) {
		return 0, fmt.Errorf("selling: %w", errClosed)
	})
	connected(t, c)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for _, tt := range []struct {
		event string
		data  any
		want  *smartsocket.Error
	}{
		{"buy", "sword", errNoGold}, {"bid", bid{7}, errNoGold}, {"bid", bid{101}, errTooBold},
		{"enter", nil, errClosed},
	} {
		var e *smartsocket.Error
		_, err := client.Request[int](ctx, c, tt.event, tt.data)
		if !errors.Is(err, tt.want) || !errors.As(err, &e) || e.Message != tt.want.Message {
			t.Errorf("%s %v: got %v, want %v", tt.event, tt.data, err, tt.want)
		}
		for _, other := range []*smartsocket.Error{errNoGold, errClosed, errTooBold} {
			if other != tt.want && errors.Is(err, other) {
				t.Errorf("%s %v: %v is also %v", tt.event, tt.data, err, other)
			}
		}
	}
	for gold, want := range map[int]string{7: "[true false]", 101: "[false true]"} {
		is, err := client.Request[[]bool](ctx, c, "ask", bid{gold})
		if got := fmt.Sprint(is); err != nil || got != want {
			t.Errorf("the server is told %s, %v, want %s", got, err, want)
		}
	}
}

// Command errors lets players pay each other, and tells everybody what they should know of what
// goes wrong: the player, the client's program, and the log. The guide docs/guides/ERRORS.md
// explains it.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/smartsocket/smartsocket"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	server, err := smartsocket.New(options)
	if err != nil {
		log.Fatal(err)
	}
	b := &bank{gold: map[string]int{"alice": 100, "bob": 0}}
	b.register(server, slog.Default())
	if err := server.Run(ctx); err != nil {
		log.Fatal(err)
	}
}

var options = smartsocket.Options{
	MapError: told,
	// A player is who they say. See docs/guides/AUTHENTICATION.md for the real thing.
	Authenticate: func(_ context.Context, r smartsocket.AuthRequest) (any, error) {
		if r.APIKey == "" {
			return nil, smartsocket.ErrRejected
		}
		return r.APIKey, nil
	},
}

// told decides what a client is told of an error: what was made to be told. Of all others it gets
// the code ERR_APP_002, and not the text, which may name tables, hosts or other players.
func told(_ *smartsocket.Socket, _ string, err error) error {
	var e *smartsocket.Error
	if errors.As(err, &e) {
		return e
	}
	return nil
}

// report logs what a client is not told.
func report(log *slog.Logger) smartsocket.Interceptor {
	return func(ctx context.Context, call *smartsocket.Call, next smartsocket.Next) error {
		err := next(ctx, call)
		var e *smartsocket.Error
		if err != nil && !errors.As(err, &e) {
			log.Error("a handler failed", "event", call.Event, "player", call.Socket.Identity(),
				"took", call.Duration(), "error", err)
		}
		return err
	}
}

func (b *bank) register(v *smartsocket.Server, log *slog.Logger) {
	v.Intercept(report(log))
	v.SetEventRateLimit("pay", smartsocket.Limit{Window: time.Minute, MaxRequests: 10})
	pay := func(ctx context.Context, s *smartsocket.Socket, p Payment) (int, error) {
		return b.pay(ctx, s.Identity().(string), p)
	}
	smartsocket.HandleContext(v, "pay", pay, smartsocket.Timeout(2*time.Second), smartsocket.Strict)
}

// bank stands for a database.
type bank struct {
	mu   sync.Mutex
	gold map[string]int // by player
	down error
}

// pay returns what the payer has left.
func (b *bank) pay(ctx context.Context, from string, p Payment) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := errors.Join(ctx.Err(), b.down); err != nil {
		return 0, fmt.Errorf("paying %s: %w", p.To, err)
	}
	if _, ok := b.gold[p.To]; !ok {
		return 0, fmt.Errorf("paying %s: %w", p.To, ErrNoPlayer)
	}
	if missing := p.Gold - b.gold[from]; missing > 0 {
		return 0, smartsocket.WithDetails(ErrNoGold, Shortage{missing})
	}
	b.gold[from] -= p.Gold
	b.gold[p.To] += p.Gold
	return b.gold[from], nil
}

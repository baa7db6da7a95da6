package main

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/smartsocket/smartsocket"
)

// Order is what a client asks for. It makes an ID once for each purchase, and keeps it when it asks
// again.
type Order struct {
	ID   string
	Item string
}

// Validate says what is wrong with an order.
func (o Order) Validate() error {
	if len(o.ID) < 16 || len(o.ID) > 64 {
		return errors.New("an order needs an ID of 16 to 64 characters")
	}
	return nil
}

// Receipt is the answer.
type Receipt struct {
	Item string
	Gold int // what the player has left
}

// Bank charges a player for an order. If it has seen this order of this player before, it returns
// the receipt of then.
type Bank interface {
	Buy(ctx context.Context, player string, o Order) (Receipt, error)
}

// register sells what the bank has. Sockets have the player as their identity.
func register(v *smartsocket.Server, bank Bank) {
	smartsocket.Handle(v, "buy", func(s *smartsocket.Socket, o Order) (Receipt, error) {
		// Not the connection's context: a purchase that has begun ends, whatever the client does.
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		return bank.Buy(ctx, s.Identity().(string), o)
	})
}

var prices = map[string]int{"hat": 30, "sword": 70}

// memory is a Bank that stands for a database. What one call of Buy reads and writes is there a
// transaction, and receipts is a table in which player and ID together are unique.
type memory struct {
	mu       sync.Mutex
	gold     map[string]int // by player
	receipts map[[2]string]Receipt
}

func newMemory() *memory {
	return &memory{gold: make(map[string]int), receipts: make(map[[2]string]Receipt)}
}

// Buy implements Bank.
func (b *memory) Buy(_ context.Context, player string, o Order) (Receipt, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if r, ok := b.receipts[[2]string{player, o.ID}]; ok {
		if r.Item != o.Item {
			return Receipt{}, errors.New("this ID belongs to another order: make a new one")
		}
		return r, nil
	}
	price, ok := prices[o.Item]
	switch {
	case !ok:
		return Receipt{}, errors.New("this is not for sale")
	case b.gold[player] < price:
		return Receipt{}, errors.New("not enough gold")
	}
	b.gold[player] -= price
	r := Receipt{o.Item, b.gold[player]}
	b.receipts[[2]string{player, o.ID}] = r
	return r, nil
}

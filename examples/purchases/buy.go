package main

import (
	"context"
	"crypto/rand"
	"errors"

	"github.com/smartsocket/smartsocket/client"
	"github.com/smartsocket/smartsocket/message"
)

// Buy is the client's half. If it fails with ERR_CONN_006 or ERR_ACK_001 nobody knows here what
// became of the order. So it asks again with the same ID, a few times.
func Buy(ctx context.Context, c *client.Client, item string) (r Receipt, err error) {
	o := Order{ID: rand.Text(), Item: item}
	for range 5 {
		r, err = client.Call[Order, Receipt](ctx, c, "buy", o)
		if !errors.Is(err, message.ErrConnectionLost) && !errors.Is(err, message.ErrAckTimeout) {
			break
		}
	}
	return r, err
}

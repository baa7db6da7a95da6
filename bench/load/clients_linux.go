package load

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"time"

	"github.com/smartsocket/smartsocket/client"
)

// clientsTimeout is how long one client may take to connect and to have its message answered.
const clientsTimeout = 20 * time.Second

// runClients measures the memory of idle sessions of package client. Each session has had one
// message answered.
func runClients(p Params) (r Result, err error) {
	if !p.Idle {
		return r, errors.New("protocol " + string(p.Protocol) + " measures idle memory alone")
	}
	url, o := "ws://"+p.Addr+"/", client.Options{MaxReconnectAttempts: client.Never}
	if p.Protocol == Sealed {
		o.EncryptionKey = Key
	} else {
		url = "wss://" + p.Addr + "/"
		// The server makes a new certificate each time.
		o.TLSConfig = &tls.Config{InsecureSkipVerify: true}
	}
	clients := make([]*client.Client, 0, p.Conns)
	defer func() {
		for _, c := range clients {
			c.Disconnect()
		}
	}()
	if r.RSSBefore, err = settledRSS(p.PID); err != nil {
		return r, err
	}
	data, start := make([]byte, p.Payload), time.Now()
	for i := range p.Conns {
		c, err := client.New(url, o)
		if err != nil {
			return r, err
		}
		clients = append(clients, c)
		if err := converse(c, p.Event, data); err != nil {
			return r, fmt.Errorf("client %d of %d: %w", i, p.Conns, err)
		}
	}
	r.Connect = time.Since(start)
	r.RSSAfter, err = settledRSS(p.PID)
	return r, err
}

// converse connects c and has one message answered.
func converse(c *client.Client, event string, data []byte) error {
	ctx, cancel := context.WithTimeout(context.Background(), clientsTimeout)
	defer cancel()
	if err := c.Connect(ctx); err != nil {
		return err
	}
	_, err := c.EmitWithAck(ctx, event, data)
	return err
}

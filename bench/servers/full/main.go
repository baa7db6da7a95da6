//go:build unix

// Command full is the server of the benchmarks of the whole stack. Its events:
//
//	inline     an inline handler answers the data as the ack
//	blocking   the same from a handler on the pool
//	broadcast  an inline handler emits the data to the whole namespace
//
// Every session is in one room, so that idle memory includes that. With the argument "sealed"
// messages are encrypted, with "secure" the listener speaks TLS.
package main

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/bench/load"
	"github.com/smartsocket/smartsocket/bench/serve"
	"github.com/smartsocket/smartsocket/internal/selfsigned"
)

func main() {
	serve.Main(func() (string, error) {
		o := smartsocket.Options{
			Host:               "127.0.0.1",
			Port:               -1,
			EnableRateLimiting: smartsocket.Disabled,
			MaxConnections:     1 << 20,
			ConnectionTimeout:  10 * time.Minute, // the generator answers no pings
			Logger:             slog.New(slog.DiscardHandler),
		}
		if err := protect(&o, os.Args[1:]); err != nil {
			return "", err
		}
		srv, err := smartsocket.New(o)
		if err != nil {
			return "", err
		}
		answer := func(_ *smartsocket.Socket, d smartsocket.Data, ack smartsocket.Ack) {
			ack.Reply(d)
		}
		srv.On("connected", func(s *smartsocket.Socket, _ smartsocket.Data, _ smartsocket.Ack) {
			_ = s.Join("everyone")
		}, smartsocket.Inline)
		srv.On("inline", answer, smartsocket.Inline)
		srv.On("blocking", answer)
		srv.On("broadcast", func(_ *smartsocket.Socket, d smartsocket.Data, _ smartsocket.Ack) {
			_, _ = srv.Emit("broadcast", d)
		}, smartsocket.Inline)
		if err := srv.Start(); err != nil {
			return "", err
		}
		return srv.Addr().String(), nil
	})
}

// protect turns on what the arguments ask for.
func protect(o *smartsocket.Options, args []string) error {
	if slices.Contains(args, "sealed") {
		o.EncryptionKey, o.EncryptionAlgorithm = load.Key, "aes-256-gcm"
	}
	if !slices.Contains(args, "secure") {
		return nil
	}
	cert, err := selfsigned.New(1)
	if err != nil {
		return fmt.Errorf("certificate: %w", err)
	}
	o.TLSConfig = &tls.Config{Certificates: []tls.Certificate{cert}}
	return nil
}

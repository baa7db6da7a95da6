package main

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/reactor"
	"github.com/smartsocket/smartsocket/websocket"
)

// serveEcho sends every WebSocket message back as it came, compressed for peers that offer
// permessage-deflate. Conformance suites and raw benchmarks want that.
func serveEcho(ctx context.Context, c *settings, log *slog.Logger, ready func(net.Addr)) error {
	var secured *tls.Config
	if c.TLSCertFile != "" {
		var err error
		if secured, err = smartsocket.LoadTLS(c.TLSCertFile, c.TLSKeyFile, log); err != nil {
			return err
		}
	}
	r, err := reactor.New(reactor.Options{
		Loops:          c.Loops,
		MaxOutboxBytes: max(c.MaxOutboxBytes, 2*c.MaxMessageBytes),
		MaxOutboxAge:   c.MaxOutboxAge,
		SendBuffer:     c.SendBufferBytes,
		Logger:         log,
	})
	if err != nil {
		return err
	}
	threshold := c.CompressionThreshold
	if threshold == 0 {
		threshold = smartsocket.DefaultOptions().CompressionThreshold
	}
	origins := frame.AllowOrigins(c.AllowedOrigins)
	origins.Hosts = c.AllowedHosts
	srv := websocket.NewServer(r, websocket.Options{
		MaxMessage:       int64(c.MaxMessageBytes),
		HandshakeTimeout: c.HandshakeTimeout,
		Deflate:          c.CompressionThreshold >= 0,
		DeflateLevel:     c.CompressionLevel,
		DeflateThreshold: threshold,
		Origin:           origins,
		Head: frame.HeadLimits{Bytes: c.MaxHeaderBytes, Line: c.MaxHeaderLineBytes,
			Lines: c.MaxHeaderLines},
		TLSConfig: secured,
		Logger:    log,
	}, websocket.Echo)
	if err := c.listenWith(srv.Serve, srv.AddListener); err != nil {
		return errors.Join(err, srv.Close(), r.Close())
	}
	log.Info("listening", "address", srv.Addr())
	ready(srv.Addr())
	<-ctx.Done()
	return errors.Join(srv.Close(), r.Close())
}

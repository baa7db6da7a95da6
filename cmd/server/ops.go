package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/ops"
	admin "github.com/smartsocket/smartsocket/ops/page"
)

// checkOps checks the settings of the operations address.
func (c *settings) checkOps() error {
	switch {
	case c.OpsAddr == "":
		return nil
	case c.Echo:
		return c.loaded.Error("opsAddr", errors.New(
			"echo has no server that it could show: switch one of them off; profiles have "+
				"profileAddr"))
	}
	if err := ops.CheckAddr(c.OpsAddr, c.OpsToken); err != nil {
		return c.loaded.Error("opsAddr", err)
	}
	return nil
}

// serveOps serves the operations address, if there is to be one, until stop is called. end begins
// the end of the program.
func serveOps(
	c *settings, srv *smartsocket.Server, joined *nodes, again *reloads, log *slog.Logger,
	end func(),
) (stop func(), err error) {
	if c.OpsAddr == "" {
		return func() {}, nil
	}
	l, err := c.listenOps()
	if err != nil {
		return nil, err
	}
	o := ops.Options{Token: c.OpsToken, Cluster: joined.cluster, Level: &c.level, Logger: log,
		Drain: end, Page: admin.Handler()}
	if again != nil {
		o.Reload = again.now
	}
	life, cut := context.WithCancel(context.Background()) // of tails and profiles
	server := opsServer(life, ops.Handler(srv, o), log)
	log.Info("the operations address is open", "address", l.Addr(), "token", c.OpsToken != "")
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(l) // ends with ErrServerClosed at stop
	}()
	return func() {
		cut()
		soon, end := context.WithTimeout(context.Background(), time.Second)
		defer end()
		if server.Shutdown(soon) != nil { // whoever asked to drain gets the answer
			_ = server.Close()
		}
		<-done
	}, nil
}

// httpIdleTimeout is how long a connection may wait for its next request: longer than Prometheus
// waits between scrapes, and not for ever, because connections are free to whoever reaches the
// address, and descriptors are what players need.
const httpIdleTimeout = 2 * time.Minute

// opsServer serves h. Its requests end with life.
func opsServer(life context.Context, h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler: h, ReadHeaderTimeout: httpHeadTimeout, IdleTimeout: httpIdleTimeout,
		BaseContext: func(net.Listener) context.Context { return life },
		ErrorLog:    slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}

// listenOps binds the operations address, or takes it over from the process before. A Unix socket
// is for its owner alone.
func (c *settings) listenOps() (net.Listener, error) {
	if err := ops.CheckAddr(c.OpsAddr, c.OpsToken); err != nil {
		return nil, err
	}
	path, unix := strings.CutPrefix(c.OpsAddr, "unix:")
	if !unix {
		return c.sockets.Listen("operations", "tcp", c.OpsAddr)
	}
	l, err := c.sockets.Listen("operations", "unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// Command server is the SmartSocket server as a program. It serves events on namespace "/". With
// -demo it serves the demo (an arena and a chat), and with -echo a bare WebSocket echo.
//
// # Locks
//
// chat.show is taken before chat.mu and before the mu of a person. No other two locks of this
// program are held together. Emit does not block and may be called under all of them.
//
// # Reading order
//
// Read main.go, then config.go and validate.go (the settings, which package config reads),
// reload.go. demo.go puts the demo together: arena.go on top of arena_world.go is the game, chat.go
// the chat, lane.go the slow line. nodes.go joins several servers.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/config"
	"github.com/smartsocket/smartsocket/crypto"
	"github.com/smartsocket/smartsocket/handover"
)

func main() {
	ctx, end := context.WithCancel(context.Background())
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-asked
		// From here a second signal ends the process at once.
		signal.Stop(asked)
		end()
	}()
	os.Exit(run(ctx, os.Args[1:], os.Environ(), os.Stdout, os.Stderr, nil))
}

// run is the program without the process around it. If ready is not nil it is told the bound
// address once the server accepts connections. run returns the exit code.
func run(
	ctx context.Context, args, environ []string, stdout, stderr io.Writer, ready func(net.Addr),
) int {
	if len(args) > 0 {
		if args[0] == serveWord {
			args = args[1:]
		} else if w := wordNamed(args[0]); w != nil {
			return w.run(ctx, args[1:], environ, stdout, stderr)
		}
	}
	c, err := parse(args, environ)
	switch {
	case errors.Is(err, config.Help):
		c.loaded.Help(stdout)
		return 0
	case errors.Is(err, keygen):
		key := crypto.GenerateKey()
		fmt.Fprintln(stdout, key.Encode())
		return 0
	case errors.Is(err, version):
		printVersion(stdout)
		return 0
	case errors.Is(err, health):
		return c.checkHealth(ctx, stdout, stderr)
	case errors.Is(err, defaultConfig), errors.Is(err, config.Print):
		c.loaded.Print(stdout)
		return 0
	case errors.Is(err, checkConfig):
		fmt.Fprintln(stdout, "the configuration is valid")
		return 0
	case err != nil:
		fmt.Fprintf(stderr, "smartsocket-server: %v\n", err)
		return 2
	}
	c.again = func() (*settings, error) { return parse(args, environ) }
	log := newLogger(c, stderr)
	if ready == nil {
		ready = func(net.Addr) { handover.Ready() }
	}
	if c.sockets, err = handover.Inherited(serviceSocket); err != nil {
		log.Error("the server did not start", "error", err)
		return 1
	}
	serves := ready
	ready = func(a net.Addr) {
		c.sockets.CloseRest()
		serves(a)
	}
	ctx, c.drain = context.WithCancel(ctx)
	defer c.drain()
	if err := serve(ctx, c, log, ready); err != nil {
		log.Error("the server stopped", append([]any{"error", err}, fixOf(err)...)...)
		return 1
	}
	log.Info("stopped")
	return 0
}

// fixOf is what the log says besides an error of serve.
func fixOf(err error) []any {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return []any{"fix", "another program has this address: stop it, or choose another port, " +
			"as in -port 3001 (make run ARGS='-port 3001')"}
	case errors.Is(err, syscall.EACCES):
		return []any{"fix", "the system does not give this user such a port: take one above 1023"}
	}
	return nil
}

// serve runs what the configuration asks for until ctx ends, drains it if that is asked for, and
// shuts it down.
func serve(ctx context.Context, c *settings, log *slog.Logger, ready func(net.Addr)) error {
	logStart(c, log)
	defer func() { c.sockets.Close(c.handed) }()
	if c.ProfileAddr != "" {
		stop, err := serveProfiles(c, log)
		if err != nil {
			return err
		}
		defer stop()
	}
	switch {
	case c.Echo:
		return serveEcho(ctx, c, log, ready)
	case c.Demo:
		return serveDemo(ctx, c, log, ready)
	}
	srv, joined, err := newServer(c, log)
	if err != nil {
		return err
	}
	defer joined.leave(log)
	defer srv.Close()
	again, stopReloads := followReloads(c, srv, log)
	defer stopReloads()
	handleBasics(srv)
	srv.TakeSessions(c.sockets.Predecessor())
	if err := c.serve(srv); err != nil {
		return err
	}
	ctx, drain := context.WithCancel(ctx)
	defer drain()
	stopOps, err := serveOps(c, srv, joined, again, log, drain)
	if err != nil {
		return err
	}
	defer stopOps()
	ready(srv.Addr())
	if c.await(ctx, log); c.handed {
		stopOps() // the successor answers
	}
	return end(ctx, c, srv, log, srv.Shutdown)
}

// handOverTime is how long a server drains whose successor has taken over, if drainTimeout is not
// set.
const handOverTime = 30 * time.Second

// await returns when ctx ends, or when another process has taken over. Then it has closed the
// sockets of this one, so that nobody waits on one that the other does not use.
func (c *settings) await(ctx context.Context, log *slog.Logger) {
	succeeded, stop := handover.Follow(c.sockets, log)
	select {
	case <-ctx.Done():
	case <-succeeded:
	}
	stop()
	select {
	case <-succeeded: // perhaps while ctx ended
		c.handed = true
		c.sockets.Close(c.handed)
	default:
		handover.Notify("STOPPING=1")
	}
}

// end drains srv if there is a time for it, and runs shutdown within its own. If another process
// has taken over, the end of ctx ends the drain.
func end(
	ctx context.Context, c *settings, srv *smartsocket.Server, log *slog.Logger,
	shutdown func(context.Context) error,
) error {
	drainTime, drain := c.DrainTimeout, srv.Drain
	if c.handed {
		drainTime, drain = cmp.Or(drainTime, handOverTime), srv.HandOver
		srv.GiveSessions(c.sockets.Successor())
	} else {
		ctx = context.WithoutCancel(ctx)
	}
	if drainTime > 0 {
		ctx, cancel := context.WithTimeout(ctx, drainTime)
		_ = drain(ctx) // what was not finished is in the log
		cancel()
	}
	log.Info("stopping", "timeout", c.ShutdownTimeout)
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.ShutdownTimeout)
	defer cancel()
	return shutdown(stop)
}

// options returns the library's options as configured. log may be nil.
func (c *settings) options(log *slog.Logger) smartsocket.Options {
	o := c.Options
	o.Logger = log
	if o.Port == 0 {
		o.Port = -1
	}
	if len(c.Listen) > 0 {
		o.Host = c.exposed() // what the library warns of depends on it
	}
	return o
}

// address returns where the modes that bind themselves listen.
func (c *settings) address() (network, addr string) {
	if path, ok := strings.CutPrefix(c.Host, "unix:"); ok {
		return "unix", path
	}
	return "tcp", net.JoinHostPort(strings.Trim(c.Host, "[]"), fmt.Sprint(c.Port))
}

// listen returns the socket that was handed over to this process, or binds its own.
func (c *settings) listen() (net.Listener, error) {
	network, addr := c.address()
	return c.sockets.Listen(serviceSocket, network, addr)
}

// handleBasics registers what a server without an application answers:
//
//	"echo"  comes back as an "echo" event with the same data, and in the ack
//	"ping"  is answered by a "pong" event with the same data, and in the ack
func handleBasics(srv *smartsocket.Server) {
	answerWith := func(event string) smartsocket.Handler {
		return func(s *smartsocket.Socket, d smartsocket.Data, ack smartsocket.Ack) {
			// A peer that is gone or too slow has been counted and closed. Nobody is left to tell.
			_, _ = s.Emit(event, d)
			ack.Reply(d)
		}
	}
	srv.On("echo", answerWith("echo"), smartsocket.Inline)
	srv.On("ping", answerWith("pong"), smartsocket.Inline)
}

// serveProfiles serves net/http/pprof on an address of its own.
func serveProfiles(c *settings, log *slog.Logger) (stop func(), err error) {
	l, err := c.sockets.Listen("profiles", "tcp", c.ProfileAddr)
	if err != nil {
		return nil, fmt.Errorf("profileAddr: %w", err)
	}
	log.Warn("serving profiles: keep this address private", "address", l.Addr())
	server := &http.Server{Handler: profileMux(), ReadHeaderTimeout: httpHeadTimeout}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(l) // ends with ErrServerClosed at stop
	}()
	return func() { _ = server.Close(); <-done }, nil
}

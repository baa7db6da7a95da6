//go:build linux

package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/handover"
)

// drainTime is how long a node may drain.
const drainTime = 60 * time.Second

// drainDelay is longer than HAProxy needs to notice that a node is not ready, see checkEvery.
const drainDelay = 2 * time.Second

// node serves as a game would, until SIGTERM, or until SIGUSR2 has made a successor.
func node(ctx context.Context) error {
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // until the process ends that measures
		os.Exit(1)
	}()
	level := slog.LevelWarn
	if *verbose {
		level = slog.LevelInfo
	}
	logger := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
	o := smartsocket.Options{TrustedProxies: []string{"127.0.0.1"},
		EnableMessageCache: *keeps, DrainDelay: drainDelay,
		DrainRate: *pace, MaxConnections: 19_000, Logger: logger,
		Workers: 1024} // one of twenty purchases waits: 15 ms of a worker each, on average
	if !*limits {
		o.MaxUnauthenticated, o.MaxUnauthenticatedPerAddress = 1<<20, -1
		o.MaxConnections = 1 << 20
	}
	v, err := smartsocket.New(o)
	if err != nil {
		return err
	}
	defer v.Close()
	smartsocket.Handle(v, "buy", func(_ *smartsocket.Socket, n int) (int, error) {
		if n%20 == 0 {
			time.Sleep(300 * time.Millisecond) // one of them is slow
		}
		return n, nil
	})
	sockets, err := handover.Inherited("game")
	if err != nil {
		return err
	}
	l, err := sockets.Listen("game", "tcp", *addr)
	if err != nil {
		return err
	}
	v.TakeSessions(sockets.Predecessor())
	if err := v.Serve(l); err != nil {
		return err
	}
	over := make(chan struct{})
	defer close(over)
	go ticks(v, over)
	sockets.CloseRest()
	handover.Ready()
	succeeded, stop := handover.Follow(sockets, logger)
	select {
	case <-ctx.Done():
	case <-succeeded:
	}
	stop()
	drain, handed := v.Drain, false
	select {
	case <-succeeded:
		drain, handed = v.HandOver, true
		v.GiveSessions(sockets.Successor())
	default:
	}
	bounded, cancel := context.WithTimeout(context.Background(), drainTime)
	defer cancel()
	err = errors.Join(drain(bounded), v.Shutdown(bounded))
	sockets.Close(handed)
	return err
}

// ticks sends the state of the game to everybody, *hz times a second.
func ticks(v *smartsocket.Server, over <-chan struct{}) {
	tick := time.NewTicker(time.Duration(float64(time.Second) / *hz))
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-over:
			return
		case <-tick.C:
			_, _ = v.Emit("tick", n)
		}
	}
}

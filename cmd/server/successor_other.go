//go:build !unix

package main

import "log/slog"

// followSuccessors does nothing: this system has no SIGUSR2.
func followSuccessors(*sockets, *slog.Logger) (succeeded <-chan struct{}, stop func()) {
	return nil, func() {}
}

func tellReady() {}

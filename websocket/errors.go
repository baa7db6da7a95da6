package websocket

import (
	"errors"
	"fmt"
)

var (
	// ErrCloseTimeout is passed to OnClose if the peer did not answer our close frame within
	// Options.CloseTimeout.
	ErrCloseTimeout = errors.New(
		"websocket: the peer did not answer the close frame within CloseTimeout")
	// ErrHandshakeTimeout means that the opening handshake was not complete within
	// Options.HandshakeTimeout.
	ErrHandshakeTimeout = errors.New(
		"websocket: the opening handshake was not complete within HandshakeTimeout")
	// ErrSlowMessage is passed to OnClose if a message took longer than Options.MessageTimeout and
	// came too slowly.
	ErrSlowMessage = errors.New(
		"websocket: a message was not complete within MessageTimeout and came too slowly")
	// ErrFlood is passed to OnClose if a connection exceeded MaxControlRate, MaxFrameRate or
	// MaxInflateRate.
	ErrFlood = errors.New("websocket: the peer sent too much in a second")
	// ErrListening is returned by a second Listen or Serve of the same Server.
	ErrListening = errors.New("websocket: this Server listens already; use AddListener for more")
	// ErrNoTLS is returned by AddListener if TLS is wanted, and there is no certificate.
	ErrNoTLS = errors.New("websocket: there is no certificate for tls: set Options.TLSConfig")
	// ErrDialTLS is returned by Dial if Options.TLSConfig is set.
	ErrDialTLS = errors.New(
		"websocket: Dial does not speak TLS; leave TLSConfig nil, or use package client for wss://")
	// ErrExtension means that a server answered with an extension that Dial did not offer, or with
	// parameters that it did not offer.
	ErrExtension = errors.New(
		"websocket: the server answered with an extension that was not offered")
)

// PanicError is passed to OnClose after a handler panicked.
type PanicError struct {
	Value any // what the handler panicked with
}

func (e *PanicError) Error() string {
	return fmt.Sprintf("websocket: handler panicked: %v", e.Value)
}

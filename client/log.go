package client

import (
	"context"
	"log/slog"
	"strconv"
)

// levelTrace is the only level at which payloads are logged. slog has no name for it.
const levelTrace = slog.Level(-8)

// logEvent logs an emitted event at debug, and its payload at trace.
func (c *Client) logEvent(event string, payload []byte) {
	if !c.opts.Logger.Enabled(context.Background(), slog.LevelDebug) {
		return
	}
	c.opts.Logger.Debug("Emitting event: " + event)
	if event != authEvent && c.opts.Logger.Enabled(context.Background(), levelTrace) {
		c.opts.Logger.Log(context.Background(), levelTrace, "Emitted data",
			"event", event, "data", string(payload))
	}
}

// logSent logs at debug that a message of n bytes was handed to the connection.
func (c *Client) logSent(n int) {
	if c.opts.Logger.Enabled(context.Background(), slog.LevelDebug) {
		c.opts.Logger.Debug("Sent message (" + strconv.Itoa(n) + " bytes)")
	}
}

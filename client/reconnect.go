package client

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/smartsocket/smartsocket/message"
)

const (
	maxDelay = 30 * time.Second
	healthy  = 10 * time.Second // after a connection of this length the delays start anew

	maxThrottled = 10 * time.Minute // the longest RetryAfter of ERR_CONN_007 that is believed
)

// Reconnecting tells OnReconnecting handlers about the next attempt.
type Reconnecting struct {
	Attempt int           // counts from 1 after each loss
	Delay   time.Duration // until the attempt is made
	Err     error         // why the attempt before failed; nil for the first one
}

// backoff returns the delay before the next attempt after n failed ones.
func (c *Client) backoff(n int) time.Duration {
	d := float64(c.opts.ReconnectDelay)
	for ; n > 0 && d < float64(maxDelay); n-- {
		d *= 1.5
	}
	d = min(d, float64(max(maxDelay, c.opts.ReconnectDelay)))
	return time.Duration(d * (0.5 + c.random()))
}

// hinted replaces a delay by what the server asked for, if it did: a random part of a
// window, or a time to stay away, with a random part added. It counts no more than the
// longest delay of our own, because a broken server or a proxy may ask for days. A throttle lasts
// longer than that, and whoever comes too early is turned away again.
func (c *Client) hinted(delay, hint time.Duration, window, throttled bool) time.Duration {
	most := maxDelay
	if throttled {
		most = maxThrottled
	}
	hint = min(hint, max(most, c.opts.ReconnectDelay))
	switch {
	case hint < 0:
		return delay
	case window:
		return time.Duration(float64(hint) * c.random())
	}
	return hint + time.Duration(c.random()*float64(min(hint, c.opts.ReconnectDelay)))
}

// reconnect makes a connection in place of a lost one. It ends when it has one, when
// the attempts are used up, when the server forbids more, or with life. It tries these
// addresses in turn: the one that GOAWAY named, or else the lost one, the one that New
// was given, and Options.URLs.
func (c *Client) reconnect(life context.Context, lost *link) {
	hint, window := lost.waitFor, lost.window
	to := lost.at
	if lost.moved != nil {
		to = lost.moved
	}
	route := c.route(to)
	c.mu.Lock()
	counted := c.losses
	c.mu.Unlock()
	var last error // of the attempt before
	for tries, grown := 1, counted; ; tries++ {
		if most := c.opts.MaxReconnectAttempts; most >= 0 && counted >= most {
			c.giveUp(life, &Error{
				Code: message.CodeConnectionLost,
				Message: "the session could not be restored in " + strconv.Itoa(most) +
					" attempts: call Connect to try again",
				Cause: last,
			})
			return
		}
		delay := c.hinted(c.backoff(grown), hint, window, errors.Is(last, message.ErrThrottled))
		if !c.wait(life, Reconnecting{tries, delay, last}) {
			return
		}
		c.keepLosses(life, counted+1) // before the new connection can be lost
		code, err := c.attempt(life, life, route[(tries-1)%len(route)], lost.session)
		if err == nil || life.Err() != nil {
			return
		}
		hint, window = -1, false
		e := asError(err, message.CodeConnectionLost)
		last = e
		if e.RetryAfter > 0 {
			hint = time.Duration(min(e.RetryAfter, 1<<31)) * time.Millisecond
		}
		if final(e, code) {
			c.giveUp(life, e)
			return
		}
		grown++
		if !errors.Is(e, message.ErrMaxConnections) && !errors.Is(e, message.ErrThrottled) {
			counted++
		}
		c.opts.Logger.Debug("Reconnection failed", "code", string(e.Code))
	}
}

// final reports whether another attempt would fail in the same way. code is the close
// code with which the server ended the handshake, or 0. A handshake that failed
// otherwise is not final, because it may have met a proxy without a server behind it.
func final(e *Error, code uint16) bool {
	return !message.Reconnects(code) ||
		errors.Is(e, message.ErrAuthFailed) ||
		errors.Is(e, message.ErrInvalidNamespace)
}

// wait announces an attempt and waits until it is due. It reports false if life ended.
func (c *Client) wait(life context.Context, r Reconnecting) bool {
	b := append([]byte(`{"attempt":`), strconv.Itoa(r.Attempt)...)
	b = strconv.AppendInt(append(b, `,"delay":`...), r.Delay.Milliseconds(), 10)
	c.fire(EventReconnecting, Data{b: append(b, '}'), info: r})
	after, stop := c.clock.After(r.Delay)
	defer stop()
	select {
	case <-after:
		return life.Err() == nil
	case <-life.Done():
		return false
	}
}

// keepLosses remembers n failed attempts until a connection has been healthy for a while.
func (c *Client) keepLosses(life context.Context, n int) {
	c.mu.Lock()
	if c.life == life {
		c.losses = n
	}
	c.mu.Unlock()
}

// giveUp ends the attempts for good, with the error e.
func (c *Client) giveUp(life context.Context, e *Error) {
	c.mu.Lock()
	mine := c.life == life
	if mine {
		c.state, c.life = idle, nil
		c.forget("the session could not be restored")
		c.end()
	}
	c.mu.Unlock()
	if mine {
		c.abandon("the session could not be restored")
		c.raise(e)
	}
}

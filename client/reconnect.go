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
	healthy  = 10 * time.Second // a session that lasted so long starts the delays anew
)

// Reconnecting is what the reconnecting handlers are told before each wait.
type Reconnecting struct {
	Attempt int           // from 1, since the session was lost
	Delay   time.Duration // until it is made
}

// backoff is the delay before the attempt after n failed ones.
func (c *Client) backoff(n int) time.Duration {
	d := float64(c.opts.ReconnectDelay)
	for ; n > 0 && d < float64(maxDelay); n-- {
		d *= 1.5
	}
	d = min(d, float64(max(maxDelay, c.opts.ReconnectDelay)))
	return time.Duration(d * (0.5 + c.random()))
}

// hinted replaces a delay by what the server asked for, if it did: a window to
// spread over, or a time to stay away, to which a spread is added.
func (c *Client) hinted(delay, hint time.Duration, window bool) time.Duration {
	switch {
	case hint < 0:
		return delay
	case window:
		return time.Duration(float64(hint) * c.random())
	}
	return hint + time.Duration(c.random()*float64(min(hint, c.opts.ReconnectDelay)))
}

// reconnect restores a lost session. It ends with a session, when the attempts
// are used up, when the server forbids more, or with life. Where GOAWAY sent us,
// or where the session was, is tried in turn with the address that New was given.
func (c *Client) reconnect(life context.Context, lost *link) {
	hint, window := lost.waitFor, lost.window
	to, home := lost.at, c.at
	if lost.moved != nil {
		to = lost.moved
	}
	c.mu.Lock()
	counted := c.losses
	c.mu.Unlock()
	for tries, grown := 1, counted; ; tries++ {
		if most := c.opts.MaxReconnectAttempts; most >= 0 && counted >= most {
			c.giveUp(life, &Error{
				Code: message.CodeConnectionLost,
				Message: "the session could not be restored in " +
					"" + strconv.Itoa(most) + " attempts: call Connect to try again",
			})
			return
		}
		delay := c.hinted(c.backoff(grown), hint, window)
		if !c.wait(life, Reconnecting{tries, delay}) {
			return
		}
		c.keepLosses(life, counted+1) // before the session can be lost again
		code, err := c.attempt(life, life, to, lost.session)
		if err == nil || life.Err() != nil {
			return
		}
		to, home = home, to
		hint, window = -1, false
		e := asError(err, message.CodeConnectionLost)
		if e.RetryAfter > 0 {
			hint = time.Duration(min(e.RetryAfter, 1<<31)) * time.Millisecond
		}
		if final(e, code) {
			c.giveUp(life, e)
			return
		}
		grown++
		if !errors.Is(e, message.ErrMaxConnections) {
			counted++
		}
		c.opts.Logger.Debug("Reconnection failed", "code", string(e.Code))
	}
}

// final reports whether another attempt would end the same way: code is what
// the server closed the handshake with, 0 when it did not. A handshake that broke
// otherwise may have met a proxy without a server behind it, so it is not final.
func final(e *Error, code uint16) bool {
	return !message.Reconnects(code) || errors.Is(e, message.ErrAuthFailed) || errors.Is(e, message.ErrInvalidNamespace)
}

// wait announces an attempt and waits for its time; false: life ended.
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

// keepLosses remembers the attempts that a session took, until it was healthy for a while.
func (c *Client) keepLosses(life context.Context, n int) {
	c.mu.Lock()
	if c.life == life {
		c.losses = n
	}
	c.mu.Unlock()
}

// giveUp ends the restoration.
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

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
	more := hint // because all who were refused at a time were told the same
	if throttled {
		more = min(hint, c.opts.ReconnectDelay)
	}
	return hint + time.Duration(c.random()*float64(more))
}

// trial is a series of attempts to connect.
type trial struct {
	route   []*target // tried in turn
	session *session
	tries   int // attempts made
	grown   int // those that the delay grows with
	counted int // those that count for MaxReconnectAttempts

	hint   time.Duration // how long the server wants us to stay away, -1 = not said
	window bool          // hint is a window to spread over
	last   error         // of the attempt before
}

// reconnect makes a connection in place of a lost one. It ends when it has one, when
// the attempts are used up, when the server forbids more, or with life. It tries these
// addresses in turn: the one that GOAWAY named, or else the lost one, the one that New
// was given, and Options.URLs.
func (c *Client) reconnect(life context.Context, lost *link) {
	if c.awaitMover(lost) {
		return
	}
	to := lost.at
	if lost.moved != nil {
		to = lost.moved
	}
	c.mu.Lock()
	counted := c.failed
	c.mu.Unlock()
	_, err := c.try(life, life, &trial{
		route:   c.route(to),
		session: lost.session,
		grown:   counted,
		counted: counted,
		hint:    lost.waitFor,
		window:  lost.window,
	})
	if err != nil {
		c.giveUp(life, err)
	}
}

// try makes attempts, after a delay each, until one succeeds, ctx or life ends, or it gives up:
// then it returns why, which is an error that no handler has been told.
func (c *Client) try(ctx, life context.Context, t *trial) (connected bool, gaveUp *Error) {
	for {
		if most := c.opts.MaxReconnectAttempts; most >= 0 && t.counted >= most {
			return false, &Error{
				Code: message.CodeConnectionLost,
				Message: "there was no connection in " + strconv.Itoa(most) +
					" attempts: call Connect to try again",
				Cause: t.last,
			}
		}
		delay := c.hinted(c.backoff(t.grown), t.hint, t.window,
			errors.Is(t.last, message.ErrThrottled))
		if !c.wait(ctx, life, Reconnecting{t.tries + 1, delay, t.last}) {
			return false, nil
		}
		c.keepLosses(life, t.counted+1) // before the new connection can be lost
		at := t.route[t.tries%len(t.route)]
		code, err := c.attempt(ctx, &attempt{life: life, at: at, session: t.session})
		t.tries++
		if err == nil || life.Err() != nil || ctx.Err() != nil {
			return err == nil, nil
		}
		e := asError(err, message.CodeConnectionLost)
		if final(e, code) {
			return false, e
		}
		c.raise(e)
		t.failed(e)
	}
}

// failed notes that an attempt failed.
func (t *trial) failed(e *Error) {
	t.last, t.hint, t.window = e, -1, false
	if e.RetryAfter > 0 {
		t.hint = time.Duration(min(e.RetryAfter, 1<<31)) * time.Millisecond
	}
	t.grown++
	if !errors.Is(e, message.ErrMaxConnections) && !errors.Is(e, message.ErrThrottled) {
		t.counted++
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

// wait announces an attempt and waits until it is due. It reports false if ctx or life ended.
func (c *Client) wait(ctx, life context.Context, r Reconnecting) bool {
	b := append([]byte(`{"attempt":`), strconv.Itoa(r.Attempt)...)
	b = strconv.AppendInt(append(b, `,"delay":`...), r.Delay.Milliseconds(), 10)
	c.fire(EventReconnecting, Data{b: append(b, '}'), info: r})
	after, stop := c.clock.After(r.Delay)
	defer stop()
	select {
	case <-after:
		return life.Err() == nil && ctx.Err() == nil
	case <-ctx.Done():
		return false
	case <-life.Done():
		return false
	}
}

// keepLosses remembers n failed attempts until a connection has been healthy for a while.
func (c *Client) keepLosses(life context.Context, n int) {
	c.mu.Lock()
	if c.life == life {
		c.failed = n
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

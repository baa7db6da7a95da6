package client

import (
	"context"

	"github.com/smartsocket/smartsocket/message"
)

// credentials returns the API key or token for one attempt.
func (c *Client) credentials(ctx context.Context) (string, error) {
	if c.opts.Credentials == nil {
		return c.opts.APIKey, nil
	}
	key, err := c.opts.Credentials(ctx)
	switch {
	case ctx.Err() != nil:
		return "", contextError(ctx)
	case err != nil:
		return "", &Error{
			Code:    message.CodeRefused,
			Message: "Options.Credentials failed, so nothing was sent: see the cause",
			Cause:   err,
		}
	case len(key) > maxAPIKey:
		return "", &Error{
			Code:    message.CodeAuthFailed,
			Message: "Options.Credentials returned more than 2048 bytes",
		}
	}
	return key, nil
}

// renewAuth gets fresh credentials for the server, which has said that those it has are expired. It
// does not wait, and reports false if there are none to get. It is for the reader.
//
//	ERROR "auth" ──► Credentials ──token──► event "auth" ──► ack
//	                   │      ▲
//	                 error    │ after the delay of a reconnection, while the connection lives
//	                   └──────┘
func (l *link) renewAuth() bool {
	if l.c.opts.Credentials == nil {
		return false
	}
	if l.renewing.CompareAndSwap(false, true) {
		l.c.opts.Logger.Debug("The server wants fresh credentials")
		go func() {
			if err := l.authenticate(); err != nil {
				l.c.raise(asError(err, message.CodeAuthFailed))
			}
			l.renewing.Store(false)
		}()
	}
	return true
}

// authenticate sends fresh credentials while l is the open link. It returns nil if it is not any
// more, because the next CONNECT carries credentials too.
func (l *link) authenticate() error {
	ctx, cancel := context.WithCancel(l.life)
	defer cancel()
	go func() {
		select {
		case <-l.done:
			cancel()
		case <-ctx.Done():
		}
	}()
	token, err := l.freshCredentials(ctx)
	if err != nil || l.c.current.Load() != l {
		return unless(ctx, err)
	}
	if l.c.opts.EnableAcknowledgments == Disabled {
		return l.c.Emit(authEvent, token)
	}
	_, err = l.c.EmitWithAck(ctx, authEvent, token)
	return unless(ctx, err)
}

// unless returns err, or nil if ctx has ended, which is then why.
func unless(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// freshCredentials calls Credentials until it has some, with the delays of a reconnection. It
// raises all errors except one that ends this.
func (l *link) freshCredentials(ctx context.Context) (string, error) {
	for failed := 0; ; failed++ {
		attempt, cancel := context.WithTimeout(ctx, l.c.opts.ConnectTimeout)
		token, err := l.c.credentials(attempt)
		cancel()
		if err == nil || ctx.Err() != nil {
			return token, unless(ctx, err)
		}
		e := asError(err, message.CodeAuthFailed)
		if final(e, 0) {
			return "", e
		}
		l.c.raise(e)
		after, stop := l.c.clock.After(l.c.backoff(failed))
		select {
		case <-after:
		case <-ctx.Done():
			stop()
			return "", ctx.Err()
		}
	}
}

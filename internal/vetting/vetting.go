// Package vetting asks an application's hook about clients that are not connected yet. Hooks may
// block, so they run on goroutines of their own, by turns among the clients' addresses.
//
//	Ask ── the address's turn ── gone: nothing
//	                          └─ the hook ─┬─ an identity ─── Check ─ done(identity, nil)
//	                                       ├─ *message.Error ──────── done(nil, it)
//	                                       ├─ no time to decide ───── done(nil, ErrNoDecision)
//	                                       └─ other error, panic ──── done(nil, ErrAuth)
//
// The Desk has no lock but that of internal/fairqueue, and none is held while anything of the
// caller's runs.
package vetting

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/smartsocket/smartsocket/internal/fairqueue"
	"github.com/smartsocket/smartsocket/internal/opening"
	"github.com/smartsocket/smartsocket/message"
)

// waiting is how many clients of one address may wait for the hook.
const waiting = 256

// Request is what the hook decides about.
type Request struct {
	APIKey    string
	Namespace string
	Address   netip.Addr
	HTTP      *http.Request
}

// Desk asks a hook. All fields are set before the first Ask.
type Desk struct {
	Hook    func(context.Context, Request) (identity any, err error)
	Timeout time.Duration // of one call
	// Check returns what becomes of an identity that the hook returned; nil leaves it as it is. An
	// error with the code ERR_APP_002 is the hook's mistake: Unusable is told, and the client that
	// it may come back.
	Check    func(identity any) (any, error)
	Unusable func(namespace string, err error)
	Log      *slog.Logger
	// Failed is told of a refusal that is final for the client.
	Failed func(netip.Addr)
	// Panicked is told of a panic of the hook, or that it ended its goroutine, in words without the
	// client's secrets.
	Panicked func(namespace, text string)

	queue *fairqueue.Queue[netip.Addr]
}

// Open makes a desk ready, with this many goroutines.
func (d *Desk) Open(workers int) { d.queue = fairqueue.New[netip.Addr](workers, waiting) }

// Close lets the hooks finish that wait, until ctx ends, and reports whether all have.
func (d *Desk) Close(ctx context.Context) bool { return d.queue.Stop(ctx) }

// Ask asks the hook about a client of a group of addresses. It is not called if there is nobody
// any more by then, which gone tells. done runs on the hook's goroutine; no is what the client is
// told if it is not let in. Ask reports false if too many of the group wait.
func (d *Desk) Ask(
	group netip.Addr, r Request, from *opening.Opening,
	gone func() bool, done func(identity any, no *message.Error),
) bool {
	return d.queue.Add(group, func() {
		if gone() {
			return
		}
		ctx, cancel := context.WithTimeout(from.Context(), d.Timeout)
		defer cancel()
		identity, no := any(nil), ErrAuth // as it stays if the hook ends its goroutine
		defer func() {
			if no != nil && !message.Reconnects(message.CloseCodeFor(no.Code)) {
				d.Failed(r.Address) // here, because the client may have gone meanwhile
			}
			done(identity, no)
		}()
		identity, no = d.call(ctx, &r, from)
	})
}

// call runs the hook and contains its panic.
func (d *Desk) call(
	ctx context.Context, r *Request, from *opening.Opening,
) (identity any, no *message.Error) {
	asking := false
	defer func() {
		p := recover()
		if p == nil && asking {
			p = "runtime.Goexit: it ended its goroutine"
		}
		if p != nil {
			d.Panicked(r.Namespace, r.hide(p))
			no = ErrAuth
		}
	}()
	var err error
	if r.HTTP, err = from.Request(ctx); err != nil {
		return nil, message.ErrInvalidFormat
	}
	asking = true
	identity, err = d.Hook(ctx, *r)
	asking = false
	if err == nil && d.Check != nil {
		identity, err = d.check(r.Namespace, identity)
	}
	if err != nil {
		d.Log.Debug("authentication refused", "namespace", r.Namespace, "error", r.hide(err))
	}
	if no = told(err); no == ErrAuth {
		no = &message.Error{Code: ErrAuth.Code, Message: refusedText,
			Cause: errors.New(r.hide(err))}
	}
	return identity, no
}

// refusedText is what a client is told of a hook that said no without an *Error. What the hook said
// is for the log.
const refusedText = "the server refuses these credentials: connect with others"

// check is what becomes of an identity.
func (d *Desk) check(namespace string, identity any) (any, error) {
	checked, err := d.Check(identity)
	if errors.Is(err, message.ErrHandlerFailed) {
		d.Unusable(namespace, err)
		return nil, ErrTryLater
	}
	return checked, err
}

// told is what a client is told of the hook's error: an *Error as it is, and that it may come back
// when the hook had no time to decide, was called off, or did not reach who decides.
func told(err error) *message.Error {
	var said *message.Error
	var late interface{ Timeout() bool }
	var network *net.OpError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &said) && said != nil:
		return said
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &late) && late.Timeout():
		return ErrNoDecision
	case errors.Is(err, context.Canceled), errors.As(err, &network):
		return ErrTryLater
	}
	return ErrAuth
}

// hide is what a hook said, for the log, without the key and the secrets it was given.
func (r *Request) hide(said any) string {
	text := fmt.Sprint(said)
	for _, secret := range append(opening.Secrets(r.HTTP), r.APIKey) {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, "(hidden)")
		}
	}
	return text
}

// What clients are told.
var (
	ErrAuth = message.New(message.CodeAuthFailed, "authentication failed: give client and server "+
		"the same encryption key and algorithm, and a valid API key")
	ErrTryLater = message.New(message.CodeRefused,
		"the server cannot check the credentials now: try again later")
	ErrPath = message.New(message.CodeInvalidNamespace,
		"the namespace must be that of the URL's path here: connect to the URL of the namespace")
	ErrNoDecision = message.New(message.CodeTimeout,
		"the server could not check the credentials in time: try again")
)

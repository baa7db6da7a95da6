package fault

import (
	"context"
	"errors"

	"github.com/smartsocket/smartsocket/message"
)

// Outward is what a peer is told of an application's error: what mapped makes of it, as Wire turns
// that into an error of this code. If mapped returns nil or panics, only the code and the event are
// told; panicked gets what it panicked with. A nil mapped leaves err as it is.
func Outward(
	err error, code message.Code, event string, mapped func(error) error, panicked func(any),
) (told *message.Error) {
	if mapped == nil {
		return Named(Wire(err, code), event)
	}
	told = &message.Error{Code: code, Event: event, Message: "the server does not say why"}
	defer func() {
		if p := recover(); p != nil {
			panicked(p)
		}
	}()
	if err = mapped(err); err != nil {
		told = Named(Wire(err, code), event)
	}
	return told
}

// Ended is err, or what the sender of an event is told if err is only that the context of its
// handler has ended. ended is why it has, nil if it has not.
func Ended(err, ended error) error {
	var own *message.Error
	switch {
	case ended == nil || !errors.Is(err, ended) || errors.As(err, &own):
		return err
	case ended == context.DeadlineExceeded:
		return &message.Error{Code: message.CodeAckTimeout, Cause: err,
			Message: "the handler was not done within its Timeout"}
	}
	return &message.Error{Code: message.CodeConnectionLost, Cause: err,
		Message: "the connection was lost while the handler ran: ask what became of it"}
}

// Package refusal says why a message of a client is not handled, and what follows from that.
//
// The checks of a server return a Refusal and send nothing. One place reads it and acts: it answers
// the sender, counts the violation, or ends the connection. So a reader sees at the check what a
// message leads to, and finds how it is done in one file.
//
// It has no state and no locks. Read refusal.go; room.go stands on its own.
package refusal

import (
	"sync/atomic"

	"github.com/smartsocket/smartsocket/internal/incoming"
	"github.com/smartsocket/smartsocket/internal/outgoing"
	"github.com/smartsocket/smartsocket/internal/ratelimit"
	"github.com/smartsocket/smartsocket/message"
)

// Refusal is why a message is not handled, and what follows from it. The zero value is none.
type Refusal struct {
	Err     *message.Error
	Follow  Consequence
	Counter *atomic.Int64 // counts refusals of this kind; nil = it counts as a violation
	Answer  []byte        // a whole message that the sender gets, owned by the ledger; nil = none
}

// Consequence is what a refusal leads to besides the answer to a sender that asked for an ack.
type Consequence uint8

const (
	// Told also without an ack, as an ERROR: the message broke the protocol, and counts as that.
	Told Consequence = 1 << iota
	// Violating counts as a violation even though the ack is answered.
	Violating
	// Unasked: no handler has seen the event, so that a repetition counts as new.
	Unasked
	// Unanswered: the ack is not answered, because its id is what is wrong.
	Unanswered
	// Silent: no error is sent.
	Silent
	// Fatal ends the connection with the close code of the error.
	Fatal
	// Announced: once per window, the application or the client is told of the limit.
	Announced
)

// None reports whether the message may pass.
func (r *Refusal) None() bool { return r.Err == nil && r.Follow == 0 }

// Violation is a message that broke the protocol.
func Violation(e *message.Error) Refusal { return Refusal{Err: e, Follow: Told | Unanswered} }

// Unusable is a message that could not be read. For bad JSON the header is known, so the sender
// still gets an answer. A message over the size limit ends the connection.
func Unusable(m *message.Message, e *message.Error) Refusal {
	known := e == outgoing.ErrBadJSON || e == incoming.ErrElements || e == incoming.ErrRatio
	switch {
	case known && m.Kind == message.KindEvent:
		return Refusal{Err: e, Follow: Told | Violating}
	case e.Code == message.CodeTooLarge:
		return Refusal{Err: e, Follow: Told | Unanswered | Fatal}
	}
	return Violation(e)
}

// Undecryptable is a record that does not open.
var Undecryptable = Refusal{Err: message.ErrDecryption, Follow: Told | Unanswered | Fatal}

// Repeated is a question that came before, on an earlier connection. answer is the one that the
// ledger keeps, nil while the handlers have not answered. Then it will go to whoever asked last.
func Repeated(answer []byte, counter *atomic.Int64) Refusal {
	return Refusal{Follow: Silent, Counter: counter, Answer: answer}
}

// NoHandler is an event that nobody registered for. It is no violation.
func NoHandler(event, namespace string, counter *atomic.Int64) Refusal {
	return Refusal{
		Err: &message.Error{Code: message.CodeNoHandler, Event: event,
			Message: "no handler for this event in the namespace " + namespace},
		Follow:  Unasked,
		Counter: counter,
	}
}

// OverLimit is an event that is over a rate limit, as v says.
func OverLimit(event []byte, v ratelimit.Verdict, counter *atomic.Int64) Refusal {
	code := message.CodeRateLimited
	if v.Over == ratelimit.OverEvent {
		code = message.CodeEventRateLimited
	}
	no := Refusal{
		Err: &message.Error{Code: code, Message: "too many requests: slow down",
			Event: string(event), RetryAfter: max(v.Retry.Milliseconds(), 1)},
		Follow:  Unasked,
		Counter: counter,
	}
	if v.Tell {
		no.Follow |= Announced
	}
	return no
}

// Notice is the data of the event that tells a client of a rate limit.
type Notice struct {
	Message    string       `json:"message"`
	RetryAfter int64        `json:"retryAfter"`
	Code       message.Code `json:"code"`
	Event      string       `json:"event"`
}

// NoticeOf is the Notice of an error that OverLimit made.
func NoticeOf(e *message.Error) Notice {
	return Notice{Message: e.Message, RetryAfter: e.RetryAfter, Code: e.Code, Event: e.Event}
}

// The errors that checks return.
var (
	ErrOverMax     = message.New(message.CodeTooLarge, "over this event's limit: split it")
	ErrMailboxFull = message.New(message.CodeRateLimited,
		"too many of this connection's messages wait for their handlers: send slower")
	ErrAskedBefore = message.New(message.CodeConnectionLost,
		"this event came before, and its answer is not kept any more: ask what became of it")
	ErrAckIDUsed = message.New(message.CodeInvalidFormat,
		"this ack id was used before on this connection: count up")
	ErrAuthFirst = message.New(message.CodeAuthFailed, "authenticate first: send the event auth")
	ErrAuthLate  = message.New(message.CodeAuthFailed,
		"the connection did not authenticate in time")
)

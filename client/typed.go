package client

import (
	"context"

	"github.com/smartsocket/smartsocket/internal/fault"
	"github.com/smartsocket/smartsocket/message"
)

// On registers a handler that receives the data decoded into a T. Data that does not decode never
// reaches f: the error is the answer, if one was asked for, and raised as "error". No data gives
// T's zero value. T may be []byte for binary payloads, which are copied. A T or *T with a method
// Validate() error is asked before f, and its error counts as one of Decode.
func On[T any](c *Client, event string, f func(T, Ack)) {
	valid := fault.Validation[T]()
	c.On(event, func(d Data, ack Ack) {
		v, err := decode(d, valid)
		if err != nil {
			e := fault.Named(fault.Wire(err, message.CodeInvalidFormat), event)
			ack.Fail(e)
			c.raise(e)
			return
		}
		f(v, ack)
	})
}

// Handle registers f for questions of the server: its result is the answer, and its error one as of
// Ack.Fail. Data is decoded and validated as by On.
func Handle[Req, Res any](c *Client, event string, f func(Req) (Res, error)) {
	On(c, event, func(req Req, ack Ack) {
		if res, err := f(req); err != nil {
			ack.Fail(err)
		} else {
			ack.Reply(res)
		}
	})
}

// Call asks a question that the server answers with smartsocket.Handle: it is EmitWithAck with
// types on both sides. A Req with a method Validate() error, or whose pointer has one, is asked
// first; with an error, which is ERR_MSG_001 unless it is an *Error, nothing is sent. A Res is
// asked when it has come. An answer that does not decode, or that is not valid, is ERR_ACK_002.
func Call[Req, Res any](ctx context.Context, c *Client, event string, req Req) (Res, error) {
	if valid := fault.Validation[Req](); valid != nil {
		if err := valid(&req); err != nil {
			var none Res
			return none, fault.Named(fault.Wire(err, message.CodeInvalidFormat), event)
		}
	}
	return Request[Res](ctx, c, event, req)
}

// Request is Call for data of any type, nil included, which is not validated.
func Request[T any](ctx context.Context, c *Client, event string, data any) (T, error) {
	var none T
	d, err := c.EmitWithAck(ctx, event, data)
	if err != nil {
		return none, err
	}
	v, err := decode(d, fault.Validation[T]())
	if err != nil {
		return none, fault.Unusable(event, err)
	}
	return v, nil
}

// WithDetails returns a copy of err, an *Error or one made as by Ack.Fail, that carries v to the
// server's program as JSON.
func WithDetails(err error, v any) *Error {
	return fault.WithDetails(err, message.CodeHandlerFailed, v)
}

// DetailsOf decodes what the server's program said about err (Error.Details). It reports false if
// it said nothing, or something that does not fit a T.
func DetailsOf[T any](err error) (T, bool) { return fault.DetailsOf[T](err) }

// decode reads d into a T. valid is nil if there is nothing to ask.
func decode[T any](d Data, valid func(*T) error) (v T, err error) {
	if err = d.Decode(&v); err == nil && valid != nil {
		err = valid(&v)
	}
	return v, err
}

//go:build !js

package client

import (
	"errors"
	"strings"
	"testing"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/message"
)

// step is valid if it is short, and fatal if it is negative.
type step struct{ X int }

var errFar = &Error{Code: "ERR_GAME_FAR", Message: "that is far away"}

func (s *step) Validate() error {
	switch {
	case s.X < 0:
		return errFar
	case s.X > 9:
		return errors.New("at most 9")
	}
	return nil
}

// steps answers a step with the next one. "ask" asks the client what comes behind a step.
func steps(v *smartsocket.Server) {
	smartsocket.Handle(v, "next", func(_ *smartsocket.Socket, x struct{ X int }) (any, error) {
		return map[string]int{"X": x.X + 1}, nil
	})
	v.On("ask", func(s *smartsocket.Socket, d smartsocket.Data, ack smartsocket.Ack) {
		data := d.Clone()
		s.EmitAck("behind", data, 0, func(d smartsocket.Data, err error) {
			if err != nil {
				ack.Fail(err)
			} else {
				ack.Reply(d)
			}
		})
	})
}

// Call has types on both sides, and asks both whether they are valid.
func TestCall(t *testing.T) {
	c := connect(t, newClient(t, urlOf(startServer(t, smartsocket.Options{}, steps), "/"),
		Options{}))
	ctx := testContext(t)
	if s, err := Call[step, step](ctx, c, "next", step{3}); s.X != 4 || err != nil {
		t.Errorf("%v, %v", s, err)
	}
	if s, err := Call[*step, *step](ctx, c, "next", &step{3}); s == nil || s.X != 4 || err != nil {
		t.Errorf("pointers: %v, %v", s, err)
	}
	sent := c.Stats().Sent
	if _, err := Call[step, step](ctx, c, "next", step{-1}); !errors.Is(err, errFar) {
		t.Errorf("an *Error of Validate: %v", err)
	}
	var e *Error
	if _, err := Call[step, step](ctx, c, "next", step{10}); !errors.As(err, &e) ||
		e.Code != message.CodeInvalidFormat || e.Event != "next" {
		t.Errorf("an error of Validate: %v", err)
	}
	if n := c.Stats().Sent - sent; n != 0 {
		t.Errorf("%d invalid questions were sent", n)
	}
	for what, ask := range map[string]func() (step, error){
		"Call":    func() (step, error) { return Call[step, step](ctx, c, "next", step{9}) },
		"Request": func() (step, error) { return Request[step](ctx, c, "next", step{9}) },
	} {
		if _, err := ask(); !errors.Is(err, message.ErrAckInvalid) ||
			!strings.Contains(errors.Unwrap(err).Error(), "at most 9") {
			t.Errorf("%s: an answer that is not valid: %v", what, err)
		}
	}
	for what, c := range map[string]struct {
		ask  func() error
		want string
	}{
		"of another type": {func() error {
			_, err := Request[string](ctx, c, "next", step{1})
			return err
		}, ": it must be a string, and is of the type object"},
		"with another field": {func() error {
			_, err := Call[step, struct{ X string }](ctx, c, "next", step{1})
			return err
		}, ": the field X must be a string, and is of the type number"},
		"that is not valid": {func() error {
			_, err := Call[step, step](ctx, c, "next", step{9})
			return err
		}, ": at most 9"},
	} {
		err := c.ask()
		if !errors.As(err, &e) || e.Code != message.CodeAckInvalid || e.Event != "next" ||
			e.Message != "the answer does not fit what is expected"+c.want {
			t.Errorf("an answer %s: %v", what, err)
		}
	}
}

// Handle answers the server, with what does not decode or is not valid as an error that names the
// event and the field. The client is told of those too.
func TestHandle(t *testing.T) {
	c := newClient(t, urlOf(startServer(t, smartsocket.Options{}, steps), "/"), Options{})
	told := make(chan error, 10)
	c.OnError(func(err error) { told <- err })
	Handle(c, "behind", func(s step) (step, error) {
		if s.X == 5 {
			return s, errFar
		}
		return step{s.X + 1}, nil
	})
	connect(t, c)
	ctx := testContext(t)
	if s, err := Request[step](ctx, c, "ask", step{1}); s.X != 2 || err != nil {
		t.Errorf("%v, %v", s, err)
	}
	if _, err := Request[step](ctx, c, "ask", step{5}); !errors.Is(err, errFar) {
		t.Errorf("an error of the handler: %v", err)
	}
	for _, bad := range []struct {
		data any
		code message.Code
		text string
	}{
		{step{-1}, errFar.Code, errFar.Message},
		{step{10}, message.CodeInvalidFormat, "at most 9"},
		{map[string]string{"X": "one"}, message.CodeInvalidFormat, "the field X must be a whole"},
	} {
		_, err := c.EmitWithAck(ctx, "ask", bad.data)
		for what, err := range map[string]error{
			"the server": err, "the client": take(t, told, "the error"),
		} {
			var e *Error
			if !errors.As(err, &e) || e.Code != bad.code || e.Event != "behind" ||
				!strings.Contains(e.Message, bad.text) {
				t.Errorf("%v: %s is told %#v", bad.data, what, err)
			}
		}
	}
}

package test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/message"
)

// step and leap are validated, one by value and one by pointer.
type (
	step struct{ X int }
	leap struct{ X int }
)

func tooFar(x int) error {
	switch {
	case x > 20:
		return &smartsocket.Error{Code: "ERR_MINE", Message: "much too far"}
	case x > 10:
		return fmt.Errorf("x is at most 10, not %d", x)
	case x < 0:
		panic("who knows")
	}
	return nil
}

func (s step) Validate() error  { return tooFar(s.X) }
func (l *leap) Validate() error { return tooFar(l.X) }

// Decoded data that can validate itself is asked before the handler runs. What it refuses is
// answered, counted, raised and logged as data that does not decode.
func TestDecodedDataIsValidated(t *testing.T) {
	const refusals = 30
	ran, errs := make(chan int, 1), make(chan error, refusals)
	var log logBuffer
	v := startServer(t, Options{Logger: log.logger()}, func(v *Server) {
		smartsocket.On(v, "step", func(_ *Socket, s step, a Ack) { ran <- s.X; a.Reply(s.X) })
		smartsocket.On(v, "inline", func(_ *Socket, s step, a Ack) { ran <- s.X; a.Reply(s.X) },
			smartsocket.Inline)
		smartsocket.On(v, "leap", func(_ *Socket, l leap, a Ack) { ran <- l.X; a.Reply(l.X) })
		smartsocket.Handle(v, "to", func(_ *Socket, l *leap) (int, error) {
			ran <- l.X
			return l.X, nil
		})
		v.OnError(func(_ *Socket, err error) { errs <- err })
	})
	w := dialFull(t, v, "/")
	refused := 0
	ask := func(event, data string) error {
		t.Helper()
		w.request(7, event, data)
		m := w.message()
		if m.AckID != 7 {
			t.Fatalf("%s %s: got kind %d of %d", event, data, m.Kind, m.AckID)
		}
		if m.Kind == message.KindAck {
			return nil
		}
		e, err := message.ParseErrorJSON(m.Payload)
		if err != nil || e.Event != event {
			t.Errorf("%s %s: %+v, %v", event, data, e, err)
		}
		if err := <-errs; !errors.Is(err, &e) {
			t.Errorf("%s %s: the application is told %v", event, data, err)
		}
		return &e
	}
	for _, event := range []string{"step", "inline", "leap", "to"} {
		if err := ask(event, `{"x":10}`); err != nil || <-ran != 10 {
			t.Errorf("%s: what is valid: %v", event, err)
		}
		for data, want := range map[string]struct {
			code message.Code
			text string
		}{
			`{"x":11}`:  {message.CodeInvalidFormat, "x is at most 10, not 11"},
			`{"x":21}`:  {"ERR_MINE", "much too far"},
			`{"x":"a"}`: {message.CodeInvalidFormat, "must be a whole number"},
		} {
			var e *smartsocket.Error
			refused++
			if err := ask(event, data); !errors.As(err, &e) || e.Code != want.code ||
				!strings.Contains(e.Message, want.text) {
				t.Errorf("%s %s: %v, want %v", event, data, err, want)
			}
		}
		var e *smartsocket.Error
		err := ask(event, `{"x":-1}`)
		if !errors.As(err, &e) || e.Code != message.CodeHandlerFailed {
			t.Errorf("%s: a Validate that panics is answered with %v", event, err)
		}
	}
	// Without a wish for an answer it is an ERROR.
	w.send(frame.Binary, eventBytes(0, 0, "step", `{"x":12}`))
	if m := w.message(); m.Kind != message.KindError || m.Flags&message.FlagAck != 0 {
		t.Errorf("got kind %d", m.Kind)
	}
	refused++
	<-errs
	if n := v.ConnectionStats().Undecodable; n != int64(refused) {
		t.Errorf("%d are counted, want %d", n, refused)
	}
	if n := v.ConnectionStats().HandlerPanics; n != 4 {
		t.Errorf("%d panics are counted, want one an event", n)
	}
	for range refusals {
		w.request(7, "step", `{"x":13}`)
		w.message()
		<-errs
	}
	if err := ask("step", `{"x":1}`); err != nil || <-ran != 1 { // none ran before
		t.Errorf("%v", err)
	}
	lines := 0
	for line := range strings.Lines(log.String()) {
		if strings.Contains(line, "does not fit its handler") &&
			strings.Contains(line, "event=step") {
			lines++
		}
	}
	if lines != 1 {
		t.Errorf("%d lines in the log for the refusals of one event", lines)
	}
}

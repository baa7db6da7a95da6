package test

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/message"
)

type aim struct{ X, Y int }

// debugging writes to l from debug on, where no data may be.
func debugging(l *logBuffer) *slog.Logger {
	return slog.New(smartsocket.NewLogHandler(l, slog.LevelDebug))
}

// answerOf asks and returns "ok" or the text of the error.
func answerOf(t *testing.T, w *wire, event, data string) string {
	t.Helper()
	w.request(7, event, data)
	m := w.message()
	if m.Kind == message.KindAck {
		return "ok"
	}
	e, err := message.ParseErrorJSON(m.Payload)
	if err != nil || e.Code != message.CodeInvalidFormat {
		t.Errorf("%s %s: %+v, %v", event, data, e, err)
	}
	return e.Message
}

// A handler with Strict takes no unknown fields, and others do. The client is told the field's
// name, and the log is not, because it may be data.
func TestStrictDecoding(t *testing.T) {
	const refused = `the data does not fit what the handler expects: unknown field "secret"`
	var log logBuffer
	v := startServer(t, Options{Logger: debugging(&log)}, func(v *Server) {
		decode := func(_ *Socket, d Data, ack Ack) {
			var m aim
			if err := d.Decode(&m); err != nil {
				ack.Fail(err)
				return
			}
			ack.Reply(nil)
		}
		on := func(_ *Socket, _ aim, ack Ack) { ack.Reply(nil) }
		handle := func(*Socket, aim) (int, error) { return 0, nil }
		smartsocket.On(v, "strict on", on, smartsocket.Strict)
		smartsocket.On(v, "strict inline", on, smartsocket.Strict, smartsocket.Inline)
		smartsocket.Handle(v, "strict handle", handle, smartsocket.Strict)
		v.On("strict plain", decode, smartsocket.Strict)
		v.On("strict later", func(s *Socket, d Data, ack Ack) {
			d = d.Clone()
			go decode(s, d, ack)
		}, smartsocket.Strict)
		smartsocket.On(v, "loose on", on)
		smartsocket.On(v, "loose inline", on, smartsocket.Inline)
		smartsocket.Handle(v, "loose handle", handle)
		v.On("loose plain", decode)
		// Each of two handlers decodes in its own way, in either order.
		v.On("strict both", decode, smartsocket.Strict)
		v.On("strict both", decode)
		v.On("loose both", decode)
		v.On("loose both", decode, smartsocket.Strict)
		v.OnConnected(func(s *Socket) {
			s.On("strict own", decode, smartsocket.Strict)
			s.On("loose own", decode)
		})
		v.Use(func(_ *Socket, event string, d Data, next func(error)) {
			var some struct{ X int }
			next(d.Decode(&some)) // a part of the data: a middleware is not strict
		})
	})
	w := dialFull(t, v, "/")
	for _, form := range []string{"on", "inline", "handle", "plain", "later", "both", "own"} {
		for _, data := range []string{`{"X":1,"Y":2}`, `{"x":1}`, `{}`, `null`, ``} {
			if got := answerOf(t, w, "strict "+form, data); got != "ok" {
				t.Errorf("strict %s %s: %s", form, data, got)
			}
		}
		if got := answerOf(t, w, "strict "+form, `{"x":1,"secret":2}`); got != refused {
			t.Errorf("strict %s: %s", form, got)
		}
		if form == "later" {
			continue
		}
		if got := answerOf(t, w, "loose "+form, `{"x":1,"secret":2}`); got != "ok" {
			t.Errorf("loose %s: %s", form, got)
		}
	}
	// Without a wish for an answer it is an ERROR.
	w.send(frame.Binary, eventBytes(0, 0, "strict on", `{"secret":1}`))
	w.wantError(message.CodeInvalidFormat)
	if text := log.String(); strings.Contains(text, "secret") ||
		!strings.Contains(text, "unknown field (not logged") {
		t.Errorf("the log has %s", text)
	}
}

// StrictDecoding makes all handlers strict, also those of plain clients.
func TestStrictDecodingOfAServer(t *testing.T) {
	for _, strict := range []bool{false, true} {
		v := startServer(t, Options{StrictDecoding: strict}, func(v *Server) {
			smartsocket.Handle(v, "aim", func(*Socket, aim) (int, error) { return 1, nil })
		})
		want := map[bool]string{false: "ok",
			true: `the data does not fit what the handler expects: unknown field "z"`}[strict]
		if got := answerOf(t, dialFull(t, v, "/"), "aim", `{"x":1,"z":2}`); got != want {
			t.Errorf("strict %t: %s, want %s", strict, got, want)
		}
		p := dialPlain(t, v, "/")
		p.text(`{"event":"aim","data":{"x":1,"z":2},"ack":1}`)
		if op, text := p.next(); op != frame.Text ||
			strings.Contains(string(text), `unknown field \"z\"`) != strict {
			t.Errorf("strict %t: a plain client got %s", strict, text)
		}
	}
}

// The burst lines of the log name field and expectation, and nothing of the data.
func TestMisfitsInTheLog(t *testing.T) {
	var log logBuffer
	v := startServer(t, Options{Logger: debugging(&log)}, func(v *Server) {
		smartsocket.Handle(v, "aim", func(*Socket, aim) (int, error) { return 1, nil })
	})
	w := dialFull(t, v, "/")
	const want = "the field Y must be a whole number"
	for range 20 {
		if got := answerOf(t, w, "aim", `{"x":1,"y":"secret"}`); !strings.Contains(got, want) {
			t.Fatal(got)
		}
	}
	lines := 0
	for line := range strings.Lines(log.String()) {
		if strings.Contains(line, want) && strings.Contains(line, "is of the type string") {
			lines++
		}
	}
	if lines == 0 || lines > 2 || strings.Contains(log.String(), "secret") {
		t.Errorf("%d lines: %s", lines, log.String())
	}
}

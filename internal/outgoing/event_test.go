package outgoing

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/message"
	"github.com/smartsocket/smartsocket/pool"
)

var deflater = Deflater{Threshold: 64, Level: 6}

// event is an event whose payload is JSON text.
func event(name, payload string, o Options) *Event {
	e := New(name, deflater)
	e.Payload.B = append(e.Payload.B, payload...)
	e.Options = o
	return e
}

// unframe takes a server's frame apart.
func unframe(t *testing.T, b []byte) (op frame.Opcode, payload []byte) {
	t.Helper()
	var ps frame.Parser
	client := frame.Config{Client: true, MaxMessage: 1 << 20, Deflate: true}
	m, rest, ok, err := ps.Feed(&client, bytes.Clone(b))
	if err != nil || !ok || len(rest) > 0 {
		t.Fatalf("%x is no frame: %v, %v, %d bytes left", b, ok, err, len(rest))
	}
	if !m.Compressed {
		return m.Op, bytes.Clone(m.Payload)
	}
	out, err := frame.InflateMessage(m, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	return m.Op, out.B
}

// Each form can be read back, by whom it is for.
func TestForms(t *testing.T) {
	payload := `{"text":"` + strings.Repeat("again and ", 30) + `"}`
	e := event("said", payload, Options{})
	defer e.Release()
	for f, c := range map[Form]struct {
		op       frame.Opcode
		deflated bool // the payload in the message
	}{
		Binary: {frame.Binary, false}, Deflated: {frame.Binary, true},
		Text: {frame.Text, false}, TextDeflated: {frame.Text, false},
	} {
		x := e.Encode(f, true)
		op, b := unframe(t, x.Frame.Bytes())
		if op != c.op || !bytes.Equal(b, x.Message.Bytes()) {
			t.Errorf("form %d: opcode %d, %q, the message is %q", f, op, b, x.Message.Bytes())
		}
		parse := message.Parse
		if op == frame.Text {
			parse = message.ParseJSON
		}
		m, err := parse(b)
		deflated := m.Flags&message.FlagDeflated != 0
		if err != nil || m.Kind != message.KindEvent || string(m.Event) != "said" ||
			deflated != c.deflated {
			t.Fatalf("form %d: %+v, %v", f, m, err)
		}
		got := m.Payload
		if c.deflated {
			if got, err = pool.Inflate(nil, m.Payload, 1<<20, false); err != nil {
				t.Fatal(err)
			}
		}
		if string(got) != payload {
			t.Errorf("form %d: %q", f, got)
		}
	}
	size := func(f Form) int { return len(e.Encode(f, true).Frame.Bytes()) }
	if size(TextDeflated) >= size(Text) {
		t.Error("the frame of permessage-deflate is not shorter")
	}
}

// A form is encoded once, and framed only when somebody takes it as it is.
func TestEncodedOnce(t *testing.T) {
	e := event("e", "1", Options{})
	defer e.Release()
	bare := e.Encode(Binary, false)
	if bare.Frame != nil {
		t.Error("framed without a receiver for it")
	}
	m := bare.Message
	framed := e.Encode(Binary, true)
	f := framed.Frame
	if framed != bare || framed.Message != m || f == nil {
		t.Error("encoded again for the frame")
	}
	e.Encode(Binary, true)
	if again := e.Encode(Binary, false); again.Message != m || again.Frame != f {
		t.Error("encoded a third time")
	}
	for f := range forms {
		if f != Binary && e.forms[f].Message != nil {
			t.Errorf("form %d was encoded and nobody asked for it", f)
		}
	}
}

// Bytes that somebody retained outlive the event; all others go with it.
func TestReleaseLeavesWhatWasRetained(t *testing.T) {
	e := event("e", `"kept"`, Options{})
	x := e.Encode(Binary, true).retained()
	e.Release()
	if !bytes.HasSuffix(x.Message.Bytes(), []byte(`"kept"`)) {
		t.Errorf("%q", x.Message.Bytes())
	}
	m, f := x.Message, x.Frame
	x.release()
	for _, s := range []*pool.Shared{m, f} {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("there still was another owner")
				}
			}()
			s.Release()
		}()
	}
}

func TestBinaryPayload(t *testing.T) {
	e := New("e", deflater)
	defer e.Release()
	var err error
	if e.Payload.B, e.Flags, err = AppendValue(e.Payload.B, []byte{0, 1, 255}); err != nil {
		t.Fatal(err)
	}
	m, err := message.Parse(e.Encode(Binary, false).Message.Bytes())
	if err != nil || m.Flags != message.FlagBinary || !bytes.Equal(m.Payload, []byte{0, 1, 255}) {
		t.Errorf("%+v, %v", m, err)
	}
}

func TestDeflater(t *testing.T) {
	if d := (Deflater{Threshold: -1}); d.Worth(1 << 20) {
		t.Error("a negative threshold compresses")
	}
	if d := (Deflater{Threshold: 10}); d.Worth(10) || !d.Worth(11) {
		t.Error("the threshold itself is not over it")
	}
	long := strings.Repeat("compressible ", 50)
	for _, payload := range []string{
		long, "short", "\x1f\x8b" + long, "\x89PNG" + long, "PK\x03\x04" + long,
		"RIFF" + long, "RIF",
	} {
		c := Encoding{Deflater: deflater, MaxBytes: 1 << 20}
		c.Deflater.Threshold = 0
		got, err := c.AppendEvent([]byte("before"), "e", 0, &Payload{B: []byte(payload)})
		if err != nil {
			t.Fatal(err)
		}
		if string(got[:6]) != "before" {
			t.Fatalf("%q was changed before the message", got)
		}
		m, err := message.Parse(got[6:])
		if err != nil {
			t.Fatal(err)
		}
		deflated := m.Flags&message.FlagDeflated != 0
		if deflated != (payload == long) {
			t.Errorf("%.10q: compressed %v", payload, deflated)
		}
		if deflated {
			if m.Payload, err = pool.Inflate(nil, m.Payload, 1<<20, false); err != nil {
				t.Fatal(err)
			}
		}
		if string(m.Payload) != payload {
			t.Errorf("%.10q became %.10q", payload, m.Payload)
		}
	}
}

func TestAppendValue(t *testing.T) {
	for _, c := range []struct {
		v     any
		want  string
		flags message.Flags
		bad   bool
	}{
		{v: nil, want: ""},
		{v: []byte(nil), want: "", flags: message.FlagBinary},
		{v: []byte("raw"), want: "raw", flags: message.FlagBinary},
		{v: json.RawMessage(`{"a":1}`), want: `{"a":1}`},
		{v: json.RawMessage(nil), want: ""},
		{v: json.RawMessage(`{"a"`), bad: true},
		{v: json.RawMessage("\"\xff\""), bad: true},
		{v: map[string]int{"a": 1}, want: `{"a":1}`},
		{v: make(chan int), bad: true},
	} {
		got, flags, err := AppendValue([]byte("x"), c.v)
		if string(got) != "x"+c.want || flags != c.flags || (err != nil) != c.bad {
			t.Errorf("%T %v: %q, %v, %v", c.v, c.v, got, flags, err)
		}
		var e *message.Error
		if c.bad && (!errors.As(err, &e) || e.Code != message.CodeInvalidFormat) {
			t.Errorf("%T: %v", c.v, err)
		}
	}
}

func TestOptions(t *testing.T) {
	var o Options
	if o.Lossy() {
		t.Error("the zero Options lose events")
	}
	for _, p := range []Options{{Volatile: true}, {State: true}, {Within: 1}} {
		if !p.Lossy() {
			t.Errorf("%+v loses nothing", p)
		}
	}
	o.Add(Options{State: true, Key: "a"})
	o.Add(Options{Within: time.Second})
	o.Add(Options{Volatile: true})
	o.Add(Options{State: true, Key: "b"})
	o.Add(Options{Key: "of no state", Within: time.Minute})
	if want := (Options{Volatile: true, State: true, Key: "b", Within: time.Minute}); o != want {
		t.Errorf("%+v, want %+v", o, want)
	}
}

func TestRelay(t *testing.T) {
	for what, c := range map[string]struct {
		name, payload string
		binary        bool
		code          message.Code // "" = it is made
	}{
		"JSON":     {"move", `{"x":1}`, false, ""},
		"nothing":  {"move", ``, false, ""},
		"raw":      {"move", "\xff", true, ""},
		"no JSON":  {"move", `{"x"`, false, message.CodeInvalidFormat},
		"no UTF-8": {"move", "\"\xff\"", false, message.CodeInvalidFormat},
		"large":    {"move", "0123456789", true, message.CodeTooLarge},
		"no name":  {"", `1`, false, message.CodeInvalidFormat},
		"reserved": {"connect", `1`, false, message.CodeInvalidFormat},
	} {
		p := []byte(c.payload)
		e, err := Relay(c.name, p, c.binary, 8, Deflater{Threshold: -1})
		if c.code != "" {
			var no *message.Error
			if !errors.As(err, &no) || no.Code != c.code || e != nil {
				t.Errorf("%s: %v, %v, want %s", what, e, err, c.code)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		clear(p) // it is borrowed
		raw := e.Flags&message.FlagBinary != 0
		if e.Name != c.name || string(e.Payload.B) != c.payload || raw != c.binary {
			t.Errorf("%s: %q with %q, binary %t", what, e.Name, e.Payload.B, raw)
		}
		e.Release()
	}
}

package incoming

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/internal/outgoing"
	"github.com/smartsocket/smartsocket/message"
	"github.com/smartsocket/smartsocket/pool"
)

func TestParse(t *testing.T) {
	binary := message.AppendEventHeader(nil, 0, 0, 0, "move")
	m, err := Parse(frame.Binary, binary, false)
	if err != nil || string(m.Event) != "move" {
		t.Errorf("binary: %+v, %v", m, err)
	}
	m, err = Parse(frame.Text, []byte(`{"event":"move","data":1}`), true)
	if err != nil || string(m.Event) != "move" || string(m.Payload) != "1" {
		t.Errorf("text: %+v, %v", m, err)
	}
	if _, err := Parse(frame.Binary, binary, true); err != ErrPlainBinary {
		t.Errorf("binary from a plain client: %v", err)
	}
}

func TestInflate(t *testing.T) {
	whole := bytes.Repeat([]byte("a"), 1000)
	short, err := pool.Deflate(nil, whole, 6, false)
	if err != nil {
		t.Fatal(err)
	}
	m := message.Message{Payload: short, Flags: message.FlagDeflated | message.FlagBinary}
	b, err := Inflate(&m, 1000, 1000)
	if err != nil || !bytes.Equal(m.Payload, whole) || m.Flags != message.FlagBinary {
		t.Errorf("%d bytes, flags %x, %v", len(m.Payload), m.Flags, err)
	}
	if &b.B[0] != &m.Payload[0] {
		t.Error("the payload does not lie in the buffer that the caller returns")
	}
	pool.PutUnsized(b)

	for what, c := range map[string]struct {
		payload         []byte
		limit, maxBytes int
		code            message.Code
		text            string
	}{
		"over the ratio":   {short, 999, 1000, message.CodeTooLarge, ErrRatio.Message},
		"over the message": {short, 1000, 999, message.CodeTooLarge, "more than 999 bytes"},
		"no DEFLATE":       {[]byte{0xff, 0xff}, 10, 10, message.CodeDecompression, "RFC 1951"},
	} {
		m := message.Message{Payload: c.payload, Flags: message.FlagDeflated}
		_, err := Inflate(&m, c.limit, c.maxBytes)
		var e *message.Error
		if !errors.As(err, &e) || e.Code != c.code || !strings.Contains(e.Message, c.text) {
			t.Errorf("%s: %v", what, err)
		}
		if !bytes.Equal(m.Payload, c.payload) || m.Flags != message.FlagDeflated {
			t.Errorf("%s: the message was changed", what)
		}
	}
}

func TestCheck(t *testing.T) {
	const event, ack = message.KindEvent, message.KindAck
	for what, c := range map[string]struct {
		kind    message.Kind
		flags   message.Flags
		payload string
		op      frame.Opcode
		want    error
	}{
		"JSON":      {event, 0, `[1,2]`, frame.Binary, nil},
		"nothing":   {event, 0, ``, frame.Binary, nil},
		"raw bytes": {event, message.FlagBinary, "\xff", frame.Binary, nil},
		"too large": {
			event, message.FlagBinary, strings.Repeat("x", 21), frame.Binary, ErrTooLarge,
		},
		"no JSON":            {event, 0, `[1,2`, frame.Binary, outgoing.ErrBadJSON},
		"no JSON in an ack":  {ack, 0, `[1,2`, frame.Binary, outgoing.ErrBadJSON},
		"no UTF-8":           {event, 0, "\"\xff\"", frame.Binary, outgoing.ErrBadJSON},
		"text is known good": {event, 0, `{`, frame.Text, nil},
		"a record":           {message.KindPing, 0, "\x01", frame.Binary, nil},
		"many elements":      {event, 0, `[1,2,3,4,5,6]`, frame.Binary, ErrElements},
		"many of text":       {event, 0, `[1,2,3,4,5,6]`, frame.Text, ErrElements},
		"many bytes":         {event, message.FlagBinary, `[1,2,3,4,5,6]`, frame.Binary, nil},
	} {
		m := message.Message{Kind: c.kind, Flags: c.flags, Payload: []byte(c.payload)}
		if err := Check(&m, c.op, 20, 5); err != c.want {
			t.Errorf("%s: %v, want %v", what, err, c.want)
		}
	}
}

// What is right costs nothing.
func TestNoAllocations(t *testing.T) {
	p := append(message.AppendEventHeader(nil, 0, 0, 0, "move"), `{"x":1}`...)
	n := testing.AllocsPerRun(100, func() {
		m, err := Parse(frame.Binary, p, false)
		if err == nil {
			err = Check(&m, frame.Binary, 1024, 1024)
		}
		if err != nil {
			t.Fatal(err)
		}
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestDecode(t *testing.T) {
	var n int
	p := []byte(`42`)
	if err := Decode(outgoing.Payload{B: p}, &n); err != nil || n != 42 {
		t.Errorf("%d, %v", n, err)
	}
	if err := Decode(outgoing.Payload{}, &n); err != nil || n != 42 {
		t.Errorf("no data makes it %d, %v", n, err)
	}
	var text string
	p = []byte(`"abc"`)
	if err := Decode(outgoing.Payload{B: p}, &text); err != nil {
		t.Error(err)
	}
	clear(p)
	if text != "abc" {
		t.Errorf("the text is %q once the payload is gone", text)
	}
	var b []byte
	p = []byte("\xff\x00")
	if err := Decode(outgoing.Payload{B: p, Binary: true}, &b); err != nil {
		t.Error(err)
	}
	clear(p)
	if string(b) != "\xff\x00" {
		t.Errorf("the bytes are %x once the payload is gone", b)
	}
	for what, p := range map[string]outgoing.Payload{
		"bytes":        {B: []byte{1}, Binary: true},
		"a wrong type": {B: []byte(`"x"`)},
	} {
		var e *message.Error
		if err := Decode(p, &n); !errors.As(err, &e) || e.Code != message.CodeInvalidFormat {
			t.Errorf("%s: %v", what, err)
		}
	}
}

//go:build linux || darwin

package smartsockettest

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/client"
	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/message"
)

// Fake is a Socket without a connection, for unit tests of handlers. It has the rooms, values and
// handlers of any other, and records what is sent to it. No server runs, so a handler runs on the
// goroutine of the test, which has the result when it returns; a test takes microseconds.
//
// What a running server does by itself does not happen: rate limits, heartbeats, the deadline of
// RequireAuth. After Disconnect the Fake counts as connected and its contexts go on: use
// ExpectClosed. A question to a Fake (Socket.EmitWithAck) is not answered. Tests of these use New.
type Fake struct {
	*smartsocket.Socket
	Server *smartsocket.Server // it does not run

	t    testing.TB
	path string

	mu     sync.Mutex
	events []*sent             // in order
	answer *sent               // to the event that Call has sent
	failed *client.Error       // instead of answer
	closed *smartsocket.Reason // nil while it is not closed
	asked  uint64
}

// NewFake returns a connected socket of a namespace, of a server of its own. register gets that
// server, to register handlers; nil registers none. Connected handlers have run.
func NewFake(t testing.TB, namespace string, register func(*smartsocket.Server)) *Fake {
	t.Helper()
	w := &testLog{t: t}
	t.Cleanup(w.end)
	v, err := smartsocket.New(smartsocket.Options{
		Logger: slog.New(smartsocket.NewLogHandler(w, slog.LevelWarn))})
	if err != nil {
		t.Fatal(err)
	}
	if register != nil {
		register(v)
	}
	return newFake(t, v, namespace)
}

// Another returns one more socket in the same namespace of the same server.
func (f *Fake) Another() *Fake { return newFake(f.t, f.Server, f.path) }

func newFake(t testing.TB, v *smartsocket.Server, path string) *Fake {
	f := &Fake{Server: v, t: t, path: path}
	f.Socket = v.Namespace(path).Captive(f.take)
	return f
}

// sent is what was sent to a Fake.
type sent struct {
	event  string
	b      []byte
	binary bool
	taken  bool // an expectation has had it
}

// Bytes, Binary and Empty make it a payload.
func (s *sent) Bytes() []byte { return s.b }

// Binary reports whether it is raw bytes.
func (s *sent) Binary() bool { return s.binary }

// Empty reports whether there is no data.
func (s *sent) Empty() bool { return len(s.b) == 0 && !s.binary }

// take notes a frame.
func (f *Fake) take(op frame.Opcode, p []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if op == frame.Close {
		code, reason, _ := frame.ParseCloseBody(p)
		f.closed = &smartsocket.Reason{Code: code, Text: string(reason)}
		return
	}
	m, err := message.Parse(p)
	if err != nil {
		return
	}
	s := &sent{event: string(m.Event), b: append([]byte(nil), m.Payload...),
		binary: m.Flags&message.FlagBinary != 0}
	switch {
	case m.Kind == message.KindEvent:
		f.events = append(f.events, s)
	case m.Flags&message.FlagAck == 0 || m.AckID != f.asked:
	case m.Kind == message.KindAck:
		f.answer = s
	case m.Kind == message.KindError:
		e, _ := message.ParseErrorJSON(m.Payload)
		f.failed = &e
	}
}

// Emit runs the handlers of an event that asks for no answer. data is what a client gives to Emit.
// Middleware runs too.
func (f *Fake) Emit(event string, data any) {
	f.t.Helper()
	b, binary := f.encode(data)
	f.Namespace().Receive(f.Socket, event, 0, b, binary)
}

// Call is Emit for an event that asks for an answer, which is decoded into into, a pointer; nil
// does without. The test fails if the answer is an error, or if there is none when the handlers
// have returned.
func (f *Fake) Call(event string, data, into any) {
	f.t.Helper()
	answer, e := f.ask(event, data)
	if e != nil {
		f.t.Fatalf("the answer to %q is an error: %v", event, e)
	}
	if p, ok := into.(*[]byte); ok && answer.binary {
		*p = answer.b
		return
	}
	if into == nil || answer.Empty() {
		return
	}
	if err := json.Unmarshal(answer.b, into); err != nil {
		f.t.Fatalf("the answer to %q is %s: %v", event, shown(answer), err)
	}
}

// CallFails is Call for an event that is to be answered with an error of this code, which it
// returns.
func (f *Fake) CallFails(event string, data any, code message.Code) *client.Error {
	f.t.Helper()
	answer, e := f.ask(event, data)
	if e == nil {
		f.t.Fatalf("the answer to %q is %s, want the error %s", event, shown(answer), code)
	}
	return wantCode(f.t, "the answer to \""+event+"\" is an error", e, code)
}

// Run is Call for a handler that is registered nowhere. The answer's error fails the test.
func (f *Fake) Run(h smartsocket.Handler, data, into any) {
	f.t.Helper()
	const event = "smartsockettest.Fake.Run"
	f.On(event, h)
	defer f.Off(event)
	f.Call(event, data, into)
}

// ask sends a question.
func (f *Fake) ask(event string, data any) (*sent, *client.Error) {
	f.t.Helper()
	b, binary := f.encode(data)
	f.mu.Lock()
	f.asked++
	f.answer, f.failed = nil, nil
	id := f.asked
	f.mu.Unlock()
	f.Namespace().Receive(f.Socket, event, id, b, binary)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.answer == nil && f.failed == nil {
		f.t.Fatalf("%q was not answered when its handlers had returned", event)
	}
	return f.answer, f.failed
}

// encode is what a client sends.
func (f *Fake) encode(data any) (b []byte, binary bool) {
	f.t.Helper()
	switch data := data.(type) {
	case nil:
		return nil, false
	case []byte:
		return data, true
	}
	b, err := json.Marshal(data)
	if err != nil {
		f.t.Fatalf("the data is no JSON: %v", err)
	}
	return b, false
}

// Expect checks that an event with this name was sent to the socket, and its data, as
// Client.Expect does. It does not wait. Events of one name are expected in order.
func (f *Fake) Expect(name string, want any) {
	f.t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range f.events {
		if s.taken || s.event != name {
			continue
		}
		s.taken = true
		if different := compare(s, want); different != "" {
			f.t.Fatalf("%q was sent with other data.\n\tgot  %s\n\twant %s\n%s", name, shown(s),
				different, f.list())
		}
		return
	}
	f.t.Fatalf("%q was not sent. %s", name, f.list())
}

// ExpectNothing checks that no event was sent that was not expected.
func (f *Fake) ExpectNothing() {
	f.t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range f.events {
		if !s.taken {
			f.t.Fatalf("%q was sent, which was not expected. %s", s.event, f.list())
		}
	}
}

// ExpectClosed checks that the socket was closed with this code, as message.CloseKicked.
func (f *Fake) ExpectClosed(code uint16) {
	f.t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed == nil {
		f.t.Fatalf("the socket was not closed, want code %d", code)
	}
	if uint16(f.closed.Code) != code {
		f.t.Fatalf("the socket was closed with code %d (%s), want %d", f.closed.Code,
			f.closed.Text, code)
	}
}

// list shows what was sent. mu is held.
func (f *Fake) list() string {
	if len(f.events) == 0 {
		return "Nothing was sent to the socket."
	}
	var b strings.Builder
	b.WriteString("Sent to the socket, in this order:")
	for n, s := range f.events {
		fmt.Fprintf(&b, "\n\t%d. %s %s", n+1, strconv.Quote(s.event), shown(s))
	}
	return b.String()
}

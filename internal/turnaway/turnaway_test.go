package turnaway

import (
	"bytes"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/internal/admission"
	"github.com/smartsocket/smartsocket/message"
	"github.com/smartsocket/smartsocket/websocket"
)

// Every reason of the gate has a cause of its own kind, and every cause something to do about it.
func TestEveryCauseHasAFix(t *testing.T) {
	for c := range frame.Causes {
		if fixes[c.String()] == "" {
			t.Errorf("there is no fix for %v", c)
		}
	}
	for r := admission.Connections; r <= admission.PendingOfAddress; r++ {
		e := Of(admission.Verdict{Outcome: admission.Later, Reason: r}, nil)
		if e.Cause < frame.CauseConnections || e.Cause > frame.CausePending || e.Status != 503 ||
			e.RetryAfter == 0 || e.Reason == "" {
			t.Errorf("%v: %+v", r, e)
		}
	}
}

// Who is throttled gets a 429, and a page's client is told in the protocol, because a page does not
// see the status.
func TestThrottled(t *testing.T) {
	v := admission.Verdict{Outcome: admission.Throttled, Wait: 41500 * time.Millisecond}
	for name, r := range map[string]*frame.Request{
		"no request": nil,
		"a program":  {Protocols: []byte(message.Subprotocol)},
		"plain mode": {Origin: []byte("https://a.example")},
	} {
		e := Of(v, r)
		if e.Status != 429 || e.RetryAfter != 42 || !strings.Contains(e.Reason, "42 s") ||
			e.Spoken != nil {
			t.Errorf("%s: %+v", name, e)
		}
	}
	e := Of(v, &frame.Request{
		Origin: []byte("https://a.example"), Protocols: []byte(message.Subprotocol)})
	m, err := message.Parse(e.Spoken)
	if err != nil || m.Kind != message.KindError || e.Status != 429 || e.CloseCode != 1013 {
		t.Fatalf("%+v %v", e, err)
	}
	told, err := message.ParseErrorJSON(m.Payload)
	if err != nil || told.Code != message.CodeThrottled || told.RetryAfter != 42000 ||
		!strings.Contains(told.Message, "throttled") ||
		!strings.Contains(told.Message, "failureLimit") {
		t.Errorf("%+v %v", told, err)
	}
}

func TestLog(t *testing.T) {
	var b bytes.Buffer
	l := NewLog(slog.New(slog.NewTextHandler(&b, nil)))
	peer := &net.TCPAddr{IP: net.IP{192, 0, 2, 1}, Port: 7}
	for range 3 {
		l.Note(websocket.Refusal{Cause: frame.CauseOrigin, Origin: "http://o", Host: "h",
			Path: "/p", Peer: peer, Reason: "no"}, 0)
	}
	l.Unreadable("who?", peer, 0)
	if b.Len() > 0 {
		t.Errorf("a refusal was logged at once: %s", &b)
	}
	l.Flush(time.Second)
	l.Close(time.Second)
	for _, part := range []string{
		"cause=origin count=3 example=no origin=http://o host=h path=/p peer=192.0.2.1:7",
		"allowedOrigins", "cause=unreadableAddress count=1", "forwarded=who?",
	} {
		if !strings.Contains(b.String(), part) {
			t.Errorf("the log lacks %q: %s", part, &b)
		}
	}
	if n := strings.Count(b.String(), "level=WARN"); n != 2 {
		t.Errorf("%d lines: %s", n, &b)
	}
}

// A thousand refusals a second, and a few of other causes, are told within a second, and then in
// three lines of a cause in any minute at most.
func TestRefusalsAtAnyRate(t *testing.T) {
	var b bytes.Buffer
	l := NewLog(slog.New(slog.NewTextHandler(&b, nil)))
	peer := &net.TCPAddr{IP: net.IP{192, 0, 2, 1}, Port: 7}
	causes := []frame.Cause{frame.CauseOrigin, frame.CauseCredentials, frame.CauseNewcomers}
	var at []time.Duration // of the lines about origins
	for s := range 300 {
		now := time.Duration(s) * time.Second
		for i, c := range causes {
			for range 1000 / (1 + 99*i) {
				l.Note(websocket.Refusal{Cause: c, Peer: peer}, now)
			}
		}
		b.Reset()
		l.Flush(now)
		if n := strings.Count(b.String(), "cause=origin"); n == 1 {
			at = append(at, now)
		} else if n > 1 {
			t.Fatalf("%d lines at once: %s", n, &b)
		}
		if n := strings.Count(b.String(), "\n"); s == 0 && n != len(causes) {
			t.Errorf("%d lines in the first second, want one of each cause", n)
		}
	}
	for i := range at {
		if i > 0 && at[i]-at[i-1] < 10*time.Second {
			t.Errorf("lines at %v and %v", at[i-1], at[i])
		}
		if i > 2 && at[i]-at[i-3] < time.Minute {
			t.Errorf("four lines from %v to %v", at[i-3], at[i])
		}
	}
	if len(at) < 5 {
		t.Errorf("only %d lines in five minutes", len(at))
	}
}

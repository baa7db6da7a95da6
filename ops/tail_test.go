package ops

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/client"
	"github.com/smartsocket/smartsocket/internal/tail"
)

// stream reads server-sent events.
type stream struct {
	t    *testing.T
	body *bufio.Reader
}

// follow asks for a tail and returns once the server has it.
func follow(t *testing.T, v *smartsocket.Server, h http.Handler, query string) *stream {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	r, err := s.Client().Get(s.URL + "/api/tail?" + query)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Body.Close() })
	if r.StatusCode != 200 || r.Header.Get("Content-Type") != "text/event-stream" ||
		r.Header.Get("X-Accel-Buffering") != "no" {
		t.Fatalf("%v", r)
	}
	f := &stream{t, bufio.NewReader(r.Body)}
	if first := f.line(); first != ": tailing" || !v.Tail().On() {
		t.Fatalf("the first line is %q", first)
	}
	return f
}

// line is the next line that is not empty.
func (f *stream) line() string {
	f.t.Helper()
	for {
		text, err := f.body.ReadString('\n')
		if err != nil {
			f.t.Fatal(err)
		}
		if text = strings.TrimSpace(text); text != "" {
			return text
		}
	}
}

// next is the next event.
func (f *stream) next() (e tail.Event) {
	f.t.Helper()
	text, ok := strings.CutPrefix(f.line(), "data: ")
	if !ok {
		f.t.Fatalf("no event: %s", text)
	}
	if err := json.Unmarshal([]byte(text), &e); err != nil {
		f.t.Fatal(err)
	}
	return e
}

// Names and sizes are shown, and data only to who asks, which the log has.
func TestTail(t *testing.T) {
	v := arena(t)
	var log lines
	h := Handler(v, Options{Logger: log.logger()})
	c, id := player(t, v, "anna", "red")
	const query = "namespace=/arena&kind=in,broadcast&event=m*"
	plain := follow(t, v, h, query)
	full := follow(t, v, h, query+"&data=1")
	if _, err := c.EmitWithAck(t.Context(), "move", map[string]int{"x": 1}); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Namespace("/arena").To("red").Emit("moved", []byte{1, 2, 3}); err != nil {
		t.Fatal(err)
	}
	e := plain.next()
	if e.Kind != tail.In || e.Event != "move" || e.Socket != id || e.Bytes != 7 || e.Data != "" {
		t.Errorf("%+v", e)
	}
	e = plain.next()
	if e.Kind != tail.Broadcast || e.Event != "moved" || e.Room != "red" || e.Bytes != 3 ||
		e.Queued != 1 || e.Data != "" {
		t.Errorf("%+v", e)
	}
	if e = full.next(); e.Data != `{"x":1}` || e.Binary {
		t.Errorf("%+v", e)
	}
	if e = full.next(); e.Data != "AQID" || !e.Binary {
		t.Errorf("%+v", e)
	}
	for _, part := range []string{"action=tail who=local", `action="tail with data" who=local`} {
		if !strings.Contains(log.String(), part) {
			t.Errorf("the log lacks %s:\n%s", part, &log)
		}
	}
}

// What happens to sockets is shown too, and the credentials of nobody.
func TestTailOfSockets(t *testing.T) {
	v := arena(t)
	f := follow(t, v, Handler(v, Options{}), "data=1&kind=connected,disconnected,in,refused")
	c, id := player(t, v, "anna", "red")
	if _, err := c.EmitWithAck(t.Context(), "nothing", nil); err == nil {
		t.Fatal("an event without a handler was answered")
	}
	c.Disconnect()
	for _, want := range []tail.Event{
		{Kind: tail.Connected}, {Kind: tail.In, Event: "auth", Data: "(hidden)"},
		{Kind: tail.In, Event: "join", Data: `"red"`}, {Kind: tail.In, Event: "nothing"},
		{Kind: tail.Refused, Event: "nothing", Code: "ERR_APP_003"},
		{Kind: tail.Disconnected, Code: "1000"},
	} {
		e := f.next()
		if e.Kind != want.Kind || e.Event != want.Event || e.Data != want.Data ||
			want.Code != "" && e.Code != want.Code || e.Socket != id || e.Time.IsZero() {
			t.Errorf("%+v, want %+v", e, want)
		}
	}
}

// Behind a proxy the tail and the warnings of the log name the client, not the proxy.
func TestTailBehindAProxy(t *testing.T) {
	var log lockedBuffer
	v := start(t, smartsocket.Options{TrustedProxies: []string{"127.0.0.1"},
		APIKeys: []string{"0123456789abcdef"},
		Logger:  slog.New(slog.NewTextHandler(&log, nil))}, nil)
	f := follow(t, v, Handler(v, Options{}), "kind=connected,disconnected,rejected")
	const from = "192.0.2.7"
	o := client.Options{Header: http.Header{"X-Forwarded-For": {from}},
		MaxReconnectAttempts: client.Never, APIKey: "0123456789abcdef"}
	dial(t, v, o).Disconnect()
	for _, kind := range []tail.Kind{tail.Connected, tail.Disconnected} {
		if e := f.next(); e.Kind != kind || e.Peer != from {
			t.Errorf("%+v, want %s of %s", e, kind, from)
		}
	}
	o.APIKey = "another key of 16"
	c, err := client.New("ws://"+v.Addr().String(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Disconnect)
	if c.Connect(t.Context()) == nil {
		t.Fatal("a wrong key opens the server")
	}
	if e := f.next(); e.Kind != tail.Rejected || e.Peer != from || e.Code != "ERR_CONN_004" {
		t.Errorf("%+v", e)
	}
	if text := log.String(); !strings.Contains(text, "peer="+from+"\n") {
		t.Errorf("the log does not name %s:\n%s", from, text)
	}
}

// lockedBuffer is a log that several goroutines write.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write keeps p.
func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

// String is what was written.
func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// stalled is what one gets who takes the first answer, and then nothing within the deadline.
type stalled struct {
	*httptest.ResponseRecorder
	flushes int
	bounded bool
}

func (s *stalled) SetWriteDeadline(at time.Time) error {
	s.bounded = at.After(time.Now())
	return nil
}

func (s *stalled) FlushError() error {
	if s.flushes++; s.flushes > 1 && s.bounded {
		return os.ErrDeadlineExceeded
	}
	s.bounded = false
	return nil
}

// Who does not read makes room for others.
func TestTailOfWhoDoesNotRead(t *testing.T) {
	v := arena(t)
	h := Handler(v, Options{})
	r := httptest.NewRequest("GET", "http://localhost/api/tail", nil)
	r.RemoteAddr = "127.0.0.1:5555"
	ended := make(chan bool)
	go func() {
		h.ServeHTTP(&stalled{ResponseRecorder: httptest.NewRecorder()}, r)
		close(ended)
	}()
	late := time.After(time.Minute)
	for {
		select {
		case <-ended:
			return
		case <-late:
			t.Fatal("somebody who does not read looks on for ever")
		case <-time.After(time.Millisecond):
			v.Emit("news", nil) // it looks on soon
		}
	}
}

// HEAD has its answer at once: who asks for it would not know of the place that it keeps.
func TestHeadEnds(t *testing.T) {
	v := arena(t)
	h := Handler(v, Options{})
	soon, cancel := context.WithCancel(t.Context())
	defer cancel()
	for _, path := range []string{"/api/tail", "/debug/pprof/profile", "/debug/pprof/trace"} {
		r := httptest.NewRequestWithContext(soon, "HEAD", "http://localhost"+path, nil)
		r.RemoteAddr = "127.0.0.1:5555"
		w := httptest.NewRecorder()
		ended := make(chan bool)
		go func() {
			h.ServeHTTP(w, r)
			close(ended)
		}()
		select {
		case <-ended:
		case <-time.After(time.Minute):
			t.Fatalf("HEAD %s does not end", path)
		}
		if w.Code != 200 || w.Header().Get("Content-Type") == "" {
			t.Errorf("HEAD %s: %d %v", path, w.Code, w.Header())
		}
	}
}

func TestTailRefusals(t *testing.T) {
	h := Handler(arena(t), Options{})
	for _, query := range []string{"sample=0", "sample=x", "kind=all", "data=yes"} {
		if code, text := ask(t, h, "GET", "/api/tail?"+query, ""); code != 400 ||
			!strings.Contains(text, codeRequest) {
			t.Errorf("%s: %d %s", query, code, text)
		}
	}
}

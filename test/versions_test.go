package test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/client"
	"github.com/smartsocket/smartsocket/message"
)

// named answers with the name under which it is registered.
func named(v smartsocket.Registrar, event string, opts ...smartsocket.HandlerOption) {
	v.On(event, func(_ *Socket, _ Data, ack Ack) { ack.Reply(event) }, opts...)
}

// A version that nobody has registered for goes to the highest one below it, and to the name
// without a version at last.
func TestVersionsFallBack(t *testing.T) {
	seen := make(chan string, 100)
	v := startServer(t, Options{}, func(v *Server) {
		for _, event := range []string{"move", "move@2", "move@5", "jump@3", "mail@home", "a@b@2"} {
			named(v, event)
		}
		named(v, "turn", smartsocket.Inline)
		v.OnConnected(func(s *Socket) {
			named(s, "move@4")
			named(s, "own@2")
		})
		v.Use(func(_ *Socket, event string, _ Data, next func(error)) {
			seen <- event
			next(nil)
		})
	})
	w := dialFull(t, v, "/")
	for sent, handled := range map[string]string{
		"move": "move", "move@1": "move", "move@2": "move@2", "move@3": "move@2",
		"move@4": "move@4", "move@5": "move@5", "move@6": "move@5", "move@999999999": "move@5",
		"jump@3": "jump@3", "jump@4": "jump@3", "turn@7": "turn", "own@9": "own@2",
		"mail@home": "mail@home", "a@b@3": "a@b@2",
		// No versions, or none that is low enough.
		"jump": "", "jump@2": "", "own@1": "", "mail@other": "", "move@0": "", "move@02": "",
		"move@1000000000": "", "move@x": "", "move@": "", "@2": "", "a@b": "", "a@1": "",
	} {
		w.request(7, sent, "")
		if handled == "" {
			w.wantNack(7, message.CodeNoHandler)
			continue
		}
		w.wantAck(7, fmt.Sprintf("%q", handled))
		if event := <-seen; event != handled {
			t.Errorf("%s: a middleware sees %s, want %s", sent, event, handled)
		}
	}
	// Reserved names have no versions either.
	w.request(7, "__x@2", "")
	w.wantNack(7, message.CodeInvalidFormat)
	w.request(7, "connected@2", "")
	w.wantNack(7, message.CodeNoHandler)
}

// What the connected handlers register is found by events that came before it was there.
func TestVersionsOfEarlyEvents(t *testing.T) {
	var log logBuffer
	came := make(chan struct{})
	v := startServer(t, Options{Logger: debugging(&log)}, func(v *Server) {
		named(v, "move")
		v.OnConnected(func(s *Socket) {
			<-came
			named(s, "move@2")
		})
	})
	w := dialFull(t, v, "/")
	w.request(1, "move@3", "")
	eventually(t, "the event", func() bool { return strings.Contains(log.String(), "move@3") })
	close(came)
	w.wantAck(1, `"move@2"`)
}

// MaxBytes is that of the handlers that an event has. Errors name them too.
func TestVersionsAndMaxBytes(t *testing.T) {
	v := startServer(t, Options{}, func(v *Server) {
		named(v, "move", smartsocket.MaxBytes(4))
		named(v, "move@2", smartsocket.MaxBytes(8))
	})
	w := dialFull(t, v, "/")
	for _, tt := range []struct {
		event, data, handled string
		fits                 bool
	}{
		{"move@1", `1234`, "move", true}, {"move@1", `12345`, "move", false},
		{"move@3", `12345678`, "move@2", true}, {"move@3", `123456789`, "move@2", false},
	} {
		w.request(7, tt.event, tt.data)
		if tt.fits {
			w.wantAck(7, fmt.Sprintf("%q", tt.handled))
			continue
		}
		e, err := message.ParseErrorJSON(w.message().Payload)
		if err != nil || e.Code != message.CodeTooLarge || e.Event != tt.handled {
			t.Errorf("%s %s: %+v, %v", tt.event, tt.data, e, err)
		}
	}
}

// A limit holds for what its name handles, so that no client escapes it by another version.
func TestVersionsAndRateLimits(t *testing.T) {
	v := startServer(t, Options{RateLimitMaxRequests: 1000}, func(v *Server) {
		for _, event := range []string{"move", "move@5", "free"} {
			named(v, event)
		}
		once := smartsocket.Limit{Window: time.Hour, MaxRequests: 2}
		for _, event := range []string{"move", "move@5", "free@9", "early", "late@2"} {
			v.SetEventRateLimit(event, once)
		}
	})
	w := dialFull(t, v, "/")
	for _, tt := range []struct {
		event   string
		allowed bool
	}{
		{"move@1", true}, {"move@2", true}, {"move@3", false}, {"move", false}, {"move@4", false},
		{"move@7", true}, {"move@5", true}, {"move@6", false}, {"move@5", false},
		{"free@9", true}, {"free@9", true}, {"free@9", true}, {"free", true}, // free handles it
	} {
		w.request(7, tt.event, "")
		m := w.answered()
		if allowed := m.Kind == message.KindAck; allowed != tt.allowed {
			t.Fatalf("%s: allowed %t, want %t", tt.event, allowed, tt.allowed)
		}
		if tt.allowed {
			continue
		}
		e, err := message.ParseErrorJSON(m.Payload)
		if err != nil || e.Code != message.CodeEventRateLimited || e.Event != tt.event {
			t.Errorf("%s: got %+v, %v", tt.event, e, err)
		}
	}
	// Without handlers the limit of the highest version holds that has one, or else the event's.
	for event, limited := range map[string][2]string{
		"early": {"early@3", "early@8"}, "late@2": {"late@2", "late@9"},
	} {
		for i := range 4 {
			w.request(7, limited[i%2], "")
			want := message.CodeNoHandler
			if i >= 2 {
				want = message.CodeEventRateLimited
			}
			e, err := message.ParseErrorJSON(w.answered().Payload)
			if err != nil || e.Code != want {
				t.Errorf("%s, %d times: got %+v, %v", event, i+1, e, err)
			}
		}
	}
}

// answered is the next answer, without what is told of limits besides.
func (w *wire) answered() message.Message {
	for {
		if m := w.message(); m.Kind != message.KindEvent {
			return m
		}
	}
}

// Until it has authenticated a client may send auth, in whatever version, to the handlers of auth
// alone.
func TestVersionsOfAuth(t *testing.T) {
	v := startServer(t, Options{RequireAuth: true}, func(v *Server) {
		named(v, "auth@5")
		named(v, "move")
		v.On("auth", func(s *Socket, _ Data, ack Ack) {
			s.Authenticated("anna")
			ack.Reply("welcome")
		})
	})
	w := dialFull(t, v, "/")
	for event, ok := range map[string]bool{"move@2": false, "auth@5": false, "auth@6": false} {
		w.request(7, event, "")
		if m := w.message(); (m.Kind == message.KindAck) != ok {
			t.Errorf("%s: got kind %d", event, m.Kind)
		}
	}
	w.request(7, "auth@2", "")
	w.wantAck(7, `"welcome"`)
}

// A client of either kind asks for a version by its name alone.
func TestVersionsFromClients(t *testing.T) {
	v := startServer(t, Options{}, func(v *Server) {
		smartsocket.Handle(v, "move", func(*Socket, struct{ X int }) (string, error) {
			return "old", nil
		})
		smartsocket.Handle(v, "move@2", func(*Socket, struct{ Pos [2]int }) (string, error) {
			return "new", nil
		})
	})
	c := connected(t, newClient(t, v, client.Options{}))
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	p := dialPlain(t, v, "/")
	for event, want := range map[string]string{"move": "old", "move@1": "old", "move@2": "new",
		"move@3": "new"} {
		got, err := client.Request[string](ctx, c, event, struct{}{})
		if got != want || err != nil {
			t.Errorf("%s: %s, %v", event, got, err)
		}
		p.text(`{"event":%q,"ack":1}`, event)
		p.wantText(fmt.Sprintf(`{"ack":1,"data":%q}`, want))
	}
}

// What comes before the connected handlers are done is limited like the version that they register.
func TestLimitsOfVersionsHoldEarly(t *testing.T) {
	begin := make(chan bool)
	v := startServer(t, Options{RateLimitMaxRequests: 100}, func(v *Server) {
		v.SetEventRateLimit("buy@2", smartsocket.Limit{Window: time.Hour, MaxRequests: 1})
		v.OnConnected(func(s *Socket) {
			<-begin
			s.On("buy@2", reply) // nobody knew of it before
		})
	})
	w := dialFull(t, v, "/")
	w.request(1, "buy@3", "1")
	w.request(2, "buy@4", "2")
	wantErrorTo(t, w, 2, message.CodeEventRateLimited)
	close(begin)
	if m := w.answered(); m.Kind != message.KindAck || m.AckID != 1 {
		t.Errorf("kind %d to %d", m.Kind, m.AckID)
	}
}

package health

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/smartsocket/smartsocket/frame"
)

func TestAnswers(t *testing.T) {
	odd := errors.New("loop 3 says \"no\"\n")
	for _, c := range []struct {
		what   string
		a      frame.Answer
		status int
		reason string
	}{
		{"healthy", Alive(nil), 200, ""},
		{"healthy", Alive(odd), 503, odd.Error()},
		{"ready", Ready(nil), 200, ""},
		{"ready", Ready(ErrFull), 503, "full: maxConnections is reached"},
		{"ready", Ready(ErrDraining), 503, "draining"},
		{"ready", Ready(odd), 503, odd.Error()},
	} {
		if c.a.Status != c.status || (c.a.RetryAfter > 0) != (c.status == 503) {
			t.Errorf("%s: %+v, want %d", c.what, c.a, c.status)
		}
		if c.what == "healthy" && c.status == 200 {
			if string(c.a.Body) != "ok\n" || c.a.Type != "" {
				t.Errorf("answers %q of type %q", c.a.Body, c.a.Type)
			}
			continue
		}
		var got map[string]any
		if err := json.Unmarshal(c.a.Body, &got); err != nil || c.a.Type != "application/json" {
			t.Errorf("%q of type %q: %v", c.a.Body, c.a.Type, err)
		}
		if reason, _ := got["reason"].(string); got[c.what] != (c.status == 200) ||
			reason != c.reason {
			t.Errorf("%s answers %q", c.what, c.a.Body)
		}
	}
}

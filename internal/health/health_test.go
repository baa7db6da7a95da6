package health

import (
	"encoding/json"
	"testing"
)

func TestAnswers(t *testing.T) {
	for _, c := range []struct {
		path   string
		s      State
		status int // 0 = no answer
		ready  bool
		reason string
	}{
		{"/healthz", State{}, 200, false, ""},
		{"/healthz", State{Draining: true, Full: true}, 200, false, ""},
		{"/readyz", State{}, 200, true, ""},
		{"/readyz", State{Full: true}, 503, false, "full: maxConnections is reached"},
		{"/readyz", State{Draining: true}, 503, false, "draining"},
		{"/readyz", State{Draining: true, Full: true}, 503, false, "draining"},
		{"/", State{}, 0, false, ""},
	} {
		c.s.HealthPath, c.s.ReadyPath = "/healthz", "/readyz"
		a, ok := Answer(c.path, &c.s)
		if ok != (c.status != 0) || a.Status != c.status {
			t.Errorf("%s of %+v: %t, status %d, want %d", c.path, c.s, ok, a.Status, c.status)
			continue
		}
		if retries := a.RetryAfter > 0; retries != (c.status == 503) {
			t.Errorf("%s of %+v: try again after %d s", c.path, c.s, a.RetryAfter)
		}
		if c.path == "/healthz" && (string(a.Body) != "ok\n" || a.Type != "") {
			t.Errorf("%s answers %q of type %q", c.path, a.Body, a.Type)
		}
		if c.path != "/readyz" {
			continue
		}
		var got struct {
			Ready  bool
			Reason string
		}
		if err := json.Unmarshal(a.Body, &got); err != nil || a.Type != "application/json" {
			t.Errorf("%q of type %q: %v", a.Body, a.Type, err)
		}
		if got.Ready != c.ready || got.Reason != c.reason {
			t.Errorf("%s of %+v answers %q", c.path, c.s, a.Body)
		}
	}
}

// A server whose two paths are switched off answers neither.
func TestPathsThatAreOff(t *testing.T) {
	if a, ok := Answer("/off", &State{HealthPath: "off", ReadyPath: "off"}); ok {
		t.Errorf("answered with %+v", a)
	}
}

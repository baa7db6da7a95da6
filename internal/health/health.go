// Package health answers load balancers and orchestrators: whether a server runs, and whether it
// takes clients. It has no state and no locks.
package health

import (
	"net/http"

	"github.com/smartsocket/smartsocket/frame"
)

// State is what is known of a server when it is asked.
type State struct {
	HealthPath, ReadyPath string // a path that no request has, such as off, is not answered
	Draining              bool   // it shuts down
	Full                  bool   // it has all connections that it may have
}

// Answer is the answer to a GET or HEAD, and false for a path that is not one of s. That there is
// an answer says that the server runs, because an event loop asks for it.
func Answer(path string, s *State) (frame.Answer, bool) {
	switch path {
	case s.HealthPath:
		return frame.Answer{Status: http.StatusOK, Body: []byte("ok\n")}, true
	case s.ReadyPath:
		return ready(s), true
	}
	return frame.Answer{}, false
}

func ready(s *State) frame.Answer {
	a := frame.Answer{Status: http.StatusOK, Type: "application/json"}
	switch {
	case s.Draining:
		a.Body = []byte(`{"ready":false,"reason":"draining"}` + "\n")
	case s.Full:
		a.Body = []byte(`{"ready":false,"reason":"full: maxConnections is reached"}` + "\n")
	default:
		a.Body = []byte(`{"ready":true}` + "\n")
		return a
	}
	a.Status, a.RetryAfter = http.StatusServiceUnavailable, 1
	return a
}

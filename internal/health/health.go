// Package health answers load balancers and orchestrators: whether a server runs, and whether it
// takes clients. It has no state and no locks.
package health

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/smartsocket/smartsocket/frame"
)

// Why a server takes no clients. The texts are the reasons in the answers.
var (
	ErrNotStarted = errors.New("not started")
	ErrDraining   = errors.New("draining")
	ErrFull       = errors.New("full: maxConnections is reached")
	ErrBuffers    = errors.New("overload: maxBufferedBytes is nearly reached")
)

// Alive is the answer to whether the server runs. err says what does not, nil for nothing.
func Alive(err error) frame.Answer {
	if err != nil {
		return refused("healthy", err)
	}
	return frame.Answer{Status: http.StatusOK, Body: []byte("ok\n")}
}

// Ready is the answer to whether the server takes clients. err says why not.
func Ready(err error) frame.Answer {
	if err != nil {
		return refused("ready", err)
	}
	return frame.Answer{Status: http.StatusOK, Type: "application/json",
		Body: []byte(`{"ready":true}` + "\n")}
}

func refused(what string, err error) frame.Answer {
	reason, _ := json.Marshal(err.Error()) // a text
	return frame.Answer{Status: http.StatusServiceUnavailable, Type: "application/json",
		RetryAfter: 1, Body: []byte(`{"` + what + `":false,"reason":` + string(reason) + "}\n")}
}

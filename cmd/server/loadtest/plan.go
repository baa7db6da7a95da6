package loadtest

import (
	"fmt"
	"log/slog"
	"net/url"
	"time"

	"github.com/smartsocket/smartsocket/client"
	"github.com/smartsocket/smartsocket/cmd/server/netsim"
	"github.com/smartsocket/smartsocket/internal/testclock"
)

// Plan is what to do. All of it is bounded: in time, in clients and in events.
type Plan struct {
	URL       string         // ws://host:port/namespace, or wss
	Client    client.Options // of every client: keys, TLS, timeouts; Dial is not used
	Clients   int
	Ramp      time.Duration // until the last client begins to connect
	For       time.Duration // the measured time, after the ramp
	MaxEvents int64         // all clients together emit no more; then the test ends
	Grace     time.Duration // how long the last questions may take, after the measured time
	Mix       Mix
	Network   netsim.Link
	Addresses []string // of this machine, to connect from in turn; none = the system's choice
	Seed      uint64   // decides all that is random; the same seed gives the same plan of events

	clock *testclock.Clock // nil = the system's
}

// Limits of a Plan.
const (
	MaxClients = 200_000
	MaxTime    = 24 * time.Hour
)

// Error says which part of a Plan cannot be used, and what to give instead.
type Error struct {
	Field string // of Plan, or events[2].rate of a mix
	Fix   string
}

// Error returns the message.
func (e *Error) Error() string { return e.Field + ": " + e.Fix }

func wrong(field, format string, args ...any) error {
	return &Error{field, fmt.Sprintf(format, args...)}
}

// Check returns an *Error if the plan cannot be used.
func (p *Plan) Check() error {
	u, err := url.Parse(p.URL)
	switch {
	case p.URL == "":
		return wrong("URL",
			"there is none: write it behind loadtest, as in ws://localhost:3000/game")
	case err != nil || u.Scheme != "ws" && u.Scheme != "wss" || u.Host == "":
		return wrong("URL", "%q is no address of a server: write ws://host:port/namespace, or wss",
			p.URL)
	case p.Clients < 1 || p.Clients > MaxClients:
		return wrong("Clients", "%d is no number of clients: write 1 to %d", p.Clients, MaxClients)
	case p.Ramp < 0 || p.Ramp > MaxTime:
		return wrong("Ramp", "%v is no time for a ramp: write 0 to %v", p.Ramp, MaxTime)
	case p.For <= 0 || p.For > MaxTime:
		return wrong("For", "%v is no time for a test: write up to %v", p.For, MaxTime)
	case p.MaxEvents < 1:
		return wrong("MaxEvents", "%d is no number of events: write 1 or more", p.MaxEvents)
	case p.Grace < 0 || p.Grace > time.Hour:
		return wrong("Grace", "%v is no time to wait: write 0 to 1h", p.Grace)
	}
	if err := p.Mix.check(); err != nil {
		return err
	}
	if _, err := client.New(p.URL, p.Client); err != nil {
		if bad, ok := err.(*client.OptionError); ok {
			return &Error{bad.Field, bad.Fix}
		}
		return err
	}
	return nil
}

// options returns those of one client.
func (p *Plan) options() client.Options {
	o := p.Client
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

package ops

import (
	"net/http"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/cluster"
	"github.com/smartsocket/smartsocket/internal/metrics"
	"github.com/smartsocket/smartsocket/internal/turnaway"
)

// Overview is the JSON of /api/overview: all that the page's first view needs, in one answer, whose
// size depends neither on the number of sockets nor on that of namespaces.
type Overview struct {
	Info        Info                        `json:"info"`
	Server      smartsocket.Stats           `json:"server"`
	Connections smartsocket.ConnectionStats `json:"connections"`
	Limits      Limits                      `json:"limits"`
	Fixes       map[string]string           `json:"fixes"` // by cause of the refusals: what to do
	Times       Times                       `json:"times"`
	Cluster     *cluster.Stats              `json:"cluster,omitempty"`
	Nodes       NodeList                    `json:"nodes"`
}

// Limits are those of a server that its figures are near to, or far from.
type Limits struct {
	Connections   int   `json:"connections"`
	BufferedBytes int64 `json:"bufferedBytes"` // 0 means none
	Loops         int   `json:"loops"`
}

// Times are the distributions of durations since the start. What lies between two answers is their
// difference. BoundsMs are the upper bounds of all of them.
type Times struct {
	BoundsMs  []float64    `json:"boundsMs"`
	LoopLag   Distribution `json:"loopLag"`   // how long event loops took to get to a task
	RoundTrip Distribution `json:"roundTrip"` // of heartbeats
	Inline    Distribution `json:"inline"`    // handlers on event loops (estimated)
	Queued    Distribution `json:"queued"`    // handlers on goroutines (estimated)
	Waiting   Distribution `json:"waiting"`   // events that waited for a goroutine (estimated)
	Broadcast Distribution `json:"broadcast"` // until it was queued for its receivers (estimated)
}

// Distribution is one of Times.
type Distribution struct {
	Count int64   `json:"count"`
	SumMs float64 `json:"sumMs"`
	Below []int64 `json:"below"` // how many were below each of BoundsMs
}

// timeBounds are 64 µs to 4.2 s in powers of two, for which the counts of a Histogram are exact.
var timeBounds = func() (bounds []time.Duration) {
	for us := 64; us <= 1<<22; us *= 2 {
		bounds = append(bounds, time.Duration(us)*time.Microsecond)
	}
	return bounds
}()

func (h *handler) overview(w http.ResponseWriter, r *http.Request) error {
	m, limits := h.server.Measures(), h.server.Limits()
	o := Overview{
		Info: h.about(r), Server: h.server.Stats(), Connections: h.server.ConnectionStats(),
		Limits: Limits{limits.Connections, limits.BufferedBytes, limits.Loops},
		Times: Times{
			LoopLag: distribution(&m.LoopLag), RoundTrip: distribution(&m.RoundTrip),
			Inline: distribution(&m.Inline), Queued: distribution(&m.Queued),
			Waiting: distribution(&m.Waiting), Broadcast: distribution(&m.Broadcast),
		},
		Nodes: h.nodeList(),
	}
	for _, bound := range timeBounds {
		o.Times.BoundsMs = append(o.Times.BoundsMs, millis(bound))
	}
	o.Fixes = make(map[string]string, len(o.Connections.Refusals))
	for cause := range o.Connections.Refusals {
		if fix := turnaway.Fix(cause); fix != "" {
			o.Fixes[cause] = fix
		}
	}
	if h.Cluster != nil {
		st := h.Cluster.Stats()
		o.Cluster = &st
	}
	reply(w, http.StatusOK, o)
	return nil
}

func distribution(of *metrics.Histogram) Distribution {
	below, n, sum := of.Distribution(timeBounds)
	return Distribution{Count: n, SumMs: millis(sum), Below: below}
}

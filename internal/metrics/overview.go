package metrics

import (
	"encoding/json"
	"fmt"
	"time"
)

// Overview is a summary of a server under the names of the JavaScript API. JSON fills in the
// fields that have no comment.
type Overview struct {
	Connections       int     `json:"connections"` // sockets
	MemoryUsage       string  `json:"memoryUsage"`
	MemoryBytes       uint64  `json:"memoryBytes"` // of the process
	Uptime            int64   `json:"uptime"`
	MessagesPerSecond float64 `json:"messagesPerSecond"`
	MessagesIn        float64 `json:"messagesInPerSecond"`  // received
	MessagesOut       float64 `json:"messagesOutPerSecond"` // sent
	AverageLatency    float64 `json:"averageLatency"`
	LatencyP50        float64 `json:"latencyP50"`
	LatencyP99        float64 `json:"latencyP99"`
	LatencySamples    int64   `json:"latencySamples"`
}

// JSON returns o with the memory as text ("45.1MB"), the uptime and the latency in milliseconds.
func (o Overview) JSON(uptime time.Duration, rtt Summary) ([]byte, error) {
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	o.MemoryUsage = fmt.Sprintf("%.1fMB", float64(o.MemoryBytes)/(1<<20))
	o.Uptime, o.MessagesPerSecond = uptime.Milliseconds(), o.MessagesIn+o.MessagesOut
	o.AverageLatency, o.LatencyP50, o.LatencyP99 = ms(rtt.Mean), ms(rtt.P50), ms(rtt.P99)
	o.LatencySamples = rtt.Samples
	return json.Marshal(o)
}

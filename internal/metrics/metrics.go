// Package metrics measures a server that runs: how long something takes
// (Histogram, and Set for those of a server), how much there is of it in a second (Rates), and what
// memory the process has (MappedBytes). It starts nothing and reads no clock; its caller does.
//
// Rates.mu is the only lock, held for memory work. Read histogram.go, set.go, then rates.go.
package metrics

import "runtime/metrics"

// MappedBytes is the memory of the whole process that the Go runtime has mapped
// and not returned to the system. It allocates.
func MappedBytes() uint64 {
	s := []metrics.Sample{
		{Name: "/memory/classes/total:bytes"},
		{Name: "/memory/classes/heap/released:bytes"},
	}
	metrics.Read(s)
	return s[0].Value.Uint64() - s[1].Value.Uint64()
}

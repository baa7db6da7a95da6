//go:build linux || darwin

package reactor

import (
	"log/slog"
	"runtime"
	"time"
)

// Options configure a Reactor. The zero value is usable.
type Options struct {
	Loops          int           // event loops; 0 = GOMAXPROCS
	ReadBuffer     int           // bytes of the read buffer shared by a loop's connections; 0 = 64 KiB
	MaxOutboxBytes int           // queued bytes past which a connection is a slow consumer; 0 = 1 MiB; one message alone may be larger
	LowWaterBytes  int           // OnWritable when the outbox falls to this; 0 = 64 KiB
	MaxOutboxAge   time.Duration // age of the oldest queued byte past which it is one; 0 = 10 s
	SendBuffer     int           // SO_SNDBUF of each connection; 0 = the kernel's choice
	Tick           time.Duration // resolution of timers; 0 = 100 ms
	Logger         *slog.Logger  // nil = discard
}

func (o Options) withDefaults() Options {
	if o.Loops <= 0 {
		o.Loops = runtime.GOMAXPROCS(0)
	}
	if o.ReadBuffer <= 0 {
		o.ReadBuffer = 64 << 10
	}
	if o.MaxOutboxBytes <= 0 {
		o.MaxOutboxBytes = 1 << 20
	}
	if o.LowWaterBytes <= 0 {
		o.LowWaterBytes = 64 << 10
	}
	o.LowWaterBytes = min(o.LowWaterBytes, o.MaxOutboxBytes)
	if o.MaxOutboxAge <= 0 {
		o.MaxOutboxAge = 10 * time.Second
	}
	if o.Tick <= 0 {
		o.Tick = 100 * time.Millisecond
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

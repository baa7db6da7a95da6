//go:build linux || darwin

package reactor

import (
	"log/slog"
	"runtime"
	"time"
)

// Options configure a Reactor. The zero value is usable.
type Options struct {
	Loops int // number of event loops; 0 means GOMAXPROCS
	// ReadBuffer is the size in bytes of the read buffer that the connections of a loop share; 0
	// means 64 KiB.
	ReadBuffer int
	// MaxOutboxBytes is the number of queued bytes above which a connection is a slow consumer; 0
	// means 1 MiB. What is being sent does not count, and one message alone may be larger.
	MaxOutboxBytes int
	// MaxTotalOutboxBytes bounds the memory of all outboxes together. Above it the connections that
	// hold most are closed with ErrOutboxBudget. Bytes that connections share count once. 0 means
	// no bound. It should be several times MaxOutboxBytes.
	MaxTotalOutboxBytes int64
	// Grew, if not nil, is called when outboxes have grown because a peer is behind. It is called
	// with locks held: it must return at once, and call nothing of this package but Stats and
	// Reactor.OutboxBytes.
	Grew          func()
	LowWaterBytes int // OnWritable runs when the outbox falls to this; 0 means 64 KiB
	// MaxOutboxAge is the time without progress after which a connection with an outbox is a slow
	// consumer; 0 means 10 s. It is progress if the kernel takes some of the outbox, or if the peer
	// acknowledges bytes that the kernel still holds. A connection may therefore be as slow as it
	// likes, as long as something moves.
	MaxOutboxAge time.Duration
	SendBuffer   int           // SO_SNDBUF of each connection; 0 means the kernel's choice
	Tick         time.Duration // resolution of timers; 0 means 100 ms
	Logger       *slog.Logger  // nil means discard

	// Clock is the clock of timers and limits, for tests. It must not run backwards and may be
	// called from any goroutine. nil means the time since New.
	Clock func() time.Duration
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

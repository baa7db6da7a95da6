package reactor

import (
	"runtime"
	"testing"
	"time"
)

// The defaults are those that Options documents.
func TestDefaults(t *testing.T) {
	o := Options{}.withDefaults()
	if o.Loops != runtime.GOMAXPROCS(0) || o.ReadBuffer != 64<<10 || o.MaxOutboxBytes != 1<<20 ||
		o.MaxTotalOutboxBytes != 0 || o.LowWaterBytes != 64<<10 ||
		o.MaxOutboxAge != 10*time.Second || o.Tick != 100*time.Millisecond || o.Logger == nil {
		t.Errorf("defaults: %+v", o)
	}
	set := Options{Loops: 1, ReadBuffer: 1, MaxOutboxBytes: 1, LowWaterBytes: 1, MaxOutboxAge: 1,
		Tick: 1, Logger: o.Logger}
	if got := set.withDefaults(); got.Loops != 1 || got.ReadBuffer != 1 ||
		got.MaxOutboxBytes != 1 || got.LowWaterBytes != 1 || got.MaxOutboxAge != 1 ||
		got.Tick != 1 || got.Logger != o.Logger {
		t.Errorf("what was set became %+v", got)
	}
	if got := (Options{MaxOutboxBytes: 10}).withDefaults(); got.LowWaterBytes != 10 {
		t.Errorf("the low-water mark is %d, above the limit", got.LowWaterBytes)
	}
}

//go:build linux || darwin

package reactor

import "github.com/smartsocket/smartsocket/internal/goid"

// OnLoop reports whether the caller runs on one of the event loops. Close would then wait for its
// own caller. It costs about a microsecond.
func (r *Reactor) OnLoop() bool {
	id := goid.ID()
	for _, l := range r.loops {
		if id != 0 && l.goroutine.Load() == id {
			return true
		}
	}
	return false
}

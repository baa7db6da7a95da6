package room

import (
	"time"
)

// Tick is the number of the tick that runs, or of the last one. 1 is the state that OnOpen has
// left, so the first tick is 2. It grows by one with each tick, and by more if ticks were left out
// because the room was too late, see Options.CatchUp. If the room does not tick, it counts the
// turns after which the state was sent.
func (r *Room[S]) Tick() uint64 { return r.tick }

// Step is the time from tick to tick, in whole microseconds, by which OnTick moves the room on. It
// is 0 for a room that does not tick.
func (r *Room[S]) Step() time.Duration { return r.rooms.step }

// Delta is Step in seconds.
func (r *Room[S]) Delta() float64 { return r.rooms.step.Seconds() }

// Now is the server's time of day when the turn began, and in a tick the time at which that was
// due, in whole microseconds. A replay repeats it.
func (r *Room[S]) Now() time.Time { return time.UnixMicro(r.at) }

// ticks runs the ticks that are due by now.
func (r *Room[S]) ticks(now time.Duration) {
	k := r.rooms
	left, skip := dueTicks(now-r.next, k.step, k.opts.CatchUp)
	r.tick += uint64(skip)
	r.next += time.Duration(skip) * k.step
	k.stats.skipped.Add(int64(skip))
	for ; left > 0 && r.closing == nil; left-- {
		began := k.schedule.now()
		k.stats.lateness.add(began - r.next)
		r.at = r.timeOf(r.next)
		r.tick++
		r.next += k.step
		r.takeInputs()
		if f := k.opts.OnTick; f != nil && r.closing == nil {
			r.noteTick()
			f(r)
			r.sumUp()
		}
		k.stats.busy.add(k.schedule.now() - began)
	}
}

// timeOf is the time of day at a time of the schedule, in µs since 1970.
func (r *Room[S]) timeOf(at time.Duration) int64 {
	s := r.rooms.schedule
	now := s.alarm.Now()
	return now.Add(at - now.Sub(s.start)).UnixMicro()
}

// stepOf is the step of a rate, in whole microseconds, because clients compute with these.
func stepOf(rate int) time.Duration {
	return (time.Second / time.Duration(rate)).Truncate(time.Microsecond)
}

// dueTicks is how many ticks to run if the first one is late, and how many to leave out before.
func dueTicks(late, step time.Duration, atMost int) (run, skip int) {
	due := int(late/step) + 1
	run = min(due, atMost)
	return run, due - run
}

// firstTick is when a room begins to tick: within a step from now, in its phase.
func firstTick(now, step time.Duration, origin int64) time.Duration {
	return now + step - (now+step-time.Duration(origin))%step
}

// phase spreads the rooms over the milliseconds of a step, so that not all of them tick at once,
// while those of one millisecond share a wake-up.
func phase(serial uint64, step time.Duration) int64 {
	slots := uint64(step / time.Millisecond)
	if slots == 0 {
		return 0
	}
	spread := serial * 0x9E3779B97F4A7C15 >> 32 // parts of 2³², far from those of its neighbours
	return int64(spread*slots>>32) * int64(time.Millisecond)
}

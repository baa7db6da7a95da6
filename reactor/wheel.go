//go:build linux || darwin

package reactor

const (
	wheelBits   = 6
	wheelSlots  = 1 << wheelBits
	wheelLevels = 4
	// wheelSpan is the largest distance in ticks that has its own slot (19 days at 100 ms). A timer
	// further away waits in the last slot and is placed again.
	wheelSpan = 1<<(wheelBits*wheelLevels) - 1
)

// timer is a connection's place on its loop's wheel.
type timer struct {
	prev, next *Conn
	due        int64 // tick; 0 means not armed
	placed     int64 // tick that the slot stands for, ≤ due
	slot       int32 // level*wheelSlots + slot
}

// wheel is a hierarchical timing wheel of intrusive timers. Set, reset and cancel cost a few
// pointer writes whatever the duration. Moving a timer further away, the common case, is one store.
// A wheel belongs to its loop.
type wheel struct {
	tick  int64 // last tick processed
	count int
	slots [wheelLevels * wheelSlots]*Conn
}

// start sets the current tick of an empty wheel.
func (w *wheel) start(tick int64) { w.tick = tick }

// set arms c for the tick due, which must be in the future.
func (w *wheel) set(c *Conn, due int64) {
	t := &c.timer
	if t.due != 0 {
		if due >= t.placed { // is found when its old slot comes, and placed again
			t.due = due
			return
		}
		w.remove(c)
	}
	t.due = due
	w.place(c)
	w.count++
}

// cancel disarms c.
func (w *wheel) cancel(c *Conn) {
	if c.timer.due == 0 {
		return
	}
	w.remove(c)
	c.timer.due = 0
}

func (w *wheel) remove(c *Conn) {
	w.unlink(c)
	w.count--
}

func (w *wheel) place(c *Conn) {
	t := &c.timer
	at := min(max(t.due, w.tick+1), w.tick+wheelSpan)
	level, delta := 0, at-w.tick
	for delta >= wheelSlots {
		level, delta = level+1, delta>>wheelBits
	}
	t.placed = at
	t.slot = int32(level*wheelSlots) + int32(at>>(level*wheelBits))&(wheelSlots-1)
	head := &w.slots[t.slot]
	t.next = *head
	if t.next != nil {
		t.next.timer.prev = c
	}
	*head = c
}

func (w *wheel) unlink(c *Conn) {
	t := &c.timer
	if t.prev != nil {
		t.prev.timer.next = t.next
	} else {
		w.slots[t.slot] = t.next
	}
	if t.next != nil {
		t.next.timer.prev = t.prev
	}
	t.prev, t.next = nil, nil
}

// advance processes every tick up to now and calls fire for each timer that is due, after disarming
// it. fire may set and cancel any timer of the wheel.
func (w *wheel) advance(now int64, fire func(*Conn)) {
	for w.tick < now {
		if w.count == 0 {
			w.tick = now
			return
		}
		w.tick++
		for level := wheelLevels - 1; level > 0; level-- {
			if w.tick&(1<<(level*wheelBits)-1) == 0 {
				w.empty(level*wheelSlots+int(w.tick>>(level*wheelBits))&(wheelSlots-1), fire)
			}
		}
		w.empty(int(w.tick)&(wheelSlots-1), fire)
	}
}

// empty fires what is due in a slot and places the rest again. The rest never goes to the same
// slot, because that is a full turn of its level away.
func (w *wheel) empty(slot int, fire func(*Conn)) {
	for c := w.slots[slot]; c != nil; c = w.slots[slot] {
		w.unlink(c)
		if c.timer.due > w.tick {
			w.place(c)
			continue
		}
		c.timer.due = 0
		w.count--
		fire(c)
	}
}

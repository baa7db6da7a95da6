package room

import (
	"cmp"
	"fmt"
	"iter"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"sync/atomic"
	"time"

	"github.com/smartsocket/smartsocket"
)

// Room is one room. State, and what has to do with members, ticks and sending, is for the room's
// turn: hooks, and functions given to Do and Call. Name, Label, Len, Watching, Full, Locked, Err,
// Do, Call, Enter, Watch, Leave and Save may be used anywhere, at any time.
type Room[S any] struct {
	// State is the application's.
	State S
	// Value is the application's, too.
	Value any

	turns
	rooms *Rooms[S]
	name  string
	hall  string // the name of its room in the namespace
	place entry

	label  atomic.Pointer[any]
	over   atomic.Pointer[error]
	locked atomic.Bool
	inbox  atomic.Pointer[inputs] // nil while nobody is there; changed in the turn
	// taken and audience are changed under Rooms.mu.
	taken, audience atomic.Int32 // seats and places of spectators, with those reserved
	shut            bool         // guarded by Rooms.mu: it ends, because nobody is in it

	// Of the turn.
	seats, watching []*Member // in the order in which they entered
	present         int       // members that are not away
	out             *outlet   // nil while nobody is there
	tick            uint64
	origin          int64         // phase of the ticks in ns
	next            time.Duration // when the next tick is due; 0 = it does not tick
	empty           time.Duration // when it ends because nobody is in it; 0 = it does not
	saving          time.Duration // when Save is asked; 0 = not by time
	hold            *smartsocket.Hold
	closing         error

	at      int64     // the time of the turn, or of the tick, in µs since 1970
	rec     *recorder // nil if the room is not recorded
	replays bool      // the room is played by a Replay
	crash   string    // of a room that is played: its panic
	seed    uint64
	random  *rand.Rand // nil until Rand
}

// maxHall is the longest name of a room of a namespace.
const maxHall = 128

func newRoom[S any](k *Rooms[S], name string, label any) *Room[S] {
	r := &Room[S]{rooms: k, name: name, hall: k.opts.Name + ":" + name}
	r.turns.host, r.place.owner = r, &r.turns
	k.serial++
	r.origin, r.tick, r.seed = phase(k.serial, k.step), 1, rand.Uint64()
	r.SetLabel(label)
	return r
}

// Name is the room's own name, unique among those of its kind.
func (r *Room[S]) Name() string { return r.name }

// Label is what the room is found by, see SetLabel.
func (r *Room[S]) Label() any {
	if p := r.label.Load(); p != nil {
		return *p
	}
	return nil
}

// SetLabel sets what the room is found by, such as its map or its mode. Labels are compared with
// ==, so use strings, numbers or structs of these. It is replaced as a whole.
func (r *Room[S]) SetLabel(label any) {
	if label == nil {
		r.label.Store(nil)
		return
	}
	r.label.Store(&label)
}

// Len counts the seats that are taken, also by players who are away or about to enter.
func (r *Room[S]) Len() int { return int(r.taken.Load()) }

// Watching counts the spectators.
func (r *Room[S]) Watching() int { return int(r.audience.Load()) }

// Full reports whether all seats are taken.
func (r *Room[S]) Full() bool {
	limit := r.rooms.opts.Capacity
	return limit > 0 && r.Len() >= limit
}

// Lock lets in only those who have a seat, as when a match has begun, until Lock(false).
func (r *Room[S]) Lock(on bool) { r.locked.Store(on) }

// Locked reports whether the room is locked.
func (r *Room[S]) Locked() bool { return r.locked.Load() }

// Err is nil while the room lives, and then why it has ended: ErrOver, ErrFailed, the error that
// Close was given, or that of OnOpen.
func (r *Room[S]) Err() error {
	if p := r.over.Load(); p != nil {
		return *p
	}
	return nil
}

// Do has f run in the room's turn: now, on this goroutine, if the room is free, otherwise when the
// others are done, on theirs. It does not wait. f does not run if the room is over.
func (r *Room[S]) Do(f func(r *Room[S])) { r.post(job{do: func() { f(r) }}) }

// Call runs f in the room's turn and returns its error, or that of a room that is over. It waits,
// so it is not for Inline handlers. A room's own code gets ErrInside.
func (r *Room[S]) Call(f func(r *Room[S]) error) error {
	if inside() {
		return ErrInside
	}
	returned, err := false, error(nil)
	done := make(chan struct{})
	r.post(job{done: done, do: func() {
		err = f(r)
		returned = true
	}})
	<-done
	if !returned {
		return r.Err()
	}
	return err
}

// Enter gives a socket a seat, with value as its Member.Value, or moves the seat that a player has
// already to this socket. When it returns the socket is in the room and has been sent the state.
// The error is ErrFull, ErrLocked, ErrElsewhere, that of OnEnter, or the room's.
func (r *Room[S]) Enter(s *smartsocket.Socket, value any) (*Member, error) {
	return r.let(r.rooms.newMember(s, r, value))
}

// Watch lets a socket in as a spectator. It is otherwise like Enter.
func (r *Room[S]) Watch(s *smartsocket.Socket, value any) (*Member, error) {
	m := r.rooms.newMember(s, r, value)
	m.spectator = true
	return r.let(m)
}

// let lets m in, or gives back what was reserved for it.
func (r *Room[S]) let(m *Member) (got *Member, err error) {
	defer func() {
		if err != nil || got != m {
			r.rooms.release(m)
		}
	}()
	err = r.Call(func(r *Room[S]) (err error) {
		got, err = r.enter(m)
		return err
	})
	return got, err
}

// Leave lets a socket out. It may come back as somebody new.
func (r *Room[S]) Leave(s *smartsocket.Socket) {
	r.Do(func(r *Room[S]) {
		if m, at := r.rooms.of(s); at == r {
			r.lost(m, nil)
		}
	})
}

// Kick sends a member out of the room. why is told to it and to OnLeave.
func (r *Room[S]) Kick(m *Member, why error) { r.remove(m, cmp.Or(why, error(ErrOutside))) }

// Members walks the players, in the order in which they entered, those who are away included.
// Members may enter and leave meanwhile.
func (r *Room[S]) Members() iter.Seq[*Member] { return walk(r.seats) }

// Spectators walks the spectators.
func (r *Room[S]) Spectators() iter.Seq[*Member] { return walk(r.watching) }

func walk(list []*Member) iter.Seq[*Member] {
	return func(yield func(*Member) bool) {
		for _, m := range list {
			if m.in && !yield(m) {
				return
			}
		}
	}
}

// Member returns the player of a key, nil if he is not in the room.
func (r *Room[S]) Member(key string) *Member {
	i := slices.IndexFunc(r.seats, func(m *Member) bool { return m.key == key })
	if i < 0 {
		return nil
	}
	return r.seats[i]
}

// Close ends the room when the turn is over. Members are told why; nil is ErrOver.
func (r *Room[S]) Close(why error) {
	if r.closing == nil {
		r.closing = cmp.Or(why, error(ErrOver))
	}
}

// open is a room's first job.
func (r *Room[S]) open() {
	r.waits(r.rooms.schedule.now())
	o := &r.rooms.opts
	var err error
	if o.Load != nil {
		r.rooms.written(r.name)
		err = o.Load(r)
	}
	if r.record(); o.OnOpen != nil && err == nil {
		err = o.OnOpen(r)
	}
	if err != nil {
		r.finish(err)
	}
}

// turn implements host.
func (r *Room[S]) turn(jobs []job, woken bool) {
	if o := r.out; o != nil && r.present > 0 {
		o.jobs, o.woken = jobs, woken
		o.hall.Batch(o.work)
		o.jobs = nil
		return
	}
	r.work(jobs, woken)
}

// work is turn without the collecting of what is sent.
func (r *Room[S]) work(jobs []job, woken bool) {
	if !r.replays {
		r.at = r.rooms.schedule.alarm.Now().UnixMicro()
	}
	done := 0
	defer func() { // also if a job ends its goroutine
		for _, j := range jobs[done:] {
			if j.done != nil {
				close(j.done)
			}
		}
	}()
	for i, j := range jobs {
		if r.Err() == nil {
			r.guarded(j.do)
		}
		if done = i + 1; j.done != nil {
			close(j.done)
		}
	}
	if woken {
		r.place.at = unplanned
	}
	if r.Err() == nil {
		r.guarded(r.routine)
	}
	r.plan()
}

// guarded runs f, which is code of the application. If it panics, or ends the goroutine, the room
// is over.
func (r *Room[S]) guarded(f func()) {
	returned := false
	defer func() {
		if !returned {
			r.failed(recover())
		}
	}()
	f()
	returned = true
}

// failed ends the room after a panic with p. nil is the end of a goroutine.
func (r *Room[S]) failed(p any) {
	if p == nil {
		p = "runtime.Goexit: it ended its goroutine"
	}
	r.rooms.stats.panics.Add(1)
	if r.replays {
		r.crash = fmt.Sprintf("%v\n%s", p, debug.Stack())
	}
	r.rooms.log.Error("the code of a room panicked; the room is over", "room", r.hall,
		"tick", r.tick, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
	r.finish(ErrFailed)
}

// routine is what every turn ends with.
func (r *Room[S]) routine() {
	now := r.rooms.schedule.now()
	r.expire(now)
	if r.rooms.step == 0 {
		r.takeInputs()
	}
	if r.next != 0 && now >= r.next && r.closing == nil {
		r.ticks(now)
	}
	if r.saving != 0 && now >= r.saving {
		r.save()
		r.saving = now + r.rooms.opts.SaveEvery
	}
	if r.closing == nil {
		r.commit()
		return
	}
	why := r.closing
	r.commit()
	if f := r.rooms.opts.OnClose; f != nil {
		f(r, why)
	}
	r.save()
	r.finish(why)
}

// expire looks after what is over by now.
func (r *Room[S]) expire(now time.Duration) {
	if r.replays {
		return
	}
	for _, m := range r.seats {
		if m.in && m.until != 0 && now >= m.until {
			r.lost(m, errStayedAway)
		}
	}
	if r.empty != 0 && now >= r.empty && r.closing == nil && r.rooms.shut(r) {
		r.Close(nil)
	}
}

var errStayedAway = smartsocket.NewCode("ROOM_STAYED_AWAY", "the player did not come back in time")

// finish ends the room. Its code does not run any more.
func (r *Room[S]) finish(why error) {
	r.over.Store(&why)
	r.noteEnd(why)
	r.rooms.forget(r)
	for _, list := range [][]*Member{r.seats, r.watching} {
		for _, m := range list {
			r.dismiss(m, why)
			r.drop(m)
		}
	}
	r.vacated()
	r.next, r.empty = 0, 0
}

// occupied makes what a room needs when somebody is in it.
func (r *Room[S]) occupied() {
	if r.out != nil {
		return
	}
	k := r.rooms
	now := k.schedule.now()
	o := &outlet{hall: k.ns.Local().To(r.hall)}
	o.work = func() { r.work(o.jobs, o.woken) }
	r.out, r.empty = o, 0
	r.draw()
	if r.replays {
		return
	}
	r.inbox.Store(new(inputs))
	if k.step > 0 && r.next == 0 {
		r.next = firstTick(now, k.step, r.origin)
	}
	if every := k.opts.SaveEvery; every > 0 {
		r.saving = now + every
	}
	if r.hold == nil && k.opts.Drain > 0 {
		r.hold, _ = k.srv.Hold("room "+r.hall, k.opts.Drain) // an error: who is here may stay
	}
}

// vacated gives up what only an occupied room needs.
func (r *Room[S]) vacated() {
	r.out, r.saving = nil, 0
	r.inbox.Store(nil)
	if !r.rooms.opts.Always {
		r.next = 0
	}
	r.letGo()
}

// letGo ends the hold on the server's Drain.
func (r *Room[S]) letGo() {
	if r.hold != nil {
		r.hold.Release()
		r.hold = nil
	}
}

// waits lets the room wait for members.
func (r *Room[S]) waits(now time.Duration) {
	k := r.rooms
	if k.opts.Always && k.step > 0 && r.next == 0 {
		r.next = firstTick(now, k.step, r.origin)
	}
	if k.opts.Empty != Forever {
		r.empty = now + k.opts.Empty
	}
}

// plan tells the schedule when the room needs its turn.
func (r *Room[S]) plan() {
	if r.out != nil && len(r.seats)+len(r.watching) == 0 {
		r.vacated()
		r.waits(r.rooms.schedule.now())
	}
	if r.out == nil && r.Len()+r.Watching() == 0 {
		r.letGo()
	}
	if r.replays {
		return
	}
	at := r.next
	for _, other := range [...]time.Duration{r.empty, r.saving} {
		at = earlier(at, other)
	}
	if r.present < len(r.seats)+len(r.watching) {
		for _, m := range r.seats {
			at = earlier(at, m.until)
		}
	}
	r.rooms.schedule.plan(&r.place, at)
}

// earlier is the earlier of two times, of which 0 is never.
func earlier(a, b time.Duration) time.Duration {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

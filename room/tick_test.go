//go:build linux || darwin

package room_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"sync"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/message"
	"github.com/smartsocket/smartsocket/room"
	"github.com/smartsocket/smartsocket/smartsockettest"
)

// ticking notes every tick and input.
func ticking(o room.Options[world]) room.Options[world] {
	o = hooks(o)
	o.Rate = int(time.Second / step)
	o.OnTick = func(r *room.Room[world]) { r.State.note("tick %d", r.Tick()) }
	o.OnInput = func(r *room.Room[world], m *room.Member, in room.Input) {
		r.State.note("%s %d %s", m.Key(), in.Seq, in.Bytes())
	}
	return o
}

func TestTicksAreAStepApart(t *testing.T) {
	s, k := start(t, smartsocket.Options{}, ticking(room.Options[world]{}))
	c := s.Client(t)
	r := k.Room(enter(t, c, play{Who: "ann"}))
	noted(t, r)
	for n := 2; n <= 4; n++ { // 1 is what was there at first
		s.Advance(step)
		want(t, "after a step", noted(t, r), []string{fmt.Sprint("tick ", n)})
	}
	if r.Step() != step || r.Delta() != step.Seconds() {
		t.Errorf("the step is %v", r.Step())
	}
	c.Call("leave", nil)
	noted(t, r)
	s.Advance(5 * step)
	want(t, "while nobody is there", noted(t, r), nil)
	enter(t, c, play{Who: "ann", Room: r.Name()})
	noted(t, r)
	s.Advance(step)
	want(t, "when somebody is there again", noted(t, r), []string{"tick 5"})
	st := k.Stats()
	if st.Ticks != 4 || st.Skipped != 0 || st.Lateness.Max != 0 || st.Busy.Samples != 4 {
		t.Errorf("stats are %+v", st)
	}
}

// A room that is held up by its own code catches up with some ticks and leaves the others out.
func TestLateRoomCatchesUpAndLeavesNumbersOut(t *testing.T) {
	s, k := start(t, smartsocket.Options{}, ticking(room.Options[world]{CatchUp: 2}))
	r := k.Room(enter(t, s.Client(t), play{Who: "ann"}))
	s.Advance(step)
	hold, held := make(chan struct{}), make(chan struct{})
	var done sync.WaitGroup
	done.Go(func() {
		r.Do(func(*room.Room[world]) { close(held); <-hold })
	})
	<-held
	s.Advance(step + step/2) // one tick is due, and late by half a step
	close(hold)
	done.Wait()
	want(t, "late by less than a step", noted(t, r), []string{"enter ann", "tick 2", "tick 3"})

	hold, held = make(chan struct{}), make(chan struct{})
	done.Go(func() {
		r.Do(func(*room.Room[world]) { close(held); <-hold })
	})
	<-held
	s.Advance(5 * step)
	close(hold)
	done.Wait()
	want(t, "late by five", noted(t, r), []string{"tick 7", "tick 8"})
	st := k.Stats()
	if st.Skipped != 3 || st.Lateness.Max < step || st.Lateness.Max > 5*step {
		t.Errorf("stats are %+v", st)
	}
}

func TestInputsComeAheadOfTheTickInOrder(t *testing.T) {
	s, k := start(t, smartsocket.Options{}, ticking(room.Options[world]{Inputs: 3, InputBytes: 16}))
	c := s.Client(t)
	r := k.Room(enter(t, c, play{Who: "ann"}))
	input := func(seq int, data any) {
		c.Emit("arena:input", map[string]any{"at": 5e15, "data": data, "seq": seq})
	}
	input(1, "up")
	input(2, map[string]int{"x": 1})
	c.Emit("arena:input", append(binary.AppendUvarint(binary.AppendUvarint(nil, 3), 7), "raw"...))
	input(2, "again")
	s.Quiet()
	want(t, "before the tick", noted(t, r), []string{"enter ann"})
	c.CallFails("arena:input", map[string]any{"seq": 4}, message.CodeEventRateLimited)
	s.Advance(step)
	want(t, "in the tick", noted(t, r),
		[]string{`ann 1 "up"`, `ann 2 {"x":1}`, "ann 3 raw", "tick 2"})
	for _, in := range []any{
		nil, 1, "x", []int{1}, map[string]any{}, map[string]any{"seq": 0},
		map[string]any{"seq": -1}, map[string]any{"seq": "1"},
		map[string]any{"seq": 9, "data": "more than sixteen"},
		[]byte{}, []byte{0, 0}, []byte{200}, []byte{1}, append([]byte{9, 0}, make([]byte, 17)...),
	} {
		c.CallFails("arena:input", in, message.CodeInvalidFormat)
	}
	c.Call("arena:input", map[string]any{"data": map[string]any{"seq": `"}`}, "seq": 4})
	s.Advance(step)
	want(t, "the next tick", noted(t, r), []string{`ann 4 {"seq":"\"}"}`, "tick 3"})
	if st := k.Stats(); st.Inputs != 5 || st.InputsDropped < 10 {
		t.Errorf("stats are %+v", st)
	}
	err := r.Call(func(r *room.Room[world]) error {
		if seq := r.Member("ann").Seq(); seq != 4 {
			return fmt.Errorf("the last input is %d", seq)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// Without ticks an input is handled when it comes.
func TestInputsWithoutTicks(t *testing.T) {
	type steer struct{ X int }
	o := hooks(room.Options[world]{})
	o.OnInput = func(r *room.Room[world], m *room.Member, in room.Input) {
		var v steer
		if err := in.Decode(&v); err != nil {
			r.State.note("%d: %v", in.Seq, errors.Is(err, smartsocket.ErrInvalidFormat))
			return
		}
		r.State.note("%d: %d at %v", in.Seq, v.X, in.At.UnixMicro())
	}
	s, k := start(t, smartsocket.Options{}, o)
	c := s.Client(t)
	r := k.Room(enter(t, c, play{Who: "ann"}))
	c.Emit("arena:input", map[string]any{"seq": 1, "at": 12, "data": steer{7}})
	c.Emit("arena:input", map[string]any{"seq": 3, "at": 13, "data": steer{8}})
	c.Emit("arena:input", []byte{4, 1, 2})
	s.Quiet()
	want(t, "inputs", noted(t, r), []string{"enter ann", "1: 7 at 12", "3: 8 at 13", "4: true"})
	// On another socket he begins to count anew.
	c2 := s.Client(t)
	enter(t, c2, play{Who: "ann"})
	c2.Emit("arena:input", map[string]any{"seq": 1, "at": 14, "data": steer{9}})
	s.Quiet()
	want(t, "inputs of the second", noted(t, r), []string{"back ann", "1: 9 at 14"})
}

// All that a tick emits to a client leaves in one write, except for what is urgent.
func TestATickIsOneWrite(t *testing.T) {
	const emits = 10
	var s *smartsockettest.Server
	writes := func() int64 { return s.ConnectionStats().Writes }
	var before, after int64
	urgent := false
	o := ticking(room.Options[world]{})
	o.OnTick = func(r *room.Room[world]) {
		before = writes()
		for n := range emits {
			_, _ = r.Emit("all", n)
			for m := range r.Members() {
				_, _ = m.Emit("one", n, smartsocket.Volatile)
			}
			if urgent && n == 4 {
				_, _ = r.Urgent("now", n)
			}
		}
		r.Do(func(*room.Room[world]) { after = writes() }) // when this turn is over
	}
	s, _ = start(t, smartsocket.Options{}, o)
	a, b := s.Client(t), s.Client(t)
	enter(t, a, play{Who: "ann"})
	enter(t, b, play{Who: "bob"})
	// A tick that this machine holds up for milliseconds has more writes, so the best one counts.
	fewest := func() int64 {
		best := int64(math.MaxInt64)
		for range 20 {
			s.Advance(step)
			best = min(best, after-before)
			for n := range emits {
				a.Expect("all", n)
				b.Expect("one", n)
			}
			if urgent {
				b.Expect("now", 4)
			}
		}
		return best
	}
	if n := fewest(); n != 2 {
		t.Errorf("%d writes for a tick of %d emits to each of 2 clients", n, 2*emits)
	}
	urgent = true
	if n := fewest(); n != 4 {
		t.Errorf("%d writes for a tick with something urgent", n)
	}
}

func TestNamespaceTicks(t *testing.T) {
	var mu sync.Mutex
	var log []uint64
	var ticker *room.Ticker
	ended := make(chan struct{}, 2)
	s := smartsockettest.New(t, smartsocket.Options{}, func(v *smartsocket.Server) {
		ns := v.Namespace("/")
		ns.OnEnded(func(*smartsocket.Socket, smartsocket.Reason) { ended <- struct{}{} })
		ticker = room.NewTicker(ns, 10, func(t *room.Ticker) {
			mu.Lock()
			defer mu.Unlock()
			log = append(log, t.Tick())
			_, _ = ns.Emit("tick", t.Tick())
		})
	})
	ticks := func(d time.Duration) int {
		s.Advance(d)
		mu.Lock()
		defer mu.Unlock()
		n := len(log)
		log = nil
		return n
	}
	if n := ticks(time.Second); n != 0 {
		t.Errorf("%d ticks without a client", n)
	}
	c := s.Client(t)
	if n := ticks(time.Second); n != 10 {
		t.Errorf("%d ticks in a second", n)
	}
	c.Expect("tick", 1)
	c.Expect("tick", 2)
	c.Disconnect()
	<-ended
	if n := ticks(time.Second); n > 1 {
		t.Errorf("%d ticks when the client had left", n)
	}
	s.Client(t)
	if n := ticks(time.Second); n != 10 {
		t.Errorf("%d ticks with another client", n)
	}
	ticker.Stop()
	if n := ticks(time.Second); n != 0 {
		t.Errorf("%d ticks after the end", n)
	}
	if late, busy := ticker.Stats(); late.Samples < 20 || busy.Samples != late.Samples {
		t.Errorf("stats are %+v, %+v", late, busy)
	}
}

package room

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/message"
)

// Replay plays a recording.
type Replay[S any] struct {
	// Options are those of the rooms that were recorded: the same code.
	Options Options[S]
	// Register registers the handlers of Handle and On, if there are any.
	Register func(k *Rooms[S])
	// Value makes the Member.Value of somebody who enters out of its JSON. nil leaves it as
	// json.RawMessage.
	Value func(text json.RawMessage) any
	// Speed is 1 for the pace of the recording, 2 for twice as fast, and 0 for as fast as it goes.
	Speed float64
	// Each is called behind each line, as for a debugger; nil is not.
	Each func(r *Room[S], e *Record)
}

// Played is what a replay has come to.
type Played[S any] struct {
	Room                  *Room[S] // as it was at the end; its State may be read
	Ticks, Inputs, Events int
	Sums                  int  // states that were compared
	Complete              bool // the recording has its end
	// Crash is the panic that ended the room, with its stack; "" if there was none.
	Crash string
}

// DriftError says that the state of a replay is not what was recorded: the code has changed, or
// does not depend on the recording alone.
type DriftError struct {
	Room string
	Tick uint64
}

// Error says where the states differ.
func (e *DriftError) Error() string {
	return fmt.Sprintf("room: the state of %s at tick %d is not the recorded one: the code has "+
		"changed, or depends on more than Room.Now and Room.Rand, such as the order of a Go map",
		e.Room, e.Tick)
}

// Run plays a recording until it or ctx ends, without a network: members have sockets to which
// nobody listens. A *DriftError says that a state differs. What Options.Save, Load and Record do is
// left out, and no timer runs but for Speed.
func (p Replay[S]) Run(ctx context.Context, recording io.Reader) (*Played[S], error) {
	v, err := smartsocket.New(smartsocket.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, err
	}
	o := p.Options
	o.Save, o.SaveEvery, o.Load, o.Record, o.Drain = nil, 0, nil, nil, 0
	play := &player[S]{Replay: p, k: Register(v.Namespace("/"), o)}
	if p.Register != nil {
		p.Register(play.k)
	}
	lines := json.NewDecoder(bufio.NewReaderSize(recording, 64<<10))
	for {
		var e Record
		if err := lines.Decode(&e); errors.Is(err, io.EOF) {
			return &play.done, nil
		} else if err != nil {
			return &play.done, fmt.Errorf("room: the recording is damaged: %w", err)
		}
		if err := play.pace(ctx, &e); err != nil {
			return &play.done, err
		}
		if err := play.line(&e); err != nil {
			return &play.done, err
		}
	}
}

// player is a replay that runs.
type player[S any] struct {
	Replay[S]
	k     *Rooms[S]
	r     *Room[S]
	done  Played[S]
	first int64 // the recording's time of its first line
	began time.Time
}

// pace waits until a line is due.
func (p *player[S]) pace(ctx context.Context, e *Record) error {
	if p.Speed <= 0 || e.At == 0 {
		return ctx.Err()
	}
	if p.first == 0 {
		p.first, p.began = e.At, time.Now()
	}
	due := time.Duration(float64(e.At-p.first) * float64(time.Microsecond) / p.Speed)
	timer := time.NewTimer(time.Until(p.began.Add(due)))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// line plays one line.
func (p *player[S]) line(e *Record) error {
	if p.r == nil {
		return p.open(e)
	}
	var err error
	if e.Kind == "sum" || e.Kind == "end" {
		err = p.check(e)
	} else {
		p.r.post(job{do: func() {
			p.r.at, p.r.tick = e.At, max(e.Tick, p.r.tick)
			err = p.play(e)
		}})
	}
	p.done.Crash = p.r.crash
	if err == nil && p.Each != nil {
		p.Each(p.r, e)
	}
	return err
}

// check plays a line that changes nothing, also when the room is over.
func (p *player[S]) check(e *Record) error {
	if e.Kind == "end" {
		p.done.Complete = true
		return nil
	}
	p.done.Sums++
	if p.r.sum() != e.Sum {
		return &DriftError{p.r.name, p.r.tick}
	}
	return nil
}

// open makes the room.
func (p *player[S]) open(e *Record) error {
	if e.Kind != "open" || e.Version != recordVersion || e.Of != p.k.opts.Name {
		return fmt.Errorf("room: this is no recording, of version %d, of a room of kind %q: it "+
			"begins with %q, version %d, of kind %q",
			recordVersion, p.k.opts.Name, e.Kind, e.Version, e.Of)
	}
	k := p.k
	k.mu.Lock()
	r, err := k.create(e.Room, e.Label)
	k.mu.Unlock()
	if err != nil {
		return err
	}
	r.replays, r.at, r.seed, r.tick = true, e.At, e.Seed, e.Tick
	if len(e.State) > 0 {
		if err := json.Unmarshal(e.State, &r.State); err != nil {
			return fmt.Errorf("room: the state in the recording does not fit: %w", err)
		}
	}
	p.r, p.done.Room = r, r
	r.run(atOnce)
	return r.Err()
}

// play plays a line in the room's turn.
func (p *player[S]) play(e *Record) error {
	r := p.r
	switch e.Kind {
	case "tick":
		p.done.Ticks++
		if f := r.rooms.opts.OnTick; f != nil {
			f(r)
		}
		return nil
	case "enter":
		return p.enter(e)
	case "full", "open":
		return nil
	}
	m := p.member(e)
	if m == nil {
		return nil // redacted, or sent out by code that has changed
	}
	return p.of(m, e)
}

// of plays a line about a member.
func (p *player[S]) of(m *Member, e *Record) error {
	r := p.r
	switch e.Kind {
	case "away":
		r.away(m, m.socket)
	case "back":
		if e.Moved {
			m.seq = 0
		}
		r.returned(m)
	case "leave":
		var why error
		if e.Code != "" {
			why = &smartsocket.Error{Code: message.Code(e.Code), Message: e.Why}
		}
		r.remove(m, why)
	case "input":
		p.done.Inputs++
		in := Input{Seq: e.Seq, data: e.Data, binary: e.Data == nil}
		if in.binary {
			in.data = e.Raw
		}
		if e.Made != 0 {
			in.At = time.UnixMicro(e.Made)
		}
		m.seq = e.Seq
		if f := r.rooms.opts.OnInput; f != nil {
			f(r, m, in)
		}
	case "event":
		p.done.Events++
		h := r.rooms.events[e.Event]
		if h == nil {
			return fmt.Errorf("room: there is no handler of the event %q: give Replay a Register",
				e.Event)
		}
		_ = h(r, m, e.Data) // it may have failed before, too
	default:
		return fmt.Errorf("room: the recording has a line of the unknown kind %q", e.Kind)
	}
	return nil
}

// enter lets somebody in as he came in before.
func (p *player[S]) enter(e *Record) error {
	s := p.k.ns.Captive(func(frame.Opcode, []byte) {})
	m := &Member{key: e.Key, named: true, spectator: e.Watch, socket: s, room: p.r}
	switch {
	case p.Value != nil:
		m.Value = p.Value(e.Value)
	case e.Value != nil:
		m.Value = e.Value
	}
	_ = p.r.admit(m) // refused now is refused then
	return nil
}

// member is whom a line is about, nil if he is not in the room.
func (p *player[S]) member(e *Record) *Member {
	list := p.r.seats
	if e.Watch {
		list = p.r.watching
	}
	for _, m := range list {
		if m.key == e.Key {
			return m
		}
	}
	return nil
}

// Rand is a source of random numbers that a replay repeats. It is for the room's turn.
func (r *Room[S]) Rand() *rand.Rand {
	if r.random == nil {
		r.random = rand.New(rand.NewPCG(r.seed, 0))
	}
	return r.random
}

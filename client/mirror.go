package client

import (
	"encoding/binary"
	"encoding/json"
	"sync"
	"time"

	"github.com/smartsocket/smartsocket/message"
	"github.com/smartsocket/smartsocket/room/state"
)

// Mirror is a state of the server (package room) as this client knows it. Make one with StateOf.
// Its listeners run like handlers, one after the other, and may read Value. Its methods are safe
// for concurrent use.
type Mirror[T any] struct {
	c     *Client
	name  string
	value *T

	mu     sync.RWMutex // guards what follows, and the value
	dec    *state.Decoder[T]
	told   MirrorStatus
	lost   bool // the next message must be a snapshot
	closed bool
	sent   uint64    // inputs
	before uint64    // sent when the connection was lost, 0 if it was not
	gone   uint64    // the last input that was lost with its session
	asked  time.Time // for a snapshot
	stop   func() bool

	hearers hearers[T] // handlers' goroutine only
}

// MirrorStatus is how far a Mirror is.
type MirrorStatus struct {
	// Synced tells whether the value is the server's, as far as messages have come.
	Synced bool
	// Ended tells whether the server has said that the state is over, or that this client has left
	// it.
	Ended bool
	// Tick is the one that the value is of, 0 before the first snapshot. Time is the server's clock
	// at that tick, and Step the time from tick to tick, 0 if ticks only count changes.
	Tick uint64
	Time time.Time
	Step time.Duration
	// Acked is the number of the last input of this client that the value contains, or that was
	// lost with its session.
	Acked uint64
	// Lag is how old the value was when it came. It is not known without a Step.
	Lag time.Duration
}

// syncPause is the least time between two requests for a snapshot.
const syncPause = time.Second

// StateOf returns a Mirror of the state of that name, which arrives in events of the same name. T
// is a struct with the tags of package room/state. It needs only those fields that the application
// reads. Call it once, before you enter what has the state, so that it hears the first snapshot.
// The error says what is wrong with T.
func StateOf[T any](c *Client, name string) (*Mirror[T], error) {
	dec, err := state.NewDecoder[T]()
	if err != nil {
		return nil, err
	}
	s := &Mirror[T]{c: c, name: name, dec: dec, value: dec.State()}
	c.On(name, func(d Data, _ Ack) { s.hear(d) })
	c.OnDisconnected(func(Reason) { s.lose() })
	return s, nil
}

// Value returns the newest value, which is zero before the first one. It stays the same pointer,
// and entries stay at their addresses, while the content changes. Only handlers and listeners of
// the client may read it; use Read elsewhere. Nobody may change it.
func (s *Mirror[T]) Value() *T { return s.value }

// Read calls f with the value, which does not change meanwhile. f must not keep it, and must not
// wait for handlers of the client.
func (s *Mirror[T]) Read(f func(value *T)) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	f(s.value)
}

// Status returns how far the Mirror is.
func (s *Mirror[T]) Status() MirrorStatus {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.told
}

// Now returns the server's clock.
func (s *Mirror[T]) Now() time.Time {
	now := s.c.clock.Now()
	if l := s.c.current.Load(); l != nil {
		_, ahead := l.clock.read()
		now = now.Add(ahead)
	}
	return now
}

// Send sends an input as the event name:input, and returns its number: 1, 2 and so on. A []byte
// travels as it is behind the number and the server's time, all else as JSON in {seq, at, data}.
// Without a connection nothing is sent, and the error is ERR_CONN_006; others are those of Emit.
func (s *Mirror[T]) Send(input any, opts ...EmitOption) (seq uint64, err error) {
	if !s.c.Connected() {
		return 0, &Error{
			Code:    message.CodeConnectionLost,
			Message: "there is no connection to send an input of " + s.name + " on",
		}
	}
	at := uint64(max(s.Now().UnixMicro(), 0))
	s.mu.Lock()
	defer s.mu.Unlock() // so that inputs leave in the order of their numbers
	seq = s.sent + 1
	var data any = wrapped{seq, at, input}
	if b, ok := input.([]byte); ok {
		data = append(binary.AppendUvarint(binary.AppendUvarint(nil, seq), at), b...)
	}
	if err := s.c.Emit(s.name+":input", data, opts...); err != nil {
		return 0, err
	}
	s.sent = seq
	return seq, nil
}

// wrapped is an input as JSON.
type wrapped struct {
	Seq  uint64 `json:"seq"`
	At   uint64 `json:"at"`
	Data any    `json:"data"`
}

// Sync asks the server for a snapshot, at most once a second.
func (s *Mirror[T]) Sync() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ask()
}

// Close ends the Mirror: it hears nothing any more.
func (s *Mirror[T]) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.cancel()
}

// ask asks for a snapshot, now or when a second has passed since the last time. mu is held.
func (s *Mirror[T]) ask() {
	s.cancel()
	if s.closed || !s.c.Connected() {
		return
	}
	now := s.c.clock.Now()
	if wait := s.asked.Add(syncPause).Sub(now); wait > 0 && !s.asked.IsZero() {
		s.stop = s.c.clock.AfterFunc(wait, func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			if !s.told.Synced {
				s.ask()
			}
		})
		return
	}
	s.asked = now
	tick := s.told.Tick
	if s.lost || !s.told.Synced {
		tick = 0
	}
	want, _ := json.Marshal(map[string]uint64{"tick": tick})
	if err := s.c.Emit(s.name+":sync", json.RawMessage(want), Volatile); err != nil {
		s.c.opts.Logger.Debug("no snapshot could be asked for", "error", err)
	}
}

func (s *Mirror[T]) cancel() {
	if s.stop != nil {
		s.stop()
		s.stop = nil
	}
}

// hear takes a message.
func (s *Mirror[T]) hear(d Data) {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return
	}
	was := s.told.Synced
	changes, fault := s.apply(d)
	now := s.told.Synced
	s.mu.Unlock()
	s.hearers.changed(s.value, changes, fault == nil && !changes.End && changes.Tick > 0)
	if fault != nil {
		s.hearers.failed(s.c, fault)
	}
	if was != now {
		s.hearers.synced(now)
	}
}

// apply reads a message. A delta to another value than ours is no error and changes nothing: there
// was a loss. mu is held.
func (s *Mirror[T]) apply(d Data) (changes state.Changes, fault *Error) {
	b, ok := d.Bytes(), true
	if !d.Binary() {
		fault = &Error{Code: message.CodeInvalidFormat, Message: "it is not binary"}
	} else if ok = s.suits(b); ok {
		var err error
		if changes, err = s.dec.Apply(b); err != nil {
			fault = asError(err, message.CodeInvalidFormat)
		}
	}
	if fault != nil {
		e := *fault
		e.Event, e.Message = s.name, "a message of the state makes no sense: "+e.Message
		fault = &e
	}
	switch {
	case fault != nil || !ok:
		s.lost, s.told.Synced = true, false
		s.ask()
	case changes.End:
		s.told.Ended, s.told.Synced, s.sent, s.before, s.gone = true, false, 0, 0, 0
	default:
		s.lost = false
		if l := s.c.current.Load(); s.before > 0 && l != nil {
			if !l.recovered {
				s.gone = s.before
			}
			s.before = 0
		}
		s.told = MirrorStatus{Synced: true, Tick: changes.Tick, Time: changes.Time,
			Step: s.dec.Step(), Acked: max(changes.Input, s.gone)}
		if s.told.Step > 0 {
			s.told.Lag = s.Now().Sub(changes.Time)
		}
	}
	return changes, fault
}

// suits tells whether a message is no delta, or one to the value that we have.
func (s *Mirror[T]) suits(b []byte) bool {
	const delta = 2
	if len(b) == 0 || b[0]&15 != delta {
		return true
	}
	tick, n := binary.Uvarint(b[1:])
	age, m := binary.Uvarint(b[1+max(n, 0):])
	if n <= 0 || m <= 0 {
		return true // which is an error
	}
	return !s.lost && s.told.Synced && tick-age == s.dec.Tick()
}

// lose takes the end of a connection: the next one begins with a snapshot.
func (s *Mirror[T]) lose() {
	s.mu.Lock()
	was := s.told.Synced && !s.closed
	s.lost, s.told.Synced, s.before = true, false, s.sent
	s.cancel()
	s.mu.Unlock()
	if was {
		s.hearers.synced(false)
	}
}

package room

import (
	"encoding/json"
	"errors"
	"hash/crc32"
	"io"
	"sync"

	"github.com/smartsocket/smartsocket"
)

// Record is a line of a recording: something that came to a room from outside, or a tick. A
// recording is a JSON object on each line.
type Record struct {
	// Kind is open, enter, away, back, leave, input, event, tick, sum, end or full.
	Kind string `json:"kind"`
	At   int64  `json:"at"` // the server's time in µs since 1970

	// Of open.
	Version int    `json:"version,omitempty"`
	Of      string `json:"of,omitempty"` // the kind of room
	Room    string `json:"room,omitempty"`
	Label   any    `json:"label,omitempty"`
	Seed    uint64 `json:"seed,omitempty"` // of Room.Rand
	// State is what Options.Load has loaded.
	State json.RawMessage `json:"state,omitempty"`

	// Whom it is about.
	Key   string          `json:"key,omitempty"`
	Watch bool            `json:"watch,omitempty"` // a spectator
	Value json.RawMessage `json:"value,omitempty"` // of enter: Member.Value
	Moved bool            `json:"moved,omitempty"` // of back: on another socket

	// Of leave and end. Both are empty for a goodbye.
	Code string `json:"code,omitempty"`
	Why  string `json:"why,omitempty"`

	Event string          `json:"event,omitempty"` // of event: one of Handle or On
	Seq   uint64          `json:"seq,omitempty"`   // of input
	Made  int64           `json:"made,omitempty"`  // of input: Input.At in µs
	Data  json.RawMessage `json:"data,omitempty"`  // of input and event
	Raw   []byte          `json:"raw,omitempty"`   // of an input of raw bytes

	Tick uint64 `json:"tick,omitempty"` // Room.Tick
	Sum  uint32 `json:"sum,omitempty"`  // of sum: CRC-32 of the State as JSON
}

const (
	recordVersion = 1
	// recordAhead is how many bytes may wait to be written.
	recordAhead = 4 << 20
	// recordChunk is how many are written at once, if no second has passed before.
	recordChunk = 32 << 10
	// sumEvery is the number of ticks from one sum of the state to the next.
	sumEvery = 150
)

// recorder writes what comes to a room. A nil one records nothing.
type recorder struct {
	out    io.WriteCloser
	limit  int64
	redact func(*Record) bool
	failed func(error)
	writes *sync.WaitGroup
	buf    []byte // of the room's turn
	over   bool   // of the room's turn: nothing more is recorded
	size   int64
	sums   int

	mu     sync.Mutex
	queue  []byte
	busy   bool
	closed bool
	broken bool
}

// record begins the recording of a new room, if it is to be recorded.
func (r *Room[S]) record() {
	k := r.rooms
	if k.opts.Record == nil {
		return
	}
	out, err := k.opts.Record(r)
	if err != nil {
		k.stats.recordErrors.Add(1)
		k.log.Error("a room cannot be recorded", "room", r.hall, "error", err)
	}
	if err != nil || out == nil {
		return
	}
	r.rec = &recorder{
		out: out, limit: k.opts.RecordBytes,
		redact: k.opts.Redact, writes: &k.writes,
		failed: func(err error) {
			k.stats.recordErrors.Add(1)
			k.log.Error("the recording of a room has ended", "room", r.hall, "error", err)
		},
	}
	e := &Record{
		Kind: "open", Version: recordVersion, Of: k.opts.Name, Room: r.name, Label: r.Label(),
		Seed: r.seed,
	}
	if k.opts.Load != nil {
		e.State, _ = json.Marshal(&r.State)
	}
	r.note(e)
}

// note records something. It takes e, and borrows what that refers to.
func (r *Room[S]) note(e *Record) {
	c := r.rec
	if c == nil || c.over {
		return
	}
	e.At, e.Tick = r.at, r.tick
	if !c.keeps(e) {
		return
	}
	c.append(e)
	if len(c.buf) >= recordChunk || e.Kind == "tick" && e.Tick%32 == 0 {
		c.flush(false)
	}
}

// keeps asks Redact. If that panics, nothing more is recorded.
func (c *recorder) keeps(e *Record) bool {
	if c.redact == nil {
		return true
	}
	defer func() {
		if p := recover(); p != nil {
			c.over = true
			c.failed(&panicError{p})
		}
	}()
	return c.redact(e)
}

// noteOf records something about a member.
func (r *Room[S]) noteOf(m *Member, kind string, why error) {
	if r.rec == nil {
		return
	}
	e := &Record{Kind: kind, Key: m.key, Watch: m.spectator}
	if why != nil {
		e.Code, e.Why = told(why)
	}
	if kind == "enter" && m.Value != nil {
		e.Value, _ = json.Marshal(m.Value)
	}
	r.note(e)
}

// noteTick records a tick.
func (r *Room[S]) noteTick() {
	if r.rec != nil {
		r.note(&Record{Kind: "tick"})
	}
}

// noteInput records an input.
func (r *Room[S]) noteInput(m *Member, in Input, made int64) {
	if r.rec == nil {
		return
	}
	e := &Record{Kind: "input", Key: m.key, Seq: in.Seq, Made: made}
	if in.binary {
		e.Raw = in.data
	} else {
		e.Data = in.data
	}
	r.note(e)
}

// noteEvent records an event of Handle.
func (r *Room[S]) noteEvent(m *Member, event string, req any) {
	if r.rec == nil {
		return
	}
	data, err := json.Marshal(req)
	if err != nil {
		r.rec.failed(err)
		return
	}
	r.note(&Record{Kind: "event", Key: m.key, Event: event, Data: data})
}

// sumUp records now and then what the state is.
func (r *Room[S]) sumUp() {
	if c := r.rec; c != nil && !c.over {
		if c.sums++; c.sums%sumEvery == 0 {
			r.noteSum()
		}
	}
}

// noteSum records what the state is.
func (r *Room[S]) noteSum() {
	if sum := r.sum(); sum != 0 {
		r.note(&Record{Kind: "sum", Sum: sum})
	}
}

// sum is the CRC-32 of the state as JSON, 0 if it has none, or a MarshalJSON of it panics.
func (r *Room[S]) sum() (sum uint32) {
	defer func() {
		if recover() != nil {
			sum = 0
		}
	}()
	text, err := json.Marshal(&r.State)
	if err != nil {
		return 0
	}
	return crc32.ChecksumIEEE(text)
}

// noteEnd ends the recording.
func (r *Room[S]) noteEnd(why error) {
	if c := r.rec; c != nil {
		if !c.over {
			r.noteSum()
			e := &Record{Kind: "end"}
			e.Code, e.Why = told(why)
			r.note(e)
		}
		c.flush(true)
	}
}

// told is what others are told of an error.
func told(why error) (code, sentence string) {
	var e *smartsocket.Error
	if errors.As(why, &e) {
		return string(e.Code), e.Message
	}
	return string(ErrOver.Code), why.Error()
}

// append adds a line, unless the recording is full, which becomes its last one.
func (c *recorder) append(e *Record) {
	line, err := json.Marshal(e)
	if err != nil { // a Label that is no JSON
		e.Label = nil
		if line, err = json.Marshal(e); err != nil {
			c.over = true
			c.failed(err)
			return
		}
	}
	if c.size += int64(len(line)) + 1; c.size > c.limit {
		c.over = true
		line = []byte(`{"kind":"full","at":0}`)
	}
	c.buf = append(append(c.buf, line...), '\n')
}

// flush has a goroutine write what was added. With last it then closes the recording.
func (c *recorder) flush(last bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.broken {
		c.over = true
		return
	}
	c.queue = append(c.queue, c.buf...)
	c.buf = c.buf[:0]
	c.closed = c.closed || last
	if len(c.queue) > recordAhead && !last {
		c.over = true
		c.failed(errSlowRecording)
	}
	if !c.busy && (len(c.queue) > 0 || last) {
		c.busy = true
		c.writes.Go(c.write)
	}
}

var errSlowRecording = errors.New("room: the recording is not written as fast as it grows: " +
	"use a faster disk, or record fewer rooms")

// write writes until nothing is left.
func (c *recorder) write() {
	for {
		c.mu.Lock()
		b := c.queue
		c.queue = nil
		if len(b) == 0 {
			c.busy = false
			last := c.closed
			c.mu.Unlock()
			if last {
				c.close(c.out.Close())
			}
			return
		}
		c.mu.Unlock()
		if _, err := c.out.Write(b); err != nil {
			c.mu.Lock()
			c.broken, c.busy, c.queue = true, false, nil
			c.mu.Unlock()
			c.close(errors.Join(err, c.out.Close()))
			return
		}
	}
}

func (c *recorder) close(err error) {
	if err != nil {
		c.failed(err)
	}
}

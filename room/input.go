package room

import (
	"encoding/binary"
	"strconv"
	"sync"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/message"
)

// Input is what a player wants, as his client has sent it by the event name:input. As JSON that is
//
//	{"seq": 7, "at": 1764302400000000, "data": …}
//
// and as raw bytes two uvarints, seq and at, before the data. seq counts from 1 since the player
// entered, or has come back on another socket. What comes twice is dropped.
type Input struct {
	Seq uint64
	// At is when the client says that it was made, by the server's clock; zero if it does not say.
	// A client may say anything.
	At time.Time

	data   []byte
	binary bool
}

// Bytes is the data as it came, borrowed until OnInput returns.
func (in Input) Bytes() []byte { return in.data }

// Binary reports whether the data is raw bytes rather than JSON.
func (in Input) Binary() bool { return in.binary }

// Decode decodes the JSON data into v, a pointer. Nothing of v aliases the data. An error is an
// ErrInvalidFormat.
func (in Input) Decode(v any) error {
	if in.binary {
		return message.New(message.CodeInvalidFormat, "the input is raw bytes: read Input.Bytes")
	}
	return message.Unmarshal(in.data, v)
}

// inputs are those that wait for the room's turn. A nil one has none.
type inputs struct {
	mu    sync.Mutex
	queue []waiting
	bytes []byte // of the data of queue

	// Of the turn.
	taken      []waiting
	takenBytes []byte
}

// waiting is an input whose data is in inputs.bytes.
type waiting struct {
	m         *Member
	seq       uint64
	at        int64
	from, end int
	epoch     uint32
	binary    bool
}

// listen registers the events of members.
func (k *Rooms[S]) listen() {
	var opts []smartsocket.HandlerOption
	if k.step > 0 {
		opts = append(opts, smartsocket.Inline) // it only waits for the tick
	}
	if k.stateful {
		k.ns.On(k.opts.Name+":sync", k.sync)
	}
	if k.opts.OnInput != nil {
		k.ns.On(k.opts.Name+":input", k.input, opts...)
	}
}

// input takes an input of a member.
func (k *Rooms[S]) input(s *smartsocket.Socket, d smartsocket.Data, ack smartsocket.Ack) {
	m, r := k.of(s)
	switch {
	case m == nil:
		ack.Fail(ErrOutside)
		return
	case m.spectator:
		ack.Fail(ErrWatching)
		return
	}
	w := waiting{m: m, binary: d.Binary()}
	data, ok := w.parse(d.Bytes())
	if !ok || len(data) > k.opts.InputBytes {
		k.stats.inputsDropped.Add(1)
		ack.Fail(errInput)
		return
	}
	if !r.queued(&w, data) {
		k.stats.inputsDropped.Add(1)
		ack.Fail(smartsocket.ErrEventRateLimited)
		return
	}
	k.stats.inputs.Add(1)
	ack.Reply(nil)
	if k.step == 0 {
		r.wake()
	}
}

var errInput = message.New(message.CodeInvalidFormat,
	`an input is {"seq": 1, "at": 0, "data": …}, or uvarint seq, uvarint at and bytes`)

// queued puts an input behind the others, and reports whether it had room. What came before is
// passed over.
func (r *Room[S]) queued(w *waiting, data []byte) bool {
	in := r.inbox.Load()
	if in == nil { // nobody is in the room any more
		return true
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	m := w.m
	if w.seq <= m.last {
		return true
	}
	if m.queued >= r.rooms.opts.Inputs {
		return false
	}
	m.queued++
	m.last, w.epoch = w.seq, m.epoch
	w.from = len(in.bytes)
	in.bytes = append(in.bytes, data...)
	w.end = len(in.bytes)
	in.queue = append(in.queue, *w)
	return true
}

// restart begins the counting of m's inputs anew.
func (in *inputs) restart(m *Member) {
	in.mu.Lock()
	defer in.mu.Unlock()
	m.last, m.seq = 0, 0
	m.epoch++
}

// take takes what waits.
func (in *inputs) take() []waiting {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.queue, in.taken = in.taken[:0], in.queue
	in.bytes, in.takenBytes = in.takenBytes[:0], in.bytes
	for i := range in.taken {
		in.taken[i].m.queued--
	}
	return in.taken
}

// takeInputs gives the application what waits.
func (r *Room[S]) takeInputs() {
	in := r.inbox.Load()
	if in == nil {
		return
	}
	for _, w := range in.take() {
		m := w.m
		if !m.in || m.epoch != w.epoch || r.closing != nil {
			continue
		}
		m.seq = w.seq
		got := Input{Seq: w.seq, data: in.takenBytes[w.from:w.end:w.end], binary: w.binary}
		if w.at != 0 {
			got.At = time.UnixMicro(w.at)
		}
		r.noteInput(m, got, w.at)
		r.rooms.opts.OnInput(r, m, got)
	}
	clear(in.taken)
}

// parse reads the wrapping of an input and returns its data, part of b.
func (w *waiting) parse(b []byte) (data []byte, ok bool) {
	if !w.binary {
		return w.parseJSON(b)
	}
	seq, n := binary.Uvarint(b)
	if n <= 0 || seq == 0 {
		return nil, false
	}
	at, m := binary.Uvarint(b[n:])
	if m <= 0 || at > 1<<62 {
		return nil, false
	}
	w.seq, w.at = seq, int64(at)
	return b[n+m:], true
}

// parseJSON is parse for an object. That b is JSON has been checked.
func (w *waiting) parseJSON(b []byte) (data []byte, ok bool) {
	i := space(b, 0)
	if i >= len(b) || b[i] != '{' {
		return nil, false
	}
	data = []byte("null")
	for i = space(b, i+1); i < len(b) && b[i] == '"'; i = space(b, i+1) {
		end := value(b, i)
		key := b[i+1 : end-1]
		from := space(b, space(b, end)+1) // behind the colon
		to := value(b, from)
		if to > len(b) {
			return nil, false
		}
		switch text := b[from:to]; string(key) {
		case "seq":
			w.seq, ok = number(text)
			if !ok || w.seq == 0 {
				return nil, false
			}
		case "at":
			at, _ := number(text)
			w.at = int64(at)
		case "data":
			data = text
		}
		if i = space(b, to); i >= len(b) || b[i] != ',' {
			break
		}
	}
	return data, w.seq != 0
}

// number reads a number that is not negative, without its fraction. It is at most 2⁶².
func number(b []byte) (uint64, bool) {
	f, err := strconv.ParseFloat(string(b), 64)
	if err != nil || f < 0 || f > 1<<62 {
		return 0, false
	}
	return uint64(f), true
}

// space is the index of what follows the white space at i.
func space(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r') {
		i++
	}
	return i
}

// value is the index behind the JSON value at i.
func value(b []byte, i int) int {
	for depth := 0; i < len(b); i++ {
		switch b[i] {
		case '"':
			for i++; i < len(b) && b[i] != '"'; i++ {
				if b[i] == '\\' {
					i++
				}
			}
			if depth == 0 {
				return i + 1
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			} else if depth < 0 {
				return i
			}
		case ',', ' ', '\n', '\t', '\r':
			if depth == 0 {
				return i
			}
		}
	}
	return i
}

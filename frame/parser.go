package frame

import (
	"encoding/binary"
	"math"
	"sync/atomic"
	"unicode/utf8"

	"github.com/smartsocket/smartsocket/pool"
)

// Message is one complete data message or one control frame.
type Message struct {
	Op      Opcode // Text, Binary, Close, Ping or Pong
	Payload []byte // unmasked; borrowed until the next call of Feed
	// Compressed means that RSV1 was set. Payload is then raw DEFLATE (RFC 7692), which has neither
	// been inflated nor checked for UTF-8.
	Compressed bool
}

// The limits that apply where a Config has zero.
const (
	DefaultMaxMessage   = 1 << 20
	DefaultMaxFragments = 1024
)

// Config is what a Parser enforces. All connections of an endpoint share one, so do not change it
// while it is in use.
type Config struct {
	// Client says that this end is a client: frames must be unmasked. Otherwise they must be
	// masked.
	Client bool
	// permessage-deflate was negotiated: the first frame of a message may have RSV1
	Deflate      bool
	MaxMessage   int64 // payload bytes of one message, as on the wire; 0 means DefaultMaxMessage
	MaxFragments int   // frames of one message; 0 means DefaultMaxFragments
}

// maxMessage returns the limit as an unsigned number that fits an int.
func (cfg *Config) maxMessage() uint64 {
	if cfg.MaxMessage <= 0 {
		return DefaultMaxMessage
	}
	return min(uint64(cfg.MaxMessage), math.MaxInt)
}

func (cfg *Config) maxFragments() uint64 {
	if cfg.MaxFragments <= 0 {
		return DefaultMaxFragments
	}
	return min(uint64(cfg.MaxFragments), math.MaxUint32-1)
}

// The states of a Parser, as bits. Zero is the boundary between two messages.
const (
	inHeader   = 1 << iota // hdr[:hdrLen] holds the beginning of a frame header
	inFrame                // a header was read; left bytes of its payload are still to come
	inMessage              // a data message has begun and its last frame is not complete
	releasable             // the last Feed handed out ctl if there is one, otherwise msg
	failed                 // an error has been returned
)

// Parser is the push parser of one direction of one connection. The zero value is ready for use. It
// holds a pooled buffer only while a message or control frame is incomplete, and until the Feed
// after the one that completed it. A Parser is not safe for concurrent use.
type Parser struct {
	msg    *pool.Buffer // what has come of an unfinished message, unmasked; nil if nothing has
	ctl    *pool.Buffer // the same for a control frame, which may come between fragments
	left   uint64       // payload bytes of the current frame still to come
	key    uint32       // mask of the current frame, turned to fit the next byte; 0 if unmasked
	frames uint32       // frames of the current message so far
	noted  uint32       // what CountHeld has told; written atomically
	hdr    [maxHeader]byte
	hdrLen uint8
	state  uint8
	head   uint8 // first byte of the current frame
	first  uint8 // first byte of the first frame of the message: its opcode and RSV1
	utf8   uint8 // number of bytes at the end of msg that begin an incomplete code point
}

// Frames returns the number of frames of the data message that Feed returned last.
func (ps *Parser) Frames() int { return int(ps.frames) }

// Feed consumes bytes from p until one message or control frame is complete or p is used up. It
// unmasks payloads in place.
//
// If ok is true, m is complete and rest still has to be fed. The payload of m is borrowed from p or
// from the parser until the next call. Call Feed again until ok is false, even if rest is empty,
// because that call releases the buffer behind m. If ok is false, all of p was consumed and the
// parser keeps what is unfinished.
//
// An error is final and an *Error: 1002 for a violation of RFC 6455 section 5, 1007 for text that
// is not UTF-8, 1008 for too many fragments, 1009 for a message over the limit. Each is returned as
// soon as the offending byte is there. The parser must then be Reset.
func (ps *Parser) Feed(cfg *Config, p []byte) (m Message, rest []byte, ok bool, err error) {
	if len(p) == 0 && ps.state == 0 {
		return Message{}, nil, false, nil
	}
	// Nearly every frame is small, whole, masked, uncompressed data.
	if ps.state == 0 && len(p) >= 6 && !cfg.Client {
		op, n := Opcode(p[0]-bitFin), int(p[1])-bitMask
		if op-Text <= Binary-Text && uint(n) < length16 && len(p) >= 6+n &&
			int64(n) <= cfg.MaxMessage {
			payload := p[6 : 6+n : 6+n]
			ascii := xorKey(payload, payload, binary.LittleEndian.Uint32(p[2:6]))
			if op == Text && !ascii && !utf8.Valid(payload) {
				return Message{}, nil, false, ps.fail(errUTF8)
			}
			ps.frames = 1
			return Message{Op: op, Payload: payload}, p[6+n:], true, nil
		}
	}
	return ps.feed(cfg, p)
}

// feed is Feed for everything else.
func (ps *Parser) feed(cfg *Config, p []byte) (m Message, rest []byte, ok bool, err error) {
	if ps.state&failed != 0 {
		return Message{}, nil, false, errFailed
	}
	if ps.state&releasable != 0 {
		ps.release()
	}
	for len(p) > 0 {
		var bad *Error
		if ps.state&inFrame == 0 {
			if p, bad = ps.header(cfg, p); bad != nil {
				return Message{}, nil, false, ps.fail(bad)
			}
			if ps.state&inFrame == 0 {
				break
			}
		}
		if ps.head&bitControl != 0 {
			m, p, ok = ps.control(p)
		} else {
			m, p, ok, bad = ps.data(p)
		}
		if bad != nil {
			return Message{}, nil, false, ps.fail(bad)
		}
		if ok {
			return m, p, true, nil
		}
	}
	return Message{}, nil, false, nil
}

// fail returns bad as an error and makes it final: everything that is fed later fails too.
func (ps *Parser) fail(bad *Error) error {
	ps.state |= failed
	return bad
}

// control consumes payload of a control frame. A payload that lies whole in p is handed out from
// there.
func (ps *Parser) control(p []byte) (m Message, rest []byte, ok bool) {
	chunk, rest := ps.split(p)
	m.Op = Opcode(ps.head & bitsOpcode)
	if ps.left == 0 && ps.ctl == nil {
		ps.unmask(chunk, chunk)
		ps.state &^= inFrame
		m.Payload = chunk
		return m, rest, true
	}
	if len(chunk) == 0 {
		return Message{}, rest, false
	}
	if ps.ctl == nil {
		ps.ctl = pool.Get(maxControl)
	}
	ps.append(ps.ctl, chunk)
	if ps.left > 0 {
		return Message{}, rest, false
	}
	ps.state = ps.state&^inFrame | releasable
	m.Payload = ps.ctl.B
	return m, rest, true
}

// data consumes payload of a data frame. A message of one frame that lies whole in p is handed out
// from there. Any other is assembled in one pooled buffer.
func (ps *Parser) data(p []byte) (m Message, rest []byte, ok bool, bad *Error) {
	chunk, rest := ps.split(p)
	last := ps.left == 0 && ps.head&bitFin != 0
	isText := ps.first&(bitRsv1|bitsOpcode) == byte(Text)
	payload := chunk
	if ps.msg != nil || !last && len(chunk) > 0 {
		ps.grow(len(chunk))
		ascii := ps.append(ps.msg, chunk)
		payload = ps.msg.B
		if isText && !(ascii && ps.utf8 == 0) {
			n, valid := validPrefix(payload[len(payload)-len(chunk)-int(ps.utf8):])
			if !valid || last && n > 0 {
				return m, nil, false, errUTF8
			}
			ps.utf8 = uint8(n)
		}
	} else {
		ascii := ps.unmask(chunk, chunk)
		if isText && !ascii && !utf8.Valid(chunk) {
			return m, nil, false, errUTF8
		}
	}
	if ps.left > 0 {
		return m, rest, false, nil
	}
	ps.state &^= inFrame
	if !last {
		return m, rest, false, nil
	}
	ps.state &^= inMessage
	if ps.msg != nil {
		ps.state |= releasable
	}
	m = Message{Op: Opcode(ps.first & bitsOpcode), Payload: payload,
		Compressed: ps.first&bitRsv1 != 0}
	return m, rest, true, nil
}

// split cuts off the part of p that belongs to the payload of the current frame.
func (ps *Parser) split(p []byte) (chunk, rest []byte) {
	n := len(p)
	if uint64(n) > ps.left {
		n = int(ps.left)
	}
	ps.left -= uint64(n)
	return p[:n:n], p[n:]
}

// unmask writes src, unmasked, to dst, which may be src. ascii means what it means for xorKey.
func (ps *Parser) unmask(dst, src []byte) (ascii bool) {
	if ps.key != 0 {
		ascii = xorKey(dst, src, ps.key)
		ps.key = turnKey(ps.key, len(src))
	} else if len(src) > 0 && &dst[0] != &src[0] {
		copy(dst, src)
	}
	return ascii
}

// append unmasks chunk and appends it to b, which has room for it.
func (ps *Parser) append(b *pool.Buffer, chunk []byte) (ascii bool) {
	n := len(b.B)
	b.B = b.B[:n+len(chunk)]
	return ps.unmask(b.B[n:], chunk)
}

// grow makes room for n more bytes of the message. Room grows with the bytes that have come and not
// with the length that was announced, so that a header alone costs nothing. It doubles, but not
// beyond the end of a message if that is known.
func (ps *Parser) grow(n int) {
	if ps.msg == nil {
		ps.msg = pool.Get(n)
		return
	}
	need := len(ps.msg.B) + n
	if need <= cap(ps.msg.B) {
		return
	}
	size := 2 * cap(ps.msg.B)
	if ps.head&bitFin != 0 && uint64(size) > uint64(need)+ps.left {
		size = need + int(ps.left)
	}
	b := pool.Get(max(size, need))
	b.B = append(b.B, ps.msg.B...)
	pool.Put(ps.msg)
	ps.msg = b
}

// release releases the buffer behind the message that the last Feed handed out.
func (ps *Parser) release() {
	ps.state &^= releasable
	if ps.ctl != nil {
		pool.Put(ps.ctl)
		ps.ctl = nil
		return
	}
	pool.Put(ps.msg)
	ps.msg = nil
}

// Reset releases what the parser holds and makes it ready for a new stream. It may be called more
// than once.
func (ps *Parser) Reset() {
	if ps.ctl != nil {
		pool.Put(ps.ctl)
	}
	if ps.msg != nil {
		pool.Put(ps.msg)
	}
	ps.msg, ps.ctl = nil, nil
	ps.left, ps.key, ps.frames = 0, 0, 0 // noted stays, as others may be reading it
	ps.hdrLen, ps.state, ps.head, ps.first, ps.utf8 = 0, 0, 0, 0, 0
}

// Unfinished reports whether a message or frame has begun and is not complete.
func (ps *Parser) Unfinished() bool { return ps.state&(inHeader|inFrame|inMessage) != 0 }

// CountHeld adds to sum by how many bytes the memory that the parser holds has changed since the
// last call, and returns that. An owner that calls it also after the final Reset knows from sum
// what all its parsers hold. Whoever sees Held become less finds it taken off sum.
func (ps *Parser) CountHeld(sum *atomic.Int64) int {
	if ps.msg == nil && ps.ctl == nil && ps.noted == 0 {
		return 0
	}
	held := 0
	if ps.msg != nil {
		held = cap(ps.msg.B)
	}
	if ps.ctl != nil {
		held += cap(ps.ctl.B)
	}
	change := held - int(ps.noted)
	if change != 0 {
		sum.Add(int64(change))
		atomic.StoreUint32(&ps.noted, uint32(min(held, math.MaxUint32)))
	}
	return change
}

// Held returns how many bytes of memory the parser held at the last CountHeld. It may be called
// from any goroutine.
func (ps *Parser) Held() int { return int(atomic.LoadUint32(&ps.noted)) }

// Buffered returns the number of payload bytes held of an unfinished message or control frame.
func (ps *Parser) Buffered() int {
	n := 0
	if ps.msg != nil && ps.state&inMessage != 0 {
		n += len(ps.msg.B)
	}
	if ps.ctl != nil && ps.state&releasable == 0 {
		n += len(ps.ctl.B)
	}
	return n
}

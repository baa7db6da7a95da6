package load

import (
	"encoding/binary"

	"github.com/smartsocket/smartsocket/message"
)

// frameHead reads the header of a server frame at the beginning of b. head is its length, or 0
// while b is too short. payload is the number of bytes that follow it.
func frameHead(b []byte) (head, payload int) {
	if len(b) < 2 {
		return 0, 0
	}
	switch n := int(b[1] & 0x7f); n {
	case 126:
		if len(b) < 4 {
			return 0, 0
		}
		return 4, int(binary.BigEndian.Uint16(b[2:]))
	case 127:
		if len(b) < 10 {
			return 0, 0
		}
		return 10, int(binary.BigEndian.Uint64(b[2:]))
	default:
		return 2, n
	}
}

// scanner counts the SmartSocket messages of one kind in a stream of frames. It skips everything
// else that a server sends, such as pings.
type scanner struct {
	skip   int // bytes of the current frame that are still to come
	held   int // number of bytes in part
	failed bool
	part   [12]byte // the beginning of a frame until its header and first byte are complete
}

// count returns how many messages of kind want begin in b.
func (s *scanner) count(b []byte, want message.Kind) (n int) {
	for len(b) > 0 {
		if s.skip > 0 {
			k := min(s.skip, len(b))
			s.skip -= k
			b = b[k:]
			continue
		}
		if s.held == 0 {
			if h, size := frameHead(b); h > 0 && len(b) > h {
				n += s.judge(b[0], b[h], size, want)
				k := min(h+size, len(b))
				s.skip, b = h+size-k, b[k:]
				continue
			}
		}
		s.part[s.held], b = b[0], b[1:]
		s.held++
		h, size := frameHead(s.part[:s.held])
		if h == 0 || s.held == h && size > 0 {
			continue
		}
		first := byte(0)
		if size > 0 {
			first = s.part[h]
		}
		n += s.judge(s.part[0], first, size, want)
		s.skip, s.held = h+size-s.held, 0
	}
	return n
}

func (s *scanner) judge(b0, first byte, size int, want message.Kind) int {
	op := b0 & 0x0f
	kind := message.Kind(first & 0x0f)
	switch {
	case op == 8, op == opBinary && size > 0 && (kind == message.KindError ||
		kind == message.KindGoaway):
		s.failed = true
	case op == opBinary && size > 0 && kind == want:
		return 1
	}
	return 0
}

package frame

import "encoding/binary"

// event is one message as the tests compare it.
type event struct {
	op         Opcode
	payload    string
	compressed bool
}

// reference is a second reading of the RFCs, as plain as possible. It has the whole stream, copies
// everything and looks at one byte at a time. It returns the messages, the close code of the error
// (0 if none) and the number of bytes after which the error must be known.
func reference(cfg *Config, in []byte) (events []event, code CloseCode, at int) {
	limit, maxFrames := cfg.MaxMessage, cfg.MaxFragments
	if limit == 0 {
		limit = DefaultMaxMessage
	}
	if maxFrames == 0 {
		maxFrames = DefaultMaxFragments
	}
	var message []byte
	var text textReference
	open, kind, compressed, frames := false, Opcode(0), false, 0
	for i := 0; i < len(in); {
		// First byte.
		fin, rsv1, rsv23, op := in[i]>>7 == 1, in[i]>>6&1 == 1, in[i]>>4&3 != 0, Opcode(in[i]&15)
		control := op >= 8
		switch op {
		case 0, 1, 2, 8, 9, 10:
		default:
			return events, 1002, i + 1
		}
		if rsv23 || rsv1 && !(cfg.Deflate && (op == 1 || op == 2)) {
			return events, 1002, i + 1
		}
		if control && !fin || !control && (op == 0) != open {
			return events, 1002, i + 1
		}
		if op == 0 && frames >= maxFrames {
			return events, 1008, i + 1
		}
		// Second byte.
		if i+1 == len(in) {
			break
		}
		masked := in[i+1]>>7 == 1
		length := uint64(in[i+1] & 127)
		if masked == cfg.Client || control && length > 125 {
			return events, 1002, i + 2
		}
		// Extended length.
		i += 2
		if length == 126 {
			if i+2 > len(in) {
				break
			}
			length = uint64(in[i])<<8 + uint64(in[i+1])
			i += 2
			if length < 126 {
				return events, 1002, i
			}
		} else if length == 127 {
			if i < len(in) && in[i] >= 128 {
				return events, 1002, i + 1
			}
			if i+8 > len(in) {
				break
			}
			length = binary.BigEndian.Uint64(in[i:])
			i += 8
			if length < 65536 {
				return events, 1002, i
			}
		}
		if !control && length+uint64(len(message)) > uint64(limit) {
			return events, 1009, i
		}
		// Key.
		var key []byte
		if masked {
			if i+4 > len(in) {
				break
			}
			key = in[i : i+4]
			i += 4
		}
		// Payload.
		if !control {
			if op != 0 {
				open, kind, compressed, frames, message, text = true, op, rsv1, 0, nil,
					textReference{}
			}
			frames++
		}
		var payload []byte
		for n := uint64(0); n < length; n++ {
			if i == len(in) {
				return events, 0, 0
			}
			b := in[i]
			if masked {
				b ^= key[n%4]
			}
			i++
			payload = append(payload, b)
			if !control && kind == Text && !compressed && !text.add(b) {
				return events, 1007, i
			}
		}
		switch {
		case control:
			events = append(events, event{op, string(payload), false})
		default:
			message = append(message, payload...)
			if fin {
				if kind == Text && !compressed && text.need > 0 {
					return events, 1007, i
				}
				events = append(events, event{kind, string(message), compressed})
				open, frames, message = false, 0, nil
			}
		}
	}
	return events, 0, 0
}

// textReference follows the table of well-formed sequences (Unicode 15, table 3-7; RFC 3629 section
// 4). It knows how many bytes must follow and between which values the next one must lie.
type textReference struct {
	need   int
	lo, hi byte
}

func (t *textReference) add(b byte) bool {
	if t.need > 0 {
		if b < t.lo || b > t.hi {
			return false
		}
		t.need, t.lo, t.hi = t.need-1, 0x80, 0xbf
		return true
	}
	t.lo, t.hi = 0x80, 0xbf
	switch {
	case b < 0x80:
	case b < 0xc2, b > 0xf4:
		return false
	case b < 0xe0:
		t.need = 1
	case b < 0xf0:
		t.need = 2
	default:
		t.need = 3
	}
	switch b {
	case 0xe0:
		t.lo = 0xa0
	case 0xed:
		t.hi = 0x9f
	case 0xf0:
		t.lo = 0x90
	case 0xf4:
		t.hi = 0x8f
	}
	return true
}

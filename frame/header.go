package frame

import "encoding/binary"

var (
	errFailed       = &Error{CloseProtocolError, "bytes behind an error"}
	errRsv          = &Error{CloseProtocolError, "reserved bit without an extension that uses it"}
	errOpcode       = &Error{CloseProtocolError, "reserved opcode"}
	errControlFin   = &Error{CloseProtocolError, "fragmented control frame"}
	errControlLong  = &Error{CloseProtocolError, "control frame over 125 bytes"}
	errContinuation = &Error{CloseProtocolError, "continuation of no message"}
	errInterleaved  = &Error{CloseProtocolError, "data frame inside a fragmented message"}
	errUnmasked     = &Error{CloseProtocolError, "unmasked frame from a client"}
	errMasked       = &Error{CloseProtocolError, "masked frame from a server"}
	errNotMinimal   = &Error{CloseProtocolError, "length not in its shortest form"}
	errTopBit       = &Error{CloseProtocolError, "length over 63 bits"}
	errFragments    = &Error{ClosePolicyViolation, "too many fragments"}
	errTooBig       = &Error{CloseTooBig, "message over the size limit"}
	errUTF8         = &Error{CloseInvalidPayload, "text is not UTF-8"}
)

// header consumes a frame header. If only a part of it is there, header keeps these bytes. Once the
// header is complete it enters the frame (inFrame) and returns what follows.
func (ps *Parser) header(cfg *Config, p []byte) (rest []byte, bad *Error) {
	kept := int(ps.hdrLen)
	h := p
	if kept > 0 {
		h = ps.hdr[:kept+copy(ps.hdr[kept:], p)]
	}
	size, length, bad := ps.checkHeader(cfg, h)
	if bad != nil {
		return nil, bad
	}
	if len(h) < size {
		if kept == 0 {
			copy(ps.hdr[:], h)
		}
		ps.hdrLen = uint8(len(h))
		ps.state |= inHeader
		return nil, nil
	}
	ps.key = 0
	if !cfg.Client {
		ps.key = binary.LittleEndian.Uint32(h[size-4 : size])
	}
	ps.begin(h[0], length)
	return p[size-kept:], nil
}

// begin enters a frame whose header has passed the checks.
func (ps *Parser) begin(head byte, length uint64) {
	ps.head, ps.left, ps.hdrLen = head, length, 0
	ps.state = ps.state&^inHeader | inFrame
	switch {
	case head&bitControl != 0:
	case Opcode(head&bitsOpcode) == Continuation:
		ps.frames++
	default:
		ps.first, ps.frames, ps.utf8 = head, 1, 0
		ps.state |= inMessage
	}
}

// checkHeader checks as much of a header as h holds, at least one byte. It returns how long the
// header is, or must at least be, and the length of the payload once its bytes are there.
func (ps *Parser) checkHeader(cfg *Config, h []byte) (size int, length uint64, bad *Error) {
	if bad = ps.checkFirst(cfg, h[0]); bad != nil || len(h) < 2 {
		return 2, 0, bad
	}
	size = 2
	// RFC 6455 section 5.1: a server must close when a frame is not masked, a client when one is.
	if masked := h[1]&bitMask != 0; masked == cfg.Client {
		if masked {
			return 0, 0, errMasked
		}
		return 0, 0, errUnmasked
	} else if masked {
		size += 4
	}
	length = uint64(h[1] & bitsLength)
	isControl := h[0]&bitControl != 0
	switch {
	case length < length16:
	case isControl:
		return 0, 0, errControlLong
	case length == length16:
		size += 2
		if len(h) < 4 {
			return size, 0, nil
		}
		if length = uint64(binary.BigEndian.Uint16(h[2:])); length < length16 {
			return 0, 0, errNotMinimal
		}
	default:
		size += 8
		if len(h) > 2 && h[2]&0x80 != 0 {
			return 0, 0, errTopBit
		}
		if len(h) < 10 {
			return size, 0, nil
		}
		if length = binary.BigEndian.Uint64(h[2:]); length <= 0xffff {
			return 0, 0, errNotMinimal
		}
	}
	// Both lengths are below 2^63, so the sum cannot wrap around.
	if !isControl && length+ps.received() > cfg.maxMessage() {
		return 0, 0, errTooBig
	}
	return size, length, nil
}

// checkFirst checks the first byte of a frame (RFC 6455 sections 5.2, 5.4 and 5.5).
func (ps *Parser) checkFirst(cfg *Config, b byte) *Error {
	op := Opcode(b & bitsOpcode)
	switch {
	case b&bitsRsv23 != 0:
		return errRsv
	case op.IsReserved():
		return errOpcode
	case b&bitRsv1 != 0 && (!cfg.Deflate || op == Continuation || op.IsControl()):
		return errRsv // RFC 7692 section 6: only the first frame of a message has the bit
	case op.IsControl():
		if b&bitFin == 0 {
			return errControlFin
		}
	case ps.state&inMessage == 0:
		if op == Continuation {
			return errContinuation
		}
	case op != Continuation:
		return errInterleaved
	case uint64(ps.frames) >= cfg.maxFragments():
		return errFragments
	}
	return nil
}

// received returns how many payload bytes the earlier frames of the current message had.
func (ps *Parser) received() uint64 {
	if ps.msg == nil {
		return 0
	}
	return uint64(len(ps.msg.B))
}

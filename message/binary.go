package message

// allowed holds the flags that each kind may carry. Every kind of this version also has known set.
var allowed = [16]Flags{
	KindHello:      known,
	KindConnect:    known,
	KindConnectAck: known,
	KindEvent:      known | FlagSeq | FlagAck | FlagBinary | FlagDeflated,
	KindAck:        known | FlagSeq | FlagAck | FlagBinary | FlagDeflated,
	KindError:      known | FlagSeq | FlagAck | FlagDeflated,
	KindPing:       known,
	KindPong:       known,
	KindGoaway:     known,
	KindSealed:     known,
}

const known Flags = 1 // no flag uses the low four bits

const (
	flagMask = 0xf0
	kindMask = 0x0f
)

// Parse reads the binary encoding. Event and Payload borrow b. It returns an *Error with
// CodeInvalidFormat for unknown kinds and flags, for flags that the kind does not allow, for an ACK
// without an ack id, for a uvarint that is overlong or out of range, and for a bad event name. JSON
// payloads are not validated here. Parse does not allocate, not even for an error. It is safe for
// concurrent use.
func Parse(b []byte) (Message, error) {
	if len(b) == 0 {
		return Message{}, errEmpty
	}
	m := Message{Kind: Kind(b[0] & kindMask), Flags: Flags(b[0] & flagMask)}
	may := allowed[m.Kind]
	if may == 0 {
		return Message{}, errKind
	}
	if m.Flags&^may != 0 {
		return Message{}, errFlags
	}
	i := 1
	if m.Flags&FlagSeq != 0 {
		if m.Seq, i = readUvarint(b, i); i < 0 {
			return Message{}, errNumber
		}
	}
	if m.Flags&FlagAck != 0 {
		if m.AckID, i = readUvarint(b, i); i < 0 {
			return Message{}, errNumber
		}
	} else if m.Kind == KindAck {
		return Message{}, errAckWithoutID
	}
	if m.Kind == KindEvent {
		var n uint64
		if n, i = readUvarint(b, i); i < 0 {
			return Message{}, errNumber
		}
		if n > uint64(len(b)-i) {
			return Message{}, errCut
		}
		m.Event = b[i : i+int(n) : i+int(n)]
		if !ValidEvent(m.Event) {
			return Message{}, errEventName
		}
		i += int(n)
	}
	m.Payload = b[i:]
	return m, nil
}

// Append appends the binary encoding of m to dst. It copies from m and does not check it. Flags
// decide whether Seq and AckID are written; Event is written only for an EVENT.
func Append(dst []byte, m *Message) []byte {
	dst = appendHead(dst, m.Kind, m.Flags, m.Seq, m.AckID)
	if m.Kind == KindEvent {
		dst = appendUvarint(dst, uint64(len(m.Event)))
		dst = append(dst, m.Event...)
	}
	return append(dst, m.Payload...)
}

// AppendEventHeader appends a binary EVENT up to, but not including, its payload. It copies event,
// which the caller has checked with ValidEvent.
func AppendEventHeader(dst []byte, flags Flags, seq, ackID uint64, event string) []byte {
	dst = appendHead(dst, KindEvent, flags, seq, ackID)
	dst = appendUvarint(dst, uint64(len(event)))
	return append(dst, event...)
}

func appendHead(dst []byte, k Kind, f Flags, seq, ackID uint64) []byte {
	dst = append(dst, byte(k)|byte(f))
	if f&FlagSeq != 0 {
		dst = appendUvarint(dst, seq)
	}
	if f&FlagAck != 0 {
		dst = appendUvarint(dst, ackID)
	}
	return dst
}

// AppendSeq appends the binary message body with seq inserted. body must not carry a seq yet. The
// result is the same event, numbered for one receiver's stream.
func AppendSeq(dst, body []byte, seq uint64) []byte {
	dst = append(dst, body[0]|byte(FlagSeq))
	dst = appendUvarint(dst, seq)
	return append(dst, body[1:]...)
}

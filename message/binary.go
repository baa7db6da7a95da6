package message

// allowed holds the flags that each kind may carry, plus known for every kind of this version.
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

// Parse reads the binary encoding. Event and Payload borrow b. Unknown kinds and flags, flags that the kind does not
// allow, an ACK without ack id, an overlong or out-of-range uvarint, a bad event name: an *Error with CodeInvalidFormat. JSON payloads are not validated here.
// It does not allocate, not even for an error. Safe for concurrent use.
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

// Append appends the binary encoding of m to dst. It copies from m and does not
// check it: Flags say which of Seq and AckID are written. Event belongs to EVENT alone.
func Append(dst []byte, m *Message) []byte {
	dst = appendHead(dst, m.Kind, m.Flags, m.Seq, m.AckID)
	if m.Kind == KindEvent {
		dst = appendUvarint(dst, uint64(len(m.Event)))
		dst = append(dst, m.Event...)
	}
	return append(dst, m.Payload...)
}

// AppendEventHeader appends everything of a binary EVENT up to its payload. It copies event, which the caller has checked (ValidEvent).
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

// AppendSeq appends the binary message body, which carries no seq yet, with seq
// put in: the same event under its number in one receiver's stream.
func AppendSeq(dst, body []byte, seq uint64) []byte {
	dst = append(dst, body[0]|byte(FlagSeq))
	dst = appendUvarint(dst, seq)
	return append(dst, body[1:]...)
}

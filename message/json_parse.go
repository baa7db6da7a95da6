package message

// member has one bit per key of the JSON encoding.
type member uint8

const (
	memberEvent member = 1 << iota
	memberData
	memberAck
	memberError
)

// jsonMembers is what one pass over a JSON message has found.
type jsonMembers struct {
	seen    member
	escaped bool // event contains escape sequences
	ack     uint64
	event   []byte // the bytes between its quotes
	data    []byte
	err     []byte
}

// ParseJSON reads the JSON encoding of an EVENT, ACK or ERROR. One scan without allocations
// validates the whole text (RFC 8259, at most MaxJSONDepth deep). Payload is the raw JSON of "data"
// (or of "error"), nil when absent. Event borrows b and is unescaped in place if it has escapes, so
// b must be writable. Unknown keys are ignored. A duplicate key, a missing event, an event that is
// not a string and a bad ack are an *Error with CodeInvalidFormat. Only the event name is checked
// for UTF-8, because a text frame has already been checked as a whole (RFC 6455 section 8.1).
// ParseJSON is safe for concurrent use.
func ParseJSON(b []byte) (Message, error) {
	var v jsonMembers
	if err := v.scan(b); err != nil {
		return Message{}, err
	}
	m := Message{Payload: v.data}
	if v.seen&memberAck != 0 {
		m.Flags, m.AckID = FlagAck, v.ack
	}
	switch {
	case v.seen&memberError != 0:
		if v.seen&(memberEvent|memberData) != 0 {
			return Message{}, errErrorAndMore
		}
		m.Kind, m.Payload = KindError, v.err
	case v.seen&memberEvent != 0:
		m.Kind, m.Event = KindEvent, v.event
		if v.escaped {
			var ok bool
			if m.Event, ok = unescape(v.event, true); !ok {
				return Message{}, errEventName
			}
		}
		if !ValidEvent(m.Event) {
			return Message{}, errEventName
		}
	case v.seen&memberAck != 0:
		m.Kind = KindAck
	default:
		return Message{}, errNoEvent
	}
	return m, nil
}

// scan reads the whole text b, which must be one object, into v.
func (v *jsonMembers) scan(b []byte) error {
	i := skipSpace(b, 0)
	if i >= len(b) || b[i] != '{' {
		return errNotObject
	}
	if i = skipSpace(b, i+1); i < len(b) && b[i] == '}' {
		return endOfText(b, i+1)
	}
	for {
		if i >= len(b) || b[i] != '"' {
			return errJSON
		}
		start := i + 1
		end, escaped := skipString(b, start)
		if end < 0 {
			return errJSON
		}
		key := memberOf(b[start:end-1], escaped)
		if v.seen&key != 0 {
			return errDuplicate
		}
		v.seen |= key
		if i = skipSpace(b, end); i >= len(b) || b[i] != ':' {
			return errJSON
		}
		i = skipSpace(b, i+1)
		var err error
		if i, err = v.value(b, i, key); err != nil {
			return err
		}
		if i = skipSpace(b, i); i >= len(b) {
			return errJSON
		}
		switch b[i] {
		case ',':
			i = skipSpace(b, i+1)
		case '}':
			return endOfText(b, i+1)
		default:
			return errJSON
		}
	}
}

// value reads the value of key at i and returns the index after it.
func (v *jsonMembers) value(b []byte, i int, key member) (int, error) {
	switch key {
	case memberEvent:
		if i >= len(b) || b[i] != '"' {
			return bad, errEventNotString
		}
		end, escaped := skipString(b, i+1)
		if end < 0 {
			return bad, errJSON
		}
		v.event, v.escaped = b[i+1:end-1:end-1], escaped
		return end, nil
	case memberAck:
		end := i
		if v.ack, end = readAck(b, i); end < 0 {
			return bad, errBadAck
		}
		return end, nil
	}
	end := skipValue(b, i, MaxJSONDepth-1) // the message itself is one level
	if end < 0 {
		return bad, errJSON
	}
	switch key {
	case memberData:
		v.data = b[i:end:end]
	case memberError:
		if b[i] != '{' {
			return bad, errErrorNotObject
		}
		v.err = b[i:end:end]
	}
	return end, nil
}

func endOfText(b []byte, i int) error {
	if skipSpace(b, i) != len(b) {
		return errJSON
	}
	return nil
}

// readAck reads an integer from 0 to MaxJSONAck without sign, fraction or exponent.
func readAck(b []byte, i int) (ack uint64, next int) {
	end := skipDigits(b, i)
	if n := end - i; n == 0 || n > 16 || n > 1 && b[i] == '0' {
		return 0, bad
	}
	for _, c := range b[i:end] {
		ack = ack*10 + uint64(c-'0')
	}
	if ack > MaxJSONAck || end < len(b) && (b[end] == '.' || b[end]|0x20 == 'e') {
		return 0, bad
	}
	return ack, end
}

// memberOf recognises a key by the bytes between its quotes. It returns 0 for any other key.
func memberOf(key []byte, escaped bool) member {
	if escaped {
		return memberOfEscaped(key)
	}
	switch string(key) {
	case "event":
		return memberEvent
	case "data":
		return memberData
	case "ack":
		return memberAck
	case "error":
		return memberError
	}
	return 0
}

// memberOfEscaped decodes a copy, because a key that is not ours must stay as it is.
func memberOfEscaped(key []byte) member {
	var copied [6 * len("event")]byte // the longest spelling of the longest key
	if len(key) > len(copied) {
		return 0
	}
	plain, _ := unescape(copied[:copy(copied[:], key)], false)
	return memberOf(plain, false)
}

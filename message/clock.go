package message

// Clock is the payload of PING and PONG: three uvarints, in this order.
type Clock struct {
	ServerTime uint64 // µs; a PONG repeats the PING's
	RTT        uint64 // µs, the server's last measurement; 0 means none yet
	ClientTime uint64 // µs, in a PONG only; 0 in a PING
}

// AppendClock appends to dst the message of kind k, PING or PONG, that carries c.
func AppendClock(dst []byte, k Kind, c Clock) []byte {
	dst = append(dst, byte(k))
	dst = appendUvarint(dst, c.ServerTime)
	dst = appendUvarint(dst, c.RTT)
	return appendUvarint(dst, c.ClientTime)
}

// ParseClock reads b, a whole binary PING or PONG message. Anything else is an *Error with
// CodeInvalidFormat.
func ParseClock(b []byte) (Clock, error) {
	if len(b) == 0 || b[0] != byte(KindPing) && b[0] != byte(KindPong) {
		return Clock{}, errClock
	}
	var c Clock
	i := 1
	for _, v := range [...]*uint64{&c.ServerTime, &c.RTT, &c.ClientTime} {
		if *v, i = readUvarint(b, i); i < 0 {
			return Clock{}, errNumber
		}
	}
	if i != len(b) {
		return Clock{}, errClock
	}
	return c, nil
}

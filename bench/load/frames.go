package load

import (
	"encoding/binary"

	"github.com/smartsocket/smartsocket/message"
)

// mask is the masking key of every client frame. It is fixed because the generator must cost
// little, and it is not zero so that unmasking changes the bytes.
var mask = [4]byte{0x37, 0xfa, 0x21, 0x3d}

const opBinary = 2 // RFC 6455 section 5.2

// headerLen returns the length of a frame's header (RFC 6455 section 5.2) without the masking key.
func headerLen(payload int) int {
	switch {
	case payload < 126:
		return 2
	case payload < 1<<16:
		return 4
	}
	return 10
}

// serverFrameLen returns the length of a server's frame with the given number of payload bytes.
func serverFrameLen(payload int) int { return headerLen(payload) + payload }

// clientFrameLen returns the length of a client's frame with the given number of payload bytes.
func clientFrameLen(payload int) int { return headerLen(payload) + 4 + payload }

// appendClientFrame appends one masked frame with FIN set. It copies payload.
func appendClientFrame(dst []byte, opcode byte, payload []byte) []byte {
	n := len(payload)
	dst = append(dst, 0x80|opcode)
	switch headerLen(n) {
	case 2:
		dst = append(dst, 0x80|byte(n))
	case 4:
		dst = append(dst, 0x80|126)
		dst = binary.BigEndian.AppendUint16(dst, uint16(n))
	default:
		dst = append(dst, 0x80|127)
		dst = binary.BigEndian.AppendUint64(dst, uint64(n))
	}
	dst = append(dst, mask[:]...)
	for i, b := range payload {
		dst = append(dst, b^mask[i&3])
	}
	return dst
}

// text returns n bytes of printable ASCII.
func text(n int) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = 'a' + byte(i%26)
	}
	return p
}

// batch is what a connection writes at once.
type batch struct {
	bytes []byte
	// acks are the offsets of the ack ids, which are one masked byte each. It is nil unless the
	// messages ask for an ack.
	acks []int
	// maskAt is the mask byte that covers each of acks.
	maskAt []byte
}

// stamp writes the next ids, which run from 1 to 127 and start again, into the batch.
func (b *batch) stamp(id byte) byte {
	for i, at := range b.acks {
		id = id%127 + 1
		b.bytes[at] = id ^ b.maskAt[i]
	}
	return id
}

// messages returns the frames of one closed-loop step of p. Their number is Window.
func messages(p *Params) batch {
	var b batch
	for range p.Window {
		switch p.Protocol {
		case Session:
			b.addEvent(p)
		default:
			b.bytes = appendClientFrame(b.bytes, opBinary, text(p.Payload))
		}
	}
	return b
}

// addEvent adds an EVENT with JSON data of Payload bytes that asks for an ack. The position of the
// id is known: it is the one byte after the first byte of the message.
func (b *batch) addEvent(p *Params) {
	m := message.Message{Kind: message.KindEvent, Event: []byte(p.Event),
		Payload: jsonString(p.Payload)}
	if !p.Broadcast {
		m.Flags, m.AckID = message.FlagAck, 1
	}
	payload := message.Append(nil, &m)
	start := len(b.bytes)
	b.bytes = appendClientFrame(b.bytes, opBinary, payload)
	if !p.Broadcast {
		b.acks = append(b.acks, start+headerLen(len(payload))+4+1)
		b.maskAt = append(b.maskAt, mask[1])
	}
}

// jsonString returns a JSON string of n bytes, including the quotes. n is at least 2.
func jsonString(n int) []byte {
	p := text(max(n, 2))
	p[0], p[len(p)-1] = '"', '"'
	return p
}

// reply returns how many bytes answer one message of p, if bytes are counted.
func reply(p *Params) int {
	if p.Protocol == Floor {
		return clientFrameLen(p.Payload)
	}
	return serverFrameLen(p.Payload)
}

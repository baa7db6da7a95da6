//go:build js && wasm

package main

//lint:file-ignore U1000 JavaScript calls these functions by go:wasmexport, unknown to the linter

import (
	"strconv"
	"unsafe"

	"github.com/smartsocket/smartsocket/message"
)

// recordAddress returns the address of the record, which never moves.
//
//go:wasmexport ss_record
func recordAddress() uint32 {
	return uint32(uintptr(unsafe.Pointer(&record)))
}

// inputAddress makes room for n bytes of input and returns its address. JavaScript must refresh its
// views of the memory afterwards, because this may have grown it.
//
//go:wasmexport ss_input
func inputAddress(n uint32) uint32 {
	if uint32(cap(in)) < n || cap(in) > maxKeptBuffer && n <= maxKeptBuffer {
		in = nil
		in = make([]byte, roomFor(n))
	}
	if cap(out) > maxKeptBuffer && n <= maxKeptBuffer {
		out = nil
	}
	if cap(scratch) > maxKeptBuffer && n <= maxKeptBuffer {
		scratch = nil
	}
	return address(in[:cap(in)])
}

// decode reads the binary message in the first n bytes of the input into the record. A compressed
// payload may inflate to at most limit bytes.
//
//go:wasmexport ss_decode
func decode(n, limit uint32) (failed uint32) {
	defer contain(&failed)
	record[slotFailed] = 0
	if n > uint32(cap(in)) {
		return fail(errShortInput)
	}
	b := in[:n]
	m, err := message.Parse(b)
	if err != nil {
		return fail(err)
	}
	if m.Flags&message.FlagDeflated != 0 {
		if err := inflate(&m, limit); err != nil {
			return fail(err)
		}
	}
	record[slotKind], record[slotFlags] = uint32(m.Kind), uint32(m.Flags)
	setNumber(slotSeq, m.Seq)
	setNumber(slotAck, m.AckID)
	setBytes(slotEvent, m.Event)
	setBytes(slotPayload, m.Payload)
	if m.Kind == message.KindEvent || m.Kind == message.KindAck || m.Kind == message.KindError {
		return 0
	}
	if err := decodeFields(m.Kind, b); err != nil {
		return fail(err)
	}
	return 0
}

// decodeFields puts the fields of the whole binary message b into the record.
func decodeFields(kind message.Kind, b []byte) error {
	switch kind {
	case message.KindHello:
		h, err := message.ParseHello(b)
		if err != nil {
			return err
		}
		setNumber(slotField, h.Version)
		setBytes(slotField+2, h.Random)
		setBytes(slotField+4, h.Algorithms)
		setBytes(slotField+6, h.KeyIDs)
		setBit(slotField+8, h.AuthRequired)
		setBit(slotField+10, h.ResumeSupported)
		setNumber(slotField+12, h.MaxMessageBytes)
		setNumber(slotField+14, h.HandshakeTimeout)
		setBit(slotField+16, h.AuthEvent)
		setNumber(slotField+18, h.RateLimit)
		setNumber(slotField+20, h.RateWindow)
	case message.KindConnectAck:
		c, err := message.ParseConnectAck(b)
		if err != nil {
			return err
		}
		setBytes(slotField, c.SocketID)
		setBytes(slotField+2, c.SessionToken)
		setBit(slotField+4, c.Recovered)
		setNumber(slotField+6, c.HeartbeatInterval)
		setNumber(slotField+8, c.CompressionThreshold)
		setNumber(slotField+10, c.MaxMessageBytes)
		setNumber(slotField+12, c.ServerTime)
		setNumber(slotField+14, c.Arrived)
	case message.KindGoaway:
		g, err := message.ParseGoaway(b)
		if err != nil {
			return err
		}
		setNumber(slotField, g.Deadline)
		setNumber(slotField+2, g.ReconnectWindow)
		setBytes(slotField+4, g.URL)
		setBit(slotField+6, g.Move)
	case message.KindPing, message.KindPong:
		c, err := message.ParseClock(b)
		if err != nil {
			return err
		}
		setNumber(slotField, c.ServerTime)
		setNumber(slotField+2, c.RTT)
		setNumber(slotField+4, c.ClientTime)
	default:
		return errNotForClients
	}
	return nil
}

// outgoing is reused so that no message escapes to the heap.
var outgoing message.Message

// encode writes an EVENT, ACK or ERROR whose event name and payload are at the start of the input,
// one after the other. slotPayload of the record then says where the binary message is. A payload
// of more than limit bytes is refused. One of more than threshold bytes is compressed; 0 means
// never.
//
//go:wasmexport ss_encode
func encode(
	kind, flags, ackLow, ackHigh, nameLength, payloadLength, threshold, limit uint32,
) (failed uint32) {
	defer contain(&failed)
	record[slotFailed] = 0
	t := taker{rest: in[:cap(in)]}
	name, payload := t.take(nameLength), t.take(payloadLength)
	if t.failed {
		return fail(errShortInput)
	}
	if message.Kind(kind) == message.KindEvent &&
		(len(name) == 0 || len(name) > message.MaxEventName) {
		return fail(errEventName)
	}
	if limit > 0 && payloadLength > limit {
		return fail(message.New(message.CodeTooLarge, strconv.FormatUint(uint64(payloadLength), 10)+
			" bytes of data are more than the "+
			strconv.FormatUint(uint64(limit), 10)+
			" that the server takes; split them or raise its maxMessageBytes"))
	}
	outgoing = message.Message{
		Kind:    message.Kind(kind),
		Flags:   message.Flags(flags),
		AckID:   uint64(ackLow) | uint64(ackHigh)<<32,
		Event:   name,
		Payload: payload,
	}
	out = message.Append(out[:0], &outgoing)
	if threshold > 0 && payloadLength > threshold {
		deflate(len(out) - int(payloadLength))
	}
	setBytes(slotPayload, out)
	return 0
}

// encodeConnect writes a CONNECT. The byte values are at the start of the input in the order
// random, namespace, api key, session token, client. Their fields contain the lengths. Field 4 is
// the last seq, and field 6 says whether the client inflates.
//
//go:wasmexport ss_connect
func encodeConnect() (failed uint32) {
	defer contain(&failed)
	record[slotFailed] = 0
	t := taker{rest: in[:cap(in)]}
	c := takeConnect(&t)
	if t.failed {
		return fail(errShortInput)
	}
	out = message.AppendConnect(out[:0], &c)
	setBytes(slotPayload, out)
	return 0
}

// takeConnect reads the arguments of encodeConnect.
func takeConnect(t *taker) message.Connect {
	c := message.Connect{Version: message.Version}
	c.Random = t.take(record[slotField])
	c.Namespace = t.take(record[slotField+2])
	c.APIKey = t.take(record[slotField+4])
	c.SessionToken = t.take(record[slotField+6])
	c.LastSeq = number(slotField + 8)
	c.Client = t.take(record[slotField+10])
	c.CanInflate, c.CanMove = record[slotField+12]&1 != 0, record[slotField+12]&2 != 0
	return c
}

// encodePong answers a PING. Field 0 is the server time of the PING, field 1 its RTT, field 2 the
// client's time.
//
//go:wasmexport ss_pong
func encodePong() (failed uint32) {
	defer contain(&failed)
	record[slotFailed] = 0
	out = message.AppendClock(out[:0], message.KindPong, message.Clock{
		ServerTime: number(slotField),
		RTT:        number(slotField + 2),
		ClientTime: number(slotField + 4),
	})
	setBytes(slotPayload, out)
	return 0
}

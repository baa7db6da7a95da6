package client

import (
	"github.com/smartsocket/smartsocket/message"
	"github.com/smartsocket/smartsocket/pool"
)

// deflateLevel is the level of compressed payloads.
const deflateLevel = 6

// send queues and writes one message; it waits while the peer reads too slowly.
func (s *session) send(b []byte) error {
	s.t.room()
	if err := s.queue(b); err != nil {
		return err
	}
	s.t.flush()
	return nil
}

// queue puts one message, sealed if need be, behind all others and does not wait.
func (s *session) queue(b []byte) error {
	if s.ends == nil {
		return s.t.append(b)
	}
	out := pool.Get(len(b) + s.ends.Overhead())
	defer pool.Put(out)
	s.sealMu.Lock()
	defer s.sealMu.Unlock()
	out.B = s.ends.Seal(out.B, b)
	return s.t.append(out.B)
}

// pack returns the message b with its payload b[body:] compressed, in a buffer
// that the caller puts back, or b and nil when that would not be shorter.
func (s *session) pack(b []byte, body int) ([]byte, *pool.Buffer) {
	if s.threshold == 0 || len(b)-body <= s.threshold {
		return b, nil
	}
	d := pool.Get(body + (len(b)-body)/2 + 64)
	d.B = append(d.B, b[:body]...)
	out, err := pool.Deflate(d.B, b[body:], deflateLevel, false)
	if d.B = out; err != nil || len(out) >= len(b) {
		pool.Put(d)
		return b, nil
	}
	d.B[0] |= byte(message.FlagDeflated)
	return d.B, d
}

// sendPacked is send for a message whose payload begins at body.
func (s *session) sendPacked(b []byte, body int) error {
	out, d := s.pack(b, body)
	err := s.send(out)
	if d != nil {
		pool.Put(d)
	}
	return err
}

func (s *session) tooLarge(event string, n int) error {
	if s.maxSend == 0 || n <= s.maxSend {
		return nil
	}
	return &Error{Code: message.CodeTooLarge, Message: "the payload is over the server's maxMessageBytes: split it", Event: event}
}

func (s *session) sendAck(id uint64, v any) error {
	b := pool.Get(256)
	defer pool.Put(b)
	b.B = message.Append(b.B, &message.Message{Kind: message.KindAck, Flags: message.FlagAck, AckID: id})
	body := len(b.B)
	out, flags, err := appendData(b.B, v)
	if err != nil {
		return err
	}
	b.B = out
	if err := s.tooLarge("", len(out)-body); err != nil {
		return err
	}
	b.B[0] |= byte(flags)
	_ = s.sendPacked(b.B, body) // a server that is gone waits for no answer
	return nil
}

func (s *session) sendError(id uint64, e *Error) {
	b := message.Append(nil, &message.Message{Kind: message.KindError, Flags: message.FlagAck, AckID: id, Payload: message.AppendErrorJSON(nil, e)})
	if s.queue(b) == nil {
		s.t.flushLater()
	}
}

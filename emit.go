package smartsocket

import "github.com/smartsocket/smartsocket/pool"

// Emit sends an event: data nil for none, []byte for raw bytes, json.RawMessage as it is, anything
// else as JSON. data is borrowed for the call. The Delivery says whether it was queued or dropped
// (the connection is gone or the client too slow); the error is about the value: not encodable, or
// ERR_MSG_004. opts say whether it may be lost, see EmitOption.
func (s *Socket) Emit(event string, data any, opts ...EmitOption) (Delivery, error) {
	if how := s.ns.delivery(event, opts); how.lossy() {
		return s.emitLossy(event, data, how)
	}
	if s.kept == nil && !s.Connected() {
		return Delivery{Dropped: 1}, nil
	}
	b := pool.Get(256)
	var err error
	if b.B, err = s.link.Load().encodeEvent(b.B, event, 0, data); err != nil {
		pool.Put(b)
		return Delivery{Dropped: 1}, err
	}
	if !s.sendEvent(b) {
		return Delivery{Dropped: 1}, nil
	}
	return Delivery{Queued: 1}, nil
}

func (s *Socket) emitLossy(event string, data any, how EmitOption) (Delivery, error) {
	o, err := s.srv.newOutgoing(event, data)
	if err != nil {
		return Delivery{Dropped: 1}, err
	}
	defer o.release()
	o.how = how
	return o.sendAll([]*Socket{s}), nil
}

package room

import (
	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/room/state"
)

// Over is what a client is told, by the event name:over, when its room has ended or it is out.
type Over struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// outlet is where an occupied room sends.
type outlet struct {
	hall  *smartsocket.Target
	work  func() // does jobs, and the rest if woken
	jobs  []job
	woken bool

	encoder *state.Encoder // nil without a state for clients
	message []byte         // the last one of the state, to use its memory again
	shown   uint64         // the tick that was sent
}

// To selects the members whose clients are connected.
func (r *Room[S]) To() *smartsocket.Target {
	if r.out != nil {
		return r.out.hall
	}
	return r.rooms.ns.Local().To(r.hall)
}

// Emit sends an event to all members. What is sent in one turn of the room leaves in one write for
// each client when the turn ends.
func (r *Room[S]) Emit(event string, data any, opts ...smartsocket.EmitOption) (
	smartsocket.Delivery, error,
) {
	return r.To().Emit(event, data, opts...)
}

// Urgent is Emit for what must not wait until the turn ends. What waits already leaves with it.
func (r *Room[S]) Urgent(event string, data any, opts ...smartsocket.EmitOption) (
	smartsocket.Delivery, error,
) {
	d, err := r.Emit(event, data, opts...)
	r.To().Flush()
	return d, err
}

// dismiss tells a member's client that it is out of the room, and why.
func (r *Room[S]) dismiss(m *Member, why error) {
	r.sendEnd(m)
	code, sentence := told(why)
	_, _ = m.socket.Emit(r.rooms.opts.Name+":over", Over{Code: code, Message: sentence})
}

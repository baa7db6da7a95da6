package test

import (
	"errors"
	"testing"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/message"
)

// Whatever a client answers, the question is settled once: with its data, its error, or with
// ERR_ACK_002 for an error that cannot be read.
func TestAQuestionIsSettledOnce(t *testing.T) {
	v := startServer(t, Options{}, func(v *Server) { v.On("x", reply, smartsocket.Inline) })
	w := dialFull(t, v, "/")
	s := socketOf(t, v, w.id)
	for name, answer := range map[string]struct {
		kind    message.Kind
		payload string
		want    error
	}{
		"data":     {message.KindAck, `1`, nil},
		"an error": {message.KindError, `{"code":"ERR_MSG_005"}`, message.ErrInvalidNamespace},
		"a mess":   {message.KindError, `{"code":7}`, message.ErrAckInvalid},
	} {
		settled := make(chan error, 10)
		err := s.EmitAck("q", 1, 0, func(_ Data, err error) { settled <- err })
		if err != nil {
			t.Fatal(err)
		}
		w.send(frame.Binary, ackTo(w.message(), answer.kind, answer.payload))
		w.request(1, "x", "1") // behind the answer
		w.wantAck(1, "1")
		if err := <-settled; !errors.Is(err, answer.want) {
			t.Errorf("%s: %v", name, err)
		}
		if len(settled) != 0 {
			t.Errorf("%s settles the question again, with %v", name, <-settled)
		}
	}
}

package test

import (
	"errors"
	"strings"
	"testing"

	"github.com/smartsocket/smartsocket/message"
)

// Whatever way an application emits it, a reserved event is an error of the call and reaches
// nobody.
func TestReservedNamesCannotBeEmitted(t *testing.T) {
	v := startServer(t, Options{}, echoOn)
	w := dialFull(t, v, "/")
	ns := v.Namespace("/")
	eventually(t, "the socket", func() bool { return ns.Len() == 1 })
	s := ns.Socket(w.id)
	for _, name := range []string{
		"connect", "connection", "connected", "disconnect", "disconnected", "reconnecting",
		"reconnected", "error", "rate-limit", "__x", message.EventRateLimited,
	} {
		_, ofSocket := s.Emit(name, 1)
		_, ofTarget := ns.To("room").Emit(name, 1)
		_, ofNamespace := ns.Emit(name, 1)
		_, ofServer := v.Emit(name, 1)
		_, asked := s.EmitWithAck(t.Context(), name, 1)
		ofAck := s.EmitAck(name, 1, 0, func(Data, error) { t.Errorf("%s was asked", name) })
		for i, err := range []error{ofSocket, ofTarget, ofNamespace, ofServer, asked, ofAck} {
			var e *message.Error
			if !errors.As(err, &e) || e.Code != message.CodeInvalidFormat || e.Event != name ||
				!strings.Contains(e.Message, "reserved: use another, for example") {
				t.Errorf("%s, way %d: %v", name, i, err)
			}
			if name == "error" && !strings.Contains(e.Message, `"failure"`) {
				t.Errorf("no alternative in %q", e.Message)
			}
		}
	}
	w.request(1, "echo", "1") // and nothing has come before its answer
	w.wantEvent("echo", "1")
	w.wantAck(1, "1")
}

package test

import (
	"context"
	"strings"
	"testing"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/message"
)

// When all workers are held up, the statistics and the log say so, with the events that hold them.
func TestHeldUpWorkersAreVisible(t *testing.T) {
	var log logBuffer
	v, worked, release := busyServer(t, Options{Logger: log.logger()})
	dialFull(t, v, "/").emit("work", "")
	eventually(t, "the stall to be seen", func() bool {
		return v.ConnectionStats().WorkerStalls > 0
	})
	st := v.ConnectionStats()
	if st.Workers != 1 || st.WorkersBusy != 1 || st.SocketsWaiting != 1 {
		t.Errorf("%+v", st)
	}
	eventually(t, "the warning", func() bool {
		return strings.Contains(log.String(), "all workers are busy")
	})
	if text := log.String(); !strings.Contains(text, "hold:1") {
		t.Errorf("the warning does not name the event:\n%s", text)
	}
	release()
	eventually(t, "the event that waited", func() bool { return worked.Load() == 1 })
}

// Handlers that hold all workers do not keep newcomers out.
func TestHooksHaveWorkersOfTheirOwn(t *testing.T) {
	hook := func(context.Context, smartsocket.AuthRequest) (any, error) { return "who", nil }
	hold, in := make(chan struct{}), make(chan struct{})
	defer close(hold)
	v := startServer(t, Options{Workers: 1, Authenticate: hook}, func(v *Server) {
		v.On("hold", func(*Socket, Data, Ack) {
			close(in)
			<-hold
		})
	})
	first, _ := connectWith(t, v, "some key")
	first.emit("hold", "")
	<-in
	if _, m := connectWith(t, v, "some key"); m.Kind != message.KindConnectAck {
		t.Errorf("kind %d", m.Kind)
	}
}

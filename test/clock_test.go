package test

import (
	"testing"
	"time"

	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/message"
)

func TestClockOffsetOfAClient(t *testing.T) {
	v := startServer(t, Options{}, nil)
	w := dialFull(t, v, "/")
	for range 3 {
		op, p := w.next()
		k, err := message.ParseClock(p)
		if op != frame.Binary || err != nil || p[0] != byte(message.KindPing) {
			t.Fatalf("no PING but %x (%v)", p, err)
		}
		k.ClientTime = uint64(time.Now().Add(time.Hour).UnixMicro())
		w.send(frame.Binary, message.AppendClock(nil, message.KindPong, k))
	}
	s := v.Namespace("/").Socket(w.id)
	eventually(t, "three samples", func() bool { return v.Stats().Latency.Samples >= 3 })
	if off := s.ClockOffset(); (off - time.Hour).Abs() > s.RTT()+time.Minute {
		t.Errorf("the client's clock is an hour ahead, measured %v", off)
	}
	if st := v.Stats(); st.Latency.P99 < st.Latency.P50 || st.Latency.Mean <= 0 {
		t.Errorf("latency %+v", st.Latency)
	}
	// A client asks too, and gets its own time back.
	w.send(frame.Binary, message.AppendClock(nil, message.KindPing, message.Clock{ClientTime: 42}))
	_, p := w.next()
	k, err := message.ParseClock(p)
	if err != nil || p[0] != byte(message.KindPong) || k.ClientTime != 42 || k.ServerTime == 0 {
		t.Errorf("PONG %+v %v", k, err)
	}
}

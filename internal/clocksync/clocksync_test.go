package clocksync

import (
	"testing"
	"time"

	"github.com/smartsocket/smartsocket/message"
)

func TestClock(t *testing.T) {
	const limit = 30 * time.Second
	var c Clock
	for i, step := range []struct {
		ours, theirs uint64 // in the PONG
		now          int64
		want         Sample
		ok           bool
	}{
		{1000, 5000, 1100, Sample{100 * time.Microsecond, 3950, true, true}, true},
		{2000, 6000, 2300, Sample{300 * time.Microsecond, 3850, false, true}, true}, // slower
		{3000, 7000, 3050, Sample{50 * time.Microsecond, 3975, true, false}, true},  // the third
		{4000, 8000, 4050, Sample{50 * time.Microsecond, 3975, true, false}, true},  // as quick
		{5000, 9000, 4999, Sample{}, false},                                         // in the past
		{5000, 9000, 5001 + limit.Microseconds(), Sample{}, false},
		{6000, 9000, 6000, Sample{time.Microsecond, 3000, true, false}, true}, // at once
		{7000, 1000, 7002, Sample{2 * time.Microsecond, -6001, false, false}, true},
	} {
		k := message.Clock{ServerTime: step.ours, ClientTime: step.theirs}
		got, ok := c.Answer(k, step.now, limit)
		if got != step.want || ok != step.ok {
			t.Errorf("step %d: %+v, %t, want %+v", i, got, ok, step.want)
		}
	}
}

func TestAnswers(t *testing.T) {
	var c Clock
	c.Ask(1)
	c.Ask(2)
	if c.Answers(message.Clock{ServerTime: 1}) || !c.Answers(message.Clock{ServerTime: 2}) {
		t.Error("only a PONG with the last PING's time answers it")
	}
}

// However many answers come, the count of exchanges does not begin anew.
func TestRoundsDoNotWrap(t *testing.T) {
	var c Clock
	for i := range 1000 {
		s, _ := c.Answer(message.Clock{ServerTime: 1}, 2, time.Second)
		if want := i < rounds-1; s.More != want {
			t.Fatalf("after answer %d more: %t, want %t", i, s.More, want)
		}
	}
}

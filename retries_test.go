package smartsocket

import "testing"

// A client whose events are never answered makes a session remember a bounded number of them.
func TestQuestionsAreBounded(t *testing.T) {
	s := &Socket{srv: new(Server), session: new(session)}
	q := &s.session.asked
	for id := uint64(1); id <= 100_000; id++ {
		if s.repeated(id * 3) {
			t.Fatalf("id %d counts as repeated", id*3)
		}
		if n := len(q.open); n > 2*askedWindow+1 {
			t.Fatalf("%d open questions are remembered", n)
		}
	}
	q.unasked(300_000)
	if s.repeated(300_000) {
		t.Error("a refused event counts as repeated")
	}
}

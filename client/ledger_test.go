package client

import "testing"

// The newest answers are kept, up to a number and up to a sum of bytes, and the oldest give way.
func TestAnswersAreBounded(t *testing.T) {
	for _, tt := range []struct{ size, kept uint64 }{
		{1, maxAnswers},
		{maxAnswerBytes / 4, 4},
		{maxAnswerBytes/4 + 1, 3},
		{maxAnswerBytes + 1, 0},
	} {
		var a ledger
		var first, second link
		const asked = maxAnswers + 10
		for id := range uint64(asked) {
			if !a.toSend(id, make([]byte, tt.size), 0, &first) {
				t.Fatalf("answer %d of %d bytes was sent before", id, tt.size)
			}
		}
		for id := range uint64(asked) {
			kept, want := a.again(id, &second) != nil, id >= asked-tt.kept
			if kept != want {
				t.Errorf("%d bytes: whether answer %d of %d is kept: %v", tt.size, id, asked, kept)
			}
		}
		if n := uint64(a.bytes); n != tt.kept*tt.size {
			t.Errorf("%d answers of %d bytes count as %d bytes", tt.kept, tt.size, n)
		}
	}
}

package refusal

import (
	"bytes"
	"encoding/json"
	"sync/atomic"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket/internal/incoming"
	"github.com/smartsocket/smartsocket/internal/outgoing"
	"github.com/smartsocket/smartsocket/internal/ratelimit"
	"github.com/smartsocket/smartsocket/message"
)

func TestNone(t *testing.T) {
	if r := (Refusal{}); !r.None() {
		t.Error("the zero Refusal refuses")
	}
	for _, r := range []Refusal{{Follow: Silent}, {Err: ErrAckIDUsed}, Undecryptable} {
		if r.None() {
			t.Errorf("%+v is none", r)
		}
	}
}

func TestUnusable(t *testing.T) {
	large := message.New(message.CodeTooLarge, "it is")
	other := message.New(message.CodeInvalidFormat, "what is it")
	for _, c := range []struct {
		kind message.Kind
		err  *message.Error
		want Consequence
	}{
		// The sender of an event whose header is known gets its answer.
		{message.KindEvent, outgoing.ErrBadJSON, Told | Violating},
		{message.KindEvent, incoming.ErrElements, Told | Violating},
		{message.KindEvent, incoming.ErrRatio, Told | Violating},
		{message.KindAck, outgoing.ErrBadJSON, Told | Unanswered},
		{message.KindAck, incoming.ErrElements, Told | Unanswered | Fatal},
		{message.KindEvent, large, Told | Unanswered | Fatal},
		{message.KindEvent, incoming.ErrTooLarge, Told | Unanswered | Fatal},
		{message.KindEvent, other, Told | Unanswered},
	} {
		r := Unusable(&message.Message{Kind: c.kind}, c.err)
		if r.Err != c.err || r.Follow != c.want || r.Counter != nil {
			t.Errorf("kind %d, %v: %+v, want consequences %b", c.kind, c.err, r, c.want)
		}
	}
}

// Nothing that follows a record that does not open can be trusted: the client is told, without an
// ack, and the connection ends.
func TestUndecryptable(t *testing.T) {
	want := Refusal{Err: message.ErrDecryption, Follow: Told | Unanswered | Fatal}
	if r := Undecryptable; r.Err != want.Err || r.Follow != want.Follow {
		t.Errorf("%+v, want %+v", r, want)
	}
}

func TestRepeated(t *testing.T) {
	var n atomic.Int64
	for _, answer := range [][]byte{nil, []byte("kept")} {
		r := Repeated(answer, &n)
		if r.None() || r.Err != nil || r.Follow != Silent || r.Counter != &n ||
			!bytes.Equal(r.Answer, answer) || (r.Answer == nil) != (answer == nil) {
			t.Errorf("%q: %+v", answer, r)
		}
	}
}

func TestNoHandler(t *testing.T) {
	var n atomic.Int64
	r := NoHandler("move", "/game", &n)
	if r.Follow != Unasked || r.Counter != &n || r.Err.Event != "move" ||
		r.Err.Message != "no handler for this event in the namespace /game" {
		t.Errorf("%+v, %+v", r, r.Err)
	}
}

func TestOverLimit(t *testing.T) {
	var n atomic.Int64
	for _, c := range []struct {
		v     ratelimit.Verdict
		code  message.Code
		retry int64
		want  Consequence
	}{
		{ratelimit.Verdict{Over: ratelimit.OverAll, Retry: 1500 * time.Millisecond},
			message.CodeRateLimited, 1500, Unasked},
		{ratelimit.Verdict{Over: ratelimit.OverEvent, Tell: true},
			message.CodeEventRateLimited, 1, Unasked | Announced},
	} {
		r := OverLimit([]byte("move"), c.v, &n)
		if r.Err.Code != c.code || r.Err.RetryAfter != c.retry || r.Err.Event != "move" ||
			r.Follow != c.want || r.Counter != &n {
			t.Errorf("%+v: %+v, %+v", c.v, r, r.Err)
		}
	}
}

func TestNotice(t *testing.T) {
	r := OverLimit([]byte("move"), ratelimit.Verdict{Over: ratelimit.OverAll}, nil)
	got, err := json.Marshal(NoticeOf(r.Err))
	const want = `{"message":"too many requests: slow down","retryAfter":1,` +
		`"code":"ERR_RATE_001","event":"move"}`
	if err != nil || string(got) != want {
		t.Errorf("%s, %v, want %s", got, err, want)
	}
}

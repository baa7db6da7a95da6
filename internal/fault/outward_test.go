package fault

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/smartsocket/smartsocket/message"
)

func TestOutward(t *testing.T) {
	const untold = "the server does not say why"
	own := message.New("ERR_MINE", "mine")
	for name, tt := range map[string]struct {
		mapped func(error) error
		code   message.Code
		text   string
		panics int
	}{
		"nothing": {nil, message.CodeRejected, "EOF", 0},
		"same":    {func(err error) error { return err }, message.CodeRejected, "EOF", 0},
		"other":   {func(error) error { return own }, own.Code, "mine", 0},
		"hidden":  {func(error) error { return nil }, message.CodeRejected, untold, 0},
		"panics":  {func(error) error { panic("boom") }, message.CodeRejected, untold, 1},
	} {
		panics := 0
		e := Outward(io.EOF, message.CodeRejected, "e", tt.mapped, func(any) { panics++ })
		if e.Code != tt.code || e.Message != tt.text || e.Event != "e" || panics != tt.panics {
			t.Errorf("%s: %#v, %d panics", name, e, panics)
		}
	}
}

func TestEnded(t *testing.T) {
	own := &message.Error{Code: "ERR_MINE", Cause: context.Canceled}
	for _, tt := range []struct {
		err, ended error
		want       message.Code // "" for err itself
	}{
		{context.DeadlineExceeded, nil, ""},
		{io.EOF, context.Canceled, ""},
		{own, context.Canceled, ""},
		{context.Canceled, context.DeadlineExceeded, ""},
		{fmt.Errorf("asking: %w", context.DeadlineExceeded), context.DeadlineExceeded,
			message.CodeAckTimeout},
		{context.Canceled, context.Canceled, message.CodeConnectionLost},
	} {
		got := Ended(tt.err, tt.ended)
		code := message.New(tt.want, "")
		if tt.want == "" && got != tt.err ||
			tt.want != "" && (!errors.Is(got, code) || !errors.Is(got, tt.err)) {
			t.Errorf("%v after %v: %v", tt.err, tt.ended, got)
		}
	}
}

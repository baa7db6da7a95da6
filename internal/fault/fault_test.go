package fault

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/smartsocket/smartsocket/message"
)

// fragile panics when it is nil and asked for its text.
type fragile struct{ text string }

func (f *fragile) Error() string { return f.text }

// hostile panics when errors.As looks into it.
type hostile struct{ error }

func (hostile) As(any) bool { panic("hostile") }

// chameleon claims to be a *message.Error and gives a nil one.
type chameleon struct{ error }

func (chameleon) As(target any) bool {
	e, ok := target.(**message.Error)
	if ok {
		*e = nil
	}
	return ok
}

func TestWireKeepsOurErrors(t *testing.T) {
	ours := &message.Error{Code: message.CodeRateLimited, Message: "slow down", RetryAfter: 7}
	for _, err := range []error{ours, fmt.Errorf("moving: %w", ours), errors.Join(io.EOF, ours)} {
		if got := Wire(err, message.CodeHandlerFailed); got != ours {
			t.Errorf("Wire(%v) = %v, want the error inside", err, got)
		}
	}
}

func TestWireNamesTheApplicationsError(t *testing.T) {
	cause := fmt.Errorf("reading: %w", io.ErrUnexpectedEOF)
	got := Wire(cause, message.CodeRejected)
	if got.Code != message.CodeRejected || got.Message != cause.Error() || got.Cause != cause {
		t.Errorf("got %#v", got)
	}
	if !errors.Is(got, io.ErrUnexpectedEOF) || !errors.Is(got, message.ErrRejected) {
		t.Errorf("%v does not match its cause or its code", got)
	}
}

func TestWireSurvivesMistakes(t *testing.T) {
	var noError *message.Error
	var noFragile *fragile
	for name, tt := range map[string]struct {
		err  error
		want string
	}{
		"nil":                      {nil, "nil error"},
		"nil *Error":               {noError, "nil error"},
		"wrapped nil *Error":       {fmt.Errorf("lost: %w", noError), "lost: <nil>"},
		"nil pointer of a program": {noFragile, "methods panic"},
		"As panics":                {hostile{io.EOF}, "methods panic"},
		"As gives nil":             {chameleon{io.EOF}, "EOF"},
	} {
		got := Wire(tt.err, message.CodeHandlerFailed)
		if got == nil || got.Code != message.CodeHandlerFailed ||
			!strings.Contains(got.Message, tt.want) {
			t.Errorf("%s: got %#v, want a message with %q", name, got, tt.want)
		}
	}
}

func TestErrorf(t *testing.T) {
	e := Errorf(message.CodeTooLarge, "%d bytes for %q", 5, "x")
	if e.Code != message.CodeTooLarge || e.Message != `5 bytes for "x"` || e.Cause != nil {
		t.Errorf("got %#v", e)
	}
	if e := Lost("gone"); !errors.Is(e, message.ErrConnectionLost) || e.Message != "gone" {
		t.Errorf("got %#v", e)
	}
}

func TestForLogLeavesOutWhatQuotesData(t *testing.T) {
	const left = "(not logged, since it may quote the data)"
	decoder := errors.New("cannot read \"secret\"")
	marked := Quoting(decoder)
	wire := &message.Error{
		Code: message.CodeInvalidFormat, Message: "the data does not fit", Cause: marked,
	}
	for _, tt := range []struct {
		err  error
		want string
	}{
		{marked, left},
		{fmt.Errorf("reading: %w", marked), "reading: " + left},
		{fmt.Errorf("%w; again: %w", marked, marked), left + "; again: " + left},
		{errors.Join(io.EOF, marked), "EOF\n" + left},
		{wire, strings.ReplaceAll(wire.Error(), decoder.Error(), left)},
		{io.EOF, "EOF"},
	} {
		got := ForLog(tt.err)
		if got != tt.want || strings.Contains(got, "secret") {
			t.Errorf("ForLog(%q) = %q, want %q", tt.err, got, tt.want)
		}
	}
}

// The program still gets at the error and its text.
func TestQuotingHidesNothingFromTheProgram(t *testing.T) {
	cause := &fragile{"cannot read \"secret\""}
	err := Quoting(fmt.Errorf("decoding: %w", cause))
	var got *fragile
	if !errors.As(err, &got) || got != cause || !errors.Is(err, cause) {
		t.Errorf("%v does not match its cause", err)
	}
	if want := "decoding: cannot read \"secret\""; err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
}

func TestForLogSurvivesMistakes(t *testing.T) {
	var noFragile *fragile
	for name, err := range map[string]error{
		"nil":                      nil,
		"nil pointer of a program": noFragile,
		"marked":                   Quoting(noFragile),
		"As panics":                hostile{io.EOF},
	} {
		if got := ForLog(err); got != "an error whose methods panic" {
			t.Errorf("%s: got %q", name, got)
		}
	}
}

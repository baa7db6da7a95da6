package message

import (
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"unicode/utf8"
)

var sentinels = map[Code]*Error{
	CodeRefused: ErrRefused, CodeTimeout: ErrTimeout, CodeHandshakeFailed: ErrHandshakeFailed,
	CodeAuthFailed:     ErrAuthFailed,
	CodeMaxConnections: ErrMaxConnections, CodeConnectionLost: ErrConnectionLost,
	CodeInvalidFormat: ErrInvalidFormat,
	CodeDecompression: ErrDecompression, CodeDecryption: ErrDecryption, CodeTooLarge: ErrTooLarge,
	CodeInvalidNamespace: ErrInvalidNamespace,
	CodeRateLimited:      ErrRateLimited, CodeEventRateLimited: ErrEventRateLimited,
	CodeAckTimeout: ErrAckTimeout, CodeAckInvalid: ErrAckInvalid,
	CodeAckUnknown: ErrAckUnknown, CodeRejected: ErrRejected, CodeHandlerFailed: ErrHandlerFailed,
	CodeNoHandler: ErrNoHandler, CodeShuttingDown: ErrShuttingDown,
}

func TestErrorsMatchByCode(t *testing.T) {
	if len(sentinels) != 20 {
		t.Fatalf("%d codes", len(sentinels))
	}
	for code, sentinel := range sentinels {
		if sentinel.Code != code || sentinel.Message == "" {
			t.Errorf("%s: %+v", code, sentinel)
		}
		e := New(code, "other words")
		for other, s := range sentinels {
			if errors.Is(e, s) != (other == code) {
				t.Errorf("%s is %s", code, other)
			}
		}
	}
}

func TestErrorText(t *testing.T) {
	e := &Error{Code: CodeAckTimeout, Message: "no acknowledgement within 30s: raise ackTimeout",
		Event: "move", Cause: io.EOF}
	if got, want := e.Error(), "smartsocket: ERR_ACK_001 (event move): no acknowledgement within "+
		"30s: raise ackTimeout: EOF"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if !errors.Is(e, io.EOF) || errors.Is(e, io.ErrUnexpectedEOF) {
		t.Error("the cause is not found")
	}
	if got, want := New(CodeTimeout, "late").Error(),
		"smartsocket: ERR_CONN_002: late"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestErrorJSON(t *testing.T) {
	for _, want := range []Error{
		{Code: CodeRejected, Message: "no"},
		{Code: CodeRateLimited, Message: "a\"b\\c\nd\x01é", Event: "move", RetryAfter: 1500},
		{Code: "X", Message: strings.Repeat("<>&\u2028", 50)},
		{Code: "X", Details: `{"price": [5, null]}`},
		{Code: "X", Details: nested(detailsDepth)},
	} {
		e := want
		e.Cause = io.EOF // the cause is not sent
		b := AppendErrorJSON([]byte("kept"), &e)[4:]
		got, err := ParseErrorJSON(b)
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v", b, got, err)
		}
		var std struct {
			Code, Message, Event string
			RetryAfter           int64
		}
		if err := json.Unmarshal(b, &std); err != nil || std.Message != want.Message ||
			std.RetryAfter != want.RetryAfter {
			t.Errorf("%s: encoding/json reads %+v, %v", b, std, err)
		}
	}
	if got, want := string(AppendErrorJSON(nil, &Error{Code: "X", Message: "a\xffb"})),
		"{\"code\":\"X\",\"message\":\"a\ufffdb\"}"; got != want {
		t.Errorf("invalid UTF-8: %s", got)
	}
}

// Details that not every peer could read are left out, and the rest of the error arrives.
func TestErrorDetailsThatCannotBeSent(t *testing.T) {
	for _, details := range []string{"{", "1 2", "x", " ", "\"\xff\"", nested(detailsDepth + 1)} {
		e := Error{Code: "X", Message: "m", Details: details}
		if got := string(AppendErrorJSON(nil, &e)); got != `{"code":"X","message":"m"}` {
			t.Errorf("%q: %s", details, got)
		}
	}
	e := Error{Code: "X", Details: nested(detailsDepth)}
	text := AppendJSON(nil, &Message{Kind: KindError, Payload: AppendErrorJSON(nil, &e)})
	if m, err := ParseJSON(text); err != nil {
		t.Errorf("as text: %v", err)
	} else if got, err := ParseErrorJSON(m.Payload); err != nil || got != e {
		t.Errorf("as text: %v", err)
	}
}

var invalidErrorJSON = []string{
	``, `null`, `[]`, `"x"`, `{}`, `{"message":"m"}`, `{"code":""}`, `{"code":1}`, `{"code":null}`,
	`{"code":"x","message":1}`, `{"code":"x","event":[]}`,
	`{"code":"x","retryAfter":"1"}`, `{"code":"x","retryAfter":-1}`,
	`{"code":"x","retryAfter":1.5}`, `{"code":"x","retryAfter":9007199254740992}`,
	`{"code":"x","details":1,"details":1}`, `{"code":"x","details":` + nested(detailsDepth+1) + `}`,
	`{"code":"x","code":"y"}`, `{"code":"x"`, `{"code":"x"}}`, `{"code":"x",}`,
}

func TestParseErrorJSONRefuses(t *testing.T) {
	for _, text := range invalidErrorJSON {
		if e, err := ParseErrorJSON([]byte(text)); !errors.Is(err, ErrInvalidFormat) ||
			e != (Error{}) {
			t.Errorf("%s: %+v, %v", text, e, err)
		}
	}
	text := []byte(" { \"x\" : [ { } ] , \"c\\u006fde\" : \"X\\u00e9\\ud800\" , \"retryAfter\" : " +
		"5 } ")
	e, err := ParseErrorJSON(text)
	if err != nil || e.Code != "Xé\ufffd" || e.RetryAfter != 5 {
		t.Errorf("%+v, %v", e, err)
	}
	clear(text)
	if e.Code != "Xé\ufffd" {
		t.Error("the error borrows its input")
	}
}

func FuzzErrorJSON(f *testing.F) {
	for _, text := range invalidErrorJSON {
		f.Add([]byte(text))
	}
	for _, e := range sentinels {
		f.Add(AppendErrorJSON(nil, e))
	}
	f.Add([]byte(`{"code":"a\u0041","message":"\ud83d\ude00","event":"e","retryAfter":12,"x":{}}`))
	f.Add([]byte(`{"code":"X","details":{"a":[1]}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := ParseErrorJSON(b)
		if err != nil {
			if !errors.Is(err, ErrInvalidFormat) {
				t.Fatal(err)
			}
			return
		}
		var std map[string]any
		if json.Unmarshal(b, &std) != nil {
			t.Fatalf("%q was accepted", b)
		}
		if utf8.Valid(b) {
			if std["code"] != string(e.Code) || std["message"] != nil &&
				std["message"] != e.Message || std["event"] != nil && std["event"] != e.Event {
				t.Fatalf("%+v, encoding/json: %v", e, std)
			}
		}
		once := AppendErrorJSON(nil, &e)
		if !json.Valid(once) || !utf8.Valid(once) {
			t.Fatalf("%q", once)
		}
		e2, err := ParseErrorJSON(once)
		if err != nil || utf8.Valid(b) && e2 != e {
			t.Fatalf("%+v became %+v, %v", e, e2, err)
		}
	})
}

func TestCloseCodes(t *testing.T) {
	for code, want := range map[Code]struct {
		close      uint16
		reconnects bool
	}{
		CodeRefused: {1013, true}, CodeTimeout: {3001, true}, CodeHandshakeFailed: {1002, false},
		CodeAuthFailed:     {3500, false},
		CodeMaxConnections: {1013, true}, CodeConnectionLost: {1001, true},
		CodeInvalidFormat: {1008, false}, CodeDecompression: {1007, true},
		CodeDecryption: {3502, false}, CodeTooLarge: {1009, true},
		CodeInvalidNamespace: {3501, false}, CodeRateLimited: {1008, false},
		CodeEventRateLimited: {1008, false}, CodeAckTimeout: {1011, true},
		CodeAckInvalid: {1008, false}, CodeAckUnknown: {1008, false},
		CodeRejected: {1008, false}, CodeHandlerFailed: {1011, true}, CodeNoHandler: {1011, true},
		CodeShuttingDown: {1001, true}, "ERR_X": {1011, true},
	} {
		if got := CloseCodeFor(code); got != want.close || Reconnects(got) != want.reconnects {
			t.Errorf("%s: %d, reconnects %v", code, got, Reconnects(got))
		}
	}
	for code, want := range map[uint16]bool{1000: true, 1001: true, 1002: false, 1005: true,
		1006: true, 1008: false, 1012: true, 3000: true, 3499: true, 3500: false, 3503: false,
		3504: false, 3999: false, 4000: true} {
		if Reconnects(code) != want {
			t.Errorf("Reconnects(%d) = %v", code, !want)
		}
	}
}

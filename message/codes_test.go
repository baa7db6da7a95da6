package message

import (
	"errors"
	"strings"
	"sync"
	"testing"
)

// The error of a code is found by its code, on this end and on the other.
func TestNewCode(t *testing.T) {
	gold := NewCode("TEST_NO_GOLD", "not enough gold")
	if gold.Code != "TEST_NO_GOLD" || gold.Message != "not enough gold" {
		t.Errorf("got %+v", gold)
	}
	there, err := ParseErrorJSON(AppendErrorJSON(nil, gold))
	if err != nil || !errors.Is(&there, gold) || there.Message != gold.Message {
		t.Errorf("the other end has %+v, %v", there, err)
	}
	if other := NewCode("TEST_NO_WOOD", "not enough gold"); errors.Is(&there, other) {
		t.Errorf("%v is %v", &there, other)
	}
	if NewCode("TEST_NO_GOLD", "not enough gold") != gold {
		t.Error("the same code and sentence are another error")
	}
	for _, code := range []Code{"a", "E", "error", "errand.lost", "shop.no-gold_2",
		Code("X" + strings.Repeat("9", maxCode-1))} {
		if e := NewCode(code, "s"); e.Code != code {
			t.Errorf("%s: got %+v", code, e)
		}
	}
}

func TestNewCodeRefuses(t *testing.T) {
	NewCode("TEST_TAKEN", "one")
	for _, tt := range []struct{ code, sentence, want string }{
		{"ERR_MSG_001", "s", `"ERR_MSG_001" looks like one of SmartSocket's own: begin with`},
		{"ERR_SHOP", "s", "SmartSocket's own"},
		{"err_shop", "s", "SmartSocket's own"},
		{"Err-shop", "s", "SmartSocket's own"},
		{"ERR.shop", "s", "SmartSocket's own"},
		{"ERR9", "s", "SmartSocket's own"},
		{"ERR", "s", "SmartSocket's own"},
		{"", "s", `"" is none: use 1 to 64 letters`},
		{"9LIVES", "s", "with a letter first"},
		{"_A", "s", "with a letter first"},
		{"NO GOLD", "s", "is none"},
		{"NÖ", "s", "is none"},
		{"A\n", "s", "is none"},
		{strings.Repeat("X", maxCode+1), "s", "is none"},
		{"TEST_TAKEN", "two", `TEST_TAKEN exists and says "one", not "two": declare it once`},
	} {
		func() {
			defer func() {
				text, _ := recover().(string)
				if !strings.HasPrefix(text, "smartsocket: the code ") ||
					!strings.Contains(text, tt.want) || len(text) > 300 {
					t.Errorf("%q: it panics with %q, want %q", tt.code, text, tt.want)
				}
			}()
			t.Errorf("%q is made: %v", tt.code, NewCode(Code(tt.code), tt.sentence))
		}()
	}
	if e := NewCode("TEST_TAKEN", "one"); e.Message != "one" {
		t.Errorf("the first one has become %v", e)
	}
}

// Packages are initialised one after the other, but tests and plugins need not be.
func TestNewCodeConcurrently(t *testing.T) {
	var wg sync.WaitGroup
	made := make([]*Error, 8)
	for i := range made {
		wg.Go(func() { made[i] = NewCode("TEST_RACED", "at once") })
	}
	wg.Wait()
	for _, e := range made {
		if e == nil || e != made[0] {
			t.Errorf("got %v and %v", e, made[0])
		}
	}
}

package fault

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/smartsocket/smartsocket/message"
)

type price struct {
	Item string `json:"item"`
	Cost int    `json:"cost"`
}

func TestDetails(t *testing.T) {
	ours := &message.Error{Code: "ERR_SHOP_001", Message: "too poor", RetryAfter: 7}
	e := WithDetails(fmt.Errorf("buying: %w", ours), message.CodeHandlerFailed, price{"<axe>", 5})
	if e == ours || ours.Details != "" {
		t.Error("the error itself was changed")
	}
	if e.Details != `{"item":"<axe>","cost":5}` || e.Code != ours.Code || e.RetryAfter != 7 {
		t.Errorf("got %#v", e)
	}
	if v, ok := DetailsOf[price](fmt.Errorf("asking: %w", e)); !ok || v != (price{"<axe>", 5}) {
		t.Errorf("decoded as %v, %v", v, ok)
	}
	raw := WithDetails(io.EOF, message.CodeHandlerFailed, json.RawMessage(`[1]`))
	if v, ok := DetailsOf[[]int](raw); !ok || len(v) != 1 || !errors.Is(raw, io.EOF) {
		t.Errorf("of raw JSON: %v, %v", v, ok)
	}
}

func TestDetailsThatAreNone(t *testing.T) {
	bad := WithDetails(io.EOF, message.CodeHandlerFailed, func() {})
	if bad.Details != "" || bad.Message != "EOF" || !errors.Is(bad, io.EOF) ||
		bad.Cause.Error() == "EOF" {
		t.Errorf("of what is no JSON: %#v", bad)
	}
	for name, err := range map[string]error{
		"nil": nil, "no error of ours": io.EOF, "no details": bad, "As panics": hostile{io.EOF},
		"of another type": &message.Error{Details: `{"item":5}`},
		"no JSON":         &message.Error{Details: `{`},
	} {
		if v, ok := DetailsOf[price](err); ok || v != (price{}) {
			t.Errorf("%s: %v, %v", name, v, ok)
		}
	}
}

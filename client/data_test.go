package client

import (
	"encoding/json"
	"testing"

	"github.com/smartsocket/smartsocket/message"
)

// What is sent arrives as what it was: bytes as bytes, text as text, and received data as it came.
func TestPayloadsOfValues(t *testing.T) {
	for _, x := range []struct {
		v     any
		want  string
		flags message.Flags
	}{
		{nil, "", 0},
		{[]byte{1, 2}, "\x01\x02", message.FlagBinary},
		{json.RawMessage(`{"a":1}`), `{"a":1}`, 0},
		{json.RawMessage(nil), "", 0},
		{Data{b: []byte{3, 4}, binary: true}, "\x03\x04", message.FlagBinary},
		{Data{b: []byte(`[1]`)}, `[1]`, 0},
		{[]int{1, 2}, "[1,2]", 0},
	} {
		got, flags, err := appendData([]byte("before "), x.v)
		if err != nil || string(got) != "before "+x.want || flags != x.flags {
			t.Errorf("%#v became %q with flags %v, %v", x.v, got, flags, err)
		}
	}
	for _, v := range []any{json.RawMessage("{"), func() {}} {
		if got, _, err := appendData([]byte("before "), v); err == nil || string(got) != "before " {
			t.Errorf("%#v became %q, %v", v, got, err)
		}
	}
}

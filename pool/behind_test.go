//go:build !js

package pool

import (
	"errors"
	"strings"
	"testing"
)

// Nothing may stand behind the final block, however long it is, and a block may not take what
// stands for the end of the message for its own data.
func TestInflateNothingBehindTheFinalBlock(t *testing.T) {
	const final = "\xf3\x48\xcd\xc9\xc9\x07\x00" // "Hello"
	for n := 1; n < 40; n++ {
		for _, c := range []string{"\x00", "\xff", "\x01", "g"} {
			in := []byte(final + strings.Repeat(c, n))
			if got, err := Inflate(nil, in, 1000, false); !errors.Is(err, ErrCorrupt) {
				t.Errorf("%d bytes %q behind: %q, %v", n, c, got, err)
			}
			agree(t, in, 1000, false)
			agree(t, in, 1000, true)
		}
		in := []byte(final + string(flateTail[:min(n, len(flateTail))]))
		if got, err := Inflate(nil, in, 1000, false); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%d bytes of the tail behind: %q, %v", n, got, err)
		}
	}
	whole, err := Deflate(nil, noise(100), 1, false)
	if err != nil {
		t.Fatal(err)
	}
	for _, second := range []string{final, string(whole)} {
		got, err := Inflate(nil, []byte(final+second), 1000, false)
		if !errors.Is(err, ErrCorrupt) {
			t.Errorf("a second stream behind: %d bytes, %v", len(got), err)
		}
	}
	for missing := 1; missing < len(flateTail); missing++ {
		for _, first := range []string{"\x00", "\x01"} { // not final, final
			if missing == 4 && first == "\x00" {
				continue // RFC 7692 lets a block take the flush that is appended
			}
			in := []byte(first + "\x0a\x00\xf5\xff" + strings.Repeat("x", 10-missing))
			if got, err := Inflate(nil, in, 1000, true); !errors.Is(err, ErrCorrupt) {
				t.Errorf("a stored block lacks %d bytes: %q, %v", missing, got, err)
			}
			agree(t, in, 1000, true)
		}
	}
}

package token

import (
	"strings"
	"testing"
	"time"
)

var (
	key = []byte("a key for tests, of 32 bytes or more")
	now = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
)

func TestVerify(t *testing.T) {
	want := Claims{Subject: "p1", Name: "Alice", Admin: true, Expires: now.Unix() + 60}
	signed := Sign(key, want)
	if got, err := Verify(key, signed, now); err != nil || got != want {
		t.Errorf("%+v, %v, want %+v", got, err, want)
	}
	parts := strings.Split(signed, ".")
	other := strings.Split(Sign(key, Claims{Subject: "p2", Expires: want.Expires}), ".")
	const none = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0"          // {"alg":"none","typ":"JWT"}
	hs512 := "eyJhbGciOiJIUzUxMiIsInR5cCI6IkpXVCJ9." + parts[1] // {"alg":"HS512","typ":"JWT"}
	for what, bad := range map[string]string{
		"nothing":         "",
		"two dots":        "..",
		"header alone":    header + ".",
		"no signature":    parts[0] + "." + parts[1] + ".",
		"alg none":        none + "." + parts[1] + ".",
		"another header":  none + "." + parts[1] + "." + parts[2],
		"alg HS512":       hs512 + "." + encoding.EncodeToString(sum(key, hs512)),
		"another payload": parts[0] + "." + other[1] + "." + parts[2],
		"another key":     Sign([]byte("another key, of 32 bytes or more…"), want),
		"longer":          signed + "AA",
		"no subject":      Sign(key, Claims{Expires: want.Expires}),
		"no end":          Sign(key, Claims{Subject: "p1"}),
	} {
		if c, err := Verify(key, bad, now); err != ErrInvalid {
			t.Errorf("%s: %+v, %v", what, c, err)
		}
	}
	short := key[:31]
	if _, err := Verify(short, Sign(short, want), now); err != ErrInvalid {
		t.Errorf("a short key: %v", err)
	}
	if _, err := Verify(key, signed, want.End()); err != ErrInvalid {
		t.Errorf("an expired token: %v", err)
	}
}

// A token that was made by another implementation, Python's hmac.
func TestForeignToken(t *testing.T) {
	const foreign = header + ".eyJzdWIiOiJwMSIsIm5hbWUiOiJBbGljZSIsImV4cCI6MTgwMDAwMDAwMH0." +
		"565Ybj0RySRCjRUXYGPj3yUTGcoROxy3R-Q1m-w9-CQ"
	c, err := Verify([]byte("0123456789abcdef0123456789abcdef"), foreign, now)
	if err != nil || c.Subject != "p1" || c.Name != "Alice" {
		t.Errorf("%+v, %v", c, err)
	}
}

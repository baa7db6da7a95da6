//go:build linux || darwin

package socketpair

import (
	"io"
	"testing"
)

func TestNew(t *testing.T) {
	a, b, err := New()
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	for from, to := range map[io.Writer]io.Reader{a: b, b: a} {
		if _, err := from.Write([]byte("hello")); err != nil {
			t.Fatal(err)
		}
		p := make([]byte, 5)
		if _, err := io.ReadFull(to, p); err != nil || string(p) != "hello" {
			t.Fatalf("%q, %v", p, err)
		}
	}
	b.Close()
	if _, err := a.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("the end of a pair whose other end is closed: %v", err)
	}
}

//go:build !js

package message

import "testing"

func BenchmarkMarshal(b *testing.B) {
	v := inner{ID: 5, Name: "player one", X: 1.25}
	var out []byte
	for name, f := range map[string]func([]byte, any) ([]byte, error){CodecName(): Marshal,
		"standard": stdMarshal} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				out, _ = f(out[:0], &v)
			}
		})
	}
}

func BenchmarkUnmarshal(b *testing.B) {
	in := []byte(`{"id":5,"name":"player one","x":1.25}`)
	for name, f := range map[string]func([]byte, any) error{CodecName(): Unmarshal,
		"standard": stdUnmarshal} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			var v inner
			for b.Loop() {
				_ = f(in, &v)
			}
		})
	}
}

package crypto

import (
	"fmt"
	"testing"
)

func BenchmarkSealOpen(b *testing.B) {
	for _, alg := range algorithms {
		for _, n := range []int{100, 1024, 16384} {
			b.Run(fmt.Sprintf("%v/%d", alg, n), func(b *testing.B) {
				h := Handshake{Algorithm: alg, ClientRandom: make([]byte, RandomSize),
					ServerRandom: make([]byte, RandomSize)}
				cs, _, err := h.ClientEnd(&Key{})
				if err != nil {
					b.Fatal(err)
				}
				_, so, err := h.ServerEnd(&Key{})
				if err != nil {
					b.Fatal(err)
				}
				plain, buf := make([]byte, n), make([]byte, 0, n+64)
				b.SetBytes(int64(n))
				b.ReportAllocs()
				for b.Loop() {
					if _, err := so.Open(cs.Seal(buf, 15, plain)); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

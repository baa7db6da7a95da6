package frame

import (
	"bytes"
	"fmt"
	"testing"
)

// BenchmarkParse parses whole frames as one read brings them. The parser unmasks in place, so every
// second round sees the payload masked. The key keeps that ASCII too.
func BenchmarkParse(b *testing.B) {
	for _, s := range []side{{false}, {true}} {
		for _, kind := range []Opcode{Text, Binary} {
			for _, n := range []int{20, 512, 16 << 10} {
				name := fmt.Sprintf("%s/%s/%d",
					map[bool]string{false: "server", true: "client"}[s.client],
					map[Opcode]string{Text: "text", Binary: "binary"}[kind], n)
				b.Run(name, func(b *testing.B) {
					cfg := &Config{Client: s.client, MaxMessage: 1 << 20}
					in := s.frame(bitFin|byte(kind), string(bytes.Repeat([]byte("a"), n)))
					if !s.client {
						in = AppendMaskedFrame(nil, kind, false, bytes.Repeat([]byte("a"), n),
							[4]byte{1, 1, 1, 1})
					}
					var ps Parser
					b.SetBytes(int64(n))
					for b.Loop() {
						for p, ok := in, true; ok; {
							var err error
							if _, p, ok, err = ps.Feed(cfg, p); err != nil {
								b.Fatal(err)
							}
						}
					}
				})
			}
		}
	}
}

// BenchmarkParseBurst parses sixteen small messages from one read.
func BenchmarkParseBurst(b *testing.B) {
	cfg := &Config{MaxMessage: 1 << 20}
	in := bytes.Repeat(AppendMaskedFrame(nil, Text, false, bytes.Repeat([]byte("a"), 20),
		[4]byte{1, 1, 1, 1}), 16)
	var ps Parser
	b.SetBytes(int64(len(in)))
	for b.Loop() {
		for p, ok := in, true; ok; {
			_, p, ok, _ = ps.Feed(cfg, p)
		}
	}
}

// BenchmarkParseSplit parses a message of 64 KiB that comes in reads of 16 KiB and is assembled.
func BenchmarkParseSplit(b *testing.B) {
	cfg := &Config{MaxMessage: 1 << 20}
	in := AppendMaskedFrame(nil, Binary, false, make([]byte, 64<<10), testKey)
	var ps Parser
	b.SetBytes(int64(len(in)))
	b.ReportAllocs()
	for b.Loop() {
		for from := 0; from < len(in); from += 16 << 10 {
			for p, ok := in[from:min(len(in), from+16<<10)], true; ok; {
				_, p, ok, _ = ps.Feed(cfg, p)
			}
		}
	}
}

func BenchmarkMask(b *testing.B) {
	for _, n := range []int{20, 125, 512, 2048, 4095, 4096, 16 << 10, 64 << 10} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			p := make([]byte, n)
			b.SetBytes(int64(n))
			for b.Loop() {
				Mask(p, testKey, 1)
			}
		})
	}
}

func BenchmarkAppendMaskedFrame(b *testing.B) {
	for _, n := range []int{20, 512, 16 << 10} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			p, dst := make([]byte, n), make([]byte, 0, n+maxHeader)
			b.SetBytes(int64(n))
			for b.Loop() {
				AppendMaskedFrame(dst, Binary, false, p, testKey)
			}
		})
	}
}

func BenchmarkHandshake(b *testing.B) {
	head, dst := []byte(goodRequest), make([]byte, 0, 1024)
	b.SetBytes(int64(len(head)))
	b.ReportAllocs()
	for b.Loop() {
		n, _, _ := ScanHead(head, 0)
		r, err := ParseRequest(head[:n])
		if err != nil {
			b.Fatal(err)
		}
		answer, _ := NegotiateDeflate(r.Extensions)
		AppendResponse(dst, &r, "smartsocket.v1", answer)
	}
}

// BenchmarkParseByteByByte parses a mebibyte of text that comes one byte at a time. The cost of a
// byte must not depend on how many came before.
func BenchmarkParseByteByByte(b *testing.B) {
	for _, n := range []int{1 << 10, 1 << 15, 1 << 20} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			cfg := &Config{MaxMessage: 1 << 20}
			in := AppendMaskedFrame(nil, Text, false, bytes.Repeat([]byte("é"), n/2), testKey)
			var ps Parser
			b.SetBytes(int64(n))
			for b.Loop() {
				for i := range in {
					for p, ok := in[i:i+1:i+1], true; ok; {
						_, p, ok, _ = ps.Feed(cfg, p)
					}
				}
			}
		})
	}
}

package tinyflate

import (
	"bytes"
	"compress/flate"
	"io"
	"testing"
)

// bitWriter writes bits as DEFLATE orders them (RFC 1951 section 3.1.1).
type bitWriter struct {
	b []byte
	n uint
}

// bits writes the low n bits of v, least significant first.
func (w *bitWriter) bits(v uint32, n uint) {
	for i := range n {
		if w.n&7 == 0 {
			w.b = append(w.b, 0)
		}
		w.b[len(w.b)-1] |= byte(v>>i&1) << (w.n & 7)
		w.n++
	}
}

// code writes a Huffman code, most significant bit first.
func (w *bitWriter) code(v uint32, n uint) {
	for i := range n {
		w.bits(v>>(n-1-i), 1)
	}
}

// dynamic writes the header of a final dynamic block. Every code length is written with four bits,
// unless spoil changes the lengths of the code for code lengths.
func (w *bitWriter) dynamic(literals, distances []uint8, spoil func(*[19]uint32)) {
	w.bits(1|2<<1, 3)
	w.bits(uint32(len(literals)-257), 5)
	w.bits(uint32(len(distances)-1), 5)
	w.bits(15, 4)
	var lengths [19]uint32
	for i := range 16 { // 0 to 15 have four bits each; nothing is repeated
		lengths[i] = 4
	}
	if spoil != nil {
		spoil(&lengths)
	}
	for _, i := range codeOrder {
		w.bits(lengths[i], 3)
	}
	for _, l := range append(bytes.Clone(literals), distances...) {
		w.code(uint32(l), 4)
	}
}

// lengths returns n code lengths, of which some are not 0.
func lengths(n int, set map[int]uint8) []uint8 {
	l := make([]uint8, n)
	for i, v := range set {
		l[i] = v
	}
	return l
}

// A set of code lengths that is no prefix code is refused, wherever it stands, also if the block
// before left a good one behind. So is a symbol that stands for nothing.
func TestOnlyPrefixCodes(t *testing.T) {
	good := lengths(257, map[int]uint8{'a': 1, 256: 1})
	none := []uint8{0}
	for _, c := range []struct {
		name  string
		valid bool
		write func(w *bitWriter)
	}{
		{"good", true, func(w *bitWriter) { w.dynamic(good, none, nil); w.bits(0b10, 2) }},
		{"code lengths: too many codes", false, func(w *bitWriter) {
			w.dynamic(good, none, func(l *[19]uint32) { l[16] = 4 })
			w.bits(0b10, 2)
		}},
		{"code lengths: too few codes", false, func(w *bitWriter) {
			w.dynamic(good, none, func(l *[19]uint32) { l[15] = 0 })
			w.bits(0b10, 2)
		}},
		{"literals: too many codes", false, func(w *bitWriter) {
			w.dynamic(lengths(257, map[int]uint8{'a': 1, 'b': 1, 256: 1}), none, nil)
			w.bits(0b10, 2)
		}},
		{"literals: too few codes", false, func(w *bitWriter) {
			w.dynamic(lengths(257, map[int]uint8{'a': 2, 256: 2}), none, nil)
			w.bits(0b10, 2)
			w.bits(0, 14)
		}},
		{"distances: too many codes", false, func(w *bitWriter) {
			w.dynamic(good, []uint8{1, 1, 1}, nil)
			w.bits(0b10, 2)
		}},
		{"distances: too few codes", false, func(w *bitWriter) {
			w.dynamic(good, []uint8{2, 2, 2}, nil)
			w.bits(0b10, 2)
		}},
		{"as many as there may be", true, func(w *bitWriter) {
			w.dynamic(append(good, make([]uint8, 29)...), make([]uint8, 30), nil)
			w.bits(0b10, 2)
		}},
		{"287 literals and lengths", false, func(w *bitWriter) {
			w.dynamic(append(good, make([]uint8, 30)...), none, nil)
			w.bits(0b10, 2)
		}},
		{"31 distances", false, func(w *bitWriter) {
			w.dynamic(good, make([]uint8, 31), nil)
			w.bits(0b10, 2)
		}},
		{"a match without distances", false, func(w *bitWriter) {
			w.dynamic(lengths(258, map[int]uint8{'a': 1, 256: 2, 257: 2}), none, nil)
			w.code(0, 1)
			w.code(3, 2)
			w.code(2, 2)
		}},
		{"fixed: distance 29", true, func(w *bitWriter) {
			w.bits(1|1<<1, 3)
			w.code(1, 7) // length 3
			w.code(29, 5)
			w.bits(0, 13)
			w.code(0, 7)
		}},
		{"fixed: distance 30", false, func(w *bitWriter) {
			w.bits(1|1<<1, 3)
			w.code(1, 7)
			w.code(30, 5)
			w.bits(0, 14)
			w.code(0, 7)
		}},
		{"fixed: distance 31", false, func(w *bitWriter) {
			w.bits(1|1<<1, 3)
			w.code(1, 7)
			w.code(31, 5)
			w.bits(0, 14)
			w.code(0, 7)
		}},
		{"fixed: length 286", false, func(w *bitWriter) {
			w.bits(1|1<<1, 3)
			w.code(0b11000110, 8)
			w.code(0, 5)
			w.code(0, 7)
		}},
	} {
		var w bitWriter
		// 70 000 bytes, so that any distance is in reach, and a good dynamic block.
		for _, n := range []int{65535, 4465} {
			w.bits(0, 3)
			for w.n&7 != 0 {
				w.bits(0, 1)
			}
			w.bits(uint32(n)|uint32(n^0xffff)<<16, 32)
			w.b, w.n = append(w.b, make([]byte, n)...), w.n+uint(8*n)
		}
		start := w.n
		w.dynamic(good, none, nil)
		w.b[start/8] &^= 1 << (start & 7) // not final
		w.bits(0b10, 2)
		c.write(&w)
		out, status := Inflate(nil, w.b, 1<<20, false)
		if (status == OK) != c.valid {
			t.Errorf("%s: status %d, %d bytes", c.name, status, len(out))
		}
		std, err := io.ReadAll(flate.NewReader(bytes.NewReader(w.b)))
		if (err == nil) != c.valid || c.valid && !bytes.Equal(std, out) {
			t.Errorf("%s: the standard library says %v", c.name, err)
		}
	}
}

// What is cut anywhere is refused, and what is whole comes back as the standard library reads it.
func TestEveryCutIsRefused(t *testing.T) {
	src := bytes.Repeat([]byte("players move in the meadow, "), 40)
	for i := range src {
		src[i] ^= byte(i * i >> 7 & 3)
	}
	for _, level := range []int{flate.HuffmanOnly, flate.NoCompression, 1, 6, 9} {
		var b bytes.Buffer
		zw, err := flate.NewWriter(&b, level)
		if err != nil {
			t.Fatal(err)
		}
		zw.Write(src)
		zw.Close()
		out, status := Inflate(nil, b.Bytes(), len(src), false)
		if status != OK || !bytes.Equal(out, src) {
			t.Errorf("level %d: status %d", level, status)
		}
		for cut := range b.Len() {
			if _, status := Inflate(nil, b.Bytes()[:cut], len(src), false); status != Corrupt {
				t.Errorf("level %d cut to %d of %d bytes: status %d", level, cut, b.Len(), status)
			}
		}
	}
}

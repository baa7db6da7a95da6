package tinyflate

import (
	"bytes"
	"testing"
)

// The table of RFC 1951 section 3.2.5, copied by hand as far as the RFC prints it.
func TestLengthAndDistanceCodes(t *testing.T) {
	for _, c := range []struct{ length, code, extra int }{
		{3, 0, 0}, {10, 7, 0}, {11, 8, 1}, {12, 8, 1}, {13, 9, 1}, {18, 11, 1}, {19, 12, 2},
		{34, 15, 2}, {35, 16, 3}, {66, 19, 3}, {67, 20, 4}, {130, 23, 4}, {131, 24, 5},
		{227, 27, 5}, {257, 27, 5}, {258, 28, 0},
	} {
		if code, extra, _ := lengthCode(c.length); code != c.code || extra != c.extra {
			t.Errorf("length %d: code %d with %d bits", c.length, code, extra)
		}
	}
	for _, c := range []struct{ distance, code, extra int }{
		{1, 0, 0}, {4, 3, 0}, {5, 4, 1}, {7, 5, 1}, {9, 6, 2}, {193, 15, 6}, {257, 16, 7},
		{1025, 20, 9}, {8193, 26, 12}, {24577, 29, 13}, {32768, 29, 13},
	} {
		if code, extra, _ := distanceCode(c.distance); code != c.code || extra != c.extra {
			t.Errorf("distance %d: code %d with %d bits", c.distance, code, extra)
		}
	}
	for length := 3; length <= 258; length++ {
		code, extra, value := lengthCode(length)
		if base, n := lengthBase(code); n != extra || base+int(value) != length {
			t.Errorf("length %d comes back as %d+%d", length, base, value)
		}
	}
	for distance := 1; distance <= 32768; distance++ {
		code, extra, value := distanceCode(distance)
		if base, n := distanceBase(code); n != extra || base+int(value) != distance {
			t.Fatalf("distance %d comes back as %d+%d", distance, base, value)
		}
	}
}

// Frequencies like Fibonacci numbers make the deepest possible tree.
func TestBuildKeepsToTheLongestCode(t *testing.T) {
	for _, most := range []int{7, 15} {
		var c code
		c.reset(19)
		a, b := uint32(1), uint32(1)
		for i := range 19 {
			c.frequency[i] = a
			a, b = b, a+b
		}
		c.build(most)
		kraft := 0
		for i, l := range c.lengths[:19] {
			if l == 0 || int(l) > most {
				t.Errorf("symbol %d has %d bits", i, l)
			}
			kraft += 1 << (most - int(l))
		}
		if kraft != 1<<most {
			t.Errorf("at most %d bits: the code fills %d of %d", most, kraft, 1<<most)
		}
		var h huffman
		if !h.init(c.lengths[:19]) {
			t.Error("the decoder refuses the code")
		}
	}
}

func TestOverlappingMatches(t *testing.T) {
	for n := range 300 {
		src := append([]byte("ab"), bytes.Repeat([]byte("c"), n)...)
		src = append(src, src...)
		got, status := Inflate(nil, Deflate(nil, src, 9, true), len(src), true)
		if status != OK || !bytes.Equal(got, src) {
			t.Fatalf("%d: status %d", n, status)
		}
	}
}

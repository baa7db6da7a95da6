//go:build !js

package pool

import (
	"bytes"
	stdflate "compress/flate"
	"errors"
	"io"
	"testing"

	"github.com/smartsocket/smartsocket/pool/tinyflate"
)

// bitWriter writes bits as DEFLATE orders them, least significant first (RFC 1951 section 3.1.1).
type bitWriter struct {
	b   []byte
	acc uint64
	n   uint
}

func (w *bitWriter) bits(v uint64, n uint) {
	w.acc |= v << w.n
	for w.n += n; w.n >= 8; w.n -= 8 {
		w.b = append(w.b, byte(w.acc))
		w.acc >>= 8
	}
}

// emptyBlock writes a dynamic block of 92 bits without data.
func (w *bitWriter) emptyBlock(final uint64) {
	w.bits(final|2<<1, 3)     // BFINAL, BTYPE
	w.bits(0|0<<5|14<<10, 14) // 257 literals, 1 distance, 18 code lengths
	for i := range uint(18) { // in the order 16, 17, 18, 0, …, 1
		length := map[uint]uint64{2: 1, 3: 2, 17: 2}[i] // 18 has one bit; 0 and 1 have two
		w.bits(length, 3)
	}
	w.bits(0, 1)
	w.bits(138-11, 7) // 138 zeros
	w.bits(0, 1)
	w.bits(118-11, 7) // 118 zeros
	w.bits(3, 2)      // the end of the block has one bit
	w.bits(1, 2)      // no distance
	w.bits(0, 1)      // the end of the block
}

func emptyBlocks(n int) []byte {
	var w bitWriter
	for range n - 1 {
		w.emptyBlock(0)
	}
	w.emptyBlock(1)
	w.bits(0, 7)
	return w.b
}

// A stream of blocks without data costs 40 times as much per byte as data does. A large one is
// refused after a few blocks. Small ones are valid, and so are the blocks of any compressor.
func TestFloodOfDynamicBlocksIsRefused(t *testing.T) {
	small := emptyBlocks(60)
	if out, err := io.ReadAll(stdflate.NewReader(bytes.NewReader(small))); err != nil ||
		len(out) != 0 {
		t.Fatalf("the blocks of this test are wrong: %d bytes, %v", len(out), err)
	}
	if out, err := Inflate(nil, small, 100, false); err != nil || len(out) != 0 {
		t.Errorf("60 blocks: %d bytes, %v", len(out), err)
	}
	few := emptyBlocks(18)
	if _, status := tinyflate.Inflate(nil, few, 100, false); status != tinyflate.OK {
		t.Errorf("18 blocks: status %v", status)
	}
	for _, tail := range []bool{false, true} {
		large := emptyBlocks(1 << 16)
		if _, err := Inflate(nil, large, 1<<20, tail); !errors.Is(err, ErrCorrupt) {
			t.Errorf("65 536 blocks, tail %v: %v", tail, err)
		}
		// Output in front does not buy blocks.
		var w bitWriter
		data, _ := Deflate(nil, make([]byte, 1<<20), 9, true)
		w.b = append(append(w.b, data...), 0, 0, 0xff, 0xff)
		for range 1 << 16 {
			w.emptyBlock(0)
		}
		if _, err := Inflate(nil, w.b, 4<<20, tail); !errors.Is(err, ErrCorrupt) {
			t.Errorf("a megabyte and 65 536 blocks, tail %v: %v", tail, err)
		}
	}
}

// How many blocks a message can have is what bounds the time that it takes: the largest one less
// than three times as many as one of a megabyte, whatever they are filled with.
func TestBlocksOfAMessageAreLimited(t *testing.T) {
	filled := func(n, fill int) []byte { // each block is followed by a stored one of fill bytes
		var w bitWriter
		for range n {
			w.emptyBlock(0)
			w.bits(0, 3)
			w.bits(0, (8-w.n)&7)
			w.b = append(w.b, byte(fill), byte(fill>>8), ^byte(fill), ^byte(fill>>8))
			w.b = append(w.b, make([]byte, fill)...)
		}
		w.emptyBlock(1)
		w.bits(0, 7)
		return w.b
	}
	for _, x := range []struct {
		blocks, fill int
		ok           bool
	}{
		{600, 85, true}, {600, 70, false}, {8000, 85, true}, {20_000, 85, false},
		{22_000, 700, true}, {24_000, 600, false},
	} {
		src := filled(x.blocks, x.fill)
		out, err := Inflate(nil, src, 1<<24, false)
		if x.ok && (err != nil || len(out) != x.blocks*x.fill) || !x.ok && err != ErrCorrupt {
			t.Errorf("%d blocks in %d bytes: %d bytes, %v", x.blocks, len(src), len(out), err)
		}
	}
}

// A stream of blocks with fixed codes, or of stored blocks, is refused if they are shorter than any
// compressor makes them that flushes after each byte.
func TestFloodOfPlainBlocksIsRefused(t *testing.T) {
	var fixed, flushed bitWriter
	for range 1 << 16 {
		fixed.bits(1<<1, 10) // BTYPE and the end of the block
		flushed.bits(1<<1, 3)
		flushed.bits(0x0c, 8) // the literal 0, whose code is 00110000
		flushed.bits(0, 7)
		flushed.bits(0, 3)
		flushed.bits(0, (8-flushed.n)&7)
		flushed.bits(0xffff0000, 32)
	}
	fixed.bits(1|1<<1, 10+7)
	flushed.bits(1|1<<1, 10+7)
	if _, err := Inflate(nil, fixed.b, 1<<20, false); err != ErrCorrupt {
		t.Errorf("empty blocks: %v", err)
	}
	out, err := Inflate(nil, flushed.b, 1<<20, false)
	if err != nil || !bytes.Equal(out, make([]byte, 1<<16)) {
		t.Errorf("a flush after each byte: %d bytes, %v", len(out), err)
	}
}

// What inflating costs grows with input and output, and small messages cost most per byte.
func TestInflateCost(t *testing.T) {
	for _, x := range []struct{ n, out, want int }{
		{10, 1000, 1000}, {10, 0, 400}, {1 << 10, 0, 40 << 10}, {2 << 10, 0, 48 << 10},
		{1 << 20, 16 << 20, 16 << 20}, {1 << 20, 0, 8<<20 + 32<<10},
	} {
		if got := InflateCost(x.n, x.out); got != x.want {
			t.Errorf("%d bytes to %d: %d, want %d", x.n, x.out, got, x.want)
		}
	}
}

// What compressors make of any input is inflated whatever its length, also if they flush often.
func TestLargeInputsInflate(t *testing.T) {
	src := make([]byte, 1<<20)
	x := uint32(1)
	for i := range src {
		x = x*1664525 + 1013904223
		src[i] = "0123456789abcdef{}[],:\" \n"[(x>>24)%25]
	}
	for _, flush := range []int{200, 4000, len(src)} {
		for _, level := range []int{stdflate.HuffmanOnly, 1, 9} {
			var out bytes.Buffer
			zw, err := stdflate.NewWriter(&out, level)
			if err != nil {
				t.Fatal(err)
			}
			for i := 0; i < len(src); i += flush {
				zw.Write(src[i:min(i+flush, len(src))])
				zw.Flush()
			}
			zw.Close()
			if out.Len() <= smallInput {
				t.Fatalf("%d bytes are no large input", out.Len())
			}
			got, err := Inflate([]byte("x"), out.Bytes(), len(src), false)
			if err != nil || !bytes.Equal(got[1:], src) {
				t.Errorf("level %d, flushed every %d bytes: %d bytes, %v", level, flush, len(got),
					err)
			}
			got, err = Inflate([]byte("x"), out.Bytes(), len(src)-1, false)
			if err != ErrTooLarge || string(got) != "x" {
				t.Errorf("level %d: %d bytes over the limit, %v", level, len(got), err)
			}
		}
	}
}

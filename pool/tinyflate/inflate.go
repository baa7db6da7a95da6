package tinyflate

import (
	"math/bits"
	"sync"
)

// Status says how Inflate ended.
type Status uint8

// The ways in which Inflate ends.
const (
	OK       Status = iota
	TooLarge        // more output than the limit
	Corrupt         // the input is not one complete stream
)

// A stream may have fewBlocks dynamic blocks, one more for each blockBytes of input, up to
// smallBlocks, and one more for each kibibyte. zlib makes blocks of 150 bytes with memLevel 1, of
// 300 with memLevel 2, and of thousands with what is usual. To read the codes of a block takes as
// long as to inflate hundreds of bytes.
//
// Of other blocks there is one for each plainBytes. A compressor that flushes after each byte makes
// two blocks of seven bytes.
const (
	fewBlocks   = 16
	blockBytes  = 100
	smallBlocks = 8192
	plainBytes  = 3
)

// blocksOf returns how many dynamic blocks, and how many others, n bytes may have.
func blocksOf(n int) (dynamic, plain int) {
	return fewBlocks + min(n/blockBytes, smallBlocks) + n>>10, fewBlocks + n/plainBytes
}

// maxRestarts is how often a stream with tail may end and continue.
const maxRestarts = 64

// tailBytes is the flush that RFC 7692 section 7.2.1 strips, and a final empty block.
const tailBytes = "\x00\x00\xff\xff\x01\x00\x00\xff\xff"

const lookupBits = 9

// huffman decodes one code. It finds short codes by looking at the next bits, and long ones by
// comparing with the first code that is longer still.
type huffman struct {
	lookup  [1 << lookupBits]uint16 // symbol<<4 | length; 0 means longer, or none
	over    [maxBits + 1]uint16     // by length: the first code that is longer, as maxBits bits
	index   [maxBits + 1]int        // by length: what makes an index into symbols of a code
	symbols [288]uint16             // by code
}

// init returns false for a set of lengths that is not a prefix code. A code may be incomplete only
// if it has at most one symbol, of one bit.
func (h *huffman) init(lengths []uint8) bool {
	next, count := firstCodes(lengths)
	left, used := 1, 0
	for l := 1; l <= maxBits; l++ {
		if left = left<<1 - count[l]; left < 0 {
			return false
		}
		used += count[l]
	}
	if left > 0 && used > 0 && (used > 1 || count[1] != 1) {
		return false
	}
	clear(h.lookup[:])
	var offset [maxBits + 1]int
	for l := 1; l <= maxBits; l++ {
		if l < maxBits {
			offset[l+1] = offset[l] + count[l]
		}
		h.over[l] = uint16((int(next[l]) + count[l]) << (maxBits - l))
		h.index[l] = offset[l] - int(next[l])
	}
	for symbol, l := range lengths {
		if l == 0 {
			continue
		}
		h.symbols[offset[l]] = uint16(symbol)
		offset[l]++
		if l <= lookupBits {
			reversed := bits.Reverse32(next[l]) >> (32 - l)
			for i := reversed; i < 1<<lookupBits; i += 1 << l {
				h.lookup[i] = uint16(symbol)<<4 | uint16(l)
			}
		}
		next[l]++
	}
	return true
}

// inflater is the state of one call.
type inflater struct {
	src  []byte
	at   int // bytes of src and tail taken into acc
	end  int // end of src and tail
	acc  uint64
	n    uint // bits in acc
	over uint // bits in acc that lie after the end
	dst  []byte
	base int // where our output begins in dst
	max  int // the largest len(dst)

	blocks int // dynamic blocks that may still come
	plain  int // other blocks that may still come

	lit, dist       *huffman // of the current block
	ownLit, ownDist huffman
	lengths         [maxLiterals + maxDistances]uint8
}

// fixedCodes are made once, because a block that uses them may be as short as ten bits.
var fixedCodes struct {
	once      sync.Once
	lit, dist huffman
}

func makeFixedCodes() {
	var lengths [288]uint8
	fixedLengths(&lengths)
	fixedCodes.lit.init(lengths[:])
	for i := range 32 {
		lengths[i] = 5
	}
	fixedCodes.dist.init(lengths[:32])
}

var inflaters = sync.Pool{New: func() any { return new(inflater) }}

// Inflate appends the decompressed form of the raw DEFLATE stream src to dst, at most limit bytes
// of it. If tail is set, src is taken to be followed by the flush of RFC 7692 section 7.2.2, and
// blocks may follow a final block. A stream of far more blocks than compressors make is Corrupt.
// src is borrowed until return. Unless the Status is OK, the result is dst at its old length.
// Inflate is safe for concurrent use.
func Inflate(dst, src []byte, limit int, tail bool) ([]byte, Status) {
	z := inflaters.Get().(*inflater)
	z.src, z.at, z.end = src, 0, len(src)
	z.acc, z.n, z.over = 0, 0, 0
	if tail {
		z.end += len(tailBytes)
	}
	z.dst, z.base = dst, len(dst)
	z.max = len(dst) + max(limit, 0)
	z.blocks, z.plain = blocksOf(len(src))
	status := z.streams(tail)
	out := z.dst
	z.src, z.dst = nil, nil
	inflaters.Put(z)
	if status != OK {
		return out[:len(dst)], status
	}
	return out, OK
}

func (z *inflater) streams(tail bool) Status {
	for restarts := 0; ; restarts++ {
		for final := false; !final; {
			var status Status
			if final, status = z.block(); status != OK {
				return status
			}
		}
		z.align()
		switch rest := z.end - z.at + int(z.n-z.over)/8; {
		case rest == 0, tail && rest == len(tailBytes):
			return OK
		case !tail || rest < len(tailBytes) || restarts == maxRestarts:
			return Corrupt
		}
	}
}

// need makes at least n ≤ 32 bits available. After the end it supplies zeros; short tells them from
// data.
//
// Eight bytes are taken at once where there are as many. acc has then bits above the n that count.
// They are those of src[at:], with which they are combined once more later.
func (z *inflater) need(n uint) {
	if z.n >= n {
		return
	}
	if s := z.src[min(z.at, len(z.src)):]; len(s) >= 8 {
		z.acc |= (uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
			uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56) << z.n
		k := (63 - z.n) >> 3
		z.at += int(k)
		z.n += 8 * k
		return
	}
	for z.n < n {
		var c byte
		switch {
		case z.at < len(z.src):
			c = z.src[z.at]
			z.at++
		case z.at < z.end:
			c = tailBytes[z.at-len(z.src)]
			z.at++
		default:
			z.over += 8
		}
		z.acc |= uint64(c) << z.n
		z.n += 8
	}
}

// short reports whether bits after the end were used.
func (z *inflater) short() bool { return z.over > z.n }

func (z *inflater) take(n uint) uint32 {
	z.need(n)
	v := uint32(z.acc) & (1<<n - 1)
	z.drop(n)
	return v
}

func (z *inflater) drop(n uint) {
	z.acc >>= n
	z.n -= n
}

// align drops the rest of a byte.
func (z *inflater) align() { z.drop(z.n & 7) }

// symbol reads one code of h. It returns -1 if there is none.
func (z *inflater) symbol(h *huffman) int {
	z.need(maxBits)
	if e := h.lookup[z.acc&(1<<lookupBits-1)]; e != 0 {
		z.drop(uint(e & 15))
		return int(e >> 4)
	}
	code := bits.Reverse16(uint16(z.acc)) >> (16 - maxBits)
	for l := lookupBits + 1; l <= maxBits; l++ {
		if code < h.over[l] {
			z.drop(uint(l))
			return int(h.symbols[h.index[l]+int(code>>(maxBits-l))])
		}
	}
	return -1
}

// put appends one byte. The limit allows it.
func (z *inflater) put(c byte) {
	if len(z.dst) == cap(z.dst) {
		z.grow(1)
	}
	z.dst = append(z.dst, c)
}

// grow makes room for n more bytes, which the limit allows. Room doubles, so that what is outgrown
// on the way to the limit adds up to less than the limit.
func (z *inflater) grow(n int) {
	have := len(z.dst)
	if cap(z.dst)-have >= n {
		return
	}
	size := max(have+n, 2*cap(z.dst), have+3*(len(z.src)-min(z.at, len(z.src))), 512)
	z.dst = append(make([]byte, 0, min(size, z.max)), z.dst...)
}

func (z *inflater) block() (final bool, status Status) {
	final = z.take(1) == 1
	kind := z.take(2)
	if kind < 2 {
		z.plain--
	}
	switch {
	case z.short(), z.plain < 0:
		return false, Corrupt
	case kind == 0:
		return final, z.stored()
	case kind == 1:
		fixedCodes.once.Do(makeFixedCodes)
		z.lit, z.dist = &fixedCodes.lit, &fixedCodes.dist
	case kind == 2:
		z.lit, z.dist = &z.ownLit, &z.ownDist
		if z.blocks--; z.blocks < 0 || !z.readCodes() {
			return false, Corrupt
		}
	default:
		return false, Corrupt
	}
	return final, z.compressed()
}

// stored copies an uncompressed block (RFC 1951 section 3.2.4).
func (z *inflater) stored() Status {
	z.align()
	n, check := int(z.take(16)), int(z.take(16))
	if z.short() || n != check^0xffff {
		return Corrupt
	}
	for ; n > 0 && z.n > 0; n-- {
		if len(z.dst) == z.max {
			return TooLarge
		}
		z.put(byte(z.take(8)))
	}
	if z.short() {
		return Corrupt
	}
	if z.n == 0 {
		z.acc = 0 // of what need has taken too much
	}
	if k := min(n, len(z.src)-z.at); k > 0 {
		if k > z.max-len(z.dst) {
			return TooLarge
		}
		z.grow(k)
		z.dst = append(z.dst, z.src[z.at:z.at+k]...)
		z.at += k
		n -= k
	}
	for ; n > 0; n-- {
		c := byte(z.take(8))
		if z.short() {
			return Corrupt
		}
		if len(z.dst) == z.max {
			return TooLarge
		}
		z.put(c)
	}
	return OK
}

// readCodes reads the codes of a dynamic block (section 3.2.7).
func (z *inflater) readCodes() bool {
	literals, distances, n := int(z.take(5))+257, int(z.take(5))+1, int(z.take(4))+4
	if literals > maxLiterals || distances > maxDistances {
		return false
	}
	var order [19]uint8
	for _, i := range codeOrder[:n] {
		order[i] = uint8(z.take(3))
	}
	if z.short() || !z.lit.init(order[:]) {
		return false
	}
	all := z.lengths[:literals+distances]
	for i := 0; i < len(all); {
		symbol := z.symbol(z.lit)
		if symbol < 0 || z.short() {
			return false
		}
		if symbol < 16 {
			all[i] = uint8(symbol)
			i++
			continue
		}
		var value uint8
		var repeat int
		switch symbol {
		case 16:
			if i == 0 {
				return false
			}
			value, repeat = all[i-1], 3+int(z.take(2))
		case 17:
			repeat = 3 + int(z.take(3))
		default:
			repeat = 11 + int(z.take(7))
		}
		if repeat > len(all)-i {
			return false
		}
		for range repeat {
			all[i] = value
			i++
		}
	}
	return !z.short() && z.lit.init(all[:literals]) && z.dist.init(all[literals:])
}

// compressed decodes literals and matches up to the end of the block.
func (z *inflater) compressed() Status {
	for {
		symbol := z.symbol(z.lit)
		switch {
		case symbol < 0 || z.short():
			return Corrupt
		case symbol < endOfBlock:
			if len(z.dst) == z.max {
				return TooLarge
			}
			z.put(byte(symbol))
			continue
		case symbol == endOfBlock:
			return OK
		case symbol >= maxLiterals:
			return Corrupt
		}
		length, extra := lengthBase(symbol - endOfBlock - 1)
		length += int(z.take(uint(extra)))
		if symbol = z.symbol(z.dist); symbol < 0 || symbol >= maxDistances {
			return Corrupt
		}
		distance, extra := distanceBase(symbol)
		distance += int(z.take(uint(extra)))
		if z.short() || distance > len(z.dst)-z.base {
			return Corrupt
		}
		if length > z.max-len(z.dst) {
			return TooLarge
		}
		z.repeat(length, distance)
	}
}

// repeat copies a match, which may overlap what it writes.
func (z *inflater) repeat(length, distance int) {
	z.grow(length)
	from := len(z.dst) - distance
	if distance >= length {
		z.dst = append(z.dst, z.dst[from:from+length]...)
		return
	}
	for i := range length {
		z.dst = append(z.dst, z.dst[from+i])
	}
}

package tinyflate

import (
	"sync"
)

const (
	hashBits    = 13
	hashMatch   = 4 // bytes that are hashed, and therefore the length of the shortest match found
	blockTokens = 1 << 14
)

// token is a literal or, with matchFlag, a match: length-3 is in bits 16 to 23, distance-1 below.
type token uint32

const matchFlag token = 1 << 31

// deflater is the state of one call.
type deflater struct {
	head   [1 << hashBits]int32 // last position+1 of a hash, 0 means none
	prev   [windowSize]int32    // the previous position+1 with the same hash
	tokens []token
	dst    []byte
	acc    uint64
	n      uint

	lit, dist, order code
}

var deflaters = sync.Pool{New: func() any {
	return &deflater{tokens: make([]token, 0, blockTokens)}
}}

// Deflate appends src, compressed at level (1 to 9), to dst as raw DEFLATE. If tail is set the
// output ends in a sync flush without its 00 00 ff ff (RFC 7692 section 7.2.1), otherwise in a
// final block. src is borrowed until return. Deflate is safe for concurrent use.
func Deflate(dst, src []byte, level int, tail bool) []byte {
	d := deflaters.Get().(*deflater)
	clear(d.head[:])
	d.dst, d.acc, d.n = dst, 0, 0
	level = min(max(level, 1), 9)
	chain, enough := 2<<level, 8<<level // candidates to look at; a length that ends the search
	for at := 0; at < len(src) || at == 0 && !tail; {
		end := d.match(src, at, chain, min(enough, maxMatch))
		d.block(src[at:end], end == len(src) && !tail)
		if at = end; at == 0 {
			break
		}
	}
	if tail {
		d.put(0, 3) // an empty stored block, whose four bytes are left out
	}
	d.align()
	out := d.dst
	d.dst = nil
	deflaters.Put(d)
	return out
}

func hash(b []byte, i int) uint32 {
	v := uint32(b[i]) | uint32(b[i+1])<<8 | uint32(b[i+2])<<16 | uint32(b[i+3])<<24
	return v * 0x9E3779B1 >> (32 - hashBits)
}

// match turns one block of src[at:] into tokens and returns where the block ends.
func (d *deflater) match(src []byte, at, chain, enough int) int {
	d.tokens = d.tokens[:0]
	for at < len(src) && len(d.tokens) < blockTokens {
		length, distance := 0, 0
		if at+hashMatch <= len(src) {
			length, distance = d.longest(src, at, chain, enough)
		}
		if length < hashMatch {
			d.tokens = append(d.tokens, token(src[at]))
			at++
			continue
		}
		d.tokens = append(d.tokens, matchFlag|token(length-minMatch)<<16|token(distance-1))
		for end := at + length; ; d.insert(src, at) {
			if at++; at == end {
				break
			}
		}
	}
	return at
}

// insert makes position i known to later matches.
func (d *deflater) insert(src []byte, i int) {
	if i+hashMatch <= len(src) {
		h := hash(src, i)
		d.prev[i&(windowSize-1)] = d.head[h]
		d.head[h] = int32(i + 1)
	}
}

// longest finds the longest earlier match for src[at:] and makes at known.
func (d *deflater) longest(src []byte, at, chain, enough int) (length, distance int) {
	limit := min(maxMatch, len(src)-at)
	candidate := int(d.head[hash(src, at)]) - 1
	for ; chain > 0 && candidate >= 0 && at-candidate <= windowSize; chain-- {
		n := 0
		for n < limit && src[candidate+n] == src[at+n] {
			n++
		}
		if n > length {
			length, distance = n, at-candidate
			if n >= enough || n == limit {
				break
			}
		}
		before := int(d.prev[candidate&(windowSize-1)]) - 1
		if before >= candidate { // overwritten by a position one window later
			break
		}
		candidate = before
	}
	d.insert(src, at)
	return length, distance
}

// put writes n ≤ 32 bits, the lowest first.
func (d *deflater) put(v uint32, n uint) {
	d.acc |= uint64(v) << d.n
	for d.n += n; d.n >= 8; d.n -= 8 {
		d.dst = append(d.dst, byte(d.acc))
		d.acc >>= 8
	}
}

func (d *deflater) align() {
	if d.n > 0 {
		d.dst = append(d.dst, byte(d.acc))
		d.acc, d.n = 0, 0
	}
}

// block writes the tokens of raw in the shortest of the three forms.
func (d *deflater) block(raw []byte, final bool) {
	last := uint32(0)
	if final {
		last = 1
	}
	d.countSymbols()
	d.lit.fixed()
	d.dist.fixed()
	fixed := d.lit.cost() + d.dist.cost()
	d.lit.build(maxBits)
	d.dist.build(maxBits)
	var buffer [maxLiterals + maxDistances]lengthRun
	literals, distances := max(257, d.lit.used()), max(1, d.dist.used())
	runs := d.runs(buffer[:0], literals, distances)
	n := 19
	for n > 4 && d.order.lengths[codeOrder[n-1]] == 0 {
		n--
	}
	dynamic := 14 + 3*n + d.order.cost() + runBits(runs) + d.lit.cost() + d.dist.cost()
	stored := 8*len(raw) + 40*(len(raw)/0xffff+1)
	switch {
	case stored < min(fixed, dynamic)+extraBits(d.tokens):
		d.stored(raw, last)
		return
	case fixed <= dynamic:
		d.put(last|1<<1, 3)
		d.lit.fixed()
		d.dist.fixed()
	default:
		d.put(last|2<<1, 3)
		d.put(uint32(literals-257), 5)
		d.put(uint32(distances-1), 5)
		d.put(uint32(n-4), 4)
		for _, i := range codeOrder[:n] {
			d.put(uint32(d.order.lengths[i]), 3)
		}
		d.order.assign()
		for _, r := range runs {
			d.order.write(d, int(r.symbol))
			d.put(uint32(r.extra), r.bits())
		}
	}
	d.lit.assign()
	d.dist.assign()
	d.compressed()
}

// stored writes raw as it is, in blocks of at most 65535 bytes.
func (d *deflater) stored(raw []byte, last uint32) {
	for {
		part := raw[:min(len(raw), 0xffff)]
		raw = raw[len(part):]
		head := uint32(0)
		if len(raw) == 0 {
			head = last
		}
		d.put(head, 3)
		d.align()
		d.put(uint32(len(part))|^uint32(len(part))<<16, 32)
		d.dst = append(d.dst, part...)
		if len(raw) == 0 {
			return
		}
	}
}

func (d *deflater) countSymbols() {
	d.lit.reset(288)
	d.dist.reset(32)
	d.lit.frequency[endOfBlock]++
	for _, t := range d.tokens {
		if t&matchFlag == 0 {
			d.lit.frequency[t]++
			continue
		}
		c, _, _ := lengthCode(int(t>>16&0xff) + minMatch)
		d.lit.frequency[endOfBlock+1+c]++
		c, _, _ = distanceCode(int(t&0x7fff) + 1)
		d.dist.frequency[c]++
	}
}

func extraBits(tokens []token) (sum int) {
	for _, t := range tokens {
		if t&matchFlag != 0 {
			_, l, _ := lengthCode(int(t>>16&0xff) + minMatch)
			_, n, _ := distanceCode(int(t&0x7fff) + 1)
			sum += l + n
		}
	}
	return sum
}

func (d *deflater) compressed() {
	for _, t := range d.tokens {
		if t&matchFlag == 0 {
			d.lit.write(d, int(t))
			continue
		}
		c, n, v := lengthCode(int(t>>16&0xff) + minMatch)
		d.lit.write(d, endOfBlock+1+c)
		d.put(v, uint(n))
		c, n, v = distanceCode(int(t&0x7fff) + 1)
		d.dist.write(d, c)
		d.put(v, uint(n))
	}
	d.lit.write(d, endOfBlock)
}

// lengthRun is one symbol of the code length code, with its extra bits.
type lengthRun struct{ symbol, extra uint8 }

func (r lengthRun) bits() uint {
	switch r.symbol {
	case 16:
		return 2
	case 17:
		return 3
	case 18:
		return 7
	}
	return 0
}

func runBits(runs []lengthRun) (sum int) {
	for _, r := range runs {
		sum += int(r.bits())
	}
	return sum
}

// runs shortens the lengths of both codes (section 3.2.7) and builds d.order for the result.
func (d *deflater) runs(out []lengthRun, literals, distances int) []lengthRun {
	var all [maxLiterals + maxDistances]uint8
	n := copy(all[:], d.lit.lengths[:literals])
	n += copy(all[n:], d.dist.lengths[:distances])
	for i := 0; i < n; {
		l, same := all[i], 1
		for i+same < n && all[i+same] == l {
			same++
		}
		i += same
		if l != 0 {
			out = append(out, lengthRun{l, 0})
			same--
		}
		for same >= 3 {
			switch {
			case l != 0:
				k := min(same, 6)
				out = append(out, lengthRun{16, uint8(k - 3)})
				same -= k
			case same <= 10:
				out = append(out, lengthRun{17, uint8(same - 3)})
				same = 0
			default:
				k := min(same, 138)
				out = append(out, lengthRun{18, uint8(k - 11)})
				same -= k
			}
		}
		for range same {
			out = append(out, lengthRun{l, 0})
		}
	}
	d.order.reset(19)
	for _, r := range out {
		d.order.frequency[r.symbol]++
	}
	d.order.build(7)
	return out
}

// code is a Huffman code under construction.
type code struct {
	size      int
	frequency [288]uint32
	lengths   [288]uint8
	codes     [288]uint16
}

func (c *code) reset(size int) {
	c.size = size
	clear(c.frequency[:])
}

func (c *code) fixed() {
	if c.size == 32 {
		for i := range c.lengths[:32] {
			c.lengths[i] = 5
		}
		return
	}
	fixedLengths(&c.lengths)
}

// cost returns the length in bits of all symbols.
func (c *code) cost() (sum int) {
	for i, f := range c.frequency[:c.size] {
		sum += int(f) * int(c.lengths[i])
	}
	return sum
}

// used returns the number of symbols up to the last one that has a code.
func (c *code) used() int {
	n := c.size
	for n > 0 && c.lengths[n-1] == 0 {
		n--
	}
	return n
}

func (c *code) write(d *deflater, symbol int) {
	d.put(uint32(c.codes[symbol]), uint(c.lengths[symbol]))
}

// assign makes the canonical codes, with their first bit lowest.
func (c *code) assign() {
	next, _ := firstCodes(c.lengths[:c.size])
	for i, l := range c.lengths[:c.size] {
		if l == 0 {
			continue
		}
		v := next[l]
		next[l]++
		var reversed uint16
		for range l {
			reversed = reversed<<1 | uint16(v&1)
			v >>= 1
		}
		c.codes[i] = reversed
	}
}

// build finds the shortest lengths that do not exceed most bits. It makes Huffman's tree from two
// queues: the leaves by frequency, and the inner nodes in the order in which they appear. Leaves
// that are too deep are then pulled up and others pushed down.
func (c *code) build(most int) {
	clear(c.lengths[:])
	var leaves [288]uint32 // frequency<<9 | symbol
	n := 0
	for i, f := range c.frequency[:c.size] {
		if f > 0 {
			leaves[n] = f<<9 | uint32(i)
			n++
		}
	}
	if n == 0 {
		return
	}
	if n == 1 {
		c.lengths[leaves[0]&511] = 1
		return
	}
	sortLeaves(leaves[:n])
	count := depths(leaves[:n], most)
	at := n
	for l := 1; l <= most; l++ {
		for range count[l] {
			at--
			c.lengths[leaves[at]&511] = uint8(l)
		}
	}
}

// depths counts the leaves of Huffman's tree by their depth. None is deeper than most.
func depths(leaves []uint32, most int) (count [maxBits + 1]int) {
	n := len(leaves)
	var weight [288]uint32
	var parent [2 * 288]uint16 // leaves first, then inner nodes
	leaf, inner := 0, 0
	for made := range n - 1 {
		for range 2 {
			if leaf < n && (inner == made || leaves[leaf]>>9 <= weight[inner]) {
				weight[made] += leaves[leaf] >> 9
				parent[leaf] = uint16(n + made)
				leaf++
			} else {
				weight[made] += weight[inner]
				parent[n+inner] = uint16(n + made)
				inner++
			}
		}
	}
	var depth [2 * 288]int
	for i := 2*n - 3; i >= 0; i-- { // the root, 2n-2, has depth 0
		depth[i] = depth[parent[i]] + 1
		if i < n {
			count[min(depth[i], most)]++
		}
	}
	kraft := 0
	for l := 1; l <= most; l++ {
		kraft += count[l] << (most - l)
	}
	for ; kraft > 1<<most; kraft-- {
		l := most - 1
		for count[l] == 0 {
			l--
		}
		count[most]--
		count[l]--
		count[l+1] += 2
	}
	return count
}

// sortLeaves is a shell sort. Package slices would add 12 kB to the browser build.
func sortLeaves(a []uint32) {
	for _, gap := range [...]int{57, 23, 10, 4, 1} {
		for i := gap; i < len(a); i++ {
			v, j := a[i], i
			for ; j >= gap && a[j-gap] > v; j -= gap {
				a[j] = a[j-gap]
			}
			a[j] = v
		}
	}
}

// Package tinyflate is DEFLATE (RFC 1951) in little code for the browser build, where every package
// adds to the download. It imports nothing that prints or reflects. Native builds use
// klauspost/compress, and their tests check this package against it. The only thing that it knows
// of WebSocket is the stripped flush of RFC 7692.
//
// The package has no mutex and shares no state between calls, except the fixed codes, which are
// made once.
//
// Read code.go (the tables of RFC 1951), then inflate.go or deflate.go.
package tinyflate

import "math/bits"

const (
	maxLiterals  = 286 // literal and length symbols (RFC 1951 section 3.2.5)
	maxDistances = 30
	endOfBlock   = 256
	maxBits      = 15
	minMatch     = 3
	maxMatch     = 258
	windowSize   = 1 << 15
)

// codeOrder is how code length codes are transmitted (RFC 1951 section 3.2.7).
var codeOrder = [19]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

// The tables of RFC 1951 section 3.2.5 follow a rule, so they are computed. Lengths come in groups
// of four codes per extra bit, distances in groups of two.

// lengthCode returns symbol-257 and the extra bits of a match length of 3 to 258.
func lengthCode(length int) (code, extra int, value uint32) {
	x := length - minMatch
	switch {
	case x == maxMatch-minMatch:
		return 28, 0, 0
	case x < 8:
		return x, 0, 0
	}
	extra = bits.Len(uint(x)) - 3
	return 4*extra + x>>extra, extra, uint32(x) & (1<<extra - 1)
}

func lengthBase(code int) (base, extra int) {
	switch {
	case code == 28:
		return maxMatch, 0
	case code < 8:
		return minMatch + code, 0
	}
	extra = code/4 - 1
	return minMatch + (4+code&3)<<extra, extra
}

// distanceCode returns the symbol and the extra bits of a distance of 1 to 32768.
func distanceCode(distance int) (code, extra int, value uint32) {
	x := distance - 1
	if x < 4 {
		return x, 0, 0
	}
	extra = bits.Len(uint(x)) - 2
	return 2*extra + x>>extra, extra, uint32(x) & (1<<extra - 1)
}

func distanceBase(code int) (base, extra int) {
	if code < 4 {
		return 1 + code, 0
	}
	extra = code/2 - 1
	return 1 + (2+code&1)<<extra, extra
}

// fixedLengths fills in the code lengths of section 3.2.6.
func fixedLengths(lengths *[288]uint8) {
	for i := range lengths {
		switch {
		case i < 144:
			lengths[i] = 8
		case i < 256:
			lengths[i] = 9
		case i < 280:
			lengths[i] = 7
		default:
			lengths[i] = 8
		}
	}
}

// firstCodes returns the first canonical code of each length (section 3.2.2).
func firstCodes(lengths []uint8) (next [maxBits + 1]uint32, count [maxBits + 1]int) {
	for _, l := range lengths {
		count[l]++
	}
	count[0] = 0
	code := uint32(0)
	for l := 1; l <= maxBits; l++ {
		code = (code + uint32(count[l-1])) << 1
		next[l] = code
	}
	return next, count
}

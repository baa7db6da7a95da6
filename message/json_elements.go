//go:build !js

package message

import "bytes"

// JSONElementsWithin reports whether a decoder of b has to make memory for at most limit elements.
// These are values and keys of objects; an empty array or object counts twice. b is JSON that
// ValidJSON accepts. JSONElementsWithin takes O(n), does not allocate, and is safe for concurrent
// use. The browser build does not have it, because package bytes would bring unicode tables along.
func JSONElementsWithin(b []byte, limit int) bool {
	// An element takes at least one byte, so that short texts need no counting. The second look is
	// quick, and counts what strings contain, too.
	if len(b) <= limit || 1+bytes.Count(b, comma)+bytes.Count(b, colon)+bytes.Count(b, bracket)+
		bytes.Count(b, brace) <= limit {
		return true
	}
	n := 1
	for i := 0; i < len(b) && n <= limit; i++ {
		switch b[i] {
		case '"':
			end, _ := skipString(b, i+1)
			if end < 0 {
				return true // not JSON
			}
			i = end - 1
		case ',', ':', '[', '{':
			n++
		}
	}
	return n <= limit
}

var comma, colon, bracket, brace = []byte{','}, []byte{':'}, []byte{'['}, []byte{'{'}

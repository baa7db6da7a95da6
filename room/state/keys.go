package state

import (
	"cmp"
	"reflect"
	"slices"
)

// contents is what a container says of itself.
type contents struct {
	key    reflect.Type // nil for a list
	value  reflect.Type
	add    adder
	remove remover
}

// wireKey returns a key as it is on the wire: integers as a number, strings as they are.
func wireKey[K Key](k K) (num uint64, text string) {
	v := reflect.ValueOf(k)
	switch {
	case v.Kind() == reflect.String:
		return 0, v.String()
	case v.CanInt():
		return zigzag(v.Int()), ""
	}
	return v.Uint(), ""
}

// keyOf is the inverse of wireKey. A number that K cannot hold is cut.
func keyOf[K Key](num uint64, text string) (k K) {
	v := reflect.ValueOf(&k).Elem()
	switch {
	case v.Kind() == reflect.String:
		v.SetString(text)
	case v.CanInt():
		v.SetInt(unzigzag(num))
	default:
		v.SetUint(num)
	}
	return k
}

// sortedKeys returns the keys of a map in order, because a map of Go has none.
func sortedKeys[K Key, V any](m map[K]V) []K {
	keys := make([]K, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b K) int { return cmp.Compare(a, b) })
	return keys
}

package client

import (
	"iter"

	"github.com/smartsocket/smartsocket/room/state"
)

// EntryListeners hear what happens to the entries of a map or a list. Each may be nil. They run
// like handlers.
type EntryListeners[K comparable, V any] struct {
	Added   func(key K, entry *V) // a new one; at first those that are there already
	Changed func(key K, entry *V) // something in it has changed
	Removed func(key K, entry *V) // it is as it was, and changes no more
}

// Entries calls the listeners for each entry of a map that is there, comes, changes or goes:
//
//	client.Entries(arena, func(a *Arena) *state.Map[string, Player] { return &a.Players },
//		client.EntryListeners[string, Player]{Added: func(id string, p *Player) { … }})
//
// It returns the function that ends this. V is a struct; for scalars read the map in OnChange.
func Entries[T any, K state.Key, V any](
	s *Mirror[T], in func(value *T) *state.Map[K, V], l EntryListeners[K, V],
) (off func()) {
	return entries(s, func(value *T) iter.Seq2[K, *V] { return in(value).All() }, l)
}

// ListEntries is Entries for a list. key returns the key of an entry.
func ListEntries[T any, K comparable, V any](
	s *Mirror[T], in func(value *T) *state.List[V], key func(entry *V) K, l EntryListeners[K, V],
) (off func()) {
	all := func(value *T) iter.Seq2[K, *V] {
		return func(yield func(K, *V) bool) {
			for _, e := range in(value).All() {
				if !yield(key(e), e) {
					return
				}
			}
		}
	}
	return entries(s, all, l)
}

// entries compares what is there with what was there, by the addresses of the entries, which stay.
func entries[T any, K comparable, V any](
	s *Mirror[T], all func(value *T) iter.Seq2[K, *V], l EntryListeners[K, V],
) (off func()) {
	known := make(map[K]*V)
	look := func(value *T, changes state.Changes) {
		there := make(map[K]*V, len(known))
		for key, e := range all(value) {
			there[key] = e
		}
		for key, e := range known {
			if there[key] != e {
				delete(known, key)
				call(l.Removed, key, e)
			}
		}
		fresh := make(map[*V]bool)
		for key, e := range all(value) {
			if known[key] != e {
				known[key], fresh[e] = e, true
				call(l.Added, key, e)
			}
		}
		touched := touched[V](changes)
		if l.Changed == nil || len(touched) == 0 {
			return
		}
		for key, e := range all(value) {
			if touched[e] && !fresh[e] {
				l.Changed(key, e)
			}
		}
	}
	return hear(s.c, &s.hearers.parts, look, func() {
		if s.hearers.some {
			look(s.value, state.Changes{})
		}
	})
}

func call[K, V any](f func(K, *V), key K, e *V) {
	if f != nil {
		f(key, e)
	}
}

// touched are the entries of type V with a change in them.
func touched[V any](changes state.Changes) map[*V]bool {
	all := make(map[*V]bool)
	for _, c := range changes.List {
		for e := range c.Around() {
			if v, ok := e.(*V); ok {
				all[v] = true
			}
		}
	}
	return all
}

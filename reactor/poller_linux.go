package reactor

import (
	"reflect"

	"github.com/cloudwego/netpoll"
)

// maxEvents is the largest number of events of one epoll_wait.
const maxEvents = 1024

// boundEvents keeps p's event array small and reports whether it could.
//
// netpoll doubles the array, up to 131 072 slots, whenever one wait fills it. It gives each slot 32
// slices and 32 iovecs for a way of reading that this package does not use. That is 1.3 KB a slot,
// more than everything else that a busy connection costs. The poll's exported field Reset is the
// function that makes the array. The wrapper around it makes slots without them and stops at
// maxEvents. Beyond that netpoll calls it in each round that fills the array, so the wrapper
// returns at once. Without the field, in another version of netpoll, the poll still works and is
// only larger.
func boundEvents(p netpoll.Poll) bool {
	v := reflect.ValueOf(p)
	if v.Kind() != reflect.Pointer || v.Elem().Kind() != reflect.Struct {
		return false
	}
	field := v.Elem().FieldByName("Reset")
	if !field.IsValid() || !field.CanSet() {
		return false
	}
	reset, ok := field.Interface().(func(size, caps int))
	if !ok || reset == nil {
		return false
	}
	field.Set(reflect.ValueOf(func(size, _ int) {
		if size <= maxEvents {
			reset(size, 0)
		}
	}))
	return true
}

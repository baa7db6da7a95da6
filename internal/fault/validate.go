package fault

import (
	"reflect"

	"github.com/smartsocket/smartsocket/message"
)

// validator is what data may be, so that it is looked at before a handler gets it.
type validator interface{ Validate() error }

// Validation returns how a decoded T is validated, and nil if neither T nor *T has a method
// Validate() error. It is called once, when a handler is registered, so that other types cost
// nothing later. The result is an ERR_MSG_001 with the text of the error that Validate returned, or
// the *message.Error in its chain as it is. A nil pointer is validated only if Validate takes
// pointers, because a method of the value would panic.
func Validation[T any]() func(*T) error {
	var zero *T
	if _, ok := any(zero).(validator); ok {
		return func(v *T) error { return invalid(any(v).(validator)) }
	}
	t := reflect.TypeFor[T]()
	if t.Kind() != reflect.Pointer || !t.Implements(reflect.TypeFor[validator]()) {
		return nil
	}
	ofValue := t.Elem().Implements(reflect.TypeFor[validator]())
	return func(v *T) error {
		if ofValue && reflect.ValueOf(*v).IsNil() {
			return nil
		}
		return invalid(any(*v).(validator))
	}
}

// invalid validates v.
func invalid(v validator) error {
	if err := v.Validate(); err != nil {
		return Wire(err, message.CodeInvalidFormat)
	}
	return nil
}

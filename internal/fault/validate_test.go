package fault

import (
	"errors"
	"testing"

	"github.com/smartsocket/smartsocket/internal/race"
	"github.com/smartsocket/smartsocket/message"
)

type (
	byValue   struct{ N int }
	byPointer struct{ N int }
	asSlice   []int
	other     struct{ N int }
	almost    struct{}
	embedding struct{ *byPointer }
)

var errNegative = errors.New("n must not be negative")

func check(n int) error {
	switch {
	case n == -2:
		return &message.Error{Code: "ERR_MINE", Message: "minus two"}
	case n < 0:
		return errNegative
	}
	return nil
}

func (v byValue) Validate() error    { return check(v.N) }
func (v *byPointer) Validate() error { return check(orMinusOne(v)) }
func (s asSlice) Validate() error    { return check(len(s) - 1) }
func (almost) Validate() bool        { return false }

func orMinusOne(v *byPointer) int {
	if v == nil {
		return -1
	}
	return v.N
}

// validate is what a typed handler does with v.
func validate[T any](t *testing.T, v T) error {
	t.Helper()
	f := Validation[T]()
	if f == nil {
		t.Fatalf("%T is not validated", v)
	}
	return f(&v)
}

// Whatever has the method is validated: values, pointers and what embeds them.
func TestValidation(t *testing.T) {
	for n, want := range map[int]message.Code{1: "", -1: message.CodeInvalidFormat,
		-2: "ERR_MINE"} {
		for what, err := range map[string]error{
			"a value's method": validate(t, byValue{n}), "of a pointer": validate(t, byPointer{n}),
			"a pointer to it":  validate(t, &byValue{n}),
			"a pointer, too":   validate(t, &byPointer{n}),
			"in another":       validate(t, embedding{&byPointer{n}}),
			"in another's ptr": validate(t, &embedding{&byPointer{n}}),
		} {
			var e *message.Error
			if errors.As(err, &e) != (want != "") || e != nil && e.Code != want {
				t.Errorf("%s of %d: %v, want %q", what, n, err, want)
			}
			if want == message.CodeInvalidFormat && (e == nil || e.Message != errNegative.Error() ||
				!errors.Is(err, errNegative)) {
				t.Errorf("%s of %d: %v", what, n, err)
			}
		}
	}
	if err := validate(t, asSlice(nil)); err == nil {
		t.Error("an empty slice passes")
	}
	if err := validate(t, (*byValue)(nil)); err != nil {
		t.Errorf("a nil pointer: %v", err)
	}
	if err := validate(t, (*byPointer)(nil)); !errors.Is(err, errNegative) {
		t.Errorf("a nil pointer whose method takes it: %v", err)
	}
}

// Types without the method cost nothing later.
func TestNoValidation(t *testing.T) {
	if Validation[other]() != nil || Validation[*other]() != nil || Validation[string]() != nil ||
		Validation[any]() != nil || Validation[almost]() != nil || Validation[[]byValue]() != nil ||
		Validation[map[string]byValue]() != nil || Validation[**byPointer]() != nil {
		t.Error("a type without Validate() error is validated")
	}
}

// Validating what is right allocates nothing.
func TestValidationAllocations(t *testing.T) {
	if race.Enabled {
		t.Skip("allocations differ under the race detector")
	}
	p, v, s := Validation[byPointer](), Validation[*byValue](), Validation[byValue]()
	a, b, c := new(byPointer), new(byValue), new(byValue)
	if n := testing.AllocsPerRun(100, func() {
		if p(a) != nil || v(&b) != nil || s(c) != nil {
			t.Error("not valid")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

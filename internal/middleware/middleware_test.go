package middleware

import (
	"errors"
	"slices"
	"sync"
	"testing"
)

func TestList(t *testing.T) {
	var l List[int]
	if l.All() != nil {
		t.Error("the zero List is not empty")
	}
	l.Add(1)
	before := l.All()
	l.Add(2)
	if !slices.Equal(before, []int{1}) || !slices.Equal(l.All(), []int{1, 2}) {
		t.Errorf("%v, and before %v", l.All(), before)
	}
}

func TestListConcurrently(t *testing.T) {
	var l List[int]
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for range 50 {
				l.Add(i)
				l.All()
			}
		})
	}
	all.Wait()
	if n := len(l.All()); n != 400 {
		t.Errorf("%d of 400 are in the list", n)
	}
}

func TestDecision(t *testing.T) {
	no, other := errors.New("no"), errors.New("other")
	for what, c := range map[string]struct {
		calls   []error
		err     error
		decided bool
	}{
		"pass":             {[]error{nil}, nil, true},
		"stop":             {[]error{no}, no, true},
		"first one counts": {[]error{no, nil, other}, no, true},
		"nothing":          {nil, nil, false},
	} {
		var d Decision
		for _, err := range c.calls {
			d.Next(err)
		}
		if decided, err := d.Close(); decided != c.decided || err != c.err {
			t.Errorf("%s: %t, %v", what, decided, err)
		}
		d.Next(other) // too late
		if _, err := d.Close(); err != c.err {
			t.Errorf("%s: a late call made it %v", what, err)
		}
	}
}

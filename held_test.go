package smartsocket

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestHeldModel puts random events into held and takes some off, and compares with
// a plain list in which a newer state takes the older one's place.
func TestHeldModel(t *testing.T) {
	v, err := New(Options{MaxOutboxBytes: 64 << 10, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	s := &Socket{srv: v, ns: v.root}
	random := rand.New(rand.NewPCG(1, 2))
	h := new(held)
	type entry struct{ key, payload string }
	var model []entry
	bytes := func() (n int) {
		for i := h.first; i < len(h.list); i++ {
			n += h.list[i].size()
		}
		return n
	}
	for step := range 200_000 {
		if random.IntN(100) < 30 && len(h.list) > 0 {
			for range min(random.IntN(40)+1, len(model)) {
				h.drop()
				model = model[1:]
			}
		} else {
			e := entry{payload: fmt.Sprint(step)}
			how := Deadline(1 << 40)
			if random.IntN(4) > 0 {
				e.key = fmt.Sprint(random.IntN(2000))
				how = State(e.key)
			}
			o, err := v.newOutgoing("at", []byte(e.payload))
			if err != nil {
				t.Fatal(err)
			}
			o.how = how
			h.put(o, s)
			o.release()
			at := slices.IndexFunc(model, func(m entry) bool { return e.key != "" && m.key == e.key })
			if at >= 0 {
				model[at] = e
			} else if model = append(model, e); len(model) > maxHeld {
				model = model[1:]
			}
		}
		if got := len(h.list) - h.first; got != len(model) || h.bytes != bytes() {
			t.Fatalf("step %d: %d events of %d bytes, want %d of %d", step, got, h.bytes, len(model), bytes())
		}
		if step%1000 > 0 {
			continue
		}
		for i, m := range model {
			b := h.list[h.first+i].message.Bytes()
			if got := string(b[len(b)-len(m.payload):]); got != m.payload {
				t.Fatalf("step %d: event %d is %q, want %q", step, i, got, m.payload)
			}
		}
	}
}

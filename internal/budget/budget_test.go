package budget

import (
	"errors"
	"math"
	"runtime"
	"slices"
	"sync"
	"testing"
)

func TestBudgetIsNotExceeded(t *testing.T) {
	b := New(104)
	one, other := int64(1), int64(3)
	b.Watch(func() int64 { return one }, func() int64 { return other })
	b.Grew()
	if !b.Take(60) || !b.Take(40) || b.Take(1) {
		t.Error("100 bytes do not fit, or 101 do")
	}
	b.Give(60)
	one = 51
	b.Grew()
	if b.Take(11) || !b.Take(10) || b.Over() != 104/8 {
		t.Errorf("with 54 elsewhere: taken %d, over %d", b.Taken(), b.Over())
	}
	one = 104/8*7 - 50 - 3
	if b.Over() != 0 {
		t.Errorf("over by %d at seven eighths", b.Over())
	}
	if !b.Take(5) { // what is elsewhere became less since it was last asked for
		t.Error("5 bytes do not fit")
	}
}

// Who grows is told when nothing fits any more, and Relief before that.
func TestGrew(t *testing.T) {
	b := New(80)
	n := int64(0)
	b.Watch(func() int64 { return n })
	b.Take(10)
	ran := make(chan struct{}, 1)
	b.relieve = func() { ran <- struct{}{} }
	idle := func() { // relief has run, and may run again
		for b.runs.Load() {
			runtime.Gosched()
		}
	}
	for _, x := range []struct {
		n         int64
		fits, due bool
	}{{60, true, false}, {61, true, true}, {70, true, true}, {71, false, true}, {0, true, false}} {
		n = x.n
		fits := b.Grew() == nil
		idle()
		due := len(ran) == 1
		if due {
			<-ran
		}
		if fits != x.fits || due != x.due {
			t.Errorf("with %d: it fits %v, relief was due %v", x.n, fits, due)
		}
	}
	n = 70
	b.Grew()
	<-ran
	idle()
	if b.Take(1) {
		t.Error("81 of 80 bytes are taken")
	}
	<-ran
	idle()
}

// Relief cuts the worst first, nobody twice, and nobody while enough is on its way back.
func TestRelief(t *testing.T) {
	b := New(80)
	held := map[string]int64{"a": 10, "b": 40, "c": 25, "d": 5}
	b.Watch(func() (n int64) {
		for _, x := range held {
			n += x
		}
		return n
	})
	var r relief[string]
	var cut []string
	run := func(want ...string) {
		t.Helper()
		cut = nil
		r.run(b, func(f func(string)) {
			for h := range held {
				f(h)
			}
		}, func(h string) int64 { return held[h] }, func(h string) {
			cut = append(cut, h)
		})
		if !slices.Equal(cut, want) {
			t.Errorf("cut %v, want %v", cut, want)
		}
	}
	run("b")
	run() // it has not given anything back yet
	held["e"] = 50
	run("e")
	held["a"] = 60
	run("a")
	delete(held, "b")
	delete(held, "e")
	held["a"], held["c"], held["d"] = 1, 35, 38
	run("d")
	delete(held, "d")
	run()
	held["d"], held["c"] = 1, 90 // as a new one under an old name
	run("c")
}

// Nobody else is cut while one who was cut gives back what it holds, at whatever moment it does.
func TestReliefWhileOneGivesBack(t *testing.T) {
	for _, moment := range []string{"holds", "count"} {
		b := New(80)
		held := map[string]int64{"small": 30, "worst": 50}
		now := ""
		b.Watch(func() (n int64) {
			for _, x := range held {
				n += x
			}
			if now == "count" {
				held["worst"] = 0
			}
			return n
		})
		var cut []string
		var r relief[string]
		run := func() {
			r.run(b, func(f func(string)) {
				for h := range held {
					f(h)
				}
			}, func(h string) int64 {
				n := held[h]
				if now == "holds" && h == "worst" {
					held[h] = 0
				}
				return n
			}, func(h string) { cut = append(cut, h) })
		}
		run()
		now = moment
		run()
		run()
		if !slices.Equal(cut, []string{"worst"}) {
			t.Errorf("given back in %s: cut %v", moment, cut)
		}
	}
}

func TestBudgetOfManyGoroutines(t *testing.T) {
	b := New(1000)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 1000 {
				if b.Take(300) {
					if n := b.Taken(); n < 300 {
						t.Errorf("%d taken, while one holds 300", n)
					}
					b.Give(300)
				}
			}
		})
	}
	all.Wait()
	if b.Taken() != 0 {
		t.Errorf("%d at the end", b.Taken())
	}
}

func TestDefaultIsAShareOfTheMemory(t *testing.T) {
	const mib = 1 << 20
	for _, x := range []struct{ goLimit, cgroup, physical, want int64 }{
		{math.MaxInt64, math.MaxInt64, 8192 * mib, 2048 * mib},
		{1024 * mib, math.MaxInt64, 8192 * mib, 512 * mib},
		{math.MaxInt64, 512 * mib, 8192 * mib, 256 * mib},
		{256 * mib, 512 * mib, 8192 * mib, 128 * mib},
		{1, math.MaxInt64, 8192 * mib, 64 * mib},
	} {
		if got := share(x.goLimit, x.cgroup, x.physical); got != x.want {
			t.Errorf("%+v: the share is %d", x, got)
		}
	}
	if n := Default(); n < least {
		t.Errorf("here it is %d", n)
	}
}

func TestWhatTheSystemSays(t *testing.T) {
	files := func(all map[string]string) func(string) ([]byte, error) {
		return func(name string) ([]byte, error) {
			if text, ok := all[name]; ok {
				return []byte(text), nil
			}
			return nil, errors.New("no such file")
		}
	}
	const v2, v1 = "/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"
	for _, x := range []struct {
		files map[string]string
		want  int64
	}{
		{nil, math.MaxInt64},
		{map[string]string{v2: "max\n"}, math.MaxInt64},
		{map[string]string{v2: "268435456\n"}, 268435456},
		{map[string]string{v1: "1000\n"}, 1000},
	} {
		if got := cgroupLimit(files(x.files)); got != x.want {
			t.Errorf("%v: %d, want %d", x.files, got, x.want)
		}
	}
	info := "MemFree: 12 kB\nMemTotal:       16316416 kB\n"
	if got := machine(files(map[string]string{"/proc/meminfo": info})); got != 16316416<<10 {
		t.Errorf("the machine has %d", got)
	}
	for _, silent := range []map[string]string{nil, {"/proc/meminfo": "MemFree: 12 kB\n"}} {
		if got := machine(files(silent)); got != 1<<30 {
			t.Errorf("a machine that does not say has %d", got)
		}
	}
}

func TestNoAllocation(t *testing.T) {
	b := New(1 << 20)
	b.Watch(func() int64 { return 0 })
	if n := testing.AllocsPerRun(100, func() { b.Take(5); b.Give(5); b.Grew() }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestWorst(t *testing.T) {
	holders := map[string]int64{"none": 0, "one": 1, "two": 2, "five": 5}
	for _, x := range []struct {
		free int64
		want []string
	}{
		{0, nil}, {1, []string{"five"}}, {5, []string{"five"}}, {6, []string{"five", "two"}},
		{100, []string{"five", "two", "one"}},
	} {
		if got := worst(holders, x.free); !slices.Equal(got, x.want) {
			t.Errorf("to free %d: %v, want %v", x.free, got, x.want)
		}
	}
}

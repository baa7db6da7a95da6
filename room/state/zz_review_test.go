package state

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"
)

type rvIn struct {
	M Map[int, int] `state:"m"`
	L List[rvE]     `state:"l"`
}
type rvE struct {
	ID   string          `state:"id,key"`
	A    int             `state:"a,min=-5,max=5"`
	Sec  []string        `state:"sec,owner"`
	F    float64         `state:"f,step=0.25"`
	Sub  rvS             `state:"sub"`
	Bag  Map[uint8, rvS] `state:"bag,owner"`
	Line List[rvK]       `state:"line"`
}
type rvK struct {
	K int32  `state:"k,key"`
	V string `state:"v"`
}
type rvS struct {
	B bool   `state:"b"`
	C []byte `state:"c,owner"`
}
type rvT struct {
	P   string           `state:"p,enum=a|b|c"`
	In  rvIn             `state:"in"`
	Ms  Map[string, rvE] `state:"ms"`
	Low float32          `state:"low,min=-9,max=-2,step=0.5"`
}

func TestZZReview(t *testing.T) {
	seeds := 60
	if s := os.Getenv("SEEDS"); s != "" {
		seeds, _ = strconv.Atoi(s)
	}
	for seed := range seeds {
		rv(t, uint64(seed))
	}
}

func rvFill(r *rand.Rand, e *rvE) {
	e.A = r.IntN(20) - 10
	e.F = float64(r.IntN(10))
	for range r.IntN(3) {
		e.Sec = append(e.Sec[:len(e.Sec):len(e.Sec)], strconv.Itoa(r.IntN(9)))
	}
	e.Sub.B = r.IntN(2) == 0
	e.Sub.C = []byte{byte(r.IntN(3))}
	for range r.IntN(3) {
		k := uint8(r.IntN(4))
		if r.IntN(3) == 0 {
			e.Bag.Delete(k)
		} else {
			e.Bag.Put(k, rvS{B: r.IntN(2) == 0})
		}
	}
	for range r.IntN(3) {
		switch {
		case e.Line.Len() > 0 && r.IntN(2) == 0:
			e.Line.Delete(r.IntN(e.Line.Len()))
		default:
			k := int32(r.IntN(1000000))
			e.Line.Insert(r.IntN(e.Line.Len()+1), rvK{K: k, V: "x"})
		}
	}
	if e.Line.Len() > 1 && r.IntN(3) == 0 {
		e.Line.Move(0, e.Line.Len()-1)
	}
}

func rv(t *testing.T, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 1))
	s := &rvT{P: "a"}
	e, err := NewEncoder(s, 0)
	if err != nil {
		t.Fatal(err)
	}
	type cl struct {
		v    *View
		d    *Decoder[rvT]
		r    *Reader
		slow int
	}
	var cs []*cl
	for range 5 {
		d, _ := NewDecoder[rvT]()
		cs = append(cs, &cl{v: e.View(), d: d, r: NewReader(), slow: 1 + r.IntN(6)})
	}
	tick := uint64(0)
	n := 0
	for step := range 400 {
		for range r.IntN(6) {
			k := "k" + strconv.Itoa(r.IntN(5))
			switch r.IntN(14) {
			case 0:
				s.P = string("abc"[r.IntN(3)])
			case 1, 2:
				if p := s.Ms.Get(k); p != nil {
					rvFill(r, p)
				} else {
					rvFill(r, s.Ms.Put(k, rvE{}))
				}
			case 3:
				s.Ms.Delete(k)
			case 4:
				s.Ms.Delete(k)
				rvFill(r, s.Ms.Put(k, rvE{}))
			case 5:
				s.In.M.Put(r.IntN(5)-2, r.IntN(3))
			case 6:
				s.In.M.Delete(r.IntN(5) - 2)
			case 7, 8:
				n++
				p := s.In.L.Insert(r.IntN(s.In.L.Len()+1), rvE{ID: fmt.Sprint("e", n)})
				rvFill(r, p)
			case 9:
				if l := s.In.L.Len(); l > 0 {
					s.In.L.Delete(r.IntN(l))
				}
			case 10:
				if l := s.In.L.Len(); l > 0 {
					s.In.L.Move(r.IntN(l), r.IntN(l))
				}
			case 11:
				if l := s.In.L.Len(); l > 0 {
					n++
					s.In.L.At(r.IntN(l)).ID = fmt.Sprint("e", n)
				}
			case 12:
				if l := s.In.L.Len(); l > 0 {
					rvFill(r, s.In.L.At(r.IntN(l)))
				}
				if r.IntN(10) == 0 {
					s.In.L.Clear()
				}
				if r.IntN(10) == 0 {
					s.Ms.Clear()
				}
				if p := s.Ms.Get(k); p != nil && r.IntN(3) == 0 {
					*p = rvE{A: 1}
				}
			case 13:
				s.Low = float32(r.IntN(20) - 12)
			}
		}
		if tick == 0 || r.IntN(5) > 0 {
			tick += 1 + uint64(r.IntN(2))
		}
		if err := e.Commit(tick, time.UnixMicro(int64(tick))); err != nil {
			t.Fatal(err)
		}
		for i, c := range cs {
			if r.IntN(12) == 0 {
				switch r.IntN(9) {
				case 0:
					s.Ms.Own(c.v, "k"+strconv.Itoa(r.IntN(5)))
				case 1:
					s.Ms.Disown(c.v, "k"+strconv.Itoa(r.IntN(5)))
				case 2:
					m := r.IntN(3)
					s.In.L.OwnFunc(c.v, func(e *rvE) bool { return len(e.ID)%3 == m })
				case 3:
					m := r.IntN(3)
					s.In.L.Filter(c.v, func(e *rvE) bool { return (e.A+9)%3 == m })
				case 4:
					s.In.L.ShowAll(c.v)
				case 5:
					m := r.IntN(3)
					s.Ms.Filter(c.v, func(k string, e *rvE) bool { return (e.A+9)%3 == m })
				case 6:
					s.Ms.ShowAll(c.v)
				case 7:
					s.Ms.Hide(c.v, "k1")
					s.In.M.Filter(c.v, func(k int, v *int) bool { return k > 0 })
				case 8:
					s.Ms.Show(c.v, "k2")
					s.In.M.ShowAll(c.v)
				}
			}
			if r.IntN(c.slow) != 0 {
				continue
			}
			if r.IntN(60) == 0 {
				c.v.Reset()
			}
			b, any := c.v.AppendDelta(nil, true)
			if !any {
				continue
			}
			_, err := c.d.Apply(b)
			_, err2 := c.r.Apply(b)
			if err != nil || err2 != nil {
				t.Fatalf("seed %d step %d client %d tick %d: %v %v", seed, step, i, tick, err, err2)
			}
			// a snapshot is the same
			one := *c.v
			_ = one
		}
	}
	// in the end all who see all have the same as the root's JSON but for owner fields
	want, _ := json.Marshal(func() any {
		x := NewReader()
		v := e.View()
		_, err := x.Apply(v.AppendSnapshot(nil))
		if err != nil {
			t.Fatal(err)
		}
		return x.Value()
	}())
	for i, c := range cs {
		plain := true
		for _, w := range c.v.windows {
			plain = plain && w == nil
		}
		if b, any := c.v.AppendDelta(nil, true); any {
			if _, err := c.r.Apply(b); err != nil {
				t.Fatal(err)
			}
		}
		got, _ := json.Marshal(c.r.Value())
		if plain && string(got) != string(want) {
			t.Fatalf("seed %d client %d differs", seed, i)
		}
	}
}

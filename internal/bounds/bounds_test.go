package bounds

import (
	"strings"
	"testing"
	"time"
)

type limits struct {
	Host    string        `other:"host" default:"localhost"`
	Port    int           `default:"3000"`
	Level   int           `default:"6" min:"1" max:"9"`
	Bytes   int           `default:"256KiB" min:"1KiB" max:"1GiB"`
	Total   int           `default:"16MiB" min:"1"`
	Buffer  int           `zero:"the kernel's choice" min:"1" max:"0x400"`
	Loops   int           `min:"1" max:"1Ki"`
	Wait    time.Duration `default:"1m30s" min:"10ms"`
	NoLimit int
	List    []string
	Hook    func()
	hidden  int
}

var loops = map[string]int{"Loops": 4}

func TestFillReplacesZeros(t *testing.T) {
	var got limits
	if v := Fill(&got, loops); v != nil {
		t.Fatal(v)
	}
	if got.Host != "localhost" || got.Port != 3000 || got.Level != 6 || got.Bytes != 256<<10 ||
		got.Total != 16<<20 || got.Loops != 4 || got.Wait != 90*time.Second {
		t.Errorf("a default is missing: %+v", got)
	}
	if got.Buffer != 0 || got.NoLimit != 0 || got.List != nil || got.Hook != nil ||
		got.hidden != 0 {
		t.Errorf("a field without a default was filled: %+v", got)
	}
}

func TestFillKeepsWhatIsGiven(t *testing.T) {
	given := limits{
		Host: "example.com", Port: -1, Level: 9, Bytes: 1 << 30, Total: 1, Buffer: 1024,
		Loops: 1, Wait: 10 * time.Millisecond, NoLimit: -5, hidden: -5,
	}
	got := given
	if v := Fill(&got, loops); v != nil {
		t.Fatal(v)
	}
	if got.Host != given.Host || got.Port != given.Port || got.Level != given.Level ||
		got.Bytes != given.Bytes || got.Total != given.Total || got.Buffer != given.Buffer ||
		got.Loops != given.Loops || got.Wait != given.Wait || got.NoLimit != given.NoLimit ||
		got.hidden != given.hidden {
		t.Errorf("got %+v, want %+v", got, given)
	}
}

func TestFillNamesTheRange(t *testing.T) {
	for _, tt := range []struct {
		given limits
		field string
		fix   string
	}{
		{limits{Level: -1}, "Level", "-1 is out of range: use 1..9, or 0 for the default 6"},
		{limits{Level: 10}, "Level", "10 is out of range: use 1..9, or 0 for the default 6"},
		{
			limits{Bytes: 1023}, "Bytes",
			"1023 is out of range: use 1024..1073741824, or 0 for the default 262144",
		},
		{
			limits{Bytes: 1<<30 + 1}, "Bytes",
			"1073741825 is out of range: use 1024..1073741824, or 0 for the default 262144",
		},
		{
			limits{Buffer: 1025}, "Buffer",
			"1025 is out of range: use 1..1024, or 0 for the kernel's choice",
		},
		{
			limits{Buffer: -1}, "Buffer",
			"-1 is out of range: use 1..1024, or 0 for the kernel's choice",
		},
		{limits{Loops: 1025}, "Loops", "1025 is out of range: use 1..1024, or 0 for the default 4"},
		{
			limits{Wait: time.Millisecond}, "Wait",
			"1ms is too short: use at least 10ms, or 0 for the default 1m30s",
		},
		{
			limits{Wait: -1, Level: -1}, "Level", // the first of two
			"-1 is out of range: use 1..9, or 0 for the default 6",
		},
	} {
		v := Fill(&tt.given, loops)
		if v == nil || v.Field != tt.field || v.Fix != tt.fix {
			t.Errorf("got %+v, want %s: %s", v, tt.field, tt.fix)
		}
	}
}

// Without a max the range ends with the largest int.
func TestFillWithoutMax(t *testing.T) {
	v := Fill(&limits{Total: -1}, loops)
	if v == nil || v.Field != "Total" || !strings.Contains(v.Fix, "..9223372036854775807, ") &&
		!strings.Contains(v.Fix, "..2147483647, ") {
		t.Errorf("got %+v", v)
	}
}

// A computed default is checked like one that was given.
func TestFillChecksComputedDefaults(t *testing.T) {
	v := Fill(&limits{}, map[string]int{"Loops": 2000})
	want := "2000 is out of range: use 1..1024, or 0 for the default 2000"
	if v == nil || v.Field != "Loops" || v.Fix != want {
		t.Errorf("got %+v, want %s", v, want)
	}
}

func TestFillPanicsOnMistakes(t *testing.T) {
	for name, options := range map[string]any{
		"number": &struct {
			F int `default:"many"`
		}{},
		"unit": &struct {
			F int `default:"1MB"`
		}{},
		"too large": &struct {
			F int `default:"8589934592GiB"`
		}{},
		"duration": &struct {
			F time.Duration `default:"30"`
		}{},
		"range": &struct {
			F int `default:"1" min:"none"`
		}{},
		"end": &struct {
			F int `default:"1" min:"1" max:""`
		}{},
		"type": &struct {
			F float64 `default:"1"`
		}{},
		"what 0 does": &struct {
			F int `min:"1"`
		}{},
	} {
		func() {
			defer func() {
				if text, ok := recover().(string); !ok || !strings.Contains(text, "field F") {
					t.Errorf("%s: recovered %q, want a panic that names the field", name, text)
				}
			}()
			Fill(options, nil)
		}()
	}
}

func TestDifferences(t *testing.T) {
	type options struct {
		Port  int      `config:"port"`
		Keys  []string `config:"keys"`
		Hook  func()   `config:"-"`
		Limit int      `config:"limit" reload:"live"`
	}
	a := options{Port: 1, Keys: nil, Limit: 3}
	b := options{Port: 2, Keys: []string{}, Hook: func() {}, Limit: 4}
	changed, fixed := Differences(&a, &b)
	if len(changed) != 1 || changed[0] != "Limit" || len(fixed) != 1 || fixed[0] != "Port" {
		t.Errorf("changed %q, fixed %q", changed, fixed)
	}
}

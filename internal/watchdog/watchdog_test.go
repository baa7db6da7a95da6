package watchdog

import (
	"testing"
	"time"
)

func TestLook(t *testing.T) {
	const budget = 10
	var w Watch[string]
	for i, step := range []struct {
		runs     string
		finished int64
		now      int
		want     Sight
	}{
		{"", 0, 0, Sight{}},
		{"a", 0, 5, Sight{Active: true}},
		{"a", 0, 14, Sight{Active: true, Held: 9}},
		{"a", 1, 20, Sight{Active: true}},                       // another run of the same
		{"a", 1, 30, Sight{Active: true, Over: true, Held: 10}}, // once
		{"a", 1, 90, Sight{Active: true, Held: 70}},
		{"b", 1, 95, Sight{Active: true, Ended: 70}},
		{"b", 1, 110, Sight{Active: true, Over: true, Held: 15}},
		{"", 2, 120, Sight{Active: true, Ended: 15}},
		{"", 2, 130, Sight{}},
		{"", 5, 140, Sight{Active: true}}, // some ran between two looks
	} {
		got := w.Look(step.runs, step.finished, time.Duration(step.now), budget)
		if got != step.want {
			t.Errorf("look %d: %+v, want %+v", i, got, step.want)
		}
	}
}

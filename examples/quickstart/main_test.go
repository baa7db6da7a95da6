package main

import (
	"bytes"
	"context"
	"testing"
	"time"
)

func TestQuickstart(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	var out bytes.Buffer
	if err := run(ctx, &out); err != nil {
		t.Fatal(err)
	}
	const want = "player 1 joined, 1 in the arena\nplayer 2 joined, 2 in the arena\nplayer 2 saw " +
		"a move to 1,2\n"
	if out.String() != want {
		t.Errorf("printed %q, want %q", out.String(), want)
	}
}

package main

import (
	"context"

	"github.com/smartsocket/smartsocket/client"
	"github.com/smartsocket/smartsocket/room/state"
)

// bot joins as name, runs five steps, and returns where the server has it then.
func bot(ctx context.Context, c *client.Client, name string) (float64, error) {
	field, err := client.StateOf[Field](c, "field")
	if err != nil {
		return 0, err
	}
	joined, at := make(chan string, 1), make(chan float64, 1)
	client.Entries(field, func(f *Field) *state.Map[string, Runner] { return &f.Runners },
		client.EntryListeners[string, Runner]{
			Added: func(id string, r *Runner) {
				if r.Name == name {
					joined <- id
				}
			},
			Changed: func(_ string, r *Runner) {
				if r.Name == name && field.Status().Acked == 5 {
					at <- r.X
				}
			},
		})
	if err := c.Connect(ctx); err != nil {
		return 0, err
	}
	if _, err := client.Request[string](ctx, c, "join", name); err != nil {
		return 0, err
	}
	id := <-joined
	me := client.Predict(field,
		func(f *Field) (Runner, bool) {
			if r := f.Runners.Get(id); r != nil {
				return *r, true
			}
			return Runner{}, false
		}, run)
	defer me.Off()
	for range 5 {
		if _, err := me.Send(Step{DX: 1}); err != nil {
			return 0, err
		}
	}
	select {
	case x := <-at:
		return x, nil
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

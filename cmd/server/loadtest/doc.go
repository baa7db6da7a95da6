// Package loadtest plays many clients against a server and measures how it answers.
//
// The clients are those of package client, so that they do what a player's program does: they
// resume, heed GOAWAY and answer heartbeats. Their number grows over the ramp. Then the measured
// time begins, in which each client emits the events of a mix.
//
// # Open loop
//
// When an event is due follows from the clock and the rate alone, never from answers. Latencies
// count from the moment at which the event was due, so that a server that stands still for a second
// shows in every event of that second, and not in one (no coordinated omission). A question that
// got no answer counts with the time that it has waited. How late this program itself emitted is
// measured as Lag: it is part of the latencies, and where it is large the machine was too small.
//
// # Locks
//
// tally.mu and player.mu are leaves. A callback of a client takes one after the other.
//
// # Reading order
//
// Read plan.go, mix.go and pattern.go (what to do), run.go and player.go (doing it), tally.go (what
// is counted), result.go and threshold.go (what came out), text.go, plot.go and page.go (how it is
// shown).
package loadtest

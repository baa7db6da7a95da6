package admission

import "time"

// Verdict is what Admit decided. The zero Verdict is Admitted.
type Verdict struct {
	Outcome Outcome
	Reason  Reason        // of Later
	Wait    time.Duration // of Throttled and Later: how long until the client may try again
}

// Outcome is the kind of a Verdict.
type Outcome uint8

// The outcomes of Admit.
const (
	Admitted  Outcome = iota
	Full              // has a place for as long as it takes to refuse it in the protocol
	Later             // has no place; the client may come back in a while
	Throttled         // has no place; its address failed to authenticate too often
)

// Reason says which limit was reached.
type Reason uint8

// The reasons of Later.
const (
	None                 Reason = iota
	Connections                 // Limits.Connections and the margin for refusals
	ConnectionsOfAddress        // Limits.ConnectionsPerAddress
	AcceptRate                  // Limits.AcceptRate
	Newcomers                   // Limits.Newcomers
	NewcomersOfAddress          // Limits.NewcomersPerAddress, or Limits.Share
	Pending                     // Limits.Pending, in Arrive
	PendingOfAddress            // the limits of one address, in Arrive
)

var reasons = [...]string{
	None:                 "no limit",
	Connections:          "max connections",
	ConnectionsOfAddress: "max connections of one address",
	AcceptRate:           "too many new connections per second",
	Newcomers:            "too many connections that have not authenticated",
	NewcomersOfAddress:   "too many connections of one address that have not authenticated",
	Pending:              "too many connections that have not sent a request",
	PendingOfAddress:     "too many connections of one address that have not sent a request",
}

// String is the text for the client.
func (r Reason) String() string { return reasons[r] }

// Arriving reports whether the limit is one of new connections rather than of open ones.
func (r Reason) Arriving() bool { return r >= AcceptRate }

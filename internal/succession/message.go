package succession

import (
	"net/netip"
	"time"

	"github.com/smartsocket/smartsocket/internal/grant"
	"github.com/smartsocket/smartsocket/internal/ledger"
	"github.com/smartsocket/smartsocket/internal/session"
)

// MaxBytes is how large a session may be that moves: its events, answers and values.
const MaxBytes = 16 << 20

// Session is a socket with its session, as it goes from one process to the other.
type Session struct {
	ID, Namespace string
	Rooms         []string
	Address       netip.Addr // of its client
	Inflates      bool       // its client takes compressed messages
	Auth          uint32     // of the root package
	Identity      any        // a value that Moves
	Grant         *grant.Terms
	Values        map[string]any // values that Move
	App           []byte         // what the application has made of the rest
	Asked         uint64         // the newest question to the client
	Questions     []uint64       // those that it has not answered
	State         session.State
	Ledger        ledger.State
}

// size is about how many bytes the session has.
func (x *Session) size() int {
	n := x.State.Size() + x.Ledger.Size() + len(x.App) + 1<<10
	for key, v := range x.Values {
		n += len(key) + sizeOf(v)
	}
	return n
}

// Keep notes values of the application and what authentication has said, as far as they move, and
// reports whether all of the values do, and all of the outcome, which may be nil.
func (x *Session) Keep(values map[string]any, outcome *any) (allValues, allOutcome bool) {
	allValues, allOutcome = true, true
	x.Values = make(map[string]any, len(values))
	for key, v := range values {
		if Moves(v) {
			x.Values[key] = v
		} else {
			allValues = false
		}
	}
	if outcome == nil {
		return allValues, allOutcome
	}
	who := grant.Who(*outcome)
	if allOutcome = Moves(who); !allOutcome {
		who = nil
	}
	if g := grant.Of(*outcome); g != nil {
		x.Grant = g.Terms()
		x.Grant.Identity, x.Grant.Values = who, nil // the values are the socket's by now
	} else {
		x.Identity = who
	}
	return allValues, allOutcome
}

// Outcome is the outcome that Keep was given, as far as it has moved; nil for nothing. now is in µs
// since 1970, and margin as for grant.New. The error says that the grant has expired.
func (x *Session) Outcome(now int64, margin time.Duration) (*any, error) {
	who := x.Identity
	if x.Grant != nil {
		var err error
		if who, err = grant.New(x.Grant, now, margin); err != nil {
			return nil, err
		}
	}
	if who == nil {
		return nil, nil
	}
	return &who, nil
}

// kind says what a frame is about.
type kind uint8

const (
	kindAsk    kind = iota + 1 // Token, Ask, Within
	kindNone                   // Ask
	kindHere                   // Ask if it was asked for, Of, Session
	kindEvent                  // To, B
	kindLost                   // Of, ID: so many events
	kindReply                  // Of, ID, B: the answer to a question of the client
	kindDoom                   // Of, Code, Text
	kindAnswer                 // Of, ID, B, Binary, Error: of the client
)

// frame is one thing that is said. Of is the number of a session, which the giver has chosen.
type frame struct {
	Kind    kind
	Ask     uint64
	Token   session.Hash
	Within  time.Duration
	Of      uint64
	To      []uint64
	ID      uint64
	B       []byte
	Binary  bool
	Failed  bool // B is an error
	Code    uint16
	Text    string
	Session *Session
}

// Answer is what a client has answered: data, or an error if that is not nil.
type Answer struct {
	Data   []byte
	Binary bool
	Err    error
}

// Moves reports whether a value of the application can go to another process as it is: a bool, a
// number, a string, or bytes or strings. A nil does.
func Moves(v any) bool {
	switch v.(type) {
	case nil, bool, string, int, int8, int16, int32, int64, uint, uint8, uint16, uint32, uint64,
		float32, float64, []byte, []string:
		return true
	}
	return false
}

func sizeOf(v any) (n int) {
	switch v := v.(type) {
	case string:
		return len(v)
	case []byte:
		return len(v)
	case []string:
		for _, s := range v {
			n += len(s) + 8
		}
		return n
	}
	return 8
}

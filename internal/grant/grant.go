// Package grant checks what an application grants to a client, and says what the client may do and
// until when.
//
//	Terms ── New ──┬── Grant ── Look: Keep ── Warn (once a connection) ── End
//	               └── an error that names the field
//
// There are no locks: a Grant does not change, except for an atomic that notes who was warned.
package grant

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/smartsocket/smartsocket/message"
)

// Terms are what an application grants.
type Terms struct {
	Identity   any
	Values     map[string]any
	Expires    time.Time // zero = never
	Namespaces []string  // patterns; nil = all
	Rooms      []string  // patterns; nil = all
}

// Grant is Terms that were checked. A nil *Grant allows everything for ever. Its methods may be
// called concurrently.
type Grant struct {
	terms  Terms
	end    int64         // µs since 1970, 0 = never
	warn   int64         // when to ask for fresh credentials
	warned atomic.Uint64 // the number of the last connection that was asked
}

// maxName is the longest name in bytes that a pattern may have.
const maxName = 128

// New checks terms at the time now, in µs since 1970. The client is warned once this much time, or
// a quarter of all that there is, is left. It copies the lists, and keeps the map. The error is an
// *message.Error: ERR_CONN_004 for terms that have expired, and ERR_APP_002 for a pattern that
// nobody can have meant.
func New(terms *Terms, now int64, margin time.Duration) (any, error) {
	if terms == nil {
		return nil, message.New(message.CodeHandlerFailed,
			"the Grant is a nil pointer: give an error, or a Grant without limits")
	}
	g := &Grant{terms: *terms}
	if err := check("Namespaces", terms.Namespaces); err != nil {
		return nil, err
	}
	if err := check("Rooms", terms.Rooms); err != nil {
		return nil, err
	}
	g.terms.Rooms = slices.Clone(terms.Rooms)
	g.terms.Namespaces = slices.Clone(terms.Namespaces)
	for i, p := range g.terms.Namespaces {
		g.terms.Namespaces[i] = "/" + strings.Trim(p, "/")
	}
	if terms.Expires.IsZero() {
		return g, nil
	}
	g.end = terms.Expires.UnixMicro()
	rest := g.end - now
	if rest <= 0 {
		return nil, ErrExpired
	}
	g.warn = g.end - min(margin.Microseconds(), rest/4)
	return g, nil
}

// check finds a pattern that cannot be used.
func check(field string, patterns []string) error {
	for _, p := range patterns {
		what := ""
		switch star := strings.IndexByte(p, '*'); {
		case p == "":
			what = "is empty"
		case len(p) > maxName:
			what = fmt.Sprintf("has more than %d bytes", maxName)
		case star >= 0 && star < len(p)-1:
			what = "has a * before its end"
		default:
			continue
		}
		return message.New(message.CodeHandlerFailed, fmt.Sprintf("the pattern %.40q in Grant.%s "+
			"%s: give an exact name, or the beginning of names and a *", p, field, what))
	}
	return nil
}

// allows reports whether one of the patterns fits.
func allows(patterns []string, name string) bool {
	return patterns == nil || slices.ContainsFunc(patterns, func(p string) bool {
		prefix, open := strings.CutSuffix(p, "*")
		return p == name || open && strings.HasPrefix(name, prefix)
	})
}

// Of returns the Grant that an outcome of authentication is, nil if it is an identity alone.
func Of(outcome any) *Grant {
	g, _ := outcome.(*Grant)
	return g
}

// Same reports whether two outcomes of authentication are Grants for one client: their identities
// are equal, and not nil. Identities that cannot be compared are not equal.
func Same(a, b *any) bool {
	if a == nil || b == nil {
		return false
	}
	g, h := Of(*a), Of(*b)
	return g != nil && h != nil && g.terms.Identity != nil &&
		reflect.ValueOf(g.terms.Identity).Comparable() && g.terms.Identity == h.terms.Identity
}

// Who returns the identity that an outcome of authentication is, or has.
func Who(outcome any) any {
	if g := Of(outcome); g != nil {
		return g.terms.Identity
	}
	return outcome
}

// Terms returns a copy of what New was given, with its own lists.
func (g *Grant) Terms() *Terms {
	t := g.terms
	t.Rooms, t.Namespaces = slices.Clone(t.Rooms), slices.Clone(t.Namespaces)
	return &t
}

// Values returns what the application keeps with the client. It is not to be changed.
func (g *Grant) Values() map[string]any {
	if g == nil {
		return nil
	}
	return g.terms.Values
}

// Enters reports whether the client may connect to the namespace with this path.
func (g *Grant) Enters(path string) bool { return g == nil || allows(g.terms.Namespaces, path) }

// Stays is Enters for a client that is in the namespace: an ERR_MSG_005 if it must not be.
func (g *Grant) Stays(path string) error {
	if g.Enters(path) {
		return nil
	}
	return message.New(message.CodeInvalidNamespace, "the Grant does not name the namespace "+
		path+", where the socket is: name it, or disconnect the socket")
}

// Joins returns an ERR_APP_001 if the client must not be in one of the rooms.
func (g *Grant) Joins(rooms []string) error {
	no := g.Refused(rooms)
	if no == nil {
		return nil
	}
	return message.New(message.CodeRejected, fmt.Sprintf(
		"the socket's Grant does not allow the room %.40q: name it in Grant.Rooms", no[0]))
}

// Refused lists the rooms that the client must not be in.
func (g *Grant) Refused(rooms []string) (list []string) {
	if g == nil || g.terms.Rooms == nil {
		return nil
	}
	for _, room := range rooms {
		if !allows(g.terms.Rooms, room) {
			list = append(list, room)
		}
	}
	return list
}

// Step is what is to be done about a grant.
type Step uint8

// The steps, in their order.
const (
	Keep Step = iota
	Warn      // ask the client for fresh credentials
	End       // it has expired
)

// longest is how long Look lets its caller wait.
const longest = 24 * time.Hour

// Look says what is to be done at the time now, in µs since 1970, on the connection with this
// number, which is not 0. Warn comes once for each connection. next is when to look again, 0 if
// there is no need to.
func (g *Grant) Look(now int64, connection uint64) (do Step, next time.Duration) {
	if g == nil || g.end == 0 {
		return Keep, 0
	}
	if now >= g.end {
		return End, 0
	}
	until := g.end
	switch {
	case now < g.warn:
		until = g.warn
	case g.warned.Swap(connection) != connection:
		do = Warn
	}
	if rest := until - now; rest < longest.Microseconds() {
		return do, time.Duration(rest) * time.Microsecond
	}
	return do, longest
}

// Over reports whether the grant has expired at the time now.
func (g *Grant) Over(now int64) bool { return g != nil && g.end != 0 && now >= g.end }

// Reason goes with the close code of a connection that ends with its grant.
const Reason = string(message.CodeAuthFailed) + " expired"

// What clients are told.
var (
	ErrExpired = message.New(message.CodeAuthFailed,
		"the credentials have expired: come back with fresh ones")
	ErrExpiring = &message.Error{Code: message.CodeAuthFailed, Event: "auth",
		Message: "the credentials expire soon: send fresh ones with the event auth"}
)

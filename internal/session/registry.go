package session

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"sync"
	"sync/atomic"
	"time"
)

// Limits bound what is kept.
type Limits struct {
	Events     int           // in one session's ring
	Bytes      int           // of one session's ring
	Age        time.Duration // of one event, and how long a client may be away
	TotalBytes int           // of all rings together, and of what else is added to the account
	Away       int           // sessions whose clients are away
}

// Hash is the digest of a token, the only form of it that is kept.
type Hash [sha256.Size]byte

// HashOf digests a token, or a key that a session is bound to.
func HashOf(secret []byte) Hash { return sha256.Sum256(secret) }

// Registry has the sessions of a server by their tokens. Its methods may be called concurrently.
type Registry struct {
	limits func() Limits
	now    func() time.Duration

	mu      sync.Mutex
	byToken map[Hash]*Session

	away   absent       // the sessions whose clients are away
	rings  atomic.Int64 // bytes of all rings, each event once
	filled atomic.Int64 // sessions whose rings have any
	others atomic.Int64 // bytes that were added from elsewhere

	unread atomic.Int64 // sessions that ended as Unread

	resumed, refused, gaps atomic.Int64 // see Counts
}

// NewRegistry makes an empty registry. Limits may change between two calls of limits. now is the
// time since some start; both are called under locks and must return at once.
func NewRegistry(limits func() Limits, now func() time.Duration) *Registry {
	return &Registry{limits: limits, now: now, byToken: make(map[Hash]*Session)}
}

// Start begins the session n, which was never used, for a peer that is here. It returns the token
// with which the client may come back. key is the digest of what the client authenticated with, and
// the client must present the same when it comes back. The session is held until Done, so that its
// owner can tell the application before anybody resumes it.
func (r *Registry) Start(n *Session, owner Owner, p Peer, key Hash) (token []byte) {
	token, h := newToken()
	n.reg, n.owner, n.key = r, owner, key
	n.at, n.last, n.token = p, p, h
	n.busy = 1
	r.mu.Lock()
	defer r.mu.Unlock()
	r.byToken[h] = n
	return token
}

// Find returns the session that a token opens. It is nil when there is none, or when the session
// belongs to another key, unless same, which may be nil, says that its owner is who asks.
func (r *Registry) Find(token, key Hash, same func(Owner) bool) *Session {
	r.mu.Lock()
	n := r.byToken[token]
	r.mu.Unlock()
	switch {
	case n == nil:
	case hmac.Equal(n.key[:], key[:]), same != nil && same(n.owner):
		return n
	}
	r.refused.Add(1)
	return nil
}

// Counts are those of the clients that came back: of sessions that went on, of those that were not
// found, had ended, or belonged to somebody else, and of those that had missed more than was kept.
type Counts struct{ Resumed, Refused, Gaps int64 }

// Counts returns the counts so far. r may be nil.
func (r *Registry) Counts() Counts {
	if r == nil {
		return Counts{}
	}
	return Counts{r.resumed.Load(), r.refused.Load(), r.gaps.Load()}
}

// Add counts bytes that a session's owner keeps for it elsewhere.
func (r *Registry) Add(bytes int) { r.others.Add(int64(bytes)) }

// Full reports whether all sessions together keep more than they may, and most of it is what was
// added. Otherwise it is for the rings to give way.
func (r *Registry) Full() bool {
	l := r.limits()
	return r.full(l) && r.others.Load() > int64(l.TotalBytes)/2
}

func (r *Registry) full(l Limits) bool { return r.Bytes() > int64(l.TotalBytes) }

// share is what a ring may have in any case: a part of what is left by what others keep, or of half
// of the total.
func (r *Registry) share(l Limits) int {
	rings := max(int64(l.TotalBytes)-r.others.Load(), int64(l.TotalBytes)/2)
	return int(rings / max(r.filled.Load(), 1))
}

// Bytes is what all sessions together keep. What several of them keep counts once.
func (r *Registry) Bytes() int64 { return r.rings.Load() + r.others.Load() }

// Away counts the sessions whose clients are away. r may be nil.
func (r *Registry) Away() int {
	if r == nil {
		return 0
	}
	r.away.mu.Lock()
	defer r.away.mu.Unlock()
	return r.away.n
}

// Unread counts the sessions that ended because their clients came back and took nothing. r may be
// nil.
func (r *Registry) Unread() int64 {
	if r == nil {
		return 0
	}
	return r.unread.Load()
}

// Sweep ends the sessions whose clients have been away for too long, and trims the others: of
// events that are too old, and when all keep too much, of more than a share.
func (r *Registry) Sweep() {
	l, now := r.limits(), r.now()
	expired := func(n *Session) bool { return n.at == nil && n.busy == 0 && now-n.leftAt > l.Age }
	for _, n := range r.all(func(n *Session) bool {
		n.trim(l, now)
		return expired(n)
	}) {
		n.endIf(Expired, func() bool { return expired(n) })
	}
}

// EndAll ends every session.
func (r *Registry) EndAll(why End) {
	for _, n := range r.all(func(*Session) bool { return true }) {
		n.endIf(why, func() bool { return true })
	}
}

// all lists the sessions that match. It calls match under the lock of each session.
func (r *Registry) all(match func(*Session) bool) []*Session {
	var list []*Session
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, n := range r.byToken {
		n.mu.Lock()
		if match(n) {
			list = append(list, n)
		}
		n.mu.Unlock()
	}
	return list
}

// forget takes tokens out of use.
func (r *Registry) forget(tokens ...Hash) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, h := range tokens {
		delete(r.byToken, h)
	}
}

// newToken returns a fresh token and its digest.
func newToken() (token []byte, h Hash) {
	var raw [32]byte
	rand.Read(raw[:])
	token = base64.RawURLEncoding.AppendEncode(nil, raw[:])
	return token, HashOf(token)
}

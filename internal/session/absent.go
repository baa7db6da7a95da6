package session

import "sync"

// absent is the list of the sessions whose clients are away, longest first. It is linked through
// the sessions themselves, so that entering and leaving cost the same however many there are. A
// session in the list keeps its last peer, whose group it is counted for.
type absent struct {
	mu             sync.Mutex
	oldest, newest *Session
	n              int
	of             map[Group]int // sessions by groups
}

func (a *absent) add(n *Session) {
	a.mu.Lock()
	defer a.mu.Unlock()
	n.older = a.newest
	if a.newest != nil {
		a.newest.newer = n
	} else {
		a.oldest = n
	}
	a.newest = n
	a.n++
	if a.of == nil {
		a.of = make(map[Group]int)
	}
	a.of[n.last.Group()]++
}

// has reports whether n is in the list. mu is held.
func (a *absent) has(n *Session) bool { return n.older != nil || a.oldest == n }

func (a *absent) remove(n *Session) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.has(n) {
		return
	}
	if n.older != nil {
		n.older.newer = n.newer
	} else {
		a.oldest = n.newer
	}
	if n.newer != nil {
		n.newer.older = n.older
	} else {
		a.newest = n.older
	}
	n.older, n.newer = nil, nil
	a.n--
	if g := n.last.Group(); a.of[g] > 1 {
		a.of[g]--
	} else {
		delete(a.of, g)
	}
}

// over returns the session that has to go when there are more than most: the one that has been away
// longest, or latest itself when its group has more of them than that one's. So nobody pushes out
// the sessions of others who have fewer.
func (a *absent) over(most int, latest *Session) *Session {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.n <= most:
		return nil
	case a.has(latest) && a.of[latest.last.Group()] > a.of[a.oldest.last.Group()]:
		return latest
	}
	return a.oldest
}

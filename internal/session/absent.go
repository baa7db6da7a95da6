package session

import "sync"

// absent is the list of the sessions whose clients are away, longest first. It is linked through
// the sessions themselves, so that entering and leaving cost the same however many there are.
type absent struct {
	mu             sync.Mutex
	oldest, newest *Session
	n              int
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
}

func (a *absent) remove(n *Session) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if n.older == nil && a.oldest != n {
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
}

// over returns the session that has been away longest when there are more than most.
func (a *absent) over(most int) *Session {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.n <= most {
		return nil
	}
	return a.oldest
}

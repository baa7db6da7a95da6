package hub

import (
	"hash/maphash"
	"sync"
)

// Directory finds the members of many hubs by id, in a time that does not depend on how many hubs
// there are. Make one with NewDirectory. All methods are safe for concurrent use.
type Directory[M any] struct {
	place  func(M) *Place[M]
	home   func(M) *Hub[M]
	seed   maphash.Seed
	shards [shards]shard[M]
}

// shards is how many parts of a Directory can be used at the same time.
const shards = 16

type shard[M any] struct {
	mu  sync.Mutex
	ids map[string]M
}

// NewDirectory makes an empty directory. place returns the Place inside a member, home the hub that
// the member is for. Both are called under a hub's lock: they must neither block nor call the hub,
// and always return the same for one member.
func NewDirectory[M any](place func(M) *Place[M], home func(M) *Hub[M]) *Directory[M] {
	d := &Directory[M]{place: place, home: home, seed: maphash.MakeSeed()}
	for i := range d.shards {
		d.shards[i].ids = make(map[string]M)
	}
	return d
}

// Find returns the member with an id, in whichever hub it is.
func (d *Directory[M]) Find(id string) (m M, ok bool) {
	s := d.shard(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	m, ok = s.ids[id]
	return m, ok
}

func (d *Directory[M]) shard(id string) *shard[M] {
	return &d.shards[maphash.String(d.seed, id)%shards]
}

func (d *Directory[M]) add(id string, m M) {
	s := d.shard(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ids[id] = m
}

func (d *Directory[M]) remove(id string) {
	s := d.shard(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.ids, id)
}

// find returns the Place of the member of h with an id, nil if there is none. The caller holds the
// lock of h, so that it stays.
func (d *Directory[M]) find(h *Hub[M], id string) *Place[M] {
	if m, ok := d.Find(id); ok && d.home(m) == h {
		return d.place(m)
	}
	return nil
}

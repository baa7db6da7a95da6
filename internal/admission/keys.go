package admission

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
)

// Keys is the list of keys that clients may present. It keeps digests only,
// under a key of this process, so that neither a comparison nor a dump of its
// memory tells anything about the keys. Immutable.
type Keys struct {
	mac  [32]byte
	list map[[32]byte]bool
}

// NewKeys copies what it needs of keys. It returns nil for an empty list: no key is needed then.
func NewKeys(keys []string) *Keys {
	if len(keys) == 0 {
		return nil
	}
	k := &Keys{list: make(map[[32]byte]bool)}
	rand.Read(k.mac[:])
	for _, key := range keys {
		k.list[k.digest([]byte(key))] = true
	}
	return k
}

func (k *Keys) digest(key []byte) (d [32]byte) {
	h := hmac.New(sha256.New, k.mac[:])
	h.Write(key)
	h.Sum(d[:0])
	return d
}

// Allow reports whether key is in the list. It borrows key.
func (k *Keys) Allow(key []byte) bool { return k.list[k.digest(key)] }

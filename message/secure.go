package message

import (
	"github.com/smartsocket/smartsocket/crypto"
)

// Ends holds one side's two ends of an encrypted connection. Call Seal in the order of sending and
// Open in the order of arrival. Ends is not safe for concurrent use, except that one goroutine may
// seal while another one opens.
type Ends struct {
	sealer *crypto.Sealer
	opener *crypto.Opener
}

// errOpen is the one answer to every record that cannot be opened.
var errOpen = &Error{Code: CodeDecryption,
	Message: "an encrypted message does not open: give both sides the same key, and look for " +
		"what changes bytes between them"}

// errKey is the one answer to every handshake that does not prove the key.
var errKey = &Error{Code: CodeAuthFailed,
	Message: "authentication failed: give client and server the same encryption key and " +
		"algorithm, and a valid API key"}

// Seal appends msg, a whole binary message, to dst as one SEALED message. It borrows msg until it
// returns. It allocates nothing if dst has room for msg and Overhead.
func (e *Ends) Seal(dst, msg []byte) []byte { return e.sealer.Seal(dst, byte(KindSealed), msg) }

// Overhead is the number of bytes by which a SEALED message can be longer than its content.
func (e *Ends) Overhead() int { return e.sealer.Overhead() }

// Open decrypts one SEALED message in place and returns the binary message inside, which borrows b.
// Everything else, and everything that cannot be opened, is ERR_MSG_003; the connection must then
// be closed.
func (e *Ends) Open(b []byte) ([]byte, error) {
	if len(b) == 0 || b[0] != byte(KindSealed) {
		return nil, errOpen
	}
	msg, err := e.opener.Open(b)
	if err != nil {
		return nil, errOpen
	}
	return msg, nil
}

// fieldSealed is the last field of CONNECT. Version, random, algorithm and key id come before it in
// clear; on an encrypted connection all other fields are inside it.
const fieldSealed = 5

// AppendSealedConnect appends the CONNECT of a client that encrypts. Version, random, algorithm and
// key id are in clear. Everything else is sealed under keys that depend on all of hello and on the
// part in clear. AppendSealedConnect sets the random, the algorithm and the key id itself and
// ignores those of c. random must be 32 fresh random bytes. It returns ERR_CONN_004 if the server
// does not offer the algorithm; nothing secret has been written then.
func AppendSealedConnect(
	dst, hello []byte, c *Connect, key *crypto.Key, alg crypto.Algorithm, random []byte,
) ([]byte, *Ends, error) {
	h, err := ParseHello(hello)
	if err != nil {
		return dst, nil, err
	}
	if !offers(h.Algorithms, alg) || len(h.Random) != crypto.RandomSize {
		return dst, nil, errKey
	}
	id := key.ID()
	start := len(dst)
	dst = AppendConnect(dst, &Connect{Version: c.Version, Random: random, Algorithm: uint64(alg),
		KeyID: id[:]})
	hs := crypto.Handshake{Algorithm: alg, ClientRandom: random, ServerRandom: h.Random,
		Transcript: transcript(hello, dst[start:])}
	ends := new(Ends)
	if ends.sealer, ends.opener, err = hs.ClientEnd(key); err != nil {
		return dst[:start], nil, errKey
	}
	inner := AppendConnect(nil, &Connect{Namespace: c.Namespace, APIKey: c.APIKey,
		SessionToken: c.SessionToken, LastSeq: c.LastSeq, CanInflate: c.CanInflate,
		CanMove: c.CanMove, Client: c.Client})
	return appendBytes(dst, fieldSealed, ends.Seal(nil, inner)), ends, nil
}

// OpenConnect reads the CONNECT of a client that must encrypt with one of keys and with the
// algorithm that hello offered. Every failure, whatever its cause, is the same ERR_CONN_004. The
// Connect borrows msg, which is changed in place.
func OpenConnect(
	hello, msg []byte, keys []*crypto.Key, alg crypto.Algorithm,
) (Connect, *Ends, error) {
	h, err := ParseHello(hello)
	if err != nil {
		return Connect{}, nil, errKey
	}
	c, err := ParseConnect(msg)
	if err != nil || c.Sealed == nil || c.Algorithm != uint64(alg) ||
		len(c.Random) != crypto.RandomSize {
		return Connect{}, nil, errKey
	}
	clear := msg[:len(msg)-len(appendBytes(nil, fieldSealed, c.Sealed))]
	hs := crypto.Handshake{Algorithm: alg, ClientRandom: c.Random, ServerRandom: h.Random,
		Transcript: transcript(hello, clear)}
	// An unknown key id is treated like a wrong key and takes as long.
	key := keys[0]
	for _, k := range keys {
		if id := k.ID(); string(id[:]) == string(c.KeyID) {
			key = k
		}
	}
	ends := new(Ends)
	if ends.sealer, ends.opener, err = hs.ServerEnd(key); err != nil {
		return Connect{}, nil, errKey
	}
	inner, err := ends.Open(c.Sealed)
	if err != nil {
		return Connect{}, nil, errKey
	}
	in, err := ParseConnect(inner)
	if err != nil {
		return Connect{}, nil, errKey
	}
	in.Version, in.Random, in.Algorithm, in.KeyID = c.Version, c.Random, c.Algorithm, c.KeyID
	return in, ends, nil
}

func offers(list []byte, alg crypto.Algorithm) bool {
	for _, a := range list {
		if a == byte(alg) {
			return true
		}
	}
	return false
}

func transcript(hello, clear []byte) []byte {
	t := make([]byte, 0, len(hello)+len(clear))
	return append(append(t, hello...), clear...)
}

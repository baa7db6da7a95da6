//go:build !js

package message

import (
	"bytes"
	"errors"
	"testing"

	"github.com/smartsocket/smartsocket/crypto"
)

var sealings = []crypto.Algorithm{crypto.AES256GCM, crypto.AES256CBC}

// greeting is a HELLO, and the sealed CONNECT of a client that answers it.
func greeting(
	t *testing.T, key *crypto.Key, alg crypto.Algorithm,
) (hello, connect []byte, c *Ends) {
	t.Helper()
	id := key.ID()
	hello = AppendHello(nil, &Hello{Version: Version, Random: bytes.Repeat([]byte{7}, 32),
		Algorithms: []byte{byte(alg)}, KeyIDs: id[:]})
	connect, c, err := AppendSealedConnect(nil, hello, &Connect{Version: Version,
		Namespace: []byte("/game"), APIKey: []byte("very secret"), SessionToken: []byte("token"),
		LastSeq: 77, CanInflate: true, Client: []byte("test")}, key, alg,
		bytes.Repeat([]byte{9}, 32))
	if err != nil {
		t.Fatal(err)
	}
	return hello, connect, c
}

func newKeys(n int) (keys []*crypto.Key) {
	for range n {
		key := crypto.GenerateKey()
		keys = append(keys, &key)
	}
	return keys
}

// A client that has any of the server's keys is let in, its secrets are in no clear part, and both
// ends open what the other one seals, in order and nothing else.
func TestSealedConnect(t *testing.T) {
	for _, alg := range sealings {
		keys := newKeys(3)
		for _, key := range keys {
			hello, connect, client := greeting(t, key, alg)
			for _, secret := range []string{"very secret", "token", "/game"} {
				if bytes.Contains(connect, []byte(secret)) {
					t.Errorf("%v: %q is in clear", alg, secret)
				}
			}
			c, server, err := OpenConnect(hello, connect, keys, alg)
			if err != nil {
				t.Fatalf("%v: %v", alg, err)
			}
			id := key.ID()
			if string(c.Namespace) != "/game" || string(c.APIKey) != "very secret" ||
				string(c.SessionToken) != "token" || c.LastSeq != 77 || !c.CanInflate ||
				string(c.Client) != "test" || c.Version != Version ||
				!bytes.Equal(c.KeyID, id[:]) || c.Algorithm != uint64(alg) {
				t.Errorf("%v: %+v", alg, c)
			}
			for i := range 20 {
				msg := bytes.Repeat([]byte{byte(i)}, i*13)
				for _, pair := range [][2]*Ends{{client, server}, {server, client}} {
					sealed := pair[0].Seal([]byte("kept"), msg)
					if len(sealed)-4 > len(msg)+pair[0].Overhead() ||
						sealed[4] != byte(KindSealed) {
						t.Fatalf("%v: %d bytes became %d", alg, len(msg), len(sealed)-4)
					}
					got, err := pair[1].Open(sealed[4:])
					if err != nil || !bytes.Equal(got, msg) {
						t.Fatalf("%v: %d bytes: %v", alg, len(msg), err)
					}
				}
			}
			first := client.Seal(nil, []byte("first"))
			again := bytes.Clone(first)
			if _, err := server.Open(first); err != nil {
				t.Fatal(err)
			}
			if _, err := server.Open(again); !errors.Is(err, &Error{Code: CodeDecryption}) {
				t.Errorf("%v: a replayed message: %v", alg, err)
			}
		}
	}
}

// A handshake that is changed, cut or mixed up in any way is refused, with one error for all.
func TestSealedConnectRefuses(t *testing.T) {
	refused := func(what string, hello, connect []byte, keys []*crypto.Key, alg crypto.Algorithm) {
		t.Helper()
		_, ends, err := OpenConnect(hello, bytes.Clone(connect), keys, alg)
		if err != error(errKey) || ends != nil {
			t.Errorf("%v, %s: %v", alg, what, err)
		}
	}
	for i, alg := range sealings {
		keys := newKeys(2)
		hello, connect, _ := greeting(t, keys[0], alg)
		refused("another key", hello, connect, newKeys(2), alg)
		refused("another algorithm", hello, connect, keys, sealings[1-i])
		refused("no HELLO", nil, connect, keys, alg)
		refused("nothing", hello, nil, keys, alg)
		refused("in clear", hello, AppendConnect(nil, &Connect{Version: Version,
			Namespace: []byte("/game"), Algorithm: uint64(alg),
			Random: make([]byte, 32)}), keys, alg)
		for at := range connect {
			changed := bytes.Clone(connect)
			changed[at] ^= 1
			refused("a changed CONNECT", hello, changed, keys, alg)
			refused("a cut CONNECT", hello, connect[:at], keys, alg)
		}
		for at := range hello {
			changed := bytes.Clone(hello)
			changed[at] ^= 1
			refused("a changed HELLO", changed, connect, keys, alg)
		}
		if _, _, err := AppendSealedConnect(nil, hello, new(Connect), keys[0], sealings[1-i],
			make([]byte, 32)); err != error(errKey) {
			t.Errorf("%v: an algorithm that was not offered: %v", alg, err)
		}
		dst, _, err := AppendSealedConnect([]byte("kept"), AppendHello(nil, &Hello{Version: Version,
			Random: make([]byte, 31), Algorithms: []byte{byte(alg)}}), new(Connect), keys[0], alg,
			make([]byte, 32))
		if err == nil || string(dst) != "kept" {
			t.Errorf("%v: a short random: %q, %v", alg, dst, err)
		}
	}
}

// Whatever is not a SEALED message of this connection is ERR_MSG_003.
func TestOpenRefuses(t *testing.T) {
	for _, alg := range sealings {
		keys := newKeys(1)
		hello, connect, client := greeting(t, keys[0], alg)
		_, server, err := OpenConnect(hello, connect, keys, alg)
		if err != nil {
			t.Fatal(err)
		}
		sealed := client.Seal(nil, []byte("message"))
		for kind := range 256 {
			b := bytes.Clone(sealed)
			if b[0] = byte(kind); b[0] == byte(KindSealed) {
				continue
			}
			if got, err := server.Open(b); err != error(errOpen) || got != nil {
				t.Errorf("%v, first byte %d: %q, %v", alg, kind, got, err)
			}
		}
		for n := range sealed {
			got, err := server.Open(bytes.Clone(sealed[:n]))
			if err != error(errOpen) || got != nil {
				t.Errorf("%v, %d bytes: %q, %v", alg, n, got, err)
			}
		}
		if got, err := server.Open(sealed); err != nil || string(got) != "message" {
			t.Errorf("%v: %q, %v", alg, got, err)
		}
	}
}

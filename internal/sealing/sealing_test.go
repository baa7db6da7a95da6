package sealing

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/smartsocket/smartsocket/crypto"
	"github.com/smartsocket/smartsocket/message"
)

func newKey(t testing.TB) *crypto.Key {
	t.Helper()
	key := crypto.GenerateKey()
	return &key
}

// meet lets a client with a key connect, and returns both ends.
func meet(
	t testing.TB, k *Keyring, key *crypto.Key, alg crypto.Algorithm,
) (*message.Ends, *Line, error) {
	t.Helper()
	random := make([]byte, 32)
	rand.Read(random)
	hello := message.AppendHello(nil, &message.Hello{
		Version: message.Version, Random: random,
		Algorithms: []byte{byte(k.Algorithm())}, KeyIDs: k.IDs()})
	c := message.Connect{Version: message.Version, Namespace: []byte("/game")}
	p, client, err := message.AppendSealedConnect(nil, hello, &c, key, alg, random)
	if err != nil {
		t.Fatal(err)
	}
	m, line, err := k.Connect(hello, p)
	if err == nil && string(m.Namespace) != "/game" {
		t.Errorf("CONNECT asks for %q", m.Namespace)
	}
	return client, line, err
}

func TestEveryKeyOfTheRingOpens(t *testing.T) {
	for _, alg := range []crypto.Algorithm{crypto.AES256GCM, crypto.AES256CBC} {
		primary, previous := newKey(t), newKey(t)
		k := New(alg, primary, previous)
		for name, key := range map[string]*crypto.Key{"primary": primary, "previous": previous} {
			client, line, err := meet(t, k, key, alg)
			if err != nil {
				t.Fatalf("%v, %s: %v", alg, name, err)
			}
			line.Send([]byte("down"), func(sealed []byte) {
				if got, err := client.Open(sealed); err != nil || string(got) != "down" {
					t.Errorf("%v, %s: %q, %v", alg, name, got, err)
				}
			})
			got, err := line.Open(client.Seal(nil, []byte("up")))
			if err != nil || string(got) != "up" {
				t.Errorf("%v, %s: %q, %v", alg, name, got, err)
			}
			if _, err := line.Open([]byte("in clear")); err == nil {
				t.Errorf("%v, %s: a message in clear was opened", alg, name)
			}
		}
		_, line, err := meet(t, k, newKey(t), alg)
		if line != nil || !errors.Is(err, message.ErrAuthFailed) {
			t.Errorf("%v, a stranger's key: %v", alg, err)
		}
	}
}

// Whoever sends, records are opened in the order in which they are passed on.
func TestSealedInTheOrderOfSending(t *testing.T) {
	key := newKey(t)
	client, line, err := meet(t, New(crypto.AES256GCM, key), key, crypto.AES256GCM)
	if err != nil {
		t.Fatal(err)
	}
	var sent [][]byte
	var all sync.WaitGroup
	for g := range 4 {
		all.Go(func() {
			for i := range 200 {
				line.Send(fmt.Append(nil, g, i), func(p []byte) {
					sent = append(sent, bytes.Clone(p))
				})
			}
		})
	}
	all.Wait()
	for i, p := range sent {
		if _, err := client.Open(p); err != nil {
			t.Fatalf("record %d of %d: %v", i, len(sent), err)
		}
	}
}

func TestSendDoesNotAllocate(t *testing.T) {
	key := newKey(t)
	_, line, err := meet(t, New(crypto.AES256GCM, key), key, crypto.AES256GCM)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{20, 4 << 10} {
		b, total := make([]byte, n), 0
		if a := testing.AllocsPerRun(200, func() {
			line.Send(b, func(p []byte) { total += len(p) })
		}); a != 0 {
			t.Errorf("%d bytes: %.1f allocations", n, a)
		}
	}
}

func TestParseOptions(t *testing.T) {
	key, other := newKey(t).Encode(), newKey(t).Encode()
	const cbc, gcm = "aes-256-cbc", "aes-256-gcm"
	for what, c := range map[string]struct {
		o     Options
		keys  int
		field string // of the option that cannot be used
	}{
		"no key":          {Options{Algorithm: cbc}, 0, ""},
		"a key":           {Options{Algorithm: gcm, Key: key}, 1, ""},
		"two keys":        {Options{Algorithm: cbc, Key: key, Previous: other}, 2, ""},
		"a key, enabled":  {Options{Algorithm: cbc, Key: key, Enabled: true}, 1, ""},
		"a key, disabled": {Options{Algorithm: cbc, Key: key, Disabled: true}, 0, ""},
		"unknown algorithm": {
			Options{Algorithm: "rot13", Disabled: true}, 0, "EncryptionAlgorithm",
		},
		"enabled alone":  {Options{Algorithm: cbc, Enabled: true}, 0, "EncryptionKey"},
		"previous alone": {Options{Algorithm: cbc, Previous: key}, 0, "PreviousEncryptionKey"},
		"no key at all":  {Options{Algorithm: cbc, Key: "x"}, 0, "EncryptionKey"},
		"no previous key": {
			Options{Algorithm: cbc, Key: key, Previous: "x"}, 0, "PreviousEncryptionKey",
		},
	} {
		k, wrong := Parse(c.o)
		if c.field != "" {
			if wrong == nil || wrong.Field != c.field || wrong.Fix == "" {
				t.Errorf("%s: %+v, want a fix for %s", what, wrong, c.field)
			}
			continue
		}
		if wrong != nil || (k != nil) != (c.keys > 0) {
			t.Errorf("%s: %v, %+v", what, k, wrong)
			continue
		}
		if k != nil && (len(k.keys) != c.keys || k.Algorithm().String() != c.o.Algorithm) {
			t.Errorf("%s: %d keys for %v", what, len(k.keys), k.Algorithm())
		}
	}
}

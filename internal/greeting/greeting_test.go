package greeting

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/smartsocket/smartsocket/crypto"
	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/internal/sealing"
	"github.com/smartsocket/smartsocket/message"
)

func TestHello(t *testing.T) {
	key := crypto.GenerateKey()
	keys := sealing.New(crypto.AES256GCM, &key)
	given := message.Hello{AuthRequired: true, MaxMessageBytes: 1 << 20, HandshakeTimeout: 5000}
	var randoms [2][]byte
	for i, k := range []*sealing.Keyring{nil, keys} {
		h, err := message.ParseHello(Hello(k, given).B)
		if err != nil {
			t.Fatal(err)
		}
		if h.Version != message.Version || !h.AuthRequired || h.ResumeSupported ||
			h.MaxMessageBytes != 1<<20 || h.HandshakeTimeout != 5000 {
			t.Errorf("%+v", h)
		}
		if encrypts := len(h.Algorithms) == 1; encrypts != (k != nil) ||
			encrypts && !bytes.Equal(h.KeyIDs, keys.IDs()) {
			t.Errorf("algorithms %v, keys %v", h.Algorithms, h.KeyIDs)
		}
		randoms[i] = h.Random
	}
	if bytes.Equal(randoms[0], randoms[1]) {
		t.Error("two HELLOs have the same random bytes")
	}
}

func TestConnect(t *testing.T) {
	key, random := crypto.GenerateKey(), make([]byte, message.RandomSize)
	keys := sealing.New(crypto.AES256GCM, &key)
	hello := Hello(keys, message.Hello{}).B
	sealed := func(version uint64) []byte {
		p, _, err := message.AppendSealedConnect(nil, hello,
			&message.Connect{Version: version, Namespace: []byte("/game")}, &key,
			crypto.AES256GCM, random)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	plain := func(version uint64) []byte {
		return message.AppendConnect(nil, &message.Connect{
			Version: version, Random: random, Namespace: []byte("/game")})
	}
	for what, c := range map[string]struct {
		keys *sealing.Keyring
		op   frame.Opcode
		p    []byte
		code message.Code // "" = it connects
		line bool         // what is said is encrypted
	}{
		"plain":  {nil, frame.Binary, plain(1), "", false},
		"sealed": {keys, frame.Binary, sealed(1), "", true},
		"text":   {nil, frame.Text, plain(1), message.CodeInvalidFormat, false},
		"too long": {
			nil, frame.Binary, make([]byte, MaxBytes+1), message.CodeInvalidFormat, false,
		},
		"no CONNECT":      {nil, frame.Binary, []byte{0xff}, message.CodeInvalidFormat, false},
		"without a key":   {keys, frame.Binary, plain(1), message.CodeAuthFailed, false},
		"only its key":    {nil, frame.Binary, sealed(1), message.CodeAuthFailed, false},
		"version":         {nil, frame.Binary, plain(2), message.CodeHandshakeFailed, false},
		"sealed version":  {keys, frame.Binary, sealed(2), message.CodeHandshakeFailed, true},
		"nothing at all":  {nil, frame.Binary, nil, message.CodeInvalidFormat, false},
		"sealed nonsense": {keys, frame.Binary, []byte{2}, message.CodeAuthFailed, false},
	} {
		m, line, no := Connect(c.keys, hello, c.op, c.p)
		if no == nil && (c.code != "" || string(m.Namespace) != "/game") ||
			no != nil && no.Code != c.code || (line != nil) != c.line {
			t.Errorf("%s: %+v, line %t, %v", what, m, line != nil, no)
		}
	}
}

func TestQueue(t *testing.T) {
	var q Queue
	if q.Add(frame.Text, make([]byte, MaxBytes+1)) || len(q) != 0 {
		t.Error("it took a message that is too long")
	}
	p := make([]byte, 2)
	for i := range MaxEarly {
		copy(p, fmt.Sprintf("%02d", i))
		if !q.Add(frame.Binary, p) {
			t.Fatalf("it does not take message %d", i)
		}
	}
	if q.Add(frame.Binary, p) || len(q) != MaxEarly {
		t.Error("it took one too many")
	}
	// docs/PROTOCOL.md and the error name these numbers.
	if longest := new(Queue); len(q) != 16 || !longest.Add(frame.Text, make([]byte, 4096)) ||
		longest.Add(frame.Text, make([]byte, 4097)) {
		t.Error("the bounds are not 16 messages of 4096 bytes")
	}
	for i, e := range q {
		if want := fmt.Sprintf("%02d", i); string(e.P) != want || e.Op != frame.Binary {
			t.Errorf("message %d is %q of opcode %v", i, e.P, e.Op)
		}
	}
}

package test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/crypto"
	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/message"
)

func TestEncryptedConversation(t *testing.T) {
	for _, alg := range []crypto.Algorithm{crypto.AES256GCM, crypto.AES256CBC} {
		t.Run(alg.String(), func(t *testing.T) {
			key, text := newKey()
			old, oldText := newKey()
			v := startServer(t, Options{
				EncryptionKey: text, PreviousEncryptionKey: oldText,
				EncryptionAlgorithm: alg.String(),
			}, func(v *Server) { v.Namespace("/game").On("echo", echo) })
			a, ok := dialSealed(t, v, "/game", &key, alg)
			b, ok2 := dialSealed(t, v, "/game", &old, alg)
			if !ok || !ok2 {
				t.Fatal("a right key was refused")
			}
			for i := range 50 {
				for _, w := range []*sealedWire{a, b} {
					w.emitSealed("echo", fmt.Sprint(i))
					m := w.open()
					if string(m.Event) != "echo" || string(m.Payload) != fmt.Sprint(i) {
						t.Fatalf("echo %d came back as %q %q", i, m.Event, m.Payload)
					}
				}
			}
			if d, err := v.Emit("all", "hello"); err != nil || d.Queued != 2 {
				t.Fatalf("%+v %v", d, err)
			}
			for _, w := range []*sealedWire{a, b} {
				if m := w.open(); string(m.Payload) != `"hello"` {
					t.Fatalf("broadcast came as %q", m.Payload)
				}
			}
			long := strings.Repeat("compress me ", 500)
			v.Emit("long", long)
			if m := a.open(); m.Flags&message.FlagDeflated == 0 || len(m.Payload) > 500 {
				t.Errorf("6 KB of repetition came in %d bytes, flags %x", len(m.Payload), m.Flags)
			}
		})
	}
}

func TestEncryptionFailsClosed(t *testing.T) {
	key, text := newKey()
	other, _ := newKey()
	o := Options{EncryptionKey: text, EncryptionAlgorithm: "aes-256-gcm"}
	v := startServer(t, o, func(v *Server) {
		v.On("echo", func(*Socket, Data, Ack) { t.Error("a handler ran") })
	})
	t.Run("wrong key", func(t *testing.T) {
		w, ok := dialSealed(t, v, "/", &other, crypto.AES256GCM)
		if ok {
			t.Fatal("a wrong key was accepted")
		}
		w.wantClose(3500)
	})
	t.Run("plaintext CONNECT", func(t *testing.T) {
		w := dialWire(t, v, "/", message.Subprotocol)
		w.message()
		w.sendConnect(message.Connect{})
		w.wantError(message.CodeAuthFailed)
		w.wantClose(3500)
	})
	t.Run("plain client", func(t *testing.T) {
		if r, _ := tryUpgrade(t, v, ""); r.StatusCode != 401 {
			t.Fatalf("got HTTP %d", r.StatusCode)
		}
	})
	event := eventBytes(0, 0, "echo", "")
	for name, bad := range map[string]func(*sealedWire) []byte{
		"plaintext after the handshake": func(w *sealedWire) []byte { return event },
		"flipped bit": func(w *sealedWire) []byte {
			rec := w.ends.Seal(nil, event)
			rec[5] ^= 1
			return rec
		},
		"lost record": func(w *sealedWire) []byte {
			w.ends.Seal(nil, []byte("lost"))
			return w.ends.Seal(nil, event)
		},
		"cut": func(w *sealedWire) []byte { return w.ends.Seal(nil, event)[:10] },
	} {
		t.Run(name, func(t *testing.T) {
			w, ok := dialSealed(t, v, "/", &key, crypto.AES256GCM)
			if !ok {
				t.Fatal("refused")
			}
			w.send(frame.Binary, bad(w))
			if m := w.open(); codeOf(m) != message.CodeDecryption {
				t.Fatalf("kind %d %q", m.Kind, m.Payload)
			}
			w.wantClose(3502)
		})
	}
}

// When any bit is changed on its way, the connection is closed and nothing is delivered.
func TestFlippedBitsInTransitAreNeverDelivered(t *testing.T) {
	key, text := newKey()
	o := Options{EncryptionKey: text, HandshakeTimeout: 300 * time.Millisecond}
	v := startServer(t, o, func(v *Server) {
		v.On("say", func(_ *Socket, d Data, _ Ack) {
			if string(d.Bytes()) != `"the truth"` {
				t.Errorf("delivered: %q", d.Bytes())
			}
		})
	})
	w, ok := dialSealed(t, v, "/", &key, crypto.AES256CBC)
	if !ok {
		t.Fatal("refused")
	}
	said := eventBytes(0, 0, "say", `"the truth"`)
	rec := w.ends.Seal(nil, said)
	w.nc.Close()
	for bit := 0; bit < len(rec)*8; bit += 5 {
		w, ok := dialSealed(t, v, "/", &key, crypto.AES256CBC)
		if !ok {
			t.Fatal("refused")
		}
		rec := w.ends.Seal(nil, said)
		rec[bit/8] ^= 1 << (bit % 8)
		w.send(frame.Binary, rec)
		w.wantClose(3502)
		w.nc.Close()
	}
}

func TestEncryptionOptions(t *testing.T) {
	const short = "k3mZ7x9pQ2vL8nR5tY1hJ4bF6wS0dA2eK9mX7cP3vN="
	const alg, previous = "EncryptionAlgorithm", "PreviousEncryptionKey"
	_, text := newKey()
	for name, c := range map[string]struct {
		o     Options
		field string
	}{
		"on without a key":  {Options{EnableEncryption: smartsocket.Enabled}, "EncryptionKey"},
		"short key":         {Options{EncryptionKey: short}, "EncryptionKey"},
		"unknown algorithm": {Options{EncryptionKey: text, EncryptionAlgorithm: "rot13"}, alg},
		"bad previous key":  {Options{EncryptionKey: text, PreviousEncryptionKey: "x"}, previous},
		"no key to precede": {Options{PreviousEncryptionKey: text}, previous},
		"unused algorithm":  {Options{EncryptionAlgorithm: "rot13"}, alg},
		"off although a key": {
			Options{EncryptionKey: text, EnableEncryption: smartsocket.Disabled}, "",
		},
	} {
		_, err := smartsocket.New(c.o)
		var oe *smartsocket.OptionError
		switch {
		case c.field == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case c.field != "" && (!errors.As(err, &oe) || oe.Field != c.field):
			t.Errorf("%s: %v", name, err)
		}
		key := c.o.EncryptionKey
		if err != nil && len(key) > 1 && strings.Contains(err.Error(), key) {
			t.Errorf("%s: the error repeats the key", name)
		}
	}
}

// The wire of an encrypted connection shows neither names nor data.
func TestNothingReadableOnTheWire(t *testing.T) {
	key, text := newKey()
	v := startServer(t, Options{EncryptionKey: text}, func(v *Server) {
		v.Namespace("/secret-place").On("echo", echo)
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var seen bytes.Buffer
	done := make(chan struct{})
	go func() {
		defer close(done)
		in, err := l.Accept()
		if err != nil {
			return
		}
		out, err := net.Dial("tcp", v.Addr().String())
		if err != nil {
			return
		}
		go func() {
			io.Copy(out, io.TeeReader(in, &seen))
			out.Close()
		}()
		io.Copy(in, out)
		in.Close()
	}()
	w := &sealedWire{wire: dialWireAt(t, l.Addr().String(), "/", message.Subprotocol)}
	secret := message.Connect{Namespace: []byte("/secret-place"), APIKey: []byte("secret-key")}
	w.connectSealed(secret, &key, crypto.AES256CBC)
	w.open()
	w.emitSealed("echo", `"secret-data"`)
	w.open()
	w.nc.Close()
	<-done
	word := []byte("secret")
	for _, word := range [][]byte{word, masked(frame.Binary, word)[6:]} {
		if bytes.Contains(seen.Bytes(), word) {
			t.Errorf("the wire shows %q", word)
		}
	}
}

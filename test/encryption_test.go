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

func newKey() (crypto.Key, string) {
	k := crypto.GenerateKey()
	return k, k.Encode()
}

// sealedWire is a wire that has done the encrypted handshake.
type sealedWire struct {
	*wire
	ends *message.Ends
}

// dialSealed connects with a key; ok is false when the server refuses.
func dialSealed(t testing.TB, v *smartsocket.Server, namespace string, key *crypto.Key, alg crypto.Algorithm) (w *sealedWire, ok bool) {
	t.Helper()
	w = &sealedWire{wire: dialWire(t, v, "/", message.Subprotocol)}
	_, hello := w.next()
	connect, ends, err := message.AppendSealedConnect(nil, hello, &message.Connect{Version: 1, Namespace: []byte(namespace), CanInflate: true}, key, alg, bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	w.ends = ends
	w.send(frame.Binary, connect)
	_, p := w.next()
	if len(p) > 0 && p[0] == byte(message.KindSealed) {
		plain, err := ends.Open(p)
		if err != nil {
			t.Fatal(err)
		}
		if a, err := message.ParseConnectAck(plain); err == nil {
			w.id = string(a.SocketID)
			return w, true
		}
	}
	if e, err := message.ParseErrorJSON(p[1:]); err != nil || e.Code != message.CodeAuthFailed {
		t.Fatalf("the server answers %q, neither CONNECT_ACK nor ERR_CONN_004", p)
	}
	return w, false
}

func (w *sealedWire) emitSealed(event, payload string) {
	w.send(frame.Binary, w.ends.Seal(nil, append(message.AppendEventHeader(nil, 0, 0, 0, event), payload...)))
}

func (w *sealedWire) open() message.Message {
	w.t.Helper()
	_, p := w.next()
	plain, err := w.ends.Open(p)
	if err == nil && plain[0] == byte(message.KindPing) {
		return w.open()
	}
	if err != nil {
		w.t.Fatalf("a message of the server does not open: %v %q", err, p)
	}
	m, err := message.Parse(plain)
	if err != nil {
		w.t.Fatal(err)
	}
	return m
}

func TestEncryptedConversation(t *testing.T) {
	for _, alg := range []crypto.Algorithm{crypto.AES256GCM, crypto.AES256CBC} {
		t.Run(alg.String(), func(t *testing.T) {
			key, text := newKey()
			old, oldText := newKey()
			v := startServer(t, smartsocket.Options{EncryptionKey: text, PreviousEncryptionKey: oldText, EncryptionAlgorithm: alg.String()}, func(v *smartsocket.Server) {
				v.Namespace("/game").On("echo", echo)
			})
			a, ok := dialSealed(t, v, "/game", &key, alg)
			b, ok2 := dialSealed(t, v, "/game", &old, alg)
			if !ok || !ok2 {
				t.Fatal("a right key was refused")
			}
			for i := range 50 {
				for _, w := range []*sealedWire{a, b} {
					w.emitSealed("echo", fmt.Sprint(i))
					if m := w.open(); string(m.Event) != "echo" || string(m.Payload) != fmt.Sprint(i) {
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
	v := startServer(t, smartsocket.Options{EncryptionKey: text, EncryptionAlgorithm: "aes-256-gcm"}, func(v *smartsocket.Server) {
		v.On("echo", func(*smartsocket.Socket, smartsocket.Data, smartsocket.Ack) { t.Error("a handler ran") })
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
		w.send(frame.Binary, message.AppendConnect(nil, &message.Connect{Version: 1}))
		if e, err := message.ParseErrorJSON(w.message().Payload); err != nil || e.Code != message.CodeAuthFailed {
			t.Fatalf("%v %v", e, err)
		}
		w.wantClose(3500)
	})
	t.Run("plain client", func(t *testing.T) {
		w := dialPlain(t, v, "/")
		if _, p := w.next(); !strings.Contains(string(p), "ERR_CONN_004") {
			t.Fatalf("got %q", p)
		}
		w.wantClose(3500)
	})
	for name, bad := range map[string]func(*sealedWire) []byte{
		"plaintext after the handshake": func(w *sealedWire) []byte { return message.AppendEventHeader(nil, 0, 0, 0, "echo") },
		"flipped bit": func(w *sealedWire) []byte {
			rec := w.ends.Seal(nil, message.AppendEventHeader(nil, 0, 0, 0, "echo"))
			rec[5] ^= 1
			return rec
		},
		"lost record": func(w *sealedWire) []byte {
			w.ends.Seal(nil, []byte("lost"))
			return w.ends.Seal(nil, message.AppendEventHeader(nil, 0, 0, 0, "echo"))
		},
		"cut": func(w *sealedWire) []byte {
			return w.ends.Seal(nil, message.AppendEventHeader(nil, 0, 0, 0, "echo"))[:10]
		},
	} {
		t.Run(name, func(t *testing.T) {
			w, ok := dialSealed(t, v, "/", &key, crypto.AES256GCM)
			if !ok {
				t.Fatal("refused")
			}
			w.send(frame.Binary, bad(w))
			if m := w.open(); m.Kind != message.KindError || !strings.Contains(string(m.Payload), "ERR_MSG_003") {
				t.Fatalf("kind %d %q", m.Kind, m.Payload)
			}
			w.wantClose(3502)
		})
	}
}

// Whoever changes any bit between two honest ends gets the connection closed and nothing delivered.
func TestFlippedBitsInTransitAreNeverDelivered(t *testing.T) {
	key, text := newKey()
	v := startServer(t, smartsocket.Options{EncryptionKey: text, HandshakeTimeout: 300 * time.Millisecond}, func(v *smartsocket.Server) {
		v.On("say", func(_ *smartsocket.Socket, d smartsocket.Data, _ smartsocket.Ack) {
			if string(d.Bytes()) != `"the truth"` {
				t.Errorf("delivered: %q", d.Bytes())
			}
		})
	})
	w, ok := dialSealed(t, v, "/", &key, crypto.AES256CBC)
	if !ok {
		t.Fatal("refused")
	}
	rec := w.ends.Seal(nil, append(message.AppendEventHeader(nil, 0, 0, 0, "say"), `"the truth"`...))
	w.nc.Close()
	for bit := 0; bit < len(rec)*8; bit += 5 {
		w, ok := dialSealed(t, v, "/", &key, crypto.AES256CBC)
		if !ok {
			t.Fatal("refused")
		}
		rec := w.ends.Seal(nil, append(message.AppendEventHeader(nil, 0, 0, 0, "say"), `"the truth"`...))
		rec[bit/8] ^= 1 << (bit % 8)
		w.send(frame.Binary, rec)
		w.wantClose(3502)
		w.nc.Close()
	}
}

func TestEncryptionOptions(t *testing.T) {
	_, text := newKey()
	for name, c := range map[string]struct {
		o     smartsocket.Options
		field string
	}{
		"on without a key":   {smartsocket.Options{EnableEncryption: smartsocket.Enabled}, "EncryptionKey"},
		"short key":          {smartsocket.Options{EncryptionKey: "k3mZ7x9pQ2vL8nR5tY1hJ4bF6wS0dA2eK9mX7cP3vN="}, "EncryptionKey"},
		"unknown algorithm":  {smartsocket.Options{EncryptionKey: text, EncryptionAlgorithm: "rot13"}, "EncryptionAlgorithm"},
		"bad previous key":   {smartsocket.Options{EncryptionKey: text, PreviousEncryptionKey: "x"}, "PreviousEncryptionKey"},
		"no key to precede":  {smartsocket.Options{PreviousEncryptionKey: text}, "PreviousEncryptionKey"},
		"unused algorithm":   {smartsocket.Options{EncryptionAlgorithm: "rot13"}, "EncryptionAlgorithm"},
		"off although a key": {smartsocket.Options{EncryptionKey: text, EnableEncryption: smartsocket.Disabled}, ""},
	} {
		_, err := smartsocket.New(c.o)
		var oe *smartsocket.OptionError
		switch {
		case c.field == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case c.field != "" && (!errors.As(err, &oe) || oe.Field != c.field):
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && len(c.o.EncryptionKey) > 1 && strings.Contains(err.Error(), c.o.EncryptionKey) {
			t.Errorf("%s: the error repeats the key", name)
		}
	}
}

// The wire of an encrypted connection shows neither names nor data.
func TestNothingReadableOnTheWire(t *testing.T) {
	key, text := newKey()
	v := startServer(t, smartsocket.Options{EncryptionKey: text}, func(v *smartsocket.Server) { v.Namespace("/secret-place").On("echo", echo) })
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
	_, hello := w.next()
	connect, ends, _ := message.AppendSealedConnect(nil, hello, &message.Connect{Version: 1, Namespace: []byte("/secret-place"), APIKey: []byte("secret-key")}, &key, crypto.AES256CBC, bytes.Repeat([]byte{7}, 32))
	w.ends = ends
	w.send(frame.Binary, connect)
	w.open()
	w.emitSealed("echo", `"secret-data"`)
	w.open()
	w.nc.Close()
	<-done
	masked := frame.AppendMaskedFrame(nil, frame.Binary, false, []byte("secret"), [4]byte{1, 2, 3, 4})[6:]
	for _, word := range [][]byte{[]byte("secret"), masked} {
		if bytes.Contains(seen.Bytes(), word) {
			t.Errorf("the wire shows %q", word)
		}
	}
}

package test

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/crypto"
	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/message"
)

// A46: whatever a client puts into names, paths, reasons and errors, every line of the log begins
// as the server's lines do, and none is forged.
func TestAttackLogInjection(t *testing.T) {
	const forged = "\n[smartsocket] [error] forged\x1b[31m"
	var log logBuffer
	v := startServer(t, Options{Logger: log.logger()}, func(v *Server) {
		v.On("fail", func(s *Socket, d Data, ack Ack) { panic(string(d.Bytes())) })
		v.Use(func(_ *Socket, event string, d Data, next func(error)) {
			if event == "refuse" {
				next(errors.New("no: " + forged))
				return
			}
			next(nil)
		})
		v.On("refuse", echo)
		smartsocket.On(v, "typed", func(*Socket, int, Ack) {})
	})
	w := dialFull(t, v, "/")
	for _, event := range []string{"x" + forged, "fail", "refuse", "typed", "\u2028\u202eevil"} {
		w.emit(event, `"\n[smartsocket] [error] forged"`)
	}
	refusal := `{"code":"ERR_APP_001","message":"\n[smartsocket] [error] forged"}`
	w.send(frame.Binary, append([]byte{byte(message.KindError)}, refusal...))
	w.request(1, "nothing", "")
	for {
		if m := w.message(); m.Kind == message.KindError && m.Flags&message.FlagAck != 0 {
			break
		}
	}
	w.send(frame.Close, append([]byte{0x03, 0xe8}, forged...))
	w.wantClose(1000)
	plain := dialPlain(t, v, "/%0a%5bsmartsocket%5d%20%5berror%5d%20forged")
	plain.wantClose(3501)
	eventually(t, "the panic in the log", func() bool {
		return strings.Contains(log.String(), "panicked")
	})
	for _, line := range strings.Split(strings.TrimSuffix(log.String(), "\n"), "\n") {
		at, rest, _ := strings.Cut(line, " ")
		if _, err := time.Parse(time.RFC3339Nano, at); err != nil ||
			!strings.HasPrefix(rest, "[smartsocket] [") ||
			strings.HasPrefix(rest, "[smartsocket] [error] forged") {
			t.Errorf("a line that the server did not write: %q", line)
		}
		if strings.ContainsAny(line, "\x1b\r\x00") {
			t.Errorf("a line with control characters: %q", line)
		}
	}
}

// The server does not repeat in its log what an application's own code says about a payload or a
// key that it was given.
func TestAttackSecretsInErrorsOfTheApplication(t *testing.T) {
	const payload, guess = "the payload of a message", "a-guess-at-the-api-key"
	var log logBuffer // at debug, because trace shows payloads
	v := startServer(t, Options{
		Logger: slog.New(smartsocket.NewLogHandler(&log, slog.LevelDebug)),
		Authenticate: func(_ context.Context, r smartsocket.AuthRequest) (any, error) {
			if r.APIKey == "panic-"+guess {
				panic("unknown key " + r.APIKey)
			}
			if r.APIKey == guess {
				return nil, fmt.Errorf("unknown key %q", r.APIKey)
			}
			return nil, nil
		},
	}, func(v *Server) {
		v.Use(func(_ *Socket, _ string, d Data, next func(error)) {
			var at time.Time
			if err := d.Decode(&at); err != nil { // time's error quotes what it cannot read
				next(fmt.Errorf("middleware: %w", err))
				return
			}
			next(nil)
		})
		v.On("e", echo)
	})
	for _, key := range []string{guess, "panic-" + guess} {
		w := dialWire(t, v, "/", message.Subprotocol)
		w.next()
		w.sendConnect(message.Connect{APIKey: []byte(key)})
		w.wantClose(3500)
	}
	w := dialFull(t, v, "/")
	w.emit("e", `"`+payload+`"`)
	eventually(t, "all three in the log", func() bool {
		text := log.String()
		return strings.Contains(text, "authentication refused") &&
			strings.Contains(text, "hook panicked") && strings.Contains(text, "error on a socket")
	})
	for _, secret := range []string{payload, guess} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("%q is in the log:\n%s", secret, log.String())
		}
	}
	if !strings.Contains(log.String(), "unknown key") {
		t.Errorf("the hook's error is not in the log:\n%s", log.String())
	}
}

// A38: no key and no token is in the log, at any level, and no payload at any but trace; nor in an
// error that a client or the program gets.
func TestAttackSecretsInTheLog(t *testing.T) {
	const apiKey, guess = "the-api-key-of-this-test", "a-guess-at-the-api-key"
	const payload = "the payload of a message"
	key, text := newKey()
	var log logBuffer
	v := startServer(t, Options{
		Logger: log.logger(), APIKeys: []string{apiKey}, EnableMessageCache: true,
		EncryptionKey: text, EncryptionAlgorithm: "aes-256-gcm",
	}, func(v *Server) {
		v.On("fail", panics)
		smartsocket.On(v, "typed", func(*Socket, int, Ack) {})
	})
	var token string
	for _, k := range []string{apiKey, guess} {
		w := &sealedWire{wire: dialWire(t, v, "/", message.Subprotocol)}
		w.connectSealed(message.Connect{APIKey: []byte(k)}, &key, crypto.AES256GCM)
		_, p := w.next()
		plain, err := w.ends.Open(p)
		if err != nil {
			t.Fatal(err)
		}
		if k == guess {
			w.wantClose(3500)
			continue
		}
		a, err := message.ParseConnectAck(plain)
		if err != nil {
			t.Fatalf("%v %q", err, plain)
		}
		token = string(a.SessionToken)
		for _, event := range []string{"fail", "typed", "nobody"} {
			w.emitSealed(event, `"`+payload+`"`)
		}
		w.send(frame.Binary, w.ends.Seal(nil, []byte("\x04\x7f"+payload)))
		w.send(frame.Binary, []byte("\x0f"+payload))
		w.wantClose(3502)
	}
	if token == "" {
		t.Fatal("no session token came")
	}
	eventually(t, "the panic in the log", func() bool {
		return strings.Contains(log.String(), "panicked")
	})
	short := Options{EncryptionKey: text[:43], TLSConfig: new(tls.Config)}
	_, wrong := smartsocket.New(short)
	if wrong == nil {
		t.Fatal("a key of 31 bytes was accepted")
	}
	raw, _ := base64.StdEncoding.DecodeString(text)
	for _, secret := range []string{apiKey, guess, payload, text, text[:43], string(raw), token} {
		for line := range strings.Lines(log.String()) {
			if strings.Contains(line, secret) &&
				(secret != payload || !strings.Contains(line, "[smartsocket] [trace] data ")) {
				t.Errorf("%q is in the log: %s", secret, line)
			}
		}
		if strings.Contains(wrong.Error(), secret) {
			t.Errorf("%q is in the error %v", secret, wrong)
		}
	}
}

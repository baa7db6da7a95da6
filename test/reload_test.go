package test

import (
	"bufio"
	"errors"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/crypto"
	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/message"
)

func TestReload(t *testing.T) {
	o := smartsocket.Options{Host: "127.0.0.1", Port: -1, RateLimitMaxRequests: 2, APIKeys: []string{"key-number-one"}}
	v := startServer(t, o, joiner)
	echo := func(s *smartsocket.Socket, d smartsocket.Data, ack smartsocket.Ack) { ack.Reply(d) }
	v.On("x", echo, smartsocket.Inline)
	var a resumer
	a.connect(t, v, "/", "key-number-one")
	for id := range uint64(2) {
		a.request(id+1, "x", "1")
		a.wantAck(id+1, "1")
	}
	a.request(3, "x", "1")
	a.wantNack(3, message.CodeRateLimited)
	a.message() // the notice

	o.RateLimitMaxRequests, o.APIKeys, o.MaxConnections = 100, []string{"key-number-two"}, 1
	changed, err := v.Reload(o)
	if want := []string{"APIKeys", "RateLimitMaxRequests", "MaxConnections"}; err != nil || !slices.Equal(changed, want) {
		t.Fatalf("%v, %v, want %v", changed, err, want)
	}
	a.request(4, "x", "1")
	a.wantAck(4, "1")
	full := dialWire(t, v, "/", message.Subprotocol)
	full.wantClose(frame.CloseCode(message.CloseBusy))
	o.MaxConnections = 0
	if changed, err = v.Reload(o); err != nil || !slices.Equal(changed, []string{"MaxConnections"}) {
		t.Fatalf("%v, %v", changed, err)
	}
	refused := dialWire(t, v, "/", message.Subprotocol)
	refused.message()
	refused.send(frame.Binary, message.AppendConnect(nil, &message.Connect{Version: 1, APIKey: []byte("key-number-one")}))
	refused.wantClose(frame.CloseCode(message.CloseAuth))
	var b resumer
	b.connect(t, v, "/", "key-number-two")
	if changed, err = v.Reload(o); err != nil || len(changed) != 0 {
		t.Errorf("the same options again: %v, %v", changed, err)
	}
}

// Reload is all or nothing, and names what is wrong.
func TestReloadRefuses(t *testing.T) {
	base := smartsocket.Options{Host: "127.0.0.1", Port: -1, RateLimitMaxRequests: 1}
	v := startServer(t, base, nil)
	v.On("x", func(_ *smartsocket.Socket, d smartsocket.Data, ack smartsocket.Ack) { ack.Reply(d) })
	key := crypto.GenerateKey()
	for field, change := range map[string]func(o *smartsocket.Options){
		"CompressionLevel":        func(o *smartsocket.Options) { o.CompressionLevel = 99 },
		"AllowedOrigins":          func(o *smartsocket.Options) { o.AllowedOrigins = []string{"nonsense"} },
		"MaxMessageBytes":         func(o *smartsocket.Options) { o.MaxMessageBytes = 1 << 10 },
		"Host":                    func(o *smartsocket.Options) { o.Host = "0.0.0.0" },
		"EncryptionKey":           func(o *smartsocket.Options) { o.EncryptionKey = key.Encode() },
		"EnableMessageCache":      func(o *smartsocket.Options) { o.EnableMessageCache = true },
		"TrustedProxies":          func(o *smartsocket.Options) { o.TrustedProxies = []string{"here"} },
		"CompressionThreshold":    func(o *smartsocket.Options) { o.CompressionThreshold = -1 },
		"EnableConnectionPooling": func(o *smartsocket.Options) { o.EnableConnectionPooling = smartsocket.Disabled },
	} {
		o := base
		o.RateLimitMaxRequests = 1000
		change(&o)
		changed, err := v.Reload(o)
		var bad *smartsocket.OptionError
		if !errors.As(err, &bad) || bad.Field != field || changed != nil {
			t.Errorf("%s: changed %v, error %v", field, changed, err)
		}
	}
	w := dialFull(t, v, "/")
	w.request(1, "x", "1")
	w.wantAck(1, "1")
	w.request(2, "x", "1")
	w.wantNack(2, message.CodeRateLimited) // a refused reload changed nothing
}

// The encryption key is rotated without a restart.
func TestReloadRotatesKeys(t *testing.T) {
	first, second := crypto.GenerateKey(), crypto.GenerateKey()
	o := smartsocket.Options{Host: "127.0.0.1", Port: -1, EncryptionKey: first.Encode(), EncryptionAlgorithm: "aes-256-gcm"}
	v := startServer(t, o, nil)
	opens := func(key crypto.Key) bool {
		w := dialWire(t, v, "/", message.Subprotocol)
		_, hello := w.next()
		sealed, ends, err := message.AppendSealedConnect(nil, hello, &message.Connect{Version: 1, Random: make([]byte, 32)}, &key, crypto.AES256GCM, make([]byte, 32))
		if err != nil {
			t.Fatal(err)
		}
		w.send(frame.Binary, sealed)
		_, p := w.next()
		_, err = ends.Open(p)
		return err == nil
	}
	if !opens(first) || opens(second) {
		t.Fatal("before the change")
	}
	o.EnableRateLimiting = smartsocket.Disabled
	o.EncryptionKey, o.PreviousEncryptionKey = second.Encode(), first.Encode()
	if _, err := v.Reload(o); err != nil {
		t.Fatal(err)
	}
	if !opens(first) || !opens(second) {
		t.Error("both keys must work during the change")
	}
	o.PreviousEncryptionKey = ""
	if _, err := v.Reload(o); err != nil {
		t.Fatal(err)
	}
	if opens(first) || !opens(second) {
		t.Error("after the change the new key alone must work")
	}
}

// Reload under traffic: run with -race.
func TestReloadWhileEventsFlow(t *testing.T) {
	o := smartsocket.Options{Host: "127.0.0.1", Port: -1, EnableRateLimiting: smartsocket.Disabled}
	v := startServer(t, o, nil)
	v.On("x", func(_ *smartsocket.Socket, d smartsocket.Data, ack smartsocket.Ack) { ack.Reply(d) })
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			w := dialFull(t, v, "/")
			for id := range uint64(200) {
				w.request(id+1, "x", "1")
				w.wantAck(id+1, "1")
			}
		})
	}
	for i := range 200 {
		o.RateLimitMaxRequests, o.CompressionThreshold = 1000+i, 100+i
		o.AckTimeout = time.Duration(i+1) * time.Second
		if _, err := v.Reload(o); err != nil {
			t.Fatal(err)
		}
	}
	wg.Wait()
}

func TestReloadOrigins(t *testing.T) {
	o := smartsocket.Options{Host: "127.0.0.1", Port: -1, EnableRateLimiting: smartsocket.Disabled}
	v := startServer(t, o, nil)
	status := func() string {
		nc, err := net.Dial("tcp", v.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		nc.SetDeadline(time.Now().Add(patience))
		nc.Write(frame.AppendRequest(nil, v.Addr().String(), "/", frame.NewKey(), "https://game.example", "", "", ""))
		line, err := bufio.NewReader(nc).ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		return line[9:12]
	}
	for _, want := range []string{"403", "101", "403"} {
		if got := status(); got != want {
			t.Errorf("HTTP %s, want %s", got, want)
		}
		o.AllowedOrigins = map[string][]string{"403": {"https://game.example"}}[want]
		if _, err := v.Reload(o); err != nil {
			t.Fatal(err)
		}
	}
}

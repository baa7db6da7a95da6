package test

import (
	"bufio"
	"errors"
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
	o := Options{Host: "127.0.0.1", Port: -1, RateLimitMaxRequests: 2}
	o.APIKeys = []string{"key-number-one"}
	v := startServer(t, o, joiner)
	v.On("x", reply, smartsocket.Inline)
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
	want := []string{ // MaxUnauthenticated follows MaxConnections
		"APIKeys", "MaxUnauthenticated", "RateLimitMaxRequests", "MaxConnections"}
	if err != nil || !slices.Equal(changed, want) {
		t.Fatalf("%v, %v, want %v", changed, err, want)
	}
	a.request(4, "x", "1")
	a.wantAck(4, "1")
	full := dialWire(t, v, "/", message.Subprotocol)
	full.wantClose(frame.CloseCode(message.CloseBusy))
	o.MaxConnections = 0
	changed, err = v.Reload(o)
	want = []string{"MaxUnauthenticated", "MaxConnections"}
	if err != nil || !slices.Equal(changed, want) {
		t.Fatalf("%v, %v", changed, err)
	}
	refused := dialWire(t, v, "/", message.Subprotocol)
	refused.message()
	refused.sendConnect(message.Connect{APIKey: []byte("key-number-one")})
	refused.wantClose(frame.CloseCode(message.CloseAuth))
	var b resumer
	b.connect(t, v, "/", "key-number-two")
	if changed, err = v.Reload(o); err != nil || len(changed) != 0 {
		t.Errorf("the same options again: %v, %v", changed, err)
	}
}

// Reload takes over all of the options or none, and names the field that is wrong.
func TestReloadRefuses(t *testing.T) {
	base := Options{Host: "127.0.0.1", Port: -1, RateLimitMaxRequests: 1}
	v := startServer(t, base, nil)
	v.On("x", reply)
	key, off := crypto.GenerateKey(), smartsocket.Disabled
	for field, change := range map[string]func(o *Options){
		"CompressionLevel":        func(o *Options) { o.CompressionLevel = 99 },
		"AllowedOrigins":          func(o *Options) { o.AllowedOrigins = []string{"nonsense"} },
		"MaxMessageBytes":         func(o *Options) { o.MaxMessageBytes = 1 << 10 },
		"Host":                    func(o *Options) { o.Host = "0.0.0.0" },
		"EncryptionKey":           func(o *Options) { o.EncryptionKey = key.Encode() },
		"EnableMessageCache":      func(o *Options) { o.EnableMessageCache = true },
		"TrustedProxies":          func(o *Options) { o.TrustedProxies = []string{"here"} },
		"CompressionThreshold":    func(o *Options) { o.CompressionThreshold = -1 },
		"EnableConnectionPooling": func(o *Options) { o.EnableConnectionPooling = off },
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

// TestReloadWithoutCompression: a server that does not compress takes a reload that leaves that as
// it is, and one that compresses none that turns it off, nor the other way round.
func TestReloadWithoutCompression(t *testing.T) {
	for _, tt := range []struct {
		before, after int
		refused       bool
	}{{-1, -1, false}, {-1, 0, true}, {-1, 100, true}, {0, 100, false}, {100, -1, true}} {
		o := Options{Host: "127.0.0.1", Port: -1, CompressionThreshold: tt.before}
		v := startServer(t, o, nil)
		o.CompressionThreshold, o.RateLimitMaxRequests = tt.after, 7
		_, err := v.Reload(o)
		var bad *smartsocket.OptionError
		if errors.As(err, &bad) != tt.refused || tt.refused && bad.Field != "CompressionThreshold" {
			t.Errorf("from %d to %d: %v", tt.before, tt.after, err)
		}
	}
}

// The encryption key is rotated without a restart.
func TestReloadRotatesKeys(t *testing.T) {
	first, second := crypto.GenerateKey(), crypto.GenerateKey()
	o := Options{Host: "127.0.0.1", Port: -1, EncryptionKey: first.Encode()}
	o.EncryptionAlgorithm = "aes-256-gcm"
	v := startServer(t, o, nil)
	opens := func(key crypto.Key) bool {
		w := &sealedWire{wire: dialWire(t, v, "/", message.Subprotocol)}
		w.connectSealed(message.Connect{}, &key, crypto.AES256GCM)
		_, p := w.next()
		_, err := w.ends.Open(p)
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

// Reload works under traffic. The race detector has something to look at here.
func TestReloadWhileEventsFlow(t *testing.T) {
	o := Options{Host: "127.0.0.1", Port: -1, EnableRateLimiting: smartsocket.Disabled}
	v := startServer(t, o, nil)
	v.On("x", reply)
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
	o := Options{Host: "127.0.0.1", Port: -1, EnableRateLimiting: smartsocket.Disabled}
	v := startServer(t, o, nil)
	status := func() string {
		const origin = "https://game.example"
		request := frame.AppendRequest(nil, "x", "/", frame.NewKey(), origin, "", "", "")
		nc := dialRaw(t, v, string(request))
		defer nc.Close()
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

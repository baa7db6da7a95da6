package smartsocket_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/client"
	"github.com/smartsocket/smartsocket/crypto"
)

// A running server takes more addresses, whose clients are in the same rooms.
func TestAddListener(t *testing.T) {
	v, err := smartsocket.New(smartsocket.Options{Host: "127.0.0.1", Port: -1})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	more := l.Addr()
	if err := v.AddListener(l, false); !errors.Is(err, smartsocket.ErrClosed) {
		t.Error("before Start:", err)
	}
	if err := v.Start(); err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	first := v.Addr()
	if err := v.AddListener(l, true); err == nil {
		t.Error("TLS without a certificate")
	}
	if err := v.AddListener(l, false); err != nil || v.Addr() != first {
		t.Fatalf("%v beside %v, %v", v.Addr(), first, err)
	}
	heard := make(chan string, 2)
	for _, addr := range []string{first.String(), more.String()} {
		c, err := client.New("ws://"+addr, client.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Disconnect()
		client.On(c, "news", func(text string, _ client.Ack) { heard <- text })
		if err := c.Connect(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	v.Emit("news", "x")
	for range 2 {
		<-heard
	}
	v.Close()
	if err := v.AddListener(l, false); !errors.Is(err, smartsocket.ErrClosed) {
		t.Error("after Close:", err)
	}
}

// Each warning is there when it should be, and a plain local server gets none.
func TestStartWarnings(t *testing.T) {
	const origins, level = "allowedOrigins is *", "compressionLevel costs"
	const auth, clear, cbc = "anybody who reaches", "neither encrypted", "aes-256-cbc;"
	known := []string{origins, level, auth, clear, cbc}
	keys := []string{"long-enough-key"}
	key := crypto.GenerateKey()
	for _, tt := range []struct {
		o    smartsocket.Options
		want []string
	}{
		{smartsocket.Options{}, nil},
		{smartsocket.Options{Host: "127.0.0.1"}, nil},
		{smartsocket.Options{Host: "0.0.0.0"}, []string{auth, clear}},
		{smartsocket.Options{Host: "0.0.0.0", APIKeys: keys}, []string{clear}},
		{smartsocket.Options{Host: "0.0.0.0", EncryptionKey: key.Encode()}, []string{cbc}},
		{smartsocket.Options{EncryptionKey: key.Encode(), EncryptionAlgorithm: "aes-256-gcm"}, nil},
		{
			smartsocket.Options{AllowedOrigins: []string{"*"}, CompressionLevel: 7},
			[]string{origins, level},
		},
		{smartsocket.Options{CompressionLevel: 9, CompressionThreshold: -1}, nil},
	} {
		checkStartWarnings(t, tt.o, tt.want, known, (*smartsocket.Server).Start)
		checkStartWarnings(t, tt.o, tt.want, known, (*smartsocket.Server).StartDetached)
	}
}

// checkStartWarnings starts a server and looks for lines in its log: for all of wanted, and for no
// other of known.
func checkStartWarnings(
	t *testing.T, o smartsocket.Options, wanted, known []string,
	start func(*smartsocket.Server) error,
) {
	t.Helper()
	var log bytes.Buffer
	o.Port = -1
	o.Logger = slog.New(smartsocket.NewLogHandler(&log, slog.LevelInfo))
	v, err := smartsocket.New(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := start(v); err != nil {
		t.Fatal(err)
	}
	v.Close()
	for _, line := range known {
		want := slices.Contains(wanted, line)
		if strings.Contains(log.String(), line) != want {
			t.Errorf("host %q, %q: said %v, want %v", o.Host, line, !want, want)
		}
	}
}

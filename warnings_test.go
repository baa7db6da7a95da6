package smartsocket_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/crypto"
)

// TestStartWarnings: each is there when it should be, and a plain local server gets none.
func TestStartWarnings(t *testing.T) {
	const origins, level, auth, clear, cbc = "allowedOrigins is *", "compressionLevel costs", "anybody who reaches", "neither encrypted", "aes-256-cbc;"
	key := crypto.GenerateKey()
	for _, tt := range []struct {
		o    smartsocket.Options
		want []string
	}{
		{smartsocket.Options{}, nil},
		{smartsocket.Options{Host: "127.0.0.1"}, nil},
		{smartsocket.Options{Host: "0.0.0.0"}, []string{auth, clear}},
		{smartsocket.Options{Host: "0.0.0.0", APIKeys: []string{"long-enough-key"}}, []string{clear}},
		{smartsocket.Options{Host: "0.0.0.0", EncryptionKey: key.Encode()}, []string{cbc}},
		{smartsocket.Options{EncryptionKey: key.Encode(), EncryptionAlgorithm: "aes-256-gcm"}, nil},
		{smartsocket.Options{AllowedOrigins: []string{"*"}, CompressionLevel: 7}, []string{origins, level}},
		{smartsocket.Options{CompressionLevel: 9, CompressionThreshold: -1}, nil},
	} {
		var log bytes.Buffer
		tt.o.Port = -1
		tt.o.Logger = slog.New(smartsocket.NewLogHandler(&log, slog.LevelInfo))
		v, err := smartsocket.New(tt.o)
		if err != nil {
			t.Fatal(err)
		}
		if err := v.Start(); err != nil {
			t.Fatal(err)
		}
		v.Close()
		for _, line := range []string{origins, level, auth, clear, cbc} {
			want := false
			for _, w := range tt.want {
				want = want || w == line
			}
			if strings.Contains(log.String(), line) != want {
				t.Errorf("host %q, %q: said %v, want %v", tt.o.Host, line, !want, want)
			}
		}
	}
}

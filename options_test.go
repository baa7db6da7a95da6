package smartsocket_test

import (
	"errors"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
)

func TestOptionErrorsNameTheField(t *testing.T) {
	for field, o := range map[string]smartsocket.Options{
		"Port":                 {Port: 70000},
		"MaxConnections":       {MaxConnections: -1},
		"CompressionLevel":     {CompressionLevel: 10},
		"CompressionThreshold": {CompressionThreshold: -2},
		"ConnectionTimeout":    {ConnectionTimeout: time.Millisecond},
		"AllowedOrigins":       {AllowedOrigins: []string{"example.com"}},
	} {
		_, err := smartsocket.New(o)
		var oe *smartsocket.OptionError
		if !errors.As(err, &oe) || oe.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
}

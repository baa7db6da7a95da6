package smartsocket_test

import (
	"errors"
	"math"
	"runtime"
	"strconv"
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

// The texts tell the user what to write instead.
func TestOptionErrorsNameTheRange(t *testing.T) {
	for _, tt := range []struct {
		o    smartsocket.Options
		want string
	}{
		{
			smartsocket.Options{MaxConnections: -1},
			"MaxConnections: -1 is out of range: use 1..16777216, or 0 for the default 10000",
		},
		{
			smartsocket.Options{Loops: 1025},
			"Loops: 1025 is out of range: use 1..1024, or 0 for the default " +
				strconv.Itoa(runtime.GOMAXPROCS(0)),
		},
		{
			smartsocket.Options{Workers: -1},
			"Workers: -1 is out of range: use 1..1048576, or 0 for the default " +
				strconv.Itoa(64*runtime.GOMAXPROCS(0)),
		},
		{
			smartsocket.Options{MessageCacheTotalBytes: -1},
			"MessageCacheTotalBytes: -1 is out of range: use 1.." + strconv.Itoa(math.MaxInt) +
				", or 0 for the default 268435456",
		},
		{
			smartsocket.Options{SendBufferBytes: -1},
			"SendBufferBytes: -1 is out of range: use 1..1073741824, or 0 for the kernel's choice",
		},
		{
			smartsocket.Options{InlineBudget: time.Microsecond},
			"InlineBudget: 1µs is too short: use at least 100µs, or 0 for the default 10ms",
		},
		{
			smartsocket.Options{Port: -2},
			"Port: -2 is no port: use 1..65535, or -1 for any free one",
		},
		{
			smartsocket.Options{AcceptRate: -1},
			"AcceptRate: -1 is no number of connections: use 0 for no limit",
		},
	} {
		_, err := smartsocket.New(tt.o)
		if want := "smartsocket: Options." + tt.want; err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}

// What the texts offer is taken: -1 for no limit or any port, and nothing below it.
func TestOptionsWithoutALimit(t *testing.T) {
	for field, set := range map[string]func(o *smartsocket.Options, n int){
		"MaxUnauthenticatedPerAddress": func(o *smartsocket.Options, n int) {
			o.MaxUnauthenticatedPerAddress = n
		},
		"FailureLimit":         func(o *smartsocket.Options, n int) { o.FailureLimit = n },
		"CompressionThreshold": func(o *smartsocket.Options, n int) { o.CompressionThreshold = n },
		"Port":                 func(o *smartsocket.Options, n int) { o.Port = n },
	} {
		var without, below smartsocket.Options
		set(&without, -1)
		if _, err := smartsocket.New(without); err != nil {
			t.Errorf("without a limit: %v", err)
		}
		set(&below, -2)
		var oe *smartsocket.OptionError
		if _, err := smartsocket.New(below); !errors.As(err, &oe) || oe.Field != field {
			t.Errorf("%s of -2: %v", field, err)
		}
	}
}

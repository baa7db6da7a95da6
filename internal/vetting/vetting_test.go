package vetting

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket/internal/opening"
	"github.com/smartsocket/smartsocket/message"
)

// source is a connection of a client.
type source struct{}

func (source) RemoteAddr() net.Addr {
	return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 80}
}
func (source) TLS() *tls.ConnectionState { return nil }
func (source) Context() context.Context  { return context.Background() }

const head = "GET /game?ticket=very-secret HTTP/1.1\r\nHost: example.org\r\n\r\n"

var group = netip.MustParseAddr("192.0.2.1")

// outcome is what became of one question.
type outcome struct {
	identity any
	no       *message.Error
	failed   int    // calls of Failed
	panicked string // as Panicked was told
}

// ask lets a desk with this hook decide about one client, and waits for what it says.
func ask(
	t *testing.T, log *bytes.Buffer, hook func(context.Context, Request) (any, error),
) outcome {
	t.Helper()
	return askWith(t, log, head, hook)
}

func askWith(
	t *testing.T, log *bytes.Buffer, head string, hook func(context.Context, Request) (any, error),
) (o outcome) {
	t.Helper()
	debug := &slog.HandlerOptions{Level: slog.LevelDebug}
	d := &Desk{
		Hook: hook, Timeout: time.Minute, Log: slog.New(slog.NewTextHandler(log, debug)),
		Failed: func(a netip.Addr) {
			if a != group {
				t.Errorf("the failure of %v is counted", a)
			}
			o.failed++
		},
		Panicked: func(namespace, text string) { o.panicked = namespace + ": " + text },
	}
	d.Open(1)
	told := make(chan struct{})
	r := Request{APIKey: "the-api-key", Namespace: "/game", Address: group}
	ok := d.Ask(group, r, opening.Of([]byte(head), source{}), func() bool { return false },
		func(identity any, no *message.Error) {
			o.identity, o.no = identity, no
			close(told)
		})
	if !ok {
		t.Fatal("the desk has no room for the first client")
	}
	<-told
	if !d.Close(t.Context()) {
		t.Error("the desk does not close")
	}
	return o
}

func TestIdentity(t *testing.T) {
	var log bytes.Buffer
	o := ask(t, &log, func(ctx context.Context, r Request) (any, error) {
		if _, ends := ctx.Deadline(); !ends {
			t.Error("the hook's context has no deadline")
		}
		if r.APIKey != "the-api-key" || r.Namespace != "/game" || r.Address != group {
			t.Errorf("the hook is asked about %+v", r)
		}
		if r.HTTP.URL.Path != "/game" || r.HTTP.RemoteAddr != "192.0.2.1:80" {
			t.Errorf("the request is for %s, from %s", r.HTTP.URL, r.HTTP.RemoteAddr)
		}
		return "ann", nil
	})
	if o != (outcome{identity: "ann"}) || log.Len() > 0 {
		t.Errorf("%+v, and the log has %q", o, log.String())
	}
}

func TestRefusals(t *testing.T) {
	own := message.New(message.CodeRejected, "not on Mondays")
	for what, c := range map[string]struct {
		err    error
		no     *message.Error
		failed int
	}{
		"an error":          {errors.New("wrong password"), ErrAuth, 1},
		"an *Error":         {own, own, 1},
		"wrapped":           {fmt.Errorf("no: %w", own), own, 1},
		"try later":         {ErrTryLater, ErrTryLater, 0},
		"try later wrapped": {fmt.Errorf("db: %w", ErrTryLater), ErrTryLater, 0},
		"no time":           {context.DeadlineExceeded, ErrNoDecision, 0},
		"a slow backend":    {&url.Error{Op: "Get", Err: os.ErrDeadlineExceeded}, ErrNoDecision, 0},
		"a backend that is down": {fmt.Errorf("db: %w", &net.OpError{Op: "dial",
			Err: syscall.ECONNREFUSED}), ErrTryLater, 0},
		"a backend that stops": {fmt.Errorf("db: %w", context.Canceled), ErrTryLater, 0},
		"no such user":         {fmt.Errorf("user: %w", os.ErrNotExist), ErrAuth, 1},
	} {
		var log bytes.Buffer
		o := ask(t, &log, func(context.Context, Request) (any, error) { return nil, c.err })
		if c.no == ErrAuth { // the client is not told why, and the log is
			if o.no == nil || o.no.Code != ErrAuth.Code || o.no.Message != refusedText ||
				o.no.Cause == nil || o.no.Cause.Error() != c.err.Error() {
				t.Errorf("%s: %+v", what, o.no)
			}
			o.no = c.no
		}
		if o.no != c.no || o.failed != c.failed || o.panicked != "" {
			t.Errorf("%s: %+v, want %v and %d failures", what, o, c.no, c.failed)
		}
		if n := strings.Count(log.String(), "authentication refused"); n != 1 {
			t.Errorf("%s: %d lines in the log:\n%s", what, n, log.String())
		}
	}
}

func TestPanics(t *testing.T) {
	for what, c := range map[string]struct {
		hook func(context.Context, Request) (any, error)
		text string
	}{
		"a panic": {
			func(context.Context, Request) (any, error) { panic("out of cheese") },
			"/game: out of cheese"},
		"its goroutine's end": {
			func(context.Context, Request) (any, error) { runtime.Goexit(); return nil, nil },
			"/game: runtime.Goexit: it ended its goroutine"},
		"secrets": {
			func(_ context.Context, r Request) (any, error) {
				panic("key " + r.APIKey + ", ticket " + r.HTTP.URL.Query().Get("ticket"))
			},
			"/game: key (hidden), ticket (hidden)"},
	} {
		var log bytes.Buffer
		o := ask(t, &log, c.hook)
		if o.no != ErrAuth || o.failed != 1 || o.panicked != c.text {
			t.Errorf("%s: %+v, want %q", what, o, c.text)
		}
	}
}

func TestLogHidesSecrets(t *testing.T) {
	var log bytes.Buffer
	ask(t, &log, func(_ context.Context, r Request) (any, error) {
		return nil, fmt.Errorf("no user with key %s and ticket very-secret", r.APIKey)
	})
	if s := log.String(); !strings.Contains(s, "key (hidden) and ticket (hidden)") {
		t.Errorf("the log has %s", s)
	}
}

// Check decides what becomes of an identity. What it cannot use is the hook's mistake, and counts
// for nobody; other errors are told like the hook's own.
func TestCheck(t *testing.T) {
	unusable := message.New(message.CodeHandlerFailed, "no such thing")
	expired := message.New(message.CodeAuthFailed, "expired")
	for what, c := range map[string]struct {
		err    error
		no     *message.Error
		failed int
		told   string
	}{
		"good": {nil, nil, 0, ""}, "unusable": {unusable, ErrTryLater, 0, "/game: no such thing"},
		"expired": {expired, expired, 1, ""},
	} {
		told, failed := "", 0
		d := &Desk{
			Hook:    func(context.Context, Request) (any, error) { return "ann", nil },
			Timeout: time.Minute, Log: slog.New(slog.DiscardHandler),
			Failed: func(netip.Addr) { failed++ },
			Check:  func(identity any) (any, error) { return identity.(string) + "!", c.err },
			Unusable: func(namespace string, err error) {
				told = namespace + ": " + err.(*message.Error).Message
			},
		}
		d.Open(1)
		r := Request{Namespace: "/game"}
		here := func() bool { return false }
		d.Ask(group, r, opening.Of([]byte(head), source{}), here,
			func(identity any, no *message.Error) {
				if no != c.no || told != c.told || no == nil && identity != "ann!" {
					t.Errorf("%s: %v, %v; told %q", what, identity, no, told)
				}
			})
		if !d.Close(t.Context()) || failed != c.failed {
			t.Errorf("%s: %d failures", what, failed)
		}
	}
}

// A request that cannot be read is not put to the hook.
func TestUnreadableRequest(t *testing.T) {
	var log bytes.Buffer
	o := askWith(t, &log, "nonsense", func(context.Context, Request) (any, error) {
		t.Error("the hook was asked")
		return nil, nil
	})
	if o.no != message.ErrInvalidFormat || o.panicked != "" {
		t.Errorf("%+v", o)
	}
}

// Nobody asks the hook about a client that has gone, and a limited number of one address may wait.
func TestQueue(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	d := &Desk{
		Timeout: time.Minute, Log: slog.New(slog.DiscardHandler), Failed: func(netip.Addr) {},
		Hook: func(context.Context, Request) (any, error) {
			entered <- struct{}{}
			<-leave
			return nil, nil
		},
	}
	d.Open(1)
	from := opening.Of([]byte(head), source{})
	here, gone := func() bool { return false }, func() bool { return true }
	answered := make(chan *message.Error, 1)
	d.Ask(group, Request{}, from, here, func(_ any, no *message.Error) { answered <- no })
	<-entered
	never := func(any, *message.Error) { t.Error("a client that has gone was answered") }
	for i := range waiting {
		if !d.Ask(group, Request{}, from, gone, never) {
			t.Fatalf("client %d may not wait", i)
		}
	}
	if d.Ask(group, Request{}, from, gone, never) {
		t.Error("one too many waits")
	}
	if !d.Ask(netip.MustParseAddr("192.0.2.2"), Request{}, from, gone, never) {
		t.Error("a client of another address may not wait")
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if d.Close(ended) {
		t.Error("the desk closes while a hook runs")
	}
	close(leave)
	if no := <-answered; no != nil {
		t.Errorf("the first client is told %v", no)
	}
	if !d.Close(t.Context()) {
		t.Error("the desk does not close")
	}
}

//go:build linux || darwin

package smartsockettest

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/internal/leaktest"
)

// TestMain checks that no goroutine of ours is left behind the tests.
func TestMain(m *testing.M) { leaktest.Main(m) }

type (
	Ack     = smartsocket.Ack
	Data    = smartsocket.Data
	Options = smartsocket.Options
)

// failing is a testing.TB for tests of tests that fail: it keeps what they say.
type failing struct {
	testing.TB
	mu       sync.Mutex
	text     strings.Builder
	cleanups []func()
}

func (t *failing) Helper() {}

func (t *failing) Cleanup(f func()) { t.cleanups = append(t.cleanups, f) }

func (t *failing) say(s string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text.WriteString(s + "\n")
}

func (t *failing) Logf(format string, args ...any) { t.say(fmt.Sprintf(format, args...)) }

func (t *failing) Errorf(format string, args ...any) { t.say(fmt.Sprintf(format, args...)) }

func (t *failing) Fatal(args ...any) {
	t.say(fmt.Sprint(args...))
	runtime.Goexit()
}

func (t *failing) Fatalf(format string, args ...any) { t.Fatal(fmt.Sprintf(format, args...)) }

// fails runs a test and returns what it says when it fails, its cleanups included.
func fails(t *testing.T, f func(t testing.TB)) string {
	t.Helper()
	fake := &failing{TB: t}
	part := func(f func()) {
		done := make(chan struct{})
		go func() {
			defer close(done)
			f()
		}()
		<-done
	}
	part(func() { f(fake) })
	for n := len(fake.cleanups) - 1; n >= 0; n-- {
		part(fake.cleanups[n])
	}
	fake.mu.Lock()
	defer fake.mu.Unlock()
	return fake.text.String()
}

// noBroker is a Broker that does not open.
type noBroker struct{ smartsocket.Broker }

func (noBroker) Open([]string, func(*smartsocket.Envelope) error) error {
	return errors.New("no broker here")
}

func (noBroker) Close() error { return nil }

func (noBroker) Subscribe(string) {}

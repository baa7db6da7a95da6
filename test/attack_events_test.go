package test

import (
	"fmt"
	"net"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/message"
)

// A27: a client that asks and asks and never reads is cut off at its outbox limit.
func TestAttackNeverReading(t *testing.T) {
	var log logBuffer
	v := startServer(t, Options{MaxOutboxBytes: 1 << 20, Logger: log.logger()}, echoOn)
	w := dialFull(t, v, "/")
	w.nc.(*net.TCPConn).SetReadBuffer(4 << 10)
	b := message.AppendEventHeader(nil, message.FlagBinary, 0, 0, "echo")
	b = append(b, make([]byte, 64<<10)...)
	before := heapNow()
	for range 2000 {
		if _, err := w.nc.Write(masked(frame.Binary, b)); err != nil {
			break
		}
	}
	eventually(t, "the client to be cut off", func() bool {
		return v.ConnectionStats().SlowConsumers == 1
	})
	line := regexp.MustCompile(
		`slow consumers are cut.* peer=127\.0\.0\.1:\d+ socket=ss_\S+ bytes=(\d+)`)
	eventually(t, "the line in the log, with who it was", func() bool {
		found := line.FindStringSubmatch(log.String())
		if found == nil {
			return false
		}
		bytes, err := strconv.Atoi(found[1])
		return err == nil && bytes >= 1<<20-64<<10 && bytes < 8<<20
	})
	eventually(t, "its memory to be free again", func() bool { return heapNow()-before < 8<<20 })
	stillServes(t, v)
}

// A28: many connections with much to do share a bounded number of goroutines.
func TestAttackHandlerBurst(t *testing.T) {
	const workers, clients, each = 16, 100, 50
	var running, most atomic.Int64
	v := startServer(t, Options{Workers: workers}, func(v *Server) {
		v.On("slow", func(_ *Socket, _ Data, ack Ack) {
			n := running.Add(1)
			for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			}
			time.Sleep(time.Millisecond)
			running.Add(-1)
			ack.Reply(nil)
		})
	})
	before := runtime.NumGoroutine()
	conns := make([]*wire, clients)
	for i := range conns {
		conns[i] = dialFull(t, v, "/")
		for k := range each {
			conns[i].request(uint64(k), "slow", "")
		}
	}
	if n := runtime.NumGoroutine(); n > before+workers+4 {
		t.Errorf("%d goroutines, %d before and %d workers", n, before, workers)
	}
	for _, w := range conns {
		for k := range each {
			w.wantAck(uint64(k), "")
		}
	}
	if n := most.Load(); n > workers {
		t.Errorf("%d handlers ran at once on %d workers", n, workers)
	}
}

// A35: an ack settles what its own connection was asked, and settles it once.
func TestAttackForgedAcks(t *testing.T) {
	settled := make(chan string, 8)
	v := startServer(t, Options{}, nil)
	a, b := dialFull(t, v, "/"), dialFull(t, v, "/")
	eventually(t, "both clients", func() bool { return v.Namespace("/").Len() == 2 })
	sa := v.Namespace("/").Socket(a.id)
	err := sa.EmitAck("ask", nil, 0, func(d Data, err error) {
		settled <- fmt.Sprintf("%s %v", d.Bytes(), err)
	})
	if err != nil {
		t.Fatal(err)
	}
	id := a.message().AckID
	ack := func(n uint64, p string) []byte {
		return ackTo(message.Message{AckID: n}, message.KindAck, p)
	}
	b.send(frame.Binary, ack(id, `"forged"`))
	b.wantError(message.CodeAckUnknown)
	a.send(frame.Binary, ack(id+1, `"early"`))
	a.wantError(message.CodeAckUnknown)
	a.send(frame.Binary, ack(id, `"true"`))
	a.send(frame.Binary, ack(id, `"again"`)) // counted, but no fault: see TestLateAnswersAreNoFault
	a.send(frame.Binary, ack(id+2, `"early"`))
	a.wantError(message.CodeAckUnknown)
	if got := <-settled; got != `"true" <nil>` {
		t.Errorf("settled with %s", got)
	}
	if n := v.ConnectionStats().UnknownAcks; n != 4 {
		t.Errorf("%d unknown acks were counted, want 4", n)
	}
	plain := dialPlain(t, v, "/")
	for _, n := range []string{"-1", "1.5", "9007199254740993", `"1"`, "{}"} {
		plain.text(`{"ack":%s,"data":1}`, n)
		if _, p := plain.next(); !strings.Contains(string(p), "ERR_MSG_001") {
			t.Errorf("ack %s: %q", n, p)
		}
	}
	for range 5 {
		plain.text(`{"ack":77,"data":1}`)
	}
	plain.wantClose(frame.ClosePolicyViolation)
	select {
	case got := <-settled:
		t.Errorf("settled again: %s", got)
	default:
	}
}

// A34, A48: reserved names are events too and count against the limit.
func TestAttackReservedNamesAreLimited(t *testing.T) {
	v := startServer(t, Options{RateLimitMaxRequests: 5, RateLimitWindow: time.Minute}, echoOn)
	w := dialFull(t, v, "/")
	for i := range uint64(20) {
		w.request(i, "__x", "")
	}
	for i := range uint64(20) {
		for m := w.message(); ; m = w.message() {
			if m.Kind != message.KindError {
				continue
			}
			if code := codeOf(m); i >= 5 && code != message.CodeRateLimited {
				t.Fatalf("reserved event %d got %s: no limit applies", i, code)
			}
			break
		}
	}
}

// A48: events over the limit do not excuse invalid messages between them.
func TestAttackInvalidBetweenLimited(t *testing.T) {
	v := startServer(t, Options{RateLimitMaxRequests: 1, RateLimitWindow: time.Minute}, echoOn)
	w := dialFull(t, v, "/")
	for range 10 {
		for range 9 {
			w.send(frame.Binary, []byte{0x0c})
		}
		w.emit("echo", "1")
	}
	w.wantClose(frame.ClosePolicyViolation)
}

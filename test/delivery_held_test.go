package test

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
)

// One turn of the loop sends more segments than one write takes, and none of them is small enough
// to be copied into another.
func TestStateOfOneTurnInManySegmentsIsNotConflated(t *testing.T) {
	const n = 400
	pad := bytes.Repeat([]byte{'x'}, 300)
	o := Options{Loops: 1, SendBufferBytes: 4 << 20, CompressionThreshold: -1}
	v := startServer(t, o, func(v *Server) {
		v.On("go", func(s *Socket, _ Data, _ Ack) {
			for i := range n {
				emit(t, v, "at", append(fmt.Appendf(nil, "%d ", i), pad...), smartsocket.State("k"))
			}
		}, smartsocket.Inline)
	})
	a, b := dialFull(t, v, "/"), dialFull(t, v, "/")
	a.emit("go", "")
	for who, w := range map[string]*wire{"the sender": a, "the other": b} {
		for i := range n {
			if got := w.event(asIs); !strings.HasPrefix(got, fmt.Sprintf("at %d x", i)) {
				t.Fatalf("%s: event %d is %.20q", who, i, got)
			}
		}
	}
	if c := v.ConnectionStats().StateReplaced; c != 0 {
		t.Errorf("%d states were replaced", c)
	}
}

// What a lost connection held is lost with it and does not reach the next one, whether the server
// notices the loss before the client is back or after.
func TestHeldEndsWithItsConnectionNotWithItsSession(t *testing.T) {
	for name, noticed := range map[string]bool{"noticed": true, "half open": false} {
		t.Run(name, func(t *testing.T) {
			v := slowServer(t, Options{
				EnableMessageCache: true,
				MessageCacheBytes:  64 << 20, MessageCacheTotalBytes: 128 << 20,
			})
			var a resumer
			a.connect(t, v, "/", "")
			id := a.id
			old, first := socketOf(t, v, id), a.wire
			first.fall(old)
			k := smartsocket.State("k")
			if d := emit(t, old, "at", "of the first connection", k); d.Queued != 1 {
				t.Fatalf("%+v", d)
			}
			if noticed {
				first.nc.Close()
				eventually(t, "the server to notice", func() bool { return !old.Connected() })
				if d := emit(t, old, "at", "while away", k); d.Dropped != 1 {
					t.Errorf("while the client is away: %+v", d)
				}
			}
			a.connect(t, v, "/", "")
			if !a.recovered {
				t.Fatal("not recovered")
			}
			now := socketOf(t, v, id)
			if !noticed {
				first.nc.Close()
				eventually(t, "the first connection to end", func() bool {
					return v.ConnectionStats().Open == 1
				})
			}
			emit(t, now, "end", nil)
			if got := a.events(asIs); len(got) != 0 {
				t.Errorf("after resuming: %q", got)
			}
			emit(t, old, "at", "by the first socket", k)
			if got := a.event(asIs); got != `at "by the first socket"` {
				t.Errorf("%q", got)
			}
			a.fall(now)
			for i := range 3 {
				if d := emit(t, now, "at", i, k); d.Queued != 1 {
					t.Fatalf("held for the resumed connection: %+v", d)
				}
			}
			emit(t, now, "end", nil, smartsocket.State("end"))
			if got := a.events(asIs); fmt.Sprint(got) != "[at 2]" {
				t.Errorf("held on the second connection: %q", got)
			}
		})
	}
}

// Over TLS a client that keeps up gets every state; one that is behind gets the newest, and no
// volatile event.
func TestDeliveryOverTLS(t *testing.T) {
	certFile, keyFile := certificateFiles(t)
	v := slowServer(t, Options{TLSCertFile: certFile, TLSKeyFile: keyFile})
	dial := func(room string) (*wire, *Socket) {
		nc, err := tls.Dial("tcp", v.Addr().String(), &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		w := upgrade(t, nc, v.Addr().String(), "/", "")
		w.text(`{"event":"join","data":[%q],"ack":1}`, room)
		w.wantText(`{"ack":1,"data":true}`)
		return w, v.Namespace("/").RoomSockets(room)[0]
	}
	slow, s := dial("slow")
	fast, _ := dial("fast")
	slow.fall(s)
	for i := range 50 {
		if d := emit(t, v, "at", i, smartsocket.State("")); d.Queued != 2 {
			t.Fatalf("%+v", d)
		}
		if d := emit(t, v, "tick", i, smartsocket.Volatile); d.Dropped != 1 || d.Queued != 1 {
			t.Fatalf("%+v", d)
		}
		fast.wantText(fmt.Sprintf(`{"event":"at","data":%d}`, i))
		fast.wantText(fmt.Sprintf(`{"event":"tick","data":%d}`, i))
	}
	emit(t, s, "end", nil, smartsocket.State(""))
	if got := slow.events(asIs); fmt.Sprint(got) != `[{"event":"at","data":49}]` {
		t.Errorf("%q", got)
	}
}

// A newer state may be larger than the one that it replaces. The bound on bytes still holds.
func TestHeldBytesAreBounded(t *testing.T) {
	v := startServer(t, Options{
		SendBufferBytes: 8 << 10, MaxOutboxBytes: 512 << 10, MaxOutboxAge: time.Minute,
	}, nil)
	w := dialFull(t, v, "/")
	s := socketOf(t, v, w.id)
	w.fall(s)
	for i := range 100 {
		emit(t, s, "at", i, smartsocket.State(strconv.Itoa(i)))
	}
	large := bytes.Repeat([]byte{'y'}, 100<<10)
	for i := range 100 {
		emit(t, s, "at", large, smartsocket.State(strconv.Itoa(i)))
	}
	if n := v.ConnectionStats().HeldDropped; n < 90 {
		t.Errorf("%d of 100 states of 100 KiB were dropped with a bound of 512 KiB", n)
	}
	emit(t, s, "end", nil, smartsocket.State("end"))
	if got := w.events(asIs); len(got) == 0 || len(got) > 5 {
		t.Errorf("%d states arrived", len(got))
	}
}

// Many goroutines emit while the client falls behind and catches up again and again: for each key
// the values only grow, and the last one arrives.
func TestStateUnderConcurrentEmits(t *testing.T) {
	v := slowServer(t, Options{})
	w := dialFull(t, v, "/")
	s := socketOf(t, v, w.id)
	w.fall(s)
	const keys, rounds = 4, 500
	pad := string(bytes.Repeat([]byte{'z'}, 500))
	var all sync.WaitGroup
	for k := range keys {
		all.Go(func() {
			key, hour := smartsocket.State(strconv.Itoa(k)), smartsocket.Deadline(time.Hour)
			for i := range rounds {
				s.Emit("at", []any{k, i, pad}, key, hour)
			}
		})
	}
	w.readBuffer(1 << 20)
	last := [keys]int{-1, -1, -1, -1}
	for done := 0; done < keys; {
		var k, i int
		got := w.event(asIs)
		if n, _ := fmt.Sscanf(got, "at [%d,%d,", &k, &i); n != 2 {
			t.Fatalf("%.40q", got)
		}
		if i <= last[k] {
			t.Fatalf("key %d: %d after %d", k, i, last[k])
		}
		if last[k] = i; i == rounds-1 {
			done++
		}
	}
	all.Wait()
}

package test

import (
	"bytes"
	"compress/flate"
	"crypto/rand"
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/crypto"
	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/message"
)

// fall emits reliable events to a socket whose client does not read until the client is behind, and
// some more, so that it stays behind. It returns how many were taken at first.
func (w *wire) fall(s *Socket) (taken int) {
	w.t.Helper()
	w.readBuffer(64 << 10) // with less, a window that was closed opens by a timer
	pad := make([]byte, 16<<10)
	rand.Read(pad) // anything else would be compressed to nothing
	for more := 0; more < 16; more++ {
		if emit(w.t, s, "probe", nil, smartsocket.Volatile).Queued == 1 {
			taken += more + 1
			more = 0
		}
		if taken > 4000 {
			w.t.Fatal("a client that does not read never falls behind")
		}
		if d := emit(w.t, s, "filler", pad); d.Queued != 1 {
			w.t.Fatalf("filler: %+v", d)
		}
	}
	return taken
}

// event returns the next event that is neither a filler nor a probe: as "event payload", or of a
// plain client as its text.
func (w *wire) event(open func([]byte) []byte) string {
	w.t.Helper()
	for {
		switch op, p := w.next(); op {
		case frame.Text:
			text := string(p)
			if !strings.HasPrefix(text, `{"event":"filler"`) &&
				!strings.HasPrefix(text, `{"event":"probe"`) {
				return text
			}
		case frame.Binary:
			m, err := message.Parse(open(p))
			if err != nil {
				w.t.Fatal(err)
			}
			event := string(m.Event)
			if m.Kind == message.KindEvent && event != "filler" && event != "probe" {
				return event + " " + string(m.Payload)
			}
		default:
			w.t.Fatal("the connection ended")
		}
	}
}

// events returns what comes before the event "end".
func (w *wire) events(open func([]byte) []byte) (got []string) {
	w.t.Helper()
	w.readBuffer(1 << 20)
	for {
		e := w.event(open)
		if strings.HasPrefix(e, "end ") || strings.HasPrefix(e, `{"event":"end"`) {
			return got
		}
		got = append(got, e)
	}
}

// asIs opens messages that are not sealed.
func asIs(p []byte) []byte { return p }

func TestVolatileIsDroppedForAClientThatIsBehind(t *testing.T) {
	v := slowServer(t, Options{})
	slow, fast := dialFull(t, v, "/"), dialFull(t, v, "/")
	s := socketOf(t, v, slow.id)
	slow.fall(s)
	before := v.ConnectionStats().VolatileDropped
	for i := range 10 {
		d := emit(t, v, "tick", i, smartsocket.Volatile)
		if d != (smartsocket.Delivery{Queued: 1, Dropped: 1}) {
			t.Fatalf("%+v", d)
		}
		fast.wantEvent("tick", strconv.Itoa(i))
	}
	if n := v.ConnectionStats().VolatileDropped - before; n != 10 {
		t.Errorf("%d counted as dropped", n)
	}
	emit(t, s, "end", nil)
	if got := slow.events(asIs); len(got) != 0 {
		t.Errorf("the slow client got %q", got)
	}
	if d := emit(t, s, "tick", "back", smartsocket.Volatile); d.Queued != 1 {
		t.Errorf("once it has caught up: %+v", d)
	}
	slow.wantEvent("tick", `"back"`)
}

// This goes through each way of reaching a client: held events are sealed, framed or compressed
// when they leave at last.
func TestStateConflatesForTheSlowAndNotForTheFast(t *testing.T) {
	key, encoded := newKey()
	pad := strings.Repeat("0", 2000) // over the threshold of compression
	for name, o := range map[string]Options{
		"binary":   {},
		"sealed":   {EncryptionKey: encoded, EncryptionAlgorithm: "aes-256-gcm"},
		"sessions": {EnableMessageCache: true},
		"text":     {},
	} {
		t.Run(name, func(t *testing.T) {
			v := slowServer(t, o)
			open := [2]func([]byte) []byte{asIs, asIs}
			var peers [2]*wire // slow, fast
			var sockets [2]*Socket
			for i := range peers {
				switch name {
				case "sealed":
					w, ok := dialSealed(t, v, "/", &key, crypto.AES256GCM)
					if !ok {
						t.Fatal("refused")
					}
					peers[i], open[i] = w.wire, func(p []byte) []byte {
						plain, err := w.ends.Open(p)
						if err != nil {
							t.Fatal("a record does not open: ", err)
						}
						if plain[0]&byte(message.FlagDeflated) == 0 {
							return plain
						}
						m, _ := message.Parse(plain)
						return eventBytes(0, 0, string(m.Event), string(inflated(t, m.Payload)))
					}
				case "text":
					peers[i] = dialPlain(t, v, "/")
					peers[i].text(`{"event":"join","data":["%d"],"ack":1}`, i)
					peers[i].wantText(`{"ack":1,"data":true}`)
					sockets[i] = v.Namespace("/").RoomSockets(strconv.Itoa(i))[0]
					continue
				default:
					peers[i] = dialFull(t, v, "/")
				}
				sockets[i] = socketOf(t, v, peers[i].id)
			}
			peers[0].fall(sockets[0])
			replaced := v.ConnectionStats().StateReplaced
			var all, got []string
			for round := range 20 {
				for _, k := range []string{"a", "b", "c"} {
					value := fmt.Sprintf("%s-%d.%s", k, round, pad)
					if d := emit(t, v, "at", value, smartsocket.State(k)); d.Queued != 2 {
						t.Fatalf("%+v", d)
					}
					all, got = append(all, value), append(got, peers[1].event(open[1]))
				}
			}
			checkPayloads(t, "fast", got, all)
			if n := v.ConnectionStats().StateReplaced - replaced; n != 57 {
				t.Errorf("%d states were replaced, want 57", n)
			}
			// Behind what is held, so that the end comes last.
			emit(t, sockets[0], "end", nil, smartsocket.State("end"))
			checkPayloads(t, "slow", peers[0].events(open[0]), all[57:])
		})
	}
}

// checkPayloads compares events with their payloads, which are strings.
func checkPayloads(t *testing.T, who string, got, want []string) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d events, want %d", who, len(got), len(want))
	}
	for i, g := range got {
		if !strings.Contains(g, `"`+want[i]+`"`) {
			t.Fatalf("%s: event %d is %.40q, want %.40q", who, i, g, want[i])
		}
	}
}

// inflated is what the raw DEFLATE in p holds.
func inflated(t *testing.T, p []byte) []byte {
	t.Helper()
	out, err := io.ReadAll(flate.NewReader(bytes.NewReader(p)))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestDeadlineExpires(t *testing.T) {
	v := slowServer(t, Options{})
	w := dialFull(t, v, "/")
	s := socketOf(t, v, w.id)
	w.fall(s)
	emit(t, s, "late", 1, smartsocket.Deadline(time.Nanosecond))
	emit(t, s, "late", 2, smartsocket.State("k"), smartsocket.Deadline(time.Nanosecond))
	emit(t, s, "timely", 3, smartsocket.Deadline(time.Hour))
	emit(t, s, "end", nil, smartsocket.Deadline(time.Hour))
	if got := w.events(asIs); len(got) != 1 || got[0] != "timely 3" {
		t.Errorf("%q", got)
	}
	if n := v.ConnectionStats().DeadlineExpired; n != 2 {
		t.Errorf("%d expired", n)
	}
}

func TestSetEmitOptions(t *testing.T) {
	v := slowServer(t, Options{})
	w := dialFull(t, v, "/")
	s := socketOf(t, v, w.id)
	v.SetEmitOptions("tick", smartsocket.Volatile)
	v.SetEmitOptions("at", smartsocket.Volatile)
	v.Namespace("/").SetEmitOptions("at", smartsocket.State(""))
	w.fall(s)
	if d := emit(t, s, "tick", 1); d.Dropped != 1 {
		t.Errorf("volatile by name: %+v", d)
	}
	if d := emit(t, s, "tick", "said otherwise", smartsocket.State("t")); d.Queued != 1 {
		t.Errorf("the emit's own option: %+v", d)
	}
	emit(t, s, "at", 1)
	emit(t, v.To(w.id), "at", 2)
	v.SetEmitOptions("tick")
	if d := emit(t, s, "tick", "reliable again"); d.Queued != 1 {
		t.Errorf("%+v", d)
	}
	emit(t, s, "end", nil, smartsocket.State(""))
	want := []string{`tick "reliable again"`, `tick "said otherwise"`, "at 2"}
	if got := w.events(asIs); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// What is held is bounded, and gone with the connection.
func TestHeldIsBounded(t *testing.T) {
	v := slowServer(t, Options{})
	w := dialFull(t, v, "/")
	s := socketOf(t, v, w.id)
	w.fall(s)
	for i := range 3000 {
		emit(t, s, "at", i, smartsocket.State(strconv.Itoa(i)))
	}
	if n := v.ConnectionStats().HeldDropped; n != 3000-1024 {
		t.Errorf("%d dropped of 3000", n)
	}
	w.nc.Close()
	eventually(t, "the socket to go", func() bool { return v.Namespace("/").Len() == 0 })
	if n := v.ConnectionStats().HeldDropped; n != 3000 {
		t.Errorf("%d dropped once the client has gone", n)
	}
	if d := emit(t, s, "at", 1, smartsocket.State("x")); d.Dropped != 1 {
		t.Errorf("to a socket that is gone: %+v", d)
	}
}

// A client that reads gets every state of one callback, though they leave in few writes.
func TestStateOfOneTurnIsNotConflatedForAFastClient(t *testing.T) {
	v := startServer(t, Options{}, func(v *Server) {
		v.On("go", func(s *Socket, _ Data, _ Ack) {
			for i := range 1000 {
				if d := emit(t, v, "at", i, smartsocket.State("k")); d.Queued != 2 {
					t.Errorf("%+v", d)
				}
			}
		}, smartsocket.Inline)
	})
	a, b := dialFull(t, v, "/"), dialFull(t, v, "/")
	a.emit("go", "")
	for _, w := range []*wire{a, b} {
		for i := range 1000 {
			w.wantEvent("at", strconv.Itoa(i))
		}
	}
}

func TestSendBufferBoundsWhatTheKernelHolds(t *testing.T) {
	taken := func(buffer int) int {
		o := Options{SendBufferBytes: buffer, MaxOutboxBytes: 64 << 20}
		v := startServer(t, o, nil)
		w := dialFull(t, v, "/")
		return w.fall(socketOf(t, v, w.id))
	}
	if small, large := taken(8<<10), taken(2<<20); small >= large {
		t.Errorf("%d events of 16 KiB with 8 KiB, %d with 2 MiB", small, large)
	}
}

// A client in two rooms gets the last state of each.
func TestStateOfEachRoomIsKept(t *testing.T) {
	v := slowServer(t, Options{})
	v.SetEmitOptions("state", smartsocket.State(""))
	w := dialFull(t, v, "/")
	s := socketOf(t, v, w.id)
	if err := s.Join("red", "blue"); err != nil {
		t.Fatal(err)
	}
	w.fall(s)
	for i := range 3 {
		emit(t, v.To("red"), "state", fmt.Sprint("red ", i))
		emit(t, v.To("blue"), "state", fmt.Sprint("blue ", i))
		emit(t, s, "state", fmt.Sprint("own ", i))
		emit(t, v.To(w.id), "state", fmt.Sprint("own again ", i))
	}
	emit(t, s, "end", nil, smartsocket.State(""))
	want := []string{`state "red 2"`, `state "blue 2"`, `state "own again 2"`}
	if got := w.events(asIs); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%q, want %q", got, want)
	}
}

package smartsocket_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"reflect"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/client"
	"github.com/smartsocket/smartsocket/crypto"
	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/message"
)

// Each TestImpossible_ names something that must not be possible, of data here,
// of safety, life cycle and scale in the files beside this one.

// each runs f with a client of every kind: it sends data with an event to the
// server's echo, and returns the data that came back as an event and as an ack.
func each(t *testing.T, f func(t *testing.T, roundTrip func(payload string) (event, ack string))) {
	key, text := newKey()
	v := startServer(t, smartsocket.Options{}, echoOn)
	sealed := startServer(t, smartsocket.Options{EncryptionKey: text, EncryptionAlgorithm: "aes-256-gcm"}, echoOn)
	inflated := func(m message.Message) string {
		if m.Flags&message.FlagDeflated == 0 {
			return string(m.Payload)
		}
		r := newInflater(m.Payload)
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	t.Run("text", func(t *testing.T) {
		w := dialPlain(t, v, "/")
		f(t, func(p string) (string, string) {
			data := ""
			if p != "" {
				data = `,"data":` + p
			}
			w.text(`{"event":"echo","ack":1%s}`, data)
			var got struct{ Data json.RawMessage }
			var parts [2]string
			for i := range parts {
				got.Data = nil
				_, b := w.next()
				if err := json.Unmarshal(b, &got); err != nil {
					t.Fatalf("%v in %q", err, b)
				}
				parts[i] = string(got.Data)
			}
			return parts[0], parts[1]
		})
	})
	t.Run("binary", func(t *testing.T) {
		w := dialFull(t, v, "/")
		f(t, func(p string) (string, string) {
			w.request(1, "echo", p)
			return inflated(w.message()), inflated(w.message())
		})
	})
	t.Run("encrypted and compressed", func(t *testing.T) {
		w, ok := dialSealed(t, sealed, "/", &key, crypto.AES256GCM)
		if !ok {
			t.Fatal("refused")
		}
		f(t, func(p string) (string, string) {
			w.send(frame.Binary, w.ends.Seal(nil, append(message.AppendEventHeader(nil, message.FlagAck, 0, 1, "echo"), p...)))
			return inflated(w.open()), inflated(w.open())
		})
	})
}

func TestImpossible_FieldDropped(t *testing.T) {
	fields := make(map[string]any)
	for i := range 300 {
		fields[fmt.Sprintf("field%03d", i)] = map[string]any{"n": i, "text": strings.Repeat("é", i%7), "list": []int{i, -i}}
	}
	each(t, func(t *testing.T, roundTrip func(string) (string, string)) {
		for _, n := range []int{1, 10, 300} { // to both sides of the compression threshold
			some := make(map[string]any)
			for k, v := range fields {
				if len(some) == n {
					break
				}
				some[k] = v
			}
			sent, _ := json.Marshal(some)
			if a, b := roundTrip(string(sent)); a != string(sent) || b != string(sent) {
				t.Errorf("%d bytes with %d fields came back as %d and %d bytes", len(sent), n, len(a), len(b))
			}
		}
	})
}

func TestImpossible_EventWithoutDataLost(t *testing.T) {
	each(t, func(t *testing.T, roundTrip func(string) (string, string)) {
		if a, b := roundTrip(""); a != "" || b != "" {
			t.Errorf("no data came back as %q and %q", a, b)
		}
	})
}

func TestImpossible_NonObjectPayloadMangled(t *testing.T) {
	each(t, func(t *testing.T, roundTrip func(string) (string, string)) {
		for _, p := range []string{`null`, `true`, `false`, `0`, `-1.5e300`, `12345678901234567890`, `""`, `"\u2028 \" 😀"`, `[]`, `[1,[2,[3]]]`, `{}`, `{"__proto__":{"x":1}}`} {
			if a, b := roundTrip(p); a != p || b != p {
				t.Errorf("%s came back as %s and %s", p, a, b)
			}
		}
	})
}

func TestImpossible_SendPathsEncodingDifferently(t *testing.T) {
	v := startServer(t, smartsocket.Options{}, nil)
	ns := v.Namespace("/")
	full, plain := dialFull(t, v, "/"), dialPlain(t, v, "/")
	eventually(t, "both clients", func() bool { return ns.Len() == 2 })
	var room []*smartsocket.Socket
	for _, s := range ns.Sockets() {
		s.Join("room")
		room = append(room, s)
	}
	type value struct {
		Text string
		N    float64
		M    map[string]int
	}
	for _, data := range []any{nil, 1, "é<&>\u2028", value{"x", 1e21, map[string]int{"b": 1}}, []byte{0, 1, 255}, json.RawMessage(`{"a": 1}`), strings.Repeat("long ", 1000)} {
		var first [2][]byte
		for name, emit := range map[string]func(){
			"Socket.Emit":     func() { room[0].Emit("e", data); room[1].Emit("e", data) },
			"Namespace.Emit":  func() { ns.Emit("e", data) },
			"Server.Emit":     func() { v.Emit("e", data) },
			"a room":          func() { ns.To("room").Emit("e", data) },
			"ids":             func() { ns.To(room[0].ID(), room[1].ID()).Emit("e", data) },
			"all but nobody":  func() { ns.Except("nobody").Emit("e", data) },
			"Server.ToSocket": func() { v.ToSocket(room[0].ID()).Emit("e", data); v.ToSocket(room[1].ID()).Emit("e", data) },
		} {
			emit()
			for i, w := range []*wire{full, plain} {
				_, p := w.next()
				for len(p) > 0 && p[0] == byte(message.KindPing) {
					_, p = w.next()
				}
				if first[i] == nil {
					first[i] = p
				}
				if !bytes.Equal(p, first[i]) {
					t.Errorf("%s sends %q, another way sent %q", name, p, first[i])
				}
			}
		}
	}
}

func TestImpossible_Reordering(t *testing.T) {
	const n = 3000
	v := startServer(t, smartsocket.Options{MaxOutboxBytes: 8 << 20}, func(v *smartsocket.Server) {
		v.On("go", func(s *smartsocket.Socket, _ smartsocket.Data, ack smartsocket.Ack) {
			s.Join("room")
			for i := range n {
				switch i % 4 {
				case 0:
					s.Emit("e", i)
				case 1:
					s.Namespace().To("room").Emit("e", i)
				case 2:
					v.Emit("e", i)
				default:
					s.EmitAck("e", i, time.Minute, func(smartsocket.Data, error) {})
				}
			}
			ack.Reply(n)
		})
	})
	w := dialFull(t, v, "/")
	w.request(1, "go", "")
	for i := range n {
		if m := w.message(); m.Kind != message.KindEvent || string(m.Payload) != fmt.Sprint(i) {
			t.Fatalf("message %d is %q", i, m.Payload)
		}
	}
	w.wantAck(1, fmt.Sprint(n))
}

func TestImpossible_AckIDInTheUsersData(t *testing.T) {
	got := make(chan string, 1)
	v := startServer(t, smartsocket.Options{}, func(v *smartsocket.Server) {
		v.On("see", func(_ *smartsocket.Socket, d smartsocket.Data, ack smartsocket.Ack) {
			got <- string(d.Bytes())
			ack.Reply(d.JSON())
		})
	})
	full, plain := dialFull(t, v, "/"), dialPlain(t, v, "/")
	const data = `{"ack":5,"ackId":6,"event":"other","id":7}`
	full.request(777, "see", data)
	if d := <-got; d != data {
		t.Errorf("the handler saw %s", d)
	}
	full.wantAck(777, data)
	plain.text(`{"event":"see","data":%s,"ack":778}`, data)
	if d := <-got; d != data {
		t.Errorf("the handler saw %s", d)
	}
	plain.wantText(`{"ack":778,"data":` + data + `}`)
}

// Safety

func TestImpossible_FrameCrashingTheProcess(t *testing.T) {
	v := startServer(t, smartsocket.Options{}, echoOn)
	random := rand.New(rand.NewPCG(1, 2))
	good := dialFull(t, v, "/")
	for range 400 {
		var nc net.Conn
		if random.IntN(2) == 0 {
			nc = dialFull(t, v, "/").nc
		} else {
			nc = dialPlain(t, v, "/").nc
		}
		for range 1 + random.IntN(4) {
			p := make([]byte, random.IntN(300))
			for i := range p {
				p[i] = byte(random.Uint32())
			}
			if len(p) > 0 && random.IntN(2) == 0 {
				p[0] = byte(random.IntN(256)) // a kind with flags
			}
			b := frame.AppendMaskedFrame(nil, frame.Opcode(1+random.IntN(2)), false, p, [4]byte{1, 2, 3, 4})
			if random.IntN(4) == 0 {
				b[random.IntN(len(b))] ^= 1 << random.IntN(8)
			}
			nc.Write(b)
		}
		nc.Close()
	}
	good.request(1, "echo", "1")
	good.wantEvent("echo", "1")
	good.wantAck(1, "1")
	if n := v.ConnectionStats().HandlerPanics; n != 0 {
		t.Errorf("%d panics", n)
	}
}

func TestImpossible_ClosedSocketAbortingABroadcast(t *testing.T) {
	v := startServer(t, smartsocket.Options{}, nil)
	ns := v.Namespace("/")
	conns := make([]*wire, 20)
	for i := range conns {
		conns[i] = dialFull(t, v, "/")
	}
	eventually(t, "all clients", func() bool { return ns.Len() == len(conns) })
	for i, w := range conns {
		if i%2 == 0 {
			ns.Socket(w.id).Disconnect()
		}
	}
	d, err := ns.Emit("e", 1)
	if err != nil || d.Queued < 10 || d.Queued+d.Dropped > 20 {
		t.Errorf("%+v %v", d, err)
	}
	for i, w := range conns {
		if i%2 == 1 {
			w.wantEvent("e", "1")
		}
	}
}

func TestImpossible_AllocationByAnUncheckedHeader(t *testing.T) {
	v := startServer(t, smartsocket.Options{MaxMessageBytes: 1 << 30}, echoOn)
	w := dialFull(t, v, "/")
	n := allocated(func() {
		w.nc.Write(announce(frame.Binary, 1<<30))
		w.nc.Write([]byte("a little"))
		stillServes(t, v)
	})
	if n > 4<<20 {
		t.Errorf("an announced GiB made the process allocate %d bytes", n)
	}
}

func TestImpossible_OneClientsDataInAnothersAssembly(t *testing.T) {
	v := startServer(t, smartsocket.Options{}, echoOn)
	random := rand.New(rand.NewPCG(3, 4))
	const clients, rounds = 16, 30
	type sender struct {
		w    *wire
		rest []byte
		want string
	}
	var all []*sender
	for i := range clients {
		all = append(all, &sender{w: dialFull(t, v, "/"), want: `"` + strings.Repeat(string(rune('a'+i)), 700+i) + `"`})
	}
	for range rounds {
		for _, s := range all {
			b := append(message.AppendEventHeader(nil, 0, 0, 0, "echo"), s.want...)
			half := frame.AppendMaskedFrame(nil, frame.Binary, false, b[:200], [4]byte{1, 2, 3, 4})
			half[0] &^= 0x80
			s.rest = frame.AppendMaskedFrame(half, frame.Continuation, false, b[200:], [4]byte{5, 6, 7, 8})
		}
		for left := clients; left > 0; {
			s := all[random.IntN(clients)]
			if len(s.rest) == 0 {
				continue
			}
			n := min(1+random.IntN(300), len(s.rest))
			s.w.nc.Write(s.rest[:n])
			if s.rest = s.rest[n:]; len(s.rest) == 0 {
				left--
			}
		}
		for _, s := range all {
			s.w.wantEvent("echo", s.want)
		}
	}
}

func TestImpossible_MiddlewareFailingOpen(t *testing.T) {
	ways := map[string]smartsocket.Middleware{
		"no next":  func(*smartsocket.Socket, string, smartsocket.Data, func(error)) {},
		"an error": func(_ *smartsocket.Socket, _ string, _ smartsocket.Data, next func(error)) { next(errors.New("no")) },
		"an error, then ok": func(_ *smartsocket.Socket, _ string, _ smartsocket.Data, next func(error)) {
			next(errors.New("no"))
			next(nil)
		},
		"a panic":          func(*smartsocket.Socket, string, smartsocket.Data, func(error)) { panic("boom") },
		"ok, then a panic": func(_ *smartsocket.Socket, _ string, _ smartsocket.Data, next func(error)) { next(nil); panic("boom") },
		"next later":       func(_ *smartsocket.Socket, _ string, _ smartsocket.Data, next func(error)) { go next(nil) },
		"an *Error": func(_ *smartsocket.Socket, _ string, _ smartsocket.Data, next func(error)) {
			next(smartsocket.ErrRejected)
		},
	}
	delete(ways, "next later") // it may be in time
	for name, mw := range ways {
		for _, inline := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, inline %v", name, inline), func(t *testing.T) {
				var opts []smartsocket.HandlerOption
				if inline {
					opts = append(opts, smartsocket.Inline)
				}
				v := startServer(t, smartsocket.Options{}, func(v *smartsocket.Server) {
					v.Use(mw)
					v.On("x", func(*smartsocket.Socket, smartsocket.Data, smartsocket.Ack) { t.Error("the handler ran") }, opts...)
				})
				w := dialFull(t, v, "/")
				w.emit("x", "1")
				w.request(1, "x", "1")
				w.wantNack(1, message.CodeRejected)
			})
		}
	}
}

func TestImpossible_PrototypeNamesReachingMoreThanAMap(t *testing.T) {
	names := []string{"constructor", "toString", "hasOwnProperty", "valueOf", "prototype", "_proto_", "then"}
	v := startServer(t, smartsocket.Options{}, func(v *smartsocket.Server) {
		for _, n := range names[:3] {
			v.On(n, echo)
		}
	})
	w := dialFull(t, v, "/")
	for i, n := range names {
		w.request(uint64(i), n, "1")
		if i < 3 {
			w.wantEvent("echo", "1")
			w.wantAck(uint64(i), "1")
			continue
		}
		w.wantNack(uint64(i), message.CodeNoHandler)
	}
	w.request(99, "__proto__", "1")
	w.wantNack(99, message.CodeInvalidFormat)
}

func TestImpossible_EnteringARoomUninvited(t *testing.T) {
	v := startServer(t, smartsocket.Options{}, echoOn)
	ns := v.Namespace("/")
	in, out := dialFull(t, v, "/"), dialFull(t, v, "/")
	eventually(t, "both", func() bool { return ns.Len() == 2 })
	ns.Socket(in.id).Join("secret")
	for i, event := range []string{"join", "subscribe", "to", "room"} {
		out.request(uint64(i), event, `["secret"]`)
		out.wantNack(uint64(i), message.CodeNoHandler)
	}
	if err := ns.Socket(out.id).Join(in.id); err == nil {
		t.Error("a room may be named like somebody's id")
	}
	if d, _ := ns.To("secret").Emit("said", "psst"); d.Queued != 1 {
		t.Errorf("%+v", d)
	}
	if d, _ := ns.ToSocket(in.id).Emit("said", "you"); d.Queued != 1 {
		t.Errorf("%+v", d)
	}
	in.wantEvent("said", `"psst"`)
	in.wantEvent("said", `"you"`)
	out.request(9, "echo", "1") // the first thing it gets after all that
	out.wantEvent("echo", "1")
}

func TestImpossible_CryptoFailingOpen(t *testing.T) {
	key, text := newKey()
	other, _ := newKey()
	v := startServer(t, smartsocket.Options{EncryptionKey: text, EncryptionAlgorithm: "aes-256-gcm"}, func(v *smartsocket.Server) {
		v.On("x", func(*smartsocket.Socket, smartsocket.Data, smartsocket.Ack) { t.Error("a handler ran") })
	})
	if _, ok := dialSealed(t, v, "/", &other, crypto.AES256GCM); ok {
		t.Error("a wrong key was accepted")
	}
	dialPlain(t, v, "/").wantClose(3500)
	w, ok := dialSealed(t, v, "/", &key, crypto.AES256GCM)
	if !ok {
		t.Fatal("refused")
	}
	w.send(frame.Text, []byte(`{"event":"x"}`))
	w.wantClose(3502)
	for field, o := range map[string]smartsocket.Options{
		"EncryptionKey":       {EnableEncryption: smartsocket.Enabled},
		"EncryptionAlgorithm": {EncryptionKey: text, EncryptionAlgorithm: "none"},
	} {
		var e *smartsocket.OptionError
		if _, err := smartsocket.New(o); !errors.As(err, &e) || e.Field != field {
			t.Errorf("%+v: %v, want an error about %s", o, err, field)
		}
	}
}

func TestImpossible_SecretInALog(t *testing.T) { TestAttackSecretsInTheLog(t) }

func TestImpossible_SettlingAnothersAck(t *testing.T) { TestAttackForgedAcks(t) }

// Life cycle

// atImport is how many goroutines there were when the packages under test had been initialised.
var atImport = runtime.NumGoroutine()

func TestImpossible_WorkAtImport(t *testing.T) {
	if atImport != 1 {
		t.Errorf("%d goroutines ran before main, want 1", atImport)
	}
}

func TestImpossible_TwoServersOnOnePort(t *testing.T) {
	v := startServer(t, smartsocket.Options{}, nil)
	port := v.Addr().(*net.TCPAddr).Port
	w, err := smartsocket.New(smartsocket.Options{Host: "127.0.0.1", Port: port, Logger: testLogger(t)})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Start(); err == nil {
		w.Close()
		t.Error("two servers listen on one port")
	}
}

func TestImpossible_CloseLeavingClientsOpen(t *testing.T) {
	for name, stop := range map[string]func(*smartsocket.Server) error{
		"Close": (*smartsocket.Server).Close,
		"Shutdown": func(v *smartsocket.Server) error {
			ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
			defer cancel()
			v.Shutdown(ctx) // the clients below do not answer: it cuts them
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			v := startServer(t, smartsocket.Options{}, nil)
			upgrade := string(frame.AppendRequest(nil, "x", "/", frame.NewKey(), "", message.Subprotocol, "", ""))
			conns := []net.Conn{dialFull(t, v, "/").nc, dialPlain(t, v, "/").nc, dialRaw(t, v, ""), dialRaw(t, v, "GET"), dialRaw(t, v, upgrade)}
			eventually(t, "the clients", func() bool { return v.ConnectionStats().Open == 3 })
			if err := stop(v); err != nil {
				t.Error(err)
			}
			for _, nc := range conns {
				wantGone(t, nc)
			}
			if n := v.ConnectionStats().Open; n != 0 {
				t.Errorf("%d connections count as open", n)
			}
		})
	}
}

// newClient makes a client that comes back quickly, and ends it with the test.
func newClient(t testing.TB, v *smartsocket.Server, o client.Options) *client.Client {
	t.Helper()
	if o.ReconnectDelay == 0 {
		o.ReconnectDelay = time.Millisecond
	}
	c, err := client.New("ws://"+v.Addr().String()+"/", o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Disconnect)
	return c
}

func connected(t testing.TB, c *client.Client) *client.Client {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := c.Connect(ctx); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestImpossible_DisconnectReconnecting(t *testing.T) {
	var seen atomic.Int64
	v := startServer(t, smartsocket.Options{}, func(v *smartsocket.Server) {
		v.OnConnected(func(*smartsocket.Socket) { seen.Add(1) })
	})
	c := newClient(t, v, client.Options{MaxReconnectAttempts: client.Forever})
	c.OnReconnecting(func(client.Reconnecting) { t.Error("reconnecting after Disconnect") })
	for n := range int64(5) {
		connected(t, c).Disconnect()
		eventually(t, "the server to see it go", func() bool { return v.ConnectionStats().Open == 0 })
		if c.Connected() || seen.Load() != n+1 {
			t.Fatalf("after %d connects and disconnects the server saw %d", n+1, seen.Load())
		}
	}
}

func TestImpossible_ListenerRunTwiceOrNever(t *testing.T) {
	var ran, once atomic.Int64
	v := startServer(t, smartsocket.Options{}, func(v *smartsocket.Server) {
		v.On("e", func(_ *smartsocket.Socket, _ smartsocket.Data, ack smartsocket.Ack) { ran.Add(1); ack.Reply(nil) })
		v.Once("e", func(*smartsocket.Socket, smartsocket.Data, smartsocket.Ack) { once.Add(1) })
		v.On("kick", func(s *smartsocket.Socket, _ smartsocket.Data, _ smartsocket.Ack) { s.DisconnectWith(3000, "again") })
		v.On("say", func(s *smartsocket.Socket, d smartsocket.Data, ack smartsocket.Ack) {
			s.Emit("said", d.JSON())
			ack.Reply(nil)
		})
	})
	c := newClient(t, v, client.Options{})
	var heard atomic.Int64
	c.On("said", func(client.Data, client.Ack) { heard.Add(1) })
	back := make(chan bool, 8)
	c.OnReconnected(func(bool) { back <- true })
	connected(t, c)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for round := range int64(4) { // handlers are not registered again by a reconnection
		for _, event := range []string{"e", "say"} {
			if _, err := c.EmitWithAck(ctx, event, round); err != nil {
				t.Fatal(err)
			}
		}
		eventually(t, "the answer", func() bool { return heard.Load() > round })
		if ran.Load() != round+1 || heard.Load() != round+1 || once.Load() != 1 {
			t.Fatalf("round %d: handlers ran %d, %d and %d times", round, ran.Load(), heard.Load(), once.Load())
		}
		c.Emit("kick", nil)
		<-back
	}
}

func TestImpossible_AckCallbackNeverCalled(t *testing.T) {
	v := startServer(t, smartsocket.Options{}, func(v *smartsocket.Server) {
		v.On("answer", func(_ *smartsocket.Socket, _ smartsocket.Data, ack smartsocket.Ack) { ack.Reply(1); ack.Reply(2) })
		v.On("panic", func(*smartsocket.Socket, smartsocket.Data, smartsocket.Ack) { panic("boom") })
		v.On("silent", func(*smartsocket.Socket, smartsocket.Data, smartsocket.Ack) {})
		v.On("kick", func(s *smartsocket.Socket, _ smartsocket.Data, _ smartsocket.Ack) { s.DisconnectWith(3000, "") })
		v.On("unwritable", func(_ *smartsocket.Socket, _ smartsocket.Data, ack smartsocket.Ack) { ack.Reply(func() {}) })
		v.Use(func(_ *smartsocket.Socket, event string, _ smartsocket.Data, next func(error)) {
			if event != "swallowed" {
				next(nil)
			}
		})
		v.On("swallowed", echo)
	})
	const each = 20
	var calls [8]atomic.Int64
	events := []string{"answer", "panic", "silent", "unwritable", "swallowed", "nobody", "kick", "silent"}
	c := connected(t, newClient(t, v, client.Options{}))
	for i, event := range events {
		for range each {
			timeout := time.Minute
			if i == 2 {
				timeout = 20 * time.Millisecond
			}
			if i == 7 {
				eventually(t, "a connection", c.Connected)
			}
			if err := c.EmitAck(event, nil, timeout, func(client.Data, error) { calls[i].Add(1) }); err != nil {
				t.Fatal(err)
			}
		}
	}
	c.Disconnect() // settles what is left
	for i := range calls {
		eventually(t, "the callbacks of "+events[i], func() bool { return calls[i].Load() >= each })
		if n := calls[i].Load(); n != each {
			t.Errorf("%s: %d callbacks for %d emits", events[i], n, each)
		}
	}
}

func TestImpossible_OptionSilentlyIgnored(t *testing.T) {
	// What cannot be used is an error that names its field, whichever field it is.
	impossible := map[string]any{
		"EncryptionKey": "not a key", "EncryptionAlgorithm": "rot13", "TLSCertFile": "/nowhere", "TLSKeyFile": "/nowhere",
		"APIKeys": []string{"short"}, "AllowedOrigins": []string{"nonsense"}, "TrustedProxies": []string{"nonsense"},
	}
	_, valid := newKey()
	typ := reflect.TypeFor[smartsocket.Options]()
	for i := range typ.NumField() {
		f := typ.Field(i)
		if f.Tag.Get("config") == "-" {
			continue
		}
		var o smartsocket.Options
		field := reflect.ValueOf(&o).Elem().Field(i)
		bad, ok := impossible[f.Name]
		switch {
		case ok:
			field.Set(reflect.ValueOf(bad))
		case f.Name == "PreviousEncryptionKey":
			o.EncryptionKey = valid
			field.SetString("not a key")
		case field.CanInt() && f.Name != "Port":
			field.SetInt(-5)
		case f.Name == "Port":
			field.SetInt(70_000)
		default: // switches and the host: there is no impossible value, other tests show their effects
			continue
		}
		if f.Name == "EncryptionAlgorithm" {
			o.EncryptionKey = valid
		}
		var e *smartsocket.OptionError
		if _, err := smartsocket.New(o); !errors.As(err, &e) || e.Field != f.Name || e.Fix == "" {
			t.Errorf("%s = %v: %v", f.Name, field, err)
		}
	}
}

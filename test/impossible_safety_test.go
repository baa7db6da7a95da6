package test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"testing"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/crypto"
	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/message"
)

func TestImpossible_FrameCrashingTheProcess(t *testing.T) {
	v := startServer(t, Options{}, echoOn)
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
			b := masked(frame.Opcode(1+random.IntN(2)), p)
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
	v := startServer(t, Options{}, nil)
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
	v := startServer(t, Options{MaxMessageBytes: 1 << 30}, echoOn)
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
	v := startServer(t, Options{}, echoOn)
	random := rand.New(rand.NewPCG(3, 4))
	const clients, rounds = 16, 30
	type sender struct {
		w    *wire
		rest []byte
		want string
	}
	var all []*sender
	for i := range clients {
		text := strings.Repeat(string(rune('a'+i)), 700+i)
		all = append(all, &sender{w: dialFull(t, v, "/"), want: `"` + text + `"`})
	}
	for range rounds {
		for _, s := range all {
			b := eventBytes(0, 0, "echo", s.want)
			half := masked(frame.Binary, b[:200])
			half[0] &^= 0x80
			mask := [4]byte{5, 6, 7, 8}
			s.rest = frame.AppendMaskedFrame(half, frame.Continuation, false, b[200:], mask)
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
		"no next":  func(*Socket, string, Data, func(error)) {},
		"an error": func(_ *Socket, _ string, _ Data, next func(error)) { next(errors.New("no")) },
		"an error, then ok": func(_ *Socket, _ string, _ Data, next func(error)) {
			next(errors.New("no"))
			next(nil)
		},
		"a panic": func(*Socket, string, Data, func(error)) { panic("boom") },
		"ok, then a panic": func(_ *Socket, _ string, _ Data, next func(error)) {
			next(nil)
			panic("boom")
		},
		"an *Error": func(_ *Socket, _ string, _ Data, next func(error)) {
			next(smartsocket.ErrRejected)
		},
	}
	for name, mw := range ways { // but no next(nil) from elsewhere, which may be in time
		for _, inline := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, inline %v", name, inline), func(t *testing.T) {
				var opts []smartsocket.HandlerOption
				if inline {
					opts = append(opts, smartsocket.Inline)
				}
				v := startServer(t, Options{}, func(v *Server) {
					v.Use(mw)
					v.On("x", func(*Socket, Data, Ack) { t.Error("the handler ran") }, opts...)
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
	names := []string{
		"constructor", "toString", "hasOwnProperty", "valueOf", "prototype", "_proto_", "then",
	}
	v := startServer(t, Options{}, func(v *Server) {
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
	v := startServer(t, Options{}, echoOn)
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
	out.request(9, "echo", "1") // its answer is the first thing that comes after all that
	out.wantEvent("echo", "1")
}

func TestImpossible_CryptoFailingOpen(t *testing.T) {
	key, text := newKey()
	other, _ := newKey()
	good := Options{EncryptionKey: text, EncryptionAlgorithm: "aes-256-gcm"}
	v := startServer(t, good, func(v *Server) {
		v.On("x", func(*Socket, Data, Ack) { t.Error("a handler ran") })
	})
	if _, ok := dialSealed(t, v, "/", &other, crypto.AES256GCM); ok {
		t.Error("a wrong key was accepted")
	}
	if r, _ := tryUpgrade(t, v, ""); r.StatusCode != 401 {
		t.Errorf("a plain client got HTTP %d", r.StatusCode)
	}
	w, ok := dialSealed(t, v, "/", &key, crypto.AES256GCM)
	if !ok {
		t.Fatal("refused")
	}
	w.send(frame.Text, []byte(`{"event":"x"}`))
	w.wantClose(3502)
	for field, o := range map[string]Options{
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

package test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket/crypto"
	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/message"
)

// each runs f with a client of every kind. roundTrip sends data with an event to the server's echo,
// and returns the data that came back as an event and as an ack.
func each(t *testing.T, f func(t *testing.T, roundTrip func(payload string) (event, ack string))) {
	key, text := newKey()
	v := startServer(t, Options{}, echoOn)
	encrypted := Options{EncryptionKey: text, EncryptionAlgorithm: "aes-256-gcm"}
	sealed := startServer(t, encrypted, echoOn)
	payload := func(m message.Message) string {
		if m.Flags&message.FlagDeflated == 0 {
			return string(m.Payload)
		}
		return string(inflated(t, m.Payload))
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
			return payload(w.message()), payload(w.message())
		})
	})
	t.Run("encrypted and compressed", func(t *testing.T) {
		w, ok := dialSealed(t, sealed, "/", &key, crypto.AES256GCM)
		if !ok {
			t.Fatal("refused")
		}
		f(t, func(p string) (string, string) {
			w.send(frame.Binary, w.ends.Seal(nil, eventBytes(message.FlagAck, 1, "echo", p)))
			return payload(w.open()), payload(w.open())
		})
	})
}

func TestImpossible_FieldDropped(t *testing.T) {
	fields := make(map[string]any)
	for i := range 300 {
		fields[fmt.Sprintf("field%03d", i)] = map[string]any{
			"n": i, "text": strings.Repeat("é", i%7), "list": []int{i, -i},
		}
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
				t.Errorf("%d bytes with %d fields came back as %d and %d bytes",
					len(sent), n, len(a), len(b))
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
		for _, p := range []string{
			`null`, `true`, `false`, `0`, `-1.5e300`, `12345678901234567890`, `""`,
			`"\u2028 \" 😀"`, `[]`, `[1,[2,[3]]]`, `{}`, `{"__proto__":{"x":1}}`,
		} {
			if a, b := roundTrip(p); a != p || b != p {
				t.Errorf("%s came back as %s and %s", p, a, b)
			}
		}
	})
}

func TestImpossible_SendPathsEncodingDifferently(t *testing.T) {
	v := startServer(t, Options{}, nil)
	ns := v.Namespace("/")
	full, plain := dialFull(t, v, "/"), dialPlain(t, v, "/")
	eventually(t, "both clients", func() bool { return ns.Len() == 2 })
	var room []*Socket
	for _, s := range ns.Sockets() {
		s.Join("room")
		room = append(room, s)
	}
	type value struct {
		Text string
		N    float64
		M    map[string]int
	}
	for _, data := range []any{
		nil, 1, "é<&>\u2028", value{"x", 1e21, map[string]int{"b": 1}}, []byte{0, 1, 255},
		json.RawMessage(`{"a": 1}`), strings.Repeat("long ", 1000),
	} {
		var first [2][]byte
		for name, emit := range map[string]func(){
			"Socket.Emit":    func() { room[0].Emit("e", data); room[1].Emit("e", data) },
			"Namespace.Emit": func() { ns.Emit("e", data) },
			"Server.Emit":    func() { v.Emit("e", data) },
			"a room":         func() { ns.To("room").Emit("e", data) },
			"ids":            func() { ns.To(room[0].ID(), room[1].ID()).Emit("e", data) },
			"all but nobody": func() { ns.Except("nobody").Emit("e", data) },
			"Server.ToSocket": func() {
				v.ToSocket(room[0].ID()).Emit("e", data)
				v.ToSocket(room[1].ID()).Emit("e", data)
			},
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
	v := startServer(t, Options{MaxOutboxBytes: 8 << 20}, func(v *Server) {
		v.On("go", func(s *Socket, _ Data, ack Ack) {
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
					s.EmitAck("e", i, time.Minute, func(Data, error) {})
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
	v := startServer(t, Options{}, func(v *Server) {
		v.On("see", func(_ *Socket, d Data, ack Ack) {
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

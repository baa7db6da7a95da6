package test

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket/client"
	"github.com/smartsocket/smartsocket/crypto"
	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/message"
)

// newClient makes a client that comes back quickly, and ends it with the test.
func newClient(t testing.TB, v *Server, o client.Options) *client.Client {
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

// connected connects c.
func connected(t testing.TB, c *client.Client) *client.Client {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := c.Connect(ctx); err != nil {
		t.Fatal(err)
	}
	return c
}

// resumer is a wire that keeps what it needs to resume its session: it counts the events that
// it gets.
type resumer struct {
	*wire
	token     []byte
	seq       uint64
	recovered bool
	inflates  bool
	arrived   uint64 // of CONNECT_ACK
}

// connect makes a new connection, which resumes the session if there is one.
func (r *resumer) connect(t testing.TB, v *Server, namespace, key string) {
	t.Helper()
	r.connectAt(t, v.Addr().String(), namespace, key)
}

// connectAt is connect at another address than the server's.
func (r *resumer) connectAt(t testing.TB, addr, namespace, key string) {
	t.Helper()
	r.wire = dialWireAt(t, addr, "/", message.Subprotocol)
	r.message()
	r.handshake(t, namespace, key)
}

// handshake sends CONNECT on a connection that has had its HELLO, and reads the answer.
func (r *resumer) handshake(t testing.TB, namespace, key string) {
	t.Helper()
	r.sendConnect(message.Connect{
		Namespace: []byte(namespace), APIKey: []byte(key),
		SessionToken: r.token, LastSeq: r.seq, CanInflate: r.inflates,
	})
	_, p := r.next()
	a, err := message.ParseConnectAck(p)
	if err != nil {
		t.Fatalf("no CONNECT_ACK: %v %q", err, p)
	}
	r.id, r.token = string(a.SocketID), append([]byte(nil), a.SessionToken...)
	r.recovered, r.arrived = a.Recovered, a.Arrived
	if !a.Recovered {
		r.seq = 0
	}
}

// again cuts the connection and resumes its session.
func (r *resumer) again(t *testing.T, v *Server) {
	t.Helper()
	r.nc.Close()
	id := r.id
	r.connect(t, v, "/", "")
	if !r.recovered || r.id != id {
		t.Fatal("the session was not recovered")
	}
}

// want takes the next event and checks its payload, and that its number is the next one.
func (r *resumer) want(payload string) {
	r.t.Helper()
	m := r.message()
	numbered := m.Flags&message.FlagSeq != 0 && m.Seq == r.seq+1
	if m.Kind != message.KindEvent || !numbered || string(m.Payload) != payload {
		r.t.Fatalf("got kind %d seq %d %q, want event %d %q",
			m.Kind, m.Seq, m.Payload, r.seq+1, payload)
	}
	r.seq = m.Seq
}

// connectWith does the handshake with an API key and returns the server's answer.
func connectWith(t testing.TB, v *Server, key string) (*wire, message.Message) {
	t.Helper()
	w := dialWire(t, v, "/", message.Subprotocol)
	_, p := w.next()
	if h, err := message.ParseHello(p); err != nil || !h.AuthRequired {
		t.Fatalf("HELLO does not ask for authentication: %+v %v", h, err)
	}
	w.sendConnect(message.Connect{APIKey: []byte(key)})
	return w, w.message()
}

// newKey is a key for encryption and its text.
func newKey() (crypto.Key, string) {
	k := crypto.GenerateKey()
	return k, k.Encode()
}

// sealedWire is a wire that has done the encrypted handshake.
type sealedWire struct {
	*wire
	ends *message.Ends
}

// dialSealed connects with a key; ok is false when the server refuses.
func dialSealed(
	t testing.TB, v *Server, namespace string, key *crypto.Key, alg crypto.Algorithm,
) (w *sealedWire, ok bool) {
	t.Helper()
	w = &sealedWire{wire: dialWire(t, v, "/", message.Subprotocol)}
	w.connectSealed(message.Connect{Namespace: []byte(namespace), CanInflate: true}, key, alg)
	_, p := w.next()
	if len(p) > 0 && p[0] == byte(message.KindSealed) {
		plain, err := w.ends.Open(p)
		if err != nil {
			t.Fatal(err)
		}
		if a, err := message.ParseConnectAck(plain); err == nil {
			w.id = string(a.SocketID)
			return w, true
		}
	}
	if e, err := message.ParseErrorJSON(p[1:]); err != nil || e.Code != message.CodeAuthFailed {
		t.Fatalf("the server answers %q, neither CONNECT_ACK nor ERR_CONN_004", p)
	}
	return w, false
}

// connectSealed takes HELLO and answers it with a sealed CONNECT.
func (w *sealedWire) connectSealed(c message.Connect, key *crypto.Key, alg crypto.Algorithm) {
	w.t.Helper()
	_, hello := w.next()
	c.Version = 1
	random := bytes.Repeat([]byte{7}, 32)
	record, ends, err := message.AppendSealedConnect(nil, hello, &c, key, alg, random)
	if err != nil {
		w.t.Fatal(err)
	}
	w.ends = ends
	w.send(frame.Binary, record)
}

// emitSealed sends an event.
func (w *sealedWire) emitSealed(event, payload string) {
	w.send(frame.Binary, w.ends.Seal(nil, eventBytes(0, 0, event, payload)))
}

// open returns the next message that is not a PING of the clock.
func (w *sealedWire) open() message.Message {
	w.t.Helper()
	_, p := w.next()
	plain, err := w.ends.Open(p)
	if err == nil && plain[0] == byte(message.KindPing) {
		return w.open()
	}
	if err != nil {
		w.t.Fatalf("a message of the server does not open: %v %q", err, p)
	}
	m, err := message.Parse(plain)
	if err != nil {
		w.t.Fatal(err)
	}
	return m
}

//go:build unix

package test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/client"
)

// What moves with a session: values and identities of basic types by themselves, others by the
// hooks. Otherwise it stays, and its client begins a new one.
func TestExportSession(t *testing.T) {
	type purse struct{ Gold int }
	give := func(s *Socket) { s.Set("purse", &purse{7}) }
	export := func(s *Socket) ([]byte, error) {
		return json.Marshal(smartsocket.Value[*purse](s, "purse"))
	}
	bring := func(s *Socket, b []byte) error {
		p := new(purse)
		s.Set("purse", p)
		return json.Unmarshal(b, p)
	}
	for name, c := range map[string]struct {
		o     Options
		setup func(s *Socket)
		want  string // "new", or what is known of the socket
	}{
		"basic values": {setup: func(s *Socket) { s.Set("n", uint16(3)) }, want: "3 <nil> 0"},
		"a pointer":    {setup: give, want: "new"},
		"hooks": {o: Options{ExportSession: export, ImportSession: bring}, setup: give,
			want: "<nil> <nil> 7"},
		"an export that fails": {o: Options{ImportSession: bring,
			ExportSession: func(*Socket) ([]byte, error) { return nil, errors.New("no") }},
			setup: give, want: "new"},
		"an import that fails": {o: Options{ExportSession: export,
			ImportSession: func(*Socket, []byte) error { return errors.New("no") }},
			setup: give, want: "new"},
		"an import that panics": {o: Options{ExportSession: export,
			ImportSession: func(*Socket, []byte) error { panic("boom") }},
			setup: give, want: "new"},
		"handlers of its own": {setup: func(s *Socket) { s.On("x", reply) }, want: "new"},
		"a name": {setup: func(s *Socket) { s.Authenticated("ann") },
			want: "<nil> ann 0"},
		"a person": {setup: func(s *Socket) { s.Authenticated(&purse{1}) }, want: "new"},
		"a grant": {setup: func(s *Socket) {
			s.Authenticated(smartsocket.Grant{Identity: 5, Rooms: []string{"r*"},
				Expires: time.Now().Add(time.Hour), Values: map[string]any{"n": "x"}})
		}, want: "x 5 0 refused"},
		"the hook says it again": {o: Options{
			Authenticate: func(context.Context, smartsocket.AuthRequest) (any, error) {
				return purse{2}, nil
			}}, want: "<nil> {2} 0"},
		"not authenticated yet": {o: Options{RequireAuth: true}, want: "new"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := newLine(t, c.o, func(v *Server) {
				v.OnConnected(func(s *Socket) {
					if !s.Recovered() && c.setup != nil {
						c.setup(s)
					}
				})
				v.On("who", func(s *Socket, _ Data, ack Ack) {
					p := smartsocket.Value[*purse](s, "purse")
					if p == nil {
						p = new(purse)
					}
					text := fmt.Sprint(s.Get("n"), " ", s.Identity(), " ", p.Gold)
					if s.Join("other") != nil {
						text += " refused"
					}
					ack.Reply(text)
				})
			})
			n := x.client(client.Options{})
			if c.want != "new" {
				request[string](t, n.Client, "who", nil) // the connected handlers are done
			}
			_, drained := x.succeed()
			back := awaited(t, "the move", n.back)
			if back != (c.want != "new") {
				t.Errorf("recovered: %v", back)
			}
			if c.want != "new" {
				if got := request[string](t, n.Client, "who", nil); got != c.want {
					t.Errorf("it is %q, want %q", got, c.want)
				}
			}
			if err := awaited(t, "the end of HandOver", drained); err != nil {
				t.Error(err)
			}
		})
	}
}

// deaf is a broker that reaches nobody.
type deaf struct{}

func (deaf) Open([]string, func(*smartsocket.Envelope) error) error { return nil }
func (deaf) Subscribe(string)                                       {}
func (deaf) Publish(smartsocket.Envelope)                           {}
func (deaf) Close() error                                           { return nil }

// With a broker, which carries broadcasts to the next process, the old one does not pass them on as
// well. A kick follows the session.
func TestMovedSessionWithABroker(t *testing.T) {
	sockets := make(chan *Socket, 9)
	x := newLine(t, Options{Broker: deaf{}}, func(v *Server) {
		v.OnConnected(func(s *Socket) {
			s.Join("r")
			sockets <- s
		})
	})
	c := x.client(client.Options{})
	gone := make(chan client.Reason, 9)
	c.OnDisconnected(func(r client.Reason) { gone <- r })
	s, old := awaited(t, "the socket", sockets), x.now
	_, drained := x.succeed()
	if !awaited(t, "the move", c.back) {
		t.Fatal("it has a new session")
	}
	eventually(t, "its leave", func() bool { return len(old.Namespace("/").Away()) == 0 })
	old.To("r").Emit("said", "to the room")
	s.Emit("said", "to itself")
	if got := awaited(t, "an event", c.said); got != "to itself" {
		t.Errorf("it is told %q", got)
	}
	if err := awaited(t, "the end of HandOver", drained); err != nil {
		t.Error(err)
	}
	s.DisconnectWith(3700, "banned")
	if r := awaited(t, "the kick", gone); r.Code != 3700 || r.Text != "banned" {
		t.Errorf("it ends with %v", r)
	}
}

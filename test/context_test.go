package test

import (
	"context"
	"errors"
	"testing"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/message"
)

// A connection's context ends with it at once, although a handler still runs. The socket's goes on
// as long as its session.
func TestContexts(t *testing.T) {
	v := cacheServer(t, smartsocket.Options{})
	type contexts struct{ socket, link context.Context }
	entered := make(chan contexts, 1)
	release := make(chan bool)
	v.On("wait", func(s *Socket, _ Data, _ Ack) {
		c := contexts{s.Context(), s.LinkContext()}
		entered <- c
		<-c.link.Done() // the handler holds the mailbox meanwhile
		<-release
	})
	var a resumer
	a.connect(t, v, "/", "")
	a.emit("wait", "")
	first := <-entered
	s := v.Namespace("/").Socket(a.id)
	if s.Context() != first.socket || s.LinkContext() != first.link {
		t.Error("two calls gave two contexts")
	}
	a.nc.Close()
	<-first.link.Done()
	if err := context.Cause(first.link); !errors.Is(err, smartsocket.ErrConnectionLost) {
		t.Errorf("the cause is %v", err)
	}
	if s.LinkContext().Err() == nil {
		t.Error("the context of no connection goes on")
	}
	release <- true
	a.connect(t, v, "/", "")
	if !a.recovered || v.Namespace("/").Socket(a.id) != s {
		t.Fatal("the session was not recovered, or has another socket")
	}
	a.request(1, "get", "")
	a.wantAck(1, "[null,[],true]") // so the handlers know of the connection
	second := s.LinkContext()
	if second.Err() != nil || first.socket.Err() != nil {
		t.Fatalf("after the return: %v and %v", second.Err(), first.socket.Err())
	}
	a.leaves()
	s.Disconnect()
	<-second.Done()
	<-first.socket.Done()
	if s.Context().Err() == nil || s.LinkContext().Err() == nil {
		t.Error("contexts begin after the end")
	}
}

// Without the message cache both contexts end with the connection.
func TestContextsWithoutSession(t *testing.T) {
	v := startServer(t, smartsocket.Options{}, nil)
	sockets := make(chan *Socket, 1)
	v.OnConnected(func(s *Socket) { sockets <- s })
	w := dialFull(t, v, "/")
	s := <-sockets
	socket, link := s.Context(), s.LinkContext()
	w.nc.Close()
	<-link.Done()
	<-socket.Done()
}

// Messages that a client sends behind CONNECT, without waiting for CONNECT_ACK, wait for the
// Authenticate hook and are handled in order.
func TestEventsBehindConnectWaitForTheHook(t *testing.T) {
	asked, answer := make(chan bool), make(chan error)
	hook := func(context.Context, smartsocket.AuthRequest) (any, error) {
		asked <- true
		return "who", <-answer
	}
	v := startServer(t, smartsocket.Options{Authenticate: hook}, nil)
	v.On("name", func(s *Socket, d Data, ack Ack) { ack.Reply([]any{s.Identity(), d.JSON()}) },
		smartsocket.Inline)
	connect := func() *wire {
		w := dialWire(t, v, "/", message.Subprotocol)
		if m := w.message(); m.Kind != message.KindHello {
			t.Fatalf("kind %d instead of HELLO", m.Kind)
		}
		w.sendConnect(message.Connect{Random: make([]byte, 32), Namespace: []byte("/")})
		<-asked
		return w
	}
	w := connect()
	w.request(1, "name", "1")
	w.request(2, "name", "2")
	eventually(t, "the events", func() bool { return v.ConnectionStats().MessagesIn == 3 })
	answer <- nil
	if m := w.message(); m.Kind != message.KindConnectAck {
		t.Fatalf("kind %d instead of CONNECT_ACK", m.Kind)
	}
	w.wantAck(1, `["who",1]`)
	w.wantAck(2, `["who",2]`)

	w = connect()
	for id := range uint64(17) {
		w.request(id+1, "name", "")
	}
	w.wantError(message.CodeInvalidFormat)
	w.wantClose(frame.ClosePolicyViolation)
	answer <- nil // too late: the connection is on its way out
}

// A handler that runs so late that its client has come back meanwhile does not get the context of
// the new connection. Otherwise what each connected handler starts would run twice on that.
func TestContextOfALateHandler(t *testing.T) {
	v := cacheServer(t, smartsocket.Options{})
	var links []context.Context // the handlers of one socket run one at a time
	told := make(chan bool, 4)
	v.OnConnected(func(s *Socket) {
		links = append(links, s.LinkContext())
		told <- true
	})
	v.OnDisconnected(func(*Socket, smartsocket.Reason) { told <- true })
	entered, release := make(chan bool), make(chan bool)
	v.On("wait", func(*Socket, Data, Ack) {
		entered <- true
		<-release
	})
	var a resumer
	a.connect(t, v, "/", "")
	<-told
	a.emit("wait", "")
	<-entered
	for range 2 { // the handlers of the second connection run when the third is there
		a.again(t, v)
	}
	close(release)
	for range 4 {
		<-told
	}
	for i, last := range []bool{false, false, true} {
		if over := links[i].Err() != nil; over == last {
			t.Errorf("connection %d of 3: its context is over: %v", i+1, over)
		}
	}
	if links[1] == links[2] {
		t.Error("two connections have one context")
	}
	if s := v.Namespace("/").Socket(a.id); s.LinkContext() != links[2] {
		t.Error("the socket has another context than its last connected handler got")
	}
}

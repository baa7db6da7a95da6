package test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
)

// fakeBroker writes down what is published.
type fakeBroker struct {
	smartsocket.Broker

	mu         sync.Mutex
	namespaces []string
	deliver    func(*smartsocket.Envelope) error
	published  []smartsocket.Envelope
	keep       bool
	closed     int
	err        error
}

func (b *fakeBroker) Open(namespaces []string, deliver func(*smartsocket.Envelope) error) error {
	b.namespaces, b.deliver = namespaces, deliver
	return b.err
}

func (b *fakeBroker) Subscribe(namespace string) { b.namespaces = append(b.namespaces, namespace) }

func (b *fakeBroker) Publish(e smartsocket.Envelope) {
	if !b.keep {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	e.Names, e.Except = slices.Clone(e.Names), slices.Clone(e.Except)
	e.Payload = slices.Clone(e.Payload)
	b.published = append(b.published, e)
}

func (b *fakeBroker) Close() error {
	b.closed++
	return nil
}

// take returns what was published since the last call.
func (b *fakeBroker) take() []smartsocket.Envelope {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := b.published
	b.published = nil
	return list
}

func TestBrokerIsGivenEveryBroadcast(t *testing.T) {
	b := &fakeBroker{keep: true}
	v := startServer(t, Options{Broker: b}, func(v *Server) {
		joiner(v)
		v.Namespace("/other")
	})
	if slices.Sort(b.namespaces); !slices.Equal(b.namespaces, []string{"/", "/other"}) {
		t.Errorf("opened with %q", b.namespaces)
	}
	v.Namespace("late")
	v.Namespace("/late")
	if !slices.Equal(b.namespaces, []string{"/", "/other", "/late"}) {
		t.Errorf("after a late one %q", b.namespaces)
	}
	w := dialFull(t, v, "/")
	ns := v.Namespace("/")
	s := ns.Socket(w.id)
	elsewhere := "ss_" + strings.Repeat("x", 22)
	long := strings.Repeat("x", 129)
	for name, step := range map[string]struct {
		target emitter
		want   []string // namespace names except
	}{
		"server":            {v, []string{"/ [] []", "/late [] []", "/other [] []"}},
		"namespace":         {ns, []string{"/ [] []"}},
		"rooms":             {ns.To("a", "b").Except("c"), []string{"/ [a b] [c]"}},
		"impossible names":  {ns.To("a", "", long).Except(long, "c"), []string{"/ [a] [c]"}},
		"only impossible":   {ns.To("", long), nil},
		"nobody":            {ns.To(), nil},
		"socket":            {s.To("a"), []string{"/ [a] [" + w.id + "]"}},
		"all but a socket":  {s.Broadcast(), []string{"/ [] [" + w.id + "]"}},
		"local":             {ns.Local().To("a"), nil},
		"local target":      {ns.To("a").Local().Except("b"), nil},
		"id here":           {ns.ToSocket(w.id), nil},
		"id here by server": {v.ToSocket(w.id), nil},
		"id elsewhere":      {ns.ToSocket(elsewhere), []string{"/ [" + elsewhere + "] []"}},
		"id anywhere": {v.To(elsewhere), []string{
			"/ [" + elsewhere + "] []", "/late [" + elsewhere + "] []",
			"/other [" + elsewhere + "] []",
		}},
		"id here and a room": {
			ns.To(w.id, "a"), []string{"/ [" + w.id + " a] []"},
		},
	} {
		if _, err := step.target.Emit("hi", []int{1}); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range b.take() {
			if e.Event != "hi" || e.Binary || string(e.Payload) != "[1]" {
				t.Errorf("%s: %+v", name, e)
			}
			got = append(got, fmt.Sprint(e.Namespace, " ", e.Names, " ", e.Except))
		}
		if slices.Sort(got); !slices.Equal(got, step.want) {
			t.Errorf("%s: published %q, want %q", name, got, step.want)
		}
	}
}

// What comes from other nodes is checked, sent to the sockets of this node, and not published
// again.
func TestBrokerDelivers(t *testing.T) {
	b := &fakeBroker{keep: true}
	v := startServer(t, Options{Broker: b, MaxMessageBytes: 1000}, joiner)
	w, x := dialFull(t, v, "/"), dialFull(t, v, "/")
	w.request(1, "join", `["red"]`)
	w.wantAck(1, "true")
	for name, e := range map[string]smartsocket.Envelope{
		"namespace":     {Namespace: "/nope", Event: "e"},
		"event":         {Namespace: "/", Event: "a\nb"},
		"no event":      {Namespace: "/"},
		"no JSON":       {Namespace: "/", Event: "e", Payload: []byte("{")},
		"no UTF-8":      {Namespace: "/", Event: "e", Payload: []byte("\"\xff\"")},
		"over the size": {Namespace: "/", Event: "e", Payload: make([]byte, 1001), Binary: true},
	} {
		if b.deliver(&e) == nil {
			t.Errorf("%s was taken", name)
		}
	}
	for _, e := range []smartsocket.Envelope{
		{Namespace: "/", Names: []string{"red"}, Event: "e", Payload: []byte("1")},
		{
			Namespace: "/", Names: []string{"red", x.id}, Except: []string{w.id},
			Event: "e", Payload: []byte("2"),
		},
		{Namespace: "/", Event: "e", Payload: []byte("3")},
	} {
		if err := b.deliver(&e); err != nil {
			t.Fatal(err)
		}
	}
	w.wantEvent("e", "1")
	w.wantEvent("e", "3")
	x.wantEvent("e", "2")
	x.wantEvent("e", "3")
	if list := b.take(); len(list) != 0 {
		t.Errorf("%d broadcasts of others were published again", len(list))
	}
}

// What a client answers to a broadcast is published after the broadcast.
func TestBroadcastIsPublishedBeforeItIsSent(t *testing.T) {
	b := &fakeBroker{keep: true}
	v := startServer(t, Options{Broker: b}, func(v *Server) {
		v.On("answer", func(s *Socket, d Data, _ Ack) {
			s.Namespace().Emit("answer", d)
		}, smartsocket.Inline)
	})
	w := dialFull(t, v, "/")
	for i := range 200 {
		sent := make(chan struct{})
		go func() { defer close(sent); v.Emit("question", i) }()
		w.wantEvent("question", fmt.Sprint(i))
		w.emit("answer", fmt.Sprint(i))
		w.wantEvent("answer", fmt.Sprint(i))
		<-sent
		list := b.take()
		if len(list) != 2 || list[0].Event != "question" || list[1].Event != "answer" {
			t.Fatalf("published %+v", list)
		}
	}
}

func TestBrokerThatCannotBeOpened(t *testing.T) {
	b := &fakeBroker{err: errors.New("no broker today")}
	o := Options{Host: "127.0.0.1", Port: -1, Broker: b, Logger: testLogger(t)}
	v, err := smartsocket.New(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := v.Start(); !errors.Is(err, b.err) {
		t.Errorf("Start: %v", err)
	}
	v.Close()
}

func TestBrokerIsClosedOnce(t *testing.T) {
	b := new(fakeBroker)
	o := Options{Host: "127.0.0.1", Port: -1, Broker: b, Logger: testLogger(t)}
	v, err := smartsocket.New(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := v.Start(); err != nil {
		t.Fatal(err)
	}
	v.Close()
	v.Close()
	if b.closed != 1 {
		t.Errorf("closed %d times", b.closed)
	}
}

// An event has the delivery class that its publisher chose on every node.
func TestDeliveryClassesAcrossNodes(t *testing.T) {
	from := &fakeBroker{keep: true}
	a := startServer(t, Options{Broker: from}, nil)
	to := new(fakeBroker)
	b := slowServer(t, Options{Broker: to})
	b.SetEmitOptions("plain", smartsocket.Volatile) // the receiver's own setting does not count
	a.SetEmitOptions("named", smartsocket.Volatile)
	w := dialFull(t, b, "/")
	w.fall(socketOf(t, b, w.id))
	before := b.ConnectionStats()
	emit(t, a, "vol", 1, smartsocket.Volatile)
	emit(t, a, "named", 2)
	emit(t, a, "plain", 3)
	emit(t, a, "at", 4, smartsocket.State("k"))
	emit(t, a, "at", 5, smartsocket.State("other"))
	emit(t, a, "at", 6, smartsocket.State("k"), smartsocket.Deadline(time.Hour))
	emit(t, a, "late", 7, smartsocket.State(""), smartsocket.Deadline(time.Nanosecond))
	emit(t, a, "end", nil, smartsocket.Deadline(time.Hour))
	for i, e := range from.take() {
		e.Node, e.Seq = "a", uint64(i+1)
		got, err := smartsocket.ParseEnvelope(e.Append(nil))
		if err != nil || fmt.Sprint(got) != fmt.Sprint(e) {
			t.Fatalf("%+v was read as %+v, %v", e, got, err)
		}
		if err := to.deliver(&got); err != nil {
			t.Fatal(err)
		}
	}
	if got := w.events(asIs); fmt.Sprint(got) != "[plain 3 at 6 at 5]" {
		t.Errorf("%q", got)
	}
	st := b.ConnectionStats()
	if st.VolatileDropped-before.VolatileDropped != 2 ||
		st.StateReplaced-before.StateReplaced != 1 ||
		st.DeadlineExpired-before.DeadlineExpired != 1 {
		t.Errorf("before %+v, after %+v", before, st)
	}
}

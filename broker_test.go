package smartsocket_test

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
)

var envelopes = []smartsocket.Envelope{
	{Node: "a", Seq: 1, Namespace: "/", Event: "e"},
	{
		Node: strings.Repeat("n", smartsocket.MaxNodeName), Epoch: 1<<64 - 1, Seq: 1<<64 - 1, Namespace: "/" + strings.Repeat("ü", 300),
		Names: []string{"red", "blue"}, Except: []string{"ss_0123456789012345678901"}, Event: strings.Repeat("e", 128), Binary: true, Payload: []byte{0, 1, 255},
	},
	{Node: "b", Epoch: 7, Seq: 300, Namespace: "", Names: slices.Repeat([]string{"room"}, 1000), Event: "", Payload: []byte(`{"a":1}`)},
	{Node: "c", Seq: 1, Namespace: "/", Event: "e", Options: smartsocket.Volatile},
	{Node: "c", Seq: 1, Namespace: "/", Event: "e", Options: smartsocket.State("key"), Payload: []byte("1")},
	{Node: "c", Seq: 1, Namespace: "/", Event: "e", Options: smartsocket.Deadline(time.Second)},
}

func sameEnvelope(a, b smartsocket.Envelope) bool {
	same := bytes.Equal(a.Payload, b.Payload)
	a.Payload, b.Payload = nil, nil
	return same && reflect.DeepEqual(a, b)
}

func TestEnvelopeRoundTrip(t *testing.T) {
	for i, e := range envelopes {
		p := e.Append([]byte("before"))
		got, err := smartsocket.ParseEnvelope(p[len("before"):])
		if err != nil || !sameEnvelope(got, e) {
			t.Errorf("%d: %+v %v", i, got, err)
		}
	}
}

func TestEnvelopeRefusesTheRest(t *testing.T) {
	whole := envelopes[1].Append(nil)
	head := len(whole) - len(envelopes[1].Payload)
	for n := range head {
		if _, err := smartsocket.ParseEnvelope(whole[:n]); !errors.Is(err, smartsocket.ErrInvalidFormat) {
			t.Errorf("cut at %d: %v", n, err)
		}
	}
	change := func(at int, b ...byte) []byte {
		p := slices.Clone(envelopes[0].Append(nil))
		copy(p[at:], b)
		return p
	}
	for name, p := range map[string][]byte{
		"version":          change(0, 2),
		"flags":            change(1, 0x80),
		"sequence 0":       change(10, 0),
		"no node":          append(make([]byte, 10), 1, 0, 1, '/', 1, 'e', 0, 0),
		"announced length": change(11, 0xff),
		"announced names":  append(change(0)[:17], 0xff, 0xff, 0xff, 0xff, 0x0f),
		"empty name":       append(change(0)[:17], 1, 0, 0),
		"no deadline":      append(append(change(1, 8)[:17], 0), 0, 0),
		"deadline too far": append(append(change(1, 8)[:17], 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1), 0, 0),
		"no key":           append(change(1, 4)[:17], 9),
		"longer form of 1": append(append(change(0)[:10], 0x81, 0), change(0)[11:]...),
	} {
		if e, err := smartsocket.ParseEnvelope(p); !errors.Is(err, smartsocket.ErrInvalidFormat) {
			t.Errorf("%s: %+v %v", name, e, err)
		}
	}
}

// What is announced and does not come costs nothing.
func TestEnvelopeAllocatesByWhatCame(t *testing.T) {
	p := append(envelopes[0].Append(nil)[:17], 0xff, 0xff, 0xff, 0xff, 0x0f, 1, 'x')
	if n := testing.AllocsPerRun(100, func() { smartsocket.ParseEnvelope(p) }); n > 6 {
		t.Errorf("%v allocations for 24 bytes that announce 4 billion names", n)
	}
}

func FuzzParseEnvelope(f *testing.F) {
	for _, e := range envelopes {
		f.Add(e.Append(nil))
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		e, err := smartsocket.ParseEnvelope(p)
		if err != nil {
			return
		}
		if len(e.Names)+len(e.Except) > len(p)/2 {
			t.Fatalf("%d names of %d bytes", len(e.Names)+len(e.Except), len(p))
		}
		if again := e.Append(nil); !bytes.Equal(again, p) {
			t.Fatalf("%x was read and written as %x", p, again)
		}
	})
}

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
	e.Names, e.Except, e.Payload = slices.Clone(e.Names), slices.Clone(e.Except), slices.Clone(e.Payload)
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
	v := startServer(t, smartsocket.Options{Broker: b}, func(v *smartsocket.Server) { joiner(v); v.Namespace("/other") })
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
		target interface {
			Emit(string, any, ...smartsocket.EmitOption) (smartsocket.Delivery, error)
		}
		want []string // namespace names except
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
		"id anywhere":       {v.To(elsewhere), []string{"/ [" + elsewhere + "] []", "/late [" + elsewhere + "] []", "/other [" + elsewhere + "] []"}},
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

// What comes from other nodes is checked, sent to the sockets that are here and not published again.
func TestBrokerDelivers(t *testing.T) {
	b := &fakeBroker{keep: true}
	v := startServer(t, smartsocket.Options{Broker: b, MaxMessageBytes: 1000}, joiner)
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
		{Namespace: "/", Names: []string{"red", x.id}, Except: []string{w.id}, Event: "e", Payload: []byte("2")},
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

// What a client answers to a broadcast is published behind it.
func TestBroadcastIsPublishedBeforeItIsSent(t *testing.T) {
	b := &fakeBroker{keep: true}
	v := startServer(t, smartsocket.Options{Broker: b}, func(v *smartsocket.Server) {
		v.On("answer", func(s *smartsocket.Socket, d smartsocket.Data, _ smartsocket.Ack) {
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
	v, err := smartsocket.New(smartsocket.Options{Host: "127.0.0.1", Port: -1, Broker: b, Logger: testLogger(t)})
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
	v, err := smartsocket.New(smartsocket.Options{Host: "127.0.0.1", Port: -1, Broker: b, Logger: testLogger(t)})
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

// A broadcast costs what it costs without a broker, and publishing itself allocates nothing.
func TestBrokerCostsNoAllocation(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	allocs := func(b smartsocket.Broker) float64 {
		v := startServer(t, smartsocket.Options{Broker: b}, nil)
		target := v.Namespace("/").To("room")
		data := smartsocket.Data{}
		return testing.AllocsPerRun(1000, func() { target.Emit("e", data) })
	}
	without, with := allocs(nil), allocs(new(fakeBroker))
	if without > 1 || with > without {
		t.Errorf("%v allocations without a broker, want at most 1; %v with one", without, with)
	}
}

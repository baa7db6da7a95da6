package message

import (
	"testing"

	"github.com/smartsocket/smartsocket/internal/race"
)

func TestNoAllocations(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	m := Message{Kind: KindEvent, Flags: FlagSeq | FlagAck, Seq: 1 << 40, AckID: 300,
		Event: []byte("move"), Payload: []byte(`{"x":1,"y":[2,3],"s":"\u00e9"}`)}
	binary := Append(nil, &m)
	text := AppendJSON(nil, &m)
	escaped := []byte(`{"\u0065vent":"m\u006fve","data":[[[{"a":"b\n"}]]]}`)
	work := make([]byte, 0, 4096)
	hello, connect, ack, goaway := sampleHellos[2], sampleConnects[2], sampleConnectAcks[1],
		sampleGoaways[1]
	h, c, a, g := AppendHello(nil, &hello), AppendConnect(nil, &connect),
		AppendConnectAck(nil, &ack), AppendGoaway(nil, &goaway)
	failed := &Error{Code: CodeRejected, Message: "no \"way\"\n", Event: "move", RetryAfter: 5}
	var err error
	check := func(e error) {
		if e != nil {
			err = e
		}
	}
	for name, f := range map[string]func(){
		"Parse":             func() { _, e := Parse(binary); check(e) },
		"ParseJSON":         func() { _, e := ParseJSON(text); check(e) },
		"ParseJSON escaped": func() { _, e := ParseJSON(append(work[:0], escaped...)); check(e) },
		"ValidJSON":         func() { ValidJSON(text) },
		"Append":            func() { work = Append(work[:0], &m) },
		"AppendJSON":        func() { work = AppendJSON(work[:0], &m) },
		"AppendEventHeader": func() { work = AppendEventHeader(work[:0], FlagAck, 0, 7, "move") },
		"AppendErrorJSON":   func() { work = AppendErrorJSON(work[:0], failed) },
		"ReservedEvent":     func() { ReservedEvent(m.Event); ValidEvent(m.Event) },
		"HELLO": func() {
			work = AppendHello(work[:0], &hello)
			_, e := ParseHello(h)
			check(e)
		},
		"CONNECT": func() {
			work = AppendConnect(work[:0], &connect)
			_, e := ParseConnect(c)
			check(e)
		},
		"CONNECT_ACK": func() {
			work = AppendConnectAck(work[:0], &ack)
			_, e := ParseConnectAck(a)
			check(e)
		},
		"GOAWAY": func() {
			work = AppendGoaway(work[:0], &goaway)
			_, e := ParseGoaway(g)
			check(e)
		},
		"clock": func() {
			work = AppendClock(work[:0], KindPong, Clock{1 << 50, 900, 1 << 50})
			_, e := ParseClock(work)
			check(e)
		},
		"a parse error": func() { Parse(binary[:3]); ParseJSON(text[:20]); ParseHello(h[:9]) },
	} {
		if n := testing.AllocsPerRun(200, f); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
	if err != nil {
		t.Error(err)
	}
}

var sinkMessage Message

func BenchmarkParse(b *testing.B) {
	m := Message{Kind: KindEvent, Flags: FlagAck, AckID: 300, Event: []byte("move"),
		Payload: make([]byte, 100)}
	in := Append(nil, &m)
	b.SetBytes(int64(len(in)))
	for b.Loop() {
		sinkMessage, _ = Parse(in)
	}
}

func BenchmarkParseJSON(b *testing.B) {
	small := []byte(`{"event":"move","data":{"x":12.5,"y":-3,"name":"player ` +
		`one","tags":["a","b"]},"ack":7}`)
	long := []byte(`{"event":"chat","data":{"text":"` + string(make16k()) + `"}}`)
	for name, in := range map[string][]byte{"small": small, "16k string": long} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(in)))
			for b.Loop() {
				sinkMessage, _ = ParseJSON(in)
			}
		})
	}
}

func make16k() []byte {
	b := make([]byte, 16<<10)
	for i := range b {
		b[i] = 'a' + byte(i%26)
	}
	return b
}

func BenchmarkAppendJSON(b *testing.B) {
	m := Message{Kind: KindEvent, Flags: FlagAck, AckID: 300, Event: []byte("move"),
		Payload: make([]byte, 100)}
	var out []byte
	for b.Loop() {
		out = AppendJSON(out[:0], &m)
	}
}

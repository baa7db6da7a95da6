//go:build !js

package client

import (
	"errors"
	"net"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/message"
)

// TestLongSessionResumes: however much a session has sent, the last 1024 events of at most 1 MiB
// are there to be sent again.
func TestLongSessionResumes(t *testing.T) {
	for _, size := range []int{0, 300, 5000} {
		c := newResumed(t, Options{})
		c.next(1 << 20)
		const events = 6000
		pad := strings.Repeat("x", size)
		var sent []string
		for i := range events {
			if err := c.Emit("e", []byte(pad+strconv.Itoa(i))); err != nil {
				t.Fatal(err)
			}
			sent = append(sent, "e"+pad+strconv.Itoa(i))
		}
		got := c.next(1 << 20).events()
		total := 0
		for i, e := range got {
			if e != sent[events-len(got)+i] {
				t.Fatalf("%d bytes: event %d of %d was sent again in place of another", size, i,
					len(got))
			}
			total += len(e) + 3 // kind and name
		}
		if full := total > maxSentBytes-size-20; len(got) > maxSent || total > maxSentBytes ||
			len(got) < maxSent && !full {
			t.Errorf("%d bytes: %d events of %d bytes were sent again", size, len(got), total)
		}
	}
}

// answering serves connections and sends answer to each question.
func answering(t *testing.T, answer func(id uint64) []byte) string {
	return fakeServer(t, func(_ int, nc net.Conn) {
		accept(nc)
		for {
			p, ok := readMessage(nc)
			if !ok {
				return
			}
			if m, err := message.Parse(p); err == nil && m.Kind == message.KindEvent {
				nc.Write(frame.AppendFrame(nil, frame.Binary, answer(m.AckID)))
			}
		}
	})
}

// TestUnreadableAnswers: an answer that cannot be read ends its question at once, with ERR_ACK_002.
func TestUnreadableAnswers(t *testing.T) {
	ack := func(kind message.Kind, flags message.Flags, payload []byte) func(uint64) []byte {
		return func(id uint64) []byte {
			return message.Append(nil, &message.Message{Kind: kind, AckID: id,
				Flags: flags | message.FlagAck, Payload: payload})
		}
	}
	for name, answer := range map[string]func(uint64) []byte{
		"no DEFLATE":       ack(message.KindAck, message.FlagDeflated, []byte("\a\a\a")),
		"an error that is": ack(message.KindError, 0, []byte(`{"code":7}`)),
		"an error, no DEFLATE": ack(message.KindError, message.FlagDeflated,
			[]byte("\a\a\a")),
		"too large": ack(message.KindAck, message.FlagBinary, make([]byte, 101)),
	} {
		c := connect(t, newClient(t, answering(t, answer),
			Options{AckTimeout: time.Hour, MaxMessageBytes: 100}))
		if _, err := c.EmitWithAck(testContext(t), "q", nil); !errors.Is(err,
			message.ErrAckInvalid) {
			t.Errorf("%s: %v", name, err)
		}
		if !c.Connected() {
			t.Errorf("%s costs the connection", name)
		}
	}
}

// asked is a server that asks its clients, and a client with these handlers.
func asked(t *testing.T, o Options, setup func(*Client)) (*Client,
	func(event string) (smartsocket.Data, error)) {
	sockets := make(chan *smartsocket.Socket, 1)
	v := startServer(t, smartsocket.Options{MaxMessageBytes: 1000},
		func(v *smartsocket.Server) {
			v.OnConnected(func(s *smartsocket.Socket) { sockets <- s })
		})
	c := newClient(t, urlOf(v, "/"), o)
	setup(c)
	connect(t, c)
	s := take(t, sockets, "the socket")
	return c, func(event string) (smartsocket.Data, error) {
		return s.EmitWithAck(testContext(t), event, nil)
	}
}

// TestAnswersThatCannotBeSent: the server is told that there is no answer, and why.
func TestAnswersThatCannotBeSent(t *testing.T) {
	_, ask := asked(t, Options{}, func(c *Client) {
		c.On("func", func(_ Data, ack Ack) { ack.Reply(func() {}) })
		c.On("fits", func(_ Data, ack Ack) { ack.Reply(make([]byte, 1000)) })
		c.On("large", func(_ Data, ack Ack) { ack.Reply(make([]byte, 1001)) })
	})
	if _, err := ask("func"); !errors.Is(err, message.ErrInvalidFormat) {
		t.Errorf("a function: %v", err)
	}
	if d, err := ask("fits"); err != nil || len(d.Bytes()) != 1000 {
		t.Errorf("an answer that just fits: %v", err)
	}
	if _, err := ask("large"); !errors.Is(err, message.ErrTooLarge) {
		t.Errorf("an answer that is too large: %v", err)
	}
}

// TestQuestionsAfterOnce: once the handler of Once has run, nobody handles the event.
func TestQuestionsAfterOnce(t *testing.T) {
	c, ask := asked(t, Options{}, func(c *Client) {
		c.Once("q", func(_ Data, ack Ack) { ack.Reply("once") })
	})
	if d, err := ask("q"); err != nil || string(d.Bytes()) != `"once"` {
		t.Errorf("%s %v", d.Bytes(), err)
	}
	for range 2 {
		if _, err := ask("q"); !errors.Is(err, message.ErrNoHandler) {
			t.Errorf("%v", err)
		}
	}
	if s := c.Stats(); s.Unhandled != 2 || s.Received != 3 {
		t.Errorf("%+v", s)
	}
}

// TestEmitOnADyingConnection: while the reader of a connection that has ended is not done, Emit
// fails after SendTimeout, and has neither sent nor parked the event.
func TestEmitOnADyingConnection(t *testing.T) {
	c, k := newResumed(t, Options{SendTimeout: 7 * time.Second}), newTestClock()
	c.clock = k
	c.next(0)
	done := make(chan error, 1)
	go func() { done <- c.Emit("e", nil) }()
	if d := k.step(t); d != 7*time.Second {
		t.Errorf("waits for %v", d)
	}
	if err := take(t, done, "Emit"); !errors.Is(err, message.ErrTimeout) {
		t.Errorf("Emit: %v", err)
	}
	if s := c.Stats(); s.Sent != 0 || s.Waiting != 0 || s.Queued != 0 {
		t.Errorf("%+v", s)
	}
}

// TestReaderWaitsForHandlers: the events that wait for handlers are bounded by number and by size,
// and the reader waits before it takes one too many.
func TestReaderWaitsForHandlers(t *testing.T) {
	for name, size := range map[string]int{"number": 1, "bytes": 1 << 20} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, err := New("ws://localhost", Options{})
				if err != nil {
					t.Fatal(err)
				}
				busy, handled := make(chan bool), 0
				c.On("e", func(Data, Ack) { handled++ })
				c.post(job{run: func() { <-busy }})
				synctest.Wait() // the dispatcher is busy
				c.queue.setOpen(true)
				m := message.Message{Kind: message.KindEvent, Event: []byte("e"),
					Payload: make([]byte, size-1)}
				bound := min(maxJobs, maxJobBytes/size)
				for range bound {
					c.deliver(nil, &m)
				}
				over := false
				go func() {
					c.deliver(nil, &m)
					over = true
				}()
				synctest.Wait()
				if over {
					t.Errorf("the reader takes more than %d events of %d bytes", bound, size)
				}
				close(busy)
				synctest.Wait()
				if !over || handled != bound+1 || c.queue.bytes != 0 {
					t.Errorf("%d events were handled, %d bytes are left", handled, c.queue.bytes)
				}
			})
		})
	}
}

// TestKeptQuestionsAreBounded: of the questions that wait for an answer 1024 of 1 MiB are kept for
// a recovered session. The others end with the connection.
func TestKeptQuestionsAreBounded(t *testing.T) {
	for _, tt := range []struct{ size, want int }{{1, maxKept}, {4096, 0}} {
		c := newResumed(t, Options{})
		c.next(1 << 20)
		const questions = 1100
		failed := make(chan error, questions)
		data := make([]byte, tt.size)
		for range questions {
			err := c.EmitAck("q", data, time.Hour, func(_ Data, err error) { failed <- err })
			if err != nil {
				t.Fatal(err)
			}
		}
		c.ackMu.Lock()
		kept, bytesKept := c.kept, c.keptBytes
		c.ackMu.Unlock()
		one := bytesKept / max(kept, 1)
		if kept != tt.want && tt.want > 0 || bytesKept > maxKeptBytes ||
			tt.want == 0 && bytesKept+one+1 <= maxKeptBytes {
			t.Errorf("%d bytes: %d questions of %d bytes are kept", tt.size, kept, bytesKept)
		}
		l := c.current.Load()
		c.state = connected
		c.lost(l, ending{code: message.CloseIdle})
		for range questions - kept {
			if err := take(t, failed, "the end of a question"); !errors.Is(err,
				message.ErrConnectionLost) {
				t.Errorf("%v", err)
			}
		}
		settle(t, c.Client)
		if len(failed) != 0 || c.Stats().PendingAcks != kept {
			t.Errorf("%d more ended, %d wait", len(failed), c.Stats().PendingAcks)
		}
		c.Disconnect()
		c.ackMu.Lock()
		if c.kept != 0 || c.keptBytes != 0 {
			t.Errorf("after the end %d questions of %d bytes are kept", c.kept, c.keptBytes)
		}
		c.ackMu.Unlock()
	}
}

// TestParkedBounds: a message that has waited for QueueAge is sent, and a moment later it is not;
// a question whose wait is over is not; an answer that was given again meanwhile is not.
func TestParkedBounds(t *testing.T) {
	c, k := away(t, Options{QueueAge: time.Minute})
	emitAll(t, func() error { return c.Emit("late", nil) })
	k.add(1)
	emitAll(t, func() error { return c.Emit("just", nil) },
		func() error { return c.EmitAck("asked", nil, time.Hour, func(Data, error) {}) })
	over := make(chan error, 1)
	emitAll(t, func() error {
		return c.EmitAck("over", nil, time.Hour, func(_ Data, err error) { over <- err })
	})
	take(t, k.funcs, "the timer of the first question")
	take(t, k.funcs, "the timer of the second question")()
	if err := take(t, over, "the end of the question"); !errors.Is(err, message.ErrAckTimeout) {
		t.Error(err)
	}
	old := newLink(c.Client, &script{}, &attempt{life: c.life, at: c.at, session: c.x})
	old.resumable = true
	for id := range uint64(2) {
		b := message.Append(nil, &message.Message{Kind: message.KindAck, Flags: message.FlagAck,
			AckID: id + 1})
		c.x.ledger.toSend(id+1, b, len(b), old)
		c.parkAnswer(old, id+1, b, len(b))
	}
	k.add(time.Minute)
	link := &script{left: 100}
	l := newLink(c.Client, link, &attempt{life: c.life, at: c.at, session: c.x})
	l.resumable, l.recovered, l.arrived = true, true, 1
	l.answerAgain(1)
	c.publish(l)
	var events, answers []string
	for _, b := range link.got {
		m, err := message.Parse(b)
		if err != nil {
			t.Fatal(err)
		}
		if m.Kind == message.KindEvent {
			events = append(events, string(m.Event))
		} else {
			answers = append(answers, strconv.FormatUint(m.AckID, 10))
		}
	}
	if strings.Join(events, " ") != "just asked" || strings.Join(answers, " ") != "1 2" {
		t.Errorf("sent the events %v and the answers %v", events, answers)
	}
	if s := c.Stats(); s.Dropped != 2 || s.Sent != 2 {
		t.Errorf("%+v", s)
	}
}

// TestCounters: what is sent and what comes is counted once.
func TestCounters(t *testing.T) {
	v := startServer(t, smartsocket.Options{}, func(v *smartsocket.Server) {
		v.On("give", func(s *smartsocket.Socket, _ smartsocket.Data, ack smartsocket.Ack) {
			for range 5 {
				s.Emit("given", nil)
			}
			ack.Reply(nil)
		})
	})
	c := newClient(t, urlOf(v, "/"), Options{})
	got := make(chan bool, 10)
	c.On("given", func(Data, Ack) { got <- true })
	connect(t, c)
	for range 3 {
		emitAll(t, func() error { return c.Emit("nothing", nil) })
	}
	if err := c.Emit("", nil); err == nil {
		t.Error("an event without a name is sent")
	}
	if _, err := c.EmitWithAck(testContext(t), "give", "data"); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		take(t, got, "an event")
	}
	s := c.Stats()
	if s.Sent != 4 || s.Received != 5 || s.Queued != 0 || s.Dropped != 0 || s.Unhandled != 0 {
		t.Errorf("%+v", s)
	}
}

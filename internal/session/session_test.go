package session

import (
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket/message"
	"github.com/smartsocket/smartsocket/pool"
)

// peer is a connection whose client takes down what it is sent.
type peer struct {
	o        *owner
	kind     string // only peers of one kind fit each other
	gone     bool   // what is sent is lost
	token    []byte
	from     netip.Addr
	arrived  uint64
	seqs     []uint64
	events   []string
	waits    map[uint64]bool
	replaced int
	retries  int
}

func (p *peer) Fits(old Peer) bool { return old.(*peer).kind == p.kind }
func (p *peer) Welcome(token []byte, arrived uint64) {
	if !p.gone {
		p.token, p.arrived = token, arrived
	}
}
func (p *peer) Group() netip.Addr    { return p.from }
func (p *peer) Waits(id uint64) bool { return p.waits[id] }
func (p *peer) Send(event []byte, seq uint64) bool {
	if p.gone {
		return false
	}
	p.seqs = append(p.seqs, seq)
	m, err := message.Parse(event)
	if err != nil {
		panic(err)
	}
	p.events = append(p.events, string(m.Event))
	return true
}
func (p *peer) Replaced() { p.replaced++ }
func (p *peer) Retry()    { p.retries++ }

// owner takes down what it is told.
type owner struct {
	at    *peer
	left  int
	ended []End
	here  Peer
}

func (o *owner) Left()       { o.left++ }
func (o *owner) Back(p Peer) { o.at = p.(*peer) }
func (o *owner) Ended(why End, here Peer) {
	o.ended = append(o.ended, why)
	o.here = here
}

type world struct {
	r   *Registry
	l   Limits
	now time.Duration
}

func newWorld() *world {
	w := &world{l: Limits{Events: 100, Bytes: 1 << 20, Age: time.Minute, TotalBytes: 1 << 30,
		Away: 1000}}
	w.r = NewRegistry(func() Limits { return w.l }, func() time.Duration { return w.now })
	return w
}

var key = HashOf([]byte("key"))

func (w *world) start() (*Session, *owner, *peer) {
	n, o := new(Session), new(owner)
	p := &peer{o: o}
	o.at = p
	p.token = w.r.Start(n, o, p, key)
	n.Done()
	return n, o, p
}

func event(name string, ackID uint64) *pool.Shared {
	m := message.Message{Kind: message.KindEvent, Event: []byte(name), AckID: ackID}
	if ackID != 0 {
		m.Flags = message.FlagAck
	}
	b := pool.Get(64)
	b.B = message.Append(b.B, &m)
	return pool.NewShared(b)
}

func (n *Session) emit(name string, ackID uint64) Status {
	e := event(name, ackID)
	defer e.Release()
	return n.Send(e)
}

// emitSized sends an event with a payload of size bytes, which may ask for an ack.
func (n *Session) emitSized(size int, ackID ...uint64) {
	m := message.Message{Kind: message.KindEvent, Event: []byte("e"),
		Payload: []byte(strings.Repeat("1", size))}
	if len(ackID) > 0 {
		m.Flags, m.AckID = message.FlagAck, ackID[0]
	}
	b := pool.Get(size + 64)
	b.B = message.Append(b.B, &m)
	e := pool.NewShared(b)
	n.Send(e)
	e.Release()
}

// cut ends p's connection without a close.
func (n *Session) cut(p *peer) Outcome {
	out := n.Leave(p, false, true)
	if out != Replaced {
		n.Done()
	}
	p.gone = true
	return out
}

func (n *Session) resumeWith(token []byte, p *peer, seq uint64) Result {
	result, _ := n.Resume(HashOf(token), p, seq)
	if result == Resumed {
		n.Done()
	}
	return result
}

func TestResumeSendsWhatWasMissed(t *testing.T) {
	w := newWorld()
	n, o, p := w.start()
	if s := n.emit("a", 0); s != Sent {
		t.Fatalf("Send with the client here: %d", s)
	}
	n.emit("b", 7)
	if out := n.cut(p); out != Away || o.left != 1 || w.r.Away() != 1 {
		t.Fatalf("outcome %d, left %d, away %d", out, o.left, w.r.Away())
	}
	if s := n.emit("c", 0); s != Kept {
		t.Fatalf("Send with the client away: %d", s)
	}
	another := HashOf([]byte("another"))
	if w.r.Find(HashOf(p.token), another, nil) != nil ||
		w.r.Find(HashOf(p.token), another, func(Owner) bool { return false }) != nil {
		t.Error("the session opens to another key")
	}
	if w.r.Find(HashOf(p.token), another, func(who Owner) bool { return who == o }) != n {
		t.Error("the session does not open to its owner with another key")
	}
	if w.r.Find(HashOf(p.token), key, nil) != n {
		t.Fatal("the token does not find its session")
	}
	q := &peer{o: o, waits: map[uint64]bool{7: true}}
	if got := n.resumeWith(p.token, q, 2); got != Resumed {
		t.Fatalf("Resume: %d", got)
	}
	// b is asked again, because its answer is still awaited; a is not a question.
	if !slices.Equal(q.events, []string{"b", "c"}) || !slices.Equal(q.seqs, []uint64{2, 3}) {
		t.Errorf("sent again: %v %v", q.events, q.seqs)
	}
	if o.at != q || w.r.Away() != 0 || q.arrived != 1 {
		t.Errorf("at q %v, away %d, arrived %d", o.at == q, w.r.Away(), q.arrived)
	}
}

func TestTokens(t *testing.T) {
	w := newWorld()
	n, o, p := w.start()
	q := &peer{o: o}
	n.resumeWith(p.token, q, 0) // p still has the session
	if p.replaced != 1 {
		t.Errorf("the old connection was replaced %d times", p.replaced)
	}
	r := &peer{o: o}
	if n.resumeWith(p.token, r, 0) != Resumed { // q's welcome may have been lost
		t.Fatal("an unproved token does not work once more")
	}
	n.Proved(q) // not its business any more
	s := &peer{o: o}
	if n.resumeWith(p.token, s, 0) != Resumed {
		t.Fatal("the token was proved by a connection that was replaced")
	}
	n.Proved(s)
	if w.r.Find(HashOf(p.token), key, nil) != nil {
		t.Error("a used token still opens the session")
	}
	if n.resumeWith(q.token, &peer{o: o}, 0) != Refused ||
		n.resumeWith(p.token, &peer{o: o}, 0) != Refused {
		t.Error("a used token resumes")
	}
	if len(o.ended) != 0 {
		t.Error("a used token ended the session")
	}
	if w.r.Find(HashOf(s.token), key, nil) != n {
		t.Error("the newest token does not work")
	}
	if len(w.r.byToken) != 1 {
		t.Errorf("%d tokens are known, want 1", len(w.r.byToken))
	}
}

func TestWhoCannotGoOn(t *testing.T) {
	for name, c := range map[string]struct {
		kind string
		seq  uint64
	}{"other kind": {"x", 3}, "gap": {"", 1}, "from the future": {"", 5}} {
		w := newWorld()
		w.l.Events = 2
		n, o, p := w.start()
		for range 4 {
			n.emit("e", 0)
		}
		q := &peer{o: o, kind: c.kind}
		if n.resumeWith(p.token, q, c.seq) != Refused {
			t.Errorf("%s: resumed", name)
		}
		if !slices.Equal(o.ended, []End{Gap}) || o.here != Peer(p) {
			t.Errorf("%s: ended %v", name, o.ended)
		}
		if n.emit("e", 0) != Dropped || n.Take(p) || len(w.r.byToken) != 0 || w.r.Bytes() != 0 {
			t.Errorf("%s: something is left", name)
		}
		if n.Leave(p, false, true) != Replaced {
			t.Errorf("%s: the old connection's end counts", name)
		}
	}
}

// While an event of the old connection is on its way, nobody takes the session over; whoever
// asked meanwhile asks again, and an end is told behind the event.
func TestBusy(t *testing.T) {
	w := newWorld()
	n, o, p := w.start()
	if !n.Take(p) {
		t.Fatal("an event was refused")
	}
	q, r := &peer{o: o}, &peer{o: o}
	if n.resumeWith(p.token, q, 0) != Busy || n.resumeWith(p.token, r, 0) != Busy {
		t.Fatal("a busy session was taken over")
	}
	if out := n.Leave(p, false, true); out != Away {
		t.Fatalf("Leave: %d", out)
	}
	w.l.Age, w.now = time.Second, time.Hour
	w.r.Sweep()
	w.r.EndAll(Shutdown)
	n.Done()
	if q.retries != 0 || len(o.ended) != 0 {
		t.Fatal("told while the session was held")
	}
	n.Done()
	if q.retries != 1 || r.retries != 1 || !slices.Equal(o.ended, []End{Shutdown}) {
		t.Errorf("retries %d and %d, ended %v", q.retries, r.retries, o.ended)
	}
	if n.resumeWith(p.token, q, 0) != Refused {
		t.Error("an ended session resumed")
	}
}

// Whoever was told to retry comes before the next event of the old connection, which the client
// sends again. If it cannot come, the old connection goes on.
func TestSuitorsComeBeforeTheNextEvent(t *testing.T) {
	n, o, p := newWorld().start()
	q := &peer{o: o}
	n.Take(p)
	if n.resumeWith([]byte("a used token"), q, 0) != Refused ||
		n.resumeWith(p.token, q, 0) != Busy {
		t.Fatal("a used token waits, or a busy session does not")
	}
	if !n.Take(p) {
		t.Error("an event was refused before the one ahead of it was done")
	}
	n.Done()
	n.Done()
	if n.Take(p) {
		t.Error("an event came before the suitor")
	}
	n.Withdraw()
	if !n.Take(p) || n.resumeWith(p.token, q, 0) != Busy {
		t.Error("the old connection does not go on")
	}
	n.Done()
	if n.resumeWith(p.token, q, 0) != Resumed || !n.Take(q) {
		t.Error("the suitor came in vain")
	}
}

func TestEnds(t *testing.T) {
	t.Run("final close", func(t *testing.T) {
		n, o, p := newWorld().start()
		if out := n.Leave(p, true, true); out != Over || len(o.ended) != 0 {
			t.Errorf("outcome %d, ended %v", out, o.ended)
		}
		if n.Decide(p, true) != Replaced {
			t.Error("it ended twice")
		}
	})
	t.Run("doomed, client here", func(t *testing.T) {
		n, o, p := newWorld().start()
		n.Doom()
		if n.resumeWith(p.token, &peer{o: o}, 0) != Refused || len(o.ended) != 0 {
			t.Error("a doomed session resumed, or ended before its connection")
		}
		if n.Leave(p, false, true) != Over {
			t.Error("it outlived its connection")
		}
	})
	t.Run("doomed, client away", func(t *testing.T) {
		n, o, p := newWorld().start()
		n.cut(p)
		n.Doom()
		n.Doom()
		if !slices.Equal(o.ended, []End{Disconnected}) ||
			n.resumeWith(p.token, &peer{o: o}, 0) != Refused {
			t.Errorf("ended %v", o.ended)
		}
	})
	t.Run("not authenticated", func(t *testing.T) {
		w := newWorld()
		n, _, p := w.start()
		if n.Leave(p, false, false) != Undecided || w.r.Away() != 0 {
			t.Error("a stranger's session waits among the others")
		}
		n.Done()
		if n.Decide(p, false) != Over || len(w.r.byToken) != 0 {
			t.Error("a stranger's session goes on")
		}
		n, _, p = w.start()
		n.Leave(p, false, false)
		n.Done()
		if n.Decide(p, true) != Away || w.r.Away() != 1 {
			t.Error("an event that authenticated came too late")
		}
	})
	t.Run("age", func(t *testing.T) {
		w := newWorld()
		n, o, p := w.start()
		_, o2, _ := w.start()
		n.cut(p)
		w.now = w.l.Age
		w.r.Sweep()
		if len(o.ended) != 0 {
			t.Error("ended too early")
		}
		w.now++
		w.r.Sweep()
		if !slices.Equal(o.ended, []End{Expired}) || len(o2.ended) != 0 || w.r.Away() != 0 {
			t.Errorf("ended %v and %v", o.ended, o2.ended)
		}
	})
	t.Run("displaced", func(t *testing.T) {
		w := newWorld()
		w.l.Away = 2
		var owners []*owner
		for range 5 {
			n, o, p := w.start()
			n.cut(p)
			owners = append(owners, o)
		}
		for i, o := range owners {
			if want := i < 3; (len(o.ended) == 1 && o.ended[0] == Displaced) != want {
				t.Errorf("session %d: %v", i, o.ended)
			}
		}
	})
	for why := Disconnected; why <= Shutdown; why++ {
		if why.String() == "not ended" {
			t.Errorf("End %d has no text", why)
		}
		want := map[End]uint16{
			Disconnected: 3504, Expired: 1006, Displaced: 1006,
			Gap: 3503, Unread: 3503, Shutdown: 1001,
		}[why]
		if why.Code() != want {
			t.Errorf("End %d has the close code %d, want %d", why, why.Code(), want)
		}
	}
}

func TestConcurrentUse(t *testing.T) {
	w := newWorld()
	w.l.Away = 3
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 50 {
				n, _, p := w.start()
				token := p.token
				for range 10 {
					if n.Take(p) {
						n.Done()
					}
					n.emit("e", 0)
					n.cut(p)
					if p = (&peer{}); n.resumeWith(token, p, 0) != Resumed {
						break
					}
					token = p.token
				}
				n.cut(p)
				w.r.Sweep()
			}
		})
	}
	all.Wait()
	w.r.EndAll(Shutdown)
	if w.r.Bytes() != 0 || len(w.r.byToken) != 0 || w.r.Away() != 0 {
		t.Errorf("left: %d bytes, %d tokens, %d away", w.r.Bytes(), len(w.r.byToken), w.r.Away())
	}
}

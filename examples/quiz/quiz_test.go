//go:build linux || darwin

package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/client"
	"github.com/smartsocket/smartsocket/room"
	"github.com/smartsocket/smartsocket/room/state"
	"github.com/smartsocket/smartsocket/smartsockettest"
)

// person is a client, and what it sees.
type person struct {
	*smartsockettest.Client
	t    *testing.T
	s    *smartsockettest.Server
	quiz *state.Decoder[Quiz]
	in   joined
}

func start(t *testing.T) *smartsockettest.Server {
	t.Helper()
	return smartsockettest.New(t, options, func(v *smartsocket.Server) { register(v) })
}

// connect lets somebody come, whose key is made of the name.
func connect(t *testing.T, s *smartsockettest.Server, name string) *person {
	t.Helper()
	quiz, err := state.NewDecoder[Quiz]()
	if err != nil {
		t.Fatal(err)
	}
	p := &person{t: t, s: s, quiz: quiz, Client: s.NewClient(t, client.Options{
		Namespace: "/quiz", APIKey: strings.Repeat(name, 16)[:16],
	})}
	p.On("quiz", func(d client.Data, _ client.Ack) {
		if _, err := quiz.Apply(d.Bytes()); err != nil {
			t.Errorf("%s's quiz: %v", name, err)
		}
	})
	p.Connect()
	return p
}

func host(t *testing.T, s *smartsockettest.Server) *person {
	t.Helper()
	h := connect(t, s, "host")
	h.in = smartsockettest.Call[joined](h.Client, "host", nil)
	return h
}

// joinedBy lets somebody join the quiz that p is in.
func (p *person) joinedBy(name string) *person {
	p.t.Helper()
	j := connect(p.t, p.s, name)
	j.in = smartsockettest.Call[joined](j.Client, "join", joinRequest{p.in.Code, name})
	return j
}

// sees returns the quiz as it is for somebody when the next tick is over.
func (p *person) sees() *Quiz {
	p.t.Helper()
	p.s.Advance(time.Second / 10)
	p.s.Quiet()
	return p.quiz.State()
}

func (p *person) player(of *person) Player {
	p.t.Helper()
	if q := p.sees().Players.Get(of.in.Player); q != nil {
		return *q
	}
	return Player{}
}

// passes lets the time pass in which a seat is kept, and what the server takes to notice the end.
func passes(s *smartsockettest.Server, over func() bool) bool {
	const step = 10 * time.Second
	for t := time.Duration(0); t < 2*(options.MessageCacheAge+awayTime); t += step {
		s.Advance(step)
		s.Quiet()
		if over() {
			return t >= awayTime
		}
	}
	return false
}

func wrong(q question) int { return (q.right + 1) % len(q.options) }

func TestGame(t *testing.T) {
	s := start(t)
	h := host(t, s)
	h.CallFails("next", nil, "QUIZ_NOBODY")
	ann, bob := h.joinedBy("ann"), h.joinedBy("bob")
	if q := bob.sees(); q.Phase != "lobby" || q.Players.Len() != 2 || !q.Host ||
		q.Of != len(questions) {
		t.Fatalf("Bob sees %+v", q)
	}
	for i, now := range questions {
		h.Call("next", nil)
		if q := ann.sees(); q.Phase != "question" || q.Number != i+1 || q.Question != now.text ||
			!slices.Equal(q.Options, now.options) || q.Right != -1 || len(q.Counts) != 0 {
			t.Fatalf("Ann is asked %+v", q)
		}
		ann.Call("answer", now.right)
		if p := bob.player(ann); !p.Answered || bob.sees().Phase != "question" {
			t.Fatalf("Bob sees of Ann %+v", p)
		}
		bob.Call("answer", wrong(now))
		q := h.sees()
		counts := make([]int, 4)
		counts[now.right], counts[wrong(now)] = 1, 1
		if q.Phase != "answer" || q.Right != now.right || !slices.Equal(q.Counts, counts) {
			t.Fatalf("the host sees %+v", q)
		}
		if a, b := h.player(ann), h.player(bob); a.Gained <= 500 || a.Gained > 1000 ||
			a.Score < 500*(i+1) || b.Score != 0 {
			t.Fatalf("Ann %+v, Bob %+v", a, b)
		}
	}
	h.Call("next", nil)
	if q := bob.sees(); q.Phase != "over" {
		t.Fatalf("in the end Bob sees %+v", q)
	}
	h.Call("next", nil)
	if q := bob.sees(); q.Phase != "lobby" || bob.player(ann).Score != 0 {
		t.Fatalf("for another game Bob sees %+v", q)
	}
}

// A choice is on nobody's wire but its own.
func TestChoiceIsSecret(t *testing.T) {
	s := start(t)
	h := host(t, s)
	ann, bob := h.joinedBy("ann"), h.joinedBy("bob")
	h.Call("next", nil)
	ann.Call("answer", 2)
	if own := ann.player(ann).Choice; own != 2 {
		t.Errorf("Ann sees her choice as %d", own)
	}
	for _, p := range []*person{h, bob} {
		if c := p.player(ann); c.Choice != 0 || !c.Answered {
			t.Errorf("somebody else sees %+v", c)
		}
	}
}

func TestTimeIsLimited(t *testing.T) {
	s := start(t)
	h := host(t, s)
	ann, bob := h.joinedBy("ann"), h.joinedBy("bob")
	h.Call("next", nil)
	if left := time.UnixMilli(h.sees().Ends).Sub(s.Now()); left > timeLimit ||
		left < timeLimit-time.Second {
		t.Errorf("the clock of the page begins at %v", left)
	}
	s.Advance(timeLimit - time.Second)
	bob.Call("answer", questions[0].right)
	if got := h.sees().Phase; got != "question" {
		t.Fatalf("before the end: %s", got)
	}
	s.Advance(time.Second)
	if q := h.sees(); q.Phase != "answer" {
		t.Fatalf("in the end: %+v", q)
	}
	ann.CallFails("answer", questions[0].right, "QUIZ_ANSWER")
	if p := h.player(bob); p.Gained < 500 || p.Gained > 550 {
		t.Errorf("for the last second Bob gets %+v", p)
	}
}

// Who reloads has another connection and the same key: the seat, the score and the secret stay.
func TestReload(t *testing.T) {
	s := start(t)
	h := host(t, s)
	ann, bob := h.joinedBy("ann"), h.joinedBy("bob")
	h.Call("next", nil)
	ann.Call("answer", questions[0].right)
	h.Call("next", nil)
	score := ann.player(ann).Score
	h.Call("next", nil)
	ann.Call("answer", 3)
	ann.Cut()
	if p := bob.player(ann); p.Here || p.Score != score {
		t.Fatalf("while Ann is away Bob sees %+v", p)
	}
	s.Advance(options.MessageCacheAge + time.Second) // her session is over, her seat is not
	again := connect(t, s, "ann")
	again.in = smartsockettest.Call[joined](again.Client, "join", joinRequest{Code: h.in.Code})
	if again.in != ann.in {
		t.Fatalf("Ann was %+v, and is %+v", ann.in, again.in)
	}
	if p := again.player(again); !p.Here || p.Score != score || p.Choice != 3 || !p.Answered {
		t.Errorf("Ann finds %+v", p)
	}
	again.Cut()
	if !passes(s, func() bool { return h.quiz.State().Players.Len() == 1 }) {
		t.Errorf("%d players when Ann did not come back", h.sees().Players.Len())
	}
}

// The quiz waits for its host, but not for ever.
func TestHostIsAway(t *testing.T) {
	s := start(t)
	h := host(t, s)
	ann := h.joinedBy("ann")
	h.Cut()
	if ann.sees().Host {
		t.Error("Ann does not see that the host is away")
	}
	again := connect(t, s, "host")
	again.in = smartsockettest.Call[joined](again.Client, "join", joinRequest{Code: h.in.Code})
	if again.in != h.in || !ann.sees().Host {
		t.Fatalf("the host was %+v, and is %+v", h.in, again.in)
	}
	again.Call("next", nil)
	again.Cut()
	if !passes(s, func() bool { return !ann.quiz.Synced() }) {
		t.Error("the quiz did not wait, or for ever")
	}
	ann.Expect("quiz:over", room.Over{Code: "QUIZ_HOST_LEFT", Message: errHostLeft.Message})
	ann.CallFails("answer", 0, "ROOM_OUTSIDE")
}

func TestRefusals(t *testing.T) {
	s := start(t)
	h := host(t, s)
	ann := h.joinedBy("ann")
	eve := connect(t, s, "eve")
	eve.CallFails("join", joinRequest{"NONE", "Eve"}, "ROOM_NONE")
	for _, name := range []string{"", " \u202e ", strings.Repeat("x", maxName+1)} {
		eve.CallFails("join", joinRequest{h.in.Code, name}, "QUIZ_NAME")
	}
	eve.CallFails("join", joinRequest{h.in.Code, " ANN "}, "QUIZ_NAME_TAKEN")
	eve.CallFails("answer", 1, "ROOM_OUTSIDE")
	ann.CallFails("next", nil, "QUIZ_HOST_ONLY")
	ann.CallFails("answer", 1, "QUIZ_ANSWER") // nothing is asked yet
	h.Call("next", nil)
	h.CallFails("answer", 1, "QUIZ_ANSWER")
	for _, choice := range []int{-1, 4} {
		ann.CallFails("answer", choice, "QUIZ_ANSWER")
	}
	h.joinedBy("bob") // so that it goes on when Ann has answered
	ann.Call("answer", 1)
	ann.CallFails("answer", 2, "QUIZ_ANSWER")
	ann.Disconnect() // she says goodbye: no seat waits
	if n := h.sees().Players.Len(); n != 1 {
		t.Errorf("%d players are left", n)
	}
	stranger := s.NewClient(t, client.Options{Namespace: "/quiz", APIKey: "short"})
	stranger.ConnectFails("ERR_APP_001")
}

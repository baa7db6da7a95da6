package main

import (
	"crypto/rand"
	"errors"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/room"
	"github.com/smartsocket/smartsocket/room/state"
)

// Quiz is what everybody in a room sees. What has no tag stays on the server.
type Quiz struct {
	Phase    string                 `state:"phase,enum=lobby|question|answer|over"`
	Number   int                    `state:"number"` // of the question, from 1
	Of       int                    `state:"of"`     // questions
	Question string                 `state:"question"`
	Options  []string               `state:"options"`
	Ends     int64                  `state:"ends"`               // of the time, in ms since 1970
	Right    int                    `state:"right,min=-1,max=3"` // -1 while it is a secret
	Counts   []int                  `state:"counts"`             // who chose what, in the end
	Host     bool                   `state:"host"`               // the host is here
	Players  state.Map[int, Player] `state:"players"`            // by number

	questions []question
	last      int // number of the last player
}

// Player is what everybody sees of a player, except for the choice, which only he sees.
type Player struct {
	Name     string `state:"name"`
	Score    int    `state:"score"`
	Gained   int    `state:"gained"` // for the last question
	Here     bool   `state:"here"`
	Answered bool   `state:"answered"`
	Choice   int    `state:"choice,min=-1,max=3,owner"` // -1 is none

	left time.Duration // that he did not need
}

// seat is a member's: the host's, or that of a player with a name and a number.
type seat struct {
	host   bool
	name   string
	number int
}

const (
	timeLimit = 20 * time.Second
	awayTime  = 2 * time.Minute // how long a seat waits for who is away
	maxSeats  = 51              // with the host
	maxRooms  = 1000
	maxName   = 20
)

var (
	errHostOnly = smartsocket.NewCode("QUIZ_HOST_ONLY", "only the host goes on to the next one")
	errNobody   = smartsocket.NewCode("QUIZ_NOBODY", "nobody plays yet: tell them the code")
	errName     = smartsocket.NewCode("QUIZ_NAME", "give a name of 1 to 20 characters")
	errTaken    = smartsocket.NewCode("QUIZ_NAME_TAKEN", "somebody has this name: take another")
	errAnswer   = smartsocket.NewCode("QUIZ_ANSWER", "this cannot be answered now: once, in time")
	errHostLeft = smartsocket.NewCode("QUIZ_HOST_LEFT", "the host has left: the quiz is over")
	errBusy     = smartsocket.NewCode("QUIZ_BUSY", "there are too many quizzes: try again later")
)

type (
	quizRoom = *room.Room[Quiz]
	member   = *room.Member
)

// joinRequest asks for a seat. A name is for who has none yet.
type joinRequest struct {
	Code string `json:"code"`
	Name string `json:"name"`
}

// joined is what the answer to host and join says.
type joined struct {
	Code   string `json:"code"`
	Host   bool   `json:"host"`
	Player int    `json:"player"` // 0 for the host
}

// register adds the quizzes to a server: a room for each, whose name is the code to join it.
func register(v *smartsocket.Server) *room.Rooms[Quiz] {
	ns := v.Namespace("/quiz")
	v.SetEventRateLimit("join", smartsocket.Limit{Window: time.Minute, MaxRequests: 20})
	v.SetEventRateLimit("host", smartsocket.Limit{Window: time.Minute, MaxRequests: 10})
	quizzes := room.Register(ns, room.Options[Quiz]{
		Name: "quiz", Rate: 10, Capacity: maxSeats, Seats: awayTime,
		OnOpen: prepare, OnEnter: enter, OnTick: tick, OnLeave: leave,
		OnAway: func(r quizRoom, m member) { present(r, m, false) },
		OnBack: func(r quizRoom, m member) { present(r, m, true) },
		OnView: func(r quizRoom, m member, v *state.View) { // his choice is for him alone
			r.State.Players.Own(v, m.Value.(*seat).number)
		},
	})
	smartsocket.Handle(ns, "host", func(s *smartsocket.Socket, _ any) (joined, error) {
		if quizzes.Len() >= maxRooms {
			return joined{}, errBusy
		}
		for {
			r, err := quizzes.Create(newCode(), nil)
			if err == nil {
				return take(r, s, &seat{host: true})
			}
			if !errors.Is(err, room.ErrExists) {
				return joined{}, err
			}
		}
	})
	smartsocket.Handle(ns, "join", func(s *smartsocket.Socket, q joinRequest) (joined, error) {
		r := quizzes.Room(strings.ToUpper(strings.TrimSpace(q.Code)))
		if r == nil {
			return joined{}, room.ErrNone
		}
		return take(r, s, &seat{name: cleanName(q.Name)})
	})
	room.Handle(quizzes, "next", next)
	room.Handle(quizzes, "answer", answer)
	return quizzes
}

// take gives a client a seat: the one that it has already, otherwise the new one.
func take(r quizRoom, s *smartsocket.Socket, wish *seat) (joined, error) {
	m, err := r.Enter(s, wish)
	if err != nil {
		return joined{}, err
	}
	at := m.Value.(*seat)
	return joined{Code: r.Name(), Host: at.host, Player: at.number}, nil
}

// newCode makes a code of letters that are not mistaken for others.
func newCode() string {
	const letters = "ABCDEFGHJKLMNPRSTUVWXYZ"
	code := make([]byte, 4)
	rand.Read(code)
	for i, b := range code {
		code[i] = letters[int(b)%len(letters)]
	}
	return string(code)
}

// cleanName drops what cannot be seen. What is no name becomes "".
func cleanName(name string) string {
	if len(name) > maxName*utf8.UTFMax {
		return ""
	}
	name = strings.Join(strings.FieldsFunc(name, func(c rune) bool {
		return unicode.IsSpace(c) || !unicode.IsGraphic(c)
	}), " ")
	if utf8.RuneCountInString(name) > maxName {
		return ""
	}
	return name
}

// The hooks and handlers below run in the turn of their room.

func prepare(r quizRoom) error {
	r.State.questions = questions
	r.State.Phase, r.State.Of, r.State.Right = "lobby", len(questions), -1
	return nil
}

func enter(r quizRoom, m member) error {
	q, at := &r.State, m.Value.(*seat)
	if at.host {
		q.Host = true
		return nil
	}
	if at.name == "" {
		return errName
	}
	for _, p := range q.Players.All() {
		if strings.EqualFold(p.Name, at.name) {
			return errTaken
		}
	}
	q.last++
	at.number = q.last
	q.Players.Put(at.number, Player{Name: at.name, Here: true, Choice: -1})
	return nil
}

func present(r quizRoom, m member, here bool) {
	if at := m.Value.(*seat); at.host {
		r.State.Host = here
	} else {
		r.State.Players.Get(at.number).Here = here
	}
}

func leave(r quizRoom, m member, _ error) {
	if at := m.Value.(*seat); at.host {
		r.Close(errHostLeft)
	} else {
		r.State.Players.Delete(at.number)
	}
}

// tick ends the question when the time is over, or nobody is left who could answer.
func tick(r quizRoom) {
	if q := &r.State; q.Phase == "question" && (remaining(r) <= 0 || q.complete()) {
		reveal(q)
	}
}

func remaining(r quizRoom) time.Duration { return time.UnixMilli(r.State.Ends).Sub(r.Now()) }

// complete reports whether all who are here have answered.
func (q *Quiz) complete() bool {
	some := false
	for _, p := range q.Players.All() {
		if p.Here && !p.Answered {
			return false
		}
		some = some || p.Answered
	}
	return some
}

// next goes on, as the host says.
func next(r quizRoom, m member, _ any) (any, error) {
	q := &r.State
	switch {
	case !m.Value.(*seat).host:
		return nil, errHostOnly
	case q.Players.Len() == 0:
		return nil, errNobody
	case q.Phase == "question":
		reveal(q)
	case q.Phase == "over":
		for _, p := range q.Players.All() {
			p.Score, p.Gained = 0, 0
		}
		q.Phase, q.Number = "lobby", 0
	case q.Number == q.Of:
		q.Phase = "over"
	default:
		ask(r)
	}
	return nil, nil
}

// ask shows the next question.
func ask(r quizRoom) {
	q := &r.State
	for _, p := range q.Players.All() {
		p.Answered, p.Choice, p.Gained = false, -1, 0
	}
	now := q.questions[q.Number]
	q.Number++
	q.Phase, q.Question, q.Options, q.Counts, q.Right = "question", now.text, now.options, nil, -1
	q.Ends = r.Now().Add(timeLimit).UnixMilli()
}

// answer takes a player's choice, which nobody else gets to know.
func answer(r quizRoom, m member, choice int) (any, error) {
	q, p := &r.State, r.State.Players.Get(m.Value.(*seat).number)
	left := remaining(r)
	if p == nil || q.Phase != "question" || p.Answered || left <= 0 || choice < 0 ||
		choice >= len(q.Options) {
		return nil, errAnswer
	}
	p.Answered, p.Choice, p.left = true, choice, left
	return nil, nil
}

// reveal shows the right answer and gives the points: 500, and up to 500 more for being quick.
func reveal(q *Quiz) {
	q.Phase, q.Right = "answer", q.questions[q.Number-1].right
	q.Counts = make([]int, len(q.Options))
	for _, p := range q.Players.All() {
		if !p.Answered {
			continue
		}
		q.Counts[p.Choice]++
		if p.Choice == q.Right {
			p.Gained = 500 + int(500*p.left/timeLimit)
			p.Score += p.Gained
		}
	}
}

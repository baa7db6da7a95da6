package main

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/message"
)

// The limits of the demo. Each thing that a client can make the server keep is bounded by one of
// them.
const (
	maxNameRunes  = 24
	maxRoomRunes  = 24
	maxTextRunes  = 500
	maxRooms      = 100
	maxJoined     = 10
	maxHistory    = 50
	maxPeople     = 50 // names in a presence list; the count is complete
	requestBurst  = 20
	requestPerSec = 10

	// demoMaxRequests is the library's limit of events per window for the demo, where a player
	// steers up to 60 times a second.
	demoMaxRequests = 10_000
)

// closeDropped asks the client to reconnect, as all codes from 3000 to 3499 do.
const closeDropped = 3400

// chat is the demo application: rooms with history, presence and typing notices.
type chat struct {
	ns *smartsocket.Namespace

	// mu orders the messages of a room, so that there is no gap between the history that a newcomer
	// gets and the messages that follow. Emit never blocks, so it is called under mu.
	mu     sync.Mutex
	rooms  map[string]*chatRoom
	lastID uint64

	// show prevents that an older count is sent after a newer one. It is taken before mu.
	show sync.Mutex
}

type chatRoom struct {
	history []saidMessage // the last maxHistory messages, oldest first
	pinned  bool          // stays when it is empty
	used    time.Time     // when somebody last joined or wrote
}

// person is what the demo knows of one socket.
type person struct {
	mu     sync.Mutex
	name   string
	tokens float64
	filled time.Time
}

// The messages of the demo, as they are on the wire.
type (
	introduceRequest struct {
		Name string `json:"name"`
	}
	introduceReply struct {
		ID    string     `json:"id"`
		Name  string     `json:"name"`
		Rooms []roomInfo `json:"rooms" ts:"notnull"`
	}
	roomRequest struct {
		Room string `json:"room"`
	}
	joinReply struct {
		Room    string        `json:"room"`
		History []saidMessage `json:"history" ts:"notnull"`
	}
	sayRequest struct {
		Room string `json:"room"`
		Text string `json:"text"`
	}
	saidMessage struct {
		ID   uint64 `json:"id"`
		Room string `json:"room"`
		From string `json:"from"` // id of the sender's socket
		Name string `json:"name"`
		Text string `json:"text"`
		At   int64  `json:"at"` // ms since the Unix epoch
	}
	roomInfo struct {
		Name  string `json:"name"`
		Count int    `json:"count"`
	}
	personInfo struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	}
	presence struct {
		Room   string       `json:"room"`
		Count  int          `json:"count"`
		People []personInfo `json:"people" ts:"notnull"`
	}
	typingNotice struct {
		Room string `json:"room"`
		ID   string `json:"id"`
		Name string `json:"name"`
	}
	statsReport struct {
		Connections int     `json:"connections"`
		MessagesIn  float64 `json:"messagesIn"`
		MessagesOut float64 `json:"messagesOut"`
		MemoryBytes uint64  `json:"memoryBytes"`
		UptimeMs    int64   `json:"uptimeMs"`
		RTTMs       float64 `json:"rttMs"`
	}
)

// newChat registers the demo on a namespace.
func newChat(ns *smartsocket.Namespace) *chat {
	c := &chat{ns: ns, rooms: make(map[string]*chatRoom)}
	for _, name := range []string{"lobby", "games", "help"} {
		c.rooms[name] = &chatRoom{pinned: true}
	}
	ns.OnConnected(func(s *smartsocket.Socket) {
		s.Set("person", &person{tokens: requestBurst, filled: time.Now()})
	})
	ns.OnDisconnected(func(s *smartsocket.Socket, _ smartsocket.Reason) {
		rooms := s.Rooms()
		s.Leave(rooms...)
		c.announce(rooms...)
	})
	smartsocket.Handle(ns, "introduce", c.introduce)
	smartsocket.Handle(ns, "join", c.join)
	smartsocket.Handle(ns, "leave", c.leave)
	smartsocket.Handle(ns, "say", c.say)
	smartsocket.On(ns, "typing", c.typing)
	// The answer to "rtt" is the acknowledgement itself. The page draws its round-trip time.
	ns.On("rtt", func(_ *smartsocket.Socket, d smartsocket.Data, ack smartsocket.Ack) {
		ack.Reply(nil)
	}, smartsocket.Inline)
	ns.On("drop", dropped)
	return c
}

// dropped cuts the connection of a client that wants to see it come back.
func dropped(s *smartsocket.Socket, _ smartsocket.Data, _ smartsocket.Ack) {
	s.DisconnectWith(closeDropped, "dropped on request")
}

func (c *chat) introduce(s *smartsocket.Socket, req introduceRequest) (introduceReply, error) {
	p, err := admit(s)
	if err != nil {
		return introduceReply{}, err
	}
	name, err := cleanLine(req.Name, maxNameRunes, "name")
	if err != nil {
		return introduceReply{}, err
	}
	p.mu.Lock()
	p.name = name
	p.mu.Unlock()
	c.announce(s.Rooms()...)
	return introduceReply{ID: s.ID(), Name: name, Rooms: c.list()}, nil
}

func (c *chat) join(s *smartsocket.Socket, req roomRequest) (joinReply, error) {
	if _, err := admitNamed(s); err != nil {
		return joinReply{}, err
	}
	room, err := cleanRoom(req.Room)
	if err != nil {
		return joinReply{}, err
	}
	if len(s.Rooms()) >= maxJoined && !s.In(room) {
		return joinReply{}, rejected("you are in %d rooms, the most there can be: leave one first",
			maxJoined)
	}
	c.mu.Lock()
	r, err := c.open(room)
	if err == nil {
		err = s.Join(room)
	}
	if err != nil {
		c.mu.Unlock()
		return joinReply{}, err
	}
	r.used = time.Now()
	reply := joinReply{Room: room, History: append([]saidMessage{}, r.history...)}
	c.mu.Unlock()
	c.announce(room)
	return reply, nil
}

func (c *chat) leave(s *smartsocket.Socket, req roomRequest) (struct{}, error) {
	if _, err := admit(s); err != nil {
		return struct{}{}, err
	}
	if s.In(req.Room) {
		s.Leave(req.Room)
		c.announce(req.Room)
	}
	return struct{}{}, nil
}

func (c *chat) say(s *smartsocket.Socket, req sayRequest) (saidMessage, error) {
	name, err := admitNamed(s)
	if err != nil {
		return saidMessage{}, err
	}
	text, err := cleanText(req.Text)
	if err != nil {
		return saidMessage{}, err
	}
	if !s.In(req.Room) {
		return saidMessage{}, rejected("you are not in this room: join it first")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.rooms[req.Room]
	if r == nil {
		return saidMessage{}, rejected("there is no such room: join one first")
	}
	c.lastID++
	m := saidMessage{ID: c.lastID, Room: req.Room, From: s.ID(), Name: name, Text: text,
		At: time.Now().UnixMilli()}
	if len(r.history) == maxHistory {
		r.history = slices.Delete(r.history, 0, 1)
	}
	r.history = append(r.history, m)
	r.used = time.Now()
	if _, err := c.ns.To(req.Room).Emit("said", m); err != nil {
		return saidMessage{}, err
	}
	return m, nil
}

func (c *chat) typing(s *smartsocket.Socket, req roomRequest, ack smartsocket.Ack) {
	name, err := admitNamed(s)
	if err == nil && !s.In(req.Room) {
		err = rejected("you are not in this room: join it first")
	}
	if err == nil {
		_, err = s.To(req.Room).Emit("typing", typingNotice{req.Room, s.ID(), name})
	}
	if err != nil {
		ack.Fail(err)
		return
	}
	ack.Reply(nil)
}

// open returns the room, and makes it if necessary. If there are more than maxRooms, the empty room
// that has been unused for the longest time is removed. c.mu is held.
func (c *chat) open(name string) (*chatRoom, error) {
	if r := c.rooms[name]; r != nil {
		return r, nil
	}
	if len(c.rooms) >= maxRooms {
		var oldest string
		for other, r := range c.rooms {
			if !r.pinned && c.ns.RoomLen(other) == 0 &&
				(oldest == "" || r.used.Before(c.rooms[oldest].used)) {
				oldest = other
			}
		}
		if oldest == "" {
			return nil, rejected("there are %d rooms, the most there can be: join one of them",
				maxRooms)
		}
		delete(c.rooms, oldest)
	}
	r := new(chatRoom)
	c.rooms[name] = r
	return r, nil
}

// list returns every room that somebody is in, and the pinned ones, the fullest first.
func (c *chat) list() []roomInfo {
	c.mu.Lock()
	defer c.mu.Unlock()
	rooms := make([]roomInfo, 0, len(c.rooms))
	for name, r := range c.rooms {
		if n := c.ns.RoomLen(name); n > 0 || r.pinned {
			rooms = append(rooms, roomInfo{name, n})
		}
	}
	slices.SortFunc(rooms, func(a, b roomInfo) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), strings.Compare(a.Name, b.Name))
	})
	return rooms
}

// announce tells the members of rooms who is there, and tells everyone how many there are. This
// covers only this server: each of several servers knows and shows its own people. What it sends
// cannot fail to encode, and the library closes a receiver that is too slow for it.
func (c *chat) announce(rooms ...string) {
	c.show.Lock()
	defer c.show.Unlock()
	for _, room := range rooms {
		_, _ = c.ns.Local().To(room).Emit("people", c.presence(room))
	}
	//smartsocket:ts roomInfo[]
	_, _ = c.ns.Local().Emit("rooms", c.list())
}

func (c *chat) presence(room string) presence {
	p := presence{Room: room, People: []personInfo{}}
	for _, s := range c.ns.RoomSockets(room) {
		if p.Count++; len(p.People) < maxPeople {
			p.People = append(p.People, personInfo{s.ID(), nameOf(s)})
		}
	}
	slices.SortFunc(p.People, func(a, b personInfo) int {
		return cmp.Or(strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)),
			strings.Compare(a.ID, b.ID))
	})
	return p
}

// report broadcasts the server's statistics once a second until ctx ends.
func (c *chat) report(ctx context.Context, srv *smartsocket.Server) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if c.ns.Len() > 0 {
			_, _ = c.ns.Local().Emit("stats", reportOf(srv.Stats()))
		}
	}
}

func reportOf(st smartsocket.Stats) statsReport {
	return statsReport{
		Connections: st.Connections,
		MessagesIn:  math.Round(st.MessagesIn*10) / 10,
		MessagesOut: math.Round(st.MessagesOut*10) / 10,
		MemoryBytes: st.MemoryBytes,
		UptimeMs:    st.Uptime.Milliseconds(),
		RTTMs:       float64(st.Latency.P50) / float64(time.Millisecond),
	}
}

// admit takes one request from the socket's allowance.
func admit(s *smartsocket.Socket) (*person, error) {
	p, ok := s.Get("person").(*person)
	if !ok {
		return nil, rejected("the connection is not set up yet: try again")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	p.tokens = min(requestBurst, p.tokens+now.Sub(p.filled).Seconds()*requestPerSec)
	p.filled = now
	if p.tokens < 1 {
		wait := int64((1-p.tokens)/requestPerSec*1000) + 1
		return nil, &smartsocket.Error{Code: message.CodeRateLimited,
			Message: "too fast: wait a moment", RetryAfter: wait}
	}
	p.tokens--
	return p, nil
}

// admitNamed is admit for people who have introduced themselves.
func admitNamed(s *smartsocket.Socket) (name string, err error) {
	p, err := admit(s)
	if err != nil {
		return "", err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.name == "" {
		return "", rejected("say who you are first: send introduce")
	}
	return p.name, nil
}

func nameOf(s *smartsocket.Socket) string {
	p, ok := s.Get("person").(*person)
	if !ok {
		return ""
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.name
}

func rejected(format string, args ...any) error {
	return &smartsocket.Error{Code: message.CodeRejected, Message: fmt.Sprintf(format, args...)}
}

// cleanLine trims one line of text and checks its length.
func cleanLine(text string, most int, what string) (string, error) {
	if len(text) > 8*utf8.UTFMax*most {
		return "", rejected("the %s is too long: use at most %d characters", what, most)
	}
	text = strings.Join(strings.Fields(strings.Map(visible, text)), " ")
	n := utf8.RuneCountInString(text)
	if n == 0 {
		return "", rejected("the %s is empty: use 1 to %d characters", what, most)
	}
	if n > most {
		return "", rejected("the %s has %d characters: use at most %d", what, n, most)
	}
	return text, nil
}

// cleanRoom makes the name of a room: lower-case letters, digits and dashes.
func cleanRoom(text string) (string, error) {
	text, err := cleanLine(text, maxRoomRunes, "room's name")
	if err != nil {
		return "", err
	}
	text = strings.ReplaceAll(strings.ToLower(text), " ", "-")
	for _, r := range text {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '-' {
			return "", rejected("%q cannot be in a room's name: use letters, digits and dashes", r)
		}
	}
	return text, nil
}

// cleanText trims a message, which may have several lines.
func cleanText(text string) (string, error) {
	if len(text) > utf8.UTFMax*maxTextRunes {
		return "", rejected("the message is too long: use at most %d characters", maxTextRunes)
	}
	text = strings.TrimSpace(strings.Map(func(r rune) rune {
		if r == '\n' {
			return r
		}
		return visible(r)
	}, text))
	n := utf8.RuneCountInString(text)
	if n == 0 {
		return "", rejected("the message is empty: write something")
	}
	if n > maxTextRunes {
		return "", rejected("the message has %d characters: use at most %d", n, maxTextRunes)
	}
	return text, nil
}

// visible drops control characters, and the marks that would turn the text around them right to
// left. Tabs and newlines become spaces.
func visible(r rune) rune {
	switch {
	case r == '\t' || r == '\n' || r == '\r':
		return ' '
	case unicode.IsControl(r), r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069,
		r == utf8.RuneError:
		return -1
	}
	return r
}

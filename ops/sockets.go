package ops

import (
	"cmp"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/smartsocket/smartsocket"
)

// SocketInfo is a socket of a list. Times are in milliseconds.
type SocketInfo struct {
	ID          string  `json:"id"`
	Namespace   string  `json:"namespace"`
	Address     string  `json:"address"`
	Identity    string  `json:"identity,omitempty"`
	Connected   bool    `json:"connected"`
	Plain       bool    `json:"plain"` // it speaks plain JSON text
	RTTMs       float64 `json:"rttMs"` // of the last heartbeat; 0 before the first
	OutboxBytes int     `json:"outboxBytes"`
	Rooms       int     `json:"rooms"`
}

// SocketList is the JSON of /api/sockets. Next is the "after" of the next page, absent on the last.
type SocketList struct {
	Total   int          `json:"total"` // that match
	Sockets []SocketInfo `json:"sockets"`
	Next    string       `json:"next,omitempty"`
}

// sockets lists sockets by id: those of a namespace, of a room, or whatever q finds.
func (h *handler) sockets(w http.ResponseWriter, r *http.Request) error {
	limit, err := limitOf(r)
	if err != nil {
		return err
	}
	match, err := h.matcher(r.FormValue("by"), r.FormValue("q"))
	if err != nil {
		return err
	}
	found, err := h.find(r, match)
	if err != nil {
		return err
	}
	byID := func(a, b *smartsocket.Socket) int { return cmp.Compare(a.ID(), b.ID()) }
	list := SocketList{Total: len(found), Sockets: []SocketInfo{}}
	switch r.FormValue("sort") {
	case "", "id":
		slices.SortFunc(found, byID)
		found, list.Next = page(found, r.FormValue("after"), limit,
			func(s *smartsocket.Socket, id string) int { return cmp.Compare(s.ID(), id) },
			(*smartsocket.Socket).ID)
	case "rtt":
		found = largest(found, limit,
			func(s *smartsocket.Socket) int { return int(s.RTT()) }, byID)
	case "outbox":
		found = largest(found, limit, (*smartsocket.Socket).Queued, byID)
	default:
		return problem(http.StatusBadRequest, codeRequest, "sort: give id, rtt or outbox")
	}
	for _, s := range found {
		list.Sockets = append(list.Sockets, h.describe(s))
	}
	reply(w, http.StatusOK, list)
	return nil
}

// find lists the sockets of the namespace, room and state that r names, if match is true for them.
func (h *handler) find(
	r *http.Request, match func(*smartsocket.Socket) bool,
) (found []*smartsocket.Socket, err error) {
	paths, room := h.server.Namespaces(), r.FormValue("room")
	if path := r.FormValue("namespace"); path != "" || room != "" {
		ns, err := h.namespaceOf(path)
		if err != nil {
			return nil, err
		}
		paths = []string{ns.Path()}
	}
	state := r.FormValue("state")
	if state != "" && state != "present" && state != "away" {
		return nil, problem(http.StatusBadRequest, codeRequest, "state: give present or away")
	}
	for _, path := range paths {
		ns := h.server.Namespace(path)
		var all []*smartsocket.Socket
		switch {
		case room != "" && state != "away":
			all = ns.RoomSockets(room)
		case state != "away":
			all = ns.Sockets()
		}
		for _, s := range all {
			if match(s) {
				found = append(found, s)
			}
		}
		if state == "present" {
			continue
		}
		for _, s := range ns.Away() {
			if (room == "" || s.In(room)) && match(s) {
				found = append(found, s)
			}
		}
	}
	return found, nil
}

// matcher reports whether a socket is one that is searched for by id, identity or address, or by
// any of them if by is "". Of an id and an identity a part will do. An address may be a prefix as
// in 10.1.0.0/16, or leave out the port.
func (h *handler) matcher(by, q string) (func(*smartsocket.Socket) bool, error) {
	switch by {
	case "", "id", "identity", "address":
	default:
		return nil, problem(http.StatusBadRequest, codeRequest,
			"by: give id, identity or address, or leave it out")
	}
	if q == "" {
		return func(*smartsocket.Socket) bool { return true }, nil
	}
	_, prefix, noPrefix := net.ParseCIDR(q)
	return func(s *smartsocket.Socket) bool {
		if by != "identity" && by != "address" && strings.Contains(s.ID(), q) {
			return true
		}
		if by != "id" && by != "address" && strings.Contains(h.Identity(s.Identity()), q) {
			return true
		}
		if by == "id" || by == "identity" {
			return false
		}
		address := h.server.ClientAddr(s)
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			host = address // without a port
		}
		if noPrefix == nil {
			ip := net.ParseIP(host)
			return ip != nil && prefix.Contains(ip)
		}
		return address == q || host == strings.Trim(q, "[]")
	}, nil
}

func (h *handler) describe(s *smartsocket.Socket) SocketInfo {
	return SocketInfo{ID: s.ID(), Namespace: s.Namespace().Path(), Address: h.server.ClientAddr(s),
		Identity: h.Identity(s.Identity()), Connected: s.Connected(), Plain: s.Plain(),
		RTTMs: millis(s.RTT()), OutboxBytes: s.Queued(), Rooms: len(s.Rooms())}
}

// SocketDetails is the JSON of /api/sockets/{id}. Times are in milliseconds.
type SocketDetails struct {
	SocketInfo
	RoomNames     []string `json:"roomNames"`     // sorted
	ClockOffsetMs float64  `json:"clockOffsetMs"` // how far the client's clock is ahead
	Auth          string   `json:"auth"`          // not needed, missing or done
	HeldBytes     int      `json:"heldBytes"`     // held back until the client has caught up
	WaitingBytes  int      `json:"waitingBytes"`  // its events that wait for their handlers
	Handler       string   `json:"handler,omitempty"`
	Session       struct {
		Resumable  bool   `json:"resumable"`  // it outlives its connection
		Connection uint64 `json:"connection"` // counts its connections from 1
		KeptEvents int    `json:"keptEvents"` // for the client when it comes back
		KeptBytes  int    `json:"keptBytes"`
	} `json:"session"`
	// Counters count from the first look at the socket on.
	Counters struct {
		SinceMs float64 `json:"sinceMs"`
		In      int64   `json:"in"`
		Out     int64   `json:"out"`
	} `json:"counters"`
}

func (h *handler) socket(w http.ResponseWriter, r *http.Request) error {
	s, err := h.socketOf(r.PathValue("id"))
	if err != nil {
		return err
	}
	at := h.server.Inspect(s)
	rooms := append([]string{}, s.Rooms()...)
	slices.Sort(rooms)
	d := SocketDetails{SocketInfo: h.describe(s), RoomNames: rooms,
		ClockOffsetMs: millis(s.ClockOffset()), Auth: at.Authenticated, HeldBytes: at.HeldBytes,
		WaitingBytes: at.WaitingBytes, Handler: at.Handler}
	d.Session.Resumable, d.Session.Connection = at.Resumable, at.Connection
	d.Session.KeptEvents, d.Session.KeptBytes = at.KeptEvents, at.KeptBytes
	d.Counters.SinceMs, d.Counters.In, d.Counters.Out = millis(at.CountedFor), at.In, at.Out
	reply(w, http.StatusOK, d)
	return nil
}

// socketOf is the socket with an id, in whichever namespace it is.
func (h *handler) socketOf(id string) (*smartsocket.Socket, error) {
	for _, path := range h.server.Namespaces() {
		if s := h.server.Namespace(path).Socket(id); s != nil {
			return s, nil
		}
	}
	return nil, problem(http.StatusNotFound, codeUnknown,
		"there is no such socket on this node: it may have ended, or be on another one")
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

package ops

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/frame"
)

// maxBody is how many bytes the body of an action has at most.
const maxBody = 1 << 20

// body reads the JSON of an action into v. No body leaves v as it is.
func body(w http.ResponseWriter, r *http.Request, v any) error {
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return problem(http.StatusRequestEntityTooLarge, codeRequest,
			"the body is larger than 1 MiB")
	case err != nil:
		return err
	case len(bytes.TrimSpace(text)) == 0:
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	err = d.Decode(v)
	if err == nil && d.Decode(new(json.RawMessage)) != io.EOF {
		err = errors.New("there is more behind it")
	}
	if err != nil {
		return problem(http.StatusBadRequest, codeRequest,
			"the body is not the JSON of this action, see docs/OPERATIONS.md: "+err.Error())
	}
	return nil
}

// acted logs an action, with who asked for it and from where.
func (h *handler) acted(r *http.Request, action string, args ...any) {
	args = append([]any{"action", action, "who", h.who(r), "from", r.RemoteAddr}, args...)
	h.Logger.Info("operations: an operator acts", args...)
}

// done answers an action that needs no other answer.
func done(w http.ResponseWriter) error {
	reply(w, http.StatusOK, struct {
		OK bool `json:"ok"`
	}{true})
	return nil
}

// closing is how an action disconnects. Without a code it is a kick, after which clients stay away.
type closing struct {
	Code   frame.CloseCode `json:"code"`
	Reason string          `json:"reason"`
}

// check reports a code or a reason that no close frame can have.
func (c *closing) check() error {
	if c.Code != 0 && c.Code != frame.CloseNormal && c.Code != frame.ClosePolicyViolation &&
		(c.Code < 3000 || c.Code > 4999) || len(c.Reason) > 123 {
		return problem(http.StatusBadRequest, codeRequest, "code: give 1000, 1008, or 3000 to "+
			"4999, or leave it out for a kick; reason: give at most 123 bytes")
	}
	return nil
}

func (c *closing) end(s interface {
	DisconnectWith(frame.CloseCode, string)
	Disconnect()
}) {
	if c.Code == 0 {
		s.Disconnect()
		return
	}
	s.DisconnectWith(c.Code, c.Reason)
}

func (h *handler) disconnect(w http.ResponseWriter, r *http.Request) error {
	s, err := h.socketOf(r.PathValue("id"))
	if err != nil {
		return err
	}
	var how closing
	if err := body(w, r, &how); err != nil {
		return err
	}
	if err := how.check(); err != nil {
		return err
	}
	h.acted(r, "disconnect", "socket", s.ID(), "peer", h.server.ClientAddr(s), "code", how.Code,
		"reason", how.Reason)
	how.end(s)
	return done(w)
}

func (h *handler) leave(w http.ResponseWriter, r *http.Request) error {
	s, err := h.socketOf(r.PathValue("id"))
	if err != nil {
		return err
	}
	var what struct {
		Rooms []string `json:"rooms"`
	}
	if err := body(w, r, &what); err != nil {
		return err
	}
	if len(what.Rooms) == 0 {
		return problem(http.StatusBadRequest, codeRequest, "rooms: name those to leave")
	}
	h.acted(r, "leave", "socket", s.ID(), "rooms", what.Rooms)
	s.Leave(what.Rooms...)
	return done(w)
}

// room names a room of a namespace, "/" if that is "".
type room struct {
	Namespace string `json:"namespace"`
	Room      string `json:"room"`
}

// target is everybody on this node who is in the room, also those who are away.
func (h *handler) target(at room) (*smartsocket.Target, error) {
	ns, err := h.namespaceOf(at.Namespace)
	if err != nil {
		return nil, err
	}
	if at.Room == "" {
		return nil, problem(http.StatusBadRequest, codeRequest, "room: name one")
	}
	return ns.To(at.Room), nil
}

// affected answers an action with how many sockets it concerned.
func affected(w http.ResponseWriter, n int) error {
	reply(w, http.StatusOK, struct {
		Sockets int `json:"sockets"`
	}{n})
	return nil
}

func (h *handler) disconnectRoom(w http.ResponseWriter, r *http.Request) error {
	var what struct {
		room
		closing
	}
	if err := body(w, r, &what); err != nil {
		return err
	}
	if err := what.check(); err != nil {
		return err
	}
	t, err := h.target(what.room)
	if err != nil {
		return err
	}
	h.acted(r, "disconnect", "namespace", what.Namespace, "room", what.Room, "code", what.Code,
		"reason", what.Reason)
	if what.Code == 0 {
		return affected(w, t.Disconnect())
	}
	return affected(w, t.DisconnectWith(what.Code, what.Reason))
}

func (h *handler) leaveRoom(w http.ResponseWriter, r *http.Request) error {
	var what room
	if err := body(w, r, &what); err != nil {
		return err
	}
	t, err := h.target(what)
	if err != nil {
		return err
	}
	h.acted(r, "leave", "namespace", what.Namespace, "room", what.Room)
	return affected(w, t.Leave(what.Room))
}

// emission is the body of /api/emit. Data is sent as it is; Binary, in base64, is raw bytes in its
// place.
type emission struct {
	Namespace string          `json:"namespace"`
	To        []string        `json:"to"` // rooms, and sockets by id; none = the whole namespace
	Event     string          `json:"event"`
	Data      json.RawMessage `json:"data"`
	Binary    []byte          `json:"binary"`
}

func (h *handler) emit(w http.ResponseWriter, r *http.Request) error {
	var what emission
	if err := body(w, r, &what); err != nil {
		return err
	}
	ns, err := h.namespaceOf(what.Namespace)
	if err != nil {
		return err
	}
	var data any
	switch {
	case what.Binary != nil:
		data = what.Binary
	case what.Data != nil:
		data = what.Data
	}
	h.acted(r, "emit", "namespace", ns.Path(), "to", what.To, "event", what.Event, "bytes",
		len(what.Data)+len(what.Binary))
	var d smartsocket.Delivery
	if len(what.To) == 0 {
		d, err = ns.Emit(what.Event, data)
	} else {
		d, err = ns.To(what.To...).Emit(what.Event, data)
	}
	if err != nil {
		return problem(http.StatusBadRequest, codeRequest, err.Error())
	}
	reply(w, http.StatusOK, struct {
		Queued  int `json:"queued"`
		Dropped int `json:"dropped"`
	}{d.Queued, d.Dropped})
	return nil
}

// drain begins the end, and does not wait for it.
func (h *handler) drain(w http.ResponseWriter, r *http.Request) error {
	h.acted(r, "drain")
	if h.Drain != nil {
		h.Drain()
	} else {
		go h.server.Drain(context.WithoutCancel(r.Context())) // the log has its error
	}
	reply(w, http.StatusAccepted, struct {
		Draining bool `json:"draining"`
	}{true})
	return nil
}

// logLevel is the body of /log-level, and what it answers.
type logLevel struct {
	Level string `json:"level"`
	// ForMs is after how many milliseconds the level before is back; 0 = never.
	ForMs int64 `json:"forMs,omitempty"`
}

var errNoLevel = problem(http.StatusNotImplemented, codeMissing,
	"this program does not let its log's level be set (Options.Level)")

func (h *handler) level(w http.ResponseWriter, r *http.Request) error {
	if h.Level == nil {
		return errNoLevel
	}
	reply(w, http.StatusOK, logLevel{Level: levelName(h.Level.Level())})
	return nil
}

func (h *handler) setLevel(w http.ResponseWriter, r *http.Request) error {
	if h.Level == nil {
		return errNoLevel
	}
	var to logLevel
	if err := body(w, r, &to); err != nil {
		return err
	}
	level, ok := levels[to.Level]
	if !ok || to.ForMs < 0 || to.ForMs > maxForMs {
		return problem(http.StatusBadRequest, codeRequest, "level: give error, warn, info, debug "+
			"or trace; forMs: give milliseconds, at most those of a week")
	}
	h.acted(r, "log-level", "logLevel", to.Level, "before", levelName(h.Level.Level()), "forMs",
		to.ForMs)
	h.setLevelFor(level, time.Duration(to.ForMs)*time.Millisecond)
	reply(w, http.StatusOK, to)
	return nil
}

// maxForMs is a week.
const maxForMs = 7 * 24 * 60 * 60 * 1000

// passing is a level of the log that is set for a while.
type passing struct {
	level, before slog.Level
	timer         *time.Timer
}

// setLevelFor sets the level of the log, for d if that is not 0. Then the level is back that was
// there before, and not one that was set for a while too.
func (h *handler) setLevelFor(level slog.Level, d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	before := h.Level.Level()
	if p := h.passing; p != nil {
		p.timer.Stop()
		if before == p.level { // nobody has set another one meanwhile
			before = p.before
		}
		h.passing = nil
	}
	h.Level.Set(level)
	if d > 0 {
		p := &passing{level: level, before: before}
		h.passing = p
		p.timer = time.AfterFunc(d, func() { h.levelBack(p) })
	}
}

// levelBack ends p, unless another level was set meanwhile.
func (h *handler) levelBack(p *passing) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.passing != p {
		return
	}
	h.passing = nil
	if h.Level.Level() == p.level {
		h.Level.Set(p.before)
		h.Logger.Info("operations: the log's level is back", "logLevel", levelName(p.before))
	}
}

// levels are the names of the log's levels.
var levels = map[string]slog.Level{
	"error": slog.LevelError, "warn": slog.LevelWarn, "info": slog.LevelInfo,
	"debug": slog.LevelDebug, "trace": smartsocket.LevelTrace,
}

func levelName(l slog.Level) string {
	for name, level := range levels {
		if level == l {
			return name
		}
	}
	return l.String()
}

func (h *handler) reload(w http.ResponseWriter, r *http.Request) error {
	if h.Reload == nil {
		return problem(http.StatusNotImplemented, codeMissing,
			"this program does not read its settings again (Options.Reload)")
	}
	h.acted(r, "reload")
	changed, err := h.Reload()
	if err != nil {
		return problem(http.StatusConflict, codeFailed, err.Error())
	}
	if changed == nil {
		changed = []string{}
	}
	reply(w, http.StatusOK, struct {
		Changed []string `json:"changed"`
	}{changed})
	return nil
}

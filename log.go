package smartsocket

import (
	"io"
	"log/slog"

	"github.com/smartsocket/smartsocket/internal/logline"
)

// LevelTrace is below slog.LevelDebug: the only level at which payloads may be logged.
const LevelTrace = slog.Level(-8)

// NewLogHandler returns a slog.Handler that writes one line per record in the form
//
//	2026-11-27T11:26:58.123Z [smartsocket] [info] listening on 127.0.0.1:3000 codec=sonic
//
// to w, for records at level and above. On a terminal the level has a colour, unless NO_COLOR is
// set; CLICOLOR_FORCE colours any w. Values are quoted when they contain
// anything that could break or forge a line. When w blocks, lines are queued, up to 4096 or 1 MiB;
// more are dropped, and their number is logged later. Safe for concurrent use.
func NewLogHandler(w io.Writer, level slog.Leveler) slog.Handler {
	return logline.New(w, level)
}

// DebugEnabled reports whether DEBUG has "*" or "smartsocket:*" among its comma-separated names.
func DebugEnabled() bool { return logline.DebugEnabled() }

package main

import (
	"io"
	"log/slog"
	"runtime"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/internal/logline"
	"github.com/smartsocket/smartsocket/message"
)

// newLogger makes the program's logger. DEBUG=smartsocket:* in the environment switches debug on,
// whatever logLevel says, unless that already says more.
func newLogger(c *settings, w io.Writer) *slog.Logger {
	c.level.Set(c.slogLevel())
	if c.LogFormat == "json" {
		return slog.New(logline.NewJSON(w, &c.level))
	}
	return slog.New(smartsocket.NewLogHandler(w, &c.level))
}

// slogLevel returns logLevel, or what DEBUG asks for.
func (c *settings) slogLevel() slog.Level {
	level := levels[c.LogLevel]
	if smartsocket.DebugEnabled() {
		level = min(level, slog.LevelDebug)
	}
	return level
}

// logStart logs what the process runs on. It warns if the kernel will allow fewer connections than
// are configured.
func logStart(c *settings, log *slog.Logger) {
	loops := c.Loops
	if loops == 0 {
		loops = runtime.GOMAXPROCS(0)
	}
	limit, known := descriptorLimit()
	log.Info("starting", "mode", c.mode(), "codec", message.CodecName(), "loops", loops,
		"gomaxprocs", runtime.GOMAXPROCS(0), "go", runtime.Version(), "nofile", limit)
	// Besides connections there are listeners, pollers, log files and others.
	const others = 64
	if known && limit < uint64(c.MaxConnections+others) {
		log.Warn("the limit of open files is below maxConnections: raise it with ulimit -n, "+
			"LimitNOFILE= or --ulimit, or lower maxConnections",
			"nofile", limit, "maxConnections", c.MaxConnections, "need", c.MaxConnections+others)
	}
}

func (c *settings) mode() string {
	switch {
	case c.Echo:
		return "echo"
	case c.Demo:
		return "demo"
	}
	return "events"
}

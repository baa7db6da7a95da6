package smartsocket

import (
	"log/slog"
	"time"
)

// Toggle is an option that is on, off, or left to the library.
type Toggle uint8

const (
	// Auto leaves the choice to the library; the option's comment says what it picks.
	Auto Toggle = iota
	// On and Off settle it.
	On
	Off
)

// Options configure a Server. The zero value means the defaults named beside
// each field. The config tag is the option's name in files and, in upper snake
// case behind SMARTSOCKET_, in the environment; durations given there as plain
// numbers are milliseconds.
type Options struct {
	// Host to bind to; "" = localhost.
	Host string `config:"host"`
	// Port to listen on; 0 = 3000, -1 = any free one (see Server.Addr).
	Port int `config:"port"`
	// MaxConnections is a hard cap on live connections; 0 = 10 000.
	MaxConnections int `config:"maxConnections"`
	// ConnectionTimeout closes a connection from which no frame of any kind came for so long; the server pings at half of it. 0 = 30 s.
	ConnectionTimeout time.Duration `config:"connectionTimeout"`
	// HandshakeTimeout bounds accept → request head, and 101 → CONNECT; 0 = 5 s.
	HandshakeTimeout time.Duration `config:"handshakeTimeout"`
	// AckTimeout is the default wait of EmitWithAck; 0 = 30 s.
	AckTimeout time.Duration `config:"ackTimeout"`
	// MaxMessageBytes limits one decoded message; 0 = 16 MiB.
	MaxMessageBytes int `config:"maxMessageBytes"`
	// CompressionThreshold: strictly larger messages are compressed; 0 = 1024, -1 = never.
	CompressionThreshold int `config:"compressionThreshold"`
	// CompressionLevel 1..9; 0 = 6.
	CompressionLevel int `config:"compressionLevel"`
	// AllowedOrigins are exact scheme://host[:port] values, or "*"; empty = same origin only. Requests without an Origin header (not from browsers) pass.
	AllowedOrigins []string `config:"allowedOrigins"`
	// MaxOutboxBytes and MaxOutboxAge bound what waits for a slow peer before it is closed (3000); 0 = 1 MiB, 10 s.
	MaxOutboxBytes int           `config:"maxOutboxBytes"`
	MaxOutboxAge   time.Duration `config:"maxOutboxAge"`
	// Loops is the number of event loops; 0 = GOMAXPROCS.
	Loops int `config:"loops"`
	// Workers bounds the goroutines that run blocking handlers; 0 = 64 × GOMAXPROCS.
	Workers int `config:"workers"`
	// InlineBudget: an Inline handler that holds its loop longer is logged and counted; 0 = 10 ms.
	InlineBudget time.Duration `config:"inlineBudget"`
	// ShutdownTimeout bounds draining in Run; 0 = 15 s.
	ShutdownTimeout time.Duration `config:"shutdownTimeout"`
	// Logger receives the server's log; nil = a text logger to stderr at info (debug when DEBUG contains smartsocket:*).
	Logger *slog.Logger `config:"-"`
}

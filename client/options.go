package client

import (
	"log/slog"
	"strings"
	"time"

	"github.com/smartsocket/smartsocket/crypto"
	"github.com/smartsocket/smartsocket/message"
)

// Error is the type of all errors of a connection: a code, a sentence and perhaps a
// cause. errors.Is with message.ErrTimeout and the like compares codes.
type Error = message.Error

// OptionError is New's error: a field of Options, or the URL, cannot be used.
type OptionError struct {
	Field string // the field's Go name, or URL
	Fix   string // what is wrong with the value and what to give instead
}

// Error returns the field and the fix in one sentence.
func (e *OptionError) Error() string {
	return "smartsocket: client option " + e.Field + ": " + e.Fix
}

// Toggle is an option that is on, off, or left to its default. The comment of each
// option names the default.
type Toggle uint8

const (
	// Auto means the default of the option.
	Auto Toggle = iota
	// Enabled switches the option on.
	Enabled
	// Disabled switches the option off.
	Disabled
)

// Special values of Options.MaxReconnectAttempts, whose zero means the default.
const (
	// Forever means that the client never gives up.
	Forever = -1
	// Never means that the client does not reconnect at all.
	Never = -2
)

// Offline is what Emit does while a connection is being made or restored.
type Offline uint8

const (
	// OfflineQueue parks the message, within Options.QueueSize and QueueAge. When there
	// are too many the oldest is dropped, and counted in Stats.Dropped.
	OfflineQueue Offline = iota
	// OfflineFail makes Emit return ERR_CONN_006.
	OfflineFail
)

// Limits of what goes into a CONNECT, which has at most 4 KiB.
const (
	maxAPIKey    = 2 << 10
	maxNamespace = 1 << 10
)

// Options configure a Client. The zero value of each field means the default that its
// comment names.
type Options struct {
	// Namespace is the namespace to connect to. "" = the URL's path, or / without one.
	Namespace string
	// EnableNamespaces is on by default. Disabled always connects to /, and then a
	// Namespace is an error.
	EnableNamespaces Toggle
	// EnableAcknowledgments is on by default. Disabled makes it an error to ask for an ack.
	EnableAcknowledgments Toggle
	// EnableErrorHandling is on by default. Disabled logs errors instead of giving them
	// to "error" handlers.
	EnableErrorHandling Toggle
	// EnableEncryption is on by default if there is a key. Enabled without a key makes
	// New fail.
	EnableEncryption Toggle
	// EncryptionKey is the server's key: strict base64 of exactly 32 bytes. With a key, a
	// server that does not encrypt is refused with ERR_CONN_004.
	EncryptionKey string
	// EncryptionAlgorithm is aes-256-gcm or aes-256-cbc. "" = what the server offers.
	EncryptionAlgorithm string
	// APIKey is sent inside the handshake, never in the URL. It has at most 2048 bytes.
	// Use wss or encryption with it.
	APIKey string
	// ReconnectDelay is the mean wait before the first attempt to restore a lost session.
	// It grows by half with every further attempt, up to 30 s. 0 = 1 s.
	ReconnectDelay time.Duration
	// MaxReconnectAttempts is the number of attempts after a loss, or Forever, or Never.
	// Attempts that fail because the server is full do not count. 0 = 10.
	MaxReconnectAttempts int
	// AckTimeout is the longest wait for an answer. A context may be shorter. 0 = 30 s.
	AckTimeout time.Duration
	// SendTimeout is how long Emit waits while more than 1 MiB is unsent. 0 = 5 s.
	SendTimeout time.Duration
	// ConnectTimeout bounds one attempt, from the dial to CONNECT_ACK. 0 = 10 s.
	ConnectTimeout time.Duration
	// MaxMessageBytes limits one received message after inflating. 0 = 16 MiB.
	MaxMessageBytes int
	// Offline is OfflineQueue, which is the default, or OfflineFail.
	Offline Offline
	// QueueSize is how many messages may be parked under OfflineQueue. 0 = 1000.
	QueueSize int
	// QueueAge is how long a message may be parked. 0 = 5 min.
	QueueAge time.Duration
	// TLSConfig is for wss URLs. nil = the system's roots. A browser ignores it.
	TLSConfig *TLSConfig
	// Origin is the request's Origin header. "" = none. A browser sets its own.
	Origin string
	// Logger receives the log. It is never given keys or tokens, and payloads only at
	// slog.Level(-8), which is below debug. nil = no log.
	Logger *slog.Logger
}

// withDefaults fills the zero fields and checks the others.
func (o Options) withDefaults() (Options, error) {
	for _, w := range []struct {
		field string
		v     *time.Duration
		def   time.Duration
	}{
		{"ReconnectDelay", &o.ReconnectDelay, time.Second},
		{"AckTimeout", &o.AckTimeout, 30 * time.Second},
		{"SendTimeout", &o.SendTimeout, 5 * time.Second},
		{"ConnectTimeout", &o.ConnectTimeout, 10 * time.Second},
		{"QueueAge", &o.QueueAge, 5 * time.Minute},
	} {
		if *w.v == 0 {
			*w.v = w.def
		}
		if *w.v < time.Millisecond {
			return o, &OptionError{
				w.field,
				"use at least 1ms, or 0 for the default " + w.def.String(),
			}
		}
	}
	for _, n := range []struct {
		field string
		v     *int
		def   int
	}{
		{"MaxReconnectAttempts", &o.MaxReconnectAttempts, 10},
		{"QueueSize", &o.QueueSize, 1000},
		{"MaxMessageBytes", &o.MaxMessageBytes, 16 << 20},
	} {
		if *n.v == 0 {
			*n.v = n.def
		}
		if *n.v > 1<<30 || *n.v < 1 && (n.v != &o.MaxReconnectAttempts || *n.v < Never) {
			return o, &OptionError{
				n.field,
				"out of range: use a positive number or 0 for the default; MaxReconnectAttempts " +
					"may be Forever or Never",
			}
		}
	}
	switch {
	case len(o.APIKey) > maxAPIKey:
		return o, &OptionError{"APIKey", "use at most 2048 bytes"}
	case len(o.Namespace) > maxNamespace:
		return o, &OptionError{"Namespace", "use at most 1024 bytes"}
	case strings.ContainsAny(o.Origin, "\r\n"):
		return o, &OptionError{"Origin", "must not hold line breaks"}
	case o.Offline > OfflineFail:
		return o, &OptionError{"Offline", "use OfflineQueue or OfflineFail"}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o, nil
}

// sealKey reads the encryption options. nil means no encryption.
func (o *Options) sealKey() (*crypto.Key, error) {
	switch o.EncryptionAlgorithm {
	case "", crypto.AES256GCM.String(), crypto.AES256CBC.String():
	default:
		return nil, &OptionError{
			"EncryptionAlgorithm",
			"unknown: use aes-256-gcm or aes-256-cbc, or leave it to the server",
		}
	}
	if o.EnableEncryption == Disabled || o.EnableEncryption == Auto && o.EncryptionKey == "" {
		return nil, nil
	}
	key, err := crypto.ParseKey(o.EncryptionKey)
	if err != nil {
		return nil, &OptionError{"EncryptionKey", err.Error()}
	}
	return &key, nil
}

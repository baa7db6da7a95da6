package client

import (
	"log/slog"
	"strings"
	"time"

	"github.com/smartsocket/smartsocket/crypto"
	"github.com/smartsocket/smartsocket/message"
)

// Error is every error of a connection: a code, a sentence, perhaps a cause.
// errors.Is against message.ErrTimeout and its siblings matches by code.
type Error = message.Error

// OptionError says which field of Options, or the URL, cannot be used, and how to mend it.
type OptionError struct {
	Field string // the field's Go name, or URL
	Fix   string // what is wrong with the value and what to give instead
}

// Error gives field and fix.
func (e *OptionError) Error() string { return "smartsocket: client option " + e.Field + ": " + e.Fix }

// Toggle is an option that is on, off, or left to its default, which the option's comment names.
type Toggle uint8

const (
	// Auto is the default of the option.
	Auto Toggle = iota
	// Enabled and Disabled settle it.
	Enabled
	Disabled
)

// Special values of Options.MaxReconnectAttempts, whose zero means the default.
const (
	// Forever never gives up.
	Forever = -1
	// Never does not reconnect at all.
	Never = -2
)

// Offline says what Emit does while a connection is being made or restored.
type Offline uint8

const (
	// OfflineQueue keeps the message, within Options.QueueSize and QueueAge; the oldest is dropped and counted in Stats.Dropped.
	OfflineQueue Offline = iota
	// OfflineFail makes Emit return ERR_CONN_006.
	OfflineFail
)

// What fits into a CONNECT, which has at most 4 KiB.
const (
	maxAPIKey    = 2 << 10
	maxNamespace = 1 << 10
)

// Options configure a Client. The zero value means the defaults named beside each field.
type Options struct {
	// Namespace to connect to; "" = the URL's path, which is / when it has none.
	Namespace string
	// EnableNamespaces is on by default; Disabled always connects to /, and a Namespace is an error then.
	EnableNamespaces Toggle
	// EnableAcknowledgments is on by default; Disabled makes asking for an ack an error.
	EnableAcknowledgments Toggle
	// EnableErrorHandling is on by default; Disabled logs errors and does not give them to "error" handlers.
	EnableErrorHandling Toggle
	// EnableEncryption is on exactly when a key is given; Enabled without a key makes New fail.
	EnableEncryption Toggle
	// EncryptionKey is the server's key: strict base64 of exactly 32 bytes. A
	// server that does not encrypt is then refused with ERR_CONN_004.
	EncryptionKey string
	// EncryptionAlgorithm is aes-256-gcm or aes-256-cbc; "" = what the server offers.
	EncryptionAlgorithm string
	// APIKey is sent inside the handshake, never in the URL; at most 2048 bytes. Use wss or encryption with it.
	APIKey string
	// ReconnectDelay is the mean wait before the first attempt to restore a lost
	// session; it grows by half with every further one, up to 30 s. 0 = 1 s.
	ReconnectDelay time.Duration
	// MaxReconnectAttempts after a loss; 0 = 10, Forever, Never. Attempts that end because the server is full do not count.
	MaxReconnectAttempts int
	// AckTimeout is the longest wait for an answer; 0 = 30 s. A context may be shorter.
	AckTimeout time.Duration
	// SendTimeout is how long Emit waits while more than 1 MiB is unsent; 0 = 5 s.
	SendTimeout time.Duration
	// ConnectTimeout bounds one attempt, from the dial to CONNECT_ACK; 0 = 10 s.
	ConnectTimeout time.Duration
	// MaxMessageBytes limits one received message, inflated; 0 = 16 MiB.
	MaxMessageBytes int
	// Offline is OfflineQueue or OfflineFail.
	Offline Offline
	// QueueSize in messages and QueueAge bound the queue of OfflineQueue; 0 = 1000, 5 min.
	QueueSize int
	QueueAge  time.Duration
	// TLSConfig of wss URLs; nil = the system's roots. A browser has its own and ignores it.
	TLSConfig *TLSConfig
	// Origin is the request's Origin header; "" = none. A browser sets its own.
	Origin string
	// Logger receives the log; nil = none. It never holds keys or tokens, and payloads only below debug, at slog.Level(-8).
	Logger *slog.Logger
}

// withDefaults fills the zero fields and checks the rest.
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

// sealKey reads the encryption options; nil = no encryption.
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

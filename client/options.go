package client

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/smartsocket/smartsocket/crypto"
	"github.com/smartsocket/smartsocket/message"
	"github.com/smartsocket/smartsocket/pool"
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

// NoWait as Options.SendTimeout means that Emit does not wait for a server that reads too slowly.
const NoWait time.Duration = -1

const defaultSendTimeout = 5 * time.Second

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

// minRead is the smallest ReadBufferBytes, and what is read at once while little comes.
const minRead = 512

// Options configure a Client. The zero value of each field means the default that its
// comment names.
type Options struct {
	// URLs are further addresses of the same service, in the form of New's URL and as
	// secure as that one. Connect tries each address once, New's first, until one accepts or
	// refuses for good. A reconnection tries them in turn. One without a path has that of
	// New's URL, and its query, unless Namespace is given.
	URLs []string
	// Namespace is the namespace to connect to. "" = the URL's path, or / without one. What
	// is in front of the server may have taken a prefix off that path, as http.StripPrefix does.
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
	// Credentials returns the APIKey for one attempt to connect, such as a token that lives for
	// minutes. It runs on the goroutine of Connect or of the reconnection, and its context ends
	// with the attempt's time. If it returns an error, the attempt fails with ERR_CONN_001 and the
	// error as cause, and is retried like any other; message.ErrAuthFailed means that there will
	// be none, and ends the attempts.
	//
	// When the server says on a live connection that the credentials have expired, Credentials is
	// called too, on a goroutine of its own, and the client sends the token, a JSON string, as
	// the event "auth", for which it asks an ack. Errors go to OnError. nil = APIKey.
	Credentials func(context.Context) (string, error)
	// APIKeyFunc is the old name of Credentials.
	//
	// Deprecated: use Credentials.
	APIKeyFunc func(context.Context) (string, error)
	// ReconnectDelay is the mean wait before the first attempt to restore a lost session.
	// It grows by half with every further attempt, up to 30 s. 0 = 1 s.
	ReconnectDelay time.Duration
	// MaxReconnectAttempts is the number of attempts after a loss, or Forever, or Never.
	// Attempts that fail because the server is full or throttles this address do not count.
	// 0 = 10.
	MaxReconnectAttempts int
	// EnableMoves is on by default: when the server is about to stop and asks for it, the client
	// opens its next connection before it leaves this one (see the package comment). Disabled makes
	// it wait until the server has closed.
	EnableMoves Toggle
	// RetryConnect is off by default. Enabled makes Connect go on after a failed attempt, with
	// the delays and within the number of a reconnection, unless the server refuses for good.
	RetryConnect Toggle
	// AckTimeout is the longest wait for an answer. A context may be shorter. 0 = 30 s.
	AckTimeout time.Duration
	// HighWaterMark is how many bytes may be unsent. Above it Emit waits or fails, see
	// SendTimeout, and volatile events are dropped. 0 = 1 MiB.
	HighWaterMark int
	// SendTimeout is how long Emit waits while more than HighWaterMark is unsent. With NoWait
	// it fails at once. 0 = 5 s.
	SendTimeout time.Duration
	// ConnectTimeout bounds one attempt, from the dial to CONNECT_ACK. 0 = 10 s.
	ConnectTimeout time.Duration
	// MaxMessageBytes limits one received message after inflating. 0 = 16 MiB.
	MaxMessageBytes int
	// ReadBufferBytes is how much one read takes from the connection, 512 bytes to 1 MiB. While
	// nothing comes the client holds no such buffer: over TCP it shares those of all clients, and
	// over TLS, or a connection of Dial that is not a *net.TCPConn, it waits with 512 bytes and
	// takes one when more comes. 0 = 32 KiB. A browser ignores it.
	ReadBufferBytes int
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
	// Header holds more lines for the upgrade request, such as Authorization or Cookie. New
	// copies it. The names that the upgrade itself needs are refused. The lines also go to an
	// address that the server names in GOAWAY. An http.Header can be assigned. A browser
	// sends none of them.
	Header map[string][]string
	// Dial opens the TCP connection, to the server or to its proxy. It may be called from
	// several goroutines. nil = net.Dialer's DialContext. A browser ignores it.
	Dial DialFunc
	// Proxy returns the http:// URL of the proxy for a server, whose http: or https: URL it
	// gets, or nil for none. User and password of the URL are sent as Basic credentials.
	// nil = from the variables HTTP_PROXY, HTTPS_PROXY and NO_PROXY as net/http reads them,
	// or no proxy if Dial is set. A browser has its own and ignores it.
	Proxy func(server *url.URL) (*url.URL, error)
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
		{"SendTimeout", &o.SendTimeout, defaultSendTimeout},
		{"ConnectTimeout", &o.ConnectTimeout, 10 * time.Second},
		{"QueueAge", &o.QueueAge, 5 * time.Minute},
	} {
		if *w.v == 0 {
			*w.v = w.def
		}
		if *w.v < time.Millisecond && (w.v != &o.SendTimeout || *w.v != NoWait) {
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
		{"HighWaterMark", &o.HighWaterMark, 1 << 20},
		{"ReadBufferBytes", &o.ReadBufferBytes, 32 << 10},
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
	if err := o.check(); err != nil {
		return o, err
	}
	if o.APIKeyFunc != nil {
		o.Credentials, o.APIKeyFunc = o.APIKeyFunc, nil
	}
	o.Header = maps.Clone(o.Header)
	for name, values := range o.Header {
		o.Header[name] = slices.Clone(values)
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o, nil
}

// check checks the fields that have no default.
func (o *Options) check() error {
	switch {
	case o.ReadBufferBytes < minRead || o.ReadBufferBytes > pool.MaxPooled:
		return &OptionError{"ReadBufferBytes", "use 512 bytes to 1 MiB, or 0 for 32 KiB"}
	case len(o.APIKey) > maxAPIKey:
		return &OptionError{"APIKey", "use at most 2048 bytes"}
	case o.Credentials != nil && o.APIKeyFunc != nil:
		return &OptionError{"APIKeyFunc", "it is the old name of Credentials: leave it out"}
	case o.APIKey != "" && o.Credentials != nil:
		return &OptionError{"Credentials", "APIKey is set too: leave out one of the two"}
	case o.APIKey != "" && o.APIKeyFunc != nil:
		return &OptionError{"APIKeyFunc", "APIKey is set too: leave out one of the two"}
	case len(o.Namespace) > maxNamespace:
		return &OptionError{"Namespace", "use at most 1024 bytes"}
	case strings.ContainsAny(o.Origin, "\r\n"):
		return &OptionError{"Origin", "must not hold line breaks"}
	case o.Offline > OfflineFail:
		return &OptionError{"Offline", "use OfflineQueue or OfflineFail"}
	}
	return checkHeader(o.Header)
}

// checkHeader refuses what would break the request or what the request sets itself
// (RFC 9110 section 5, RFC 6455 section 4.1).
func checkHeader(header map[string][]string) error {
	for name, values := range header {
		switch lower := strings.ToLower(name); {
		case name == "" || strings.ContainsFunc(name, notTokenChar):
			return &OptionError{"Header", "use letters, digits and !#$%&'*+-.^_`|~ for a name"}
		case lower == "origin":
			return &OptionError{"Header", "use Options.Origin for Origin"}
		case lower == "host" || lower == "connection" || lower == "upgrade" ||
			lower == "content-length" || lower == "transfer-encoding" ||
			strings.HasPrefix(lower, "sec-websocket-"):
			return &OptionError{"Header", "the upgrade sets " + name + " itself: leave it out"}
		}
		for _, v := range values {
			if strings.ContainsAny(v, "\r\n\x00") {
				return &OptionError{"Header", "the value of " + name + " must not hold line breaks"}
			}
		}
	}
	return nil
}

func notTokenChar(r rune) bool {
	return r <= ' ' || r >= 0x7f || strings.ContainsRune("\"(),/:;<=>?@[\\]{}", r)
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

// targets reads URLs. If secure they must be wss.
func (o *Options) targets(secure bool) (list []*target, err error) {
	for _, raw := range o.URLs {
		at, err := parseTarget(raw)
		if e := (*OptionError)(nil); errors.As(err, &e) {
			return nil, &OptionError{"URLs", e.Fix}
		}
		if secure && !at.secure {
			return nil, &OptionError{"URLs", "New's URL is wss, so these must be wss too"}
		}
		list = append(list, at)
	}
	return list, nil
}

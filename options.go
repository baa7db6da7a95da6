package smartsocket

import (
	"cmp"
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime"
	"time"

	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/internal/bounds"
	"github.com/smartsocket/smartsocket/internal/budget"
	"github.com/smartsocket/smartsocket/internal/certfile"
	"github.com/smartsocket/smartsocket/internal/logline"
)

// Toggle is an option that is on, off, or left to its default, which the option's comment names.
type Toggle uint8

const (
	// Auto leaves the option to its default.
	Auto Toggle = iota
	// Enabled and Disabled override the default.
	Enabled
	Disabled
)

// UnmarshalText reads "true", "false" or "auto", as in config files and in the environment.
func (t *Toggle) UnmarshalText(b []byte) error {
	n, err := bounds.Choice(string(b), "auto", "true", "false")
	*t = Toggle(n)
	return err
}

// MarshalText writes what UnmarshalText reads.
func (t Toggle) MarshalText() ([]byte, error) {
	return []byte([]string{"auto", "true", "false"}[t%3]), nil
}

// Options configure a Server. The zero value means the defaults. Tags of a field say the rest:
// config is its name for package config, which reads options from files, environment and flags, and
// hides fields tagged secret. Reload can change fields tagged reload. default replaces zero, zero
// says what 0 means instead, and min and max are the range.
type Options struct {
	// Host is the address to bind to. unix:/path is a Unix socket, for which Port is not used.
	Host string `config:"host" default:"localhost"`
	// Port is the port to listen on; -1 means any free one (see Server.Addr).
	Port int `config:"port" default:"3000"`
	// EnableEncryption is on by default if a key is given. New refuses Enabled without a valid key.
	EnableEncryption Toggle `config:"enableEncryption"`
	// EncryptionKey is strict base64 of exactly 32 random bytes, shared with the clients.
	EncryptionKey string `config:"encryptionKey" secret:"true" reload:"live"`
	// PreviousEncryptionKey is accepted too, while clients move to a new key.
	PreviousEncryptionKey string `config:"previousEncryptionKey" secret:"true" reload:"live"`
	// EncryptionAlgorithm is aes-256-cbc or aes-256-gcm (faster, recommended).
	EncryptionAlgorithm string `config:"encryptionAlgorithm" default:"aes-256-cbc"`
	// APIKeys are keys of which a client must present one in its handshake; none means no check.
	APIKeys []string `config:"apiKeys" secret:"true" reload:"live"`
	// Authenticate decides whether a client may connect. It is asked after the API key was checked,
	// and also about plain clients, which are refused before if APIKeys or an encryption key is
	// set. Its result becomes Socket.Identity. An *Error reaches the client as it is, ErrTryLater,
	// timeouts and errors of package net let it come back, and any other is ERR_CONN_004. It runs
	// on a goroutine and may block, but not for longer than HandshakeTimeout. A quarter as many
	// hooks run at once as Workers says, and for one address a quarter of these.
	Authenticate func(context.Context, AuthRequest) (identity any, err error) `config:"-"`
	// MapError decides what a client is told of an application's error: of a handler, an
	// interceptor, a middleware, or Validate, in the ack of an event. nil tells everything: an
	// *Error is sent as it is, and any other error with its text. If MapError returns nil or
	// panics, only the code is told. It runs where the event is handled. The log and the "error"
	// handlers still get the error itself.
	MapError func(s *Socket, event string, err error) error `config:"-"`
	// RequireAuth calls Socket.RequireAuth for every socket.
	RequireAuth bool `config:"requireAuth" reload:"live"`
	// AuthTimeout is how long a socket that must authenticate by event may take.
	AuthTimeout time.Duration `config:"authTimeout" default:"10s" min:"100ms" reload:"live"`
	// TLSCertFile and TLSKeyFile are PEM files, a certificate chain and its private key. They make
	// Start listen with TLS (wss), and are read again when they change, see LoadTLS.
	TLSCertFile string `config:"tlsCert"`
	TLSKeyFile  string `config:"tlsKey"`
	// TLSConfig makes Start listen with TLS 1.2 or 1.3; nil leaves that to the two files. If the
	// files are given too, the certificate comes from them and the rest from here. New copies it.
	TLSConfig *tls.Config `config:"-"`
	// TrustedProxies are addresses or CIDR prefixes whose X-Forwarded-For or Forwarded (RFC 7239)
	// is believed; "unix" is whoever connects by a Unix socket.
	TrustedProxies []string `config:"trustedProxies" reload:"live"`
	// ProxyProtocol says that TrustedProxies begin each connection with a PROXY preamble, of
	// version 1 or 2, whose address is the client's.
	ProxyProtocol bool `config:"proxyProtocol"`
	// MaxConnectionsPerAddress limits those of one IPv4 address or IPv6 /64; 0 means no limit.
	MaxConnectionsPerAddress int `config:"maxConnectionsPerAddress" reload:"live"`
	// AcceptRate limits the connections accepted in a second, from all addresses together. Others
	// get HTTP 503, after which clients come back. 0 means no limit.
	AcceptRate int `config:"acceptRate" reload:"live"`
	// MaxUnauthenticated limits the connections whose CONNECT has not been accepted yet, and those
	// that still have to authenticate by event. Connections whose request has not come yet are
	// limited to half of MaxConnections, or to MaxUnauthenticated if that is more. 0 is half of
	// MaxConnections, and at least 1024: all clients of a balancer that restarts come at once.
	MaxUnauthenticated int `config:"maxUnauthenticated" zero:"half of maxConnections" min:"1" max:"16Mi" reload:"live"`
	// MaxUnauthenticatedPerAddress is that limit for one IPv4 address or IPv6 /64. 0 means a share:
	// one address may have fewer than are left for all others, so at most half. -1 means no limit.
	MaxUnauthenticatedPerAddress int `config:"maxUnauthenticatedPerAddress" reload:"live"`
	// EnableConnectionPooling reuses buffers, which is the default. Disabled allocates each anew,
	// for comparison and debugging. It is a switch of the whole process.
	EnableConnectionPooling Toggle `config:"enableConnectionPooling"`
	// EnableMessageCache keeps a client's id, rooms, values and missed events until it returns,
	// with the same key, or with an equal Grant.Identity.
	EnableMessageCache bool `config:"enableMessageCache"`
	// MessageCacheSize, MessageCacheBytes and MessageCacheAge limit the number, the bytes and the
	// age of the events kept for one client. The age is also how long a client may be away.
	MessageCacheSize  int           `config:"messageCacheSize" default:"1000" min:"1" max:"1Mi" reload:"live"`
	MessageCacheBytes int           `config:"messageCacheBytes" default:"256KiB" min:"1" max:"1GiB" reload:"live"`
	MessageCacheAge   time.Duration `config:"messageCacheAge" default:"5m" min:"100ms" reload:"live"`
	// ExportSession returns what ImportSession of the next process makes of a socket whose session
	// moves there, see Server.GiveSessions. Bools, numbers, strings, []byte and []string among its
	// values, and as its identity, move by themselves. Without ExportSession a session with others,
	// or with handlers of its socket alone, stays. An error of a hook begins a new session. Neither
	// may block. ExportSession runs behind the socket's handlers; if these are late, it stays.
	ExportSession func(*Socket) ([]byte, error) `config:"-"`
	ImportSession func(*Socket, []byte) error   `config:"-"`
	// MessageCacheTotalBytes limits the bytes kept for all clients together.
	MessageCacheTotalBytes int `config:"messageCacheTotalBytes" default:"256MiB" min:"1" reload:"live"`
	// EnableRateLimiting turns all rate limits on (the default) or off.
	EnableRateLimiting Toggle `config:"enableRateLimiting" reload:"live"`
	// FailureLimit is how many failed authentications one address may have in a burst. After that
	// it gets HTTP 429 and one new attempt every 10 s. Failures in parallel keep it out for longer,
	// 110 s at most. -1 means no limit. EnableRateLimiting does not turn it off.
	FailureLimit int `config:"failureLimit" default:"10" reload:"live"`
	// RateLimitWindow is the time in which RateLimitMaxRequests counts the events of one socket.
	RateLimitWindow time.Duration `config:"rateLimitWindow" default:"1m" min:"10ms" reload:"live"`
	// RateLimitMaxRequests limits the events of one socket in a window. A game that sends 30 inputs
	// a second needs more than the default.
	RateLimitMaxRequests int `config:"rateLimitMaxRequests" default:"100" min:"1" max:"1Gi" reload:"live"`
	// MaxFrameRate and MaxInflateRate limit, for one connection and second, its data frames and the
	// bytes to which compressed messages inflate. A connection that exceeds one is closed with
	// 1008. One message of MaxMessageBytes always passes. EnableRateLimiting turns these two off as
	// well.
	MaxFrameRate   int `config:"maxFrameRate" default:"2000" min:"1" max:"1Gi" reload:"live"`
	MaxInflateRate int `config:"maxInflateRate" default:"16MiB" min:"1" max:"1GiB" reload:"live"`
	// MaxConnections is a hard cap on live connections.
	MaxConnections int `config:"maxConnections" default:"10_000" min:"1" max:"16Mi" reload:"live"`
	// ConnectionTimeout closes a connection without frames of any kind. Pings go out at half of it.
	ConnectionTimeout time.Duration `config:"connectionTimeout" default:"30s" min:"1s"`
	// HandshakeTimeout limits the time from accept to the request head, and from 101 to CONNECT.
	HandshakeTimeout time.Duration `config:"handshakeTimeout" default:"5s" min:"100ms"`
	// AckTimeout is how long EmitWithAck waits by default.
	AckTimeout time.Duration `config:"ackTimeout" default:"30s" min:"1ms" reload:"live"`
	// MaxMessageBytes limits one decoded message.
	MaxMessageBytes int `config:"maxMessageBytes" default:"16MiB" min:"1" max:"1GiB"`
	// MaxJSONElements limits the values and keys in the JSON of one message. Each costs a decoder
	// memory, however short it is.
	MaxJSONElements int `config:"maxJSONElements" default:"128Ki" min:"1" max:"1Gi" reload:"live"`
	// StrictDecoding makes each handler Strict: data with unknown fields is refused. It does not
	// concern middlewares and the answers of clients.
	StrictDecoding bool `config:"strictDecoding"`
	// CompressionThreshold is the size in bytes to compress above, if clients inflate; -1 means
	// never.
	CompressionThreshold int `config:"compressionThreshold" default:"1024" reload:"live"`
	// CompressionLevel is 1 (fast) to 9 (small).
	CompressionLevel int `config:"compressionLevel" default:"6" min:"1" max:"9" reload:"live"`
	// AllowedOrigins are scheme://host[:port] values, whose host may begin with "*." for all its
	// subdomains, "null", or "*" for any; empty means the same origin only. Requests without an
	// Origin header, which do not come from browsers, pass.
	AllowedOrigins []string `config:"allowedOrigins" reload:"live"`
	// AllowedHosts are the names, host[:port] or *.host, under which clients may ask for the
	// server. Empty means any, but on a loopback address a page of the same origin must use a
	// loopback name, because any name can be made to lead there (DNS rebinding).
	AllowedHosts []string `config:"allowedHosts" reload:"live"`
	// NamespaceOfPath refuses a CONNECT that names another namespace than the URL's path.
	NamespaceOfPath bool `config:"namespaceOfPath" reload:"live"`
	// MaxHeaderBytes, MaxHeaderLines and MaxHeaderLineBytes limit a request head. 0 means no limit
	// of its own for one line.
	MaxHeaderBytes     int `config:"maxHeaderBytes" default:"16KiB" min:"1" max:"1MiB"`
	MaxHeaderLines     int `config:"maxHeaderLines" default:"100" min:"1" max:"64Ki"`
	MaxHeaderLineBytes int `config:"maxHeaderLineBytes" zero:"no limit" min:"1" max:"1MiB"`
	// HealthPath and ReadyPath are answered on the service port, for GET and HEAD: whether the
	// server runs, and whether it takes clients. off turns one off.
	HealthPath string `config:"healthPath" default:"/healthz" reload:"live"`
	ReadyPath  string `config:"readyPath" default:"/readyz" reload:"live"`
	// ReadyWithoutBroker keeps the server ready while its Broker does not reach the other nodes.
	// Without it a node that is on its own gets no new clients, as long as others do.
	ReadyWithoutBroker bool `config:"readyWithoutBroker" reload:"live"`
	// MaxOutboxBytes limits what waits for a slow peer behind the message that is being sent, and
	// MaxOutboxAge how long nothing of it may move. Past them its connection is reset and counted.
	// One message alone may be larger.
	MaxOutboxBytes int           `config:"maxOutboxBytes" default:"1MiB" min:"1" max:"1GiB"`
	MaxOutboxAge   time.Duration `config:"maxOutboxAge" default:"10s" min:"100ms"`
	// MaxBufferedBytes limits what waits in the whole server: events for handlers, outboxes,
	// incomplete messages, and what sessions keep (at most half). Who holds most is cut first. 0 is
	// half of GOMEMLIMIT or of the control group's limit, or a quarter of the machine's memory.
	MaxBufferedBytes int `config:"maxBufferedBytes" zero:"a share of the memory" min:"64KiB"`
	// SendBufferBytes is what the kernel may hold for one peer (SO_SNDBUF, which Linux doubles).
	// With a smaller one a slow peer is noticed sooner and binds less memory, and MaxOutboxBytes
	// counts sooner; on a long path it limits throughput. The kernel's choice grows to some MiB.
	SendBufferBytes int `config:"sendBufferBytes" zero:"the kernel's choice" min:"1" max:"1GiB"`
	// Loops is the number of event loops; 0 means GOMAXPROCS.
	Loops int `config:"loops" min:"1" max:"1024"`
	// Workers limits the goroutines that run blocking handlers; 0 means 64 × GOMAXPROCS.
	Workers int `config:"workers" min:"1" max:"1Mi"`
	// InlineBudget is how long an Inline handler may hold its loop before it is logged and counted.
	InlineBudget time.Duration `config:"inlineBudget" default:"10ms" min:"100us"`
	// DrainTimeout is how long Run lets the server Drain before it shuts it down. DrainDelay is how
	// long new clients are served after ReadyPath has said that none are wanted: longer than a load
	// balancer needs to notice. DrainRate is how many clients a second are asked to leave.
	DrainTimeout time.Duration `config:"drainTimeout" zero:"no drain" min:"1ms"`
	DrainDelay   time.Duration `config:"drainDelay" zero:"none" min:"1ms" reload:"live"`
	DrainRate    int           `config:"drainRate" default:"1000" min:"1" max:"1Mi" reload:"live"`
	// ShutdownTimeout limits how long Run takes to shut down.
	ShutdownTimeout time.Duration `config:"shutdownTimeout" default:"15s" min:"1ms" reload:"live"`
	// Broker joins this server with others for broadcasts, see package cluster; nil means alone.
	Broker Broker `config:"-"`
	// Logger receives the server's log. nil means a text logger to stderr at level info, or at
	// debug when the environment variable DEBUG contains smartsocket:*.
	Logger *slog.Logger `config:"-"`
}

// DefaultOptions returns the defaults. Zeros that remain mean no limit, or the machine's size.
func DefaultOptions() Options {
	o, err := Options{Logger: slog.New(slog.DiscardHandler)}.withDefaults()
	if err != nil {
		panic(err)
	}
	o.EnableRateLimiting, o.EnableConnectionPooling = Enabled, Enabled
	o.Loops, o.Workers, o.MaxBufferedBytes, o.MaxUnauthenticated = 0, 0, 0, 0
	o.Logger = nil
	return o
}

// withDefaults fills the zero fields and checks the rest.
func (o Options) withDefaults() (Options, error) {
	if o.Logger == nil {
		o.Logger = logline.Default()
	}
	cores := runtime.GOMAXPROCS(0)
	if err := optionError(bounds.Fill(&o, map[string]int{
		"Loops": cores, "Workers": 64 * cores, "MaxBufferedBytes": int(budget.Default()),
		"MaxUnauthenticated": max(cmp.Or(o.MaxConnections, 10_000)/2, 1024),
	})); err != nil {
		return o, err
	}
	return o, o.check()
}

// check refuses what ranges cannot express. It returns nil or an *OptionError.
func (o *Options) check() error {
	const connections = "is no number of connections: use 0 for no limit"
	return optionError(bounds.First(
		bounds.Port("Port", o.Port),
		bounds.AtLeast(0, "MaxConnectionsPerAddress", o.MaxConnectionsPerAddress, connections),
		bounds.AtLeast(0, "AcceptRate", o.AcceptRate, connections),
		bounds.AtLeast(-1, "MaxUnauthenticatedPerAddress", o.MaxUnauthenticatedPerAddress,
			"is no number of connections: use -1 for no limit, or 0 for a share"),
		bounds.AtLeast(-1, "FailureLimit", o.FailureLimit, "is no number: use -1 for no limit"),
		bounds.When(o.ProxyProtocol && len(o.TrustedProxies) == 0, "ProxyProtocol",
			"nobody is trusted to name addresses: list the load balancer in TrustedProxies"),
		bounds.Path("HealthPath", o.HealthPath),
		bounds.Path("ReadyPath", o.ReadyPath),
		bounds.When(o.ReadyPath != "off" && o.ReadyPath == o.HealthPath, "ReadyPath",
			"is HealthPath too, which would answer in its place: give them two paths, or off"),
		bounds.Both("TLSCertFile", o.TLSCertFile, "TLSKeyFile", o.TLSKeyFile, "a certificate and "+
			"its key belong together: give both files, TLSCertFile and TLSKeyFile, or neither"),
		bounds.Longer(8, "APIKeys", o.APIKeys, "a key has fewer than 8 characters and can be "+
			"guessed: use random ones of 20 and more"),
		bounds.AtLeast(-1, "CompressionThreshold", o.CompressionThreshold,
			"is no size: use bytes, or -1 to compress nothing"),
		bounds.AtLeast(min(o.MaxMessageBytes, 64<<10), "MaxOutboxBytes", o.MaxOutboxBytes,
			"would drop ordinary messages: use at least 65536"),
		bounds.Each("AllowedOrigins", o.AllowedOrigins, frame.CheckOrigin),
		bounds.Each("AllowedHosts", o.AllowedHosts, frame.CheckHost),
		bounds.Host("Host", o.Host), // what Start would say, for those who only check the options
	))
}

// optionError is v as an error that the application gets, nil if there is none.
func optionError(v *bounds.Violation) error {
	if v == nil {
		return nil
	}
	return &OptionError{v.Field, v.Fix}
}

// LoadTLS reads a certificate chain and its private key, both PEM files, into a config that follows
// the files: handshakes check, at most once a second, whether they have changed, and use the new
// certificate from then on. Files that do not belong together, as while they are being replaced,
// are logged, and the last good certificate stays in use. Open connections stay as they are.
//
// Options.TLSCertFile and TLSKeyFile use it. The config demands TLS 1.2 or later and belongs to the
// caller. A nil log discards.
func LoadTLS(certFile, keyFile string, log *slog.Logger) (*tls.Config, error) {
	return certfile.Config(nil, certFile, keyFile, log)
}

// AuthRequest is what an Authenticate hook decides about. Its strings are the hook's to keep.
type AuthRequest struct {
	APIKey    string
	Namespace string     // need not exist, because strangers are not told which do
	Address   netip.Addr // the client's, behind trusted proxies the one they report

	// HTTP is the request of the opening handshake: path, query, headers, cookies, TLS and the
	// peer. It is a copy for this hook alone; copy what the socket should keep into the identity.
	// Its context is the hook's, with the values of a request that came through Server.ServeHTTP.
	HTTP *http.Request
}

// AuthEvent is the only event that passes before a socket that must authenticate has done so.
const AuthEvent = "auth"

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

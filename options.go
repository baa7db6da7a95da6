package smartsocket

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"math"
	"net/netip"
	"runtime"
	"strings"
	"time"

	"github.com/smartsocket/smartsocket/crypto"
	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/internal/admission"
	"github.com/smartsocket/smartsocket/internal/certfile"
)

// Toggle is an option that is on, off, or left to its default, which the option's comment names.
type Toggle uint8

const (
	// Auto is the default of the option.
	Auto Toggle = iota
	// Enabled and Disabled settle it.
	Enabled
	Disabled
)

// UnmarshalText reads "true", "false" or "auto", as config files and the environment have them.
func (t *Toggle) UnmarshalText(b []byte) error {
	switch string(b) {
	case "true":
		*t = Enabled
	case "false":
		*t = Disabled
	case "auto", "":
		*t = Auto
	default:
		return fmt.Errorf("%q is none of true, false and auto", b)
	}
	return nil
}

// MarshalText is the opposite of UnmarshalText.
func (t Toggle) MarshalText() ([]byte, error) {
	return []byte([]string{"auto", "true", "false"}[t%3]), nil
}

// Options configure a Server. The zero value means the defaults named beside
// each field. The config tag is the option's name in files and, in upper snake
// case behind SMARTSOCKET_, in the environment; durations given there as plain
// numbers are milliseconds.
type Options struct {
	// Host to bind to; "" = localhost. unix:/path listens on a Unix socket, and Port is not used.
	Host string `config:"host"`
	// Port to listen on; 0 = 3000, -1 = any free one (see Server.Addr).
	Port int `config:"port"`
	// EnableEncryption: unset = on exactly when a key is given; Enabled without a valid key makes New fail.
	EnableEncryption Toggle `config:"enableEncryption"`
	// EncryptionKey is strict base64 of exactly 32 random bytes, shared with the clients.
	EncryptionKey string `config:"encryptionKey"`
	// PreviousEncryptionKey is accepted too, while clients move to a new key.
	PreviousEncryptionKey string `config:"previousEncryptionKey"`
	// EncryptionAlgorithm is aes-256-cbc (default) or aes-256-gcm (faster, recommended).
	EncryptionAlgorithm string `config:"encryptionAlgorithm"`
	// APIKeys are what clients may present in their handshake; empty = none is asked for.
	APIKeys []string `config:"apiKeys"`
	// Authenticate decides about a client's handshake, after APIKeys; what it returns is Socket.Identity. It may block, for
	// HandshakeTimeout at most, and runs on a pooled goroutine. Any error refuses the client with ERR_CONN_004.
	Authenticate func(context.Context, AuthRequest) (identity any, err error) `config:"-"`
	// RequireAuth calls Socket.RequireAuth for every socket.
	RequireAuth bool `config:"requireAuth"`
	// AuthTimeout is how long a socket that must authenticate by event may take; 0 = 10 s.
	AuthTimeout time.Duration `config:"authTimeout"`
	// TLSCertFile and TLSKeyFile are PEM files, a certificate chain and its private key, that make Start listen with TLS (wss).
	// They are read again when they change, see LoadTLS.
	TLSCertFile string `config:"tlsCert"`
	TLSKeyFile  string `config:"tlsKey"`
	// TLSConfig makes Start listen with TLS 1.2 or 1.3; nil = by the files, or without TLS. With the files given too, the
	// certificate is theirs and the rest is this one's. It is copied.
	TLSConfig *tls.Config `config:"-"`
	// TrustedProxies are addresses or CIDR prefixes whose X-Forwarded-For or Forwarded (RFC 7239) is believed; "unix" is
	// whoever connects by a Unix socket.
	TrustedProxies []string `config:"trustedProxies"`
	// ProxyProtocol: TrustedProxies begin each connection with a PROXY preamble, version 1 or 2, and its address is the client's.
	ProxyProtocol bool `config:"proxyProtocol"`
	// MaxConnectionsPerAddress limits the connections of one IPv4 address or IPv6 /64; 0 = no such limit.
	MaxConnectionsPerAddress int `config:"maxConnectionsPerAddress"`
	// AcceptRate limits the connections accepted in a second, all addresses together; others get HTTP 503, on which clients
	// come back. 0 = no limit.
	AcceptRate int `config:"acceptRate"`
	// MaxUnauthenticated limits the connections that have still to authenticate, or whose CONNECT has still to be accepted if
	// that is enough; 0 = 1024. Those whose request has not come are limited to half of MaxConnections, or to this if it is more.
	// MaxUnauthenticatedPerAddress is that for one IPv4 address or IPv6 /64; 0 = a share, at most half and fewer than are left
	// for others; -1 = no such limit.
	MaxUnauthenticated           int `config:"maxUnauthenticated"`
	MaxUnauthenticatedPerAddress int `config:"maxUnauthenticatedPerAddress"`
	// EnableConnectionPooling reuses buffers (the default); Disabled allocates each anew, for comparison and debugging.
	// It is a switch of the whole process.
	EnableConnectionPooling Toggle `config:"enableConnectionPooling"`
	// EnableMessageCache keeps what was sent to a client for its return: id, rooms, values and missed events come back.
	EnableMessageCache bool `config:"enableMessageCache"`
	// MessageCacheSize, MessageCacheBytes and MessageCacheAge bound what is kept for one client; 0 = 1000 events, 256 KiB, 5 min.
	// The age is also how long a client may be away.
	MessageCacheSize  int           `config:"messageCacheSize"`
	MessageCacheBytes int           `config:"messageCacheBytes"`
	MessageCacheAge   time.Duration `config:"messageCacheAge"`
	// MessageCacheTotalBytes bounds what is kept for all; 0 = 256 MiB.
	MessageCacheTotalBytes int `config:"messageCacheTotalBytes"`
	// EnableRateLimiting turns all rate limits on (the default) or off.
	EnableRateLimiting Toggle `config:"enableRateLimiting"`
	// RateLimitWindow and RateLimitMaxRequests limit the events of one socket; 0 = 60 s, 100.
	RateLimitWindow      time.Duration `config:"rateLimitWindow"`
	RateLimitMaxRequests int           `config:"rateLimitMaxRequests"`
	// MaxFrameRate and MaxInflateRate limit the data frames, and the bytes that compressed messages inflate to, of one
	// connection in a second, whatever they hold: past them it is closed with 1008. 0 = 2000 frames, 16 MiB (one message of
	// MaxMessageBytes always passes). EnableRateLimiting turns them off too.
	MaxFrameRate   int `config:"maxFrameRate"`
	MaxInflateRate int `config:"maxInflateRate"`
	// MaxConnections is a hard cap on live connections; 0 = 10 000.
	MaxConnections int `config:"maxConnections"`
	// ConnectionTimeout closes a connection from which no frame of any kind came for so long; the server pings at half of it. 0 = 30 s, at least 1 s.
	ConnectionTimeout time.Duration `config:"connectionTimeout"`
	// HandshakeTimeout bounds accept → request head, and 101 → CONNECT; 0 = 5 s.
	HandshakeTimeout time.Duration `config:"handshakeTimeout"`
	// AckTimeout is the default wait of EmitWithAck; 0 = 30 s.
	AckTimeout time.Duration `config:"ackTimeout"`
	// MaxMessageBytes limits one decoded message; 0 = 16 MiB.
	MaxMessageBytes int `config:"maxMessageBytes"`
	// CompressionThreshold: payloads strictly larger are compressed, for clients that inflate; 0 = 1024, -1 = never.
	CompressionThreshold int `config:"compressionThreshold"`
	// CompressionLevel 1..9; 0 = 6.
	CompressionLevel int `config:"compressionLevel"`
	// AllowedOrigins are scheme://host[:port] values, of which the host may begin with "*." for its subdomains, "null", or
	// "*" for any; empty = same origin only. Requests without an Origin header (not from browsers) pass.
	AllowedOrigins []string `config:"allowedOrigins"`
	// AllowedHosts are the names, host[:port] or *.host, under which clients may ask for the server; empty = any, but on a
	// loopback address pages of the same origin must ask for a loopback name (see docs/SECURITY.md, DNS rebinding).
	AllowedHosts []string `config:"allowedHosts"`
	// MaxHeaderBytes, MaxHeaderLines and MaxHeaderLineBytes bound a request head; 0 = 16 KiB, 100 lines, no limit for one line.
	MaxHeaderBytes     int `config:"maxHeaderBytes"`
	MaxHeaderLines     int `config:"maxHeaderLines"`
	MaxHeaderLineBytes int `config:"maxHeaderLineBytes"`
	// FailureLimit is how many failed authentications of one address pass at once, before it gets HTTP 429 and one more
	// try in 10 s, for 110 s at most; 0 = 10, -1 = no limit. EnableRateLimiting has no say in it.
	FailureLimit int `config:"failureLimit"`
	// HealthPath and ReadyPath are answered on the service port for GET and HEAD; empty = /healthz and /readyz, off = not.
	HealthPath string `config:"healthPath"`
	ReadyPath  string `config:"readyPath"`
	// MaxOutboxBytes and MaxOutboxAge bound what waits for a slow peer before its connection is reset and counted; one message alone may be larger. 0 = 1 MiB, 10 s.
	MaxOutboxBytes int           `config:"maxOutboxBytes"`
	MaxOutboxAge   time.Duration `config:"maxOutboxAge"`
	// SendBufferBytes is what the kernel may hold for one peer (SO_SNDBUF, which Linux doubles): the smaller, the sooner
	// a slow one is noticed and the less memory it can bind, and the sooner MaxOutboxBytes counts; on a long path it limits
	// throughput. 0 = the kernel's choice, which grows to some MiB.
	SendBufferBytes int `config:"sendBufferBytes"`
	// Loops is the number of event loops; 0 = GOMAXPROCS.
	Loops int `config:"loops"`
	// Workers bounds the goroutines that run blocking handlers; 0 = 64 × GOMAXPROCS.
	Workers int `config:"workers"`
	// InlineBudget: an Inline handler that holds its loop longer is logged and counted; 0 = 10 ms.
	InlineBudget time.Duration `config:"inlineBudget"`
	// ShutdownTimeout bounds draining in Run; 0 = 15 s.
	ShutdownTimeout time.Duration `config:"shutdownTimeout"`
	// Broker joins this server with others for broadcasts, see package cluster; nil = this server is all there is.
	Broker Broker `config:"-"`
	// Logger receives the server's log; nil = a text logger to stderr at info (debug when DEBUG contains smartsocket:*).
	Logger *slog.Logger `config:"-"`
}

// DefaultOptions are the defaults spelled out. Zeros that remain mean no limit, or by the machine's size.
func DefaultOptions() Options {
	o, err := Options{Logger: slog.New(slog.DiscardHandler)}.withDefaults()
	if err != nil {
		panic(err)
	}
	o.EnableRateLimiting, o.EnableConnectionPooling = Enabled, Enabled
	o.Loops, o.Workers, o.Logger = 0, 0, nil
	return o
}

// proxies reads TrustedProxies.
func (o *Options) proxies() (admission.Proxies, error) {
	var list admission.Proxies
	for _, s := range o.TrustedProxies {
		if s == "unix" {
			list.Unix = true
			continue
		}
		p, err := netip.ParsePrefix(s)
		if a, e := netip.ParseAddr(s); e == nil {
			p, err = netip.PrefixFrom(a, a.BitLen()), nil
		}
		if err != nil {
			return list, &OptionError{"TrustedProxies", fmt.Sprintf("%q is neither an address nor a prefix such as 10.0.0.0/8, nor unix", s)}
		}
		list.Prefixes = append(list.Prefixes, p.Masked())
	}
	return list, nil
}

// withDefaults fills the zero fields and checks the rest.
func (o Options) withDefaults() (Options, error) {
	if o.Host == "" {
		o.Host = "localhost"
	}
	if o.Port == 0 {
		o.Port = 3000
	}
	if o.EncryptionAlgorithm == "" {
		o.EncryptionAlgorithm = crypto.AES256CBC.String()
	}
	if o.CompressionThreshold == 0 {
		o.CompressionThreshold = 1024
	}
	if o.HealthPath == "" {
		o.HealthPath = "/healthz"
	}
	if o.ReadyPath == "" {
		o.ReadyPath = "/readyz"
	}
	if o.Logger == nil {
		o.Logger = defaultLogger()
	}
	for _, step := range []func() error{o.fillCounts, o.fillDurations, o.check} {
		if err := step(); err != nil {
			return o, err
		}
	}
	return o, nil
}

func (o *Options) fillCounts() error {
	counts := []struct {
		field    string
		v        *int
		def, max int
	}{
		{"MaxConnections", &o.MaxConnections, 10_000, 1 << 24},
		{"MaxMessageBytes", &o.MaxMessageBytes, 16 << 20, 1 << 30},
		{"MaxOutboxBytes", &o.MaxOutboxBytes, 1 << 20, 1 << 30},
		{"CompressionLevel", &o.CompressionLevel, 6, 9},
		{"RateLimitMaxRequests", &o.RateLimitMaxRequests, 100, 1 << 30},
		{"MaxFrameRate", &o.MaxFrameRate, 2000, 1 << 30},
		{"MaxInflateRate", &o.MaxInflateRate, 16 << 20, 1 << 30},
		{"MaxHeaderBytes", &o.MaxHeaderBytes, frame.MaxHeadBytes, 1 << 20},
		{"MaxHeaderLines", &o.MaxHeaderLines, frame.MaxHeaderLines, 1 << 16},
		{"MaxUnauthenticated", &o.MaxUnauthenticated, 1024, 1 << 24},
		{"MessageCacheSize", &o.MessageCacheSize, 1000, 1 << 20},
		{"MessageCacheBytes", &o.MessageCacheBytes, 256 << 10, 1 << 30},
		{"MessageCacheTotalBytes", &o.MessageCacheTotalBytes, 256 << 20, math.MaxInt},
		{"Loops", &o.Loops, runtime.GOMAXPROCS(0), 1024},
		{"Workers", &o.Workers, 64 * runtime.GOMAXPROCS(0), 1 << 20},
	}
	for _, c := range counts {
		if *c.v == 0 {
			*c.v = c.def
		}
		if *c.v < 1 || *c.v > c.max {
			return &OptionError{c.field, fmt.Sprintf("%d is out of range: use 1..%d, or 0 for the default %d", *c.v, c.max, c.def)}
		}
	}
	return nil
}

func (o *Options) fillDurations() error {
	waits := []struct {
		field    string
		v        *time.Duration
		def, min time.Duration
	}{
		{"ConnectionTimeout", &o.ConnectionTimeout, 30 * time.Second, time.Second},
		{"RateLimitWindow", &o.RateLimitWindow, time.Minute, 10 * time.Millisecond},
		{"HandshakeTimeout", &o.HandshakeTimeout, 5 * time.Second, 100 * time.Millisecond},
		{"MessageCacheAge", &o.MessageCacheAge, 5 * time.Minute, 100 * time.Millisecond},
		{"AuthTimeout", &o.AuthTimeout, 10 * time.Second, 100 * time.Millisecond},
		{"AckTimeout", &o.AckTimeout, 30 * time.Second, time.Millisecond},
		{"MaxOutboxAge", &o.MaxOutboxAge, 10 * time.Second, 100 * time.Millisecond},
		{"InlineBudget", &o.InlineBudget, 10 * time.Millisecond, 100 * time.Microsecond},
		{"ShutdownTimeout", &o.ShutdownTimeout, 15 * time.Second, time.Millisecond},
	}
	for _, w := range waits {
		if *w.v == 0 {
			*w.v = w.def
		}
		if *w.v < w.min {
			return &OptionError{w.field, fmt.Sprintf("%v is too short: use at least %v, or 0 for the default %v", *w.v, w.min, w.def)}
		}
	}
	return nil
}

// check is for what is more than a range.
func (o *Options) check() error {
	if o.SendBufferBytes < 0 || o.SendBufferBytes > 1<<30 {
		return &OptionError{"SendBufferBytes", fmt.Sprintf("%d is out of range: use 1..%d, or 0 for the kernel's choice", o.SendBufferBytes, 1<<30)}
	}
	if o.Port < -1 || o.Port > 65535 {
		return &OptionError{"Port", fmt.Sprintf("%d is no port: use 1..65535, or -1 for any free one", o.Port)}
	}
	if err := o.checkHost(); err != nil {
		return err
	}
	if o.ProxyProtocol && len(o.TrustedProxies) == 0 {
		return &OptionError{"ProxyProtocol", "nobody is trusted to name addresses: list the load balancer in TrustedProxies"}
	}
	if o.MaxHeaderLineBytes < 0 {
		return &OptionError{"MaxHeaderLineBytes", fmt.Sprintf("%d is no size: use bytes, or 0 for no limit", o.MaxHeaderLineBytes)}
	}
	if n := o.MaxUnauthenticatedPerAddress; n < -1 {
		return &OptionError{"MaxUnauthenticatedPerAddress", fmt.Sprintf("%d is no number of connections: use -1 for no limit, or 0 for a share", n)}
	}
	if o.FailureLimit < -1 {
		return &OptionError{"FailureLimit", fmt.Sprintf("%d is no number: use -1 for no limit, or 0 for the default 10", o.FailureLimit)}
	}
	for field, path := range map[string]string{"HealthPath": o.HealthPath, "ReadyPath": o.ReadyPath} {
		if path != "off" && path[0] != '/' {
			return &OptionError{field, fmt.Sprintf("%q is no path: begin with a slash, or write off", path)}
		}
	}
	for field, n := range map[string]int{
		"MaxConnectionsPerAddress": o.MaxConnectionsPerAddress, "AcceptRate": o.AcceptRate,
	} {
		if n < 0 {
			return &OptionError{field, fmt.Sprintf("%d is no number of connections: use 0 for no limit", n)}
		}
	}
	if (o.TLSCertFile == "") != (o.TLSKeyFile == "") {
		given := "TLSCertFile"
		if o.TLSCertFile == "" {
			given = "TLSKeyFile"
		}
		return &OptionError{given, "a certificate and its key belong together: give both files, TLSCertFile and TLSKeyFile, or neither"}
	}
	for _, k := range o.APIKeys {
		if len(k) < 8 {
			return &OptionError{"APIKeys", "a key has fewer than 8 characters and can be guessed: use random ones of 20 and more"}
		}
	}
	if o.CompressionThreshold < -1 {
		return &OptionError{"CompressionThreshold", fmt.Sprintf("%d is no size: use bytes, or -1 to compress nothing", o.CompressionThreshold)}
	}
	if o.MaxOutboxBytes < o.MaxMessageBytes && o.MaxOutboxBytes < 64<<10 {
		return &OptionError{"MaxOutboxBytes", fmt.Sprintf("%d would drop ordinary messages: use at least 65536", o.MaxOutboxBytes)}
	}
	for _, origin := range o.AllowedOrigins {
		if err := frame.CheckOrigin(origin); err != nil {
			return &OptionError{"AllowedOrigins", err.Error()}
		}
	}
	for _, host := range o.AllowedHosts {
		if err := frame.CheckHost(host); err != nil {
			return &OptionError{"AllowedHosts", err.Error()}
		}
	}
	return nil
}

// checkHost finds what cannot be listened on, so that a check of the configuration says what Start would.
func (o *Options) checkHost() error {
	const fix = ": write a name, an IP address, or unix:/path"
	path, unix := strings.CutPrefix(o.Host, "unix:")
	host := o.Host
	if inner, ok := strings.CutPrefix(host, "["); ok && strings.HasSuffix(inner, "]") {
		host = inner[:len(inner)-1]
		if a, err := netip.ParseAddr(host); err != nil || !a.Is6() {
			return &OptionError{"Host", fmt.Sprintf("%q is no IPv6 address in brackets", o.Host) + fix}
		}
	}
	switch {
	case unix && path == "":
		return &OptionError{"Host", "there is no path after unix:" + fix}
	case unix && len(path) > 100:
		return &OptionError{"Host", fmt.Sprintf("the path of a Unix socket has at most 100 bytes, and this has %d", len(path))}
	case unix:
	case strings.ContainsAny(host, "[]/ "):
		return &OptionError{"Host", fmt.Sprintf("%q is no host", o.Host) + fix}
	case strings.Contains(host, ":"):
		if _, err := netip.ParseAddr(host); err != nil {
			return &OptionError{"Host", fmt.Sprintf("%q is neither a name nor an IP address; the port is an option of its own", o.Host) + fix}
		}
	}
	return nil
}

// LoadTLS reads a certificate chain and its private key, PEM files both, into a
// config that follows them: at most once per second a handshake looks whether
// the files have changed and uses what is in them from then on. Files that do not
// go together, as while they are being replaced, are logged and leave the last
// good certificate in use. Connections that are open stay as they are.
//
// Options.TLSCertFile and TLSKeyFile use it. The config asks for TLS 1.2 at least
// and belongs to the caller. A nil log discards.
func LoadTLS(certFile, keyFile string, log *slog.Logger) (*tls.Config, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	files, err := certfile.Follow(certFile, keyFile, log)
	if err != nil {
		return nil, fmt.Errorf("the TLS certificate cannot be used: %w", err)
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: files.Certificate}, nil
}

// secured is the config to listen with, nil for none.
func (o *Options) secured() (*tls.Config, error) {
	if o.TLSCertFile == "" && o.TLSKeyFile == "" {
		return o.TLSConfig, nil
	}
	files, err := LoadTLS(o.TLSCertFile, o.TLSKeyFile, o.Logger)
	if err != nil {
		return nil, &OptionError{"TLSCertFile", err.Error()}
	}
	if o.TLSConfig == nil {
		return files, nil
	}
	cfg := o.TLSConfig.Clone()
	cfg.Certificates, cfg.GetCertificate = nil, files.GetCertificate
	return cfg, nil
}

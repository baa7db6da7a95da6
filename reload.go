package smartsocket

import (
	"net"
	"strconv"
	"strings"

	"github.com/smartsocket/smartsocket/frame"
	"github.com/smartsocket/smartsocket/internal/admission"
	"github.com/smartsocket/smartsocket/internal/bounds"
	"github.com/smartsocket/smartsocket/internal/outgoing"
	"github.com/smartsocket/smartsocket/internal/ratelimit"
	"github.com/smartsocket/smartsocket/internal/sealing"
	"github.com/smartsocket/smartsocket/internal/session"
	"github.com/smartsocket/smartsocket/websocket"
)

// fixed takes the options that Reload cannot change out of all.
func (o *Options) fixed() fixed {
	return fixed{
		Host: o.Host, Port: strconv.Itoa(max(o.Port, 0)),
		Authenticate: o.Authenticate, TLSConfig: o.TLSConfig, Broker: o.Broker,
		ConnectionTimeout: o.ConnectionTimeout, HandshakeTimeout: o.HandshakeTimeout,
		InlineBudget: o.InlineBudget, MaxOutboxAge: o.MaxOutboxAge,
		MaxMessageBytes: o.MaxMessageBytes, MaxOutboxBytes: o.MaxOutboxBytes,
		SendBufferBytes: o.SendBufferBytes, Loops: o.Loops,
		pooling: o.EnableConnectionPooling != Disabled, ProxyProtocol: o.ProxyProtocol,
		StrictDecoding: o.StrictDecoding,
		head: frame.HeadLimits{
			Bytes: o.MaxHeaderBytes, Line: o.MaxHeaderLineBytes, Lines: o.MaxHeaderLines,
		},
	}
}

// address is what Start listens on.
func (f *fixed) address() (network, addr string) {
	if path, ok := strings.CutPrefix(f.Host, "unix:"); ok {
		return "unix", path
	}
	return "tcp", net.JoinHostPort(strings.Trim(f.Host, "[]"), f.Port)
}

// newSettings checks options whose defaults are filled in.
func newSettings(o Options) (*settings, error) {
	keys, wrong := sealing.Parse(sealing.Options{
		Enabled: o.EnableEncryption == Enabled, Disabled: o.EnableEncryption == Disabled,
		Algorithm: o.EncryptionAlgorithm, Key: o.EncryptionKey, Previous: o.PreviousEncryptionKey,
	})
	proxies, fix := admission.ParseProxies(o.TrustedProxies)
	err := optionError(bounds.First(wrong, bounds.When(fix != "", "TrustedProxies", fix)))
	if err != nil {
		return nil, err
	}
	t := &settings{Options: o, keys: keys, proxies: proxies, apiKeys: admission.NewKeys(o.APIKeys)}
	t.places = admission.Limits{
		Connections: o.MaxConnections, ConnectionsPerAddress: o.MaxConnectionsPerAddress,
		Newcomers:           o.MaxUnauthenticated,
		NewcomersPerAddress: max(o.MaxUnauthenticatedPerAddress, 0),
		Share:               o.MaxUnauthenticatedPerAddress == 0, AcceptRate: o.AcceptRate,
		// They cost a descriptor and little else, so there may be more of them than of newcomers.
		Pending: max(admission.RefusalMargin,
			min(o.MaxConnections, max(o.MaxUnauthenticated, o.MaxConnections/2))),
	}
	if o.EnableRateLimiting != Disabled {
		t.limit = ratelimit.Limit{Window: o.RateLimitWindow, MaxRequests: o.RateLimitMaxRequests}
	}
	return t, nil
}

// tuning is what the WebSocket endpoint needs of the settings.
func (t *settings) tuning() websocket.Tuning {
	w := websocket.Tuning{
		DeflateLevel:     t.CompressionLevel,
		DeflateThreshold: max(t.CompressionThreshold, 0),
		Origin:           frame.AllowOrigins(t.AllowedOrigins),
	}
	w.Origin.Hosts = t.AllowedHosts
	if t.EnableRateLimiting != Disabled {
		w.MaxFrameRate, w.MaxInflateRate = t.MaxFrameRate, max(t.MaxInflateRate, t.MaxMessageBytes)
	}
	return w
}

// deflater is how payloads are compressed.
func (t *settings) deflater() outgoing.Deflater {
	return outgoing.Deflater{Threshold: t.CompressionThreshold, Level: t.CompressionLevel}
}

// wireThreshold is what CONNECT_ACK tells the client: 0 = compress nothing.
func (v *Server) wireThreshold() uint64 { return uint64(max(v.current().CompressionThreshold, 0)) }

// Reload puts other options in force while the server runs and returns the names of the fields that
// changed. It is all or nothing: an option that cannot be used, or one whose change needs a new
// Server, gives an *OptionError that names it, and the options stay as they were.
//
// It can change the fields with the tag reload, except that encryption and compression cannot be
// switched on or off. Functions, TLSConfig, Broker and Logger stay as they are, whatever o says.
// Certificates reload on their own. Open connections stay open: to withdraw a key from them,
// disconnect them. Rate limits hold for them at once; origins, keys and limits of connections hold
// for new ones.
func (v *Server) Reload(o Options) (changed []string, err error) {
	v.reloading.Lock()
	defer v.reloading.Unlock()
	old := v.current()
	o.Logger = old.Logger
	if o, err = o.withDefaults(); err != nil {
		return nil, err
	}
	o.Authenticate, o.TLSConfig, o.Broker = old.Authenticate, old.TLSConfig, old.Broker
	o.MapError = old.MapError
	o.ExportSession, o.ImportSession = old.ExportSession, old.ImportSession
	t, err := newSettings(o)
	if err != nil {
		return nil, err
	}
	var fixed []string
	changed, fixed = bounds.Differences(&old.Options, &o)
	if (old.keys == nil) != (t.keys == nil) {
		fixed = append(fixed, "EncryptionKey")
	}
	if (old.CompressionThreshold < 0) != (t.CompressionThreshold < 0) {
		fixed = append(fixed, "CompressionThreshold")
	}
	if len(fixed) > 0 {
		return nil, &OptionError{fixed[0],
			"this change needs a restart, and nothing was changed: " + strings.Join(fixed, ", ")}
	}
	v.settings.Store(t)
	v.gate.LimitFailures(t.FailureLimit)
	v.mu.RLock()
	endpoint := v.endpoint
	v.mu.RUnlock()
	if endpoint != nil {
		endpoint.Tune(t.tuning())
	}
	return changed, nil
}

// sessionLimits are the settings that bound the message cache.
func (v *Server) sessionLimits() session.Limits {
	o := v.current()
	return session.Limits{
		Events: o.MessageCacheSize, Bytes: o.MessageCacheBytes, Age: o.MessageCacheAge,
		TotalBytes: min(o.MessageCacheTotalBytes, o.MaxBufferedBytes/2), Away: o.MaxConnections,
	}
}

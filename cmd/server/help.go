package main

// usage begins the help.
const usage = `smartsocket-server: a real-time event server over WebSocket

  smartsocket-server [serve] [flags]
  smartsocket-server checkconfig|defaultconfig|health|keygen|version|help [flags]
  smartsocket-server loadtest ws://host:port/namespace [flags]
  smartsocket-server tail|emit|report [flags]
  smartsocket-server completion bash|zsh|fish

The words of the second line may stand anywhere, and also be written as flags.
loadtest, tail, emit and report tell their own flags with -help.

SIGHUP reads the settings again: rate limits, keys, origins, limits of
connections, compression and the log level change without a restart. SIGUSR2
starts the program anew, which takes the listening sockets over: then this one
drains into it and ends. SIGTERM drains and ends, a second one ends at once.

Settings come from the defaults, the file given with -config (JSON or YAML),
the environment and the flags; later ones win. Durations are written 30s or as
milliseconds. A secret can be given as the name of its file, as in
-encryption-key-file and SMARTSOCKET_ENCRYPTION_KEY_FILE.
`

// optionHelp has a line for each option of the library, and for what is too long for a tag.
var optionHelp = map[string]string{
	"nats": "URL of a NATS server that joins several servers for " +
		"broadcasts; prefer the environment when it has a password",
	"listen": "addresses in place of host and port, as in " +
		"0.0.0.0:3000,tls://:3443,unix:/run/s.sock",
	"opsAddr": "host:port or unix:/path for operators: metrics, profiles, " +
		"actions; empty = off",
	"opsToken": "token for the operations address; prefer the environment " +
		"or a file",
	"nodeName": "this server's name among them; empty = host name and process " +
		"id",
	"host":                  "address to bind to; 0.0.0.0 for all, unix:/path for a Unix socket",
	"port":                  "port to listen on; 0 = any free one",
	"enableEncryption":      "auto = on exactly when a key is given",
	"encryptionKey":         "base64 of 32 random bytes; prefer the environment to a flag",
	"previousEncryptionKey": "accepted too while clients change keys",
	"apiKeys": "keys of which a client must present one; prefer the " +
		"environment",
	"requireAuth": "sockets must authenticate by the event auth",
	"authTimeout": "time for the event auth",
	"tlsCert": "PEM file with the certificate chain: serve wss; read again " +
		"when it changes",
	"tlsKey":                       "PEM file with the certificate's private key",
	"trustedProxies":               "addresses, prefixes, unix: whose X-Forwarded-For is believed",
	"maxConnectionsPerAddress":     "connections of one address; 0 = no limit",
	"acceptRate":                   "connections accepted in a second; 0 = no limit",
	"maxUnauthenticated":           "connections that have not authenticated yet",
	"maxUnauthenticatedPerAddress": "those of one address; 0 = a share, -1 = no limit",
	"maxFrameRate":                 "data frames of a connection in a second",
	"maxInflateRate":               "bytes a second that a connection's messages inflate to",
	"enableConnectionPooling":      "false allocates every buffer anew, for comparison",
	"enableMessageCache":           "keep sessions and missed events for clients that come back",
	"messageCacheSize":             "events kept for one client",
	"messageCacheBytes":            "bytes kept for one client",
	"messageCacheAge":              "how long events are kept and a client may be away",
	"messageCacheTotalBytes":       "bytes kept for all clients",
	"encryptionAlgorithm":          "aes-256-cbc or aes-256-gcm (faster)",
	"enableRateLimiting":           "false switches all rate limits off",
	"rateLimitWindow":              "window in which a socket's events are counted",
	"rateLimitMaxRequests":         "events of one socket in a window; the demo's default is 1200",
	"maxConnections":               "hard cap on live connections",
	"connectionTimeout":            "close a peer that was silent so long",
	"handshakeTimeout":             "time for the opening handshake",
	"ackTimeout":                   "default wait for a client's acknowledgement",
	"maxMessageBytes":              "largest decoded message",
	"proxyProtocol":                "trustedProxies begin connections with a PROXY preamble",
	"allowedHosts":                 "names of this server, host[:port] or *.host; empty = any",
	"namespaceOfPath":              "refuse a CONNECT to another namespace than the URL's path",
	"maxHeaderBytes":               "bytes of a request head",
	"maxHeaderLines":               "header lines of a request",
	"maxHeaderLineBytes":           "bytes of one header line; 0 = no limit",
	"failureLimit":                 "failed authentications of an address at once; -1 = no limit",
	"healthPath":                   "path that tells that the server runs; off = none",
	"readyWithoutBroker":           "stay ready while NATS is away",
	"readyPath":                    "path that tells whether it takes clients; off = none",
	"strictDecoding":               "refuse data with fields that the handler does not know",
	"maxJSONElements":              "values and keys in the JSON of one message",
	"compressionThreshold":         "compress messages larger than this; -1 = never",
	"compressionLevel":             "1 (fast) to 9 (small)",
	"allowedOrigins":               "scheme://[*.]host[:port] list, null or *; empty = same origin",
	"maxOutboxBytes":               "bytes that may wait for a slow peer",
	"maxOutboxAge":                 "time that bytes may wait for a slow peer",
	"maxBufferedBytes":             "bytes that may wait in the whole server; 0 = by memory",
	"sendBufferBytes":              "what the kernel may hold for one peer",
	"loops":                        "event loops; 0 = GOMAXPROCS",
	"workers":                      "goroutines for blocking handlers; 0 = 64 × GOMAXPROCS",
	"inlineBudget":                 "report inline handlers that take longer",
	"drainTimeout":                 "time to drain at SIGTERM before the shutdown; 0 = no drain",
	"drainDelay":                   "new clients are served so long after readyPath says 503",
	"drainRate":                    "clients a second that are asked to leave",
	"shutdownTimeout":              "time to shut down at SIGTERM",
}

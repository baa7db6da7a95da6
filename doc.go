// Package smartsocket is a real-time event server for latency-critical game backends.
package smartsocket

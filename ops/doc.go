// Package ops is a server's operations address: what its operators, and their tools, see of it and
// do with it. Nothing here is for the clients of the server.
//
//	l, err := ops.Listen("127.0.0.1:9090", "")
//	if err != nil { … }
//	go http.Serve(l, ops.Handler(server, ops.Options{}))
//
// It has /metrics for Prometheus, /stats, /healthz, /readyz, /debug/pprof/, the actions POST
// /drain, /log-level and /reload, and the API below /api/, see docs/OPERATIONS.md. Collector gives
// the metrics to a registry of the application's.
//
// Whoever reaches it may disconnect everybody and look into memory. So without a token only this
// machine is answered, and pages of other sites never are.
//
// handler.mu is the only lock, around the log of refused requests. Read handler.go and guard.go,
// then series.go and collector.go (metrics), status.go, overview.go, lists.go, sockets.go,
// actions.go, tail.go and profiles.go. The admin page, a client of the API, is package page.
package ops

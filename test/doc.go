// Package test has the tests that use SmartSocket as strangers do: a server on a real port, and
// clients that know nothing but its address. They see what a peer can see, so they hold whatever
// becomes of the code behind, and a change to it needs no change here. A test that needs the inside
// of a package stands beside the source that it tests.
//
// Files are named by subject:
//
//	attack_*        what docs/SECURITY.md lists: each TestAttack names its row, and a client that
//	                behaves is served meanwhile
//	impossible_*    what docs/REFERENCE.md calls impossible: data, life cycle, safety and scale
//	reference*      the lines of docs/REFERENCE.md that have no better place
//	regression      mistakes that were made once
//	errors          every ERR_ code, provoked on the wire and from the client
//	messages        single messages, their order and their size
//	handlers        handlers, middleware and acks
//	validate        data that checks itself before a typed handler gets it
//	handshake       what a connection goes through before its first event
//	auth, encryption, tls, limits, reload
//	                the options that their names say
//	grants          what an authentication allows, and, in grants_expiry, until when
//	rooms, delivery, delivery_held, clock
//	                broadcasts, delivery classes, and what waits for a client that is behind
//	session, session_resume, session_retry
//	                what outlives a connection: resuming, and events that are sent again
//	session_move, session_export
//	                sessions that go on in the process which takes over, and what moves with them
//	session_lifecycle, session_end, session_cuts, session_storm
//	                one Socket for all connections of a session: what the application is told, and
//	                what its methods do while the client is away; session_diary writes it down
//	context         the contexts of a socket and of its connection
//	broker          broadcasts between nodes, with a broker that the test plays
//	serving         starting, mounting into net/http, shutting down
//	allocations     what the hot path costs, measured over real connections
//	tables          that the tests named in docs/*.md exist
//	links           that the links between our pages lead somewhere
//	snippets        that the Go in README.md and docs/*.md compiles
//	error_index     that docs/ERRORS.md has all codes, and quotes what is said
//	excerpts        that the code in docs/guides is that of the examples
//
// What they share is in five files: servers has the servers and the handlers that tests register,
// wire a client of single frames, clients the ones that resume, encrypt or are package client, and
// proxy links that can be cut or half open. main has the rest: waiting, logs and memory.
//
// Tests wait for events and not for time, and never assert how long something took. TestMain fails
// when a goroutine of ours is left behind.
package test

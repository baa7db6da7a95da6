// Package message is SmartSocket's own wire format. It has the binary and the JSON encoding of the
// messages, the records of the handshake, the error codes, and the codec for the values of users.
// Server, Go client and browser share it. It does no I/O. docs/PROTOCOL.md specifies the format,
// and testdata/vectors.json holds vectors that every implementation checks itself against.
//
// A binary message:
//
//	byte 0            [seq]     [ack id]   EVENT only             the rest
//	flags 4 | kind 4  uvarint   uvarint    uvarint length, name   payload
//
// Built with GOOS=js the package must not pull in fmt, reflect or encoding/json, because each of
// them weighs more in the browser's download than the whole package does.
//
// # Locks
//
// NewCode has a mutex, a leaf that only registrations take. All functions are safe for concurrent
// use as long as their arguments are not shared; an Ends belongs to one connection.
//
// # Reading order
//
// message.go has the types and limits, binary.go the binary encoding on top of uvarint.go. The JSON
// encoding is read by json_parse.go with the scanners of json_scan.go, and written by
// json_append.go. records.go has the handshake on top of fields.go, and secure.go the encrypted
// form of it. errors.go has the codes, codes.go those of applications, error_json.go their payload,
// close.go the close codes. The values_ files are the codec for the values of users: sonic where it
// is real, else encoding/json.
package message

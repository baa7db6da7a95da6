package message

import "unicode/utf8"

// ValidEvent reports whether name can be the name of an event: 1 to MaxEventName bytes of UTF-8
// without control characters (U+0000–U+001F, U+007F–U+009F).
func ValidEvent(name []byte) bool {
	if len(name) == 0 || len(name) > MaxEventName {
		return false
	}
	for i, c := range name {
		if c-0x20 >= 0x7f-0x20 { // wraps around below 0x20
			return validEventRunes(name[i:])
		}
	}
	return true
}

// validEventRunes is ValidEvent for names that are not plain ASCII.
func validEventRunes(name []byte) bool {
	for len(name) > 0 {
		r, n := utf8.DecodeRune(name)
		if r == utf8.RuneError && n == 1 || r < 0x20 || 0x7f <= r && r <= 0x9f {
			return false
		}
		name = name[n:]
	}
	return true
}

// ReservedEvent reports whether name belongs to SmartSocket itself, so that no peer may emit it.
// Reserved are the lifecycle events and every name that begins with "__".
func ReservedEvent(name []byte) bool {
	return instead(name) != ""
}

// EventRateLimited is the one reserved event that a server sends: the client is over a rate limit.
const EventRateLimited = "__rate-limited__"

// instead is the list of the reserved events. It returns a name that an application can use in
// place of this one, and "" for a name that is not reserved.
func instead(name []byte) string {
	if len(name) >= 2 && name[0] == '_' && name[1] == '_' {
		return "app-event"
	}
	switch string(name) { // compiles without a copy
	case "connect", "connection", "connected":
		return "joined"
	case "disconnect", "disconnected":
		return "left"
	case "error":
		return "failure"
	case "rate-limit":
		return "too-fast"
	case "reconnecting", "reconnected":
		return "returned"
	}
	return ""
}

// ErrorOfReserved returns the ERR_MSG_001 for whoever emits the reserved event name. It says
// which other name will do.
func ErrorOfReserved(name string) *Error {
	if len(name) > MaxEventName {
		name = name[:MaxEventName]
	}
	return &Error{
		Code: CodeInvalidFormat, Event: name,
		Message: "this event name is reserved: use another, for example \"" +
			instead([]byte(name)) + "\"",
	}
}

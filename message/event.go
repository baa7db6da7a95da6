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
	if len(name) >= 2 && name[0] == '_' && name[1] == '_' {
		return true
	}
	switch string(name) { // compiles without a copy
	case "connect", "connection", "connected", "disconnect", "disconnected",
		"error", "rate-limit", "reconnecting", "reconnected":
		return true
	}
	return false
}

package message

import "sync"

// applications has the errors that NewCode has made, by their codes.
var applications = struct {
	mu sync.Mutex // a leaf
	m  map[Code]*Error
}{m: make(map[Code]*Error)}

// maxCode is the length of the longest code of an application.
const maxCode = 64

// NewCode makes the error of a code of the application, for a variable of a package that both ends
// of the wire import:
//
//	var ErrNoGold = message.NewCode("SHOP_NO_GOLD", "not enough gold")
//
// A handler fails with it, or with an error that wraps it, and the other end gets an *Error with
// this code and sentence, which is ErrNoGold for errors.Is. A code has 1 to 64 letters, digits,
// dots, hyphens and underscores, and begins with a letter. NewCode panics on any other, on ERR_ and
// the like, since those codes are SmartSocket's own, and on a code that it has made with another
// sentence. With the same sentence it returns the same error. The error is shared, so never change
// it. NewCode is safe for concurrent use.
func NewCode(code Code, sentence string) *Error {
	if fix := wrongCode(code); fix != "" {
		panic("smartsocket: the code \"" + string(code[:min(len(code), maxCode)]) + "\" " + fix)
	}
	a := &applications
	a.mu.Lock()
	defer a.mu.Unlock()
	e := a.m[code]
	switch {
	case e == nil:
		e = New(code, sentence)
		a.m[code] = e
	case e.Message != sentence:
		panic("smartsocket: the code " + string(code) + " exists and says \"" + e.Message +
			"\", not \"" + sentence + "\": declare it once, and import it where it is needed")
	}
	return e
}

// wrongCode says why an application cannot have a code, and what to write. It is "" if it can.
func wrongCode(code Code) string {
	if len(code) == 0 || len(code) > maxCode || !letter(code[0]) {
		return badCode
	}
	for i := range len(code) {
		c := code[i]
		if !letter(c) && (c < '0' || c > '9') && c != '_' && c != '.' && c != '-' {
			return badCode
		}
	}
	if len(code) >= 3 && code[0]|0x20 == 'e' && code[1]|0x20 == 'r' && code[2]|0x20 == 'r' &&
		(len(code) == 3 || !letter(code[3])) {
		return "looks like one of SmartSocket's own: begin with the name of the application or " +
			"its part, as in SHOP_NO_GOLD"
	}
	return ""
}

const badCode = "is none: use 1 to 64 letters, digits, dots, hyphens and underscores, with a " +
	"letter first, as in SHOP_NO_GOLD"

func letter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

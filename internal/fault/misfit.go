package fault

import (
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/smartsocket/smartsocket/message"
)

const misfit = "the data does not fit what the handler expects"

// Misfit is the ERR_MSG_001 for data that the decoder could not read into what a handler expects.
// It names the field and what belongs there, or the field that is unknown. Of what the client wrote
// it repeats the name of an unknown field alone, which ForLog leaves out. A *message.Error in err's
// chain, as an UnmarshalJSON of the program returns one, comes back as it is.
func Misfit(err error) *message.Error {
	const what = misfit
	var own *message.Error
	if errors.As(err, &own) && own != nil {
		return own
	}
	e := &message.Error{Code: message.CodeInvalidFormat, Message: what, Cause: Quoting(err)}
	if name := unknownField(err); name != "" {
		e.Message = what + ": unknown field " + name
		return e
	}
	var m *json.UnmarshalTypeError
	if errors.As(err, &m) && m.Type != nil {
		field := "it"
		if m.Field != "" {
			field = "the field " + tail(m.Field)
		}
		got, _, _ := strings.Cut(m.Value, " ") // behind the space is what the client wrote
		e.Message = fmt.Sprintf("%s: %s must be %s, and is of the type %s", what, field,
			expected(m.Type), got)
	}
	return e
}

// Unusable is the ERR_ACK_002 for an answer to an event that did not decode or is not valid. It
// says what err says, which is one of Misfit or of a validation, and has it as its cause.
func Unusable(event string, err error) *message.Error {
	text := Wire(err, message.CodeAckInvalid).Message
	detail, ok := strings.CutPrefix(text, misfit)
	if !ok {
		detail = ": " + text
	}
	return &message.Error{Code: message.CodeAckInvalid, Event: event, Cause: err,
		Message: "the answer does not fit what is expected" + detail}
}

// maxField is how much of the path of a field is told. Types that contain themselves have long
// ones.
const maxField = 120

// tail is the end of a long path.
func tail(path string) string {
	if cut := len(path) - maxField; cut > 0 {
		return "…" + strings.ToValidUTF8(path[cut:], "")
	}
	return path
}

// unknownField returns the name of the unknown field that a strict decoder found, or "" for any
// other error. The name is the client's: it is quoted, and cut to 40 characters.
func unknownField(err error) string {
	text := fmt.Sprint(err) // it survives an error whose methods panic
	quoted, ok := strings.CutPrefix(text, "json: unknown field ")
	if name, bad := strconv.Unquote(quoted); ok && bad == nil {
		return fmt.Sprintf("%.40q", name)
	}
	return ""
}

var textual = reflect.TypeFor[encoding.TextUnmarshaler]()

// expected says in words of JSON what a Go type takes.
func expected(t reflect.Type) string {
	if reflect.PointerTo(t).Implements(textual) {
		return "a string"
	}
	switch t.Kind() {
	case reflect.Pointer:
		return expected(t.Elem())
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		most := uint64(1)<<(t.Bits()-1) - 1
		return fmt.Sprintf("a whole number from %d to %d", -int64(most)-1, most)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return fmt.Sprintf("a whole number from 0 to %d", ^uint64(0)>>(64-t.Bits()))
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.String:
		return "a string"
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return "a string in base64"
		}
		return "an array"
	case reflect.Array:
		return "an array"
	case reflect.Struct, reflect.Map:
		return "an object"
	}
	return "something else"
}

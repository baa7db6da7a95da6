package outgoing

import (
	"encoding/json"
	"strconv"
	"unicode/utf8"

	"github.com/smartsocket/smartsocket/message"
)

// ErrBadJSON says that a payload called JSON is not JSON.
var ErrBadJSON = &message.Error{
	Code: message.CodeInvalidFormat,
	Message: "the payload is not valid JSON, or nested too deeply: " +
		"raw bytes need the binary flag",
}

// Payload is data as it came or is about to go: JSON text that was checked, or raw bytes.
type Payload struct {
	B      []byte
	Binary bool // raw bytes and not JSON
	Strict bool // a decoder refuses fields that it does not know
}

// AppendValue appends the payload form of a user's value to dst: nil is no data, []byte goes as raw
// bytes, and so does *[]byte, which costs no allocation on the way here. json.RawMessage and
// *Payload go as they are, anything else through the codec. v is borrowed.
// An error is a *message.Error, and dst is returned as it was.
func AppendValue(dst []byte, v any) ([]byte, message.Flags, error) {
	switch v := v.(type) {
	case nil:
		return dst, 0, nil
	case []byte:
		return append(dst, v...), message.FlagBinary, nil
	case *[]byte:
		return append(dst, *v...), message.FlagBinary, nil
	case json.RawMessage:
		if len(v) > 0 && !(message.ValidJSON(v) && utf8.Valid(v)) {
			return dst, 0, ErrBadJSON
		}
		return append(dst, v...), 0, nil
	case *Payload:
		if v.Binary {
			return append(dst, v.B...), message.FlagBinary, nil
		}
		return append(dst, v.B...), 0, nil
	case bool: // the usual answers, without the codec
		return strconv.AppendBool(dst, v), 0, nil
	case int:
		return strconv.AppendInt(dst, int64(v), 10), 0, nil
	}
	out, err := message.Marshal(dst, v)
	if err != nil {
		return dst, 0, &message.Error{
			Code: message.CodeInvalidFormat, Cause: err,
			Message: "the value cannot be written as JSON",
		}
	}
	return out, 0, nil
}

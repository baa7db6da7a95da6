//go:build !js

package message

import (
	"bytes"
	"encoding/json"
)

// appender lets an Encoder write behind what is already there.
type appender struct{ b []byte }

func (a *appender) Write(p []byte) (int, error) {
	a.b = append(a.b, p...)
	return len(p), nil
}

func stdMarshal(dst []byte, v any) ([]byte, error) {
	out := appender{dst}
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return dst, err
	}
	return out.b[:len(out.b)-1], nil // without the Encoder's newline
}

func stdUnmarshal(data []byte, v any) error { return json.Unmarshal(data, v) }

// tooDeep says that data nests deeper than MaxJSONDepth. Few brackets settle it
// without a scan; invalid text with many is called too deep as well.
func tooDeep(data []byte) bool {
	return len(data) > MaxJSONDepth &&
		bytes.Count(data, []byte{'['})+bytes.Count(data, []byte{'{'}) > MaxJSONDepth &&
		!ValidJSON(data)
}

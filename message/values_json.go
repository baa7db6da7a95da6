//go:build !js

package message

import (
	"bytes"
	"encoding/json"
)

// appender lets an Encoder write after what is already there.
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

// tooDeep reports whether data nests deeper than MaxJSONDepth. If there are few brackets it needs
// no scan. Invalid text with many brackets counts as too deep as well.
func tooDeep(data []byte) bool {
	return len(data) > MaxJSONDepth &&
		bytes.Count(data, []byte{'['})+bytes.Count(data, []byte{'{'}) > MaxJSONDepth &&
		!ValidJSON(data)
}

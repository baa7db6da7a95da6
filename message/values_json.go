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

func stdUnmarshalStrict(data []byte, v any) error {
	if !ValidJSON(data) { // so that a decoder of streams reads all of it
		return errJSON
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	return d.Decode(v)
}

// tooDeep reports whether data nests deeper than MaxJSONDepth. If there are few brackets it needs
// no scan. Invalid text with many brackets counts as too deep as well.
func tooDeep(data []byte) bool {
	return len(data) > MaxJSONDepth &&
		bytes.Count(data, []byte{'['})+bytes.Count(data, []byte{'{'}) > MaxJSONDepth &&
		!ValidJSON(data)
}

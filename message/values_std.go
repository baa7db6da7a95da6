//go:build !js && (go1.27 || !(amd64 || arm64))

package message

// CodecName says what encodes and decodes user values.
func CodecName() string { return "encoding/json" }

// Marshal appends v as JSON to dst and returns the result: what encoding/json
// writes, but HTML is not escaped. On an error it returns dst unchanged. Safe for concurrent use.
func Marshal(dst []byte, v any) ([]byte, error) { return stdMarshal(dst, v) }

// Unmarshal reads the JSON text data into v as encoding/json does, but nested at
// most MaxJSONDepth deep; v holds copies, so data may be reused at once. Safe for concurrent use.
func Unmarshal(data []byte, v any) error {
	if tooDeep(data) {
		return errJSON
	}
	return stdUnmarshal(data, v)
}

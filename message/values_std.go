//go:build !js && (go1.27 || !(amd64 || arm64))

package message

// CodecName returns the name of the library that encodes and decodes the values of users.
func CodecName() string { return "encoding/json" }

// Marshal appends v as JSON to dst and returns the result. It writes what encoding/json writes, but
// does not escape HTML. On an error it returns dst unchanged. It is safe for concurrent use.
func Marshal(dst []byte, v any) ([]byte, error) { return stdMarshal(dst, v) }

// Unmarshal reads the JSON text data into v as encoding/json does, but at most MaxJSONDepth deep. v
// holds copies, so data may be reused at once. It is safe for concurrent use.
func Unmarshal(data []byte, v any) error {
	if tooDeep(data) {
		return errJSON
	}
	return stdUnmarshal(data, v)
}

// UnmarshalStrict is Unmarshal, but a key of an object that is no field of the struct for it is an
// error, as with Decoder.DisallowUnknownFields of encoding/json.
func UnmarshalStrict(data []byte, v any) error {
	if tooDeep(data) {
		return errJSON
	}
	return stdUnmarshalStrict(data, v)
}

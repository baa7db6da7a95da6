//go:build (amd64 || arm64) && !js && !go1.27

package message

import (
	"sync"
	"unicode/utf8"
	"unsafe"

	"github.com/bytedance/sonic/decoder"
	"github.com/bytedance/sonic/encoder"
)

// CodecName returns the name of the library that encodes and decodes the values of users.
func CodecName() string { return "sonic" }

// decoding copies every string out of the input because the input is a borrowed payload. It
// replaces invalid UTF-8 as encoding/json does.
const decoding = decoder.OptionCopyString | decoder.OptionValidateString

// decoders are of two kinds: [1] refuses unknown fields.
var decoders = [2]sync.Pool{{New: func() any {
	d := decoder.NewDecoder("")
	d.SetOptions(decoding)
	return d
}}, {New: func() any {
	d := decoder.NewDecoder("")
	d.SetOptions(decoding | decoder.OptionDisableUnknown)
	return d
}}}

// encoding leaves out ValidateString and EscapeHTML, because the encoder would rewrite the whole
// buffer for them, including what was in dst before.
const encoding = encoder.CompactMarshaler | encoder.NoEncoderNewline

// holder gives the encoder a slice header to write back to, without an allocation per call.
type holder struct{ b []byte }

var holders = sync.Pool{New: func() any { return new(holder) }}

// Marshal appends v as JSON to dst and returns the result. It writes what encoding/json writes,
// with three differences: HTML is not escaped, a control character may be spelled differently, and
// map keys have no order. On an error it returns dst unchanged. It is safe for concurrent use.
func Marshal(dst []byte, v any) ([]byte, error) {
	h := holders.Get().(*holder)
	h.b = dst
	err := encoder.EncodeInto(&h.b, v, encoding)
	out := h.b
	h.b = nil
	holders.Put(h)
	if err != nil || !utf8.Valid(out[len(dst):]) {
		// encoding/json has its own wording of the error, and writes U+FFFD for invalid bytes.
		return stdMarshal(dst, v)
	}
	return out, nil
}

// Unmarshal reads the JSON text data into v as encoding/json does, but at most MaxJSONDepth deep. v
// holds copies, so data may be reused at once. It is safe for concurrent use.
func Unmarshal(data []byte, v any) error {
	if tooDeep(data) {
		return errJSON
	}
	if decode(&decoders[0], data, v) != nil {
		// Errors of sonic borrow and quote the input; those of encoding/json do not.
		return stdUnmarshal(data, v)
	}
	return nil
}

// UnmarshalStrict is Unmarshal, but a key of an object that is no field of the struct for it is an
// error, as with Decoder.DisallowUnknownFields of encoding/json.
func UnmarshalStrict(data []byte, v any) error {
	if tooDeep(data) {
		return errJSON
	}
	if decode(&decoders[1], data, v) != nil {
		return stdUnmarshalStrict(data, v)
	}
	return nil
}

// decode reads data into v with a decoder of the pool.
func decode(decoders *sync.Pool, data []byte, v any) error {
	d := decoders.Get().(*decoder.Decoder)
	d.Reset(unsafe.String(unsafe.SliceData(data), len(data)))
	err := d.Decode(v)
	if err == nil {
		err = d.CheckTrailings()
	}
	d.Reset("")
	decoders.Put(d)
	return err
}

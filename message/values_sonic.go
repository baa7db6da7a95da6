//go:build (amd64 || arm64) && !js && !go1.27

package message

import (
	"sync"
	"unicode/utf8"
	"unsafe"

	"github.com/bytedance/sonic/decoder"
	"github.com/bytedance/sonic/encoder"
)

// CodecName says what encodes and decodes user values.
func CodecName() string { return "sonic" }

// decoding copies every string out of the input, since the input is a borrowed
// payload, and replaces invalid UTF-8 as encoding/json does.
const decoding = decoder.OptionCopyString | decoder.OptionValidateString

var decoders = sync.Pool{New: func() any {
	d := decoder.NewDecoder("")
	d.SetOptions(decoding)
	return d
}}

// The encoder's own ValidateString and EscapeHTML would rewrite the whole
// buffer, and with it what stood in dst before.
const encoding = encoder.CompactMarshaler | encoder.NoEncoderNewline

// holder gives the encoder a slice header to write back to without an allocation per call.
type holder struct{ b []byte }

var holders = sync.Pool{New: func() any { return new(holder) }}

// Marshal appends v as JSON to dst and returns the result: what encoding/json
// would write, but HTML is not escaped, a control character may be spelled differently, and map keys are in no order. On an error it returns dst unchanged. Safe for concurrent use.
func Marshal(dst []byte, v any) ([]byte, error) {
	h := holders.Get().(*holder)
	h.b = dst
	err := encoder.EncodeInto(&h.b, v, encoding)
	out := h.b
	h.b = nil
	holders.Put(h)
	if err != nil || !utf8.Valid(out[len(dst):]) {
		return stdMarshal(dst, v) // for its wording of the error, or for U+FFFD in place of invalid bytes
	}
	return out, nil
}

// Unmarshal reads the JSON text data into v as encoding/json does, but nested at
// most MaxJSONDepth deep; v holds copies, so data may be reused at once. Safe for concurrent use.
func Unmarshal(data []byte, v any) error {
	if tooDeep(data) {
		return errJSON
	}
	d := decoders.Get().(*decoder.Decoder)
	d.Reset(unsafe.String(unsafe.SliceData(data), len(data)))
	err := d.Decode(v)
	if err == nil {
		err = d.CheckTrailings()
	}
	d.Reset("")
	decoders.Put(d)
	if err != nil {
		// sonic's errors borrow the input, and quote it; encoding/json's do not.
		return stdUnmarshal(data, v)
	}
	return nil
}

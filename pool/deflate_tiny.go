package pool

import "github.com/smartsocket/smartsocket/pool/tinyflate"

// inflateTiny is Inflate with our own decoder.
func inflateTiny(dst, src []byte, limit int, tail bool) ([]byte, error) {
	out, status := tinyflate.Inflate(dst, src, limit, tail)
	switch status {
	case tinyflate.OK:
		return out, nil
	case tinyflate.TooLarge:
		return out, ErrTooLarge
	}
	return out, ErrCorrupt
}

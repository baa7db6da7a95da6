//go:build !js

package pool

import (
	"bytes"
	"io"
	"runtime"
	"slices"
	"sync"

	"github.com/klauspost/compress/flate"
)

const (
	inflateStep = 16 << 10
	windowBytes = 32 << 10
	// maxRestarts is how often one message may end a DEFLATE stream and continue. It is limited
	// because every restart copies the window.
	maxRestarts = 64
)

// flateTail is what RFC 7692 section 7.2.2 appends, and a final empty block, so that the decoder
// ends instead of asking for more.
var flateTail = [...]byte{0x00, 0x00, 0xff, 0xff, 0x01, 0x00, 0x00, 0xff, 0xff}

// inflater is one decoder with its 32 KiB window. There is one per running call, not one per
// connection.
type inflater struct {
	in bytes.Reader // the concrete type that the decoder has a fast path for
	r  io.ReadCloser
}

var inflaters = sync.Pool{New: func() any {
	z := new(inflater)
	z.r = flate.NewReader(&z.in)
	return z
}}

// Inflate appends the decompressed form of the raw DEFLATE stream src (RFC 1951) to dst and returns
// the result. It never produces more than limit bytes. A stream that would produce more returns
// ErrTooLarge, and dst has then grown by at most limit plus one step of 16 KiB. Truncated or
// invalid input returns ErrCorrupt, and so does input after the final block. After an error the
// result is dst at its old length, possibly with more capacity. If tail is set, src is taken to be
// followed by the four bytes 00 00 ff ff and an empty final block, as RFC 7692 section 7.2.2
// requires, and blocks may follow a final block (section 7.2.1). A src of more than 1 KiB that
// consists of far too many blocks is ErrCorrupt, see InflateCost. src is borrowed until return.
// Inflate is safe for concurrent use.
func Inflate(dst, src []byte, limit int, tail bool) ([]byte, error) {
	if len(src) > smallInput { // tinyflate is as fast, and it counts blocks
		return inflateTiny(dst, src, limit, tail)
	}
	z := inflaters.Get().(*inflater)
	var whole *Buffer
	if tail {
		whole = Get(len(src) + len(flateTail))
		src = append(append(whole.B, src...), flateTail[:]...)
		whole.B = src
	}
	out, err := z.inflate(dst, src, max(limit, 0), tail)
	z.in.Reset(nil)
	inflaters.Put(z)
	if whole != nil {
		Put(whole)
	}
	return out, err
}

func (z *inflater) inflate(dst, src []byte, limit int, tail bool) ([]byte, error) {
	base := len(dst)
	z.in.Reset(src)
	for restarts := 0; ; restarts++ {
		window := dst[max(base, len(dst)-windowBytes):]
		if err := z.r.(flate.Resetter).Reset(&z.in, window); err != nil {
			return dst[:base], ErrCorrupt
		}
		var err error
		if dst, err = z.stream(dst, base, limit); err != nil {
			return dst[:base], err
		}
		switch rest := z.in.Len(); {
		case rest == 0, tail && rest == len(flateTail):
			// src ended with a final block, or just before one
			return dst, nil
		case !tail || rest < len(flateTail) || restarts == maxRestarts:
			return dst[:base], ErrCorrupt
		}
	}
}

// stream decodes up to the end of a final block.
func (z *inflater) stream(dst []byte, base, limit int) ([]byte, error) {
	for {
		room := min(inflateStep, limit-(len(dst)-base)+1)
		if free := cap(dst) - len(dst); free < min(room, 64) {
			// It doubles, so that the outgrown buffers on the way to the limit add up to less than
			// the limit.
			dst = slices.Grow(dst, min(limit-(len(dst)-base)+1, max(512, 3*z.in.Len(), cap(dst))))
		}
		n, err := z.r.Read(dst[len(dst):min(cap(dst), len(dst)+room)])
		dst = dst[:len(dst)+n]
		switch {
		case len(dst)-base > limit:
			return dst, ErrTooLarge
		case err == io.EOF:
			return dst, nil
		case err != nil:
			return dst, ErrCorrupt
		}
	}
}

// deflater is one compressor. It is large (0.8–1.4 MiB). A sync.Pool is emptied by the garbage
// collector and would build it anew every few seconds.
type deflater struct {
	w   *flate.Writer
	out sink
}

// sink appends what is written to it.
type sink struct{ b []byte }

func (s *sink) Write(p []byte) (int, error) {
	s.b = append(s.b, p...)
	return len(p), nil
}

// deflaters keeps, for each level, as many idle compressors as can run at once. If none is idle a
// call makes another one, which is kept only if there is room.
var deflaters [10]struct {
	once sync.Once
	idle chan *deflater
}

// Deflate appends src, compressed at level, to dst as raw DEFLATE. level is 1 to 9; other values
// are replaced by the nearest of these. If tail is set the output ends in a sync flush whose 00 00
// ff ff is removed (RFC 7692 section 7.2.1), otherwise in a final block. No context is kept between
// calls. src is borrowed until return. Deflate is safe for concurrent use.
func Deflate(dst, src []byte, level int, tail bool) ([]byte, error) {
	level = min(max(level, 1), 9)
	d, err := takeDeflater(level)
	if err != nil {
		return dst, err
	}
	d.out.b = dst
	d.w.Reset(&d.out)
	if _, err = d.w.Write(src); err == nil {
		if tail {
			err = d.w.Flush()
		} else {
			err = d.w.Close()
		}
	}
	out := d.out.b
	d.out.b = nil
	select {
	case deflaters[level].idle <- d:
	default:
	}
	if err != nil {
		return dst, err
	}
	if tail {
		out = out[:len(out)-4]
	}
	return out, nil
}

func takeDeflater(level int) (*deflater, error) {
	p := &deflaters[level]
	p.once.Do(func() { p.idle = make(chan *deflater, runtime.GOMAXPROCS(0)) })
	select {
	case d := <-p.idle:
		return d, nil
	default:
	}
	w, err := flate.NewWriter(nil, level)
	return &deflater{w: w}, err
}

package loadtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
)

// pattern makes the data of events. In its JSON a string may hold places that are filled in:
//
//	${client}    the number of the client, from 0
//	${seq}       how many events of this kind the client has emitted, from 0
//	${now}       milliseconds since 1970
//	${int A B}   a random whole number, A to B
//	${float A B} a random number, A to B
//	${text N}    N random letters
//	${pick a b}  one of the words
//
// A string that is one such place and nothing else becomes a number, unless it is text or a pick.
type pattern []part

// part is literal bytes, or something to fill in.
type part struct {
	literal []byte
	fill    func(dst []byte, v *values) []byte
}

// values are what a pattern is filled in with.
type values struct {
	client int
	seq    int64
	rand   *rand.Rand
	now    time.Time
}

// append fills the template in. An empty one appends nothing.
func (t pattern) append(dst []byte, v *values) []byte {
	for i := range t {
		if t[i].fill == nil {
			dst = append(dst, t[i].literal...)
		} else {
			dst = t[i].fill(dst, v)
		}
	}
	return dst
}

// parsePattern reads JSON. An error says which place cannot be used.
func parsePattern(text json.RawMessage) (pattern, error) {
	if len(text) == 0 {
		return nil, nil
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, text); err != nil {
		return nil, err
	}
	var t pattern
	rest := compact.Bytes()
	for {
		i := bytes.Index(rest, []byte("${"))
		if i < 0 {
			return t.literal(rest), nil
		}
		length := bytes.IndexByte(rest[i:], '}')
		if length < 0 {
			return nil, fmt.Errorf("a place has no end: write } behind %s", rest[i:])
		}
		end := i + length + 1
		fill, number, err := parsePlace(string(rest[i+2 : end-1]))
		if err != nil {
			return nil, err
		}
		if number && i > 0 && rest[i-1] == '"' && end < len(rest) && rest[end] == '"' &&
			!(end+1 < len(rest) && rest[end+1] == ':') {
			t = t.literal(rest[:i-1])
			end++
		} else {
			t = t.literal(rest[:i])
		}
		t, rest = append(t, part{fill: fill}), rest[end:]
	}
}

func (t pattern) literal(text []byte) pattern {
	if len(text) == 0 {
		return t
	}
	return append(t, part{literal: text})
}

// parsePlace reads what stands between ${ and }.
func parsePlace(text string) (fill func([]byte, *values) []byte, number bool, err error) {
	words := strings.Fields(text)
	if len(words) == 0 {
		return nil, false, fmt.Errorf("${%s} is empty: write as in ${seq}", text)
	}
	args := words[1:]
	switch words[0] {
	case "client", "seq", "now":
		if len(args) > 0 {
			return nil, false, fmt.Errorf("${%s}: %s stands alone: write ${%s}", text, words[0],
				words[0])
		}
		return counted(words[0]), true, nil
	case "int":
		fill, err = placeInt(args)
		return fill, true, err
	case "float":
		fill, err = placeFloat(args)
		return fill, true, err
	case "text":
		fill, err = placeText(args)
		return fill, false, err
	case "pick":
		fill, err = placePick(args)
		return fill, false, err
	}
	return nil, false, fmt.Errorf("${%s} is not known: write client, seq, now, int A B, "+
		"float A B, text N or pick a b", text)
}

func counted(name string) func([]byte, *values) []byte {
	switch name {
	case "client":
		return func(dst []byte, v *values) []byte {
			return strconv.AppendInt(dst, int64(v.client), 10)
		}
	case "seq":
		return func(dst []byte, v *values) []byte { return strconv.AppendInt(dst, v.seq, 10) }
	}
	return func(dst []byte, v *values) []byte {
		return strconv.AppendInt(dst, v.now.UnixMilli(), 10)
	}
}

func placeInt(args []string) (func([]byte, *values) []byte, error) {
	var bounds [2]int64
	for i := range bounds {
		var err error
		if len(args) != 2 {
			err = strconv.ErrSyntax
		} else {
			bounds[i], err = strconv.ParseInt(args[i], 10, 54)
		}
		if err != nil || i == 1 && bounds[1] < bounds[0] {
			return nil, fmt.Errorf("${int %s}: write two whole numbers, the smaller one first, as "+
				"in ${int 0 100}", strings.Join(args, " "))
		}
	}
	return func(dst []byte, v *values) []byte {
		return strconv.AppendInt(dst, bounds[0]+v.rand.Int64N(bounds[1]-bounds[0]+1), 10)
	}, nil
}

func placeFloat(args []string) (func([]byte, *values) []byte, error) {
	var bounds [2]float64
	for i := range bounds {
		var err error
		if len(args) != 2 {
			err = strconv.ErrSyntax
		} else {
			bounds[i], err = strconv.ParseFloat(args[i], 64)
		}
		if err != nil || !(bounds[i] > -1e15 && bounds[i] < 1e15) ||
			i == 1 && bounds[1] < bounds[0] {
			return nil, fmt.Errorf("${float %s}: write two numbers, the smaller one first, as in "+
				"${float 0 1}", strings.Join(args, " "))
		}
	}
	return func(dst []byte, v *values) []byte {
		x := bounds[0] + v.rand.Float64()*(bounds[1]-bounds[0])
		return strconv.AppendFloat(dst, x, 'f', 3, 64)
	}, nil
}

func placeText(args []string) (func([]byte, *values) []byte, error) {
	length := -1
	if len(args) == 1 {
		if n, err := strconv.Atoi(args[0]); err == nil {
			length = n
		}
	}
	if length < 0 || length > maxBytes {
		return nil, fmt.Errorf("${text %s}: write a number of letters, as in ${text 64}",
			strings.Join(args, " "))
	}
	return func(dst []byte, v *values) []byte {
		for range length {
			dst = append(dst, 'a'+byte(v.rand.Uint32N(26)))
		}
		return dst
	}, nil
}

func placePick(args []string) (func([]byte, *values) []byte, error) {
	if len(args) < 2 {
		return nil, fmt.Errorf("${pick %s}: write two words or more, as in ${pick left right}",
			strings.Join(args, " "))
	}
	return func(dst []byte, v *values) []byte {
		return append(dst, args[v.rand.IntN(len(args))]...)
	}, nil
}

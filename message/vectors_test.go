package message

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write testdata/vectors.json anew")

const vectorsFile = "testdata/vectors.json"

// vectors is the file against which every implementation of the protocol checks itself. Numbers
// that may exceed 2^53 are decimal strings; bytes are hex.
type vectors struct {
	About   []string        `json:"about"`
	Binary  []binaryVector  `json:"binary"`
	JSON    []jsonVector    `json:"json"`
	Records []recordVector  `json:"records"`
	Errors  []errorVector   `json:"errors"`
	Invalid []invalidVector `json:"invalid"`
	Names   []nameVector    `json:"names"`
}

type binaryVector struct {
	Name    string `json:"name"`
	Hex     string `json:"hex"`
	Kind    Kind   `json:"kind"`
	Flags   Flags  `json:"flags"`
	Seq     string `json:"seq"`
	Ack     string `json:"ack"`
	Event   string `json:"event"`
	Payload string `json:"payload"` // hex
}

type jsonVector struct {
	Name    string  `json:"name"`
	Text    string  `json:"text"`
	Kind    Kind    `json:"kind"`
	Ack     *uint64 `json:"ack"` // null means none
	Event   string  `json:"event"`
	Payload *string `json:"payload"` // JSON text of data or error; null means none
}

type recordVector struct {
	Name   string            `json:"name"`
	Hex    string            `json:"hex"`
	Kind   Kind              `json:"kind"`
	Fields map[string]string `json:"fields"` // numbers and bits in decimal, bytes in hex
}

type errorVector struct {
	Name       string `json:"name"`
	Text       string `json:"text"`
	Code       Code   `json:"code"`
	Message    string `json:"message"`
	Event      string `json:"event"`
	RetryAfter int64  `json:"retryAfter"`
	Details    string `json:"details"` // JSON text; "" means none
}

type invalidVector struct {
	Name   string `json:"name"`
	Reader string `json:"reader"` // binary, json, hello, clock or error
	Hex    string `json:"hex"`
	Code   Code   `json:"code"`
}

type nameVector struct {
	Hex      string `json:"hex"`
	Valid    bool   `json:"valid"`
	Reserved bool   `json:"reserved"`
}

func decimal(v uint64) string { return strconv.FormatUint(v, 10) }

func flagText(v bool) string {
	if v {
		return "1"
	}
	return "0"
}

func makeVectors() *vectors {
	v := &vectors{About: []string{
		"Test vectors of " + Subprotocol + ", written by go test ./message -run Vectors -update.",
		"binary: hex is the whole message; reading it gives the rest, writing the rest gives hex.",
		"json: reading text gives the rest. records: as binary, a missing field has its zero " +
			"value.",
		"invalid: the reader refuses the bytes (of a text, for json and error) with code.",
	}}
	for _, c := range validBinary {
		m := c.m
		v.Binary = append(v.Binary, binaryVector{c.name, strings.ReplaceAll(c.hex, " ", ""), m.Kind,
			m.Flags, decimal(m.Seq), decimal(m.AckID), string(m.Event),
			hex.EncodeToString(m.Payload)})
	}
	for _, n := range []int{125, 126, 127, 128} {
		m := Message{Kind: KindEvent, Event: []byte("size"),
			Payload: []byte(`"` + strings.Repeat("x", n-2) + `"`)}
		v.Binary = append(v.Binary, binaryVector{"payload of " + decimal(uint64(n)) + " bytes",
			hex.EncodeToString(Append(nil, &m)), m.Kind, 0, "0", "0", "size",
			hex.EncodeToString(m.Payload)})
	}
	for _, c := range validJSONMessages {
		j := jsonVector{Name: c.name, Text: c.text, Kind: c.m.Kind, Event: string(c.m.Event)}
		if c.m.Flags&FlagAck != 0 {
			j.Ack = &c.m.AckID
		}
		if c.m.Payload != nil {
			j.Payload = ptr(string(c.m.Payload))
		}
		v.JSON = append(v.JSON, j)
	}
	v.Records = recordVectors()
	for _, e := range []Error{*ErrRejected, {Code: CodeRateLimited, Message: "a\"b\\c\nd é 😀",
		Event: "move", RetryAfter: 1500}, {Code: CodeAckTimeout, RetryAfter: 1<<53 - 1},
		{Code: "ERR_SHOP_001", Details: `{"price":[5,"é"],"why":null}`}} {
		v.Errors = append(v.Errors, errorVector{string(e.Code), string(AppendErrorJSON(nil, &e)),
			e.Code, e.Message, e.Event, e.RetryAfter, e.Details})
	}
	v.Errors = append(v.Errors, errorVector{"escapes and unknown keys",
		`{ "x":[{}], "c\u006fde":"X\u00e9\/" }`, "Xé/", "", "", 0, ""})
	for _, c := range invalidBinary {
		v.Invalid = append(v.Invalid,
			invalidVector{c.name, "binary", strings.ReplaceAll(c.hex, " ", ""), CodeInvalidFormat})
	}
	for _, c := range invalidJSONMessages {
		if len(c.text) < 1000 {
			v.Invalid = append(v.Invalid,
				invalidVector{c.name, "json", hex.EncodeToString([]byte(c.text)),
					CodeInvalidFormat})
		}
	}
	for _, c := range invalidRecords {
		v.Invalid = append(v.Invalid,
			invalidVector{c.name, "hello", strings.ReplaceAll(c.hex, " ", ""), CodeInvalidFormat})
	}
	for _, c := range []struct{ name, hex string }{{"two numbers", "070102"},
		{"four numbers", "0701020304"}, {"overlong", "07810001 00"}, {"a record", "0901"}} {
		v.Invalid = append(v.Invalid,
			invalidVector{c.name, "clock", strings.ReplaceAll(c.hex, " ", ""), CodeInvalidFormat})
	}
	for i, text := range invalidErrorJSON {
		v.Invalid = append(v.Invalid, invalidVector{"error " + strconv.Itoa(i), "error",
			hex.EncodeToString([]byte(text)), CodeInvalidFormat})
	}
	for _, n := range []string{"", "a", "é😀", "\xff", "a\x00", "\x7f", "\u009f", "\u00a0",
		strings.Repeat("x", 128), strings.Repeat("x", 129), "connect", "disconnected", "error",
		"__x", "_x", "move", "__proto__", "rate-limit"} {
		v.Names = append(v.Names, nameVector{hex.EncodeToString([]byte(n)), ValidEvent([]byte(n)),
			ReservedEvent([]byte(n))})
	}
	return v
}

func recordVectors() (out []recordVector) {
	for i := range sampleHellos {
		h := &sampleHellos[i]
		out = append(out, recordVector{"hello " + strconv.Itoa(i),
			hex.EncodeToString(AppendHello(nil, h)), KindHello, map[string]string{
				"version": decimal(h.Version), "random": hex.EncodeToString(h.Random),
				"algorithms":       hex.EncodeToString(h.Algorithms),
				"keyIds":           hex.EncodeToString(h.KeyIDs),
				"authRequired":     flagText(h.AuthRequired),
				"resumeSupported":  flagText(h.ResumeSupported),
				"authEvent":        flagText(h.AuthEvent),
				"maxMessageBytes":  decimal(h.MaxMessageBytes),
				"handshakeTimeout": decimal(h.HandshakeTimeout),
				"rateLimit":        decimal(h.RateLimit),
				"rateWindow":       decimal(h.RateWindow)}})
	}
	for i := range sampleConnects {
		c := &sampleConnects[i]
		out = append(out, recordVector{"connect " + strconv.Itoa(i),
			hex.EncodeToString(AppendConnect(nil, c)), KindConnect, map[string]string{
				"version": decimal(c.Version), "random": hex.EncodeToString(c.Random),
				"algorithm": decimal(c.Algorithm), "keyId": hex.EncodeToString(c.KeyID),
				"namespace":    hex.EncodeToString(c.Namespace),
				"apiKey":       hex.EncodeToString(c.APIKey),
				"sessionToken": hex.EncodeToString(c.SessionToken),
				"lastSeq":      decimal(c.LastSeq), "canInflate": flagText(c.CanInflate),
				"canMove": flagText(c.CanMove), "client": hex.EncodeToString(c.Client)}})
	}
	for i := range sampleConnectAcks {
		c := &sampleConnectAcks[i]
		out = append(out, recordVector{"connect_ack " + strconv.Itoa(i),
			hex.EncodeToString(AppendConnectAck(nil, c)), KindConnectAck, map[string]string{
				"socketId":             hex.EncodeToString(c.SocketID),
				"sessionToken":         hex.EncodeToString(c.SessionToken),
				"recovered":            flagText(c.Recovered),
				"heartbeatInterval":    decimal(c.HeartbeatInterval),
				"compressionThreshold": decimal(c.CompressionThreshold),
				"maxMessageBytes":      decimal(c.MaxMessageBytes),
				"serverTime":           decimal(c.ServerTime), "arrived": decimal(c.Arrived)}})
	}
	for i := range sampleGoaways {
		g := &sampleGoaways[i]
		out = append(out, recordVector{"goaway " + strconv.Itoa(i),
			hex.EncodeToString(AppendGoaway(nil, g)), KindGoaway, map[string]string{
				"deadline": decimal(g.Deadline), "reconnectWindow": decimal(g.ReconnectWindow),
				"url": hex.EncodeToString(g.URL), "move": flagText(g.Move)}})
	}
	for _, c := range []Clock{{}, {ServerTime: 1_700_000_000_000_000, RTT: 900},
		{1, 2, math.MaxUint64}} {
		for _, k := range []Kind{KindPing, KindPong} {
			out = append(out, recordVector{"clock " + decimal(c.ServerTime),
				hex.EncodeToString(AppendClock(nil, k, c)), k, map[string]string{
					"serverTime": decimal(c.ServerTime), "rtt": decimal(c.RTT),
					"clientTime": decimal(c.ClientTime)}})
		}
	}
	return out
}

func TestVectorsFileIsCurrent(t *testing.T) {
	var want bytes.Buffer
	e := json.NewEncoder(&want)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	if err := e.Encode(makeVectors()); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(vectorsFile, want.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(vectorsFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want.Bytes()) {
		t.Error("testdata/vectors.json is not what the code says; if the change is meant, run go " +
			"test ./message -run Vectors -update")
	}
}

// TestVectors reads the file as any other implementation would.
func TestVectors(t *testing.T) {
	text, err := os.ReadFile(vectorsFile)
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	if len(v.Binary) == 0 || len(v.JSON) == 0 || len(v.Records) == 0 || len(v.Errors) == 0 ||
		len(v.Invalid) == 0 || len(v.Names) == 0 {
		t.Fatal("a part of the file is empty")
	}
	for _, c := range v.Binary {
		b := unhex(t, c.Hex)
		m, err := Parse(b)
		if err != nil || m.Kind != c.Kind || m.Flags != c.Flags || decimal(m.Seq) != c.Seq ||
			decimal(m.AckID) != c.Ack || string(m.Event) != c.Event ||
			hex.EncodeToString(m.Payload) != c.Payload {
			t.Errorf("%s: %+v, %v", c.Name, m, err)
		}
		if !bytes.Equal(Append(nil, &m), b) {
			t.Errorf("%s: written as %x", c.Name, Append(nil, &m))
		}
	}
	for _, c := range v.JSON {
		m, err := ParseJSON([]byte(c.Text))
		if err != nil || m.Kind != c.Kind || (c.Ack != nil) != (m.Flags&FlagAck != 0) ||
			c.Ack != nil && *c.Ack != m.AckID || string(m.Event) != c.Event ||
			(c.Payload != nil) != (m.Payload != nil) || c.Payload != nil &&
			*c.Payload != string(m.Payload) {
			t.Errorf("%s: %+v, %v", c.Name, m, err)
		}
	}
	for _, c := range v.Errors {
		e, err := ParseErrorJSON([]byte(c.Text))
		if want := (Error{Code: c.Code, Message: c.Message, Event: c.Event,
			RetryAfter: c.RetryAfter, Details: c.Details}); err != nil || e != want {
			t.Errorf("%s: %+v, %v", c.Name, e, err)
		}
	}
	for _, c := range v.Invalid {
		if err := read(c.Reader, unhex(t, c.Hex)); err == nil || !errors.Is(err, New(c.Code, "")) {
			t.Errorf("%s %s: %v", c.Reader, c.Name, err)
		}
	}
	for _, c := range v.Names {
		if n := unhex(t, c.Hex); ValidEvent(n) != c.Valid || ReservedEvent(n) != c.Reserved {
			t.Errorf("name %q", n)
		}
	}
}

func read(reader string, b []byte) (err error) {
	switch reader {
	case "binary":
		_, err = Parse(b)
	case "json":
		_, err = ParseJSON(b)
	case "hello":
		_, err = ParseHello(b)
	case "clock":
		_, err = ParseClock(b)
	case "error":
		_, err = ParseErrorJSON(b)
	}
	return err
}

package main

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// enter introduces a client and joins a room.
func enter(t *testing.T, c *plainClient, name, room string) joinReply {
	t.Helper()
	if m := c.ask(1, "introduce", fmt.Sprintf(`{"name":%q}`, name)); m.Error != nil {
		t.Fatalf("introduce: %+v", m.Error)
	}
	m := c.ask(2, "join", fmt.Sprintf(`{"room":%q}`, room))
	if m.Error != nil {
		t.Fatalf("join: %+v", m.Error)
	}
	return decode[joinReply](t, m.Data)
}

func decode[T any](t *testing.T, data []byte) (v T) {
	t.Helper()
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatalf("%s: %v", data, err)
	}
	return v
}

func TestChatReachesTheRoomAndNobodyElse(t *testing.T) {
	r := start(t, "-demo")
	ann, bob, eve := r.dial(t, "/chat"), r.dial(t, "/chat"), r.dial(t, "/chat")
	enter(t, ann, "Ann", "lobby")
	enter(t, bob, "Bob", "lobby")
	enter(t, eve, "Eve", "games")
	said := decode[saidMessage](t,
		ann.ask(3, "say", `{"room":"lobby","text":"  hello <b>there</b>  "}`).Data)
	if said.Text != "hello <b>there</b>" || said.Name != "Ann" {
		t.Errorf("said %+v", said)
	}
	if got := decode[saidMessage](t, bob.await("said", isEvent("said")).Data); got != said {
		t.Errorf("Bob heard %+v, want %+v", got, said)
	}
	// The first thing that Eve hears after her own message is her own message.
	own := decode[saidMessage](t, eve.ask(3, "say", `{"room":"games","text":"alone"}`).Data)
	eve.send(`{"event":"say","data":{"room":"games","text":"again"}}`)
	if got := decode[saidMessage](t,
		eve.await("said", isEvent("said")).Data); got.Room != "games" || got.ID < own.ID {
		t.Errorf("Eve heard %+v", got)
	}
}

func TestChatKeepsTheLastFifty(t *testing.T) {
	r := start(t, "-demo")
	// There are several senders so that none exceeds its allowance.
	var senders [5]*plainClient
	for i := range senders {
		senders[i] = r.dial(t, "/chat")
		enter(t, senders[i], "Ann", "lobby")
	}
	const total = maxHistory + 5
	for i := range total {
		m := senders[i%len(senders)].ask(uint64(100+i), "say",
			fmt.Sprintf(`{"room":"lobby","text":"message %d"}`, i))
		if m.Error != nil {
			t.Fatalf("say: %+v", m.Error)
		}
	}
	history := enter(t, r.dial(t, "/chat"), "Bob", "lobby").History
	if len(history) != maxHistory || history[0].Text != "message 5" ||
		history[maxHistory-1].Text != fmt.Sprintf("message %d", total-1) {
		t.Errorf("history has %d messages, from %q", len(history), history[0].Text)
	}
}

func TestPresenceFollowsWhoIsThere(t *testing.T) {
	r := start(t, "-demo")
	ann, bob := r.dial(t, "/chat"), r.dial(t, "/chat")
	enter(t, ann, "Ann", "lobby")
	enter(t, bob, "Bob", "lobby")
	names := func(want string) {
		t.Helper()
		ann.await("people "+want, func(m plainMessage) bool {
			if m.Event != "people" {
				return false
			}
			var all []string
			for _, p := range decode[presence](t, m.Data).People {
				all = append(all, p.Name)
			}
			return strings.Join(all, " ") == want
		})
	}
	names("Ann Bob")
	bob.ask(5, "introduce", `{"name":"Zed"}`)
	names("Ann Zed")
	bob.conn.Close()
	names("Ann")
}

func TestTypingReachesTheOthers(t *testing.T) {
	r := start(t, "-demo")
	ann, bob := r.dial(t, "/chat"), r.dial(t, "/chat")
	enter(t, ann, "Ann", "lobby")
	enter(t, bob, "Bob", "lobby")
	ann.send(`{"event":"typing","data":{"room":"lobby"}}`)
	if got := decode[typingNotice](t,
		bob.await("typing", isEvent("typing")).Data); got.Name != "Ann" || got.Room != "lobby" {
		t.Errorf("notice %+v", got)
	}
}

func TestStatsAreBroadcast(t *testing.T) {
	r := start(t, "-demo")
	c := r.dial(t, "/chat")
	if got := decode[statsReport](t,
		c.await("stats", isEvent("stats")).Data); got.Connections != 1 || got.MemoryBytes == 0 {
		t.Errorf("stats %+v, want one connection and some memory", got)
	}
}

func TestDropEndsTheConnection(t *testing.T) {
	c := start(t, "-demo").dial(t, "/chat")
	c.send(`{"event":"drop"}`)
	for {
		if _, err := c.conn.Read(make([]byte, 4096)); err != nil {
			if strings.Contains(err.Error(), "timeout") {
				t.Error("the connection stayed open")
			}
			return
		}
	}
}

func TestChatRefusesWhatIsOutOfBounds(t *testing.T) {
	r := start(t, "-demo")
	stranger := r.dial(t, "/chat")
	if m := stranger.ask(1, "join", `{"room":"lobby"}`); m.Error == nil {
		t.Error("joined without a name")
	}
	c := r.dial(t, "/chat")
	enter(t, c, "Ann", "lobby")
	quoted := func(s string, n int) string { return `"` + strings.Repeat(s, n) + `"` }
	for i, test := range []struct{ name, event, data string }{
		{"no name", "introduce", `{"name":" \t "}`},
		{"long name", "introduce", `{"name":` + quoted("é", maxNameRunes+1) + `}`},
		{"name of another type", "introduce", `{"name":5}`},
		{"long text", "say", `{"room":"lobby","text":` + quoted("é", maxTextRunes+1) + `}`},
		{"no text", "say", `{"room":"lobby","text":"  \n "}`},
		{"a room not joined", "say", `{"room":"games","text":"hi"}`},
		{"room with markup", "join", `{"room":"<b>"}`},
		{"no room", "join", `{"room":""}`},
		{"a socket's id as room", "join", `{"room":"ss_AAAAAAAAAAAAAAAAAAAAAA"}`},
		{"no data", "say", `null`},
	} {
		if m := c.ask(uint64(10+i), test.event, test.data); m.Error == nil ||
			m.Error.Message == "" {
			t.Errorf("%s: accepted: %s", test.name, m.Data)
		}
	}
}

func TestCleaning(t *testing.T) {
	for _, test := range []struct{ in, want string }{
		{"  Ann \t Bee ", "Ann Bee"},
		{"a\u202eb\u0000c", "abc"},
		{"👩‍🚀 ok", "👩‍🚀 ok"},
		{strings.Repeat("é", maxNameRunes), strings.Repeat("é", maxNameRunes)},
	} {
		if got, err := cleanLine(test.in, maxNameRunes, "name"); err != nil || got != test.want {
			t.Errorf("cleanLine(%q) = %q, %v; want %q", test.in, got, err, test.want)
		}
	}
	if got, err := cleanText(" one\r\ntwo\u2066 "); err != nil || got != "one \ntwo" {
		t.Errorf("cleanText = %q, %v", got, err)
	}
	if got, err := cleanRoom(" My Room 2 "); err != nil || got != "my-room-2" {
		t.Errorf("cleanRoom = %q, %v", got, err)
	}
}

func TestRoomsAreBounded(t *testing.T) {
	r := start(t, "-demo")
	c := r.dial(t, "/chat")
	enter(t, c, "Ann", "lobby")
	for i := 1; i <= maxJoined; i++ {
		m := c.ask(uint64(10+i), "join", fmt.Sprintf(`{"room":"room-%d"}`, i))
		if refused := m.Error != nil; refused != (i == maxJoined) {
			t.Fatalf("room %d of %d: error %+v", i+1, maxJoined, m.Error)
		}
	}
}

func TestTooFastIsRefused(t *testing.T) {
	c := start(t, "-demo").dial(t, "/chat")
	enter(t, c, "Ann", "lobby")
	for i := range 100 * requestBurst {
		m := c.ask(uint64(10+i), "say", `{"room":"lobby","text":"spam"}`)
		if m.Error != nil {
			if m.Error.Code != "ERR_RATE_001" {
				t.Errorf("error %+v, want ERR_RATE_001", m.Error)
			}
			return
		}
	}
	t.Error("no limit")
}

func get(t *testing.T, r *running, path, encoding string) (*http.Response, []byte) {
	t.Helper()
	req, err := http.NewRequest("GET", "http://"+r.addr.String()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept-Encoding", encoding)
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true},
		Timeout: patience}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, body
}

func TestPageIsServed(t *testing.T) {
	r := start(t, "-demo")
	for path, kind := range map[string]string{
		"/": "text/html; charset=utf-8", "/arena.css": "text/css; charset=utf-8",
		"/js/arena/main.js": "text/javascript; charset=utf-8", "/icon.svg": "image/svg+xml",
	} {
		resp, body := get(t, r, path, "identity")
		if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != kind || len(body) == 0 {
			t.Errorf("%s: %s, %s, %d bytes", path, resp.Status, resp.Header.Get("Content-Type"),
				len(body))
		}
		policy := resp.Header.Get("Content-Security-Policy")
		if !strings.Contains(policy, "default-src 'none'") ||
			strings.Contains(policy, "unsafe-inline") || strings.Contains(policy, "'unsafe-eval'") {
			t.Errorf("%s: policy %q", path, policy)
		}
		zipped, packed := get(t, r, path, "br, gzip")
		if zipped.Header.Get("Content-Encoding") == "gzip" {
			reader, err := gzip.NewReader(strings.NewReader(string(packed)))
			if err != nil {
				t.Fatal(err)
			}
			if plain, err := io.ReadAll(reader); err != nil || string(plain) != string(body) {
				t.Errorf("%s: unpacked %d bytes of %d, %v", path, len(plain), len(body), err)
			}
		}
		if resp.Header.Get("ETag") == "" || resp.Header.Get("ETag") == zipped.Header.Get("ETag") &&
			len(packed) != len(body) {
			t.Errorf("%s: entity tags %q and %q", path, resp.Header.Get("ETag"),
				zipped.Header.Get("ETag"))
		}
	}
	if resp, _ := get(t, r, "/none", ""); resp.StatusCode != 404 {
		t.Errorf("/none: %s", resp.Status)
	}
}

func TestWasmIsServedAsWasm(t *testing.T) {
	r := start(t, "-demo")
	if _, err := web.ReadFile("web/dist/smartsocket.wasm"); err != nil {
		t.Skip("the browser client is not built: run make wasm")
	}
	resp, body := get(t, r, "/dist/smartsocket.wasm", "gzip")
	if resp.Header.Get("Content-Type") != "application/wasm" ||
		resp.Header.Get("Content-Encoding") != "gzip" || len(body) > 1<<20 {
		t.Errorf("%s, %s, %d bytes", resp.Header.Get("Content-Type"),
			resp.Header.Get("Content-Encoding"), len(body))
	}
}

func TestCachedPageIsNotSentAgain(t *testing.T) {
	r := start(t, "-demo")
	first, _ := get(t, r, "/", "gzip")
	req, err := http.NewRequest("GET", "http://"+r.addr.String()+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept-Encoding", "gzip")
	req.Header.Set("If-None-Match", first.Header.Get("ETag"))
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true},
		Timeout: patience}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusNotModified {
		t.Errorf("%s, want 304", resp.Status)
	}
}

func TestHealthAndStats(t *testing.T) {
	r := start(t, "-demo")
	if resp, body := get(t, r, "/healthz", ""); resp.StatusCode != 200 ||
		!strings.Contains(string(body), "ok") {
		t.Errorf("/healthz: %s %s", resp.Status, body)
	}
	_, body := get(t, r, "/stats", "")
	stats := decode[map[string]json.RawMessage](t, body)
	if stats["server"] == nil || stats["connections"] == nil || stats["namespaces"] == nil {
		t.Errorf("/stats: %s", body)
	}
}

package page_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// All of the page in one Chromium. Nothing that is tried in one tab concerns another.
func TestAdminPage(t *testing.T) {
	browser := openBrowser(t)
	for name, try := range map[string]func(*testing.T, context.Context){
		"sign in": signIn, "overview": overview, "rooms and search": roomsAndSearch, "tail": tail,
		"actions": actions, "phone and keyboard": phoneAndKeyboard,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			try(t, browser)
		})
	}
}

// signIn gives the token, and a name for the log.
func (p *tab) signIn(url string) {
	p.t.Helper()
	p.do(chromedp.Navigate(url + "/"))
	p.until("asks for the token", `document.body.dataset.state === 'login'`)
	p.enter("token", token)
	p.enter("who", "anna")
	p.press("Sign in")
	p.until("is signed in", `document.body.dataset.state === 'online'`)
}

// The token is asked for, a wrong one is refused, and the right one is nowhere but in this tab.
func signIn(t *testing.T, browser context.Context) {
	w := newWorld(t)
	p := openTab(t, browser, 1280, 800)
	url := w.listen("")
	p.do(chromedp.Navigate(url + "/#/control"))
	p.until("asks for the token", `document.activeElement.id === 'token'`)
	p.enter("token", "a-wrong-token-of-16-bytes")
	p.press("Sign in")
	p.shows("The server does not take this token.")
	p.until("shows nothing else", `document.querySelector('nav').hidden`)
	p.shoot("login")
	p.enter("token", token)
	p.press("Sign in")
	p.shows("Every action is in the server’s log, with who did it: token.")
	kept := fmt.Sprintf(`[localStorage, sessionStorage].some((s) => `+
		`JSON.stringify(s).includes(%q)) || document.cookie !== '' || `+
		`document.documentElement.outerHTML.includes(%q) || `+
		`[location, document.referrer, ...performance.getEntries().map((e) => e.name)]`+
		`.join().includes(%q)`, token, token, token)
	p.until("keeps the token to itself", "!("+kept+")")
	p.do(chromedp.Reload())
	p.until("asks for it again", `document.body.dataset.state === 'login'`)
	p.enter("token", token)
	p.do(chromedp.Click("#keep", chromedp.ByQuery))
	p.press("Sign in")
	p.shows("with who did it: token.")
	p.do(chromedp.Reload())
	p.shows("with who did it: token.")
	p.until("keeps it in this tab only", `sessionStorage.length === 1 && localStorage.length === 0`)
	p.press("Sign out")
	p.until("forgets it", `document.body.dataset.state === 'login' && sessionStorage.length === 0`)
	p.clean()
}

// The overview has the node and its peer, and its numbers are those of now.
func overview(t *testing.T, browser context.Context) {
	w := newWorld(t)
	w.crowd(6)
	p := openTab(t, browser, 1280, 900)
	p.signIn(w.listen("/tools/ops"))
	value := func(name string) string {
		return fmt.Sprintf(`document.querySelector('[aria-label=%q] output').textContent`, name)
	}
	p.until("counts the connections", value("Connections")+` === '6'`)
	p.until("knows the other node", `[...document.querySelectorAll('tr')].some((r) => `+
		`r.innerText.includes('blue') && r.innerText.includes('present'))`)
	p.shows("Ready")
	p.shows("Nothing was refused.")
	anna := w.player("anna", "red room")
	p.until("counts one more", value("Connections")+` === '7'`)
	move := anna.move(t)
	p.until("counts messages", `parseFloat(`+value("Messages in")+`) > 5 && parseFloat(`+
		value("Messages out")+`) > 5`, move, p.look)
	p.until("draws a curve", `document.querySelector('[aria-label="Messages in"] .line')`+
		`.getAttribute('d').includes('L')`)
	w.refuse()
	p.shows("1 connection refused in the last minute, because of namespace: mend the client's URL",
		p.look)
	p.until("says why", `[...document.querySelectorAll('.bars li')].some((li) => `+
		`li.innerText.includes('namespace'))`)
	p.shoot("overview-light")
	p.scheme("dark")
	p.shoot("overview-dark")
	w.down.Store(true)
	p.shows("No answer from the server since", p.look)
	p.shoot("lost-dark")
	w.down.Store(false)
	p.press("Try now")
	p.until("is back", `document.body.dataset.state === 'online' && `+
		`document.getElementById('banner').hidden`)
	p.do(chromedp.Evaluate(`location.hash = '#/control'`, nil))
	p.until("is elsewhere", `document.querySelector('h1').textContent === 'Control'`)
	p.do(chromedp.Evaluate(`location.hash = '#/constructor'`, nil)) // which every object has
	p.until("is back", `document.querySelector('h1').textContent === 'Overview'`)
	p.clean()
}

// Rooms, their members, and the search lead to a socket.
func roomsAndSearch(t *testing.T, browser context.Context) {
	w := newWorld(t)
	w.crowd(60)
	anna := w.player("anna <b>", "red <room>/1", "lobby")
	p := openTab(t, browser, 1280, 900)
	p.signIn(w.listen("/tools/ops"))
	p.press("Rooms")
	p.until("moved the focus", `document.activeElement.textContent === 'Rooms'`)
	p.press("/arena")
	p.shows("17 rooms")
	p.shoot("rooms-light")
	p.enter("room-name", "lob")
	p.shows("1 room")
	p.press("lobby")
	p.shows("1 to 50 of 61 members")
	p.press("Next")
	p.shows("51 to 61 of 61 members")
	p.press("Previous")
	p.shows("1 to 50 of 61 members")
	p.press("Sockets")
	p.shows("1 to 50 of 61 sockets")
	p.shoot("sockets-light")
	found := func(by, q string) {
		t.Helper()
		p.choose("by", by)
		p.enter("q", q)
		p.until("finds "+q, fmt.Sprintf(`document.querySelectorAll('tbody tr').length === 1 && `+
			`document.querySelector('tbody a').textContent === %q`, anna.id))
	}
	found("identity", "anna")
	found("", anna.id)
	p.enter("q", "10.0.0.0/8")
	p.shows("No socket of this node matches.")
	p.enter("namespace", "/nowhere")
	p.shows("There is no namespace")
	p.enter("namespace", " ")
	found("", "anna")
	p.press(anna.id)
	p.until("names it", fmt.Sprintf(`document.querySelector('h1').textContent === %q`,
		"anna <b> "+anna.id))
	p.shows("red <room>/1")
	p.until("counts its messages", `parseFloat(document.querySelector(`+
		`'[aria-label="Messages in"] output').textContent) > 1`, anna.move(t))
	p.shoot("socket-light")
	p.press("red <room>/1")
	p.shows("1 member")
	p.shoot("room-light")
	p.clean()
}

// What happens is shown as it does, and data only to who asks for it, which the log has.
func tail(t *testing.T, browser context.Context) {
	w := newWorld(t)
	anna := w.player("anna", "red")
	p := openTab(t, browser, 1280, 900)
	p.signIn(w.listen("/tools/ops"))
	p.press("Tail")
	p.press("in")
	p.enter("event", "mo*")
	p.press("Start")
	p.shows("Following")
	move := anna.move(t)
	row := func(part string) string {
		return fmt.Sprintf(`[...document.querySelectorAll('.tail tbody tr')].some((r) => `+
			`r.innerText.includes('move') && r.innerText.includes(%q))`, part)
	}
	p.until("shows an event", row(anna.id), move)
	p.until("shows no other", `[...document.querySelectorAll('.tag')].every((c) => `+
		`c.textContent === 'in')`)
	p.until("shows no data", "!"+row(`{"x":1}`))
	p.do(chromedp.Click("#data", chromedp.ByQuery))
	p.shows("Show the data of events?")
	p.do(chromedp.KeyEvent(kb.Escape))
	p.until("asked in vain", `!document.getElementById('data').checked`)
	p.do(chromedp.Click("#data", chromedp.ByQuery))
	p.press("Show data")
	w.logged(`action="tail with data" who=anna`)
	p.until("shows data", row(`{"x":1}`), move)
	p.shoot("tail-light")
	p.scheme("dark")
	p.shoot("tail-dark")
	w.down.Store(true)
	w.cut()
	p.shows("It goes on when that is back.")
	w.down.Store(false)
	p.look()
	p.until("goes on", `!document.body.innerText.includes('It goes on')`)
	w.logged(`action="tail with data" who=anna`)
	p.until("shows what comes then", `document.querySelectorAll('.data').length > 1`, move)
	p.press("Stop")
	p.shows("Stopped")

	p.enter("event", "flood")
	p.press("in") // off again
	p.press("Start")
	p.shows("Following: 0 events.")
	red := w.server.Namespace("/arena").To("red")
	emit := func(n int, data any) func() {
		return func() {
			for range n {
				if _, err := red.Emit("flood", data); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	p.until("says what it leaves out", `/and [\d,]+ were too fast/.test(document.body.innerText)`,
		emit(1000, 1))
	p.until("shows the newest", `document.querySelector('.tail .data')?.textContent === '2'`,
		emit(1, 2))
	p.until("bounds its list", `document.querySelectorAll('.tail tbody tr').length <= 500`)
	p.clean()
}

// Nothing is done without a question, and what is confirmed is really done.
func actions(t *testing.T, browser context.Context) {
	w := newWorld(t)
	anna, ben := w.player("anna", "red", "blue"), w.player("ben", "red")
	p := openTab(t, browser, 1280, 900)
	p.signIn(w.listen("/tools/ops"))
	arena := w.server.Namespace("/arena")
	p.visit("#/socket?id=" + anna.id)
	p.do(chromedp.Click(`[aria-label="Leave blue"]`, chromedp.ByQuery))
	p.press("Leave")
	p.until("has left", `document.querySelectorAll('.rooms li').length === 1`)
	if n := arena.RoomLen("blue"); n != 0 {
		t.Errorf("%d are in the room that anna has left", n)
	}
	p.press("Disconnect…")
	p.shows("Disconnect this socket?")
	p.shoot("dialog-light")
	p.until("begins at Cancel", `document.activeElement.textContent === 'Cancel'`)
	p.do(chromedp.KeyEvent(kb.Escape))
	p.until("gives the focus back", `document.activeElement.textContent === 'Disconnect…' && `+
		`!document.getElementById('ask').open`)
	if !anna.Connected() {
		t.Fatal("Escape has disconnected")
	}
	p.press("Disconnect…")
	p.press("Disconnect")
	<-anna.ended
	p.shows("This socket has ended.")
	w.logged(`action=disconnect who=anna`)

	carl := w.player("carl", "green")
	p.visit("#/socket?id=" + carl.id)
	p.press("Disconnect…")
	p.do(chromedp.Click(`dialog input[value="3000"]`, chromedp.ByQuery))
	p.press("Disconnect")
	<-carl.ended
	if recovered := <-carl.back; !recovered {
		t.Error("carl has lost his session")
	}
	if s := arena.Socket(carl.id); s == nil || !s.Connected() || !s.In("green") {
		t.Error("carl is not back in his session")
	}

	p.visit("#/room?namespace=/arena&room=red")
	p.shows("1 member")
	p.press("Disconnect all…")
	p.until("waits for the room's name", `document.getElementById('ask-confirm').disabled`)
	p.enter("ask-word", "red")
	p.press("Disconnect all")
	<-ben.ended
	p.shows("Nobody is in this room now.")

	p.press("Control")
	p.press("Set…")
	p.press("Set the level")
	p.shows("It is at debug.")
	if l := w.level.Level(); l != slog.LevelDebug {
		t.Errorf("the level is %v", l)
	}
	p.press("Reload…")
	p.press("Reload")
	p.shows("Changed: rateLimitWindow")
	p.shoot("control-light")
	p.press("Drain…")
	p.enter("ask-word", "drain")
	p.shoot("drain-light")
	w.down.Store(true) // what fails is said, and nothing is done
	p.press("Drain")
	p.until("says what failed", `document.querySelector('dialog .error').textContent === `+
		`'The server does not answer.'`)
	w.down.Store(false)
	p.press("Drain")
	<-w.drained
	p.shows("This node drains")
	p.clean()
}

// Nothing is wider than a phone, and everything can be reached by keyboard.
func phoneAndKeyboard(t *testing.T, browser context.Context) {
	w := newWorld(t)
	w.crowd(9)
	anna := w.player("a-player-with-a-rather-long-name@games.example.com", "red",
		"a-room-whose-name-is-long-enough-for-two-lines-on-a-phone", "lobby")
	p := openTab(t, browser, 390, 844)
	p.signIn(w.listen("/tools/ops"))
	p.scheme("light")
	for name, hash := range map[string]string{
		"overview": "#/", "rooms": "#/rooms?namespace=/arena", "sockets": "#/sockets",
		"room": "#/room?namespace=/arena&room=lobby", "socket": "#/socket?id=" + anna.id,
		"tail": "#/tail?start=1", "control": "#/control",
	} {
		p.visit(hash)
		switch name {
		case "overview":
			p.until("is filled", `document.querySelector('.health strong').textContent !== '' `)
		case "rooms", "room", "sockets":
			p.until("has its list", `document.querySelectorAll('.list tbody tr').length > 0`)
		case "socket":
			p.shows("games.example.com")
		case "tail":
			p.until("shows an event", `document.querySelector('.tail .id')`, anna.move(t))
		case "control":
			p.shows("It is at info.")
		}
		for _, width := range []int64{320, 390} {
			p.size(width, 844)
			p.until(fmt.Sprintf("fits into %d points with %s", width, name),
				`document.documentElement.scrollWidth <= innerWidth`)
		}
		p.shoot("phone-" + name)
	}
	p.visit("#/rooms")
	p.until("shows it", `document.activeElement.textContent === 'Rooms'`)
	p.do(chromedp.Evaluate(`document.activeElement.blur(); scrollTo(0, 0)`, nil))
	p.do(chromedp.Reload()) // which signs out
	p.until("asks for the token", `document.activeElement.id === 'token'`)
	p.do(chromedp.KeyEvent(token + kb.Tab + " " + kb.Tab + kb.Enter))
	p.until("is signed in", `document.body.dataset.state === 'online' && `+
		`sessionStorage.length === 1`)
	p.do(chromedp.Evaluate(`document.getElementById('skip').focus()`, nil),
		chromedp.KeyEvent(kb.Enter))
	p.until("skips to the content", `document.activeElement.id === 'main'`)
	p.do(chromedp.Evaluate(`document.querySelector('nav a').focus()`, nil),
		chromedp.KeyEvent(kb.Tab+kb.Tab+kb.Enter))
	p.until("follows a link", `location.hash === '#/sockets' && `+
		`document.activeElement.tagName === 'H1'`)
	p.do(chromedp.KeyEvent(kb.Tab + "rather"))
	p.until("finds by keyboard", `document.querySelectorAll('tbody tr').length === 1`)
	p.clean()
}

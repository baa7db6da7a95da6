package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/smartsocket/smartsocket/crypto"
)

// core lists the templates that make test tries. make test-templates tries all.
var core = []string{
	"jest", "next", "node", "service-worker", "vite-react", "vite-vue", "webpack",
}

// template is a folder beside this file: a project to copy.
type template struct {
	folder string
	tool   string // the npm package whose version the table shows, or "node", or "-" for none
	tries  []try
}

// try is one way to build and run a template. One of static, serve, run and test is set.
type try struct {
	name   string
	build  string   // the npm script that builds, or ""
	hidden []string // packages that are not there while it builds, or runs if nothing is built
	node   string   // the folder that has the Node.js to use
	rare   bool     // make test leaves it out
	static string   // the folder with the page, which the test serves together with the arena
	serve  string   // the npm script with which the tool itself serves the page
	port   string   // how serve is told its port, as in "--port %d"
	run    string   // the npm script of a program that prints its state, as a line of JSON
	test   string   // the same of one that ends by itself, with success
	key    string   // the encryption key of server and client
	awaits string   // what the client must learn before this can work

	// install is the package whose install script must run: it takes its program from a package of
	// this platform and downloads nothing.
	install string
	// show is another way to run what was built.
	show func(*testing.T, *project, *row)
}

// ws is the package that Node.js before 22 needs, and no build.
var ws = []string{"ws"}

// The tests have a function each, so that make test can repeat one that failed.

func TestNode(t *testing.T) {
	const newer = "testdata/node22"
	attempt(t, template{"node", "node", []try{
		{name: "ESM", run: "start"},
		{name: "CommonJS", run: "start:cjs"},
		{name: "ESM, newer", run: "start", hidden: ws, node: newer, rare: true},
		{name: "CommonJS, newer", run: "start:cjs", hidden: ws, node: newer, rare: true},
	}})
}

func TestViteReact(t *testing.T) {
	attempt(t, template{"vite-react", "vite", []try{
		{name: "build", build: "build", static: "dist"},
		{name: "dev", serve: "dev", port: "--port %d --strictPort"},
	}})
}

func TestViteVue(t *testing.T) {
	attempt(t, template{"vite-vue", "vue", []try{
		{name: "build", build: "build", static: "dist"},
		{name: "dev", serve: "dev", port: "--port %d --strictPort"},
	}})
}

func TestNext(t *testing.T) {
	const port = "--port %d --hostname localhost"
	attempt(t, template{"next", "next", []try{
		{name: "turbopack", build: "build", hidden: ws, serve: "start", port: port},
		{name: "webpack", build: "build:webpack", hidden: ws, serve: "start", port: port},
		{name: "dev", serve: "dev", port: port},
	}})
}

func TestJest(t *testing.T) {
	attempt(t, template{"jest", "jest", []try{
		{name: "node", test: "test:node"},
		{name: "jsdom", test: "test:jsdom"},
	}})
}

func TestServiceWorker(t *testing.T) {
	key := crypto.GenerateKey()
	attempt(t, template{"service-worker", "-", []try{
		{name: "plain", static: "."},
		{name: "encrypted", static: ".", key: key.Encode()},
	}})
}

func TestWebpack(t *testing.T) {
	attempt(t, template{"webpack", "webpack", []try{
		{name: "page", build: "build", static: "."},
		{name: "node", build: "build:node", hidden: ws, run: "start:node"},
	}})
}

// attempt builds and runs a template in all its ways. TEMPLATES says which templates are wanted:
// core, all, or names with commas between them. One that is named is tried even where the client is
// known to fail.
func attempt(t *testing.T, tm template) {
	wanted := strings.Split(os.Getenv("TEMPLATES"), ",")
	named := slices.Contains(wanted, tm.folder)
	switch {
	case wanted[0] == "":
		t.Skip("make test-templates tries the templates, and installs what they depend on")
	case named, wanted[0] == "all", wanted[0] == "core" && slices.Contains(core, tm.folder):
	default:
		t.Skip("make test-templates tries this template too")
	}
	t.Parallel()
	p := install(t, tm)
	for _, way := range tm.tries {
		if way.rare && wanted[0] == "core" {
			continue
		}
		t.Run(way.name, func(t *testing.T) {
			r := row{template: tm.folder, try: way.name}
			defer func() { record(r) }()
			p.path = nil
			if way.node != "" {
				p.node(t, way.node)
			}
			r.version = p.version(t, tm.tool)
			if way.awaits != "" && !named {
				r.awaits = way.awaits
				t.Skipf("the client does not have it yet: %s", way.awaits)
			}
			way.check(t, p, &r)
			if r.state != wantedState {
				t.Errorf("its state is %s, want %s", r.state, wantedState)
			}
		})
	}
}

// check builds and runs it, and notes what it has done.
func (way try) check(t *testing.T, p *project, r *row) {
	unhide := sync.OnceFunc(p.hide(t, way.hidden))
	defer unhide()
	if way.install != "" {
		p.runInstallScript(t, way.install)
	}
	if way.build != "" {
		began := time.Now()
		p.build(t, way.build)
		r.built = time.Since(began)
		unhide()
	}
	switch {
	case way.show != nil:
		way.show(t, p, r)
	case way.run != "":
		runProgram(t, p, way.run, r)
	case way.test != "":
		runTest(t, p, way.test, r)
	case way.serve != "":
		servePage(t, p, way, r)
	default:
		staticPage(t, p, way, r)
	}
}

// state is what each template tells of its client: a page in its element "state", a program in
// lines of its output, both as JSON. It changes with every event.
type state struct {
	Status    string `json:"status"`    // connecting, connected or away
	Players   int    `json:"players"`   // what the ack of "join" said
	Moves     []int  `json:"moves"`     // X of each "moved"
	Cuts      int    `json:"cuts"`      // how often the connection was lost
	Recovered *bool  `json:"recovered"` // what "reconnected" said
}

// wantedState is that of a client which has done everything, see startArena.
const wantedState = `{"status":"connected","players":1,"moves":[1,2,3],"cuts":1,"recovered":true}`

// row is a row of the table.
type row struct {
	template, try, version string
	built                  time.Duration
	size                   int    // of the page's scripts, compressed
	awaits                 string // what it was not tried for
	state                  string // the last that was seen
}

// steps tells which parts of the exercise have worked.
func (r row) steps() (steps [5]string) {
	var s state
	ok := json.Unmarshal([]byte(r.state), &s) == nil
	recovered := s.Recovered != nil && *s.Recovered
	for i, did := range []bool{s.Status != "" && s.Status != "connecting", len(s.Moves) > 0,
		s.Players == 1, s.Cuts == 1, recovered && slices.Equal(s.Moves, []int{1, 2, 3})} {
		steps[i] = "NO"
		if ok && did {
			steps[i] = "yes"
		}
	}
	return steps
}

var (
	rowsMu sync.Mutex
	rows   []row
)

func record(r row) {
	rowsMu.Lock()
	defer rowsMu.Unlock()
	rows = append(rows, r)
}

// table shows what was tried.
func table(rows []row) []byte {
	slices.SortFunc(rows, func(a, b row) int {
		return strings.Compare(a.template+" "+a.try, b.template+" "+b.try)
	})
	var out bytes.Buffer
	notes := ""
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "template\t\tversion\tbuild s\tJS of the page, gz kB\tconnect\tevent\tack\t"+
		"cut\tresume")
	for _, r := range rows {
		build, size := "", ""
		if r.built >= time.Second/10 {
			build = fmt.Sprintf("%.1f", r.built.Seconds())
		}
		if r.size > 0 {
			size = fmt.Sprintf("%.1f", float64(r.size)/1000)
		}
		s := r.steps()
		if r.awaits != "" {
			s = [5]string{"-", "-", "-", "-", "-"}
			notes += fmt.Sprintf("%s %s was not tried: it awaits %s\n", r.template, r.try, r.awaits)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", r.template, r.try, r.version, build, size,
			strings.Join(s[:], "\t"))
	}
	w.Flush()
	out.WriteString(notes)
	return out.Bytes()
}

// TestMain prints the table and leaves it in artifacts/templates.txt.
func TestMain(m *testing.M) {
	code := m.Run()
	closeBrowser()
	if len(rows) > 0 {
		text := table(rows)
		os.Stdout.Write(text)
		if err := os.WriteFile(filepath.Join(artifacts, "templates.txt"), text, 0o644); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

package archtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/smartsocket/smartsocket"

// below lists, for each package, the packages of ours that it may import. A package that is missing
// here fails the test: give it a place.
var below = map[string][]string{
	"crypto/tiny":    {},
	"crypto":         {"crypto/tiny"},
	"pool/tinyflate": {},
	"pool":           {"pool/tinyflate"},
	"frame":          {"pool"},
	"reactor":        {"pool", "internal/goid"},
	"message":        {"crypto", "pool"},
	"websocket":      {"reactor", "frame", "pool", "internal/socketpair"},
	// The mechanisms of the root package. None knows a type of the root.
	"internal/burst":      {},
	"internal/hub":        {},
	"internal/lifetime":   {"internal/testclock"},
	"internal/watchdog":   {"internal/testclock"},
	"internal/logline":    {},
	"internal/testclock":  {},
	"internal/question":   {"internal/testclock"},
	"internal/goid":       {},
	"internal/budget":     {},
	"internal/departure":  {"internal/ending"},
	"internal/socketpair": {},
	"internal/ending":     {},
	"internal/mailbox":    {"internal/goid"},
	"internal/registry":   {},
	"internal/ratelimit":  {},
	"internal/metrics":    {},
	"internal/certfile":   {},
	"internal/admission":  {},
	"internal/bounds":     {},
	"internal/fairqueue":  {"internal/mailbox"},
	"internal/vetting":    {"message", "internal/fairqueue", "internal/opening"},
	"internal/opening":    {"frame"},
	"internal/grant":      {"message"},
	"internal/fault":      {"message"},
	"internal/sealing":    {"message", "crypto", "pool", "internal/bounds"},
	"internal/advice":     {},
	"internal/claim":      {},
	"internal/values":     {},
	"internal/clocksync":  {"message"},
	"internal/middleware": {},
	"internal/socketid":   {},
	"internal/health":     {"frame"},
	"internal/incoming":   {"message", "frame", "pool", "internal/fault", "internal/outgoing"},
	"internal/refusal": {
		"message", "internal/fault", "internal/hub", "internal/incoming", "internal/outgoing",
		"internal/ratelimit",
	},
	"internal/greeting": {"message", "frame", "pool", "internal/fault", "internal/sealing"},
	"internal/outgoing": {"message", "frame", "pool"},
	"internal/envelope": {"message", "internal/outgoing", "internal/hub"},
	"internal/turnaway": {"websocket", "frame", "message", "internal/admission", "internal/burst"},
	"internal/journal": {"message", "internal/burst", "internal/budget", "internal/outgoing",
		"internal/tail"},
	"internal/tail":    {},
	"internal/inspect": {},
	"internal/pulse":   {"internal/metrics"},
	"internal/session": {"message", "pool"},
	"internal/ledger":  {"message", "pool"},
	"internal/succession": {"message", "pool", "internal/grant", "internal/ledger",
		"internal/session", "internal/testclock"},
	"": {
		"websocket", "reactor", "frame", "message", "crypto", "pool",
		"internal/hub", "internal/mailbox", "internal/registry", "internal/ratelimit",
		"internal/metrics", "internal/certfile", "internal/admission", "internal/fault",
		"internal/outgoing", "internal/session", "internal/ledger",
		"internal/burst", "internal/journal",
		"internal/lifetime", "internal/logline", "internal/question", "internal/sealing",
		"internal/watchdog", "internal/bounds", "internal/ending", "internal/budget",
		"internal/departure",
		"internal/turnaway", "internal/envelope", "internal/opening", "internal/vetting",
		"internal/advice", "internal/health", "internal/incoming", "internal/refusal",
		"internal/greeting", "internal/claim", "internal/middleware", "internal/socketid",
		"internal/values", "internal/clocksync", "internal/testclock", "internal/grant",
		"internal/tail", "internal/inspect", "internal/pulse", "internal/succession",
	},
	"ops": {"", "cluster", "frame", "reactor", "internal/inspect", "internal/metrics",
		"internal/tail", "internal/turnaway"},
	"ops/page": {},
	"client": {"message", "pool", "frame", "crypto", "internal/registry",
		"internal/ratelimit", "internal/fault", "room/state"},
	"smartsockettest": {"", "client", "frame", "message",
		"internal/socketpair", "internal/testclock"},
	"cluster":    {""},
	"room":       {"", "frame", "message", "room/state"},
	"room/state": {"message"},
	"handover":   {"reactor", "internal/socketpair"},
	"config":     {}, // the root's options are a struct like any other to it
	"wasm":       {"client", "message", "pool", "crypto"},
}

// helpers are the packages of internal that only tests use, programs, or the make targets.
var helpers = []string{
	"internal/archtest", "internal/browsertest", "internal/contract", "internal/freeport",
	"internal/leaktest", "internal/mutate", "internal/nodetest", "internal/race",
	"internal/selfsigned", "internal/setuptest", "internal/testreport",
}

// programs and helpers may import whatever they need. Nothing of the product imports them; test
// has nothing but tests, which see the whole from outside.
var programs = append([]string{"cmd", "examples", "bench", "conformance", "test"}, helpers...)

// doors names, for each dependency, the only package that may import it.
var doors = map[string]string{
	"github.com/cloudwego/netpoll":        "reactor",
	"github.com/gobwas/ws":                "frame",
	"github.com/bytedance/sonic":          "message",
	"github.com/klauspost/compress":       "pool",
	"github.com/valyala/bytebufferpool":   "pool",
	"github.com/nats-io/nats.go":          "cluster",
	"go.yaml.in/yaml":                     "config",
	"github.com/HdrHistogram":             "cmd/server/loadtest",
	"golang.org/x/tools":                  "internal/contract",
	"crypto/aes":                          "crypto",
	"crypto/cipher":                       "crypto",
	"github.com/chromedp/chromedp":        "", // tests only
	"github.com/nats-io/nats-server":      "",
	"github.com/gorilla/websocket":        "",
	"github.com/prometheus/client_golang": "ops",
}

// heavy lists what must not be in the browser build, because each of them weighs more than the
// whole wire code.
var heavy = []string{
	"github.com/cloudwego/netpoll", "github.com/bytedance/sonic", "net", "net/http", "crypto/tls",
	"fmt", "reflect", "encoding/json", "log/slog", "os/exec",
	"os", "time", "crypto/aes", "crypto/cipher", "crypto/sha256", "slices", "encoding/base64",
}

type pkg struct {
	ImportPath   string
	Imports      []string
	TestImports  []string
	XTestImports []string
}

// short returns the path of a package inside the module, "" for the root.
func short(path string) (string, bool) {
	if path == module {
		return "", true
	}
	return strings.CutPrefix(path, module+"/")
}

func within(path, prefix string) bool {
	return path == prefix || strings.HasPrefix(path, strings.TrimSuffix(prefix, "/")+"/")
}

func isProgram(name string) bool {
	return slices.ContainsFunc(programs, func(p string) bool { return within(name, p) })
}

// list runs go list -json in the root of the module.
func list(t *testing.T, env []string, args ...string) []pkg {
	t.Helper()
	cmd := exec.Command("go",
		append([]string{"list", "-json=ImportPath,Imports,TestImports,XTestImports"}, args...)...)
	cmd.Dir = "../.."
	cmd.Env = append(os.Environ(), env...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, stderr.Bytes())
	}
	var pkgs []pkg
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return pkgs
		} else if err != nil {
			t.Fatal(err)
		}
		pkgs = append(pkgs, p)
	}
}

// builds are the platforms whose files are checked.
var builds = map[string][]string{
	"native":  nil,
	"browser": {"GOOS=js", "GOARCH=wasm", "CGO_ENABLED=0"},
}

func TestImportsGoDown(t *testing.T) {
	for build, env := range builds {
		for _, p := range list(t, env, "-e", "./...") {
			name, _ := short(p.ImportPath)
			allowed, known := below[name]
			if isProgram(name) {
				continue
			}
			if !known {
				t.Errorf("package %s has no place: add it to the table in this test and to "+
					"CONTRIBUTING.md", name)
				continue
			}
			for _, imported := range p.Imports {
				to, ours := short(imported)
				if ours && !slices.Contains(allowed, to) {
					t.Errorf("%s build: package %q imports %q; it may import only %q", build, name,
						to, allowed)
				}
			}
		}
	}
}

// TestTableIsTrue keeps the lines of below, and the lists beside it, in step with the packages.
func TestTableIsTrue(t *testing.T) {
	exists := make(map[string]bool)
	for _, env := range builds {
		for _, p := range list(t, env, "-e", "./...") {
			name, _ := short(p.ImportPath)
			exists[name] = true
		}
	}
	for name := range below {
		if !exists[name] {
			t.Errorf("the table has a line for package %q, which does not exist", name)
		}
	}
	for _, name := range helpers {
		if !exists[name] {
			t.Errorf("the test helper %q does not exist", name)
		}
	}
}

// TestMechanismsDoNotKnowTheRoot looks at the tests of internal too: a mechanism
// must be testable without a server.
func TestMechanismsDoNotKnowTheRoot(t *testing.T) {
	for build, env := range builds {
		for _, p := range list(t, env, "-e", "./internal/...") {
			name, _ := short(p.ImportPath)
			if slices.Contains(helpers, name) {
				continue
			}
			for _, imported := range slices.Concat(p.Imports, p.TestImports, p.XTestImports) {
				if imported == module {
					t.Errorf("%s build: package %q or its test imports the root package", build,
						name)
				}
			}
		}
	}
}

func TestOneDoorPerDependency(t *testing.T) {
	for build, env := range builds {
		for _, p := range list(t, env, "-e", "./...") {
			name, _ := short(p.ImportPath)
			for _, imported := range p.Imports {
				for dependency, door := range doors {
					if within(imported, dependency) && (name != door || door == "") &&
						!isProgram(name) {
						t.Errorf("%s build: package %q imports %s, whose one door is %q", build,
							name, imported, door)
					}
				}
			}
		}
	}
}

func TestDoorsExist(t *testing.T) {
	imports := make(map[string][]string)
	for _, p := range list(t, nil, "./...") {
		name, _ := short(p.ImportPath)
		imports[name] = p.Imports
	}
	for dependency, door := range doors {
		list, exists := imports[door]
		if door == "" || !exists {
			continue
		}
		if !slices.ContainsFunc(list, func(path string) bool { return within(path, dependency) }) {
			t.Errorf("package %q is named as the door to %s but does not import it: the table is "+
				"out of date", door, dependency)
		}
	}
}

func TestBrowserBuildIsLight(t *testing.T) {
	found := make(map[string]bool)
	for _, p := range list(t, builds["browser"], "-deps", "./wasm") {
		found[p.ImportPath] = true
	}
	if !found[module+"/message"] {
		t.Fatal("the browser build does not contain package message: this test looks at the " +
			"wrong thing")
	}
	for _, path := range heavy {
		if found[path] {
			t.Errorf("the browser build contains %s; find out why with: GOOS=js GOARCH=wasm go "+
				"mod why %s", path, path)
		}
	}
}

// TestNothingImportsPrograms keeps main packages leaves.
func TestNothingImportsPrograms(t *testing.T) {
	for _, p := range list(t, nil, "-e", "./...") {
		from, _ := short(p.ImportPath)
		for _, imported := range p.Imports {
			if to, ours := short(imported); ours && isProgram(to) && !isProgram(from) {
				t.Errorf("package %q imports the program %q", from, to)
			}
		}
	}
}

//go:build unix

package setuptest

import (
	"bufio"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// sources lists the files and folders in the top folder that are not built. Nobody has to keep a
// list of what the server imports.
func sources(t *testing.T) (names []string) {
	t.Helper()
	entries, err := os.ReadDir("../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		first, _, _ := strings.Cut(e.Name(), ".")
		if first != "" && first != "bin" && first != "dist" {
			names = append(names, e.Name())
		}
	}
	return names
}

// make run serves the page from a copy that has a space in its name, without Node.js and without a
// C compiler. A second run builds nothing; a change of any source or result makes it build again.
func TestMakeRun(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the server")
	}
	m := newMachine(t)
	m.real("go")
	m.dir = copySources(t, sources(t)...)
	m.env = goCaches(t)
	if !m.serves(t) {
		t.Fatal("the first make run built no browser client")
	}
	if m.serves(t) {
		t.Error("the second make run built the browser client again")
	}
	for _, file := range []string{
		"wasm/main.go", "message/event.go", "go.mod", "wasm/js/src/index.ts",
		"wasm/build.sh",
		"dist/index.js", "cmd/server/web/dist/smartsocket.wasm.gz",
	} {
		m.notices(t, file)
	}
}

// notices changes a file, and puts it back: what was built is out of date, and is not any more.
func (m *machine) notices(t *testing.T, file string) {
	t.Helper()
	path := filepath.Join(m.dir, file)
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		change string
		text   []byte
		code   int
	}{
		{"has changed and nothing would be built",
			append(before[:len(before):len(before)], "\n// more\n"...), 0},
		{"is as it was and would be built again", before, 1},
	} {
		if err := os.WriteFile(path, c.text, 0o600); err != nil {
			t.Fatal(err)
		}
		if got := m.run("bash", "scripts/wasm.sh", "changed"); got.code != c.code {
			t.Errorf("%s %s\n%s", file, c.change, got.stderr)
		}
	}
}

// goCaches lets the copy use what this machine has compiled and downloaded.
func goCaches(t *testing.T) []string {
	out, err := exec.Command("go", "env", "GOCACHE", "GOMODCACHE", "GOPROXY").Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(out), "\n")
	return []string{"GOCACHE=" + lines[0], "GOMODCACHE=" + lines[1], "GOPROXY=" + lines[2],
		"CC=no-compiler"}
}

var pageAddress = regexp.MustCompile(`http://localhost:\d+`)

// serves starts make run, looks at the page and its files and stops the server. It reports whether
// the browser client was built.
func (m *machine) serves(t *testing.T) (built bool) {
	t.Helper()
	cmd := m.prepare("make", "run", "ARGS=-port 0")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	output, input, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer output.Close()
	cmd.Stdout, cmd.Stderr = input, input
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	input.Close()
	defer cmd.Wait()
	defer syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	var text strings.Builder
	lines := bufio.NewScanner(output)
	for lines.Scan() {
		text.WriteString(lines.Text() + "\n")
		built = built || strings.HasPrefix(lines.Text(), "browser client: ")
		address := pageAddress.FindString(lines.Text())
		if address == "" {
			continue
		}
		for path, want := range map[string]string{"/": "<!doctype html>",
			"/dist/index.js": "SmartSocket", "/dist/smartsocket.wasm": "\x00asm"} {
			response, err := http.Get(address + path)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(response.Body)
			response.Body.Close()
			if err != nil || response.StatusCode != http.StatusOK ||
				!strings.Contains(string(body), want) {
				t.Errorf("%s: %s, %d bytes, %v", path, response.Status, len(body), err)
			}
		}
		return built
	}
	t.Fatalf("make run ended without a page:\n%s", text.String())
	return false
}

package deploy

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/smartsocket/smartsocket/internal/freeport"
)

// reader is somebody who follows a page of docs/ on a machine of its own: a folder with the
// program, and other ports than those of the page.
type reader struct {
	t   *testing.T
	dir string
	env []string
	to  *strings.Replacer // addresses of the page by those of this test
}

func newReader(t *testing.T) *reader {
	t.Helper()
	r := &reader{t: t, dir: t.TempDir()}
	ports := freeport.Several(t, 3)
	addr := func(i int) string { return fmt.Sprintf("127.0.0.1:%d", ports[i]) }
	r.to = strings.NewReplacer("127.0.0.1:3000", addr(0), "-port 3000",
		fmt.Sprintf("-host 127.0.0.1 -port %d", ports[0]),
		"127.0.0.1:9090", addr(1), "127.0.0.1:9091", addr(2))
	bin := filepath.Join(r.dir, "bin")
	r.env = append(os.Environ(), "SMARTSOCKET_OPS_ADDR="+addr(1),
		"PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	if err := os.Mkdir(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(program, filepath.Join(bin, filepath.Base(program))); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"prometheus.yml", alertsFile} {
		file := filepath.Join(r.dir, "deploy", name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(r.to.Replace(read(t, name))), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// blocks are those of a page that are marked with kind.
func blocks(t *testing.T, page, kind string) (list []string) {
	t.Helper()
	marked := regexp.MustCompile("(?s)<!-- test: " + kind + " -->\n```sh\n(.*?)```")
	for _, m := range marked.FindAllStringSubmatch(read(t, "../docs/"+page), -1) {
		list = append(list, m[1])
	}
	if len(list) == 0 {
		t.Fatalf("docs/%s has no commands of %s", page, kind)
	}
	return list
}

// follow runs the lines of a block as its reader would. What a comment behind a command says must
// be in its output. again says that it may take a while until it is.
func (r *reader) follow(block string, again bool) {
	r.t.Helper()
	for line := range strings.Lines(block) {
		line, want, checked := strings.Cut(strings.TrimSpace(line), " # ")
		line, want = r.to.Replace(strings.TrimSpace(line)), strings.TrimSpace(want)
		if line == "make build" { // this is what TestMain does
			continue
		}
		command := func(text string) *exec.Cmd {
			cmd := exec.Command("/bin/sh", "-c", text)
			cmd.Dir, cmd.Env = r.dir, r.env
			return cmd
		}
		if text, background := strings.CutSuffix(line, " &"); background {
			start(r.t, command("exec "+text))
			r.serves(text)
			continue
		}
		run := func() (string, bool) {
			out, err := command(line).CombinedOutput()
			return string(out), err == nil && (!checked || strings.Contains(string(out), want))
		}
		if again {
			until(r.t, line+" says "+want, func() bool { _, ok := run(); return ok })
		} else if out, ok := run(); !ok {
			r.t.Errorf("%s\n%s\nwant %s", line, out, want)
		}
	}
}

// serves waits until a program that was started answers at its last address.
func (r *reader) serves(text string) {
	r.t.Helper()
	addresses := regexp.MustCompile(`127\.0\.0\.1:\d+`).FindAllString(text, -1)
	until(r.t, text+" answers", func() bool {
		answer, err := http.Get("http://" + addresses[len(addresses)-1] + "/metrics")
		if err == nil {
			answer.Body.Close()
		}
		return err == nil && answer.StatusCode == http.StatusOK
	})
}

// The commands of the first ten minutes, and those of the first minute of an alarm, do what the
// pages say.
func TestFirstMinutes(t *testing.T) {
	find(t, "curl")
	r := newReader(t)
	for _, page := range []string{"OPERATIONS.md", "RUNBOOKS.md"} {
		for _, block := range blocks(t, page, "shell") {
			r.follow(block, false)
		}
	}
	t.Run("Prometheus", func(t *testing.T) {
		find(t, "prometheus")
		r.t = t
		for _, block := range blocks(t, "OPERATIONS.md", "prometheus") {
			r.follow(block, true)
		}
	})
}

// What the page says of Docker is what compose.yaml has.
func TestFirstMinutesWithDocker(t *testing.T) {
	page := read(t, "../docs/OPERATIONS.md")
	_, text, _ := strings.Cut(page, "\n## First ten minutes\n")
	text, _, ok := strings.Cut(text, "Without Docker")
	if !ok {
		t.Fatal("the page has no such part")
	}
	p := project(t)
	m := regexp.MustCompile(`up --build -d +# (.*)`).FindStringSubmatch(text)
	if m == nil {
		t.Fatal("the page does not start it")
	}
	named := strings.Split(m[1], ", ")
	slices.Sort(named)
	if !slices.Equal(named, p.ServiceNames()) {
		t.Errorf("the page names %q, and there are %q", named, p.ServiceNames())
	}
	published := make(map[string]bool)
	for _, s := range p.Services {
		for _, port := range s.Ports {
			published[port.Published] = true
		}
	}
	addresses := regexp.MustCompile(`(?:http|ws)://localhost:(\d+)`).FindAllStringSubmatch(text, -1)
	for _, a := range addresses {
		if !published[a[1]] {
			t.Errorf("nothing is at %s", a[0])
		}
	}
	if len(addresses) < 4 {
		t.Errorf("only %d addresses", len(addresses))
	}
	for _, file := range regexp.MustCompile(`(?m)\./(\S+\.sh)`).FindAllStringSubmatch(text, -1) {
		if _, err := os.Stat(filepath.Join("compose", file[1])); err != nil {
			t.Error(err)
		}
	}
}

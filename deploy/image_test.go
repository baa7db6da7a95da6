package deploy

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"

	"github.com/smartsocket/smartsocket/internal/freeport"
)

// image is what the last stage of the Dockerfile says.
type image struct {
	base              string
	files             []string // that it has
	env, start, check []string
	user              string
}

// dockerfile reads it as BuildKit does.
func dockerfile(t *testing.T) (i image) {
	t.Helper()
	tree, err := parser.Parse(strings.NewReader(read(t, "Dockerfile")))
	if err != nil {
		t.Fatal(err)
	}
	stages, _, err := instructions.Parse(tree.AST, nil)
	if err != nil {
		t.Fatal(err)
	}
	last := stages[len(stages)-1]
	i.base = last.BaseName
	for _, command := range last.Commands {
		switch c := command.(type) {
		case *instructions.CopyCommand:
			i.files = append(i.files, c.DestPath)
		case *instructions.EnvCommand:
			for _, v := range c.Env {
				i.env = append(i.env, v.Key+"="+v.Value)
			}
		case *instructions.UserCommand:
			i.user = c.User
		case *instructions.EntrypointCommand:
			i.start = c.CmdLine
		case *instructions.HealthCheckCommand:
			i.check = c.Health.Test
		}
	}
	return i
}

// The content of the image runs from an empty root as its user, tells that it is well, and drains.
func TestImage(t *testing.T) {
	i := dockerfile(t)
	if i.base != "scratch" || i.user != "65532:65532" || len(i.start) != 1 ||
		len(i.check) != 3 || i.check[0] != "CMD" || len(i.files) != 2 ||
		!slices.Contains(i.files, i.start[0]) || i.start[0] != i.check[1] {
		t.Fatalf("%+v", i)
	}
	if os.Getuid() != 0 {
		t.Skip("an empty root needs the rights of root: the image's content is not started")
	}
	root := t.TempDir()
	for dir := root; dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, i.start[0]), text, 0o755); err != nil {
		t.Fatal(err)
	}
	port := freeport.Of(t)
	inside := func(args ...string) *exec.Cmd {
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Dir = "/"
		cmd.Env = append(slices.Clone(i.env), fmt.Sprintf("SMARTSOCKET_PORT=%d", port),
			"SMARTSOCKET_HOST=127.0.0.1")
		cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root,
			Credential: &syscall.Credential{Uid: 65532, Gid: 65532}}
		return cmd
	}
	server := start(t, inside(i.start...))
	until(t, "it serves", func() bool {
		r, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/healthz", port))
		if err != nil {
			return false
		}
		r.Body.Close()
		return r.StatusCode == http.StatusOK
	})
	if out, err := inside(i.check[1:]...).CombinedOutput(); err != nil {
		t.Errorf("the health check: %v\n%s", err, out)
	}
	server.terminate(t)
	<-server.ended
	if code := server.ProcessState.ExitCode(); code != 0 {
		t.Errorf("it ended with %d", code)
	}
	if out, err := inside(i.check[1:]...).CombinedOutput(); err == nil {
		t.Errorf("without a server the health check says %s", out)
	}
	if !strings.Contains(server.log.String(), `{"`) {
		t.Errorf("its log is no JSON:\n%s", server.log)
	}
}

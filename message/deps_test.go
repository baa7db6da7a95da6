//go:build !js

package message

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestBrowserBuildStaysSmall names packages that would each make the browser's download grow by
// more than all of this package.
func TestBrowserBuildStaysSmall(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the go command")
	}
	list := exec.Command("go", "list", "-deps", ".")
	list.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm")
	out, err := list.CombinedOutput()
	if err != nil {
		t.Fatalf("go list: %v: %s", err, out)
	}
	for _, dep := range strings.Fields(string(out)) {
		switch {
		case dep == "fmt", dep == "reflect", dep == "encoding/json", dep == "net/http",
			dep == "crypto/tls", dep == "log/slog", dep == "bytes", dep == "strings",
			dep == "unicode",
			strings.Contains(dep, "sonic"), strings.Contains(dep, "klauspost"):
			t.Errorf("the browser build depends on %s", dep)
		}
	}
}

package conformance

import (
	"os"
	"os/exec"
	"testing"
)

// The ws client from npm, installed from node/package-lock.json.
func TestNodeClient(t *testing.T) {
	if testing.Short() {
		t.Skip("short mode")
	}
	for _, tool := range []string{"node", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip("needs " + tool + " in PATH")
		}
	}
	if _, err := os.Stat("node/node_modules/ws/package.json"); err != nil {
		t.Skip("the ws client is missing: run npm ci in conformance/node")
	}
	client := exec.Command("node", "echo.mjs", "ws://"+target.addr)
	client.Dir = "node"
	out, err := client.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Error(err)
	}
}

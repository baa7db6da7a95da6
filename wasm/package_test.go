//go:build !js

package main

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/smartsocket/smartsocket"
	"github.com/smartsocket/smartsocket/internal/browsertest"
)

var clientSnippet = regexp.MustCompile(
	"(?s)<!-- snippet: (client\\.mjs|page\\.html) -->\n```\\w+\n(.*?)```")

// clientSnippets returns what a page shows under the names client.mjs and page.html, of which it
// has at least want.
func clientSnippets(t *testing.T, page string, want ...string) map[string]string {
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[string]string)
	for _, m := range clientSnippet.FindAllStringSubmatch(string(text), -1) {
		found[m[1]] = m[2]
	}
	for _, name := range want {
		if found[name] == "" {
			t.Fatalf("%s has no snippet %s", page, name)
		}
	}
	return found
}

func TestREADMEsShowTheSameClient(t *testing.T) {
	ours := clientSnippets(t, "../README.md", "client.mjs")
	packed := clientSnippets(t, packageREADME, "client.mjs", "page.html")
	for name := range ours {
		if ours[name] != packed[name] {
			t.Errorf("README.md and the package's differ in %s", name)
		}
	}
}

const packageREADME = "js/package/README.md"

// TestPackage installs the packed client into an empty folder and runs what its README shows.
func TestPackage(t *testing.T) {
	if _, err := exec.LookPath("npm"); err != nil {
		t.Skip("npm is not installed")
	}
	needNode(t)
	project := t.TempDir()
	install(t, project)
	moves := make(chan string, 1)
	url := startArena(t, moves)
	for name, code := range clientSnippets(t, packageREADME, "client.mjs", "page.html") {
		writeFile(t, filepath.Join(project, name),
			strings.ReplaceAll(code, "ws://localhost:3000", url))
	}
	module, err := os.ReadFile(filepath.Join(project, "client.mjs"))
	if err != nil {
		t.Fatal(err)
	}
	// The same with require, which has no await outside of functions.
	classic := strings.Replace(string(module),
		"import { SmartSocketClient } from '@smartsocket/client';",
		"const { SmartSocketClient } = require('@smartsocket/client');\n(async () => {",
		1) + "})();\n"
	writeFile(t, filepath.Join(project, "client.cjs"), classic)

	t.Run("Node", func(t *testing.T) {
		for _, file := range []string{"client.mjs", "client.cjs"} {
			if got := runNode(t, project, file); !strings.HasPrefix(got, "1 in the arena\n") {
				t.Errorf("%s printed %q", file, got)
			}
			expectMove(t, moves)
		}
	})
	t.Run("subpaths", func(t *testing.T) { checkSubpaths(t, project) })
	eachBrowser(t, func(t *testing.T, browser browsertest.Browser) {
		site := httptest.NewServer(http.FileServer(http.Dir(project)))
		defer site.Close()
		browsertest.Open(t, browser, site.URL+"/page.html")
		expectMove(t, moves)
	})
}

// install packs dist and installs it with npm, without a network. Package ws is taken from the
// tests' own.
func install(t *testing.T, project string) {
	t.Helper()
	npm := func(args ...string) string {
		cmd := exec.CommandContext(t.Context(), "npm", args...)
		cmd.Dir = project
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("npm %v: %v\n%s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	writeFile(t, filepath.Join(project, "package.json"), `{"private": true}`)
	tarball := npm("pack", "--silent", dist)
	packages := []string{"./" + tarball}
	if ws, err := filepath.Abs("js/node_modules/ws"); err == nil {
		if _, err := os.Stat(ws); err != nil {
			t.Skip("Node before 22 needs package ws: run npm ci in wasm/js")
		}
		packages = append(packages, ws)
	}
	npm(append([]string{"install", "--offline", "--no-audit", "--no-fund", "--silent"},
		packages...)...)
}

// startArena starts the server of the README, which reports each move.
func startArena(t *testing.T, moves chan<- string) string {
	server := start(t, smartsocket.Options{Port: -1, Host: "127.0.0.1",
		AllowedOrigins: []string{"*"}, Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	game := server.Namespace("/game")
	game.On("move", func(s *smartsocket.Socket, d smartsocket.Data, ack smartsocket.Ack) {
		moves <- string(d.Bytes())
	})
	smartsocket.Handle(game, "join", func(s *smartsocket.Socket, room string) (int, error) {
		if err := s.Join(room); err != nil {
			return 0, err
		}
		return len(s.Rooms()), nil
	})
	return "ws://" + server.Addr().String()
}

func expectMove(t *testing.T, moves <-chan string) {
	t.Helper()
	select {
	case got := <-moves:
		if got != `{"X":1,"Y":2}` {
			t.Errorf("the move arrived as %s", got)
		}
	case <-time.After(time.Minute):
		t.Error("no move arrived")
	}
}

// checkSubpaths checks that every way to import the package has the same names, one logger and its
// files.
func checkSubpaths(t *testing.T, project string) {
	writeFile(t, filepath.Join(project, "subpaths.mjs"), `
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
const require = createRequire(import.meta.url);
const names = (m) => Object.keys(m)
	.filter((n) => n !== '__esModule' && n !== 'module.exports').sort().join();
const all = [
	await import('@smartsocket/client'), await import('@smartsocket/client/js'),
	require('@smartsocket/client'), require('@smartsocket/client/js'),
];
for (const m of all) {
	if (names(m) !== names(all[0])) console.log('other names: ' + names(m));
	const same = all[m === all[0] || m === all[1] ? 1 : 3].SmartSocketClient;
	if (m.default !== m.SmartSocketClient ||
		!(new m.SmartSocketClient('ws://127.0.0.1:1') instanceof same)) {
		console.log('another class');
	}
}
if ((await import('@smartsocket/client/logger')).logger !== all[0].logger ||
	require('@smartsocket/client/logger').logger !== all[2].logger) console.log('another logger');
for (const file of ['smartsocket.wasm', 'wasm_exec.js', 'SmartSocketClient.js', 'package.json']) {
	const path = fileURLToPath(import.meta.resolve('@smartsocket/client/' + file));
	if (!existsSync(path)) console.log('no ' + file);
}
console.log(names(all[0]));
`)
	if got, want := runNode(t, project, "subpaths.mjs"),
		"CODES,SmartSocketClient,SmartSocketError,createLogger,default,logger\n"; got != want {
		t.Error(got)
	}
	writeFile(t, filepath.Join(project, "native.mjs"), `
const loggers = new Set();
for (const path of ['', '/js', '/static', '/logger']) {
	loggers.add((await import('@smartsocket/client' + path)).logger);
}
console.log(loggers.size);
`)
	if got := runNode(t, project, "--conditions=react-native", "native.mjs"); got != "1\n" {
		t.Errorf("React Native gets %s loggers", got)
	}
}

func runNode(t *testing.T, dir string, args ...string) string {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	cmd := exec.CommandContext(ctx, "node", args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("node %v: %v\n%s", args, err, out)
	}
	return string(out)
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Every folder is tried by a test, is in the README with its scripts, and names the client as it is
// published now.
func TestEveryTemplateIsTried(t *testing.T) {
	var tests []byte
	sources, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range sources {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		tests = append(tests, text...)
	}
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	published, err := os.ReadFile("../../wasm/js/package/package.json")
	if err != nil {
		t.Fatal(err)
	}
	version := regexp.MustCompile(`"version": "(.*)"`).FindSubmatch(published)
	if version == nil {
		t.Fatal("the client's package.json has no version")
	}
	manifests, err := filepath.Glob("*/package.json")
	if err != nil || len(manifests) < 3 {
		t.Fatalf("only %d templates were found: %v", len(manifests), err)
	}
	for _, manifest := range manifests {
		folder := filepath.Dir(manifest)
		if !strings.Contains(string(tests), `template{"`+folder+`", `) {
			t.Errorf("no test tries %s", folder)
		}
		if !strings.Contains(string(readme), "\n| ["+folder+"]("+folder+") | ") {
			t.Errorf("README.md does not list %s", folder)
		}
		text, err := os.ReadFile(manifest)
		if err != nil {
			t.Fatal(err)
		}
		if want := `"` + client + `": "^` + string(version[1]) + `"`; !strings.Contains(
			string(text), want) {
			t.Errorf("%s has not %s", manifest, want)
		}
		if _, err := os.Stat(filepath.Join(folder, "package-lock.json")); err != nil {
			t.Errorf("run scripts/templates.sh lock %s: %v", folder, err)
		}
	}
	for _, folder := range core {
		if _, err := os.Stat(folder); err != nil {
			t.Errorf("core: %v", err)
		}
	}
}

package main

import (
	"archive/zip"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A report has what was to be had, and no secret.
func TestReport(t *testing.T) {
	dir := t.TempDir()
	const token, key = "0123456789abcdef0123", "an API key that nobody knows"
	socket := "unix:" + filepath.Join(dir, "ops")
	start(t, "-ops-addr", socket, "-ops-token", token, "-api-keys", key)
	file := filepath.Join(dir, "report.zip")
	args := []string{"report", file, "-ops-addr", socket, "-seconds", "1", "-ops-token"}
	if code, _, fault := command(append(args, token+"x")...); code != 1 ||
		!strings.Contains(fault, "ERR_OPS_001") {
		t.Errorf("with a wrong token: %d, %s", code, fault)
	}
	code, text, fault := command(append(args, token)...)
	if code != 0 || !strings.Contains(text, file+" has 12 files") {
		t.Fatalf("%d, %s%s", code, text, fault)
	}
	z, err := zip.OpenReader(file)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	want := map[string]string{"info.json": "logLevel", "healthz.txt": "ok",
		"readyz.json": "ready", "nodes.json": "none", "namespaces.json": "handlers",
		"stats.json": "connections", "metrics-1.txt": "\nsmartsocket_connections 0\n",
		"metrics-2.txt": "process_open_fds", "goroutines-1.txt": "goroutine 1 ",
		"goroutines-2.txt": "smartsocket", "heap.pb.gz": "\x1f\x8b", "cpu.pb.gz": "\x1f\x8b"}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		has, there := want[f.Name]
		if !there || !strings.Contains(string(b), has) {
			t.Errorf("%s does not have %q: %.200s", f.Name, has, b)
		}
		if strings.HasSuffix(f.Name, ".json") && !json.Valid(b) {
			t.Errorf("%s is no JSON: %s", f.Name, b)
		}
		if strings.Contains(string(b), token) || strings.Contains(string(b), key) {
			t.Errorf("%s has a secret", f.Name)
		}
		delete(want, f.Name)
	}
	if len(want) > 0 {
		t.Errorf("missing: %v", want)
	}
	if code, _, fault := command(append(args, token)...); code != 1 ||
		!strings.Contains(fault, "exists") {
		t.Errorf("over a report that is there: %d, %s", code, fault)
	}
}

func TestReportErrors(t *testing.T) {
	file := filepath.Join(t.TempDir(), "report.zip")
	for want, args := range map[string][]string{
		"does not answer": {file, "-ops-addr", "127.0.0.1:1"},
		"one file":        {file, "another"},
		"0, which is no":  {file, "-seconds", "61"},
	} {
		code, _, fault := command(append([]string{"report"}, args...)...)
		if code == 0 || !strings.Contains(fault, want) {
			t.Errorf("%q: %d, %s", args, code, fault)
		}
		if _, err := os.Stat(file); err == nil {
			t.Errorf("%q: there is a report with nothing in it", args)
		}
	}
}

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

func TestEsbuild(t *testing.T) {
	attempt(t, template{"esbuild", "esbuild", []try{
		{name: "page", build: "build", static: "."},
	}})
}

func TestRollup(t *testing.T) {
	attempt(t, template{"rollup", "rollup", []try{
		{name: "page", build: "build", static: "."},
	}})
}

func TestParcel(t *testing.T) {
	attempt(t, template{"parcel", "parcel", []try{
		{name: "build", build: "build", static: "dist"},
	}})
}

func TestSharedWorker(t *testing.T) {
	attempt(t, template{"shared-worker", "esbuild", []try{
		{name: "page", build: "build", static: "."},
	}})
}

func TestVitest(t *testing.T) {
	attempt(t, template{"vitest", "vitest", []try{
		{name: "node", test: "test"},
		{name: "jsdom", test: "test:jsdom"},
	}})
}

func TestDeno(t *testing.T) {
	attempt(t, template{"deno", "deno", []try{
		{name: "run", install: "deno", build: "check", run: "start"},
	}})
}

func TestBun(t *testing.T) {
	attempt(t, template{"bun", "bun", []try{
		{name: "run", install: "bun", run: "start"},
	}})
}

func TestSvelteKit(t *testing.T) {
	attempt(t, template{"sveltekit", "@sveltejs/kit", []try{
		{name: "build", build: "build", static: "dist"},
		{name: "dev", serve: "dev", port: "--port %d --strictPort"},
	}})
}

func TestNuxt(t *testing.T) {
	attempt(t, template{"nuxt", "nuxt", []try{
		{name: "generate", build: "generate", static: ".output/public"},
	}})
}

// TestReactNative compiles the app as a release build does. There is no device here to run it on,
// so that it is never shown as passed.
func TestReactNative(t *testing.T) {
	attempt(t, template{"react-native", "react-native", []try{
		{name: "Hermes", build: "build", show: func(t *testing.T, p *project, r *row) {
			bytecode, err := os.ReadFile(filepath.Join(p.dir, "dist/main.hbc"))
			if err != nil || !bytes.Contains(bytecode, []byte("smartsocket-js/")) {
				t.Fatalf("the bytecode of %d bytes has no client: %v", len(bytecode), err)
			}
			r.awaits = "a device; Metro and hermesc have compiled it"
			t.Skip("compiled, but there is no device to run it on")
		}},
	}})
}

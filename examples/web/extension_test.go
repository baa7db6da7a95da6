package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	neturl "net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/smartsocket/smartsocket/internal/browsertest"
)

// TestExtension loads what was built as an extension, with the rules that Chrome has for such
// scripts, into a Chromium of its own.
func TestExtension(t *testing.T) {
	attempt(t, template{"extension", "esbuild", []try{
		{name: "MV3", build: "build", show: func(t *testing.T, p *project, r *row) {
			arena := startArena(t, "")
			built := filepath.Join(p.dir, "dist")
			url := "chrome-extension://" + extensionID(built) + "/page.html?server=" +
				neturl.QueryEscape(arena.url)
			showIn(t, browserWith(t, built), url, r)
		}},
	}})
}

// browserWith starts a Chromium with one extension.
func browserWith(t *testing.T, extension string) context.Context {
	t.Helper()
	flags := append(chromiumFlags(browsertest.Path(t, browsertest.Chromium), t.TempDir()),
		chromedp.Flag("headless", "new"), // the old one has no extensions
		chromedp.Flag("disable-extensions", false),
		chromedp.Flag("disable-features", "DisableLoadExtensionCommandLineSwitch"),
		chromedp.Flag("load-extension", extension))
	allocator, endAllocator := chromedp.NewExecAllocator(context.Background(), flags...)
	tab, endTab := chromedp.NewContext(allocator)
	t.Cleanup(func() {
		chromedp.Cancel(tab)
		endTab()
		endAllocator()
	})
	if err := chromedp.Run(tab); err != nil {
		t.Fatal(err)
	}
	return tab
}

// extensionID is how Chrome names an extension in a folder: by the hash of its path, with letters
// for digits.
func extensionID(folder string) string {
	digits := fmt.Sprintf("%x", sha256.Sum256([]byte(folder)))[:32]
	return strings.Map(func(r rune) rune {
		if r >= 'a' {
			return r - 'a' + 'k'
		}
		return r - '0' + 'a'
	}, digits)
}

// Package browsertest shows pages of a test's own web server to real browsers and gives the test
// what the pages report.
//
// A page loads /browsertest.js, which Site serves, and calls browsertest.report(value). The answer
// to a report is the address of the next page. One start of a browser, which is its slowest part,
// therefore serves many pages. No browser protocol is involved, so everything works in every
// browser that can be started with an address. Only Driven is for tests that press keys and take
// pictures, in Chromium by its own protocol.
//
// The package has no mutex. Read browser.go (starting a browser), then site.go and driven.go.
package browsertest

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// Browser is a kind of browser. Its value is the name that REQUIRE_BROWSER and subtests use.
type Browser string

// The browsers that tests run in.
const (
	Chromium Browser = "chromium"
	Firefox  Browser = "firefox"
)

// All lists the browsers that tests run in.
var All = []Browser{Chromium, Firefox}

// InsecureHost is a name for 127.0.0.1. Browsers allow WebCrypto on localhost, but not on this
// name.
const InsecureHost = "smartsocket.example"

var commands = map[Browser][]string{
	Chromium: {"chromium", "chromium-browser", "google-chrome", "google-chrome-stable",
		"headless-shell"},
	Firefox: {"firefox-esr", "firefox"},
}

// Path finds the program of b. If the environment variable REQUIRE_BROWSER is set, it decides. It
// lists the browsers that must run, as in "chromium firefox=/usr/bin/firefox-esr"; "1" means all
// and "none" means none. Tests in a browser that it lists fail without that browser, and the others
// are skipped. Without the variable a test is skipped if no program of b starts.
func Path(t testing.TB, b Browser) string {
	t.Helper()
	required, path := demanded(os.Getenv("REQUIRE_BROWSER"), b)
	if path != "" {
		return path
	}
	if os.Getenv("REQUIRE_BROWSER") == "" || required {
		if path = installed(b); path != "" {
			return path
		}
	}
	what := "there is no " + string(b) + " here that starts; scripts/browsers.sh, as root, " +
		"installs it"
	if required {
		t.Fatal(what)
	}
	t.Skip(what)
	return ""
}

// installed finds the first command of b that starts at all: distributions have some that only tell
// how to install the browser.
func installed(b Browser) string {
	for _, name := range commands[b] {
		path, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		ctx, stop := context.WithTimeout(context.Background(), time.Minute)
		err = exec.CommandContext(ctx, path, "--version").Run()
		stop()
		if err == nil {
			return path
		}
	}
	return ""
}

// Required reports whether REQUIRE_BROWSER demands b.
func Required(b Browser) bool {
	required, _ := demanded(os.Getenv("REQUIRE_BROWSER"), b)
	return required
}

// demanded looks b up in a value of REQUIRE_BROWSER and returns its program if that is named too.
func demanded(list string, b Browser) (required bool, path string) {
	if list == "1" {
		return true, ""
	}
	// A path may hold spaces, so the list is cut before names only.
	for _, other := range All {
		list = strings.ReplaceAll(list, " "+string(other), "\n"+string(other))
	}
	for entry := range strings.SplitSeq(list, "\n") {
		name, path, _ := strings.Cut(strings.TrimSpace(entry), "=")
		if name == string(b) {
			return true, path
		}
	}
	return false, ""
}

// Open starts b on address with a fresh profile. All its processes are killed when the test ends,
// and when the test's process does, so that a run that times out leaves nothing behind.
func Open(t testing.TB, b Browser, address string, arguments ...string) {
	t.Helper()
	path := Path(t, b)
	profile, err := os.MkdirTemp("", "browsertest-")
	if err != nil {
		t.Fatal(err)
	}
	end := func() {}
	t.Cleanup(func() {
		end()
		removeAll(profile)
	})
	var args []string
	if b == Firefox {
		if err := os.WriteFile(filepath.Join(profile, "user.js"), []byte(firefoxPreferences),
			0o600); err != nil {
			t.Fatal(err)
		}
		args = []string{"--headless", "--no-remote", "--profile", profile}
	} else {
		args = append(slices.Clone(chromiumFlags), "--user-data-dir="+profile)
	}
	cmd := exec.Command(path, append(append(args, arguments...), address)...)
	cmd.Env = append(os.Environ(), "HOME="+profile, "XDG_RUNTIME_DIR="+profile,
		"MOZ_CRASHREPORTER_DISABLE=1")
	if end, err = start(cmd, profile); err != nil {
		end = func() {}
		t.Fatal(err)
	}
}

// Start starts cmd, a program that a test needs beside a browser, as a server of its pages. All its
// processes are killed when the test ends, and when the test's process does.
func Start(t testing.TB, cmd *exec.Cmd) {
	t.Helper()
	dir, err := os.MkdirTemp("", "browsertest-")
	if err != nil {
		t.Fatal(err)
	}
	end, err := start(cmd, dir)
	if err != nil {
		removeAll(dir)
		t.Fatal(err)
	}
	t.Cleanup(func() {
		end()
		removeAll(dir)
	})
}

// removeAll tries until the processes that are being killed have made their last writes.
func removeAll(dir string) {
	for range 20 {
		if os.RemoveAll(dir) == nil {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// chromiumFlags keep Chromium from everything except the pages of the test.
var chromiumFlags = []string{
	"--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
	"--no-default-browser-check",
	"--disable-background-networking", "--disable-component-update", "--disable-sync",
	"--disable-extensions", "--disable-default-apps",
	// A page that is left frees its connections.
	"--disable-background-timer-throttling", "--disable-renderer-backgrounding",
	"--disable-features=BackForwardCache",
	"--remote-debugging-port=0",
	"--host-resolver-rules=MAP " + InsecureHost + " 127.0.0.1",
}

// firefoxPreferences do the same for Firefox: no first-run pages, updates, telemetry, downloads of
// lists or crash reports.
const firefoxPreferences = `
user_pref("network.dns.localDomains", "` + InsecureHost + `");
user_pref("network.dns.disableIPv6", true);
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
user_pref("network.prefetch-next", false);
user_pref("network.dns.disablePrefetch", true);
user_pref("network.trr.mode", 5);
user_pref("network.proxy.type", 0);
user_pref("dom.security.https_first", false);
user_pref("dom.security.https_only_mode", false);
user_pref("dom.min_background_timeout_value", 4);
user_pref("dom.timeout.enable_budget_timer_throttling", false);
user_pref("app.normandy.enabled", false);
user_pref("app.shield.optoutstudies.enabled", false);
user_pref("app.update.auto", false);
user_pref("app.update.enabled", false);
user_pref("browser.aboutwelcome.enabled", false);
user_pref("browser.newtabpage.enabled", false);
user_pref("browser.newtabpage.activity-stream.feeds.system.topsites", false);
user_pref("browser.safebrowsing.malware.enabled", false);
user_pref("browser.safebrowsing.phishing.enabled", false);
user_pref("browser.safebrowsing.downloads.remote.enabled", false);
user_pref("browser.region.network.url", "");
user_pref("browser.search.update", false);
user_pref("browser.sessionstore.resume_from_crash", false);
user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("browser.startup.homepage_override.mstone", "ignore");
user_pref("browser.startup.page", 0);
user_pref("browser.tabs.remote.autostart", true);
user_pref("datareporting.healthreport.uploadEnabled", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("datareporting.policy.dataSubmissionPolicyBypassNotification", true);
user_pref("dom.push.connection.enabled", false);
user_pref("extensions.getAddons.cache.enabled", false);
user_pref("extensions.systemAddon.update.enabled", false);
user_pref("extensions.update.enabled", false);
user_pref("media.gmp-manager.updateEnabled", false);
user_pref("services.settings.server", "data:,");
user_pref("startup.homepage_welcome_url", "");
user_pref("toolkit.telemetry.reportingpolicy.firstRun", false);
user_pref("toolkit.telemetry.server", "");
user_pref("toolkit.telemetry.unified", false);
`

package browsertest

import (
	"context"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// Driven starts a headless Chromium that the test drives by chromedp, and returns its context, from
// which chromedp.NewContext makes tabs. It ends with the test, and after lasting at the latest. The
// options are added to the usual ones. Without a Chromium the test is skipped, see Path.
func Driven(
	t testing.TB, lasting time.Duration, more ...chromedp.ExecAllocatorOption,
) context.Context {
	t.Helper()
	path := Path(t, Chromium)
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun,
		chromedp.UserDataDir(t.TempDir()), chromedp.WSURLReadTimeout(time.Minute),
		chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true))
	deadline, cancelDeadline := context.WithTimeout(context.Background(), lasting)
	allocator, cancelAllocator := chromedp.NewExecAllocator(deadline, append(options, more...)...)
	browser, cancelBrowser := chromedp.NewContext(allocator, chromedp.WithErrorf(
		func(string, ...any) {})) // events that are newer than chromedp, by the dozen
	t.Cleanup(func() {
		if err := chromedp.Cancel(browser); err != nil {
			t.Logf("closing the browser: %v", err)
		}
		cancelBrowser()
		cancelAllocator()
		cancelDeadline()
	})
	if err := chromedp.Run(browser); err != nil {
		t.Fatalf("starting %s: %v", path, err)
	}
	return browser
}

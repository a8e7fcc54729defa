package browsertest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"
)

var (
	binary  string // the built touchstone
	browser = sync.OnceValues(startBrowser)
	stops   []func() // what ends with the tests
)

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

// run builds the binary, runs the tests and cleans up.
func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "browsertest")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)

	binary = filepath.Join(dir, "touchstone")
	build := exec.Command("go", "build", "-o", binary, "github.com/touchstone-iam/touchstone/cmd/touchstone")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "build touchstone:", err)
		return 1
	}

	code := m.Run()
	for _, stop := range stops {
		stop()
	}
	return code
}

// chromes are the names under which distributions install a browser; chromedp does not know the first.
var chromes = []string{
	"chromium-headless-shell", "headless-shell", "headless_shell", "chromium", "chromium-browser", "google-chrome-stable",
	"google-chrome",
}

// findChrome returns the path of a browser: the one that TOUCHSTONE_CHROME names, or one that is installed.
func findChrome() (string, error) {
	if path := os.Getenv("TOUCHSTONE_CHROME"); path != "" {
		return path, nil
	}
	for _, name := range chromes {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("no browser: install chromium (make install-test-tools), or name one in TOUCHSTONE_CHROME")
}

// startBrowser starts the one browser of all tests. Its context has no deadline, because the browser would end at it.
func startBrowser() (context.Context, error) {
	path, err := findChrome()
	if err != nil {
		return nil, err
	}

	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.WindowSize(desktop.width, desktop.height),
		chromedp.Flag("lang", "en-US"), chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true))

	allocator, endAllocator := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, endBrowser := chromedp.NewContext(allocator)
	stops = append(stops, endBrowser, endAllocator)
	if err := chromedp.Do(ctx); err != nil {
		return nil, fmt.Errorf("start %s: %w", path, err)
	}
	return ctx, nil
}

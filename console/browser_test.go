//go:build browser

package console_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// The browser tests run a server and Chromium: make test-console. They write a picture
// of every page, at three widths and in two colour schemes, to build/console.

const pictures = "../build/console"

// A browser is Chromium with a page of its own, on a server of its own.
type browser struct {
	t      *testing.T
	ctx    context.Context
	server string // its URL
	open   string // the URL of the console, with the token
	key    string // an API key of the tenant evented
	binary string

	mu       sync.Mutex
	problems []string // messages of the browser's console, and requests to elsewhere
}

func newBrowser(t *testing.T) *browser {
	t.Helper()
	program, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("AWSTEST_REQUIRE") != "" {
			t.Fatal("Chromium is missing: apt-get install -y chromium")
		}
		t.Skip("Chromium is missing: apt-get install -y chromium")
	}
	b := &browser{t: t, binary: filepath.Join(t.TempDir(), "eventrouter")}
	if out, err := exec.Command("go", "build", "-o", b.binary, "../cmd/eventrouter").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	b.serve()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(program), chromedp.UserDataDir(t.TempDir()),
		chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true))
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, cancel := chromedp.NewContext(allocator)
	ctx, end := context.WithTimeout(ctx, 10*time.Minute)
	t.Cleanup(func() { end(); cancel(); stop() })
	b.ctx = ctx
	chromedp.ListenTarget(ctx, func(event any) {
		b.mu.Lock()
		defer b.mu.Unlock()
		switch e := event.(type) {
		case *network.EventRequestWillBeSent:
			if !strings.HasPrefix(e.Request.URL, b.server+"/") && !strings.HasPrefix(e.Request.URL, "data:") {
				b.problems = append(b.problems, "a request to "+e.Request.URL)
			}
		case *runtime.EventExceptionThrown:
			b.problems = append(b.problems, "an exception: "+e.ExceptionDetails.Error())
		case *runtime.EventConsoleAPICalled:
			if e.Type == runtime.APITypeError {
				b.problems = append(b.problems, fmt.Sprintf("an error: %s", e.Args[0].Value))
			}
		}
	})
	if err := chromedp.Run(ctx); err != nil { // starts the browser, which ends with this context
		t.Fatal(err)
	}
	b.run(network.Enable(), runtime.Enable(), chromedp.Navigate(b.open), chromedp.WaitVisible("#lines"))
	t.Cleanup(func() {
		for _, p := range b.problems {
			t.Error(p)
		}
	})
	return b
}

// serve starts a server with the sample tenants.
func (b *browser) serve() {
	b.t.Helper()
	out, err := os.CreateTemp(b.t.TempDir(), "serve")
	if err != nil {
		b.t.Fatal(err)
	}
	cmd := exec.Command(b.binary, "serve", "--listen", "127.0.0.1:0", "--data", b.t.TempDir(), "--schemas", "../schemas")
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
	})
	b.eventually("the server's address", func() bool {
		text, err := os.ReadFile(out.Name())
		if err != nil {
			return false
		}
		b.open = regexp.MustCompile(`http://\S+token=\S+`).FindString(string(text))
		b.key = regexp.MustCompile(`erk_\w+`).FindString(string(text))
		return b.open != "" && b.key != ""
	})
	b.server, _, _ = strings.Cut(b.open, "/console/")
}

func (b *browser) run(actions ...chromedp.Action) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, time.Minute)
	defer cancel()
	if err := chromedp.Run(ctx, actions...); err != nil {
		b.t.Fatal(err)
	}
}

func (b *browser) eventually(what string, f func() bool) {
	b.t.Helper()
	for end := time.Now().Add(30 * time.Second); !f(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			b.t.Fatalf("%s: not within 30 seconds", what)
		}
	}
}

// follow clicks, and waits until the browser has loaded the page that the click leads to.
func (b *browser) follow(selector string, options ...chromedp.QueryOption) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, time.Minute)
	defer cancel()
	if _, err := chromedp.RunResponse(ctx, chromedp.Click(selector, options...)); err != nil {
		b.t.Fatal(err)
	}
}

// text returns the visible text of the page's content.
func (b *browser) text() (text string) {
	b.t.Helper()
	b.run(chromedp.Evaluate(`document.querySelector("main").innerText`, &text))
	return text
}

func (b *browser) wantText(parts ...string) {
	b.t.Helper()
	for _, part := range parts {
		b.eventually(fmt.Sprintf("the text %q", part), func() bool { return strings.Contains(b.text(), part) })
	}
}

// send sends an event of the tenant evented by the command line.
func (b *browser) send(payload string) {
	b.t.Helper()
	entry, err := json.Marshal(map[string]any{"Source": "blockforger-input", "DetailType": "evented.POST", "Detail": map[string]any{
		"tenant": "evented", "rootSchema": "evented", "api_key": b.key, "payload": json.RawMessage(payload)}})
	if err != nil {
		b.t.Fatal(err)
	}
	cmd := exec.Command(b.binary, "put-events", "--force", "--endpoint-url", b.server, "--entries", string(entry))
	if out, err := cmd.CombinedOutput(); err != nil && !strings.Contains(string(out), "rejected") {
		b.t.Fatalf("%v\n%s", err, out)
	}
}

// picture writes pictures of the page at three widths and in two colour schemes, and
// checks that the page is not wider than the window.
func (b *browser) picture(name string) {
	b.t.Helper()
	if err := os.MkdirAll(pictures, 0o755); err != nil {
		b.t.Fatal(err)
	}
	for _, width := range []int64{360, 1024, 2560} {
		for _, scheme := range []string{"light", "dark"} {
			var image []byte
			var overflow int
			b.run(
				emulation.SetDeviceMetricsOverride(width, 900, 1, false),
				emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}),
				chromedp.Evaluate(`document.documentElement.scrollWidth - innerWidth`, &overflow),
				chromedp.FullScreenshot(&image, 100),
			)
			if overflow > 0 {
				b.t.Errorf("%s is %d pixels wider than a window of %d", name, overflow, width)
			}
			file := filepath.Join(pictures, fmt.Sprintf("%s-%d-%s.png", name, width, scheme))
			if err := os.WriteFile(file, image, 0o644); err != nil {
				b.t.Fatal(err)
			}
		}
	}
	b.run(emulation.SetDeviceMetricsOverride(1280, 900, 1, false))
}

// axe runs axe-core on the page, and reports what it calls serious or critical.
func (b *browser) axe(name string) {
	b.t.Helper()
	script, err := os.ReadFile("../node_modules/axe-core/axe.min.js")
	if err != nil {
		if os.Getenv("AWSTEST_REQUIRE") != "" {
			b.t.Fatal("axe-core is missing: make tools")
		}
		b.t.Log("axe-core is missing: make tools")
		return
	}
	var violations []struct {
		ID, Impact, Help string
		Nodes            []struct{ HTML string }
	}
	b.run(
		chromedp.Evaluate(string(script), nil),
		chromedp.Evaluate(`axe.run().then(r => r.violations.map(v => ({ID: v.id, Impact: v.impact, Help: v.help, Nodes: v.nodes.map(n => ({HTML: n.html}))})))`, &violations,
			func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }),
	)
	for _, v := range violations {
		if v.Impact == "serious" || v.Impact == "critical" {
			b.t.Errorf("%s: axe-core: %s (%s): %s %.300s", name, v.Help, v.ID, v.Impact, v.Nodes[0].HTML)
		}
	}
}

// TestPages sends events, looks at every page, and takes pictures.
func TestPages(t *testing.T) {
	b := newBrowser(t)
	b.wantText("No events yet")
	b.picture("live-empty")
	b.send(`{"string":"hello","numeric":1}`)
	b.send(`{"string":"hello","numeric":"one"}`)
	b.wantText("created", "rejected 400", "/numeric: must be a number")
	b.picture("live")
	b.axe("live")

	b.follow(`//tr[contains(., "created")]//a`, chromedp.BySearch)
	b.run(chromedp.WaitVisible(".timeline"))
	b.wantText("accepted by the bus default", "revision 1", "10 tokens", "published")
	b.picture("event")
	b.axe("event")

	for _, page := range []struct{ name, path, text string }{
		{"compose", "compose?tenant=petstore&schema=orders", "rootSchema"},
		{"records", "records?tenant=evented&schema=evented", "hello"},
		{"tenants", "tenants", "no problems found"},
		{"tenant", "tenants/evented", "tenant.properties"},
		{"buses", "buses", "default"},
		{"bus", "buses/default", "Try a pattern"},
		{"health", "health", "Requests can be stored"},
		{"error", "events/unknown", "Back to the live page"},
	} {
		b.run(chromedp.Navigate(b.server+"/console/"+page.path), chromedp.WaitVisible("main"))
		if page.name != "compose" {
			b.wantText(page.text)
		}
		b.picture(page.name)
		b.axe(page.name)
	}
}

// hostile is text that runs a script where it is not escaped.
const hostile = `<script>document.title="owned"</script><img src=x onerror="document.title='owned'">`

// TestHostileText sends markup in everything that a sender controls, and looks at every
// page that shows it.
func TestHostileText(t *testing.T) {
	b := newBrowser(t)
	text, err := json.Marshal(hostile)
	if err != nil {
		t.Fatal(err)
	}
	b.send(fmt.Sprintf(`{"id":%s,"string":%s,"numeric":1}`, text, text))
	b.send(fmt.Sprintf(`{"string":1,%s:2}`, text))
	b.wantText("created", "rejected 400")
	entry, err := json.Marshal(map[string]any{"Source": hostile, "DetailType": hostile, "Detail": map[string]string{"x": hostile}})
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(b.binary, "put-events", "--no-wait", "--endpoint-url", b.server, "--entries", string(entry)).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	b.wantText("<img src=x")
	var links []string
	b.run(chromedp.Evaluate(`[...document.querySelectorAll("#lines a")].map(a => a.href)`, &links))
	if len(links) < 3 {
		t.Fatalf("links %q", links)
	}
	for _, url := range append(links, b.server+"/console/records?tenant=evented&schema=evented", b.server+"/console/health", b.server+"/console/events/%3Cscript%3E") {
		b.run(chromedp.Navigate(url), chromedp.WaitVisible("main"))
		var title string
		var images int
		b.run(chromedp.Title(&title), chromedp.Evaluate(`document.querySelectorAll("main img, main script").length`, &images))
		if title == "owned" || images != 0 {
			t.Errorf("%s: the title is %q, with %d elements that were text", url, title, images)
		}
	}
}

// TestSendAgain composes an event with an invalid payload, corrects it, sends it, and
// sends it again from its page.
func TestSendAgain(t *testing.T) {
	b := newBrowser(t)
	b.run(chromedp.Navigate(b.server+"/console/compose?tenant=evented&schema=evented"), chromedp.WaitVisible("#detail"))
	set := func(payload string) chromedp.Action {
		return chromedp.SetValue("#detail", `{"tenant":"evented","rootSchema":"evented","operation":"POST","payload":`+payload+`}`)
	}
	b.run(set(`{"numeric":"x"}`))
	b.follow(`button[value="check"]`)
	b.run(chromedp.WaitVisible(`section[aria-label="Result of the check"]`))
	b.wantText("rejected 400", "/numeric", "must be a number")
	b.run(set(`{"id":"console","numeric":3}`))
	b.follow(`button[value="send"]`)
	b.run(chromedp.WaitVisible(".timeline"))
	b.eventually("the outcome", func() bool {
		b.run(chromedp.Reload(), chromedp.WaitVisible(".timeline"))
		return strings.Contains(b.text(), "created evented/evented/console")
	})
	if strings.Contains(b.text(), "erk_") {
		t.Error("the page shows an API key")
	}
	b.follow(`//button[.="Send again"]`, chromedp.BySearch)
	b.run(chromedp.WaitVisible(".timeline"))
	b.eventually("the outcome", func() bool {
		b.run(chromedp.Reload(), chromedp.WaitVisible(".timeline"))
		return strings.Contains(b.text(), "rejected 409")
	})
}

// TestKeyIsShownOnce creates a key: the page shows it, and shows it no more when it is
// opened again.
func TestKeyIsShownOnce(t *testing.T) {
	b := newBrowser(t)
	b.run(chromedp.Navigate(b.server+"/console/tenants/evented"), chromedp.WaitVisible("main"))
	b.follow(`//button[.="Create a key"]`, chromedp.BySearch)
	b.run(chromedp.WaitVisible("#secret"))
	key := regexp.MustCompile(`erk_\w+`).FindString(b.text())
	if key == "" {
		t.Fatalf("no key on the page:\n%s", b.text())
	}
	b.picture("key")
	b.run(chromedp.Navigate(b.server+"/console/tenants/evented"), chromedp.WaitVisible("main"))
	b.wantText("active")
	if strings.Contains(b.text(), key) {
		t.Error("the key is shown again")
	}
}

// TestPause holds new lines back while the page is paused.
func TestPause(t *testing.T) {
	b := newBrowser(t)
	b.run(chromedp.WaitVisible("#pause"), chromedp.Click("#pause"))
	b.send(`{"id":"held","numeric":1}`)
	b.eventually("lines that are held", func() bool { return strings.Contains(b.text(), "held)") })
	if strings.Contains(b.text(), "evented/evented/held") {
		t.Error("a line appeared although the page is paused")
	}
	b.run(chromedp.Click("#pause"))
	b.wantText("evented/evented/held")
}

package console_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/blockforger/eventrouter/console"
	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/admin"
	"github.com/blockforger/eventrouter/internal/blob"
	"github.com/blockforger/eventrouter/internal/trace"
)

// fakeAdmin has one tenant with a key, and no events.
type fakeAdmin struct {
	admin.Admin
	revoked []string
}

func (a *fakeAdmin) Tail(context.Context, admin.TailQuery) (admin.EventPage, error) {
	return admin.EventPage{}, nil
}

func (a *fakeAdmin) Trace(_ context.Context, id string) (trace.Event, error) {
	return trace.Event{}, fault.Errorf(fault.NotFound, "event %s is not stored", id)
}

func (a *fakeAdmin) RetryDeadLetters(_ context.Context, q admin.LetterQuery) (int, error) {
	a.revoked = append(a.revoked, q.IDs...)
	return len(q.IDs), nil
}

// A fixture is a console on a server, and a visitor's client.
type fixture struct {
	t       *testing.T
	admin   *fakeAdmin
	console *console.Console
	server  *httptest.Server
	client  *http.Client
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{t: t, admin: &fakeAdmin{}}
	c, err := console.New(console.Config{
		Admin:   f.admin,
		Tenants: func(context.Context) ([]events.TenantID, error) { return []events.TenantID{"acme"}, nil },
		Schemas: func(context.Context, events.TenantID) ([]events.SchemaID, error) { return nil, nil },
		Files:   blob.NewMemory(), Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	f.console, f.server = c, httptest.NewServer(c)
	t.Cleanup(func() { c.Close(); f.server.Close() })
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	f.client = &http.Client{Jar: jar}
	return f
}

// enter exchanges the token for the cookie.
func (f *fixture) enter() string {
	f.t.Helper()
	status, body := f.get(strings.TrimPrefix(f.console.URL(f.server.URL), f.server.URL), nil)
	if status != http.StatusOK {
		f.t.Fatalf("the printed address: %d %s", status, body)
	}
	return body
}

func (f *fixture) get(path string, change func(*http.Request)) (int, string) {
	f.t.Helper()
	return f.do(http.MethodGet, path, nil, change)
}

func (f *fixture) do(method, path string, form url.Values, change func(*http.Request)) (int, string) {
	f.t.Helper()
	r, err := http.NewRequest(method, f.server.URL+path, strings.NewReader(form.Encode()))
	if err != nil {
		f.t.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if change != nil {
		change(r)
	}
	response, err := f.client.Do(r)
	if err != nil {
		f.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		f.t.Fatal(err)
	}
	policy := response.Header.Get("Content-Security-Policy")
	if !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") {
		f.t.Errorf("%s %s: the Content-Security-Policy is %q", method, path, policy)
	}
	return response.StatusCode, string(body)
}

// TestWhoMayEnter checks that a visitor needs the token, and must be on this machine.
func TestWhoMayEnter(t *testing.T) {
	f := newFixture(t)
	for path, part := range map[string]string{
		"/console/":                  "contains a token",
		"/console/tenants":           "contains a token",
		"/console/stream?from=0":     "contains a token",
		"/console/?token=wrong":      "changes whenever the server starts",
		"/console/events/x?token=no": "changes whenever the server starts",
	} {
		if status, body := f.get(path, nil); status != http.StatusForbidden || !strings.Contains(body, part) {
			t.Errorf("%s without a session: %d %s", path, status, body)
		}
	}
	f.enter()
	if status, body := f.get("/console/tenants", nil); status != http.StatusOK || !strings.Contains(body, "acme") {
		t.Errorf("with a session: %d %s", status, body)
	}
	for name, change := range map[string]func(*http.Request){
		"another host":   func(r *http.Request) { r.Host = "evil.example" },
		"another origin": func(r *http.Request) { r.Header.Set("Origin", "http://evil.example") },
		"another port":   func(r *http.Request) { r.Header.Set("Origin", "http://127.0.0.1:1") },
		"a null origin":  func(r *http.Request) { r.Header.Set("Origin", "null") },
		"a wrong cookie": func(r *http.Request) {
			r.Header.Set("Cookie", "eventrouter-console-"+f.server.URL[strings.LastIndex(f.server.URL, ":")+1:]+"=x")
			f.client.Jar = nil
		},
	} {
		jar := f.client.Jar
		if status, body := f.get("/console/tenants", change); status != http.StatusForbidden {
			t.Errorf("%s: %d %s", name, status, body)
		}
		f.client.Jar = jar
	}
	remote := httptest.NewRequest(http.MethodGet, strings.TrimPrefix(f.console.URL(""), ""), nil)
	remote.RemoteAddr, remote.Host = "203.0.113.7:1234", "localhost"
	w := httptest.NewRecorder()
	f.console.ServeHTTP(w, remote)
	if w.Code != http.StatusForbidden || w.Result().Cookies() != nil && len(w.Result().Cookies()) > 0 {
		t.Errorf("a peer on another machine with the token: %d", w.Code)
	}
}

// TestCookie checks that scripts and other sites do not get the session.
func TestCookie(t *testing.T) {
	f := newFixture(t)
	f.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	response, err := f.client.Get(f.console.URL(f.server.URL))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	cookies := response.Cookies()
	if len(cookies) != 1 || !cookies[0].HttpOnly || cookies[0].SameSite != http.SameSiteStrictMode || cookies[0].Path != "/console/" {
		t.Errorf("cookies %v", cookies)
	}
	if to := response.Header.Get("Location"); strings.Contains(to, "token") {
		t.Errorf("the token stays in the address %s", to)
	}
}

// TestForms checks that a form without the token of the session has no effect.
func TestForms(t *testing.T) {
	f := newFixture(t)
	f.client.CheckRedirect = func(r *http.Request, via []*http.Request) error {
		if via[0].Method == http.MethodPost {
			return http.ErrUseLastResponse
		}
		return nil
	}
	f.enter()
	_, compose := f.get("/console/compose", nil)
	token := regexp.MustCompile(`name="csrf" value="(\w+)"`).FindStringSubmatch(compose)
	if token == nil {
		t.Fatalf("no token in the form:\n%s", compose)
	}
	for name, form := range map[string]url.Values{
		"no token":    {"id": {"1"}},
		"wrong token": {"id": {"1"}, "csrf": {"x" + token[1][1:]}},
	} {
		if status, body := f.do(http.MethodPost, "/console/health/retry", form, nil); status != http.StatusForbidden || !strings.Contains(body, "reload the page") {
			t.Errorf("%s: %d %s", name, status, body)
		}
	}
	foreign := func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }
	if status, _ := f.do(http.MethodPost, "/console/health/retry", url.Values{"id": {"1"}, "csrf": {token[1]}}, foreign); status != http.StatusForbidden {
		t.Errorf("a form of another site: %d", status)
	}
	if len(f.admin.revoked) != 0 {
		t.Fatalf("a rejected form had an effect: %v", f.admin.revoked)
	}
	if status, body := f.do(http.MethodPost, "/console/health/retry", url.Values{"id": {"7"}, "csrf": {token[1]}}, nil); status != http.StatusSeeOther || len(f.admin.revoked) != 1 {
		t.Errorf("the form: %d %s", status, body)
	}
	if status, body := f.do(http.MethodPost, "/console/health/retry", url.Values{"csrf": {token[1]}}, nil); status != http.StatusBadRequest || !strings.Contains(body, "no dead letter is selected") {
		t.Errorf("nothing selected: %d %s", status, body)
	}
	large := url.Values{"csrf": {token[1]}, "detail": {strings.Repeat("x", 3*events.MaxBytes)}}
	if status, body := f.do(http.MethodPost, "/console/compose", large, nil); status != http.StatusRequestEntityTooLarge || !strings.Contains(body, "at most") {
		t.Errorf("a large form: %d %.300s", status, body)
	}
}

// TestErrorPages checks that every mistake in an address gives a page that says what is
// wrong.
func TestErrorPages(t *testing.T) {
	f := newFixture(t)
	f.enter()
	for path, want := range map[string]struct {
		status int
		part   string
	}{
		"/console/events/unknown":                   {404, "event unknown is not stored"},
		"/console/events/%3Cscript%3E":              {404, "event &lt;script&gt; is not stored"},
		"/console/nowhere":                          {404, "the console has no page /console/nowhere"},
		"/console/tenants/..%2F..%2Fetc":            {400, ""},
		"/console/records?tenant=%3Cb%3E":           {400, ""},
		"/console/tenants/nobody":                   {404, "no file describes the tenant nobody"},
		"/console/records/acme/%3Cscript%3E/x":      {400, ""},
		"/console/compose?tenant=" + "a%00b":        {400, ""},
		"/console/stream?from=-1":                   {400, "position"},
		"/console/stream?from=x":                    {400, "position"},
		"/console/compose?tenant=acme&schema=a%2Fb": {400, ""},
	} {
		status, body := f.get(path, nil)
		if status != want.status || !strings.Contains(body, want.part) || strings.Contains(body, "<script>") {
			t.Errorf("%s: %d, want %d with %q\n%s", path, status, want.status, want.part, body)
		}
	}
}

// TestAssets checks the size of all assets, that no page loads anything from elsewhere,
// and that none has a script or style of its own.
func TestAssets(t *testing.T) {
	var compressed bytes.Buffer
	z := gzip.NewWriter(&compressed)
	inline := regexp.MustCompile(`<script>|<style|\sstyle=|\son[a-z]+=|https?://`)
	for _, dir := range []string{"assets", "pages"} {
		err := fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			text, err := os.ReadFile(dir + "/" + path)
			if err != nil {
				return err
			}
			if dir == "assets" {
				_, err = z.Write(text)
			}
			if found := inline.Find(text); found != nil && path != "icon.svg" {
				t.Errorf("%s/%s contains %q", dir, path, found)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	t.Logf("assets: %d bytes compressed", compressed.Len())
	if compressed.Len() > 60<<10 {
		t.Errorf("assets have %d bytes compressed, more than 60 KB", compressed.Len())
	}
}

package console

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"embed"
	"encoding/hex"
	"errors"
	"html/template"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/eventbridge"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/admin"
	"github.com/blockforger/eventrouter/internal/blob"
	"github.com/blockforger/eventrouter/internal/loopback"
)

// Prefix is the path below which the console is served.
const Prefix = "/console/"

// Config configures a console. Every field is required unless it says otherwise.
type Config struct {
	Admin       admin.Admin
	Tenants     func(context.Context) ([]events.TenantID, error)
	Schemas     func(context.Context, events.TenantID) ([]events.SchemaID, error)
	Files       blob.Bucket         // the files of tenants
	EventBridge *eventbridge.Client // of the server
	Health      func() string       // why requests cannot be stored, or ""
	Backlog     func() (due, waiting int)
	Log         *slog.Logger
	Clock       func() time.Time // may be nil for time.Now
}

// A Console serves the pages.
type Console struct {
	c       Config
	token   string // in the URL that the server prints
	session string // the value of the cookie
	csrf    string
	pages   map[string]*template.Template
	assets  http.Handler
	mux     *http.ServeMux
	closed  chan struct{} // closed by Close
	close   func()

	mu   sync.Mutex
	keys map[events.TenantID]sendingKey // for events that are sent from the console
}

// A sendingKey is an API key that the console has created for itself.
type sendingKey struct {
	secret  events.Secret
	expires time.Time
}

//go:embed pages/*.html
var pageFiles embed.FS

//go:embed assets
var assetFiles embed.FS

// New returns a console. Its URL holds a new token.
func New(c Config) (*Console, error) {
	if c.Clock == nil {
		c.Clock = time.Now
	}
	session := rand.Text()
	mac := hmac.New(sha256.New, []byte(session))
	mac.Write([]byte("csrf"))
	console := &Console{
		c: c, token: rand.Text(), session: session, csrf: hex.EncodeToString(mac.Sum(nil)),
		pages: map[string]*template.Template{}, mux: http.NewServeMux(), keys: map[events.TenantID]sendingKey{},
	}
	console.closed = make(chan struct{})
	console.close = sync.OnceFunc(func() { close(console.closed) })
	names, err := fs.Glob(pageFiles, "pages/*.html")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		page, err := template.New("layout.html").Funcs(functions).ParseFS(pageFiles, "pages/layout.html", "pages/explanation.html", name)
		if err != nil {
			return nil, err
		}
		console.pages[strings.TrimSuffix(strings.TrimPrefix(name, "pages/"), ".html")] = page
	}
	assets, err := fs.Sub(assetFiles, "assets")
	if err != nil {
		return nil, err
	}
	console.assets = http.StripPrefix(Prefix+"assets/", http.FileServerFS(assets))
	console.routes()
	return console, nil
}

// Close ends the streams of open pages, so that the server can shut down.
func (c *Console) Close() { c.close() }

// URL returns the address of the console on a server, with the token.
func (c *Console) URL(server string) string { return server + Prefix + "?token=" + c.token }

func (c *Console) routes() {
	get := func(path string, f func(r *http.Request) (*page, error)) {
		c.mux.HandleFunc("GET "+Prefix+path, func(w http.ResponseWriter, r *http.Request) {
			p, err := f(r)
			c.respond(w, r, p, err)
		})
	}
	post := func(path string, f func(r *http.Request) (*page, error)) {
		c.mux.HandleFunc("POST "+Prefix+path, func(w http.ResponseWriter, r *http.Request) {
			r.Body = http.MaxBytesReader(w, r.Body, 2*events.MaxBytes)
			if err := c.checkForm(r); err != nil {
				c.respond(w, r, nil, err)
				return
			}
			p, err := f(r)
			c.respond(w, r, p, err)
		})
	}
	get("{$}", livePages{c}.live)
	c.mux.HandleFunc("GET "+Prefix+"stream", livePages{c}.stream)
	get("events/{id}", eventPages{c}.event)
	get("compose", eventPages{c}.compose)
	post("compose", eventPages{c}.send)
	get("records", recordPages{c}.records)
	get("records/{tenant}/{schema}/{key}", recordPages{c}.record)
	get("tenants", tenantPages{c}.tenants)
	get("tenants/{tenant}", tenantPages{c}.tenant)
	post("tenants/{tenant}/keys", tenantPages{c}.createKey)
	post("tenants/{tenant}/keys/{id}/rotate", tenantPages{c}.rotateKey)
	post("tenants/{tenant}/keys/{id}/revoke", tenantPages{c}.revokeKey)
	get("buses", busPages{c}.buses)
	get("buses/{bus}", busPages{c}.bus)
	post("buses/{bus}/explain", busPages{c}.explain)
	get("health", healthPages{c}.health)
	post("health/retry", healthPages{c}.retry)
	c.mux.HandleFunc(Prefix, func(w http.ResponseWriter, r *http.Request) {
		c.respond(w, r, nil, fault.Errorf(fault.NotFound, "the console has no page %s", r.URL.Path))
	})
}

// ServeHTTP serves the pages below [Prefix].
func (c *Console) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin") // with no-referrer, the Origin of a form is null
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	if err := sameMachine(r); err != nil {
		c.respond(w, r, nil, err)
		return
	}
	if strings.HasPrefix(r.URL.Path, Prefix+"assets/") {
		h.Set("Cache-Control", "max-age=3600")
		c.assets.ServeHTTP(w, r)
		return
	}
	if token := r.URL.Query().Get("token"); token != "" && r.Method == http.MethodGet {
		if subtle.ConstantTimeCompare([]byte(token), []byte(c.token)) != 1 {
			c.respond(w, r, nil, fault.Errorf(fault.Denied, "the token in the address is not the server's: it changes whenever the server starts"))
			return
		}
		http.SetCookie(w, &http.Cookie{Name: cookieName(r), Value: c.session, Path: Prefix, HttpOnly: true, SameSite: http.SameSiteStrictMode})
		http.Redirect(w, r, r.URL.Path, http.StatusSeeOther)
		return
	}
	cookie, err := r.Cookie(cookieName(r))
	if err != nil || subtle.ConstantTimeCompare([]byte(cookie.Value), []byte(c.session)) != 1 {
		c.respond(w, r, nil, errNoSession)
		return
	}
	c.mux.ServeHTTP(w, r)
}

// cookieName contains the port: cookies do not distinguish ports, and several servers
// can run on one machine.
func cookieName(r *http.Request) string {
	_, port, _ := net.SplitHostPort(r.Host)
	return "eventrouter-console-" + port
}

var errNoSession = fault.Errorf(fault.Denied, "open the address that the server printed when it started: it contains a token")

// sameMachine verifies that a request comes from this machine, is addressed to it, and
// was not caused by a page of another origin.
func sameMachine(r *http.Request) error {
	if !loopback.Peer(r.RemoteAddr) {
		return fault.Errorf(fault.Denied, "the console is available only on this machine")
	}
	if !loopback.Host(r.Host) {
		return fault.Errorf(fault.Denied, "the console is available only at localhost, not at %q", r.Host)
	}
	if origin := r.Header.Get("Origin"); origin != "" && origin != "http://"+r.Host {
		return fault.Errorf(fault.Denied, "the console does not accept requests of pages of the origin %q", origin)
	}
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" && site != "same-origin" && site != "none" && r.Method != http.MethodGet {
		return fault.Errorf(fault.Denied, "the console does not accept requests of pages of another site")
	}
	return nil
}

// checkForm verifies the token that every form of the console contains.
func (c *Console) checkForm(r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return fault.Errorf(fault.TooLarge, "the form is too large: at most %d bytes", tooLarge.Limit)
		}
		return fault.Errorf(fault.Invalid, "the form cannot be read")
	}
	if subtle.ConstantTimeCompare([]byte(r.PostForm.Get("csrf")), []byte(c.csrf)) != 1 {
		return fault.Errorf(fault.Denied, "the form is not one of this server: reload the page, and send it again")
	}
	return nil
}

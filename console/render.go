package console

import (
	"bytes"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/trace"
)

// A page is what a handler returns: the data of a template, or a redirection.
type page struct {
	name     string // of the template
	title    string
	data     any
	redirect string
}

// A view is what a template receives.
type view struct {
	Title   string
	Section string // the item of the navigation
	CSRF    string
	Data    any
}

// functions are available in templates.
var functions = template.FuncMap{
	"clock": func(t time.Time) string { return t.Local().Format("15:04:05.000") },
	"stamp": func(t time.Time) string {
		if t.IsZero() {
			return "–"
		}
		return t.Local().Format("2006-01-02 15:04:05")
	},
	"duration": func(d time.Duration) string { return d.Round(100 * time.Microsecond).String() },
	"pretty":   pretty,
	"last":     last,
	"outcome":  func(o trace.Outcome) string { return o.String() },
	"text":     aws.ToString,
	"path":     func(parts ...any) string { return escapePath(parts...) },
	"clip":     func(s string) string { return fault.Clip(s, 160) },
	"query":    url.QueryEscape,
}

// pretty indents JSON; other text stays as it is.
func pretty(v any) string {
	text := jsontext.Value(fmt.Sprint(v))
	if raw, ok := v.(jsontext.Value); ok {
		text = raw.Clone()
	}
	if !text.IsValid() {
		return string(text)
	}
	indented := text.Clone()
	if err := indented.Indent(jsontext.WithIndent("  ")); err != nil {
		return string(text)
	}
	return string(indented)
}

// last returns the last part of an ARN.
func last(arn any) string {
	text := fmt.Sprint(arn)
	if i := strings.LastIndexAny(text, "/:"); i >= 0 && i < len(text)-1 {
		return text[i+1:]
	}
	return text
}

// escapePath joins path elements below [Prefix].
func escapePath(parts ...any) string {
	var b strings.Builder
	b.WriteString(strings.TrimSuffix(Prefix, "/"))
	for _, part := range parts {
		b.WriteByte('/')
		b.WriteString(url.PathEscape(fmt.Sprint(part)))
	}
	return b.String()
}

// respond writes a page, or the page of an error.
func (c *Console) respond(w http.ResponseWriter, r *http.Request, p *page, err error) {
	status := http.StatusOK
	switch {
	case err != nil:
		status = statusOf(err)
		if status >= 500 {
			c.c.Log.Error("console", "path", r.URL.Path, "error", err)
		}
		p = &page{name: "error", title: http.StatusText(status), data: fault.MessageOf(err)}
	case p.redirect != "":
		http.Redirect(w, r, p.redirect, http.StatusSeeOther)
		return
	}
	section, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, Prefix), "/")
	var b bytes.Buffer
	if err := c.pages[p.name].Execute(&b, view{Title: p.title, Section: section, CSRF: c.csrf, Data: p.data}); err != nil {
		c.c.Log.Error("console", "page", p.name, "error", err)
		http.Error(w, "the page cannot be shown; the server's log says why", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes())
}

func statusOf(err error) int {
	switch fault.CodeOf(err) {
	case fault.NotFound:
		return http.StatusNotFound
	case fault.Invalid:
		return http.StatusBadRequest
	case fault.Denied, fault.Unauthenticated:
		return http.StatusForbidden
	case fault.Conflict:
		return http.StatusConflict
	case fault.TooLarge:
		return http.StatusRequestEntityTooLarge
	case fault.Unavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

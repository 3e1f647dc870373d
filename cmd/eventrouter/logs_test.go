package main

import (
	"bytes"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/blockforger/eventrouter/internal/admin"
)

// TestLogsOnATerminal: one short line for each line of the log, within the width.
func TestLogsOnATerminal(t *testing.T) {
	at := time.Date(2026, 11, 24, 13, 44, 59, 0, time.UTC)
	for _, c := range []struct {
		width      int
		text, want string
	}{
		{100, `{"msg":"rejected","status":400,"tenant":"acme","schema":"products","operation":"POST","recordKey":"B-2","error":"x","problems":[{"pointer":"/price","message":"must be a number"}],"outcome":"rejected"}`,
			"13:44:59 400 rejected acme/products POST B-2  /price must be a number"},
		{40, `{"msg":"rejected","status":400,"tenant":"acme","schema":"products","operation":"POST","problems":[{"pointer":"/price","message":"must be a number"}],"outcome":"rejected"}`,
			"13:44:59 400 rejected acme/products POS…"},
		{100, `{"msg":"carried-out","status":201,"tenant":"acme","schema":"products","operation":"POST","outcome":"carried-out","Tokens":10}`, "13:44:59 201 created acme/products POST"},
		{100, `{"msg":"rejected","status":401,"error":"the API key is missing or not valid","outcome":"rejected"}`, "13:44:59 401 rejected  the API key is missing or not valid"},
		{100, `{"msg":"ignored","outcome":"ignored","reason":"the source is not blockforger-input"}`, "13:44:59 ignored  the source is not blockforger-input"},
		{100, `{"detail-type":"products.POST","source":"blockforger-output","detail":{"a":1}}`, `13:44:59 products.POST from blockforger-output  {"a":1}`},
		{20, "häßlich und länger als die Zeile", "13:44:59 häßlich un…"},
		{100, "plain text", "13:44:59 plain text"},
		{0, `{"msg":"carried-out","outcome":"carried-out"}`, `13:44:59.000 {"msg":"carried-out","outcome":"carried-out"}`},
	} {
		var out bytes.Buffer
		p := printer{out: &out, width: c.width}
		if err := p.logLine(admin.LogLine{Time: at, Text: c.text}); err != nil || out.String() != c.want+"\n" || c.width > 0 && utf8.RuneCountInString(c.want) > c.width {
			t.Errorf("%v\ngot  %swant %s", err, out.String(), c.want)
		}
	}
}

func TestLogsFilters(t *testing.T) {
	t.Parallel()
	srv, _ := serveHere(t, acme(t))
	key := makeKey(t, srv.url, "acme").Key
	for _, entry := range []string{entryText(key, "POST", `{"id":"a","price":1}`), entryText(key, "POST", `{"id":"b","price":"x"}`), entryText("nobody", "POST", `{"id":"c","price":1}`)} {
		runCLI(t, srv.url, "put-events", "--force", "--entries", entry)
	}
	eventually(t, "the output event", func() bool {
		_, out, _ := runCLI(t, srv.url, "logs", testFunction, "--tenant", "acme")
		return strings.Count(out, "\n") == 1
	})
	for _, c := range []struct {
		args  string
		lines int
		want  string
	}{
		{function, 3, "carried-out"},
		{function + " --status 400", 1, `"pointer":"/price"`},
		{function + " --status 4xx", 2, `"status":401`},
		{function + " --status 500", 0, ""},
		{function + " --tenant acme --status 2xx", 1, "carried-out"},
		{function + " --tenant rival", 0, ""},
		{function + " --grep /price", 1, `"status":400`},
		{function + " --grep nothing-like-it", 0, ""},
		{function + " --status 4xx --limit 1", 1, `"status":401`},
		{testFunction + " --tenant rival", 0, ""},
		{"", 2, testFunction + "\n" + function + "\n"},
		{"--output json", 6, `"functions": [`},
	} {
		code, out, errOut := runCLI(t, srv.url, append([]string{"logs"}, strings.Fields(c.args)...)...)
		if code != 0 || strings.Count(out, "\n") != c.lines || !strings.Contains(out, c.want) {
			t.Errorf("logs %s: %d, %s%s", c.args, code, out, errOut)
		}
	}
	for _, c := range []struct {
		args string
		code int
		want string
	}{
		{"logs nobody", 1, `function "nobody" does not exist here`},
		{"logs x --status 4", 2, `--status: "4" is not a status, for example 400 or 4xx`},
		{"logs x --status abc", 2, `--status: "abc" is not a status`},
		{"logs x --status 4x1", 2, `--status: "4x1" is not a status`},
		{"logs x --status 600", 2, `--status: "600" is not a status`},
		{"logs x --tenant a/b", 2, "--tenant: "},
		{"logs x --limit 0", 2, "--limit: 0 is not a number of lines, at least 1"},
	} {
		if code, out, errOut := runCLI(t, srv.url, strings.Fields(c.args)...); code != c.code || !strings.Contains(errOut, c.want) {
			t.Errorf("%s: %d %s%s", c.args, code, out, errOut)
		}
	}
}

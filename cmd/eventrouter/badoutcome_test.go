package main

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// noGo matches what a message must not contain: types and texts of Go and its
// libraries.
var noGo = regexp.MustCompile(`jsontext|json:|main\.|\bstrconv\b|\*?[a-z]+\.[A-Z][a-zA-Z]+Error|goroutine|unsupported protocol|<nil>|%!`)

// TestBadOutcomes is the part of the table of bad input for events and the commands that
// report their outcomes: each message says what is wrong, where, and what would be
// right, without a key, and without a name that the schema does not declare.
func TestBadOutcomes(t *testing.T) {
	t.Setenv("EVENTROUTER_KEY", "")
	dir := acme(t)
	writeFile(t, filepath.Join(dir, "closed", "tenant.properties"), "eventbridge-input=false\n")
	writeFile(t, filepath.Join(dir, "closed", "products.json"), `{"type":"object"}`)
	srv, _ := serveHere(t, dir)
	key, closed := makeKey(t, srv.url, "acme").Key, makeKey(t, srv.url, "closed").Key
	detail := func(members string) string {
		return `{"Source":"blockforger-input","DetailType":"products.POST","Detail":{` + members + `}}`
	}
	good := `"tenant":"acme","rootSchema":"products","api_key":"` + key + `"`
	for _, c := range []struct{ entry, want string }{
		{detail(good + `,"payload":{"price":"9"}`), "rejected 400  /price: must be a number, not a string"},
		{detail(good + `,"payload":{"price":null}`), "rejected 400  /price: must be a number, not null"},
		{detail(good + `,"payload":{}`), "rejected 400  /price: is required"},
		{detail(good + `,"payload":{"price":1,"c4n4ry":1}`), "rejected 400  /*: must be a string, not a number"},
		{detail(good + `,"payload":{"price":1,"parts":[{"no":1},{"c4n4ry":1}]}`), "rejected 400  /parts/1/*: is not a property of the schema"},
		{detail(good + `,"payload":{"price":1,"parts":[1.5]}`), "created acme/products/"},
		{detail(good + `,"payload":{"price":1,"parts":[{"no":1.5}]}`), "rejected 400  /parts/0/no: must be an integer, not a number"},
		{detail(good + `,"payload":{"price":1,"id":7}`), "rejected 400  /id: key must be a string"},
		{detail(good + `,"payload":{"price":1,"id":""}`), "rejected 400  /id: key "},
		{detail(good + `,"payload":[]`), "rejected 400  /detail/payload: must be an object"},
		{detail(good + `,"payload":null`), "rejected 400  /detail/payload: must be an object"},
		{detail(good), "rejected 400  /detail/payload: must be an object"},
		{detail(good + `,"operation":"MOVE","payload":{"price":1}`), "rejected 400  /detail/operation: must be POST, PUT, PATCH or DELETE"},
		{detail(good + `,"operation":"PUT","payload":{"price":1}`), "rejected 400  /detail-type: must be products.PUT as the detail says"},
		{detail(good + `,"idempotency_key":"","payload":{"price":1}`), "rejected 400  /detail/idempotency_key: must have 1 to 128 characters, not 0"},
		{detail(good + `,"idempotency_key":7,"payload":{"price":1}`), "rejected 400  /detail/idempotency_key: "},
		{detail(good + `,"metadata":{"hops":"x"},"payload":{"price":1}`), "rejected 400  /detail/metadata"},
		{strings.Replace(detail(good+`,"payload":{"price":1}`), `"acme"`, `"a b"`, 1), "rejected 400  /detail/tenant: "},
		{strings.Replace(detail(good+`,"payload":{"price":1}`), `"rootSchema":"products"`, `"rootSchema":7`, 1), "rejected 400  /detail/rootSchema: must be a string, not a number"},
		{strings.Replace(detail(good+`,"payload":{"price":1}`), `"rootSchema":"products"`, `"rootSchema":"product"`, 1), "rejected 400  /detail-type: must be product.POST as the detail says (operation is absent, which means POST)"},
		{strings.Replace(strings.Replace(detail(good+`,"payload":{"price":1}`), `"rootSchema":"products"`, `"rootSchema":"product"`, 1), "products.POST", "product.POST", 1), `rejected 404  schema "product" does not exist`},
		{strings.Replace(detail(good+`,"payload":{"price":1}`), `"acme"`, `"nobody"`, 1), "rejected 401  the API key is missing or not valid"},
		{strings.Replace(detail(good+`,"payload":{"price":1}`), key, closed, 1), "rejected 401  the API key is missing or not valid"},
		{strings.Replace(strings.Replace(detail(good+`,"payload":{"price":1}`), key, closed, 1), `"acme"`, `"closed"`, 1), "rejected 403  input events are switched off for this tenant; eventbridge-input=true in tenant.properties switches them on"},
		{`{"Time":"2020-01-01T00:00:00Z",` + detail(good + `,"payload":{"price":1}`)[1:], "rejected 400  the event is stale: its time is 35 days ago or more"},
		{`{"Time":"2099-01-01T00:00:00Z",` + detail(good + `,"payload":{"price":1}`)[1:], "rejected 400  the event's time is more than a day ahead"},
		{`{"EventBusName":"nowhere",` + detail(good + `,"payload":{"price":1}`)[1:], "the bus nowhere has no rules, or does not exist here"},
	} {
		for _, force := range []string{"", "--force"} {
			args := []string{"put-events", "--entries", c.entry}
			if force != "" {
				args = append(args, force)
			}
			code, out, errOut := runCLI(t, srv.url, args...)
			if want := strings.HasPrefix(c.want, "created"); (code == 0) != want || !strings.Contains(out, c.want) || errOut != "" {
				t.Errorf("%s %s: exit %d\n got %s%s\nwant %s", force, strings.ReplaceAll(c.entry, key, "KEY"), code, out, errOut, c.want)
			}
			if text := out + errOut; strings.Contains(text, "c4n4ry") || strings.Contains(text, key) || strings.Contains(text, closed) || noGo.MatchString(text) {
				t.Errorf("%s: the message holds what it must not: %s", force, text)
			}
		}
	}

	for _, c := range []struct {
		args string
		code int
		want string
	}{
		{"put-events --entries - --dry-run", 1, "--entries"},
		{"events trace nobody", 1, `event "nobody" is not kept here`},
		{"serve --account 1", 2, `--account: "1" is not an account; it has 12 digits, for example 000000000000`},
		{"serve --account -1", 2, "--account"},
		{"serve --region nowhere", 2, `--region: "nowhere" is not a region, for example us-east-1`},
		{"tenant lint " + dir + " --account 12", 1, `--account: "12" is not an account; it has 12 digits`},
		{"tenant lint " + dir + " --region x", 1, `--region: "x" is not a region`},
		{"tenant test /no/such --watch --output xml", 2, "--output must be one of"},
	} {
		code, out, errOut := runCLI(t, srv.url, strings.Fields(c.args)...)
		if code != c.code || !strings.Contains(errOut, c.want) || noGo.MatchString(errOut) {
			t.Errorf("%s: exit %d, want %d and %q\n%s%s", c.args, code, c.code, c.want, out, errOut)
		}
	}
}

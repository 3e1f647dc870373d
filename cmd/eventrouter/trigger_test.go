package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
)

func TestTrigger(t *testing.T) {
	t.Parallel()
	dir := acme(t)
	srv, _ := serveHere(t, dir)
	key := makeKey(t, srv.url, "acme").Key
	trigger := func(args ...string) (int, string, string) {
		t.Helper()
		return runCLI(t, srv.url, append([]string{"trigger", "--key", key}, args...)...)
	}
	test := filepath.Join(dir, "acme", "tests", "lamp.json")
	for _, c := range []struct {
		args string
		code int
		want string
	}{
		{"acme/products.POST", 0, "created acme/products/"},
		{"acme/products", 0, "created acme/products/"},
		{"acme/products.POST --set id=7 --set price=9 --set name=Lamp --save " + test, 0, "created acme/products/7 · 10 tokens · published to default"},
		{"acme/products.PUT --set id=7", 0, "replaced acme/products/7 · "},
		{"acme/products.PATCH --set id=7 --set price=1", 0, "changed acme/products/7 · "},
		{"acme/products.DELETE --set id=7", 0, "deleted acme/products/7 · "},
		{"acme/products.DELETE --set id=8", 1, "rejected 404  there is no record with this key"},
		{"acme/products --set price=high", 1, "would be rejected 400  /price: must be a number, not a string · not sent; --force sends it"},
		{"acme/products --set price=high --force", 1, "rejected 400  /price: must be a number, not a string"},
		{"acme/products --set parts.c4n4ry=1", 1, "would be rejected 400  /parts: must be an array, not an object"},
	} {
		code, out, errOut := trigger(strings.Fields(c.args)...)
		if code != c.code || !strings.HasPrefix(out, c.want) || strings.Count(out, "\n") != 1 {
			t.Errorf("%s: %d %s%s", c.args, code, out, errOut)
		}
	}
	if code, out, errOut := runCLI(t, "", "tenant", "test", dir); code != 0 || !strings.Contains(out, "ok   "+test) {
		text, _ := os.ReadFile(test)
		t.Errorf("the saved test: %d %s%s\n%s", code, out, errOut, text)
	}
	code, out, errOut := trigger("acme/products", "--count", "25")
	if code != 0 || strings.Count(out, "created acme/products/") != 25 || !strings.HasSuffix(out, "\n25 events: 25 created\n") {
		t.Errorf("%d %s%s", code, out, errOut)
	}
	if code, out, errOut = trigger("acme/products.POST", "--set", "id=same", "--count", "3", "--rate", "50"); code != 1 || !strings.Contains(out, "\n3 events: ") || !strings.Contains(out, "2 rejected") || !strings.Contains(out, "1 created") {
		t.Errorf("%d %s%s", code, out, errOut)
	}
}

func TestTriggerBadInput(t *testing.T) {
	t.Setenv("EVENTROUTER_KEY", "")
	dir := acme(t)
	writeFile(t, filepath.Join(dir, "acme", "never.json"), `{"type":"object","properties":{"a":false},"required":["a"]}`)
	writeFile(t, filepath.Join(dir, "acme", "tests", "old.json"), `{}`)
	srv, _ := serveHere(t, dir)
	key := makeKey(t, srv.url, "acme").Key
	for _, c := range []struct {
		args string
		code int
		want string
	}{
		{"acme --key K", 1, `"acme": there is no schema; the form is TENANT/SCHEMA.OPERATION, for example acme/products.POST`},
		{"acme/products.GET --key K", 1, `"acme/products.GET": the operation must be POST, PUT, PATCH or DELETE; the form is `},
		{"acme/products.post --key K", 1, `the operation must be POST, PUT, PATCH or DELETE`},
		{"a!/products --key K", 1, `"a!/products": `},
		{"acme/p?q --key K", 1, `"acme/p?q": `},
		{"acme/products", 1, "there is no API key: set EVENTROUTER_KEY or --key; a new key: eventrouter keys create --tenant acme --permission backend_calls"},
		{"nobody/products --key K", 1, `tenant "nobody" does not exist`},
		{"acme/nothing --key K", 1, `schema "nothing" does not exist`},
		{"acme/never --key K", 1, "no valid payload could be generated from the schema acme/never: add an example or a default to its properties"},
		{"acme/products --key K --set price", 1, `--set: "price" must have the form NAME=VALUE, for example price=9 or customer.name=Ada`},
		{"acme/products --key K --set a..b=1", 1, `--set: "a..b=1" must have the form NAME=VALUE`},
		{"acme/products --key K --set =1", 1, `--set: "=1" must have the form NAME=VALUE`},
		{"acme/products --key K --count 0", 2, "--count: 0 is not between 1 and 100000"},
		{"acme/products --key K --rate=-1", 2, "--rate: -1 is not a number of events per second, for example 20"},
		{"acme/products --key K --rate NaN", 2, "--rate: NaN is not a number of events per second, for example 20"},
		{"acme/products --key K --save " + filepath.Join(dir, "acme/tests/old.json"), 1, "old.json exists already; choose another name"},
		{"acme/products --key K --set price=high --save " + filepath.Join(dir, "acme/tests/new.json") + " --aws --environment Prod", 2, "--environment: "},
		{"acme/products --key wrong", 1, "would be rejected 401  the API key is missing or not valid"},
	} {
		args := append([]string{"trigger"}, strings.Fields(strings.ReplaceAll(c.args, "--key K", "--key "+key))...)
		code, out, errOut := runCLI(t, srv.url, args...)
		if code != c.code || !strings.Contains(out+errOut, c.want) || strings.Contains(errOut, "jsontext") || strings.Contains(errOut, key) {
			t.Errorf("%s: exit %d, want %d and %q\n%s%s", c.args, code, c.code, c.want, out, errOut)
		}
	}
}

func TestSetMember(t *testing.T) {
	for _, c := range []struct{ object, set, want string }{
		{`{"a":1,"b":2}`, `a=9`, `{"a":9,"b":2}`},
		{`{"a":1}`, `b=text`, `{"a":1,"b":"text"}`},
		{`{"a":1}`, `b="9"`, `{"a":1,"b":"9"}`},
		{`{"a":1}`, `b=`, `{"a":1,"b":""}`},
		{`{"a":1}`, `b=x=y`, `{"a":1,"b":"x=y"}`},
		{`{"a":1}`, `a.b.c=null`, `{"a":{"b":{"c":null}}}`},
		{`{"a":{"b":1,"c":[1]}}`, `a.b={"d":true}`, `{"a":{"b":{"d":true},"c":[1]}}`},
		{`{"a":"x","b":{"c":"y"}}`, `b.c=7`, `{"a":"x","b":{"c":"7"}}`},
		{`{}`, `id=7`, `{"id":"7"}`},
		{`{"n":12345678901234567890.10}`, `x=1e400`, `{"n":12345678901234567890.10,"x":1e400}`},
	} {
		if got, err := setMember(jsontext.Value(c.object), c.set, "id"); err != nil || string(got) != c.want {
			t.Errorf("%s of %s: %s, %v; want %s", c.set, c.object, got, err, c.want)
		}
	}
}

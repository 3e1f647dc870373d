package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/blockforger/eventrouter/events"
)

// restSession is what a tenant's developer types; the README has it as well.
const restSession = `
api=$SERVER/api/petstore/petstore
curl="curl -sS -H x-api-key:$EVENTROUTER_KEY"

$curl -i $api -H content-type:application/json -d '{"id":"rex","name":"Rex","status":"available"}'
$curl -i $api/rex
$curl $api/rex -X PATCH -H content-type:application/merge-patch+json -d '{"status":"sold"}'
$curl $api/rex -X PUT -H content-type:application/json -H idempotency-key:order-7 -d '{"name":"Rex","status":"pending"}'
$curl $api/rex -X PUT -H content-type:application/json -H idempotency-key:order-7 -d '{"name":"Rex","status":"pending"}'
$curl "$api?limit=10"
$curl -i $api/rex -X DELETE
$curl $api/rex
$curl $SERVER/api/petstore/_usage
`

func TestRESTSession(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("curl is not installed")
	}
	srv, _ := serveHere(t, sampleSchemas)
	cmd := exec.Command("bash", "-euo", "pipefail", "-c", strings.ReplaceAll(restSession, "\n$curl", "\necho; $curl"))
	cmd.Env = append(os.Environ(), "SERVER="+srv.url, "EVENTROUTER_KEY="+makeKey(t, srv.url, "petstore").Key)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v:\n%s", err, out)
	}
	text := strings.ReplaceAll(string(out), "\r", "")
	for _, want := range []string{
		"HTTP/1.1 201 Created", "Location: /api/petstore/petstore/rex\n", `"operation":"POST","key":"rex","revision":1`,
		`{"id":"rex","name":"Rex","status":"available"}`, `"operation":"PATCH","key":"rex","revision":2`,
		`{"records":[{"key":"rex","revision":3,`, "HTTP/1.1 204 No Content", `/problems/not-found","title":"Not Found","status":404`,
		`"tokens":60,"bySchema":{"petstore":{"DELETE":10,"GET":20,"PATCH":10,"POST":10,"PUT":10}}`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
	if n := strings.Count(text, `"operation":"PUT","key":"rex","revision":3`); n != 2 {
		t.Errorf("the PUT and its repetition: %d answers of revision 3", n)
	}
	if code, out, errOut := runCLI(t, srv.url, "logs", function); code != 0 || !strings.Contains(out, `"operation":"PATCH"`) {
		t.Errorf("the calls are not in the function's log: %s %s", out, errOut)
	}
	code, csv, errOut := runCLI(t, srv.url, "usage", "--tenant", "petstore", "--csv")
	if code != 0 || !strings.HasPrefix(csv, "tenant,month,schema,operation,tokens\r\npetstore,") || !strings.Contains(csv, ",_usage,GET,10\r\n") {
		t.Errorf("%d %q %s", code, csv, errOut)
	}
}

// TestKeysRotate: both keys work until the old one ends.
func TestKeysRotate(t *testing.T) {
	srv, _ := serveHere(t, sampleSchemas)
	old := makeKey(t, srv.url, "petstore")
	code, out, errOut := runCLI(t, srv.url, "keys", "rotate", string(old.KeyID), "--overlap", "1h", "--output", "json")
	if code != 0 {
		t.Fatal(out, errOut)
	}
	_, fresh, _ := strings.Cut(out, `"key": "`)
	fresh, _, _ = strings.Cut(fresh, `"`)
	for _, key := range []string{old.Key, fresh} {
		req, _ := http.NewRequest("GET", srv.url+"/api/petstore/petstore", nil)
		req.Header.Set("x-api-key", key)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Errorf("status %d", resp.StatusCode)
		}
	}
	code, exported, _ := runCLI(t, srv.url, "keys", "export", "--tenant", "petstore")
	if code != 0 || strings.Contains(exported, fresh) || strings.Count(exported, `"sha256"`) != 2 {
		t.Errorf("%d: %s", code, exported)
	}
	file := filepath.Join(t.TempDir(), "keys.json")
	if err := os.WriteFile(file, []byte(exported), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out, errOut := runCLI(t, srv.url, "keys", "import", file); code != 0 || !strings.Contains(out, "2 keys") {
		t.Errorf("%d: %s %s", code, out, errOut)
	}
	if code, list, _ := runCLI(t, srv.url, "keys", "list", "--tenant", "petstore"); code != 0 || !strings.Contains(list, time.Now().UTC().Format(time.DateOnly)+"\n") {
		t.Errorf("the last use is not shown: %s", list)
	}
}

// TestServeRESTBadInput sends what no client library would.
func TestServeRESTBadInput(t *testing.T) {
	srv, _ := serveHere(t, sampleSchemas)
	key := makeKey(t, srv.url, "petstore").Key
	raw := func(request string) string {
		t.Helper()
		conn, err := net.Dial("tcp", srv.listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
		go func() { _, _ = io.WriteString(conn, request) }()
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatalf("%.100q: %v", request, err)
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		return fmt.Sprintf("%d %s", resp.StatusCode, body)
	}
	head := " HTTP/1.1\r\nHost: x\r\nx-api-key: " + key + "\r\n"
	for _, c := range []struct{ request, want string }{
		{"GET /api/../_/health" + head + "\r\n", "400 {"},
		{"GET /api/petstore/../evented/evented" + head + "\r\n", "404 {"},
		{"GET /api/petstore//petstore" + head + "\r\n", "404 {"},
		{"GET /api/petstore/petstore/%2e%2e%2fx" + head + "\r\n", "404 {"},
		{"GET /api/petstore/petstore/%00" + head + "\r\n", "400 {"},
		{"GET /api" + head + "\r\n", "404 {"},
		{"POST /api/petstore/petstore" + head + "content-type: application/json\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "4"},
		{"POST /api/petstore/petstore" + head + "content-type: application/json\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}", "400"},
		{"GET /api/petstore/petstore" + head + "x-api-key: other\r\n\r\n", "401 {"},
		{"GET /api/petstore/petstore" + head + "x\r\n y: z\r\n\r\n", "400"},
		{"POST /api/petstore/petstore" + head + "content-type: application/json\r\nContent-Length: 3000000\r\n\r\n" + strings.Repeat(" ", 1200000), "413 {"},
		{"GET /api/petstore/petstore/" + strings.Repeat("x", 10000) + head + "\r\n", "414 {"},
		{"GET /api/petstore/petstore" + head + "a: " + strings.Repeat("x", 100000) + "\r\n\r\n", "431"},
	} {
		if got := raw(c.request); !strings.HasPrefix(got, c.want) {
			t.Errorf("%.200q: %.200s, want %s", strings.ReplaceAll(c.request, key, "KEY"), got, c.want)
		}
	}
	usage, err := srv.admin.Usage(t.Context(), "petstore", time.Now().UTC().Format("2006-01"))
	if err != nil || usage.Tokens != 0 {
		t.Errorf("bad requests were billed: %+v, %v", usage, err)
	}
}

// TestSlowBody: a caller that does not send its body is not waited for.
func TestSlowBody(t *testing.T) {
	api := &restAPI{bodyTimeout: 50 * time.Millisecond}
	srv := httptest.NewServer(api)
	defer srv.Close()
	conn, err := net.Dial("tcp", srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST /api/a/b HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n{", events.MaxBytes)
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || resp.StatusCode != http.StatusRequestTimeout || resp.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("%+v, %v", resp, err)
	}
}

// TestBytesThatAreNotUTF8: in a path they are a mistake of the caller's, in headers and the query
// they reach the function.
func TestBytesThatAreNotUTF8(t *testing.T) {
	t.Parallel()
	srv, _ := serveHere(t, sampleSchemas)
	key := makeKey(t, srv.url, "petstore").Key
	send := func(method, target, headers, body string) (int, string) {
		t.Helper()
		conn, err := net.Dial("tcp", strings.TrimPrefix(srv.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_, err = fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: localhost\r\nx-api-key: %s\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: %d\r\n%s\r\n%s", method, target, key, len(body), headers, body)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode >= 400 && resp.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s %s: %s is no problem document", method, target, text)
		}
		return resp.StatusCode, string(text)
	}
	for _, target := range []string{
		"/api/petstore/petstore/%FF", "/api/petstore/petstore/a%C3", "/api/petstore/petstore/\xff", "/api/petstore/%FF", "/api/%FF/petstore", "/api/%C0%AF/%FF/%FE",
	} {
		for _, method := range []string{"GET", "PUT"} {
			if status, body := send(method, target, "", `{}`); status != 400 {
				t.Errorf("%s %s: %d %s", method, target, status, body)
			}
		}
	}
	for _, c := range []struct {
		method, target, headers string
		status                  int
	}{
		{"POST", "/api/petstore/petstore", "x-note: caf\xe9\r\n", 201},
		{"GET", "/api/petstore/petstore", "user-agent: \xff\xfe\r\n", 200},
		{"GET", "/api/petstore/petstore?limit=%FF", "", 400},
		{"GET", "/api/petstore/petstore?limit=\xff", "", 400},
		{"GET", "/api/petstore/petstore", "x-api-key: \xff\r\n", 401}, // sent twice
	} {
		if status, body := send(c.method, c.target, c.headers, `{"name":"Rex","status":"sold"}`); status != c.status {
			t.Errorf("%s %s %q: %d %s, want %d", c.method, c.target, c.headers, status, body, c.status)
		}
	}
	// Different keys remain different.
	for _, idempotencyKey := range []string{"\xe8", "\xe9"} {
		headers := "idempotency-key: " + idempotencyKey + "\r\n"
		status, first := send("POST", "/api/petstore/petstore", headers, `{"name":"`+fmt.Sprintf("%x", idempotencyKey)+`","status":"sold"}`)
		if status != 201 {
			t.Errorf("%q: %d %s", idempotencyKey, status, first)
		}
	}
}

// TestMalformedRequest checks that a request which is no valid HTTP gets a problem
// document.
func TestMalformedRequest(t *testing.T) {
	t.Parallel()
	srv, _ := serveHere(t, sampleSchemas)
	for _, request := range []string{
		"GET /api/petstore/petstore/%zz HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET /api/petstore/petstore/% HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET /api/petstore HTTP/1.1\r\nno colon\r\n\r\n",
	} {
		c, err := net.Dial("tcp", strings.TrimPrefix(srv.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := io.WriteString(c, request); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		const want = `{"type":"https://eventrouter.blockforger.dev/problems/invalid","title":"Bad Request","status":400,"detail":"the request is not valid HTTP, for example because the path has a % that two hexadecimal digits do not follow"}` + "\n"
		if resp.StatusCode != 400 || resp.Header.Get("Content-Type") != "application/problem+json" || string(body) != want {
			t.Errorf("%q: %d %s\n%s", request, resp.StatusCode, resp.Header.Get("Content-Type"), body)
		}
	}
}

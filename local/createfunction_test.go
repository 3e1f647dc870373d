package local_test

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/blockforger/eventrouter/local"
)

// zipped returns a zip file in base64. A name that ends with @ is a symbolic link.
func zipped(t *testing.T, files map[string]string) string {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for name, text := range files {
		header := &zip.FileHeader{Name: strings.TrimSuffix(name, "@"), Method: zip.Deflate}
		header.SetMode(0o755)
		if strings.HasSuffix(name, "@") {
			header.SetMode(fs.ModeSymlink | 0o777)
		}
		f, err := w.CreateHeader(header)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(b.Bytes())
}

// bootstrap is a program that returns GREETING and the event, in standard-library Python.
const bootstrap = `#!/usr/bin/env python3
import json, os, urllib.request
api = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2018-06-01/runtime/invocation/"
while True:
    with urllib.request.urlopen(api + "next") as r:
        id, event = r.headers["Lambda-Runtime-Aws-Request-Id"], json.load(r)
    print(os.environ.get("GREETING", "hello"), "first", event, flush=True)
    kind = "error" if event == "fail" else "response"
    result = {"errorMessage": "failed", "errorType": "Fail"} if event == "fail" else [os.environ.get("GREETING", "hello"), "first", event]
    urllib.request.urlopen(urllib.request.Request(api + id + "/" + kind, json.dumps(result).encode())).read()
`

const functionsPath = "/2015-03-31/functions"

func createInput(name, code, more string) string {
	return fmt.Sprintf(`{"FunctionName": %q, "Runtime": "provided.al2023", "Role": "arn:aws:iam::000000000000:role/r", "Handler": "bootstrap", "Code": {"ZipFile": %q}%s}`, name, code, more)
}

func TestCreateFunction(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	opts := local.Options{AllowCreateFunction: true, Endpoint: "http://127.0.0.1:1"}
	m := start(t, dir, opts, func(s *local.Server) { s.Functions.Register("box", logPayload) })
	code := zipped(t, map[string]string{"bootstrap": bootstrap, "lib/data.txt": "x"})
	second := zipped(t, map[string]string{"bootstrap": strings.ReplaceAll(bootstrap, `"first"`, `"second"`)})
	const mine = functionsPath + "/mine"
	invoke := func(payload, want string) {
		t.Helper()
		if status, _, body := ask(t, m.url, "POST "+mine+"/invocations", payload); status != 200 || body != want {
			t.Errorf("%d %s, want %s", status, body, want)
		}
	}
	const model = "documentation"
	runExchanges(t, m, []exchange{
		{model, "POST " + functionsPath, createInput("mine", code, `, "Timeout": 20, "MemorySize": 256, "Environment": {"Variables": {"GREETING": "hi"}}, "Architectures": ["x86_64"], "Description": "d"`),
			201, "", "", `"FunctionArn":"arn:aws:lambda:us-east-1:000000000000:function:mine","Runtime":"provided.al2023","Handler":"bootstrap","Timeout":20,"MemorySize":256`},
		{model, "POST " + functionsPath, createInput("mine", code, ""), 409, "ResourceConflictException", "Function already exist: mine", ""},
		{model, "POST " + functionsPath, createInput("box", code, ""), 409, "ResourceConflictException", "Function already exist: box", ""},
		{model, "GET " + functionsPath, "", 200, "", "", `"FunctionName":"mine"`},
		{model, "GET " + mine + "/configuration", "", 200, "", "", `"Environment":{"Variables":{"GREETING":"hi"}}`},
	})
	invoke(`{"x": 1}`, `["hi", "first", {"x": 1}]`)
	invoke(`"fail"`, `{"errorMessage":"failed","errorType":"Fail"}`)
	if _, _, body := ask(t, m.url, "logs.FilterLogEvents", `{"logGroupName": "/aws/lambda/mine", "filterPattern": "first"}`); !strings.Contains(body, "hi first {'x': 1}") {
		t.Error(body)
	}
	runExchanges(t, m, []exchange{{model, "PUT " + mine + "/code", fmt.Sprintf(`{"ZipFile": %q}`, second), 200, "", "", `"LastUpdateStatus":"Successful"`}})
	invoke(`1`, `["hi", "second", 1]`)

	// It is there after a restart, and not without the flag.
	m.stop()
	m = start(t, dir, opts, nil)
	invoke(`2`, `["hi", "second", 2]`)
	m.stop()
	opts.AllowCreateFunction = false
	m = start(t, dir, opts, nil)
	const off = "Functions cannot be created here. Start the server with --allow-create-function, or register a program with --function NAME=./bootstrap."
	runExchanges(t, m, []exchange{
		{model, "GET " + mine, "", 404, "ResourceNotFoundException", "Function not found: arn:aws:lambda:us-east-1:000000000000:function:mine", ""},
		{model, "POST " + functionsPath, createInput("other", code, ""), 403, "AccessDeniedException", off, ""},
		{model, "PUT " + mine + "/code", `{}`, 403, "AccessDeniedException", off, ""},
		{model, "DELETE " + mine, "", 403, "AccessDeniedException", off, ""},
	})
	m.stop()
	opts.AllowCreateFunction = true
	m = start(t, dir, opts, func(s *local.Server) { s.Functions.Register("box", logPayload) })
	runExchanges(t, m, []exchange{
		{model, "DELETE " + functionsPath + "/box", "", 403, "AccessDeniedException", "The function box was not created with CreateFunction and cannot be changed here.", ""},
		{model, "PUT " + functionsPath + "/box/code", `{"ZipFile": "eA=="}`, 403, "AccessDeniedException", "The function box was not created with CreateFunction and cannot be changed here.", ""},
		{model, "DELETE " + mine, "", 204, "", "", ""},
		{model, "DELETE " + mine, "", 404, "ResourceNotFoundException", "Function not found: arn:aws:lambda:us-east-1:000000000000:function:mine", ""},
	})
	if left, err := os.ReadDir(filepath.Join(dir, "functions")); err != nil || len(left) != 0 {
		t.Errorf("files of deleted functions: %v %v", left, err)
	}
}

func TestCreateFunctionRejects(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	m := start(t, dir, local.Options{AllowCreateFunction: true}, nil)
	good := zipped(t, map[string]string{"bootstrap": bootstrap})
	const unzip = "Could not unzip uploaded file. Please check your file, then try to upload again."
	for _, c := range []struct{ input, code, message string }{
		{`{}`, "ValidationException", ""},
		{`{`, "SerializationException", ""},
		{createInput("a b", good, ""), "InvalidParameterValueException", "The function name must have 1 to 64 letters, digits, - or _."},
		{createInput("../../x", good, ""), "InvalidParameterValueException", "The function name must have 1 to 64 letters, digits, - or _."},
		{createInput(strings.Repeat("x", 65), good, ""), "InvalidParameterValueException", "The function name must have 1 to 64 letters, digits, - or _."},
		{createInput("f", good, `, "Runtime": "python3.13"`), "SerializationException", ""}, // a repeated member
		{strings.Replace(createInput("f", good, ""), "provided.al2023", "python3.13", 1), "InvalidParameterValueException", "The runtime python3.13 is not supported here; it must be provided.al2023."},
		{strings.Replace(createInput("f", good, ""), `"Handler": "bootstrap", `, "", 1), "InvalidParameterValueException", "Runtime and Handler are mandatory parameters for functions created with deployment packages."},
		{createInput("f", good, `, "PackageType": "Image"`), "InvalidParameterValueException", "The package type Image is not supported here; it must be Zip."},
		{createInput("f", good, `, "Architectures": ["mips"]`), "InvalidParameterValueException", "The architecture must be arm64 or x86_64."},
		{createInput("f", good, `, "Timeout": 901`), "InvalidParameterValueException", "The timeout must not be longer than 900 seconds."},
		{createInput("f", good, `, "Timeout": 0`), "ValidationException", ""},
		{createInput("f", good, `, "Environment": {"Variables": {"AWS_REGION": "x"}}`), "InvalidParameterValueException", "Lambda was unable to configure your environment variables because the environment variables you have provided contains reserved keys that are currently not supported for modification. Reserved keys used in this request: AWS_REGION"},
		{createInput("f", good, `, "Environment": {"Variables": {"A=B": "x"}}`), "InvalidParameterValueException", "The name of an environment variable must have letters, digits and _, and begin with a letter; its value must not contain a zero byte."},
		{createInput("f", "", ""), "InvalidParameterValueException", "The code must be a ZipFile."},
		{createInput("f", "bm8gemlw", ""), "InvalidParameterValueException", unzip},
		{createInput("f", "no base64!", ""), "SerializationException", ""},
		{createInput("f", zipped(t, map[string]string{"main.py": ""}), ""), "InvalidParameterValueException", "The zip file has no file bootstrap in its root."},
		{createInput("f", zipped(t, map[string]string{"bootstrap": "", "../x": ""}), ""), "InvalidParameterValueException", "The zip file has a file whose name leads out of its folder."},
		{createInput("f", zipped(t, map[string]string{"bootstrap": "", "/etc/x": ""}), ""), "InvalidParameterValueException", "The zip file has a file whose name leads out of its folder."},
		{createInput("f", zipped(t, map[string]string{"bootstrap": "", `a\..\..\x`: ""}), ""), "InvalidParameterValueException", "The zip file has a file whose name leads out of its folder."},
		{createInput("f", zipped(t, map[string]string{"bootstrap": "", "link@": "/etc/passwd"}), ""), "InvalidParameterValueException", "The zip file has a link or a special file."},
		{createInput("f", zipped(t, map[string]string{"bootstrap@": "/bin/sh"}), ""), "InvalidParameterValueException", "The zip file has a link or a special file."},
		{createInput("f", zipped(t, map[string]string{"bootstrap": "", "a": "", "a/b": ""}), ""), "InvalidParameterValueException", unzip},
	} {
		status, code, body := ask(t, m.url, "POST "+functionsPath, c.input)
		var got struct{ Message string }
		_ = json.Unmarshal([]byte(body), &got)
		if status != 400 || code != c.code || c.message != "" && got.Message != c.message {
			t.Errorf("%.200s\n%d %s %s\nwant %s %s", c.input, status, code, body, c.code, c.message)
		}
	}
	if _, _, body := ask(t, m.url, "GET "+functionsPath, ""); body != `{"Functions":[]}` {
		t.Error(body)
	}
	if left, err := os.ReadDir(filepath.Join(dir, "functions")); err == nil && len(left) != 0 {
		t.Errorf("files of rejected functions: %v", left)
	}
	// Only this machine may create functions, whatever address the server listens on.
	for peer, forwarded := range map[string]string{"192.0.2.7:1234": "", "[2001:db8::1]:1": "", "127.0.0.1:1": "192.0.2.7", "": ""} {
		r := httptest.NewRequest(http.MethodPost, functionsPath, strings.NewReader(createInput("f", good, "")))
		r.RemoteAddr, r.Host = peer, "127.0.0.1:4010"
		if forwarded != "" {
			r.Header.Set("X-Forwarded-For", forwarded)
		}
		w := httptest.NewRecorder()
		m.Handler().ServeHTTP(w, r)
		if w.Code != 403 || !strings.Contains(w.Body.String(), "Functions can be created from the server's own machine only.") {
			t.Errorf("%s %s: %d %s", peer, forwarded, w.Code, w.Body)
		}
	}
}

// A created function is a target like another: Lambda retries it, and its event becomes a
// dead letter with the error that the program reported.
func TestCreatedFunctionIsRetried(t *testing.T) {
	t.Parallel()
	m := start(t, t.TempDir(), local.Options{AllowCreateFunction: true, RetryDelays: quick, EnforcePermissions: true}, nil)
	code := zipped(t, map[string]string{"bootstrap": strings.ReplaceAll(bootstrap, `event == "fail"`, "True")})
	const arn, rule = "arn:aws:lambda:us-east-1:000000000000:function:f", "arn:aws:events:us-east-1:000000000000:rule/in"
	runExchanges(t, m, []exchange{
		{"documentation", "POST " + functionsPath, createInput("f", code, `, "Timeout": 30`), 201, "", "", ""},
		{"documentation", "POST " + functionsPath + "/f/policy", `{"StatementId": "s", "Action": "lambda:InvokeFunction", "Principal": "events.amazonaws.com", "SourceArn": "` + rule + `"}`, 200, "", "", ""},
		{"documentation", "events.PutRule", `{"Name": "in", "EventPattern": "{\"source\":[\"a\"]}"}`, 200, "", "", ""},
		{"documentation", "events.PutTargets", `{"Rule": "in", "Targets": [{"Id": "1", "Arn": "` + arn + `"}]}`, 200, "", "", `"FailedEntryCount":0`},
	})
	put(t, m.client(), entry("a", "b", `{"x": 1}`))
	eventually(t, "the dead letter", func() bool { return len(m.letters()) == 1 })
	r := m.letters()[0].Record
	if r.RequestContext.Condition != "RetriesExhausted" || r.RequestContext.ApproximateInvokeCount != 1+len(quick) ||
		string(r.ResponsePayload) != `{"errorMessage":"failed","errorType":"Fail"}` || !strings.Contains(string(r.RequestPayload), `"x":1`) {
		t.Errorf("%+v\n%s\n%s", r, r.RequestPayload, r.ResponsePayload)
	}
}

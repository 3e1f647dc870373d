package program_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/local/program"
)

// With this variable the test binary is a function: its value is the behaviour.
const behaviour = "PROGRAM_TEST_BEHAVIOUR"

func TestMain(m *testing.M) {
	if how := os.Getenv(behaviour); how != "" {
		beFunction(how)
		return
	}
	os.Exit(m.Run())
}

func api(path string) string {
	return "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/" + path
}

func post(path string, body string, header ...string) (int, string) {
	req, _ := http.NewRequest(http.MethodPost, api(path), strings.NewReader(body))
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer func() { _ = resp.Body.Close() }()
	b, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b)
}

// beFunction is a program that implements the Runtime API, well or badly.
func beFunction(how string) {
	fmt.Println("starting")
	switch how {
	case "never-asks":
		time.Sleep(time.Hour)
	case "exits":
		os.Exit(3)
	case "init-error":
		post("init/error", `{"errorMessage": "no configuration", "errorType": "Config.Missing"}`)
		time.Sleep(time.Hour)
	}
	for {
		resp, err := http.Get(api("invocation/next"))
		if err != nil {
			return
		}
		payload, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		h := resp.Header
		id := h.Get("Lambda-Runtime-Aws-Request-Id")
		fmt.Println("got", string(payload))
		switch string(payload) {
		case `"crash"`:
			os.Exit(7)
		case `"hang"`:
			time.Sleep(time.Hour)
		case `"fail"`:
			post("invocation/"+id+"/error", `{"errorMessage": "not today", "errorType": "Busy", "stackTrace": []}`)
		case `"fail oddly"`:
			post("invocation/"+id+"/error", "no JSON", "Lambda-Runtime-Function-Error-Type", "Runtime.Odd")
		case `"large"`:
			status, body := post("invocation/"+id+"/response", strings.Repeat("x", 7<<20))
			fmt.Println(status, body)
		case `"malformed"`:
			var calls []string
			for _, c := range [][2]string{{"GET", "invocation/next"}, {"POST", "invocation/other/response"}, {"POST", "invocation//response"}, {"PUT", "invocation/" + id + "/response"},
				{"GET", "nothing"}, {"POST", "init/error"}} {
				req, _ := http.NewRequest(c[0], api(c[1]), strings.NewReader("{}"))
				resp, err := http.DefaultClient.Do(req)
				if err != nil {
					calls = append(calls, err.Error())
					continue
				}
				b, _ := io.ReadAll(resp.Body)
				_ = resp.Body.Close()
				calls = append(calls, c[0]+" "+c[1]+": "+strconv.Itoa(resp.StatusCode)+" "+string(b))
			}
			req, _ := http.NewRequest("POST", api("invocation/"+id+"/response"), strings.NewReader("{}"))
			req.Header.Set("Origin", "http://example.com")
			resp, _ := http.DefaultClient.Do(req)
			_ = resp.Body.Close()
			calls = append(calls, "web page: "+strconv.Itoa(resp.StatusCode))
			_, _ = post("invocation/"+id+"/response", `"done"`)
			status, body := post("invocation/"+id+"/response", `"again"`)
			calls = append(calls, "again: "+strconv.Itoa(status)+" "+body)
			fmt.Println(strings.Join(calls, "\n"))
		case `"pid"`:
			time.Sleep(50 * time.Millisecond)
			post("invocation/"+id+"/response", strconv.Itoa(os.Getpid()))
		case `"environment"`:
			left := "none"
			if ms, err := strconv.ParseInt(h.Get("Lambda-Runtime-Deadline-Ms"), 10, 64); err == nil {
				left = time.Until(time.UnixMilli(ms)).Round(time.Minute).String()
			}
			post("invocation/"+id+"/response", fmt.Sprintf("%q", []string{id, h.Get("Lambda-Runtime-Invoked-Function-Arn"), h.Get("Lambda-Runtime-Trace-Id"), left,
				os.Getenv("AWS_LAMBDA_FUNCTION_NAME"), os.Getenv("AWS_REGION"), os.Getenv("AWS_ENDPOINT_URL"), os.Getenv("AWS_PROFILE"), os.Getenv("MINE"), os.Getenv("_HANDLER")}))
		default:
			post("invocation/"+id+"/response", string(payload))
		}
	}
}

func newProgram(t *testing.T, how string, o program.Options) *program.Program {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if o.Path == "" {
		o.Path = self
	}
	o.Name, o.ARN, o.Region = "f", "arn:aws:lambda:us-east-1:000000000000:function:f", "us-east-1"
	o.Env = map[string]string{behaviour: how, "MINE": "yes"}
	p, err := program.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// invoke invokes with a generous time limit, unless limit is set.
func invoke(p *program.Program, payload string, limit time.Duration) (answer, log string, err error) {
	if limit == 0 {
		limit = time.Minute
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	ctx = lambdacontext.NewContext(ctx, &lambdacontext.LambdaContext{AwsRequestID: "req-1"})
	//lint:ignore SA1029 the key is the one that Lambda's Go runtime uses
	ctx = context.WithValue(ctx, "x-amzn-trace-id", "Root=1-2-3")
	var out bytes.Buffer
	b, err := p.Invoke(ctx, []byte(payload), &out)
	return string(b), out.String(), err
}

func failure(t *testing.T, err error) (kind, message string) {
	t.Helper()
	e, ok := errors.AsType[*program.Error](err)
	if !ok {
		t.Fatalf("%v is not a program.Error", err)
	}
	return e.FunctionError()
}

func TestInvocation(t *testing.T) {
	t.Setenv("AWS_PROFILE", "production") // does not reach the program
	p := newProgram(t, "echo", program.Options{Endpoint: "http://127.0.0.1:1"})
	answer, log, err := invoke(p, `{"x": 1}`, 0)
	if err != nil || answer != `{"x": 1}` || !strings.Contains(log, `got {"x": 1}`) || !strings.Contains(log, "starting") {
		t.Error(answer, log, err)
	}
	answer, _, err = invoke(p, `"environment"`, 0)
	if want := `["req-1" "arn:aws:lambda:us-east-1:000000000000:function:f" "Root=1-2-3" "1m0s" "f" "us-east-1" "http://127.0.0.1:1" "" "yes" "bootstrap"]`; err != nil || answer != want {
		t.Errorf("%s %v\nwant %s", answer, err, want)
	}
	// One process serves one event after the other.
	first, _, _ := invoke(p, `"pid"`, 0)
	second, _, _ := invoke(p, `"pid"`, 0)
	if first == "" || first != second {
		t.Errorf("processes %s and %s", first, second)
	}
	for payload, want := range map[string][2]string{
		`"fail"`: {"Busy", "not today"}, `"fail oddly"`: {"Runtime.Odd", "no JSON"},
		`"large"`: {"Function.ResponseSizeTooLarge", "Response payload size exceeded maximum allowed payload size (6291556 bytes)."},
	} {
		_, _, err := invoke(p, payload, 0)
		if kind, message := failure(t, err); kind != want[0] || message != want[1] {
			t.Errorf("%s: %s, %s", payload, kind, message)
		}
	}
	if after, _, err := invoke(p, `"pid"`, 0); err != nil || after != first {
		t.Errorf("after failures the process is %s %v, not %s", after, err, first)
	}
}

func TestMalformedCalls(t *testing.T) {
	t.Parallel()
	p := newProgram(t, "echo", program.Options{})
	answer, log, err := invoke(p, `"malformed"`, 0)
	if err != nil || answer != `"done"` {
		t.Fatal(answer, log, err)
	}
	_, rest, err := invoke(p, `"next"`, 0) // what was printed after the response
	if log += rest; err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`GET invocation/next: 403 {"errorMessage":"The invocation req-1 has no response yet.","errorType":"InvalidStateTransition"}`,
		`POST invocation/other/response: 400 {"errorMessage":"Invalid request ID","errorType":"InvalidRequestID"}`,
		`PUT invocation/req-1/response: 404 {"errorMessage":"The Runtime API has no`,
		`GET nothing: 404`,
		`POST init/error: 403`,
		`web page: 403`,
		`again: 403 {"errorMessage":"No invocation is running; ask for the next one first.","errorType":"InvalidStateTransition"}`,
	} {
		if !strings.Contains(log, want) {
			t.Errorf("%q is missing in\n%s", want, log)
		}
	}
}

func TestCrashAndTimeLimitReplaceTheProcess(t *testing.T) {
	t.Parallel()
	p := newProgram(t, "echo", program.Options{})
	first, _, err := invoke(p, `"pid"`, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, log, err := invoke(p, `"crash"`, 0)
	const crashed = "RequestId: req-1 Error: Runtime exited with error: exit status 7"
	if kind, message := failure(t, err); kind != "Runtime.ExitError" || message != crashed || !strings.Contains(log, crashed) {
		t.Error(kind, message, log)
	}
	second, _, err := invoke(p, `"pid"`, 0)
	if err != nil || second == first {
		t.Error(second, err)
	}
	_, log, err = invoke(p, `"hang"`, time.Second)
	const late = "RequestId: req-1 Error: Task timed out after 1.00 seconds"
	if kind, message := failure(t, err); kind != "Sandbox.Timedout" || message != late || !strings.Contains(log, late) {
		t.Error(kind, message, log)
	}
	if third, _, err := invoke(p, `"pid"`, 0); err != nil || third == second {
		t.Error(third, err)
	}
	if pid, _ := strconv.Atoi(second); runtime.GOOS == "linux" {
		if _, err := os.Stat("/proc/" + strconv.Itoa(pid)); err == nil {
			t.Errorf("the process %d is still there", pid)
		}
	}
}

func TestInitialization(t *testing.T) {
	t.Parallel()
	for how, want := range map[string][2]string{
		"never-asks": {"Runtime.InitTimeout", "The program did not ask for an event within 300ms: it must call GET http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation/next"},
		"init-error": {"Config.Missing", "no configuration"},
		"exits":      {"Runtime.ExitError", "RequestId: req-1 Error: Runtime exited with error: exit status 3"},
	} {
		o := program.Options{}
		if how == "never-asks" {
			o.InitTimeout = 300 * time.Millisecond
		}
		_, log, err := invoke(newProgram(t, how, o), `{}`, 0)
		if kind, message := failure(t, err); kind != want[0] || message != want[1] || !strings.Contains(log, "starting") && how != "never-asks" {
			t.Errorf("%s: %s, %s\n%s", how, kind, message, log)
		}
	}
}

// As many invocations run at the same time as the program may have processes; others
// wait.
func TestConcurrency(t *testing.T) {
	t.Parallel()
	p := newProgram(t, "echo", program.Options{Concurrency: 2})
	var all sync.WaitGroup
	var mu sync.Mutex
	pids := map[string]int{}
	for range 8 {
		all.Go(func() {
			pid, _, err := invoke(p, `"pid"`, 0)
			mu.Lock()
			defer mu.Unlock()
			if pids[pid]++; err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if len(pids) > 2 || len(pids) == 0 {
		t.Errorf("processes %v", pids)
	}
	p.Close()
	if _, _, err := invoke(p, `{}`, 0); err == nil {
		t.Error("a stopped function was invoked")
	}
}

func TestPrograms(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "bootstrap")
	for _, c := range []struct{ make, path, want string }{
		{"", file, "function f: the program " + file + " does not exist"},
		{"", dir, "function f: " + dir + " is a folder; give the program in it, such as " + file},
		{"#!/bin/sh\n", file, "function f: the program " + file + " is not executable; run: chmod +x " + file},
	} {
		if c.make != "" {
			if err := os.WriteFile(file, []byte(c.make), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := program.New(program.Options{Name: "f", Path: c.path}); !fault.Is(err, fault.Invalid) || fault.MessageOf(err) != c.want {
			t.Errorf("%v, want %s", err, c.want)
		}
	}
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(file, 0o700); err != nil { //nolint:gosec // it is a program
			t.Fatal(err)
		}
	}
	write("neither a script nor an executable")
	p, err := program.New(program.Options{Name: "f", Path: file})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	_, _, err = invoke(p, `{}`, 0)
	if kind, message := failure(t, err); kind != "Runtime.InvalidEntrypoint" || !strings.HasPrefix(message, "The program "+file+" cannot be started: it is neither an executable") {
		t.Error(kind, message)
	}
	// A program that is built again is used for the next event.
	write("#!/bin/sh\nexit 4\n")
	_, _, err = invoke(p, `{}`, 0)
	if _, message := failure(t, err); !strings.HasSuffix(message, "exit status 4") {
		t.Error(message)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	_, _, err = invoke(p, `{}`, 0)
	if kind, message := failure(t, err); kind != "Runtime.InvalidEntrypoint" || message != "the program "+file+" does not exist" {
		t.Error(kind, message)
	}
}

// The examples in Go and in standard-library Python do what the documents say.
func TestExamples(t *testing.T) {
	t.Parallel()
	built := filepath.Join(t.TempDir(), "bootstrap")
	if out, err := exec.Command("go", "build", "-o", built, "../../examples/function/go").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for name, path := range map[string]string{"go": built, "python": "../../examples/function/python/bootstrap"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := exec.LookPath("python3"); err != nil && name == "python" {
				t.Skip("python3 is not on the PATH")
			}
			p := newProgram(t, "", program.Options{Path: path})
			answer, log, err := invoke(p, `{"id": "e-1", "detail-type": "t", "source": "s", "time": "2026-01-02T03:04:05Z", "detail": {"total": 7}}`, 0)
			if err != nil || !strings.Contains(strings.ReplaceAll(answer, " ", ""), `"processed":"e-1","total":7`) || !strings.Contains(log, "order of 7") {
				t.Error(answer, log, err)
			}
			_, _, err = invoke(p, `{"detail": {"total": -1}}`, 0)
			if _, message := failure(t, err); message != "the total is negative" {
				t.Error(message)
			}
		})
	}
}

func TestWeb(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		switch r.URL.Path {
		case "/echo":
			w.WriteHeader(http.StatusCreated)
			_, _ = fmt.Fprintf(w, `{"got": %s, "id": %q, "type": %q}`, body, r.Header.Get("Lambda-Runtime-Aws-Request-Id"), r.Header.Get("Content-Type"))
		case "/empty":
		case "/text":
			_, _ = io.WriteString(w, "thanks")
		case "/moved":
			http.Redirect(w, r, "/echo", http.StatusTemporaryRedirect)
		case "/hang":
			<-r.Context().Done()
		default:
			http.Error(w, "no such page", http.StatusNotFound)
		}
	}))
	defer server.Close()
	ctx, cancel := context.WithTimeout(lambdacontext.NewContext(t.Context(), &lambdacontext.LambdaContext{AwsRequestID: "req-1"}), time.Second)
	defer cancel()
	for _, c := range [][3]string{
		{"/echo", `{"got": {"x":1}, "id": "req-1", "type": "application/json"}`, ""}, {"/empty", "null", ""}, {"/text", `"thanks"`, ""},
		{"/moved", "", "HTTP.307 " + server.URL + "/moved returned the status 307: "},
		{"/none", "", "HTTP.404 " + server.URL + "/none returned the status 404: no such page"},
		{"/hang", "", "Sandbox.Timedout RequestId: req-1 Error: Task timed out after 1.00 seconds"},
	} {
		f, err := program.NewWeb("f", server.URL+c[0], "arn")
		if err != nil {
			t.Fatal(err)
		}
		answer, err := f.Invoke(ctx, []byte(`{"x":1}`), io.Discard)
		got := ""
		if err != nil {
			kind, message := failure(t, err)
			got = kind + " " + message
		}
		if string(answer) != c[1] || c[0] != "/hang" && got != c[2] || c[0] == "/hang" && !strings.HasPrefix(got, "Sandbox.Timedout") {
			t.Errorf("%s: %s %s", c[0], answer, got)
		}
	}
	server.Close()
	f, err := program.NewWeb("f", server.URL+"/x", "arn")
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.Invoke(t.Context(), nil, io.Discard)
	if kind, message := failure(t, err); kind != "Function.Unreachable" || message != "No server listens at "+server.URL+"/x." {
		t.Error(kind, message)
	}
	for _, c := range [][2]string{
		{"https://127.0.0.1:9000", "must begin with http://"}, {"http://", "has no host"}, {"127.0.0.1:9000", "is not valid"}, {"http://example.com/", "must name this machine"},
		{"http://10.0.0.1/", "must name this machine"}, {"http://169.254.169.254/latest", "must name this machine"}, {"http://0.0.0.0:1/", "must name this machine"},
		{"http://u:p@127.0.0.1/", "must not contain a user name"}, {"http://127.0.0.1/#x", "must not contain a # part"}, {"http://127.0.0.1:99999/", "has no valid port"},
		{"http://localhost.example.com/", "must name this machine"}, {"file:///etc/passwd", "must begin with http://"}, {"http://127.0.0.1:x/", "is not valid"},
	} {
		_, err := program.NewWeb("f", c[0], "arn")
		if !fault.Is(err, fault.Invalid) || !strings.HasPrefix(fault.MessageOf(err), fmt.Sprintf("function f: the URL %q %s", c[0], c[1])) {
			t.Errorf("%s: %v", c[0], err)
		}
	}
	for _, ok := range []string{"http://localhost:9000/x?y=z", "http://[::1]:9000", "http://127.9.9.9/"} {
		if _, err := program.NewWeb("f", ok, "arn"); err != nil {
			t.Error(err)
		}
	}
}

package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// A runtimeAPI is Lambda's Runtime API as far as a Go function uses it: it hands
// out one event at a time and takes the answer.
type runtimeAPI struct {
	*httptest.Server
	events  chan string
	answers chan string
}

func newRuntimeAPI() *runtimeAPI {
	r := &runtimeAPI{events: make(chan string), answers: make(chan string, 1)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", func(w http.ResponseWriter, req *http.Request) {
		select {
		case event := <-r.events:
			w.Header().Set("Lambda-Runtime-Aws-Request-Id", "11111111-1111-1111-1111-111111111111")
			w.Header().Set("Lambda-Runtime-Deadline-Ms", fmt.Sprint(time.Now().Add(time.Minute).UnixMilli()))
			w.Header().Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:000000000000:function:bench")
			_, _ = io.WriteString(w, event)
		case <-req.Context().Done():
		}
	})
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/{kind}", func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		w.WriteHeader(http.StatusAccepted)
		r.answers <- req.PathValue("kind") + " " + string(body)
	})
	mux.HandleFunc("POST /2018-06-01/runtime/init/error", func(_ http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		r.answers <- "init error " + string(body)
	})
	r.Server = httptest.NewServer(mux)
	return r
}

// A function is a bootstrap process that runs under a runtimeAPI.
type function struct {
	api *runtimeAPI
	cmd *exec.Cmd
}

// startFunction starts a bootstrap, as Lambda would.
func startFunction(binary string, env []string) (*function, error) {
	f := &function{api: newRuntimeAPI(), cmd: exec.Command(binary)}
	f.cmd.Env = append(append(os.Environ(), env...), "AWS_LAMBDA_RUNTIME_API="+strings.TrimPrefix(f.api.URL, "http://"))
	f.cmd.Stderr = os.Stderr
	return f, f.cmd.Start()
}

// invoke hands an event to the function and waits for its answer.
func (f *function) invoke(event string) error {
	select {
	case f.api.events <- event:
	case answer := <-f.api.answers:
		return fmt.Errorf("the function answered %s", answer)
	case <-time.After(10 * time.Second):
		return fmt.Errorf("the function asks for no event")
	}
	select {
	case answer := <-f.api.answers:
		if !strings.HasPrefix(answer, "response ") || strings.Contains(answer, `"statusCode":4`) {
			return fmt.Errorf("the function answered %s", answer)
		}
		return nil
	case <-time.After(10 * time.Second):
		return fmt.Errorf("the function does not answer")
	}
}

// stop ends the process and answers the CPU that it used.
func (f *function) stop() time.Duration {
	_ = f.cmd.Process.Kill()
	_ = f.cmd.Wait()
	f.api.CloseClientConnections()
	f.api.Close()
	return f.cmd.ProcessState.UserTime() + f.cmd.ProcessState.SystemTime()
}

// An echo is AWS as far as a handler's own cost needs it: DynamoDB that keeps
// items by key, S3 with the tenant's files, EventBridge that takes everything.
type echo struct {
	*httptest.Server
	mu    sync.Mutex
	items map[string]string // by table key, as JSON
	files map[string]string
	calls map[string]int // by operation
}

func newEcho(files map[string]string) *echo {
	e := &echo{items: map[string]string{}, files: files, calls: map[string]int{}}
	e.Server = httptest.NewServer(e)
	return e
}

package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// A runtimeAPI is Lambda's Runtime API as far as a Go function uses it: it hands
// out one event at a time and takes the response.
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
		return fmt.Errorf("the function returned %s", answer)
	case <-time.After(10 * time.Second):
		return fmt.Errorf("the function requests no event")
	}
	select {
	case answer := <-f.api.answers:
		if !strings.HasPrefix(answer, "response ") || strings.Contains(answer, `"statusCode":4`) {
			return fmt.Errorf("the function returned %s", answer)
		}
		return nil
	case <-time.After(10 * time.Second):
		return fmt.Errorf("the function does not respond")
	}
}

// A usage is what a process used.
type usage struct {
	cpu    time.Duration
	faults int64 // page faults without I/O
	peak   int64 // of resident memory, in bytes
}

// stop ends the process and returns what it used.
func (f *function) stop() usage {
	_ = f.cmd.Process.Kill()
	_ = f.cmd.Wait()
	f.api.CloseClientConnections()
	f.api.Close()
	used := usage{cpu: f.cmd.ProcessState.UserTime() + f.cmd.ProcessState.SystemTime()}
	if r, ok := f.cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		used.faults, used.peak = int64(r.Minflt), int64(r.Maxrss)<<10
	}
	return used
}

// An echo is AWS as far as a handler's own cost needs it: DynamoDB that keeps
// items by key, S3 with the tenant's files, EventBridge that takes everything.
type echo struct {
	*httptest.Server
	mu    sync.Mutex
	items map[string]string // by table key, as JSON
	files map[string]string
	calls map[string]int // by operation
	dir   string         // for the file with its certificate
}

func newEcho(files map[string]string, tls bool) (*echo, error) {
	e := &echo{items: map[string]string{}, files: files, calls: map[string]int{}}
	e.Server = httptest.NewUnstartedServer(e)
	e.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			e.mu.Lock()
			e.calls["connections"]++
			e.mu.Unlock()
		}
	}
	if !tls {
		e.Start()
		return e, nil
	}
	var err error
	if e.dir, err = os.MkdirTemp("", "eventrouter-bench-"); err != nil {
		return nil, err
	}
	e.StartTLS()
	return e, nil
}

func (e *echo) Close() {
	e.Server.Close()
	if e.dir != "" {
		_ = os.RemoveAll(e.dir)
	}
}

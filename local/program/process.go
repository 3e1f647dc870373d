package program

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
)

// invocation is one event for a process.
type invocation struct {
	id       string
	payload  []byte
	trace    string
	began    time.Time
	deadline time.Time
	done     chan result // buffered; receives one result
}

type result struct {
	answer []byte
	err    error
}

func newInvocation(ctx context.Context, payload []byte) *invocation {
	in := &invocation{payload: payload, began: time.Now(), done: make(chan result, 1)}
	if lc, ok := lambdacontext.FromContext(ctx); ok {
		in.id = lc.AwsRequestID
	}
	in.trace, _ = ctx.Value("x-amzn-trace-id").(string)
	in.deadline, _ = ctx.Deadline()
	return in
}

// process is one process of a program, with the Runtime API that it calls.
type process struct {
	opts  *Options
	build identity
	cmd   *exec.Cmd
	api   *http.Server
	next  chan *invocation // the event that the process gets
	ready chan struct{}    // closed when the process has asked for an event
	ended chan struct{}    // closed when the process has ended

	mu      sync.Mutex
	current *invocation // that the process works on
	asked   bool
	failed  *Error // of the initialization
	exit    string // how the process ended
	sink    *sink
}

// startProcess starts a process. The error is an *Error.
func startProcess(o *Options, build identity) (*process, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, &Error{Type: "Runtime.ExitError", Message: "No loopback port is free for the Runtime API."}
	}
	p := &process{opts: o, build: build, next: make(chan *invocation), ready: make(chan struct{}), ended: make(chan struct{}), sink: &sink{}}
	p.api = &http.Server{Handler: p.routes(), ReadHeaderTimeout: 10 * time.Second}
	p.cmd = exec.Command(o.Path) //nolint:gosec // the path is the operator's, from the command line or hashed
	p.cmd.Dir = filepath.Dir(o.Path)
	p.cmd.Env = environment(o, listener.Addr().String())
	p.cmd.Stdout, p.cmd.Stderr = p.sink, p.sink
	p.cmd.WaitDelay = time.Second
	ownGroup(p.cmd)
	if err := p.cmd.Start(); err != nil {
		_ = listener.Close()
		return nil, &Error{Type: "Runtime.InvalidEntrypoint", Message: fmt.Sprintf("The program %s cannot be started: %s.", o.Path, startError(err))}
	}
	go func() { _ = p.api.Serve(listener) }()
	go func() {
		err := p.cmd.Wait()
		p.mu.Lock()
		p.exit = exitText(err)
		p.mu.Unlock()
		close(p.ended)
		_ = p.api.Close()
	}()
	return p, nil
}

// startError returns why the system does not start a program, without the names of
// Go's functions.
func startError(err error) string {
	if path, ok := errors.AsType[*os.PathError](err); ok {
		err = path.Err
	}
	if strings.Contains(err.Error(), "exec format error") {
		return "it is neither an executable for this machine nor a script with a first line such as #!/usr/bin/env python3"
	}
	return err.Error()
}

func exitText(err error) string {
	if err == nil {
		return "exit status 0"
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ProcessState.String()
	}
	return "it ended"
}

// environment returns the environment of a process: the server's without its AWS
// variables, and those that Lambda sets. An AWS SDK in it calls the local server.
func environment(o *Options, api string) []string {
	env := slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "AWS_") || strings.HasPrefix(v, "_LAMBDA") })
	set := map[string]string{
		"AWS_LAMBDA_RUNTIME_API": api, "AWS_LAMBDA_FUNCTION_NAME": o.Name, "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128", "AWS_LAMBDA_LOG_GROUP_NAME": o.LogGroup, "AWS_LAMBDA_LOG_STREAM_NAME": "local",
		"AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand", "AWS_EXECUTION_ENV": "AWS_Lambda_provided.al2023", "_HANDLER": "bootstrap",
		"LAMBDA_TASK_ROOT": filepath.Dir(o.Path), "LAMBDA_RUNTIME_DIR": filepath.Dir(o.Path), "AWS_REGION": o.Region, "AWS_DEFAULT_REGION": o.Region,
		"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local", "AWS_EC2_METADATA_DISABLED": "true",
		"AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull,
	}
	if o.Endpoint != "" {
		set["AWS_ENDPOINT_URL"] = o.Endpoint
	}
	for name, value := range o.Env {
		set[name] = value
	}
	for name, value := range set {
		env = append(env, name+"="+value)
	}
	return env
}

// usable reports whether the process can get a further event.
func (p *process) usable() bool {
	select {
	case <-p.ended:
		return false
	default:
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked && p.failed == nil && p.current == nil
}

// stop ends the process and waits until it has ended.
func (p *process) stop() {
	p.kill()
	<-p.ended
}

// kill ends the process and what it has started, unless it has ended: then its id may
// be another's.
func (p *process) kill() {
	select {
	case <-p.ended:
	default:
		killGroup(p.cmd)
	}
}

// run gives the process an event and waits for its result. If ctx ends first, the
// process is ended, as Lambda does, and the error is errTimeout.
func (p *process) run(ctx context.Context, in *invocation, log io.Writer, initTimeout time.Duration) ([]byte, error) {
	p.sink.set(log)
	defer p.sink.set(nil)
	init := time.NewTimer(initTimeout)
	defer init.Stop()
	expired := init.C
	ready, next := p.ready, p.next
	for {
		select {
		case <-ready:
			ready, expired = nil, nil
		case next <- in:
			next, ready, expired = nil, nil, nil
		case r := <-in.done:
			p.sink.settle() // what it printed before the result arrives on another way
			return r.answer, r.err
		case <-expired:
			p.stop()
			text := fmt.Sprintf("The program did not ask for an event within %s: it must call GET http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation/next", initTimeout)
			fmt.Fprintln(log, text)
			return nil, &Error{Type: "Runtime.InitTimeout", Message: text}
		case <-ctx.Done():
			p.stop()
			return nil, errTimeout
		case <-p.ended:
			return nil, p.ending(in, log)
		}
	}
}

// ending returns the error of an invocation during which the process ended.
func (p *process) ending(in *invocation, log io.Writer) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.failed != nil {
		return p.failed
	}
	select {
	case r := <-in.done: // it ended after its result
		if r.err != nil {
			return r.err
		}
	default:
	}
	text := "Runtime exited with error: " + p.exit
	if p.exit == "exit status 0" {
		text = "Runtime exited without providing a reason"
	}
	fmt.Fprintf(log, "RequestId: %s Error: %s\n", in.id, text)
	return &Error{Type: "Runtime.ExitError", Message: "RequestId: " + in.id + " Error: " + text}
}

// sink passes what a process prints to the log of its current invocation. What it
// prints between two invocations goes to the next one.
type sink struct {
	mu      sync.Mutex
	log     io.Writer
	waiting []byte
	written time.Time
}

// maxWaiting bounds what is kept between two invocations.
const maxWaiting = 64 << 10

// Write never fails.
func (s *sink) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.written = time.Now()
	if s.log != nil {
		_, _ = s.log.Write(b)
		return len(b), nil
	}
	s.waiting = append(s.waiting, b...)
	if over := len(s.waiting) - maxWaiting; over > 0 {
		s.waiting = bytes.Clone(s.waiting[over:])
	}
	return len(b), nil
}

func (s *sink) set(log io.Writer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log = log
	if log != nil && len(s.waiting) > 0 {
		_, _ = log.Write(s.waiting)
		s.waiting = nil
	}
}

// settle returns when nothing has been printed for a few milliseconds.
func (s *sink) settle() {
	const quiet, longest = 5 * time.Millisecond, 50 * time.Millisecond
	for began := time.Now(); time.Since(began) < longest; {
		time.Sleep(quiet)
		s.mu.Lock()
		last := s.written
		s.mu.Unlock()
		if time.Since(last) >= quiet {
			return
		}
	}
}

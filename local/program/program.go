// Package program runs functions that are not part of this process: programs that
// implement the Lambda Runtime API, and web servers on this machine.
//
//	p, err := program.New(program.Options{Name: "ProcessOrder", Path: "./bootstrap"})
//	service.Register("ProcessOrder", p.Invoke)
//	defer p.Close()
//
// A program runs in as many processes as it has concurrent invocations, up to a limit.
// A process that exits or exceeds the time limit is replaced for the next invocation. The
// arguments and the environment of a process come from the options only, never from an
// event.
package program

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/blockforger/eventrouter/fault"
)

// Options configures a Program.
type Options struct {
	Name string // of the function
	Path string // of an executable file
	ARN  string
	// Region and Endpoint are what the program's AWS SDK uses: calls go to Endpoint, not
	// to AWS.
	Region, Endpoint string
	Env              map[string]string // further variables
	LogGroup         string
	Concurrency      int           // the number of processes; default 10
	InitTimeout      time.Duration // until the first request for an event; default 10 seconds
	Log              *slog.Logger
}

// An Error is a failed invocation, as Lambda describes it.
type Error struct{ Type, Message string }

// Error implements error.
func (e *Error) Error() string { return e.Message }

// FunctionError returns the type of the error and its message.
func (e *Error) FunctionError() (kind, message string) { return e.Type, e.Message }

// A Program is a function that is a program. It is safe for concurrent use.
type Program struct {
	opts Options

	slots chan struct{} // one for each process that may exist

	mu     sync.Mutex
	idle   []*process // that wait for an event
	all    map[*process]bool
	closed bool
}

// New checks that the program exists and is executable. It is started with the first
// event. The fault is Invalid.
func New(o Options) (*Program, error) {
	path, err := filepath.Abs(o.Path)
	if err != nil {
		return nil, fault.Errorf(fault.Invalid, "function %s: the path %s cannot be resolved", o.Name, o.Path)
	}
	o.Path = path
	if o.Concurrency <= 0 {
		o.Concurrency = 10
	}
	if o.InitTimeout <= 0 {
		o.InitTimeout = 10 * time.Second
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if _, err := identify(path); err != nil {
		return nil, fault.Errorf(fault.Invalid, "function %s: %v", o.Name, err)
	}
	return &Program{opts: o, slots: make(chan struct{}, o.Concurrency), all: map[*process]bool{}}, nil
}

// identity is what changes when a program is built again.
type identity struct {
	modified time.Time
	size     int64
}

func identify(path string) (identity, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return identity{}, fault.Errorf(fault.Invalid, "the program %s does not exist", path)
	case err != nil:
		return identity{}, fault.Errorf(fault.Invalid, "the program %s cannot be read", path)
	case info.IsDir():
		return identity{}, fault.Errorf(fault.Invalid, "%s is a folder; give the program in it, such as %s", path, filepath.Join(path, "bootstrap"))
	case !executable(info):
		return identity{}, fault.Errorf(fault.Invalid, "the program %s is not executable; run: chmod +x %s", path, path)
	}
	return identity{info.ModTime(), info.Size()}, nil
}

// Invoke runs one invocation until ctx ends, and writes the lines that the program
// prints to log. It waits while as many invocations run as the program may have
// processes. The error is an *Error.
func (p *Program) Invoke(ctx context.Context, payload []byte, log io.Writer) ([]byte, error) {
	in := newInvocation(ctx, payload)
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
	case <-ctx.Done():
		return nil, in.timedOut(ctx)
	}
	one, err := p.take()
	if err != nil {
		fmt.Fprintln(log, err)
		return nil, err
	}
	answer, err := one.run(ctx, in, log, p.opts.InitTimeout)
	if errors.Is(err, errTimeout) {
		err = in.timedOut(ctx)
		fmt.Fprintln(log, err)
	}
	if one.usable() {
		p.giveBack(one)
	} else {
		p.drop(one)
	}
	return answer, err
}

// errTimeout is the error of an invocation whose context ended.
var errTimeout = errors.New("timed out")

func (in *invocation) timedOut(ctx context.Context) error {
	if errors.Is(context.Cause(ctx), context.Canceled) {
		return &Error{Type: "Sandbox.Canceled", Message: "RequestId: " + in.id + " Error: The server stops, or the caller has gone."}
	}
	return &Error{Type: "Sandbox.Timedout", Message: fmt.Sprintf("RequestId: %s Error: Task timed out after %.2f seconds", in.id, in.deadline.Sub(in.began).Seconds())}
}

// take returns a waiting process, or starts one. Processes of an older build of the
// program are replaced.
func (p *Program) take() (*process, error) {
	build, err := identify(p.opts.Path)
	if err != nil {
		return nil, &Error{Type: "Runtime.InvalidEntrypoint", Message: strings.TrimPrefix(fault.MessageOf(err), "function ")}
	}
	for {
		p.mu.Lock()
		if p.closed {
			p.mu.Unlock()
			return nil, &Error{Type: "Runtime.ExitError", Message: "The function is stopped."}
		}
		n := len(p.idle)
		if n == 0 {
			p.mu.Unlock()
			return p.start(build)
		}
		one := p.idle[n-1]
		p.idle = p.idle[:n-1]
		p.mu.Unlock()
		if one.build == build && one.usable() {
			return one, nil
		}
		p.drop(one)
	}
}

func (p *Program) start(build identity) (*process, error) {
	one, err := startProcess(&p.opts, build)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	closed := p.closed
	p.all[one] = true
	p.mu.Unlock()
	if closed {
		p.drop(one)
		return nil, &Error{Type: "Runtime.ExitError", Message: "The function is stopped."}
	}
	return one, nil
}

func (p *Program) giveBack(one *process) {
	p.mu.Lock()
	closed := p.closed
	if !closed {
		p.idle = append(p.idle, one)
	}
	p.mu.Unlock()
	if closed {
		p.drop(one)
	}
}

func (p *Program) drop(one *process) {
	one.stop()
	p.mu.Lock()
	delete(p.all, one)
	p.mu.Unlock()
}

// Close ends all processes. Running invocations fail.
func (p *Program) Close() {
	p.mu.Lock()
	p.closed = true
	all := make([]*process, 0, len(p.all))
	for one := range p.all {
		all = append(all, one)
	}
	p.idle = nil
	p.mu.Unlock()
	for _, one := range all {
		p.drop(one)
	}
}

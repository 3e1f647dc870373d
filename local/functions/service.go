// Package functions is Lambda as far as it is served on one machine: Go functions
// that are registered under a name can be listed, invoked and used as targets,
// and have resource policies and logs.
package functions

import (
	"context"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/blockforger/eventrouter/local/datafile"
	"github.com/blockforger/eventrouter/local/delivery"
	"github.com/blockforger/eventrouter/local/logs"
)

// BucketPolicies must be a bucket of the file; its keys are functions' names.
const BucketPolicies = "policies"

// A Handler is a function as Lambda runs it: it gets the payload as it was sent
// and writes its log lines to log. The context ends when the function's time is
// up. An error is a failed invocation. It may be called concurrently.
type Handler func(ctx context.Context, payload []byte, log io.Writer) ([]byte, error)

// A TypedError is an error of a Handler that says itself what its type is; the type of
// another error is the name of its Go type.
type TypedError interface {
	error
	FunctionError() (kind, message string)
}

// Options configures a Service. All fields up to Sequence are required.
type Options struct {
	Account, Region    string
	Log                *slog.Logger
	Now                func() time.Time
	Timeout            time.Duration // of one invocation
	EnforcePermissions bool          // a rule invokes only functions whose policy allows it
	Logs               *logs.Groups
	Deliveries         *delivery.Dispatcher
	Sequence           *datafile.Sequence // numbers asynchronous invocations

	AllowCreate bool   // CreateFunction, for callers on this machine
	CodeDir     string // where the code of created functions is stored
	Endpoint    string // the server's URL, for the AWS SDK in created functions
}

// A Service holds the functions of one account and region. It is safe for
// concurrent use.
type Service struct {
	opts     Options
	file     *datafile.File
	policies policies

	changes sync.Mutex // held while a function is created, changed or deleted; before mu

	mu       sync.RWMutex
	handlers map[string]Handler
	created  map[string]*created
}

// New returns a Service without functions.
func New(file *datafile.File, opts Options) *Service {
	return &Service{opts: opts, file: file, policies: policies{file: file}, handlers: map[string]Handler{}, created: map[string]*created{}}
}

// Register sets the handler of a function, and replaces the one it had.
func (s *Service) Register(function string, handler Handler) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.handlers[function] = handler
	s.opts.Log.Info("function registered", "function", function)
}

// Names returns the names of the registered functions in order.
func (s *Service) Names() []string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return slices.Sorted(maps.Keys(s.handlers))
}

func (s *Service) handler(name string) (Handler, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	h, ok := s.handlers[name]
	return h, ok
}

func (s *Service) arn(name string) string {
	return "arn:aws:lambda:" + s.opts.Region + ":" + s.opts.Account + ":function:" + name
}

// nameOf returns the function's name if arn is that of a function of this account
// and region, with or without a version.
func (s *Service) nameOf(arn string) (name string, ok bool) {
	name, ok = strings.CutPrefix(arn, s.arn(""))
	name, _, _ = strings.Cut(name, ":")
	return name, ok && name != ""
}

// timeout returns the time limit of one invocation of a function.
func (s *Service) timeout(name string) time.Duration {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if c := s.created[name]; c != nil {
		return time.Duration(c.Timeout) * time.Second
	}
	return s.opts.Timeout
}

package local

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/local/awsapi/awsjson"
	"github.com/blockforger/eventrouter/local/datafile"
	"github.com/blockforger/eventrouter/local/delivery"
	"github.com/blockforger/eventrouter/local/eventbridge"
	"github.com/blockforger/eventrouter/local/functions"
	"github.com/blockforger/eventrouter/local/logs"
	"github.com/blockforger/eventrouter/local/metrics"
	"github.com/blockforger/eventrouter/local/scheduler"
	"github.com/blockforger/eventrouter/local/schemas"
	"github.com/blockforger/eventrouter/local/sqs"
)

// A Server is AWS on one machine.
type Server struct {
	opts Options
	dir  string
	log  *slog.Logger
	file *datafile.File
	// EventBridge are the buses with their rules, targets and archives.
	EventBridge *eventbridge.Service
	// Functions are the functions that can be invoked.
	Functions *functions.Service

	deliveries *delivery.Dispatcher
	logs       *logs.Groups
	queues     *sqs.Queues
	metrics    *metrics.Metrics
	schedules  *scheduler.Schedules
	registries *schemas.Registries

	running atomic.Bool
	handler http.Handler
}

// Open opens the data in dir, and creates the directory if it does not exist. The
// fault is Unavailable if another process has it open.
func Open(dir string, opts *Options) (*Server, error) {
	o := opts.withDefaults()
	kept, err := datafile.Open(dir, o.MaxDataBytes, buckets...)
	if err != nil {
		return nil, fault.Wrap("local.Open", fault.Unavailable, err)
	}
	s := &Server{opts: o, dir: dir, log: o.Log, file: kept, metrics: metrics.New(o.Now, o.Log)}
	if err := s.load(); err != nil {
		return nil, errors.Join(fault.Wrap("local.Open", fault.Internal, err), kept.Close())
	}
	s.handler = s.routes()
	return s, nil
}

// load opens the services on the file.
func (s *Server) load() error {
	o := &s.opts
	sequence, err := s.file.Sequence(eventbridge.BucketEvents, delivery.BucketTasks, delivery.BucketDeadLetters)
	if err != nil {
		return err
	}
	if s.queues, err = sqs.Open(s.file, sqs.Options{Account: o.Account, Region: o.Region, Now: o.Now}); err != nil {
		return err
	}
	if s.logs, err = logs.Open(s.file, logs.Options{Account: o.Account, Region: o.Region, Keep: o.KeepLogLines, Now: o.Now}); err != nil {
		return err
	}
	s.deliveries = delivery.New(s.file, delivery.Options{
		Log: s.log, Now: o.Now, Metrics: s.metrics, Queues: s.queues, Sequence: sequence, ReadEvent: eventbridge.ReadEvents(s.file),
		RetryDelays: o.RetryDelays, MaxEventAge: o.MaxEventAge, Concurrency: o.Concurrency, PollEvery: o.PollEvery, Chaos: &o.Chaos,
	})
	s.EventBridge, err = eventbridge.Open(s.file, eventbridge.Options{
		Account: o.Account, Region: o.Region, Log: s.log, Now: o.Now, KeepEvents: o.KeepEvents, HTTPTargets: o.HTTPTargets,
		Chaos: &o.Chaos, Metrics: s.metrics, Deliveries: s.deliveries, Sequence: sequence,
	})
	if err != nil {
		return err
	}
	s.schedules, err = scheduler.Open(s.file, scheduler.Options{Account: o.Account, Region: o.Region, Now: o.Now, Fire: s.EventBridge.FireSchedules})
	if err != nil {
		return err
	}
	s.registries = schemas.New(s.file, schemas.Options{Account: o.Account, Region: o.Region, Now: o.Now})
	s.Functions = functions.New(s.file, functions.Options{
		Account: o.Account, Region: o.Region, Log: s.log, Now: o.Now, Timeout: o.Timeout,
		EnforcePermissions: o.EnforcePermissions, Logs: s.logs, Deliveries: s.deliveries, Sequence: sequence,
		AllowCreate: o.AllowCreateFunction, CodeDir: filepath.Join(s.dir, "functions"), Endpoint: o.Endpoint,
	})
	if err := s.Functions.LoadCreated(); err != nil {
		return err
	}
	s.deliveries.Register("lambda", s.Functions.Targets())
	s.deliveries.Register("sqs", delivery.QueueTargets{Queues: s.queues})
	s.deliveries.Register("logs", delivery.LogTargets{Groups: s.logs})
	s.deliveries.Register("events", s.EventBridge.Buses())
	s.deliveries.Register("api-destination", s.EventBridge.APIDestinations())
	return s.deliveries.Load()
}

// Pending returns how many deliveries are due or running, and how many wait for
// a retry.
func (s *Server) Pending() (due, waiting int) { return s.deliveries.Pending() }

// DeadLetters returns the deliveries that were given up.
func (s *Server) DeadLetters() *delivery.DeadLetters { return s.deliveries.DeadLetters() }

// Handler returns the AWS endpoint. A request that is not served gets an error in
// AWS's shape.
func (s *Server) Handler() http.Handler { return s.handler }

func (s *Server) routes() http.Handler {
	services := map[string]http.Handler{}
	for _, service := range []*awsjson.Service{s.EventBridge.API(), s.queues.Service(s.log), s.logs.Service(s.log), s.metrics.Service()} {
		services[service.Prefix()] = service
	}
	paths := http.NewServeMux()
	s.schedules.Register(paths, s.log)
	s.registries.Register(paths, s.log)
	s.Functions.Routes(paths)
	s.metrics.Register(paths)
	return endpoint{services: services, paths: paths, account: s.opts.Account, log: s.log, bodyTimeout: s.opts.BodyTimeout}
}

// Run runs deliveries, schedules and replays until ctx ends, waits for the
// deliveries that are running, and returns. The others resume with the next Run,
// in this process or another.
func (s *Server) Run(ctx context.Context) error {
	if !s.running.CompareAndSwap(false, true) {
		return fault.Errorf(fault.Conflict, "the local server runs already")
	}
	defer s.running.Store(false)
	var background sync.WaitGroup
	background.Go(func() { s.logs.Run(ctx) })
	background.Go(func() { s.runSchedules(ctx) })
	background.Go(func() { s.EventBridge.Run(ctx) })
	s.deliveries.Run(ctx)
	background.Wait()
	return nil
}

// Close writes the log lines that are still in memory and closes the file. Run
// must have returned.
func (s *Server) Close() error {
	return errors.Join(s.Functions.Close(), s.logs.Flush(context.Background()), s.file.Close())
}

package local

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/local/awsapi/awsjson"
	"github.com/blockforger/eventrouter/local/datafile"
	"github.com/blockforger/eventrouter/local/delivery"
	"github.com/blockforger/eventrouter/local/functions"
	"github.com/blockforger/eventrouter/local/logs"
	"github.com/blockforger/eventrouter/local/metrics"
	"github.com/blockforger/eventrouter/local/scheduler"
	"github.com/blockforger/eventrouter/local/signal"
	"github.com/blockforger/eventrouter/local/sqs"
)

// A Server is AWS's side on one machine.
type Server struct {
	opts    Options
	log     *slog.Logger
	file    *datafile.File
	seq     *datafile.Sequence // of events, tasks and dead letters
	catalog catalog

	// Functions are the functions that can be invoked.
	Functions *functions.Service

	deliveries *delivery.Dispatcher
	logs       *logs.Groups
	queues     *sqs.Queues
	metrics    *metrics.Metrics

	schedules *scheduler.Schedules
	arrived   signal.Signal // raised when an event was stored

	replayAsked signal.Signal // raised when a replay is to begin or to end

	refused atomic.Int64 // when events were last refused for want of space, in ns; 0: never
	running atomic.Bool
	handler http.Handler
}

// Open opens what is kept in dir, which is made where it is missing. The fault
// is Unavailable where another process has it open.
func Open(dir string, opts *Options) (*Server, error) {
	o := opts.withDefaults()
	kept, err := datafile.Open(dir, o.MaxDataBytes, allBuckets...)
	if err != nil {
		return nil, fault.Wrap("local.Open", fault.Unavailable, err)
	}
	s := &Server{
		opts: o, log: o.Log, file: kept,
	}
	s.metrics = metrics.New(o.Now, o.Log)
	if err := s.load(); err != nil {
		return nil, errors.Join(fault.Wrap("local.Open", fault.Internal, err), kept.Close())
	}
	s.handler = s.routes()
	return s, nil
}

// load brings what is on disk into memory.
func (s *Server) load() error {
	var err error
	if s.seq, err = s.file.Sequence(bucketEvents, delivery.BucketTasks, delivery.BucketDeadLetters); err != nil {
		return err
	}
	s.queues, err = sqs.Open(s.file, sqs.Options{Account: s.opts.Account, Region: s.opts.Region, Now: s.opts.Now})
	if err != nil {
		return err
	}
	s.logs, err = logs.Open(s.file, logs.Options{Account: s.opts.Account, Region: s.opts.Region, Keep: s.opts.KeepLogLines, Now: s.opts.Now})
	if err != nil {
		return err
	}
	s.schedules, err = scheduler.Open(s.file, scheduler.Options{Account: s.opts.Account, Region: s.opts.Region, Now: s.opts.Now, Fire: s.fireSchedules})
	if err != nil {
		return err
	}
	if err := s.loadCatalog(); err != nil {
		return err
	}
	if err := errors.Join(s.loadArchives(), s.loadReplays(), s.loadDestinations()); err != nil {
		return err
	}
	s.deliveries = delivery.New(s.file, delivery.Options{
		Log: s.log, Now: s.opts.Now, Metrics: s.metrics, Queues: s.queues, Sequence: s.seq, ReadEvent: s.readEvent,
		RetryDelays: s.opts.RetryDelays, MaxEventAge: s.opts.MaxEventAge, Concurrency: s.opts.Concurrency,
		PollEvery: s.opts.PollEvery, Chaos: &s.opts.Chaos,
	})
	s.Functions = functions.New(s.file, functions.Options{
		Account: s.opts.Account, Region: s.opts.Region, Log: s.log, Now: s.opts.Now, Timeout: s.opts.Timeout,
		EnforcePermissions: s.opts.EnforcePermissions, Logs: s.logs, Deliveries: s.deliveries, Sequence: s.seq,
	})
	s.deliveries.Register("lambda", s.Functions.Targets())
	s.deliveries.Register("sqs", delivery.QueueTargets{Queues: s.queues})
	s.deliveries.Register("logs", delivery.LogTargets{Groups: s.logs})
	s.deliveries.Register("events", busTargets{s, s.log})
	s.deliveries.Register("api-destination", destinationTargets{&s.catalog, s.opts.HTTPTargets})
	return s.deliveries.Load()
}

// readEvent returns the JSON of a stored event.
func (s *Server) readEvent(seq uint64) (jsontext.Value, error) {
	record, err := s.file.Get(bucketEvents, datafile.SeqKey(seq))
	if err != nil {
		return nil, err
	}
	e, err := decodeEvent(datafile.SeqKey(seq), record)
	return e.JSON, err
}

// Pending returns how many deliveries are due or running, and how many wait for
// a retry.
func (s *Server) Pending() (due, waiting int) { return s.deliveries.Pending() }

// DeadLetters are the deliveries that were given up.
func (s *Server) DeadLetters() *delivery.DeadLetters { return s.deliveries.DeadLetters() }

// Handler is the AWS endpoint. It answers every path; what is not served gets
// an error in AWS's shape.
func (s *Server) Handler() http.Handler { return s.handler }

func (s *Server) routes() http.Handler {
	services := map[string]http.Handler{}
	for _, service := range []*awsjson.Service{s.eventsService(), s.queues.Service(s.log), s.logs.Service(s.log), s.metrics.Service()} {
		services[service.Prefix()] = service
	}
	paths := http.NewServeMux()
	s.schedules.Register(paths, s.log)
	s.Functions.Routes(paths)
	s.metrics.Register(paths)
	return endpoint{services: services, paths: paths, log: s.log, bodyTimeout: s.opts.BodyTimeout}
}

// Run carries out deliveries until ctx ends; then it starts no further one,
// waits for those under way, and returns. What is left resumes with the next
// Run, in this process or another.
func (s *Server) Run(ctx context.Context) error {
	if !s.running.CompareAndSwap(false, true) {
		return fault.Errorf(fault.Conflict, "the local server runs already")
	}
	defer s.running.Store(false)
	var background sync.WaitGroup
	background.Go(func() { s.logs.Run(ctx) })
	background.Go(func() { s.trimEvents(ctx) })
	background.Go(func() { s.runSchedules(ctx) })
	background.Go(func() { s.runReplays(ctx) })
	s.deliveries.Run(ctx)
	background.Wait()
	return nil
}

// Close writes what is still in memory and closes the file. Run must have
// returned.
func (s *Server) Close() error {
	return errors.Join(s.logs.Flush(context.Background()), s.file.Close())
}

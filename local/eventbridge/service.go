// Package eventbridge is EventBridge on one machine: buses with their rules,
// targets, archives and replays, API destinations, and PutEvents. The methods of a
// Service that have the name of an AWS operation are that operation.
//
// PutEvents builds the event as EventBridge delivers it, matches it against the
// rules of its bus, and stores it together with one delivery task for each target
// of each rule that matches. Package delivery runs the tasks.
//
// What is set up is held in memory and in a data file. The file is written first,
// so that both see changes in the same order.
package eventbridge

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/local/datafile"
	"github.com/blockforger/eventrouter/local/delivery"
	"github.com/blockforger/eventrouter/local/metrics"
	"github.com/blockforger/eventrouter/local/signal"
)

// BucketEvents holds the events; its keys are sequence numbers.
const BucketEvents = "events"

const (
	bucketBuses        = "buses"        // name
	bucketRules        = "rules"        // bus, NUL, name
	bucketArchives     = "archives"     // name
	bucketArchived     = "archived"     // archive, NUL, time, sequence number: an event's JSON
	bucketReplays      = "replays"      // name
	bucketConnections  = "connections"  // name
	bucketDestinations = "destinations" // name
)

// Buckets are the buckets that the file must have.
var Buckets = []string{BucketEvents, bucketBuses, bucketRules, bucketArchives, bucketArchived, bucketReplays,
	bucketConnections, bucketDestinations}

// Options configures a Service. All fields are required, except HTTPTargets.
type Options struct {
	Account, Region string
	Log             *slog.Logger
	Now             func() time.Time
	KeepEvents      int      // how many events are stored after their delivery
	HTTPTargets     []string // hosts, as host:port, that API destinations may call
	Chaos           *delivery.Chaos
	Metrics         *metrics.Metrics
	Deliveries      *delivery.Dispatcher
	Sequence        *datafile.Sequence // numbers events and tasks
}

// A Service is the EventBridge of one account and region. It is safe for
// concurrent use.
type Service struct {
	opts        Options
	file        *datafile.File
	catalog     catalog
	events      eventStore
	archives    archiveStore
	replayAsked signal.Signal // raised when a replay is to begin or to end
	refused     atomic.Int64  // when events were last refused for lack of space, in ns; 0: never
}

// Open loads what is set up in a file.
func Open(file *datafile.File, opts Options) (*Service, error) {
	s := &Service{opts: opts, file: file, events: eventStore{file: file, keep: opts.KeepEvents, deliveries: opts.Deliveries}}
	s.archives = archiveStore{file: file, now: opts.Now, mu: &s.catalog.mu}
	if err := s.loadCatalog(); err != nil {
		return nil, err
	}
	return s, errors.Join(s.archives.load(), s.loadReplays(), s.loadDestinations())
}

// Run removes old events and runs replays until ctx ends.
func (s *Service) Run(ctx context.Context) {
	var background sync.WaitGroup
	background.Go(func() { s.trimEvents(ctx) })
	background.Go(func() { s.runReplays(ctx) })
	background.Wait()
}

// Buses returns the buses as targets of deliveries.
func (s *Service) Buses() delivery.Deliverer { return busTargets{s, s.opts.Log} }

// APIDestinations returns the API destinations as targets of deliveries.
func (s *Service) APIDestinations() delivery.Deliverer {
	return destinationTargets{&s.catalog, s.opts.HTTPTargets}
}

// ReadEvents returns a reader of the events that are stored in a file.
func ReadEvents(file *datafile.File) delivery.EventReader {
	return func(seq uint64) (jsontext.Value, error) {
		record, err := file.Get(BucketEvents, datafile.SeqKey(seq))
		if err != nil {
			return nil, err
		}
		e, err := decodeEvent(datafile.SeqKey(seq), record)
		return e.JSON, err
	}
}

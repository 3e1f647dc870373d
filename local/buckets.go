package local

import (
	"github.com/blockforger/eventrouter/local/delivery"
	"github.com/blockforger/eventrouter/local/functions"
	"github.com/blockforger/eventrouter/local/logs"
	"github.com/blockforger/eventrouter/local/scheduler"
	"github.com/blockforger/eventrouter/local/sqs"
)

// The buckets of the server's file, and what their keys are.
const (
	bucketEvents       = "events"       // seq: an event
	bucketBuses        = "buses"        // name
	bucketRules        = "rules"        // bus, NUL, name
	bucketArchives     = "archives"     // name
	bucketArchived     = "archived"     // archive, NUL, time, seq: an event's JSON
	bucketReplays      = "replays"      // name
	bucketConnections  = "connections"  // name
	bucketDestinations = "destinations" // name
)

var allBuckets = []string{bucketEvents, delivery.BucketTasks, delivery.BucketDeadLetters, delivery.BucketOutcomes, bucketBuses, bucketRules,
	bucketArchives, bucketArchived, bucketReplays, functions.BucketPolicies, bucketConnections, bucketDestinations,
	sqs.BucketQueues, sqs.BucketMessages, logs.BucketGroups, logs.BucketLines,
	scheduler.BucketSchedules, scheduler.BucketGroups}

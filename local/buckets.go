package local

import (
	"github.com/blockforger/eventrouter/local/logs"
	"github.com/blockforger/eventrouter/local/scheduler"
	"github.com/blockforger/eventrouter/local/sqs"
)

// The buckets of the server's file, and what their keys are.
const (
	bucketEvents       = "events"       // seq: an event
	bucketTasks        = "tasks"        // seq of the event, number: a task that is not done
	bucketDeadLetters  = "deadletters"  // seq: a dead letter
	bucketBuses        = "buses"        // name
	bucketRules        = "rules"        // bus, NUL, name
	bucketArchives     = "archives"     // name
	bucketArchived     = "archived"     // archive, NUL, time, seq: an event's JSON
	bucketReplays      = "replays"      // name
	bucketPolicies     = "policies"     // function
	bucketConnections  = "connections"  // name
	bucketDestinations = "destinations" // name
	bucketOutcomes     = "outcomes"     // seq of the event, a task's key: how the delivery ended, where not well at once
)

var allBuckets = []string{bucketEvents, bucketTasks, bucketDeadLetters, bucketBuses, bucketRules,
	bucketArchives, bucketArchived, bucketReplays, bucketPolicies, bucketConnections, bucketDestinations, bucketOutcomes,
	sqs.BucketQueues, sqs.BucketMessages, logs.BucketGroups, logs.BucketLines,
	scheduler.BucketSchedules, scheduler.BucketGroups}

package local

import (
	"slices"

	"github.com/blockforger/eventrouter/local/delivery"
	"github.com/blockforger/eventrouter/local/eventbridge"
	"github.com/blockforger/eventrouter/local/functions"
	"github.com/blockforger/eventrouter/local/logs"
	"github.com/blockforger/eventrouter/local/scheduler"
	"github.com/blockforger/eventrouter/local/schemas"
	"github.com/blockforger/eventrouter/local/sqs"
)

// buckets are the buckets of the server's file.
var buckets = slices.Concat(eventbridge.Buckets, []string{
	delivery.BucketTasks, delivery.BucketDeadLetters, delivery.BucketOutcomes, functions.BucketPolicies, functions.BucketFunctions,
	sqs.BucketQueues, sqs.BucketMessages, logs.BucketGroups, logs.BucketLines, logs.BucketPolicies,
	scheduler.BucketSchedules, scheduler.BucketGroups,
	schemas.BucketRegistries, schemas.BucketSchemas, schemas.BucketVersions,
})

// Package dynamostore keeps the ledger in one DynamoDB table. It implements
// [store.Driver] and [apikey.Store].
//
//	client := dynamodb.NewFromConfig(cfg)
//	ledger := dynamostore.New(client, "eventrouter-dev", nil)
//	if err := ledger.Check(ctx); err != nil { ... } // no table, no index, no access
//	s := store.New(ledger, nil)
//
// # Layout
//
// The table has the string keys pk and sk, the time to live attribute ttl, and
// one index, named open, with the string keys open and opened, that projects
// keys only. Ids contain no slash, so the keys of two tenants never collide.
//
//	item                   pk                               sk
//	record                 head/{tenant}/{schema}/{part}    the record's key
//	idempotency record     mark/{tenant}/{origin}/{value}   -
//	total                  usage/{tenant}/{month}           -
//	lease                  lease/{shard}                    -
//	bus check              bus                              the bus's ARN
//	API key                key/{id}                         -
//	API key, by tenant     keys/{tenant}                    the key's id
//
// Some attributes have older names: stamp is the version, dirty means that the
// object or file does not show the record yet, folded means that the bill has
// been aggregated, and folds counts the aggregations.
//
// A record has the attributes backend, keyField, revision, stamp, time and data;
// deleted, expires and dirty are present if they are set. Format 2 adds fileWrite,
// rowVersion, movedFromKey and movedFromVersion. data is a native map. Its numbers
// have the type N, which keeps 38 digits. DynamoDB rejects empty names, so a name
// that is empty or consists of tildes only is stored with one more tilde.
//
// An idempotency record has fingerprint; of the result schema, key, operation,
// revision, stamp, time, rejected (the fault's code), message and violations; of
// the bill tokens, month, keyId and folded; expires; payload and record as JSON
// text; entries, a list of maps; inputEvent, correlation, hops, trace; project and
// recheck; counted, if the commit added the bill to the counter of the limit; and
// version, the number of updates of the item. While
// [store.IdempotencyRecord.HasPendingWork] is true, it also has open, its shard,
// and opened, its time, which are the keys of the index.
//
// A total has op/{schema}/{operation} and day/{day} in tokens, and folds. The
// first change that has a limit adds the counter of the limit: used, in tokens,
// and checked, the time at which a process last searched for bills that are not
// in the counter.
//
// A bus check has missing, checked, and a ttl one day after checked.
//
// Attributes whose value is zero are absent. Times are text of a fixed width, in
// UTC, so that they compare as text. ttl is in seconds since 1970. It is present
// only if DynamoDB may delete the item: not on an idempotency record whose bill
// is not aggregated, and not on an unprojected tombstone.
//
// # Partitions
//
// A partition of DynamoDB accepts 1,000 write units a second, and one busy tenant
// may need more. Each idempotency record therefore has its own partition key, and
// a collection has eight, chosen by a hash of the record's key. DynamoDB would
// split a single partition only after minutes of throttling, and never if keys
// are ascending, such as order numbers. A list queries the eight partitions
// concurrently and merges the results.
//
// # Guarantees
//
// A commit is one TransactWriteItems: the idempotency record, the record, a check
// of the API key if the change requires it, and the counter if the tenant has a
// limit. If the idempotency key has been used, the cancellation contains the
// stored item, so a redelivery costs one call too. A call that is throttled,
// conflicts with another transaction or gets no response is retried with jitter
// until the context ends; then the fault is Unavailable. An expired item counts
// as absent, whether or not DynamoDB has deleted it.
//
// ListPending and Usage find idempotency records by the index, which DynamoDB
// updates shortly after the commit, usually within a second. Until then Usage may
// not include a bill. No bill is counted twice or lost.
//
// A bill counts towards the token limit exactly once. A change with a limit adds
// it to the counter in its transaction. A change without a limit does not, so that
// tenants without a limit have no contention; the aggregation adds its bill. Each
// process aggregates the bills that it left uncounted before it commits a change
// with a limit. Every half minute one process aggregates those of the others.
package dynamostore

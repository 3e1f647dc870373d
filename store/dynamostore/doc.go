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
// keys only. No id has a slash in it, so no tenant reaches another's items.
//
//	item          pk                               sk
//	head          head/{tenant}/{schema}/{part}    the record's key
//	mark          mark/{tenant}/{origin}/{value}   -
//	total         usage/{tenant}/{month}           -
//	lease         lease/{shard}                    -
//	bus check     bus                              the bus's ARN
//	API key       key/{id}                         -
//	API key again keys/{tenant}                    the key's id
//
// A head has backend, keyField, revision, stamp, time, data, and where they
// hold deleted, expires, dirty; in format 2 also fileWrite, rowVersion,
// movedFromKey and movedFromVersion. data is a native map: numbers are N and keep
// 38 digits, and a name that consists of nothing but tildes, be they none, has one
// more (DynamoDB takes no empty name).
//
// A mark has fingerprint; the receipt's schema, key, operation, revision,
// stamp, time, rejected (the fault's code), message, violations; the bill's
// tokens, month, keyId, folded; expires; payload and record as JSON text;
// entries, a list of maps; inputEvent, correlation, hops, trace; project,
// recheck; counted, where the commit added the bill to the counter of the limit;
// and version, which counts its changes. While [store.Mark.Open] holds
// it also has open, its shard, and opened, its time: what puts it into the index.
//
// A total has op/{schema}/{operation} and day/{day} in tokens, and folds, which
// counts its changes. From the first change on that carries a limit it also has
// the counter of the limit: used, in tokens, and checked, the time at which a
// process last looked for bills that are not in it.
//
// A bus check has missing, checked, and the ttl of a day later.
//
// Attributes that are zero are absent. Times are text of one width, in UTC, so
// that they compare. ttl is epoch seconds, and there only where DynamoDB may
// delete: not on a mark whose bill is not folded, nor on a dirty tombstone.
//
// # Partitions
//
// A partition of DynamoDB takes 1,000 write units a second, which is less than
// one busy tenant. So each mark has a partition key of its own, and a
// collection has eight, by a hash of the record's key: one would be split only
// after minutes of throttling, and never for keys that grow, such as order
// numbers. A list queries the eight side by side and merges them.
//
// # Promises
//
// A commit is one TransactWriteItems of mark and head, of a check of the API key
// where the change asks for it, and of the counter where the tenant has a limit.
// A mark in the way comes back with the refusal, so a
// redelivery costs one call too. What was throttled, met another transaction or
// got no answer is sent again, with jitter, while the context lasts; then the
// fault is Unavailable. What has expired counts as absent, whether or not
// DynamoDB has deleted it.
//
// Open and Usage find marks by the index, which DynamoDB brings up to date a
// moment after the commit, usually within a second: so long a bill may be
// missing from Usage. None is ever counted twice or lost.
//
// A bill counts towards the token limit exactly once. A change with a limit adds
// it to the counter in its transaction. A change without one does not, so that a
// tenant without a limit has no contention; its bill is added when it is folded.
// This process folds what it has left uncounted before it commits a change with a
// limit, and every half minute some process folds what others have left.
package dynamostore

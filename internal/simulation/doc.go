// Package simulation runs the whole router from a seed: senders, function instances
// with their caches and clocks, relays, event buses, a ledger whose index lags, a
// bucket of objects that people edit, and operators. Its tests are the simulation; the
// package has no code for others.
//
//	make simulate SEEDS=10000
//	make simulate SEED=4711
//
// # How it works
//
// A run is one bubble of testing/synctest, so that time is simulated. Every I/O of an
// instance, a relay or an operator is a call that waits until the scheduler selects it.
// The scheduler waits until every goroutine is blocked, selects one of the waiting
// calls by the seed, and decides what happens to it: it is carried out; it fails before or after
// it was carried out; it takes longer than any time-out, and is carried out when its
// caller has given up; or the instance crashes. No goroutine does real I/O. Keys and
// versions come from a seeded source too (testing/cryptotest). Two runs of one seed
// have the same trace, which a test checks.
//
// # What is simulated and what is not
//
// The code above the drivers is the code that runs on AWS: it is wired by package app.
// The ledger is package memstore, the executable specification of the drivers, and the
// bucket is blob.Memory. The drivers themselves (DynamoDB, S3, bbolt) and the local
// EventBridge are not simulated; package storetest and the crash tests of
// cmd/eventrouter cover them.
package simulation

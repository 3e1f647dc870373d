package storetest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/projection"
	"github.com/blockforger/eventrouter/store"
)

// A Harness connects the suite to a driver.
type Harness struct {
	// Open returns an empty ledger. The suite does not close it; Open registers that
	// with t.Cleanup.
	Open func(t testing.TB, e Env) store.Driver

	// Reopen opens d's storage as after a crash: d is neither closed nor flushed. It is
	// nil if the driver keeps nothing after the process ends.
	Reopen func(t testing.TB, d store.Driver, e Env) store.Driver

	// SetFormat replaces the format number of a stored record, or of a stored
	// idempotency record if the key has a value. It is nil if the driver has no storage.
	SetFormat func(t testing.TB, d store.Driver, r store.Ref, k store.IdempotencyKey, number int)

	// Another opens a second instance over d's storage, as another process would. It is
	// nil if only one process can use the storage.
	Another func(t testing.TB, d store.Driver, e Env) store.Driver

	// CatchUp updates the indexes of d to include every commit. It is nil if no index
	// lags.
	CatchUp func(d store.Driver)

	// History is the number of operations of the random history; 0 means 10,000.
	History int

	// Only limits the suite to the promises of these names, if it is set. It is for
	// implementations that cannot keep all of them.
	Only []string
}

// Env holds the clock and the fault injection that a driver under test must use.
type Env struct {
	// Clock is the time that decides what has expired.
	Clock func() time.Time

	// Fault, if set, must be called before and after every I/O. Its error is returned
	// instead of executing the I/O, or instead of the result of an executed one.
	Fault func(op string) error
}

// Run runs every promise against the driver.
func Run(t *testing.T, h Harness) {
	for _, p := range []struct {
		name string
		test func(*testing.T, Harness)
	}{
		{"Atomicity/all or nothing", testAtomicity},
		{"Atomicity/every field is stored", testRoundTrip},
		{"Atomicity/fault at every I/O, without a retry", testFaultOnce},
		{"Atomicity/fault at every I/O, with a retry", testFaultRetried},
		{"Redelivery/returns the stored result", testRedelivery},
		{"Redelivery/32 concurrent senders", testConcurrentSenders},
		{"Redelivery/rejections are stored", testStoredRejections},
		{"Redelivery/the stored result takes precedence over record and limit", testStoredResultFirst},
		{"Fingerprint/another request is a conflict", testFingerprint},
		{"Fingerprint/an older algorithm", testOlderFingerprint},
		{"Formats/a newer one is rejected", testNewerFormats},
		{"Isolation/concurrent writers of one record", testConcurrentWriters},
		{"Isolation/delete and create again", testRecreate},
		{"Isolation/tenants share nothing", testTenants},
		{"Isolation/values are not shared with the caller", testAliasing},
		{"Durability/crash at every I/O", testCrash},
		{"Expiry/an expired idempotency record is absent", testExpiry},
		{"Expiry/tombstones expire, records do not", testTombstoneExpiry},
		{"Expiry/an unprojected tombstone does not expire", testUnprojectedTombstone},
		{"Expiry/bills outlive their idempotency records", testBillOutlivesIdempotencyRecord},
		{"List/by cursor in byte order", testList},
		{"Limits/token limit is exact with 32 writers", testTokenLimit},
		{"Limits/a limit set, removed and restored", testLimitRestored},
		{"Limits/a limit set during the month", testLimitFirstSet},
		{"Limits/instances with old properties", testLimitOldProperties},
		{"Limits/writers with and without a limit", testLimitMixed},
		{"Limits/the largest record and idempotency record fit", testLargest},
		{"Usage/exact before and after aggregation", testUsage},
		{"Usage/exact during aggregation", testUsageDuringAggregation},
		{"Outbox/pending idempotency records by shard and age", testPending},
		{"Outbox/saved progress is never undone", testSaveProgress},
		{"Outbox/an operator may publish again", testReopen},
		{"Outbox/projected records are not unprojected", testProjected},
		{"Outbox/one owner of a lease", testLease},
		{"Outbox/idempotency records by cursor", testIdempotencyRecords},
		{"Buses/the latest check of a bus is stored", testBuses},
		{"Numbers/exact to 38 digits", testNumbers},
		{"TenantData/inventory of schemas and months", testInventory},
		{"TenantData/a purge deletes everything of one tenant", testPurge},
		{"TenantData/records fix backend and key field", testCheckCompatible},
		{"History/random and linearizable", testHistory},
	} {
		if h.Reopen == nil && strings.HasPrefix(p.name, "Durability/") {
			continue // the driver has no storage
		}
		if h.SetFormat == nil && strings.HasPrefix(p.name, "Formats/") {
			continue // the driver has no storage
		}
		if h.Only != nil && !slices.Contains(h.Only, p.name) {
			continue
		}
		t.Run(p.name, func(t *testing.T) { p.test(t, h) })
	}
}

// start is the time at which every test begins.
var start = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// A clock shows a fixed time, which tests advance.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// A ledger is a driver under test with the store above it, which projects nothing
// unless a projectionFixture replaces it.
type ledger struct {
	*projection.Store
	t      testing.TB
	h      Harness
	env    Env
	driver store.Driver
	clock  *clock
}

func open(t testing.TB, h Harness) *ledger { return openFaulty(t, h, nil) }

func openFaulty(t testing.TB, h Harness, f func(op string) error) *ledger {
	t.Helper()
	c := &clock{now: start}
	l := &ledger{t: t, h: h, clock: c, env: Env{Clock: c.Now, Fault: f}}
	l.use(h.Open(t, l.env))
	return l
}

func (l *ledger) use(d store.Driver) {
	l.driver = d
	l.Store = projection.New(store.New(d, &store.Options{Clock: l.clock.Now}), nil)
}

// kill replaces the driver by one that is opened as after a crash.
func (l *ledger) kill() {
	l.t.Helper()
	l.use(l.h.Reopen(l.t, l.driver, l.env))
}

var ctx = context.Background()

func ref(tenant, schema, key string) store.Ref {
	return store.Ref{Collection: store.Collection{Tenant: events.TenantID(tenant), Schema: events.SchemaID(schema)}, Key: events.RecordKey(key)}
}

// pet is the record that most tests use.
var pet = ref("acme", "petstore", "rex")

func idempotencyKey(tenant, value string) store.IdempotencyKey {
	return store.IdempotencyKey{Tenant: events.TenantID(tenant), Origin: store.OriginEventKey, Value: value}
}

const tokens = 10

// change returns a complete change: it writes the record, and has a bill and one entry.
func change(r store.Ref, key string, op events.Operation, prior store.Record, data string) store.Change {
	payload := jsontext.Value(data)
	if op == events.Delete {
		payload = jsontext.Value(`{"id":"x"}`)
	}
	c := store.Change{
		IfVersion: prior.Version,
		Idempotency: store.IdempotencyRecord{
			Key:         idempotencyKey(string(r.Tenant), key),
			Fingerprint: store.Fingerprint{1},
			Result:      store.Result{Ref: r, Operation: op},
			Bill:        store.Bill{Tokens: tokens, KeyID: "key1"},
			Outputs: store.Outputs{
				Payload: payload,
				Entries: []store.Entry{{
					Bus:    "arn:aws:events:us-east-1:000000000000:event-bus/default",
					Source: "blockforger-output", DetailType: events.DetailType(string(r.Schema) + "." + string(op)),
					State: store.EntryPending,
				}},
			},
		},
		Record: &store.Record{Ref: r, Backend: events.DynamoDB, KeyField: "id", Revision: prior.Revision + 1},
	}
	if op == events.Delete {
		c.Record.Deleted = true
	} else {
		c.Record.Data = jsontext.Value(data)
	}
	return c
}

// rejection returns the change of a request that is rejected because of the stored
// state.
func rejection(r store.Ref, key string, op events.Operation, code fault.Code, message string) store.Change {
	return store.Change{Idempotency: store.IdempotencyRecord{
		Key:         idempotencyKey(string(r.Tenant), key),
		Fingerprint: store.Fingerprint{1},
		Result:      store.Result{Ref: r, Operation: op, Rejected: true, Code: code, Message: message},
	}}
}

func (l *ledger) commit(c store.Change) store.Result {
	l.t.Helper()
	r, err := l.Commit(ctx, c)
	if err != nil {
		l.t.Fatalf("commit %s of %s: %v", c.Idempotency.Result.Operation, c.Idempotency.Key.Value, err)
	}
	return r
}

// write commits an operation on the current record.
func (l *ledger) write(r store.Ref, key string, op events.Operation, data string) store.Result {
	l.t.Helper()
	return l.commit(change(r, key, op, l.find(r), data))
}

// find reads a record. It returns a record without a version if it does not exist.
func (l *ledger) find(r store.Ref) store.Record {
	l.t.Helper()
	h, err := l.Get(ctx, r)
	if err != nil && !fault.Is(err, fault.NotFound) {
		l.t.Fatalf("get: %v", err)
	}
	return h
}

func (l *ledger) idempotencyRecord(key store.IdempotencyKey) store.IdempotencyRecord {
	l.t.Helper()
	m, err := l.IdempotencyRecord(ctx, key)
	if err != nil {
		l.t.Fatalf("idempotency record %s: %v", key.Value, err)
	}
	return m
}

// catchUp updates all indexes to include every commit.
func (l *ledger) catchUp() {
	if l.h.CatchUp != nil {
		l.h.CatchUp(l.driver)
	}
}

// used returns the tokens that a tenant has used in the current month, after catchUp.
func (l *ledger) used(tenant string) int64 {
	l.t.Helper()
	l.catchUp()
	u, err := l.Usage(ctx, events.TenantID(tenant), store.Month(l.clock.Now()))
	if err != nil {
		l.t.Fatalf("usage: %v", err)
	}
	return u.Tokens()
}

// idempotencyRecords returns all idempotency records, read page by page.
func (l *ledger) idempotencyRecords() []store.IdempotencyRecord {
	l.t.Helper()
	var all []store.IdempotencyRecord
	for cursor := ""; ; {
		page, next, err := l.IdempotencyRecords(ctx, cursor, 50)
		if err != nil {
			l.t.Fatalf("idempotency records: %v", err)
		}
		all = append(all, page...)
		if next == "" {
			return all
		}
		cursor = next
	}
}

// pendingKeys returns the keys of the pending idempotency records of all shards that
// were committed before t, after catchUp.
func (l *ledger) pendingKeys(t time.Time) map[store.IdempotencyKey]bool {
	l.t.Helper()
	l.catchUp()
	found := map[store.IdempotencyKey]bool{}
	for shard := range store.Shards {
		keys, err := l.ListPending(ctx, shard, t, 1000)
		if err != nil {
			l.t.Fatalf("open: %v", err)
		}
		for _, k := range keys {
			found[k] = true
		}
	}
	return found
}

func (l *ledger) saveProgress(key store.IdempotencyKey, s store.Progress) {
	l.t.Helper()
	if err := l.SaveProgress(ctx, key, s); err != nil {
		l.t.Fatalf("save progress: %v", err)
	}
}

func (l *ledger) aggregate(keys ...store.IdempotencyKey) {
	l.t.Helper()
	if err := l.AggregateUsage(ctx, keys); err != nil {
		l.t.Fatalf("aggregation: %v", err)
	}
}

func wantCode(t testing.TB, what string, err error, want fault.Code) {
	t.Helper()
	if err == nil || fault.CodeOf(err) != want {
		t.Fatalf("%s: %v, want the fault %s", what, err, want)
	}
}

func want[T comparable](t testing.TB, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Fatalf("%s: got %v, want %v", what, got, want)
	}
}

// concurrently runs f n times concurrently and waits for all.
func concurrently(n int, f func(i int)) {
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() { f(i) })
	}
	group.Wait()
}

func named(prefix string, i int) string { return fmt.Sprintf("%s%03d", prefix, i) }

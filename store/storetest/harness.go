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
	"github.com/blockforger/eventrouter/store"
)

// A Harness tells the suite how to handle a driver.
type Harness struct {
	// Open makes an empty ledger. The suite does not close it: that is for
	// t.Cleanup.
	Open func(t testing.TB, e Env) store.Driver

	// Reopen kills d, without Close or flush, and opens what its storage holds.
	// nil where nothing survives the process.
	Reopen func(t testing.TB, d store.Driver, e Env) store.Driver

	// SetFormat replaces the format number of a stored record, or of a stored
	// idempotency record where the key has a value. nil where nothing is stored.
	SetFormat func(t testing.TB, d store.Driver, r store.Ref, k store.IdempotencyKey, number int)

	// Another opens a second instance over d's storage, as another process would.
	// nil where only one process can use the storage.
	Another func(t testing.TB, d store.Driver, e Env) store.Driver

	// CatchUp brings an index of d's up to date that lags behind what is
	// committed. nil where none does.
	CatchUp func(d store.Driver)

	// History is how many operations the random history has; 0 means 10,000.
	History int

	// Only, where it is set, names the promises to run: for a second opinion by
	// an implementation that cannot keep them all.
	Only []string
}

// Env is what a driver under test must use.
type Env struct {
	// Clock is the time that decides about expiry.
	Clock func() time.Time

	// Fault, where set, must be asked before and after every I/O. Its error
	// takes the place of the I/O, or of the answer to one that was carried out.
	Fault func(op string) error
}

// Run runs every promise against the driver.
func Run(t *testing.T, h Harness) {
	for _, p := range []struct {
		name string
		test func(*testing.T, Harness)
	}{
		{"Atomicity/all or nothing", testAtomicity},
		{"Atomicity/every field comes back", testRoundTrip},
		{"Atomicity/fault at every I/O, then given up", testFaultGivenUp},
		{"Atomicity/fault at every I/O, then tried again", testFaultRetried},
		{"Redelivery/answers as the first time", testRedelivery},
		{"Redelivery/32 senders at once", testSendersAtOnce},
		{"Redelivery/rejections are marked", testMarkedRejections},
		{"Redelivery/the mark wins over record and limit", testMarkWins},
		{"Fingerprint/another request is a conflict", testFingerprint},
		{"Fingerprint/an older algorithm", testOlderFingerprint},
		{"Formats/a newer one is rejected", testNewerFormats},
		{"Isolation/rivals on one record", testRivals},
		{"Isolation/delete and create again", testRecreate},
		{"Isolation/two tenants cannot meet", testTenants},
		{"Isolation/values are not shared with the caller", testAliasing},
		{"Durability/kill at every I/O", testKill},
		{"Expiry/a mark past its time is absent", testExpiry},
		{"Expiry/tombstones go, records stay", testTombstoneExpiry},
		{"Expiry/a dirty tombstone stays", testDirtyTombstone},
		{"Expiry/bills outlive their marks", testBillOutlivesMark},
		{"List/by cursor in byte order", testList},
		{"Limits/token limit is exact with 32 writers", testTokenLimit},
		{"Limits/a limit set, removed and restored", testLimitRestored},
		{"Limits/a limit set during the month", testLimitFirstSet},
		{"Limits/instances that hold old properties", testLimitOldProperties},
		{"Limits/writers with and without a limit", testLimitMixed},
		{"Limits/the largest head and mark fit", testLargest},
		{"Usage/exact before and after fold", testUsage},
		{"Usage/exact while folding", testUsageWhileFolding},
		{"Backlog/open marks by shard and age", testOpen},
		{"Backlog/settling never goes back", testSettle},
		{"Backlog/an operator may publish again", testAgain},
		{"Backlog/projected heads become clean", testProjected},
		{"Backlog/one owner for a lease", testLease},
		{"Backlog/marks by cursor", testMarks},
		{"Buses/the last check of a bus counts", testBuses},
		{"Numbers/exact to 38 digits", testNumbers},
		{"Tenure/what there is of a tenant", testHoldings},
		{"Tenure/a purge takes all of one tenant", testPurge},
		{"Tenure/records pin backend and key field", testGuard},
		{"History/random and linearizable", testHistory},
	} {
		if h.Reopen == nil && strings.HasPrefix(p.name, "Durability/") {
			continue // not a promise of this driver
		}
		if h.SetFormat == nil && strings.HasPrefix(p.name, "Formats/") {
			continue // likewise
		}
		if h.Only != nil && !slices.Contains(h.Only, p.name) {
			continue
		}
		t.Run(p.name, func(t *testing.T) { p.test(t, h) })
	}
}

// start is when every test begins.
var start = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// A clock stands still until it is moved.
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

// A ledger is a driver under test with the store above it.
type ledger struct {
	*store.Store
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
	l.Store = store.New(d, &store.Options{Clock: l.clock.Now, Backoff: func(int) time.Duration { return 0 }})
}

// kill ends the driver as a crash would, and starts another.
func (l *ledger) kill() {
	l.t.Helper()
	l.use(l.h.Reopen(l.t, l.driver, l.env))
}

var ctx = context.Background()

func ref(tenant, schema, key string) store.Ref {
	return store.Ref{Collection: store.Collection{Tenant: events.TenantID(tenant), Schema: events.SchemaID(schema)}, Key: events.RecordKey(key)}
}

// pet is the record that most tests are about.
var pet = ref("acme", "petstore", "rex")

func idem(tenant, value string) store.IdempotencyKey {
	return store.IdempotencyKey{Tenant: events.TenantID(tenant), Origin: store.OriginEventKey, Value: value}
}

const tokens = 10

// change is a complete one: it writes the record, bills, and has one entry.
func change(r store.Ref, key string, op events.Operation, prior store.Record, data string) store.Change {
	payload := jsontext.Value(data)
	if op == events.Delete {
		payload = jsontext.Value(`{"id":"x"}`)
	}
	c := store.Change{
		IfVersion: prior.Version,
		Idempotency: store.IdempotencyRecord{
			Key:         idem(string(r.Tenant), key),
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

// rejection is a request that was rejected for the state it met.
func rejection(r store.Ref, key string, op events.Operation, code fault.Code, message string) store.Change {
	return store.Change{Idempotency: store.IdempotencyRecord{
		Key:         idem(string(r.Tenant), key),
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

// write commits an operation on the record as it now is.
func (l *ledger) write(r store.Ref, key string, op events.Operation, data string) store.Result {
	l.t.Helper()
	return l.commit(change(r, key, op, l.find(r), data))
}

// find reads a record; one without version where there is none.
func (l *ledger) find(r store.Ref) store.Record {
	l.t.Helper()
	h, err := l.Get(ctx, r)
	if err != nil && !fault.Is(err, fault.NotFound) {
		l.t.Fatalf("get: %v", err)
	}
	return h
}

func (l *ledger) mark(key store.IdempotencyKey) store.IdempotencyRecord {
	l.t.Helper()
	m, err := l.IdempotencyRecord(ctx, key)
	if err != nil {
		l.t.Fatalf("mark %s: %v", key.Value, err)
	}
	return m
}

// catchUp waits until all indexes show what has been committed.
func (l *ledger) catchUp() {
	if l.h.CatchUp != nil {
		l.h.CatchUp(l.driver)
	}
}

// used is what a tenant has used in the month of now, once it can be seen.
func (l *ledger) used(tenant string) int64 {
	l.t.Helper()
	l.catchUp()
	u, err := l.Usage(ctx, events.TenantID(tenant), store.Month(l.clock.Now()))
	if err != nil {
		l.t.Fatalf("usage: %v", err)
	}
	return u.Tokens()
}

// marks pages through all idempotency records.
func (l *ledger) marks() []store.IdempotencyRecord {
	l.t.Helper()
	var all []store.IdempotencyRecord
	for cursor := ""; ; {
		page, next, err := l.IdempotencyRecords(ctx, cursor, 50)
		if err != nil {
			l.t.Fatalf("marks: %v", err)
		}
		all = append(all, page...)
		if next == "" {
			return all
		}
		cursor = next
	}
}

// open lists the open idempotency records of all shards that were committed before t, once
// they can be seen.
func (l *ledger) open(t time.Time) map[store.IdempotencyKey]bool {
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

func (l *ledger) settle(key store.IdempotencyKey, s store.Progress) {
	l.t.Helper()
	if err := l.SaveProgress(ctx, key, s); err != nil {
		l.t.Fatalf("settle: %v", err)
	}
}

func (l *ledger) fold(keys ...store.IdempotencyKey) {
	l.t.Helper()
	if err := l.AggregateUsage(ctx, keys); err != nil {
		l.t.Fatalf("fold: %v", err)
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

// every runs f n times at once and waits.
func every(n int, f func(i int)) {
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() { f(i) })
	}
	group.Wait()
}

func named(prefix string, i int) string { return fmt.Sprintf("%s%03d", prefix, i) }

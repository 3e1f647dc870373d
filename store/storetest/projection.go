package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/blob"
	"github.com/blockforger/eventrouter/projection"
	"github.com/blockforger/eventrouter/store"
)

// A ProjectionHarness connects the suite to a projection over a ledger and a bucket.
type ProjectionHarness struct {
	Backend events.Backend

	// Ledger returns an empty ledger, and Bucket an empty bucket.
	Ledger func(t testing.TB, e Env) store.Driver
	Bucket func(t testing.TB) blob.Bucket

	// New returns the projection under test.
	New func(b blob.Bucket) projection.Projection

	// Edit makes an external edit of a record in its object or file. It removes the
	// record if data is nil.
	Edit func(t testing.TB, b blob.Bucket, r store.Ref, data jsontext.Value)

	// Corrupt makes the record in its object or file invalid.
	Corrupt func(t testing.TB, b blob.Bucket, r store.Ref)

	// Unconditional is true if the bucket ignores the condition of a delete.
	Unconditional bool

	// Except lists promises that are not tested.
	Except []string
}

// RunProjection runs every promise about objects that are updated from records.
func RunProjection(t *testing.T, h ProjectionHarness) {
	for _, p := range []struct {
		name string
		test func(*testing.T, ProjectionHarness)
	}{
		{"Projection/every operation", testProjectionOperations},
		{"Projection/fault before and after every I/O", testProjectionFaults},
		{"Projection/crash at every I/O", testProjectionCrash},
		{"Projection/concurrent writers of one record", testProjectionConcurrentWriters},
		{"Projection/many records concurrently", testProjectionMany},
		{"Projection/any key", testProjectionKeys},
		{"Projection/number of calls", testProjectionCalls},
		{"Delay/a write after later writes", testDelayedWrite},
		{"Delay/a write of equal bytes is detected", testDelayedWriteOfEqualBytes},
		{"Delay/a delete after later writes", testDelayedDelete},
		{"Delay/a delete after a POST that was rejected", testDeleteAfterRejectedPost},
		{"Read/an unprojected record is read from the ledger", testUnprojectedRecordIsRead},
		{"Read/listing returns every page", testProjectionList},
		{"ExternalEdit/an edit is imported once", testExternalEdit},
		{"ExternalEdit/an edit during a change is overwritten", testExternalEditOfUnprojected},
		{"ExternalEdit/a removal is imported", testExternalDelete},
		{"ExternalEdit/a new record is imported", testExternalCreate},
		{"ExternalEdit/a record created again after its deletion", testExternalRecreate},
		{"ExternalEdit/an edit of another record is kept", testExternalEditOfOtherRecord},
		{"ExternalEdit/a redelivery keeps an edit", testExternalEditBeforeRedelivery},
		{"ExternalEdit/a corrupt record is reported, the others are read", testCorruptRecord},
	} {
		if h.Backend == events.CSV && p.name == "Projection/number of calls" {
			continue // a shared file is read more often, to detect changes
		}
		if slices.Contains(h.Except, p.name) {
			continue
		}
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			p.test(t, h)
		})
	}
}

// A projectionFixture is a ledger with a projection and its bucket.
type projectionFixture struct {
	*ledger
	h      ProjectionHarness
	direct blob.Bucket // the bucket without injected faults
	bucket *faultyBucket
}

func newProjectionFixture(t testing.TB, h ProjectionHarness, f func(op string) error) *projectionFixture {
	t.Helper()
	if f == nil {
		f = func(string) error { return nil }
	}
	c := &clock{now: start}
	env := Env{Clock: c.Now, Fault: f}
	b := h.Bucket(t)
	fx := &projectionFixture{
		h: h, direct: b,
		ledger: &ledger{t: t, clock: c, env: env, driver: h.Ledger(t, env)},
		bucket: &faultyBucket{Bucket: b, fail: f},
	}
	fx.Store = fx.storeOver(fx.bucket)
	return fx
}

// storeOver returns a second store over the same ledger, as in another process.
func (fx *projectionFixture) storeOver(b blob.Bucket) *projection.Store {
	return projection.New(store.New(fx.driver, &store.Options{Clock: fx.clock.Now}), &projection.Options{
		Backoff:   func(int) time.Duration { return 0 },
		ByBackend: map[events.Backend]projection.Projection{fx.h.Backend: fx.h.New(b)},
		Layout: func(_ context.Context, c store.Collection) (projection.Layout, error) {
			if c.Tenant == "nobody" {
				return projection.Layout{}, fault.Errorf(fault.NotFound, "no such tenant")
			}
			return projection.Layout{Backend: fx.h.Backend, KeyField: "id", Columns: []string{"id", "n", "text"}}, nil
		},
	})
}

// change returns a change of a record on the projected backend.
func (fx *projectionFixture) change(r store.Ref, key string, op events.Operation, prior store.Record, data string) store.Change {
	c := change(r, key, op, prior, data)
	c.Record.Backend = fx.h.Backend
	return c
}

// applyAndProject does what an invocation does: it commits, projects and saves
// progress.
func applyAndProject(s *projection.Store, c store.Change) (store.Result, error) {
	r, err := s.Commit(ctx, c)
	if err != nil {
		return r, err
	}
	progress, err := s.Project(ctx, c.Idempotency.Result.Ref)
	if err != nil {
		return r, err
	}
	return r, s.SaveProgress(ctx, c.Idempotency.Key, progress)
}

// do applies and projects an operation on the current record.
func (fx *projectionFixture) do(r store.Ref, key string, op events.Operation, data string) store.Result {
	fx.t.Helper()
	result, err := applyAndProject(fx.Store, fx.change(r, key, op, fx.find(r), data))
	if err != nil {
		fx.t.Fatalf("%s %s: %v", op, key, err)
	}
	fx.clock.advance(time.Second)
	return result
}

// relay executes the pending projections of idempotency records and the due rechecks.
func (fx *projectionFixture) relay() {
	fx.t.Helper()
	for _, m := range fx.idempotencyRecords() {
		if m.NeedsProjection {
			progress, err := fx.Project(ctx, m.Result.Ref)
			if err != nil {
				fx.t.Fatalf("project for the relay: %v", err)
			}
			fx.saveProgress(m.Key, progress)
		}
		if !m.Recheck.IsZero() && !m.Recheck.After(fx.clock.Now()) {
			progress, err := fx.Recheck(ctx, m.Result.Ref)
			if err != nil {
				fx.t.Fatalf("recheck: %v", err)
			}
			fx.saveProgress(m.Key, progress)
		}
	}
}

// advanceToRecheck advances the clock until all rechecks are due.
func (fx *projectionFixture) advanceToRecheck() {
	fx.clock.advance(projection.DefaultLifetime + 3*time.Minute)
}

// wantProjected checks that record and object hold data, or are absent if data is "",
// and that no projection is pending.
func (fx *projectionFixture) wantProjected(r store.Ref, data string) {
	fx.t.Helper()
	h, err := fx.driver.Record(ctx, r)
	if err != nil && (!fault.Is(err, fault.NotFound) || data != "") {
		fx.t.Fatalf("record: %v", err)
	}
	if h.Unprojected {
		fx.t.Fatalf("the record of %s is unprojected", r.Path())
	}
	if got := string(h.Data); (data == "") != (got == "") || data != "" && !store.Equal(h.Data, jsontext.Value(data)) {
		fx.t.Fatalf("the record is %q, want %q", got, data)
	}
	fx.wantObject(r, data)
	for _, m := range fx.idempotencyRecords() {
		if m.NeedsProjection {
			fx.t.Fatalf("idempotency record %s still needs a projection", m.Key.Value)
		}
	}
}

// wantObject checks the contents of the bucket, read by a new projection.
func (fx *projectionFixture) wantObject(r store.Ref, data string) {
	fx.t.Helper()
	observed := fx.observed(r)
	if observed.Err != nil || (observed.Data == nil) != (data == "") || data != "" && !store.Equal(observed.Data, jsontext.Value(data)) {
		fx.t.Fatalf("shown is %q, %v, want %q", observed.Data, observed.Err, data)
	}
}

func (fx *projectionFixture) observed(r store.Ref) projection.Observed {
	fx.t.Helper()
	l := projection.Layout{Backend: fx.h.Backend, KeyField: "id", Columns: []string{"id", "n", "text"}}
	v, err := fx.h.New(fx.direct).Open(ctx, r.Collection, l, []events.RecordKey{r.Key})
	if err != nil {
		fx.t.Fatalf("open: %v", err)
	}
	return v.Observed(r.Key)
}

func (fx *projectionFixture) edit(r store.Ref, data string) {
	fx.t.Helper()
	var v jsontext.Value
	if data != "" {
		v = jsontext.Value(data)
	}
	fx.h.Edit(fx.t, fx.direct, r, v)
}

// A faultyBucket calls fail before and after each I/O, and can delay a write or delete.
type faultyBucket struct {
	blob.Bucket
	fail func(op string) error
	puts counter
	ops  operations
	hold func(op string) // called before a put or delete is executed
}

func (b *faultyBucket) Get(ctx context.Context, key string, known blob.ETag) (blob.Object, error) {
	if err := b.fail("get before"); err != nil {
		return blob.Object{}, err
	}
	b.ops.add("get")
	return b.Bucket.Get(ctx, key, known)
}

func (b *faultyBucket) Put(ctx context.Context, key string, data []byte, metadata map[string]string, c blob.Condition) (blob.ETag, error) {
	if err := b.fail("put before"); err != nil {
		return "", err
	}
	b.puts.add()
	b.ops.add("put")
	if b.hold != nil {
		b.hold("put")
	}
	etag, err := b.Bucket.Put(ctx, key, data, metadata, c)
	if lost := b.fail("put after"); err == nil && lost != nil {
		return "", lost
	}
	return etag, err
}

func (b *faultyBucket) Delete(ctx context.Context, key string, c blob.Condition) error {
	if err := b.fail("delete before"); err != nil {
		return err
	}
	b.ops.add("delete")
	if b.hold != nil {
		b.hold("delete")
	}
	err := b.Bucket.Delete(ctx, key, c)
	if lost := b.fail("delete after"); err == nil && lost != nil {
		return lost
	}
	return err
}

func (b *faultyBucket) List(ctx context.Context, prefix, after string, limit int) ([]blob.Info, error) {
	if err := b.fail("list before"); err != nil {
		return nil, err
	}
	b.ops.add("list")
	return b.Bucket.List(ctx, prefix, after, limit)
}

var errKilled = errors.New("killed")

func document(n int) string { return fmt.Sprintf(`{"id":"rex","n":%d}`, n) }

func testProjectionOperations(t *testing.T, h ProjectionHarness) {
	fx := newProjectionFixture(t, h, nil)
	fx.do(pet, "one", events.Post, `{"id":"rex","n":12345678901234567890.10,"text":"= a\n"}`)
	fx.wantProjected(pet, `{"id":"rex","n":12345678901234567890.1,"text":"= a\n"}`)
	if raw := string(fx.raw(pet)); !strings.Contains(raw, "rex") || !strings.Contains(raw, "12345678901234567890.1") {
		t.Errorf("the object is not readable: %q", raw)
	}
	fx.do(pet, "two", events.Put, `{"id":"rex","n":null,"other":{"a":[1,"1",null]}}`)
	fx.wantProjected(pet, `{"id":"rex","n":null,"other":{"a":[1,"1",null]}}`)
	fx.do(pet, "three", events.Delete, "")
	fx.wantProjected(pet, "")
	r := fx.do(pet, "four", events.Post, document(4))
	fx.wantProjected(pet, document(4))
	want(t, "revision", r.Revision, 4)
	fx.advanceToRecheck()
	fx.relay()
	fx.wantProjected(pet, document(4))
	for _, m := range fx.idempotencyRecords() {
		if !m.Recheck.IsZero() {
			t.Errorf("idempotency record %s still needs a recheck", m.Key.Value)
		}
	}
}

func (fx *projectionFixture) raw(r store.Ref) []byte {
	fx.t.Helper()
	o, err := fx.direct.Get(ctx, fx.h.New(fx.direct).Object(r), "")
	if err != nil {
		fx.t.Fatal(err)
	}
	return o.Data
}

// In each run one I/O fails, before or after it is executed. After the sender's retries
// and a run of the relay, the state is the same as without the failure.
func testProjectionFaults(t *testing.T, h ProjectionHarness) {
	script := []struct {
		op   events.Operation
		data string
	}{{events.Post, document(1)}, {events.Put, document(2)}, {events.Delete, ""}, {events.Post, document(4)}}
	for _, code := range []fault.Code{fault.Unavailable, fault.Internal, fault.Precondition} {
		for n := 1; ; n++ {
			f := &failer{code: code}
			fx := newProjectionFixture(t, h, f.fail)
			f.arm(n)
			for i, step := range script {
				fx.clock.advance(time.Second)
				for attempt := 0; ; attempt++ {
					if attempt > 3 {
						t.Fatalf("I/O %d failing with %s: step %d is rejected for ever", n, code, i)
					}
					prior, err := fx.Get(ctx, pet)
					if err != nil && !fault.Is(err, fault.NotFound) {
						continue
					}
					if fault.Is(err, fault.NotFound) {
						prior = store.Record{}
					}
					if prior.Revision > int64(i) {
						break // it was executed, only the response was lost
					}
					if _, err := applyAndProject(fx.Store, fx.change(pet, named("step", i), step.op, prior, step.data)); err == nil {
						break
					}
				}
			}
			fired := f.hit.Load()
			f.disarm()
			fx.relay()
			fx.wantProjected(pet, document(4))
			fx.advanceToRecheck()
			fx.relay()
			fx.wantProjected(pet, document(4))
			want(t, "revision", fx.find(pet).Revision, 4)
			want(t, "tokens", fx.used("acme"), 4*tokens)
			if !fired {
				t.Logf("%d faults of code %s", n-1, code)
				break
			}
		}
	}
}

// A process crashes: from its n-th I/O on, every I/O fails. Another process completes
// its work.
func testProjectionCrash(t *testing.T, h ProjectionHarness) {
	for n := 1; ; n++ {
		fx := newProjectionFixture(t, h, nil)
		fx.do(pet, "one", events.Post, document(1))
		left := n
		dying := &faultyBucket{Bucket: fx.direct, fail: func(string) error {
			if left--; left < 0 {
				return errKilled
			}
			return nil
		}}
		victim := fx.storeOver(dying)
		_, err := applyAndProject(victim, fx.change(pet, "two", events.Put, fx.find(pet), document(2)))
		fx.clock.advance(time.Second)
		if _, redelivered := applyAndProject(fx.Store, fx.change(pet, "two", events.Put, fx.find(pet), document(2))); redelivered != nil {
			// The redelivery commits the change, or replays it if it was committed.
			t.Fatalf("redelivery after I/O %d: %v", n, redelivered)
		}
		fx.wantProjected(pet, document(2))
		fx.do(pet, "three", events.Delete, "")
		fx.wantProjected(pet, "")
		if err == nil {
			t.Logf("%d kills", n-1)
			return
		}
	}
}

func testProjectionConcurrentWriters(t *testing.T, h ProjectionHarness) {
	fx := newProjectionFixture(t, h, nil)
	fx.do(pet, "first", events.Post, document(0))
	const writers, each = 6, 4
	concurrently(writers, func(i int) {
		s := fx.storeOver(fx.bucket) // a process of its own
		for n := range each {
			for {
				prior, err := s.Get(ctx, pet)
				if err != nil {
					t.Error(err)
					return
				}
				_, err = applyAndProject(s, fx.change(pet, fmt.Sprintf("w%d-%d", i, n), events.Put, prior, document(100*i+n)))
				if _, conflict := errors.AsType[*store.VersionConflict](err); conflict {
					continue
				}
				if err != nil && !fault.Is(err, fault.Unavailable) { // contention: the relay repeats the projection
					t.Error(err)
				}
				break
			}
		}
	})
	fx.relay()
	record := fx.find(pet)
	want(t, "revision", record.Revision, 1+writers*each)
	fx.wantProjected(pet, string(record.Data))
}

func testProjectionMany(t *testing.T, h ProjectionHarness) {
	fx := newProjectionFixture(t, h, nil)
	const records = 24
	fx.do(ref("acme", "petstore", "first"), "first", events.Post, `{"id":"first"}`)
	before := fx.bucket.puts.value()
	concurrently(records, func(i int) {
		r := ref("acme", "petstore", named("k", i))
		if _, err := applyAndProject(fx.Store, fx.change(r, named("m", i), events.Post, store.Record{}, fmt.Sprintf(`{"id":%q,"n":%d}`, r.Key, i))); err != nil {
			t.Error(err)
		}
	})
	for i := range records {
		r := ref("acme", "petstore", named("k", i))
		fx.wantProjected(r, fmt.Sprintf(`{"id":%q,"n":%d}`, r.Key, i))
	}
	if puts := fx.bucket.puts.value() - before; puts > records {
		t.Errorf("%d writes for %d records", puts, records)
	}
}

// A change reads the object once, to import external edits, and writes it once.
func testProjectionCalls(t *testing.T, h ProjectionHarness) {
	fx := newProjectionFixture(t, h, nil)
	for _, c := range []struct {
		op    events.Operation
		data  string
		calls string
	}{
		{events.Post, document(1), "get put"},
		{events.Put, document(2), "get put"},
		{events.Delete, "", "get delete"},
	} {
		prior := store.Record{}
		fx.bucket.ops.take()
		if c.op != events.Post {
			prior = fx.find(pet)
		}
		if _, err := applyAndProject(fx.Store, fx.change(pet, string(c.op), c.op, prior, c.data)); err != nil {
			t.Fatal(err)
		}
		want(t, string(c.op), fx.bucket.ops.take(), c.calls)
	}
}

// operations records the calls of a bucket.
type operations struct {
	mu   sync.Mutex
	done []string
}

func (o *operations) add(op string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.done = append(o.done, op)
}

func (o *operations) take() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	all := strings.Join(o.done, " ")
	o.done = nil
	return all
}

func testProjectionKeys(t *testing.T, h ProjectionHarness) {
	fx := newProjectionFixture(t, h, nil)
	keys := []string{"..", ".", "a/b", "a%2Fb", "ä", "=1+1", "'", "-", "42", "a b", strings.Repeat("ü", 128), "a", "A", "a.json", "a-b", "true", `"`, "x,y"}
	for i, k := range keys {
		data, _ := jsontext.AppendQuote([]byte(`{"id":`), k)
		fx.do(ref("acme", "petstore", k), named("m", i), events.Post, string(data)+"}")
	}
	for _, k := range keys {
		data, _ := jsontext.AppendQuote([]byte(`{"id":`), k)
		fx.wantProjected(ref("acme", "petstore", k), string(data)+"}")
	}
	listed, err := fx.List(ctx, pet.Collection, "", 100)
	if err != nil || len(listed) != len(keys) {
		t.Errorf("listed %d of %d, %v", len(listed), len(keys), err)
	}
}

package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/blob"
	"github.com/blockforger/eventrouter/store"
)

// A ProjectionHarness tells the suite how to handle a projection over a ledger
// and a bucket.
type ProjectionHarness struct {
	Backend events.Backend

	// Ledger makes an empty ledger, Bucket an empty bucket.
	Ledger func(t testing.TB, e Env) store.Driver
	Bucket func(t testing.TB) blob.Bucket

	// New returns the projection under test.
	New func(b blob.Bucket) store.Projection

	// Person changes what is shown as a person would, with a tool that knows
	// nothing of us. data nil removes the record.
	Person func(t testing.TB, b blob.Bucket, r store.Ref, data jsontext.Value)

	// Spoil makes what is shown of the record impossible to understand.
	Spoil func(t testing.TB, b blob.Bucket, r store.Ref)

	// Unconditional says that the bucket ignores the condition of a delete.
	Unconditional bool
}

// RunProjection runs every promise about objects that are updated from records.
func RunProjection(t *testing.T, h ProjectionHarness) {
	for _, p := range []struct {
		name string
		test func(*testing.T, ProjectionHarness)
	}{
		{"Follow/every operation is shown", testFollows},
		{"Follow/fault before and after every I/O", testProjectionFaults},
		{"Follow/killed between any two steps", testProjectionKilled},
		{"Follow/rivals on one record", testProjectionRivals},
		{"Follow/many records at once", testProjectionMany},
		{"Follow/any key", testProjectionKeys},
		{"Follow/no call too many", testProjectionCalls},
		{"Late/a write that comes after others", testLateWrite},
		{"Late/a write over equal bytes is found", testLateEqualBytes},
		{"Late/a delete that comes after others", testLateDelete},
		{"Late/a delete after a POST that was rejected", testDeleteAfterRejectedPost},
		{"Read/a dirty head answers itself", testDirtyAnswers},
		{"Read/listing pages through all", testProjectionList},
		{"Hand/an edit is adopted once", testHandEdit},
		{"Hand/an edit under a change is overwritten", testHandEditDirty},
		{"Hand/a removal is adopted", testHandRemoval},
		{"Hand/a new record is adopted", testHandNew},
		{"Hand/a record made again after its deletion", testHandAgain},
		{"Hand/an edit of another record is kept", testHandOther},
		{"Hand/a redelivery does not mind an edit", testHandRedelivery},
		{"Hand/what is not understood is told, the rest served", testSpoilt},
	} {
		if h.Backend == events.CSV && p.name == "Follow/no call too many" {
			continue // a shared file is asked more often whether it is the same
		}
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			p.test(t, h)
		})
	}
}

// A house is a ledger with objects that follow it.
type house struct {
	*ledger
	h      ProjectionHarness
	person blob.Bucket // reaches the objects without faults
	bucket *faultyBucket
}

func openHouse(t testing.TB, h ProjectionHarness, f func(op string) error) *house {
	t.Helper()
	if f == nil {
		f = func(string) error { return nil }
	}
	c := &clock{now: start}
	env := Env{Clock: c.Now, Fault: f}
	b := h.Bucket(t)
	hs := &house{
		h: h, person: b,
		ledger: &ledger{t: t, clock: c, env: env, driver: h.Ledger(t, env)},
		bucket: &faultyBucket{Bucket: b, fail: f},
	}
	hs.Store = hs.storeOver(hs.bucket)
	return hs
}

// storeOver makes another process: a store of its own over the same ledger.
func (hs *house) storeOver(b blob.Bucket) *store.Store {
	return store.New(hs.driver, &store.Options{
		Clock:   hs.clock.Now,
		Backoff: func(int) time.Duration { return 0 },
		Projections: store.Projections{
			ByBackend: map[events.Backend]store.Projection{hs.h.Backend: hs.h.New(b)},
			Layout: func(_ context.Context, c store.Collection) (store.Layout, error) {
				if c.Tenant == "nobody" {
					return store.Layout{}, fault.Errorf(fault.NotFound, "no such tenant")
				}
				return store.Layout{Backend: hs.h.Backend, KeyField: "id", Columns: []string{"id", "n", "text"}}, nil
			},
		},
	})
}

// change is one of a record on the projected backend.
func (hs *house) change(r store.Ref, key string, op events.Operation, prior store.Record, data string) store.Change {
	c := change(r, key, op, prior, data)
	c.Record.Backend = hs.h.Backend
	return c
}

// applyAndProject is what an invocation does: commit, project, save progress.
func applyAndProject(s *store.Store, c store.Change) (store.Result, error) {
	r, err := s.Commit(ctx, c)
	if err != nil {
		return r, err
	}
	settlement, err := s.Project(ctx, c.Idempotency.Result.Ref)
	if err != nil {
		return r, err
	}
	return r, s.SaveProgress(ctx, c.Idempotency.Key, settlement)
}

// do carries out an operation on the record as it now is.
func (hs *house) do(r store.Ref, key string, op events.Operation, data string) store.Result {
	hs.t.Helper()
	receipt, err := applyAndProject(hs.Store, hs.change(r, key, op, hs.find(r), data))
	if err != nil {
		hs.t.Fatalf("%s %s: %v", op, key, err)
	}
	hs.clock.advance(time.Second)
	return receipt
}

// relay does what idempotency records say is left, and rechecks what is due.
func (hs *house) relay() {
	hs.t.Helper()
	for _, m := range hs.marks() {
		if m.NeedsProjection {
			settlement, err := hs.Project(ctx, m.Result.Ref)
			if err != nil {
				hs.t.Fatalf("project for the relay: %v", err)
			}
			hs.settle(m.Key, settlement)
		}
		if !m.Recheck.IsZero() && !m.Recheck.After(hs.clock.Now()) {
			settlement, err := hs.Recheck(ctx, m.Result.Ref)
			if err != nil {
				hs.t.Fatalf("recheck: %v", err)
			}
			hs.settle(m.Key, settlement)
		}
	}
}

// later is when all rechecks are due.
func (hs *house) later() { hs.clock.advance(store.DefaultLifetime + 3*time.Minute) }

// wantFollowed checks that object and record are one, nothing is left to do, and
// that the record is data, or absent where that is "".
func (hs *house) wantFollowed(r store.Ref, data string) {
	hs.t.Helper()
	h, err := hs.driver.Record(ctx, r)
	if err != nil && (!fault.Is(err, fault.NotFound) || data != "") {
		hs.t.Fatalf("head: %v", err)
	}
	if h.Unprojected {
		hs.t.Fatalf("the head of %s is dirty", r.Path())
	}
	if got := string(h.Data); (data == "") != (got == "") || data != "" && !store.Equal(h.Data, jsontext.Value(data)) {
		hs.t.Fatalf("the head is %q, want %q", got, data)
	}
	hs.wantShown(r, data)
	for _, m := range hs.marks() {
		if m.NeedsProjection {
			hs.t.Fatalf("mark %s is still to project", m.Key.Value)
		}
	}
}

// wantShown checks what is in the bucket, with a projection that knows nothing.
func (hs *house) wantShown(r store.Ref, data string) {
	hs.t.Helper()
	shown := hs.shown(r)
	if shown.Err != nil || (shown.Data == nil) != (data == "") || data != "" && !store.Equal(shown.Data, jsontext.Value(data)) {
		hs.t.Fatalf("shown is %q, %v, want %q", shown.Data, shown.Err, data)
	}
}

func (hs *house) shown(r store.Ref) store.Observed {
	hs.t.Helper()
	l := store.Layout{Backend: hs.h.Backend, KeyField: "id", Columns: []string{"id", "n", "text"}}
	v, err := hs.h.New(hs.person).Open(ctx, r.Collection, l, []events.RecordKey{r.Key})
	if err != nil {
		hs.t.Fatalf("open: %v", err)
	}
	return v.Observed(r.Key)
}

func (hs *house) edit(r store.Ref, data string) {
	hs.t.Helper()
	var v jsontext.Value
	if data != "" {
		v = jsontext.Value(data)
	}
	hs.h.Person(hs.t, hs.person, r, v)
}

// A faultyBucket asks before and after each I/O, and can hold one up.
type faultyBucket struct {
	blob.Bucket
	fail func(op string) error
	puts counter
	ops  operations
	hold func(op string) // called before a put or delete is carried out
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

func testFollows(t *testing.T, h ProjectionHarness) {
	hs := openHouse(t, h, nil)
	hs.do(pet, "one", events.Post, `{"id":"rex","n":12345678901234567890.10,"text":"= a\n"}`)
	hs.wantFollowed(pet, `{"id":"rex","n":12345678901234567890.1,"text":"= a\n"}`)
	if raw := string(hs.raw(pet)); !strings.Contains(raw, "rex") || !strings.Contains(raw, "12345678901234567890.1") {
		t.Errorf("the object is not to be read by a person: %q", raw)
	}
	hs.do(pet, "two", events.Put, `{"id":"rex","n":null,"other":{"a":[1,"1",null]}}`)
	hs.wantFollowed(pet, `{"id":"rex","n":null,"other":{"a":[1,"1",null]}}`)
	hs.do(pet, "three", events.Delete, "")
	hs.wantFollowed(pet, "")
	r := hs.do(pet, "four", events.Post, document(4))
	hs.wantFollowed(pet, document(4))
	want(t, "revision", r.Revision, 4)
	hs.later()
	hs.relay()
	hs.wantFollowed(pet, document(4))
	for _, m := range hs.marks() {
		if !m.Recheck.IsZero() {
			t.Errorf("mark %s is still to be rechecked", m.Key.Value)
		}
	}
}

func (hs *house) raw(r store.Ref) []byte {
	hs.t.Helper()
	o, err := hs.person.Get(ctx, hs.h.New(hs.person).Object(r), "")
	if err != nil {
		hs.t.Fatal(err)
	}
	return o.Data
}

// Each run is cut off by one I/O that fails, before or after it is carried out.
// The sender tries again, the relay runs: then all is as if nothing had been.
func testProjectionFaults(t *testing.T, h ProjectionHarness) {
	script := []struct {
		op   events.Operation
		data string
	}{{events.Post, document(1)}, {events.Put, document(2)}, {events.Delete, ""}, {events.Post, document(4)}}
	for _, code := range []fault.Code{fault.Unavailable, fault.Internal, fault.Precondition} {
		for n := 1; ; n++ {
			f := &failer{code: code}
			hs := openHouse(t, h, f.fail)
			f.arm(n)
			for i, step := range script {
				hs.clock.advance(time.Second)
				for attempt := 0; ; attempt++ {
					if attempt > 3 {
						t.Fatalf("I/O %d failing with %s: step %d is refused for ever", n, code, i)
					}
					prior, err := hs.Get(ctx, pet)
					if err != nil && !fault.Is(err, fault.NotFound) {
						continue
					}
					if fault.Is(err, fault.NotFound) {
						prior = store.Record{}
					}
					if prior.Revision > int64(i) {
						break // it was carried out, only the answer was lost
					}
					if _, err := applyAndProject(hs.Store, hs.change(pet, named("step", i), step.op, prior, step.data)); err == nil {
						break
					}
				}
			}
			fired := f.hit.Load()
			f.disarm()
			hs.relay()
			hs.wantFollowed(pet, document(4))
			hs.later()
			hs.relay()
			hs.wantFollowed(pet, document(4))
			want(t, "revision", hs.find(pet).Revision, 4)
			want(t, "tokens", hs.used("acme"), 4*tokens)
			if !fired {
				t.Logf("%d faults of code %s", n-1, code)
				break
			}
		}
	}
}

// A process that dies does nothing any more: from its n-th I/O on everything
// fails. Another one finds what it has left.
func testProjectionKilled(t *testing.T, h ProjectionHarness) {
	for n := 1; ; n++ {
		hs := openHouse(t, h, nil)
		hs.do(pet, "one", events.Post, document(1))
		left := n
		dying := &faultyBucket{Bucket: hs.person, fail: func(string) error {
			if left--; left < 0 {
				return errKilled
			}
			return nil
		}}
		victim := hs.storeOver(dying)
		_, err := applyAndProject(victim, hs.change(pet, "two", events.Put, hs.find(pet), document(2)))
		hs.clock.advance(time.Second)
		if _, redelivered := applyAndProject(hs.Store, hs.change(pet, "two", events.Put, hs.find(pet), document(2))); redelivered != nil {
			// Where the commit had not come to pass it does now; else it is replayed.
			t.Fatalf("redelivery after I/O %d: %v", n, redelivered)
		}
		hs.wantFollowed(pet, document(2))
		hs.do(pet, "three", events.Delete, "")
		hs.wantFollowed(pet, "")
		if err == nil {
			t.Logf("%d kills", n-1)
			return
		}
	}
}

func testProjectionRivals(t *testing.T, h ProjectionHarness) {
	hs := openHouse(t, h, nil)
	hs.do(pet, "first", events.Post, document(0))
	const writers, each = 6, 4
	every(writers, func(i int) {
		s := hs.storeOver(hs.bucket) // a process of its own
		for n := range each {
			for {
				prior, err := s.Get(ctx, pet)
				if err != nil {
					t.Error(err)
					return
				}
				_, err = applyAndProject(s, hs.change(pet, fmt.Sprintf("w%d-%d", i, n), events.Put, prior, document(100*i+n)))
				if _, moved := errors.AsType[*store.VersionConflict](err); moved {
					continue
				}
				if err != nil && !fault.Is(err, fault.Unavailable) { // contended: left to the relay
					t.Error(err)
				}
				break
			}
		}
	})
	hs.relay()
	head := hs.find(pet)
	want(t, "revision", head.Revision, 1+writers*each)
	hs.wantFollowed(pet, string(head.Data))
}

func testProjectionMany(t *testing.T, h ProjectionHarness) {
	hs := openHouse(t, h, nil)
	const records = 24
	hs.do(ref("acme", "petstore", "first"), "first", events.Post, `{"id":"first"}`)
	before := hs.bucket.puts.value()
	every(records, func(i int) {
		r := ref("acme", "petstore", named("k", i))
		if _, err := applyAndProject(hs.Store, hs.change(r, named("m", i), events.Post, store.Record{}, fmt.Sprintf(`{"id":%q,"n":%d}`, r.Key, i))); err != nil {
			t.Error(err)
		}
	})
	for i := range records {
		r := ref("acme", "petstore", named("k", i))
		hs.wantFollowed(r, fmt.Sprintf(`{"id":%q,"n":%d}`, r.Key, i))
	}
	if puts := hs.bucket.puts.value() - before; puts > records {
		t.Errorf("%d writes for %d records", puts, records)
	}
}

// A change reads the object once, for what a person may have made of it, and
// writes it once.
func testProjectionCalls(t *testing.T, h ProjectionHarness) {
	hs := openHouse(t, h, nil)
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
		hs.bucket.ops.take()
		if c.op != events.Post {
			prior = hs.find(pet)
		}
		if _, err := applyAndProject(hs.Store, hs.change(pet, string(c.op), c.op, prior, c.data)); err != nil {
			t.Fatal(err)
		}
		want(t, string(c.op), hs.bucket.ops.take(), c.calls)
	}
}

// operations notes the calls of a bucket.
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
	hs := openHouse(t, h, nil)
	keys := []string{"..", ".", "a/b", "a%2Fb", "ä", "=1+1", "'", "-", "42", "a b", strings.Repeat("ü", 128), "a", "A", "a.json", "a-b", "true", `"`, "x,y"}
	for i, k := range keys {
		data, _ := jsontext.AppendQuote([]byte(`{"id":`), k)
		hs.do(ref("acme", "petstore", k), named("m", i), events.Post, string(data)+"}")
	}
	for _, k := range keys {
		data, _ := jsontext.AppendQuote([]byte(`{"id":`), k)
		hs.wantFollowed(ref("acme", "petstore", k), string(data)+"}")
	}
	listed, err := hs.List(ctx, pet.Collection, "", 100)
	if err != nil || len(listed) != len(keys) {
		t.Errorf("listed %d of %d, %v", len(listed), len(keys), err)
	}
}

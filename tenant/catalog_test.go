package tenant_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/blob"
	"github.com/blockforger/eventrouter/tenant"
	"github.com/blockforger/eventrouter/tenant/diag"
)

// A world is a tree of tenants with a clock, and what a directory over it does.
type world struct {
	t       *testing.T
	bucket  *watched
	now     atomic.Int64 // nanoseconds
	dir     *tenant.Catalog
	mu      sync.Mutex
	reports []string
}

// watched counts the reads of a bucket, and fails them at will.
type watched struct {
	*blob.Memory
	reads atomic.Int64 // listings too
	lists atomic.Int64

	unlistable atomic.Bool
	broken     atomic.Pointer[error]
	gate       chan struct{} // where not nil, each read waits for it
}

func (w *watched) Get(ctx context.Context, key string, known blob.ETag) (blob.Object, error) {
	w.reads.Add(1)
	if w.gate != nil {
		<-w.gate
	}
	if err := w.broken.Load(); err != nil && *err != nil {
		return blob.Object{}, *err
	}
	return w.Memory.Get(ctx, key, known)
}

func (w *watched) List(ctx context.Context, prefix, after string, limit int) ([]blob.Info, error) {
	w.reads.Add(1)
	w.lists.Add(1)
	if err := w.broken.Load(); err != nil && *err != nil {
		return nil, *err
	}
	if w.unlistable.Load() {
		return nil, errors.New("access denied")
	}
	return w.Memory.List(ctx, prefix, after, limit)
}

func (w *watched) fail(err error) { w.broken.Store(&err) }

func newWorld(t *testing.T, o tenant.CatalogOptions) *world {
	w := &world{t: t, bucket: &watched{Memory: blob.NewMemory()}}
	w.now.Store(time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC).UnixNano())
	o.Clock = func() time.Time { return time.Unix(0, w.now.Load()) }
	o.Report = func(f diag.Diagnostic) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.reports = append(w.reports, f.String())
	}
	w.dir = tenant.NewCatalog(w.bucket, &o)
	return w
}

func (w *world) put(key, text string) {
	w.t.Helper()
	if _, err := w.bucket.Put(w.t.Context(), key, []byte(text), nil, blob.Condition{}); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) remove(key string) {
	w.t.Helper()
	if err := w.bucket.Delete(w.t.Context(), key, blob.Condition{}); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) wait(d time.Duration) { w.now.Add(int64(d)) }

// reported returns what has been reported since it was last asked.
func (w *world) reported() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	r := w.reports
	w.reports = nil
	return r
}

// input tells whether acme takes input, and else the code of the fault.
func (w *world) input() string {
	t, err := w.dir.Tenant(w.t.Context(), "acme")
	if err != nil {
		return fault.CodeOf(err).String()
	}
	return fmt.Sprint(t.Input)
}

// schema tells key field and detail-types of acme's pet, or the fault's code.
func (w *world) schema() string {
	s, err := w.dir.Schema(w.t.Context(), "acme", "pet")
	if err != nil {
		return fault.CodeOf(err).String()
	}
	out := s.KeyField
	for _, o := range s.Outputs(events.Post) {
		out += " " + string(o.DetailType)
	}
	return out
}

func (w *world) expect(what, got, want string) {
	w.t.Helper()
	if got != want {
		w.t.Errorf("%s: %q, want %q", what, got, want)
	}
}

func (w *world) expectReports(want ...string) {
	w.t.Helper()
	got := w.reported()
	slices.Sort(got)
	if !cmp.Equal(got, want) {
		w.t.Errorf("reported %q, want %q", got, want)
	}
}

const (
	props = "acme/tenant.properties"
	pet   = "acme/pet.json"
)

func TestChangeTakesEffectWithin30Seconds(t *testing.T) {
	w := newWorld(t, tenant.CatalogOptions{})
	w.put(props, "eventbridge-input=true\neventbridge-output=[{}]")
	w.put(pet, `{}`)
	w.expect("input", w.input(), "true")
	w.expect("schema", w.schema(), "id pet.POST")
	reads := w.bucket.reads.Load()
	w.wait(29 * time.Second)
	w.expect("input", w.input(), "true")
	w.expect("schema", w.schema(), "id pet.POST")
	if n := w.bucket.reads.Load(); n != reads {
		t.Errorf("%d reads within 30 seconds", n-reads)
	}

	w.put(props, "eventbridge-input=false\neventbridge-output=[{\"detail_type\":\"{schema_id}-{operation}\"}]")
	w.put(pet, `{"meta":{"key":"name"}}`)
	w.wait(time.Second)
	w.expect("input", w.input(), "false")
	w.expect("schema", w.schema(), "name pet-POST")
	w.expectReports()
}

// A schema has the tenant's rules of now, though it has not changed itself.
func TestTenantsRulesReachAnUnchangedSchema(t *testing.T) {
	w := newWorld(t, tenant.CatalogOptions{})
	w.put(props, "eventbridge-output=[{}]")
	w.put(pet, `{"meta":{"eventbridge-output":[{"source":"own"}]}}`)
	w.expect("schema", w.schema(), "id pet.POST pet.POST")
	w.put(props, "eventbridge-output=[]")
	w.wait(30 * time.Second)
	w.expect("schema", w.schema(), "id pet.POST")

	// The unchanged file is not compiled again, and the same value is handed out.
	first, _ := w.dir.Schema(t.Context(), "acme", "pet")
	w.wait(time.Minute)
	second, _ := w.dir.Schema(t.Context(), "acme", "pet")
	if first != second {
		t.Error("an unchanged schema was made anew")
	}
}

func TestNewTenantWithin5Seconds(t *testing.T) {
	w := newWorld(t, tenant.CatalogOptions{})
	w.expect("input", w.input(), "not-found")
	w.put(props, "eventbridge-input=true")
	w.expect("input", w.input(), "not-found")
	w.wait(5 * time.Second)
	w.expect("input", w.input(), "true")
	w.expect("schema", w.schema(), "not-found")
	w.put(pet, `{}`)
	w.wait(5 * time.Second)
	w.expect("schema", w.schema(), "id")
}

func TestTenantThatDisappears(t *testing.T) {
	w := newWorld(t, tenant.CatalogOptions{})
	w.put(props, "eventbridge-input=true")
	w.put(pet, `{}`)
	w.expect("schema", w.schema(), "id")
	w.remove(props)
	w.remove(pet)
	w.wait(30 * time.Second)
	w.expect("input", w.input(), "not-found")
	w.expect("schema", w.schema(), "not-found")
	_, err := w.dir.Tenant(t.Context(), "acme")
	w.expect("message", fault.MessageOf(err), `tenant "acme" does not exist`)

	// Nothing of it is left in force when it comes back malformed.
	w.put(props, "eventbridge-input=true\neventbridge-output=[")
	w.wait(5 * time.Second)
	w.expect("input", w.input(), "unavailable")
}

func TestMalformedFileKeepsTheLastGoodVersion(t *testing.T) {
	w := newWorld(t, tenant.CatalogOptions{})
	w.put(props, "eventbridge-input=true")
	w.put(pet, `{"meta":{"key":"a"}}`)
	w.expect("schema", w.schema(), "a")
	w.put(props, "eventbridge-input=no")
	w.put(pet, `{"meta":{"key":"b"}`)
	for range 5 {
		w.wait(30 * time.Second)
		w.expect("input", w.input(), "true")
		w.expect("schema", w.schema(), "a")
	}
	w.expectReports(
		`acme/pet.json:1:20: error: schema is not valid JSON: the text ends too early; the last good version stays active`,
		`acme/tenant.properties:1:19: error: eventbridge-input must be true or false, not "no"; the last good version stays active`)
	w.put(props, "eventbridge-input=false")
	w.put(pet, `{"meta":{"key":"c"}}`)
	w.wait(30 * time.Second)
	w.expect("input", w.input(), "false")
	w.expect("schema", w.schema(), "c")
	w.expectReports()
}

// Without a good version nothing is accepted, and nothing is lost either: the
// fault is one that is tried again.
func TestMalformedFromTheStart(t *testing.T) {
	w := newWorld(t, tenant.CatalogOptions{})
	w.put(props, "eventbridge-input=no")
	for range 3 {
		w.expect("input", w.input(), "unavailable")
		w.wait(5 * time.Second)
	}
	w.expectReports(`acme/tenant.properties:1:19: error: eventbridge-input must be true or false, not "no"; there is no earlier version, so requests fail`)
	w.put(props, "eventbridge-input=true")
	w.wait(5 * time.Second)
	w.expect("input", w.input(), "true")

	w.put(pet, `[]`)
	w.expect("schema", w.schema(), "unavailable")
	_, err := w.dir.Schema(t.Context(), "acme", "pet")
	if !strings.Contains(err.Error(), "acme/pet.json:1:1: error: schema must be an object") {
		t.Errorf("error for the log = %v", err)
	}
}

func TestWarningsAreReportedOnce(t *testing.T) {
	w := newWorld(t, tenant.CatalogOptions{AllowBus: func(_ events.TenantID, source string, _ events.BusARN) error {
		if source == "forbidden" {
			return errors.New("not on the list")
		}
		return nil
	}})
	w.put(props, "colour=red\neventbridge-output=[{\"source\":\"forbidden\"},{}]")
	w.put(pet, `{}`)
	for range 3 {
		w.expect("schema", w.schema(), "id pet.POST")
		w.wait(30 * time.Second)
	}
	w.expectReports(`acme/tenant.properties:1:1: warning: unknown property "colour"`,
		`acme/tenant.properties:2:21: error: the rule is switched off, bus arn:aws:events:us-east-1:000000000000:event-bus/default is not allowed for source "forbidden": not on the list`)
}

func TestBucketThatCannotBeRead(t *testing.T) {
	w := newWorld(t, tenant.CatalogOptions{})
	w.put(props, "eventbridge-input=true")
	w.put(pet, `{}`)
	w.bucket.fail(errors.New("no route"))
	w.expect("input", w.input(), "unavailable")
	w.expectReports("acme/tenant.properties: error: cannot be read: no route; there is no earlier version, so requests fail")
	w.bucket.fail(nil)
	w.wait(5 * time.Second)
	w.expect("schema", w.schema(), "id")

	for _, err := range []error{errors.New("no route"), fault.Errorf(fault.Denied, "no"), fault.Errorf(fault.Unavailable, "slow down")} {
		w.bucket.fail(err)
		for range 3 {
			w.wait(time.Hour)
			w.expect("input", w.input(), "true")
			w.expect("schema", w.schema(), "id")
		}
		if got := w.reported(); len(got) != 2 {
			t.Errorf("%v: reported %q", err, got)
		}
	}
	w.bucket.fail(nil)
	w.remove(pet)
	w.wait(5 * time.Second)
	w.expect("schema", w.schema(), "not-found")
}

func TestGuard(t *testing.T) {
	var refuse atomic.Pointer[error]
	var asked []string
	w := newWorld(t, tenant.CatalogOptions{CompatibilityCheck: func(_ context.Context, id events.TenantID, s events.SchemaID, b events.Backend, key string) error {
		asked = append(asked, fmt.Sprint(id, "/", s, " ", b, " ", key))
		if err := refuse.Load(); err != nil {
			return *err
		}
		return nil
	}})
	w.put(props, "")
	reason := error(fault.Errorf(fault.Conflict, "records exist under key id; use tenant migrate"))
	refuse.Store(&reason)
	w.put(pet, `{"meta":{"key":"first"}}`)
	w.expect("kept out", w.schema(), "unavailable")
	w.expectReports("acme/pet.json: error: does not become active: records exist under key id; use tenant migrate; there is no earlier version, so requests fail")
	refuse.Store(nil)
	w.wait(5 * time.Second)
	w.expect("let in, though unchanged", w.schema(), "first")

	w.put(pet, `{"meta":{"key":"first"},"title":"x"}`)
	w.wait(30 * time.Second)
	w.expect("same key", w.schema(), "first")

	refuse.Store(&reason)
	w.put(pet, `{"meta":{"key":"second"}}`)
	for range 3 {
		w.wait(30 * time.Second)
		w.expect("kept out", w.schema(), "first")
	}
	w.expectReports("acme/pet.json: error: does not become active: records exist under key id; use tenant migrate; the last good version stays active")
	refuse.Store(nil)
	w.wait(30 * time.Second)
	w.expect("let in", w.schema(), "second")
	w.put(pet, `{"meta":{"key":"second","backend":"s3"}}`)
	w.wait(30 * time.Second)
	w.expect("let in", w.schema(), "second")
	want := []string{"acme/pet dynamodb first", "acme/pet dynamodb first",
		"acme/pet dynamodb second", "acme/pet dynamodb second", "acme/pet dynamodb second", "acme/pet dynamodb second", "acme/pet s3 second"}
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Error(diff)
	}
}

func TestTooManyRulesOfTenantAndSchema(t *testing.T) {
	rules := func(n int) string { return "[" + strings.TrimSuffix(strings.Repeat(`{"source":"a"},`, n), ",") + "]" }
	w := newWorld(t, tenant.CatalogOptions{})
	w.put(props, "eventbridge-output="+rules(60))
	w.put(pet, `{"meta":{"eventbridge-output":`+rules(31)+`}}`)
	w.expect("91 rules", w.schema(), "unavailable")
	w.put(pet, `{"meta":{"key":"k","eventbridge-output":`+rules(30)+`}}`)
	w.wait(5 * time.Second)
	w.expect("90 rules", w.schema(), "k pet.POST")
	w.reported()
	w.put(props, "eventbridge-output="+rules(61))
	for range 3 {
		w.wait(30 * time.Second)
		w.expect("the tenant has 61", w.schema(), "k pet.POST")
	}
	w.expectReports("acme/pet.json:1:20: error: with the tenant's, 91 output rules match a POST, at most 90 may; the last good version stays active")
}

func TestIdsAreCheckedBeforeTheBucketIsAsked(t *testing.T) {
	w := newWorld(t, tenant.CatalogOptions{})
	w.put(props, "")
	w.input()
	reads := w.bucket.reads.Load()
	for _, id := range []string{"", "..", "a/b", "a\x00", "а", strings.Repeat("a", 65), "-a"} {
		if _, err := w.dir.Tenant(t.Context(), events.TenantID(id)); !fault.Is(err, fault.Invalid) {
			t.Errorf("tenant %q: %v", id, err)
		}
		if _, err := w.dir.Schema(t.Context(), "acme", events.SchemaID(id)); !fault.Is(err, fault.Invalid) {
			t.Errorf("schema %q: %v", id, err)
		}
	}
	if n := w.bucket.reads.Load(); n != reads {
		t.Errorf("%d reads", n-reads)
	}
}

func TestLists(t *testing.T) {
	w := newWorld(t, tenant.CatalogOptions{Prefix: "tree"})
	for _, key := range []string{"tree/b/tenant.properties", "tree/a/tenant.properties", "tree/a/z.json", "tree/a/y.json",
		"tree/a/tests/x.json", "tree/a/notes.txt", "tree/none/x.json", "other/c/tenant.properties"} {
		w.put(key, "")
	}
	tenants, err := w.dir.Tenants(t.Context())
	if err != nil || !cmp.Equal(tenants, []events.TenantID{"a", "b"}) {
		t.Errorf("tenants = %v, %v", tenants, err)
	}
	schemas, err := w.dir.Schemas(t.Context(), "a")
	if err != nil || !cmp.Equal(schemas, []events.SchemaID{"y", "z"}) {
		t.Errorf("schemas = %v, %v", schemas, err)
	}
	if _, err := w.dir.Schemas(t.Context(), "none"); !fault.Is(err, fault.NotFound) {
		t.Errorf("schemas of no tenant: %v", err)
	}
}

func TestOneLoadAtATime(t *testing.T) {
	w := newWorld(t, tenant.CatalogOptions{})
	w.put(props, "eventbridge-input=true")
	w.bucket.gate = make(chan struct{})
	var done sync.WaitGroup
	for range 50 {
		done.Go(func() { w.expect("input", w.input(), "true") })
	}
	gaveUp, cancel := context.WithCancel(t.Context())
	cancel()
	for w.bucket.reads.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	if _, err := w.dir.Tenant(gaveUp, "acme"); !errors.Is(err, context.Canceled) {
		t.Errorf("a caller who gave up waits: %v", err)
	}
	close(w.bucket.gate)
	done.Wait()
	if n := w.bucket.reads.Load(); n != 1 {
		t.Errorf("%d reads for 50 callers", n)
	}
}

// A refresh of a tenant whose files have not changed takes one read, however many schemas
// it has; only files that have changed are read besides.
func TestRefreshReadsOnce(t *testing.T) {
	w := newWorld(t, tenant.CatalogOptions{})
	w.put(props, "eventbridge-input=true")
	for _, id := range []string{"pet", "cat", "dog"} {
		w.put("acme/"+id+".json", `{"meta":{"key":"a"}}`)
	}
	use := func() (reads int64) {
		t.Helper()
		before := w.bucket.reads.Load()
		for range 2 {
			for _, id := range []events.SchemaID{"pet", "cat", "dog"} {
				if _, err := w.dir.Schema(t.Context(), "acme", id); err != nil {
					t.Fatal(err)
				}
			}
			w.wait(time.Second)
		}
		return w.bucket.reads.Load() - before
	}
	expect := func(what string, want int64) {
		t.Helper()
		if reads := use(); reads != want {
			t.Errorf("%s: %d reads, want %d", what, reads, want)
		}
	}
	expect("first use", 4)
	expect("within 30 seconds", 0)
	for range 3 {
		w.wait(31 * time.Second)
		expect("a refresh", 1)
	}
	w.put("acme/cat.json", `{"meta":{"key":"b"}}`)
	w.wait(31 * time.Second)
	expect("a refresh of a changed schema", 2)
	if s, err := w.dir.Schema(t.Context(), "acme", "cat"); err != nil || s.KeyField != "b" {
		t.Errorf("the changed schema is not active: %v", err)
	}
	w.put(props, "eventbridge-input=false")
	w.wait(31 * time.Second)
	expect("a refresh of changed properties", 2)
	w.expect("input", w.input(), "false")

	// A malformed version is read again until it is corrected.
	w.put(pet, "{")
	w.wait(31 * time.Second)
	expect("a malformed schema", 2)
	w.put(pet, `{"meta":{"key":"c"}}`)
	w.wait(31 * time.Second)
	w.expect("the corrected schema", w.schema(), "c")

	// Refresh ignores an earlier listing.
	w.wait(31 * time.Second)
	w.input() // lists the files
	w.put(pet, `{"meta":{"key":"d"}}`)
	w.wait(time.Second)
	w.dir.Refresh()
	w.expect("after Refresh", w.schema(), "d")

	w.remove("acme/dog.json")
	w.wait(31 * time.Second)
	if _, err := w.dir.Schema(t.Context(), "acme", "dog"); !fault.Is(err, fault.NotFound) {
		t.Errorf("a removed schema: %v", err)
	}
}

// A file that changes is used for 30 seconds at most, whenever it was read and whenever
// the tenant's files were listed.
func TestChangeIsSeenWithin30Seconds(t *testing.T) {
	for read := range 35 {
		for change := range 35 {
			w := newWorld(t, tenant.CatalogOptions{})
			w.put(props, "")
			w.put(pet, `{"meta":{"key":"old"}}`)
			w.input()
			for second := range 70 {
				if second >= read && second%3 == 0 {
					w.schema()
				}
				if second%4 == 0 {
					w.input()
				}
				if second == change {
					w.put(pet, `{"meta":{"key":"new"}}`)
				}
				if second >= read && second > change+30 {
					if got := w.schema(); got != "new" {
						t.Fatalf("read at %d, changed at %d: %q at %d", read, change, got, second)
					}
				}
				w.wait(time.Second)
			}
		}
	}
}

// Where files cannot be listed, or are too many, each is checked for itself.
func TestFilesThatCannotBeListed(t *testing.T) {
	w := newWorld(t, tenant.CatalogOptions{})
	w.put(props, "eventbridge-input=true")
	w.put(pet, `{"meta":{"key":"a"}}`)
	w.expect("schema", w.schema(), "a")
	w.bucket.unlistable.Store(true)
	w.put(pet, `{"meta":{"key":"b"}}`)
	w.wait(31 * time.Second)
	w.expect("schema", w.schema(), "b")
	w.bucket.unlistable.Store(false)
	for i := range 1000 {
		w.put(fmt.Sprintf("acme/a%d.txt", i), "")
	}
	w.put(pet, `{"meta":{"key":"c"}}`)
	w.wait(31 * time.Second)
	w.expect("schema", w.schema(), "c")
	if reports := w.reported(); len(reports) > 0 {
		t.Errorf("reported: %q", reports)
	}
}

// Asking for what does not exist fills no memory and pushes nothing out.
func TestCacheIsBounded(t *testing.T) {
	w := newWorld(t, tenant.CatalogOptions{MaxBytes: 32 / 8 * 10 * 500})
	w.put(props, "eventbridge-input=true")
	w.expect("input", w.input(), "true")
	for i := range 1000 {
		_, _ = w.dir.Tenant(t.Context(), events.TenantID(fmt.Sprint("t", i)))
	}
	reads := w.bucket.reads.Load()
	w.expect("input", w.input(), "true")
	if n := w.bucket.reads.Load(); n != reads {
		t.Error("unknown tenants pushed out a known one")
	}
	_, _ = w.dir.Tenant(t.Context(), "t0")
	if n := w.bucket.reads.Load(); n != reads+1 {
		t.Error("the first of a thousand unknown tenants is still remembered")
	}
}

func BenchmarkSchemaCached(b *testing.B) {
	bucket := blob.NewMemory()
	for key, text := range map[string]string{props: "eventbridge-output=[{}]", pet: "{}"} {
		if _, err := bucket.Put(b.Context(), key, []byte(text), nil, blob.Condition{}); err != nil {
			b.Fatal(err)
		}
	}
	dir := tenant.NewCatalog(bucket, nil)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := dir.Schema(b.Context(), "acme", "pet"); err != nil {
			b.Fatal(err)
		}
	}
}

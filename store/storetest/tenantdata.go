package storetest

import (
	"slices"
	"strings"
	"testing"

	"github.com/blockforger/eventrouter/apikey"
	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/store"
)

// testPurge purges tenants one by one. Each tenant's name is a prefix of others. It
// checks that the data of the remaining tenants is unchanged.
func testPurge(t *testing.T, h Harness) {
	l := open(t, h)
	keys, ok := l.driver.(apikey.Store)
	if !ok {
		t.Fatal("the driver keeps no API keys")
	}
	for n, id := range tenants {
		for i, schema := range schemas {
			r := ref(id, schema, "rex")
			l.write(r, "post "+schema, events.Post, `{"id":"rex"}`)
			if i == 0 {
				l.write(r, "delete "+schema, events.Delete, "")
			}
		}
		l.commit(rejection(ref(id, "b", "rex"), "rejected", events.Put, fault.NotFound, "no"))
		limited := change(ref(id, "b", "limited"), "limited", events.Post, store.Record{}, `{"id":"limited"}`)
		limited.TokenLimit = 1000
		l.commit(limited)
		if err := keys.PutKey(ctx, apikey.Key{ID: apikey.ID(named("key", n)), Tenant: events.TenantID(id),
			Permissions: []apikey.Permission{apikey.BackendCalls}, Created: start}); err != nil {
			t.Fatal(err)
		}
	}
	// Some bills are aggregated, so that they are in the totals alone.
	l.aggregate(idempotencyKey("a", "post b"), idempotencyKey("a-b", "post c"), idempotencyKey("ab", "limited"))

	left := slices.Clone(tenants)
	for len(left) > 0 {
		before := make(map[string]tenantState, len(left))
		for _, id := range left {
			before[id] = tenantStateOf(l, keys, id)
		}
		gone := left[0]
		left = left[1:]
		if n, err := l.Purge(ctx, events.TenantID(gone)); err != nil || n < len(schemas)+len(schemas)+4 {
			t.Fatalf("purge of %s: %d things, %v", gone, n, err)
		}
		wantSame(t, "what is left of "+gone, tenantStateOf(l, keys, gone), tenantState{})
		for _, id := range left {
			wantSame(t, "what is left of "+id+" after the purge of "+gone, tenantStateOf(l, keys, id), before[id])
		}
		// An idempotency key can be used again, and usage starts at 0.
		again := change(ref(gone, "b", "rex"), "post b", events.Post, store.Record{}, `{"id":"rex"}`)
		again.TokenLimit = tokens
		want(t, "replayed", l.commit(again).Replayed, false)
		if n, err := l.Purge(ctx, events.TenantID(gone)); err != nil || n == 0 {
			t.Fatalf("%d, %v", n, err)
		}
		if n, err := l.Purge(ctx, events.TenantID(gone)); err != nil || n != 0 {
			t.Fatalf("a purge of nothing: %d, %v", n, err)
		}
	}
	want(t, "idempotency records", len(l.idempotencyRecords()), 0)
	want(t, "pending idempotency records", len(l.pendingKeys(start.AddDate(1, 0, 0))), 0)
}

// A tenantState holds everything that can be read of a tenant.
type tenantState struct {
	Inventory          store.Inventory
	Records            []store.Record
	Tombstone          store.Version
	IdempotencyRecords []store.IdempotencyRecord
	Tokens             int64
	APIKeys            []apikey.Key
	Pending            int
}

func tenantStateOf(l *ledger, keys apikey.Store, id string) (r tenantState) {
	l.t.Helper()
	var err error
	if r.Inventory, err = l.Inventory(ctx, events.TenantID(id)); err != nil {
		l.t.Fatal(err)
	}
	for _, schema := range schemas {
		records, err := l.List(ctx, ref(id, schema, "").Collection, "", 100)
		if err != nil {
			l.t.Fatal(err)
		}
		r.Records = append(r.Records, records...)
	}
	r.Tombstone = l.find(ref(id, schemas[0], "rex")).Version
	for _, m := range l.idempotencyRecords() {
		if m.Key.Tenant == events.TenantID(id) {
			r.IdempotencyRecords = append(r.IdempotencyRecords, m)
		}
	}
	slices.SortFunc(r.IdempotencyRecords, func(a, b store.IdempotencyRecord) int { return strings.Compare(a.Key.Value, b.Key.Value) })
	r.Tokens = l.used(id)
	if r.APIKeys, err = keys.KeysOf(ctx, events.TenantID(id)); err != nil {
		l.t.Fatal(err)
	}
	for key := range l.pendingKeys(start.AddDate(1, 0, 0)) {
		if key.Tenant == events.TenantID(id) {
			r.Pending++
		}
	}
	return r
}

// testInventory: the inventory includes the schemas of tombstones and the months of
// aggregated bills.
func testInventory(t *testing.T, h Harness) {
	l := open(t, h)
	holds := func(schemas, months string) {
		t.Helper()
		got, err := l.Inventory(ctx, "a")
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, s := range got.Schemas {
			names = append(names, string(s))
		}
		want(t, "schemas", strings.Join(names, " "), schemas)
		want(t, "months", strings.Join(got.Months, " "), months)
	}
	holds("", "")
	l.write(ref("a-b", "other", "x"), "x", events.Post, `{"id":"x"}`)
	l.write(ref("a", "b-c", "x"), "one", events.Post, `{"id":"x"}`)
	l.write(ref("a", "b", "x"), "two", events.Post, `{"id":"x"}`)
	l.write(ref("a", "b", "y"), "three", events.Post, `{"id":"y"}`)
	l.write(ref("a", "b-c", "x"), "four", events.Delete, "")
	l.clock.advance(20 * 24 * 3600 * 1e9)
	l.write(ref("a", "a", "x"), "five", events.Post, `{"id":"x"}`)
	l.aggregate(idempotencyKey("a", "one"), idempotencyKey("a", "two"))
	holds("a b b-c", "2026-11 2026-12")
}

// testCheckCompatible: records fix the backend and the key field of their collection.
func testCheckCompatible(t *testing.T, h Harness) {
	l := open(t, h)
	c := pet.Collection
	for _, b := range []events.Backend{events.DynamoDB, events.CSV} {
		if err := l.CheckCompatible(ctx, c, b, "id"); err != nil {
			t.Fatalf("no records: %v", err)
		}
	}
	l.write(pet, "one", events.Post, `{"id":"rex"}`)
	if err := l.CheckCompatible(ctx, c, events.DynamoDB, "id"); err != nil {
		t.Fatal(err)
	}
	err := l.CheckCompatible(ctx, c, events.S3, "id")
	wantCode(t, "another backend", err, fault.Precondition)
	if text := err.Error(); !strings.Contains(text, "eventrouter tenant migrate --tenant acme --schema petstore --backend s3 --key id") {
		t.Errorf("the error does not name the command: %s", text)
	}
	wantCode(t, "another key field", l.CheckCompatible(ctx, c, events.DynamoDB, "name"), fault.Precondition)
	if err := l.CheckCompatible(ctx, ref("acme", "petstor", "").Collection, events.S3, "id"); err != nil {
		t.Fatalf("another schema's records: %v", err)
	}
	// The only record of a collection is found in whichever partition it is.
	for i := range 24 {
		r := ref("acme", named("alone", i), named("k", i))
		l.write(r, named("alone", i), events.Post, `{"id":"x"}`)
		wantCode(t, "the only record "+named("k", i), l.CheckCompatible(ctx, r.Collection, events.CSV, "id"), fault.Precondition)
	}
	l.write(pet, "two", events.Delete, "")
	if err := l.CheckCompatible(ctx, c, events.S3, "name"); err != nil {
		t.Fatalf("a collection with a tombstone only: %v", err)
	}
}

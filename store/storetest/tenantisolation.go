package storetest

import (
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/store"
)

// Ids and keys whose concatenations are ambiguous.
var (
	tenants = []string{"a", "a-b", "ab", "A", "a_", "a-b-c"}
	schemas = []string{"b", "b-c", "c", "a", "1"}
	keys    = []string{"c", "b-c", "a#b", "a|b", "a/b", "a:b", "a%00b", "é", "e\u0301", "b#c/x"}
)

func testTenants(t *testing.T, h Harness) {
	l := open(t, h)
	records := map[store.Ref]string{}
	for _, tenant := range tenants {
		for _, schema := range schemas {
			for _, key := range keys {
				r := ref(tenant, schema, key)
				quoted, _ := jsontext.AppendQuote(nil, tenant+" "+schema+" "+key)
				records[r] = `{"id":` + string(quoted) + `}`
				// All tenants use the same idempotency keys.
				l.write(r, schema+" "+key, events.Post, records[r])
			}
		}
	}
	for r, data := range records {
		if record := l.find(r); !store.Equal(record.Data, jsontext.Value(data)) || record.Ref != r {
			t.Fatalf("%s holds %s of %s", r.Path(), record.Data, record.Path())
		}
	}
	sorted := slices.Sorted(slices.Values(keys))
	for _, tenant := range tenants {
		for _, schema := range schemas {
			records, err := l.List(ctx, ref(tenant, schema, "").Collection, "", 100)
			if err != nil {
				t.Fatal(err)
			}
			want(t, "records of "+tenant+"/"+schema, strings.Join(keysOf(records), " "), strings.Join(sorted, " "))
		}
		want(t, "tokens of "+tenant, l.used(tenant), int64(len(schemas)*len(keys)*tokens))
	}
	want(t, "idempotency records", len(l.idempotencyRecords()), len(records))

	// The same text as a sender's key and as an event's id is two idempotency keys.
	other := change(ref("a", "b", "origin"), schemas[0]+" "+keys[0], events.Post, store.Record{}, `{"id":"origin"}`)
	other.Idempotency.Key.Origin = store.OriginEventID
	want(t, "replayed", l.commit(other).Replayed, false)

	_, err := l.Get(ctx, ref("a", "b", "c\x00"))
	wantCode(t, "a record that does not exist", err, fault.NotFound)
	_, err = l.Get(ctx, ref("a-", "b", "c"))
	wantCode(t, "a tenant that does not exist", err, fault.NotFound)
}

func keysOf(records []store.Record) []string {
	var names []string
	for _, h := range records {
		names = append(names, string(h.Key))
	}
	return names
}

func testList(t *testing.T, h Harness) {
	l := open(t, h)
	names := []string{"~", "a", "B", "a0", "a/b", "0", "-1", "-2", "10", "9", "é", "z", "日本", strings.Repeat("k", 256), "\U0001F600"}
	for _, name := range append(slices.Clone(names), "deleted1", "deleted2", "zz-deleted") {
		l.write(ref("acme", "petstore", name), "post "+name[:min(len(name), 20)], events.Post, `{"id":"x"}`)
	}
	l.write(ref("acme", "orders", "other"), "post other", events.Post, `{"id":"x"}`)
	for _, name := range []string{"deleted1", "deleted2", "zz-deleted"} {
		l.write(ref("acme", "petstore", name), "delete "+name, events.Delete, "")
	}
	slices.Sort(names)
	for _, limit := range []int{1, 3, len(names), 100} {
		var got []string
		after := events.RecordKey("")
		for len(got) <= len(names) {
			page, err := l.List(ctx, pet.Collection, after, limit)
			if err != nil {
				t.Fatal(err)
			}
			if len(page) > limit {
				t.Fatalf("a page of %d, limit %d", len(page), limit)
			}
			if len(page) == 0 {
				break
			}
			got = append(got, keysOf(page)...)
			after = page[len(page)-1].Key
		}
		want(t, "keys", strings.Join(got, " "), strings.Join(names, " "))
	}
	// A cursor need not be the key of an existing record.
	page, err := l.List(ctx, pet.Collection, "deleted1", 1)
	if err != nil || len(page) != 1 || page[0].Key <= "deleted1" {
		t.Fatalf("from a tombstone on: %v, %v", keysOf(page), err)
	}
	_, err = l.List(ctx, pet.Collection, "", 0)
	wantCode(t, "limit 0", err, fault.Invalid)
}

func testNumbers(t *testing.T, h Harness) {
	l := open(t, h)
	for i, number := range []string{
		"0", "-0", "0.0", "0e5", "1", "-1", "9007199254740993", "12345678901234567890.10", "0.1", "1e-7", "1E+2", "100",
		"12345678901234567890123456789012345678", "-0.00000000000000000000000000000000000001",
		"9.9999999999999999999999999999999999999e125", "-9.9999999999999999999999999999999999999e125",
		"1e-130", "1.2345e125", strings.Repeat("9", 38), "0." + strings.Repeat("9", 38), "1" + strings.Repeat("0", 125),
	} {
		data := `{"id":"x","n":` + number + `,"deep":[{"n":` + number + `}]}`
		r := ref("acme", "petstore", named("n", i))
		l.write(r, named("n", i), events.Post, data)
		if got := l.find(r).Data; !store.Equal(got, jsontext.Value(data)) {
			t.Errorf("%s was returned in %s", number, got)
		}
	}
	for i, number := range []string{strings.Repeat("1", 39), "1e126", "1e400", "1e-131", "1.00000000000000000000000000000000000001"} {
		r := ref("acme", "petstore", named("bad", i))
		_, err := l.Commit(ctx, change(r, named("bad", i), events.Post, store.Record{}, `{"id":"x","n":`+number+`}`))
		wantCode(t, number, err, fault.TooLarge)
		_, err = l.Get(ctx, r)
		wantCode(t, "the record of "+number, err, fault.NotFound)
	}
}

func testLargest(t *testing.T, h Harness) {
	l := open(t, h)
	fill := func(n int) string { return `{"id":"rex","s":"` + strings.Repeat("s", n) + `"}` }

	c := change(pet, "big", events.Post, store.Record{}, fill(0))
	withVersion := *c.Record
	withVersion.Version = store.Version(strings.Repeat("s", 32)) // as long as that of a commit
	c.Record.Data = jsontext.Value(fill(store.MaxItem - withVersion.Size()))
	r := l.commit(c)
	want(t, "size of the record", len(l.find(pet).Data), len(c.Record.Data))

	c = change(pet, "big idempotency record", events.Put, l.find(pet), fill(0))
	for len(c.Idempotency.Outputs.Entries) < 90 {
		c.Idempotency.Outputs.Entries = append(c.Idempotency.Outputs.Entries, c.Idempotency.Outputs.Entries[0])
	}
	m := c.Idempotency
	m.Result.Version = r.Version
	c.Idempotency.Outputs.Payload = jsontext.Value(fill(store.MaxItem - m.Size()))
	l.commit(c)
	m = l.idempotencyRecord(c.Idempotency.Key)
	want(t, "entries", len(m.Outputs.Entries), 90)
	want(t, "size of the payload", len(m.Outputs.Payload), len(c.Idempotency.Outputs.Payload))

	c.Idempotency.Key = idempotencyKey("acme", "too big")
	c.IfVersion, c.Record.Revision = l.find(pet).Version, 3
	c.Idempotency.Outputs.Payload = jsontext.Value(fill(0))
	m = c.Idempotency
	m.Result.Version = r.Version
	c.Idempotency.Outputs.Payload = jsontext.Value(fill(store.MaxItem + 1 - m.Size()))
	_, err := l.Commit(ctx, c)
	wantCode(t, "an idempotency record of one byte too many", err, fault.TooLarge)
	c.Idempotency.Outputs.Payload, c.Record.Data = jsontext.Value(fill(0)), jsontext.Value(fill(store.MaxItem+1-withVersion.Size()))
	_, err = l.Commit(ctx, c)
	wantCode(t, "a record of one byte too many", err, fault.TooLarge)
	want(t, "revision", l.find(pet).Revision, 2)
}

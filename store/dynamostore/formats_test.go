package dynamostore

import (
	"encoding/base64"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"

	"github.com/blockforger/eventrouter/apikey"
	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/format"
	"github.com/blockforger/eventrouter/store"
	"github.com/blockforger/eventrouter/store/storetest"
)

const itemsFile = "../../testdata/formats/v1/dynamodb.json"

var updateFormats = flag.Bool("update-formats", false, "write the items of testdata/formats/v1 anew: only with the code of format 1")

// formatsTime is the time at which the items were written.
var formatsTime = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

const pinnedMonth = "2026-11"

// A formatFixture holds what was written to the table of format 1: one item of each
// kind.
type formatFixture struct {
	post, tombstone, object, rejection store.Change
	aggregated                         store.Change
	key                                apikey.Key
	shard                              int // whose lease is held until a minute after formatsTime
}

func fixtureItems() formatFixture {
	change := func(n int, schema events.SchemaID, key events.RecordKey, op events.Operation, data string) store.Change {
		ref := store.Ref{Collection: store.Collection{Tenant: "pins", Schema: schema}, Key: key}
		version := store.Version("5f0c7a3e8f1f4c5f9a0b1c2d3e4f50" + string(rune('0'+n)) + "0")
		at := formatsTime.Add(time.Duration(n) * time.Millisecond)
		c := store.Change{
			Idempotency: store.IdempotencyRecord{
				Key:         store.IdempotencyKey{Tenant: "pins", Origin: store.OriginEventKey, Value: "pin/ä " + string(rune('0'+n))},
				Fingerprint: store.Fingerprint{byte(n), 1, 2, 3, 31: 0xff},
				Result:      store.Result{Ref: ref, Operation: op, Revision: int64(n), Version: version, Time: at},
				Bill:        store.Bill{Tokens: 10, Month: pinnedMonth, KeyID: "wTwCAnpTyDZq7Mv7"},
				Expires:     at.Add(store.DefaultRetention),
				Outputs: store.Outputs{
					Entries: []store.Entry{
						{Bus: "arn:aws:events:us-east-1:000000000000:event-bus/default", Source: "blockforger-output", DetailType: "orders.POST", WholeRecord: true, Metadata: true, State: store.EntryPending},
						{Bus: "arn:aws:events:us-east-1:000000000000:event-bus/other", Source: "s", DetailType: "d", Outcome: true, State: store.EntryFailed,
							Attempts: 3, Error: "NotAuthorizedForSourceException", Settled: at.Add(time.Nanosecond)},
					},
					Payload: jsontext.Value(`{"id":"a","n":12345678901234567890.10}`), Document: jsontext.Value(`{"id":"a"}`),
					InputEventID: "00000000-0000-4000-8000-000000000001", CorrelationID: "c", Hops: 3, TraceHeader: "Root=1-5f0c7a3e-8f1f4c5f9a0b1c2d3e4f5000",
				},
			},
			Record: &store.Record{Ref: ref, Backend: events.DynamoDB, KeyField: "id", Revision: int64(n), Version: version, Time: at, Data: jsontext.Value(data)},
		}
		if op == events.Delete {
			c.Record.Data, c.Record.Deleted, c.Record.Expires = nil, true, c.Idempotency.Expires
		}
		return c
	}
	p := formatFixture{
		post:       change(1, "orders", "a/ä %", events.Post, `{"id":"a/ä %","n":12345678901234567890.1,"nested":[{"a":null,"b":true,"c":-0.5},"x"],"":"empty","~":"~"}`),
		tombstone:  change(2, "orders", "gone", events.Delete, ``),
		object:     change(3, "notes", "7", events.Put, `{"number":7,"text":"x"}`),
		rejection:  change(4, "orders", "a/ä %", events.Patch, ``),
		aggregated: change(5, "orders", "folded", events.Post, `{"id":"folded"}`),
		shard:      3,
		key: apikey.Key{ID: "wTwCAnpTyDZq7Mv7", Tenant: "pins", Permissions: []apikey.Permission{apikey.BackendCalls}, Hash: [32]byte{1, 2, 31: 3},
			Created: formatsTime, Expires: formatsTime.AddDate(10, 0, 0), Revoked: formatsTime.AddDate(9, 0, 0), LastUsed: formatsTime.Truncate(24 * time.Hour)},
	}
	p.object.Record.Backend, p.object.Record.Unprojected = events.S3, true
	p.object.Idempotency.NeedsProjection, p.object.Idempotency.Recheck = true, formatsTime.Add(time.Hour)
	p.aggregated.TokenLimit = 1000
	p.rejection.Record = nil
	m := &p.rejection.Idempotency
	m.Result.Rejected, m.Result.Code, m.Result.Message, m.Result.Revision = true, fault.Precondition, "no", 0
	m.Result.Violations = []fault.Violation{{Pointer: "", Message: "a"}, {Pointer: "/x", Message: "b"}}
	m.Bill, m.Outputs = store.Bill{}, store.Outputs{}
	return p
}

func (p *formatFixture) changes() []*store.Change {
	return []*store.Change{&p.post, &p.tombstone, &p.object, &p.rejection, &p.aggregated}
}

func formatsLedger(t *testing.T) *Ledger {
	return openSuite(t, storetest.Env{Clock: func() time.Time { return formatsTime.Add(time.Second) }}).(*Ledger)
}

// TestWriteFormats writes the fixture.
func TestWriteFormats(t *testing.T) {
	if !*updateFormats {
		t.Skip("only with -update-formats, and only with the code of format 1")
	}
	l, p := formatsLedger(t), fixtureItems()
	for _, c := range p.changes() {
		commit(t, l, c)
	}
	if err := l.AggregateUsage(t.Context(), []store.IdempotencyKey{p.aggregated.Idempotency.Key}); err != nil {
		t.Fatal(err)
	}
	if err := l.PutKey(t.Context(), p.key); err != nil {
		t.Fatal(err)
	}
	if ok, err := l.Lease(t.Context(), p.shard, "one", formatsTime, formatsTime.Add(time.Minute)); !ok || err != nil {
		t.Fatal(ok, err)
	}
	out, err := l.client.Scan(t.Context(), &dynamodb.ScanInput{TableName: l.name})
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]any{}
	for _, it := range out.Items {
		r := reader{item: it}
		all[r.text("pk")+" "+r.text("sk")] = plainItem(it)
	}
	text, err := json.Marshal(all, json.Deterministic(true), jsontext.WithIndent("  "))
	if err == nil {
		err = os.WriteFile(itemsFile, append(text, '\n'), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// plainItem is an item in DynamoDB's JSON.
func plainItem(it item) map[string]any {
	m := map[string]any{}
	for name, v := range it {
		m[name] = plainValue(v)
	}
	return m
}

func plainValue(v types.AttributeValue) map[string]any {
	switch v := v.(type) {
	case *types.AttributeValueMemberS:
		return map[string]any{"S": v.Value}
	case *types.AttributeValueMemberN:
		return map[string]any{"N": v.Value}
	case *types.AttributeValueMemberB:
		return map[string]any{"B": base64.StdEncoding.EncodeToString(v.Value)}
	case *types.AttributeValueMemberBOOL:
		return map[string]any{"BOOL": v.Value}
	case *types.AttributeValueMemberM:
		return map[string]any{"M": plainItem(v.Value)}
	case *types.AttributeValueMemberL:
		list := []any{}
		for _, e := range v.Value {
			list = append(list, plainValue(e))
		}
		return map[string]any{"L": list}
	}
	return map[string]any{"NULL": true}
}

func attributeItem(m map[string]any) item {
	it := item{}
	for name, v := range m {
		it[name] = attributeValue(v.(map[string]any))
	}
	return it
}

func attributeValue(m map[string]any) types.AttributeValue {
	for kind, v := range m {
		switch kind {
		case "S":
			return &types.AttributeValueMemberS{Value: v.(string)}
		case "N":
			return &types.AttributeValueMemberN{Value: v.(string)}
		case "B":
			b, _ := base64.StdEncoding.DecodeString(v.(string))
			return &types.AttributeValueMemberB{Value: b}
		case "BOOL":
			return &types.AttributeValueMemberBOOL{Value: v.(bool)}
		case "M":
			return &types.AttributeValueMemberM{Value: attributeItem(v.(map[string]any))}
		case "L":
			list := []types.AttributeValue{}
			for _, e := range v.([]any) {
				list = append(list, attributeValue(e.(map[string]any)))
			}
			return &types.AttributeValueMemberL{Value: list}
		}
	}
	return &types.AttributeValueMemberNULL{Value: true}
}

// itemsV1 reads the fixture: items by pk and sk.
func itemsV1(t *testing.T) map[string]item {
	t.Helper()
	text, err := os.ReadFile(itemsFile)
	if err != nil {
		t.Fatal(err)
	}
	var plain map[string]map[string]any
	if err := json.Unmarshal(text, &plain); err != nil {
		t.Fatal(err)
	}
	items := map[string]item{}
	for name, m := range plain {
		items[name] = attributeItem(m)
	}
	return items
}

// TestFormatV1Items decodes items of format 1. It needs no DynamoDB.
func TestFormatV1Items(t *testing.T) {
	items, p := itemsV1(t), fixtureItems()
	find := func(key item) item {
		r := reader{item: key}
		it := items[r.text("pk")+" "+r.text("sk")]
		if it == nil {
			t.Fatalf("the fixture has no item %s %s, which this version reads", r.text("pk"), r.text("sk"))
		}
		return it
	}
	for _, c := range p.changes() {
		m, err := decodeIdempotencyRecord(find(idempotencyKey(c.Idempotency.Key)))
		want := c.Idempotency
		want.Aggregated = c == &p.aggregated
		if diff := cmp.Diff(want, m); err != nil || diff != "" {
			t.Errorf("idempotency record: %v %s", err, diff)
		}
		if c.Record == nil {
			continue
		}
		h, err := decodeRecord(find(recordKey(c.Record.Ref)))
		if diff := cmp.Diff(*c.Record, h); err != nil || diff != "" {
			t.Errorf("record: %v %s", err, diff)
		}
	}
	for _, key := range []item{apiKeyKey(p.key.ID), tenantAPIKeyKey(p.key.Tenant, p.key.ID)} {
		k, err := decodeKey(find(key))
		if diff := cmp.Diff(p.key, k); err != nil || diff != "" {
			t.Errorf("API key: %v %s", err, diff)
		}
	}
	find(leaseKey(p.shard))
	find(usageKey("pins", pinnedMonth))
}

// TestFormatV1Table uses a table whose items are of format 1.
func TestFormatV1Table(t *testing.T) {
	l, p, ctx := formatsLedger(t), fixtureItems(), t.Context()
	for _, it := range itemsV1(t) {
		if _, err := l.client.PutItem(ctx, &dynamodb.PutItemInput{TableName: l.name, Item: it}); err != nil {
			t.Fatal(err)
		}
	}
	check := func(what string, got, want any, err error) {
		t.Helper()
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v %s", what, err, diff)
		}
	}
	open := map[store.IdempotencyKey]bool{}
	for shard := range store.Shards {
		keys, err := l.ListPending(ctx, shard, formatsTime.Add(time.Minute), 100)
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range keys {
			open[k] = k.Shard() == shard
		}
	}
	check("open records", open, map[store.IdempotencyKey]bool{
		p.post.Idempotency.Key: true, p.tombstone.Idempotency.Key: true, p.object.Idempotency.Key: true, p.aggregated.Idempotency.Key: true}, nil)
	for _, c := range p.changes() {
		want := c.Idempotency.Result
		want.Replayed = true
		r, err := l.Commit(ctx, c)
		check("redelivery", r, want, err)
		other := *c
		other.Idempotency.Fingerprint[7]++
		if _, err := l.Commit(ctx, &other); !fault.Is(err, fault.Conflict) {
			t.Errorf("another request with the same key: %v, want a conflict", err)
		}
		if c.Record == nil {
			continue
		}
		h, err := l.Record(ctx, c.Record.Ref)
		check("record", h, *c.Record, err)
	}
	records, err := l.Records(ctx, p.post.Record.Collection, "", 10)
	check("list", records, []store.Record{*p.post.Record, *p.aggregated.Record}, err)
	keys, err := l.KeysOf(ctx, "pins")
	check("keys", keys, []apikey.Key{p.key}, err)
	if ok, err := l.Lease(ctx, p.shard, "two", formatsTime, formatsTime.Add(time.Hour)); ok || err != nil {
		t.Errorf("a lease that is held: %v %v", ok, err)
	}
	if ok, err := l.Lease(ctx, p.shard, "two", formatsTime.Add(time.Minute), formatsTime.Add(time.Hour)); !ok || err != nil {
		t.Errorf("a lease that has ended: %v %v", ok, err)
	}

	usage, err := l.Usage(ctx, "pins", pinnedMonth)
	check("usage", usage.Tokens(), int64(40), err)
	if err := l.AggregateUsage(ctx, []store.IdempotencyKey{p.post.Idempotency.Key, p.tombstone.Idempotency.Key, p.object.Idempotency.Key, p.aggregated.Idempotency.Key}); err != nil {
		t.Fatal(err)
	}
	aggregated, err := l.Usage(ctx, "pins", pinnedMonth)
	check("usage after aggregation", aggregated, usage, err)

	// The counter of format 1 is not used: the initial value of the new one is 40 tokens.
	limited := p.rejection
	limited.Idempotency.Result, limited.Idempotency.Key.Value = p.post.Idempotency.Result, "limited"
	limited.Idempotency.Bill, limited.TokenLimit = p.post.Idempotency.Bill, 49
	if _, err := l.Commit(ctx, &limited); !fault.Is(err, fault.Exhausted) {
		t.Errorf("a request with 40 of 49 tokens used: %v, want exhausted", err)
	}
	limited.TokenLimit = 50
	commit(t, l, &limited)

	for _, c := range []*store.Change{&p.post, &p.object} {
		s := store.Progress{Entries: []store.EntryResult{{Index: 0, State: store.EntryPublished, Time: formatsTime.Add(time.Second)}}}
		if c.Idempotency.NeedsProjection {
			s.Projected, s.Rechecked = c.Record.Version, true
		}
		if err := l.SaveProgress(ctx, c.Idempotency.Key, s); err != nil {
			t.Fatal(err)
		}
		m, err := l.IdempotencyRecord(ctx, c.Idempotency.Key)
		check("progress saved", []any{m.Outputs.Entries[0].State, m.HasPendingWork()}, []any{store.EntryPublished, false}, err)
	}
	h, err := l.Record(ctx, p.object.Record.Ref)
	check("projected", h.Unprojected, false, err)
	next := p.post
	record := *p.post.Record
	record.Revision, record.Version, record.Data = 2, "next", jsontext.Value(`{"id":"a/ä %"}`)
	next.Record, next.IfVersion, next.Idempotency.Key.Value = &record, p.post.Record.Version, "next"
	commit(t, l, &next)
	h, err = l.Record(ctx, record.Ref)
	check("changed", h, record, err)
}

// TestNewerFormats: an API key or a counter of a newer format is rejected and not
// changed.
func TestNewerFormats(t *testing.T) {
	l, p, ctx := formatsLedger(t), fixtureItems(), t.Context()
	commit(t, l, &p.aggregated)
	if err := l.PutKey(ctx, p.key); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Lease(ctx, p.shard, "one", formatsTime, formatsTime.Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	keys := []store.IdempotencyKey{p.aggregated.Idempotency.Key}
	if err := l.AggregateUsage(ctx, keys); err != nil {
		t.Fatal(err)
	}
	commit(t, l, &p.post)
	keys = []store.IdempotencyKey{p.post.Idempotency.Key}
	next := p.tombstone
	next.TokenLimit = 1000
	for _, c := range []struct {
		kind string
		key  item
		do   map[string]func() error
	}{
		{"key", apiKeyKey(p.key.ID), map[string]func() error{
			"read":  func() error { _, err := l.Key(ctx, p.key.ID); return err },
			"put":   func() error { return l.PutKey(ctx, p.key) },
			"touch": func() error { return l.TouchKey(ctx, p.key.ID, formatsTime) },
		}},
		{"keys", tenantAPIKeyKey("pins", p.key.ID), map[string]func() error{
			"list": func() error { _, err := l.KeysOf(ctx, "pins"); return err },
		}},
		{"usage", usageKey("pins", pinnedMonth), map[string]func() error{
			"usage":                func() error { _, err := l.Usage(ctx, "pins", pinnedMonth); return err },
			"aggregate":            func() error { return l.AggregateUsage(ctx, keys) },
			"commit under a limit": func() error { _, err := l.Commit(ctx, &next); return err },
		}},
		{"lease", leaseKey(p.shard), map[string]func() error{
			"by its owner": func() error {
				_, err := l.Lease(ctx, p.shard, "one", formatsTime, formatsTime.Add(time.Hour))
				return err
			},
			"by another": func() error {
				_, err := l.Lease(ctx, p.shard, "two", formatsTime.Add(time.Hour), formatsTime.Add(2*time.Hour))
				return err
			},
		}},
	} {
		setItemFormat(t, l, c.key, 99)
		before, err := l.get(ctx, c.key)
		if err != nil {
			t.Fatal(err)
		}
		for what, do := range c.do {
			known := format.Counter
			if strings.HasPrefix(c.kind, "key") {
				known = format.Key
			}
			want := fmt.Sprintf(" of the table has format 99, this version of eventrouter reads formats up to %d: use a version that reads format 99", known)
			if err := do(); !format.IsNewer(err) || !strings.Contains(err.Error(), "item "+c.kind+want) {
				t.Errorf("%s, %s: %v", c.kind, what, err)
			}
		}
		after, err := l.get(ctx, c.key)
		if diff := cmp.Diff(plainItem(before), plainItem(after)); err != nil || diff != "" {
			t.Errorf("%s was changed: %v %s", c.kind, err, diff)
		}
		setItemFormat(t, l, c.key, 1)
	}
}

// TestFileWriteHasFormat2: the update that stores the number of a file's write also
// sets the record's format to 2.
func TestFileWriteHasFormat2(t *testing.T) {
	l, p, ctx := formatsLedger(t), fixtureItems(), t.Context()
	commit(t, l, &p.object)
	for write, want := range map[int64]int64{0: 0, 5: 2} {
		record := *p.object.Record
		record.Version, record.Unprojected = store.Version("w"+string(rune('0'+write))), true
		c := p.object
		c.Record, c.Idempotency.Key.Value, c.Idempotency.Result.Version = &record, string(record.Version), record.Version
		h, err := l.Record(ctx, record.Ref)
		if err != nil {
			t.Fatal(err)
		}
		c.IfVersion = h.Version
		commit(t, l, &c)
		if err := l.SaveProgress(ctx, c.Idempotency.Key, store.Progress{Projected: record.Version, FileWrite: write}); err != nil {
			t.Fatal(err)
		}
		it, err := l.get(ctx, recordKey(record.Ref))
		if r := (reader{item: it}); err != nil || r.integer(formatAttribute) != want || r.boolean("dirty") {
			t.Errorf("after write %d: format %d, want %d; %v", write, r.integer(formatAttribute), want, err)
		}
	}
}

// TestStoredShardStays: the index lists an item under its stored shard for as long as
// the item is pending.
func TestStoredShardStays(t *testing.T) {
	l, p, ctx := formatsLedger(t), fixtureItems(), t.Context()
	key := p.object.Idempotency.Key
	commit(t, l, &p.object)
	other := (key.Shard() + 1) % store.Shards
	e := newExpression()
	e.assign("open", text(shardName(other)))
	e.condition = []string{"attribute_exists(pk)"}
	if err := l.write(ctx, e.update(l.name, idempotencyKey(key))); err != nil {
		t.Fatal(err)
	}
	lists := func(shard int) bool {
		keys, err := l.ListPending(ctx, shard, formatsTime.Add(time.Hour), 10)
		if err != nil {
			t.Fatal(err)
		}
		return slices.Contains(keys, key)
	}
	if err := l.AggregateUsage(ctx, []store.IdempotencyKey{key}); err != nil {
		t.Fatal(err)
	}
	if err := l.SaveProgress(ctx, key, store.Progress{Entries: []store.EntryResult{{Index: 0, State: store.EntryPublished, Time: formatsTime}}}); err != nil {
		t.Fatal(err)
	}
	if !lists(other) || lists(key.Shard()) {
		t.Errorf("open item: listed under its stored shard %v, under the computed one %v", lists(other), lists(key.Shard()))
	}
	if err := l.SaveProgress(ctx, key, store.Progress{Projected: p.object.Record.Version, Rechecked: true}); err != nil {
		t.Fatal(err)
	}
	if lists(other) || lists(key.Shard()) {
		t.Error("a closed item is still listed")
	}
}

package dynamostore

import (
	"os"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"

	"github.com/blockforger/eventrouter/apikey"
	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/store"
)

const itemsFile2 = "../../testdata/formats/v2/dynamodb.json"

// fixtureItems2 returns what format 2 adds: a record whose row was edited, a record
// that a migration copied, and an API key that replaces another.
func fixtureItems2() ([]store.Record, apikey.Key) {
	ref := func(key events.RecordKey) store.Ref {
		return store.Ref{Collection: store.Collection{Tenant: "pins", Schema: "items"}, Key: key}
	}
	return []store.Record{{
			Ref: ref("edited"), Backend: events.CSV, KeyField: "id", Revision: 3, Version: "5f0c7a3e8f1f4c5f9a0b1c2d3e4f5030", Time: formatsTime,
			Data: jsontext.Value(`{"id":"edited","n":12345678901234567890.1}`), FileWrite: 7, RowVersion: "5f0c7a3e8f1f4c5f",
		}, {
			Ref: ref("moved/ä %"), Backend: events.DynamoDB, KeyField: "name", Revision: 1, Version: "5f0c7a3e8f1f4c5f9a0b1c2d3e4f5031", Time: formatsTime,
			Data: jsontext.Value(`{"id":"a","name":"moved/ä %"}`), MovedFrom: store.Source{Key: "a", Version: "5f0c7a3e8f1f4c5f9a0b1c2d3e4f5032"},
		}}, apikey.Key{ID: "wTwCAnpTyDZq7Mv8", Tenant: "pins", Permissions: []apikey.Permission{apikey.BackendCalls, apikey.ReadOnly}, Hash: [32]byte{4, 5, 31: 6},
			Created: formatsTime, Expires: formatsTime.AddDate(10, 0, 0), LastUsed: formatsTime.Truncate(24 * time.Hour), Replaces: "wTwCAnpTyDZq7Mv7"}
}

// TestFormatV2Items decodes items of format 2, and encodes them to the same items.
func TestFormatV2Items(t *testing.T) {
	records, key := fixtureItems2()
	encoded := map[string]map[string]any{}
	add := func(it item, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		r := reader{item: it}
		encoded[r.text("pk")+" "+r.text("sk")] = plainItem(it)
	}
	for i := range records {
		add(encodeRecord(&records[i]))
	}
	add(encodeKey(apiKeyKey(key.ID), &key), nil)
	add(encodeKey(tenantAPIKeyKey(key.Tenant, key.ID), &key), nil)
	text, err := json.Marshal(encoded, json.Deterministic(true), jsontext.WithIndent("  "))
	if err != nil {
		t.Fatal(err)
	}
	text = append(text, '\n')
	if *updateFormats {
		if err := os.WriteFile(itemsFile2, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	stored, err := os.ReadFile(itemsFile2)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(stored), string(text)); diff != "" {
		t.Errorf("this version stores other items: %s", diff)
	}

	var plain map[string]map[string]any
	if err := json.Unmarshal(stored, &plain); err != nil {
		t.Fatal(err)
	}
	find := func(key item) item {
		r := reader{item: key}
		return attributeItem(plain[r.text("pk")+" "+r.text("sk")])
	}
	for _, want := range records {
		h, err := decodeRecord(find(recordKey(want.Ref)))
		if diff := cmp.Diff(want, h); err != nil || diff != "" {
			t.Errorf("record: %v %s", err, diff)
		}
	}
	for _, at := range []item{apiKeyKey(key.ID), tenantAPIKeyKey(key.Tenant, key.ID)} {
		k, err := decodeKey(find(at))
		if diff := cmp.Diff(key, k); err != nil || diff != "" {
			t.Errorf("API key: %v %s", err, diff)
		}
	}
}

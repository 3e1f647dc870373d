package boltstore

import (
	"bytes"
	"encoding/hex"
	"flag"
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

const valuesFile = "../../testdata/formats/v2/ledger.json"

var updateFormats = flag.Bool("update-formats", false, "replace the values of testdata/formats/v2; valid only with the code of format 2")

// TestFormatV2Values decodes values of format 2 of a ledger that is not sealed, and
// encodes them to the same bytes: a record whose row was edited, a record that a
// migration copied, and an API key that replaces another.
func TestFormatV2Values(t *testing.T) {
	at := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	ref := func(key events.RecordKey) store.Ref {
		return store.Ref{Collection: store.Collection{Tenant: "pins", Schema: "items"}, Key: key}
	}
	d := &Driver{sealer: plain{}}
	records := map[string]store.Record{
		"edited": {
			Ref: ref("edited"), Backend: events.CSV, KeyField: "id", Revision: 3, Version: "5f0c7a3e8f1f4c5f9a0b1c2d3e4f5030", Time: at,
			Data: jsontext.Value(`{"id":"edited","n":12345678901234567890.10}`), FileWrite: 7, RowVersion: "5f0c7a3e8f1f4c5f",
		},
		"moved": {
			Ref: ref("moved/ä %"), Backend: events.DynamoDB, KeyField: "name", Revision: 1, Version: "5f0c7a3e8f1f4c5f9a0b1c2d3e4f5031", Time: at,
			Data: jsontext.Value(`{"id":"a","name":"moved/ä %"}`), MovedFrom: store.Source{Key: "a", Version: "5f0c7a3e8f1f4c5f9a0b1c2d3e4f5032"},
		},
	}
	key := apikey.Key{ID: "wTwCAnpTyDZq7Mv8", Tenant: "pins", Permissions: []apikey.Permission{apikey.BackendCalls, apikey.ReadOnly}, Hash: [32]byte{4, 5, 31: 6},
		Created: at, Expires: at.AddDate(10, 0, 0), LastUsed: at.Truncate(24 * time.Hour), Replaces: "wTwCAnpTyDZq7Mv7"}

	encoded := map[string]string{"key": hex.EncodeToString(encodeKey(&key))}
	for name, h := range records {
		encoded[name] = hex.EncodeToString(d.encodeRecord(recordKey(h.Ref), &h))
	}
	text, err := json.Marshal(encoded, json.Deterministic(true), jsontext.WithIndent("  "))
	if err != nil {
		t.Fatal(err)
	}
	text = append(text, '\n')
	if *updateFormats {
		if err := os.WriteFile(valuesFile, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	stored, err := os.ReadFile(valuesFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(stored, text) {
		t.Errorf("this version stores other values:\n%s", text)
	}

	var values map[string]string
	if err := json.Unmarshal(stored, &values); err != nil {
		t.Fatal(err)
	}
	value := func(name string) []byte {
		v, err := hex.DecodeString(values[name])
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for name, want := range records {
		h, err := d.decodeRecord(recordKey(want.Ref), value(name))
		if diff := cmp.Diff(want, h); err != nil || diff != "" {
			t.Errorf("record %s: %v %s", name, err, diff)
		}
	}
	k, err := decodeKey(value("key"))
	if diff := cmp.Diff(key, k); err != nil || diff != "" {
		t.Errorf("API key: %v %s", err, diff)
	}
}

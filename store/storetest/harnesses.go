package storetest

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"slices"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/internal/blob"
	"github.com/blockforger/eventrouter/projection"
	"github.com/blockforger/eventrouter/projection/csvfile"
	"github.com/blockforger/eventrouter/projection/s3object"
	"github.com/blockforger/eventrouter/store"
)

// S3 returns the harness of s3object, without Ledger and Bucket.
func S3() ProjectionHarness {
	return ProjectionHarness{
		Backend: events.S3,
		New:     func(b blob.Bucket) projection.Projection { return s3object.New(b) },
		Edit: func(t testing.TB, b blob.Bucket, r store.Ref, data jsontext.Value) {
			t.Helper()
			if data != nil {
				writeObject(t, b, r, "\n"+string(data)+"\n\n")
				return
			}
			if err := b.Delete(t.Context(), s3object.New(b).Object(r), blob.Condition{}); err != nil {
				t.Fatal(err)
			}
		},
		Corrupt: func(t testing.TB, b blob.Bucket, r store.Ref) {
			writeObject(t, b, r, "{\n  \"id\": \"rex\",\n  \"n\": 1,,\n}\n")
		},
	}
}

func writeObject(t testing.TB, b blob.Bucket, r store.Ref, text string) {
	t.Helper()
	if _, err := b.Put(t.Context(), s3object.New(b).Object(r), []byte(text), nil, blob.Condition{}); err != nil {
		t.Fatal(err)
	}
}

// CSV returns the harness of csvfile, without Ledger and Bucket.
func CSV() ProjectionHarness {
	return ProjectionHarness{
		Backend: events.CSV,
		New:     func(b blob.Bucket) projection.Projection { return csvfile.New(b) },
		Edit:    editRow,
		Corrupt: func(t testing.TB, b blob.Bucket, r store.Ref) {
			editFile(t, b, r.Collection, func(rows [][]string) [][]string {
				for _, row := range rows[1:] {
					if row[0] == string(r.Key) {
						row[slices.Index(rows[0], "_more")] = `{"broken`
					}
				}
				return rows
			})
		},
	}
}

// editRow changes a row as a spreadsheet does, which writes the whole file in its own
// format.
func editRow(t testing.TB, b blob.Bucket, r store.Ref, data jsontext.Value) {
	t.Helper()
	editFile(t, b, r.Collection, func(rows [][]string) [][]string {
		at := slices.IndexFunc(rows, func(row []string) bool { return row[0] == string(r.Key) })
		if data == nil {
			return slices.Delete(rows, at, at+1)
		}
		row := make([]string, len(rows[0]))
		var members map[string]json.RawMessage
		if err := json.Unmarshal(data, &members); err != nil {
			t.Fatal(err)
		}
		for name, value := range members {
			cell := string(value)
			var text string
			if json.Unmarshal(value, &text) == nil {
				cell = text
			}
			row[slices.Index(rows[0], name)] = cell
		}
		if version := slices.Index(rows[0], "_version"); at >= 0 && version >= 0 {
			row[version] = rows[at][version]
		}
		if at >= 0 {
			rows[at] = row
			return rows
		}
		return append(rows, row)
	})
}

// editFile reads the file of a collection, changes its rows and writes it.
func editFile(t testing.TB, b blob.Bucket, c store.Collection, change func(rows [][]string) [][]string) {
	t.Helper()
	name := csvfile.New(b).Object(store.Ref{Collection: c})
	rows := [][]string{{"id", "n", "text"}}
	if o, err := b.Get(t.Context(), name, ""); err == nil {
		if rows, err = csv.NewReader(bytes.NewReader(o.Data)).ReadAll(); err != nil {
			t.Fatal(err)
		}
	}
	var out bytes.Buffer
	if err := csv.NewWriter(&out).WriteAll(change(rows)); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Put(t.Context(), name, out.Bytes(), nil, blob.Condition{}); err != nil {
		t.Fatal(err)
	}
}

package s3object_test

import (
	"bytes"
	"flag"
	"io"
	"maps"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/internal/awstest"
	"github.com/blockforger/eventrouter/internal/blob/s3blob"
	"github.com/blockforger/eventrouter/projection"
	"github.com/blockforger/eventrouter/projection/csvfile"
	"github.com/blockforger/eventrouter/projection/s3object"
	"github.com/blockforger/eventrouter/store"
)

const objectsFile = "../../testdata/formats/v1/s3.json"

var updateFormats = flag.Bool("update-formats", false, "replace the objects of testdata/formats/v1; valid only with the code of format 1")

// A fixtureObject is an object with its metadata as stored in S3.
type fixtureObject struct {
	ContentType string            `json:"contentType"`
	Metadata    map[string]string `json:"metadata"`
	Body        string            `json:"body"`
}

// fixtureRecords returns the records of the objects of format 1.
func fixtureRecords(schema events.SchemaID, backend events.Backend) []store.Record {
	record := func(key events.RecordKey, version store.Version, data string) store.Record {
		return store.Record{Ref: store.Ref{Collection: store.Collection{Tenant: "pins", Schema: schema}, Key: key}, Backend: backend, KeyField: "id",
			Revision: 2, Version: version, Time: time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC), Data: jsontext.Value(data)}
	}
	return []store.Record{
		record("a/ä %", "5f0c7a3e8f1f4c5f9a0b1c2d3e4f5010", `{"name":"a,\"b\"","id":"a/ä %","amount":12345678901234567890.10}`),
		record("b", "5f0c7a3e8f1f4c5f9a0b1c2d3e4f5020", `{"id":"b","name":"","more":[1,{"x":null}]}`),
	}
}

var fixtureLayout = projection.Layout{KeyField: "id", Columns: []string{"id", "name", "amount"}}

// newBucket returns an empty bucket and a client to read its objects.
func newBucket(t *testing.T) (*s3.Client, *s3blob.Bucket) {
	t.Helper()
	client := s3.NewFromConfig(awstest.Config(awstest.S3(t)))
	if _, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("records")}); err != nil {
		t.Fatal(err)
	}
	b, err := s3blob.New(client, "records", "")
	if err != nil {
		t.Fatal(err)
	}
	return client, b
}

func writeRecords(t *testing.T, p projection.Projection, records []store.Record) {
	t.Helper()
	var keys []events.RecordKey
	for _, h := range records {
		keys = append(keys, h.Key)
	}
	v, err := p.Open(t.Context(), records[0].Collection, fixtureLayout, keys)
	if err == nil {
		_, err = v.Write(t.Context(), records, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func objectsOf(t *testing.T, client *s3.Client) map[string]fixtureObject {
	t.Helper()
	out, err := client.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: aws.String("records")})
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]fixtureObject{}
	for _, o := range out.Contents {
		got, err := client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String("records"), Key: o.Key})
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(got.Body)
		if err != nil {
			t.Fatal(err)
		}
		metadata := map[string]string{}
		for name, value := range got.Metadata {
			metadata[strings.ToLower(name)] = value
		}
		all[*o.Key] = fixtureObject{ContentType: aws.ToString(got.ContentType), Metadata: metadata, Body: string(body)}
	}
	return all
}

// TestFormatV1Objects compares the objects of records with those of format 1,
// and reads them, the CSV file too.
func TestFormatV1Objects(t *testing.T) {
	if *updateFormats {
		client, b := newBucket(t)
		writeRecords(t, s3object.New(b), fixtureRecords("notes", events.S3))
		writeRecords(t, csvfile.New(b), fixtureRecords("items", events.CSV))
		text, err := json.Marshal(objectsOf(t, client), json.Deterministic(true), jsontext.WithIndent("  "))
		if err == nil {
			err = os.WriteFile(objectsFile, append(text, '\n'), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(objectsFile)
	if err != nil {
		t.Fatal(err)
	}
	var want map[string]fixtureObject
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}

	client, b := newBucket(t)
	writeRecords(t, s3object.New(b), fixtureRecords("notes", events.S3))
	for key, got := range objectsOf(t, client) {
		w := want[key]
		if got.ContentType != w.ContentType || got.Body != w.Body || !maps.Equal(got.Metadata, w.Metadata) {
			t.Errorf("object %s:\ngot  %+v\nwant %+v", key, got, w)
		}
	}

	client, b = newBucket(t)
	for key, o := range want {
		if _, err := client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("records"), Key: &key, ContentType: &o.ContentType,
			Metadata: o.Metadata, Body: strings.NewReader(o.Body)}); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		p       projection.Projection
		records []store.Record
	}{
		{s3object.New(b), fixtureRecords("notes", events.S3)},
		{csvfile.New(b), fixtureRecords("items", events.CSV)},
	} {
		v, err := c.p.Open(t.Context(), c.records[0].Collection, fixtureLayout, []events.RecordKey{c.records[0].Key, c.records[1].Key})
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range c.records {
			observed := v.Observed(h.Key)
			got, w := observed.Data.Clone(), h.Data.Clone()
			for _, doc := range []*jsontext.Value{&got, &w} {
				if err := doc.Format(jsontext.ReorderRawObjects(true), jsontext.Multiline(false), jsontext.SpaceAfterComma(false), jsontext.SpaceAfterColon(false)); err != nil {
					t.Fatalf("%s: %v", h.Path(), err)
				}
			}
			if !observed.Managed || observed.Err != nil || !bytes.Equal(got, w) {
				t.Errorf("%s: %s, written by this program: %v, error %v; want %s", h.Path(), got, observed.Managed, observed.Err, w)
			}
		}
	}
}

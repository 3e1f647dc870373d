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
	"github.com/blockforger/eventrouter/projection/csvfile"
	"github.com/blockforger/eventrouter/projection/s3object"
	"github.com/blockforger/eventrouter/store"
)

const objectsFile = "../../testdata/formats/v1/s3.json"

var updateFormats = flag.Bool("update-formats", false, "write the objects of testdata/formats/v1 anew: only with the code of format 1")

// A pinnedObject is an object as S3 has it.
type pinnedObject struct {
	ContentType string            `json:"contentType"`
	Metadata    map[string]string `json:"metadata"`
	Body        string            `json:"body"`
}

// pinnedHeads are the records that the objects of format 1 show.
func pinnedHeads(schema events.SchemaID, backend events.Backend) []store.Record {
	head := func(key events.RecordKey, stamp store.Version, data string) store.Record {
		return store.Record{Ref: store.Ref{Collection: store.Collection{Tenant: "pins", Schema: schema}, Key: key}, Backend: backend, KeyField: "id",
			Revision: 2, Version: stamp, Time: time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC), Data: jsontext.Value(data)}
	}
	return []store.Record{
		head("a/ä %", "5f0c7a3e8f1f4c5f9a0b1c2d3e4f5010", `{"name":"a,\"b\"","id":"a/ä %","amount":12345678901234567890.10}`),
		head("b", "5f0c7a3e8f1f4c5f9a0b1c2d3e4f5020", `{"id":"b","name":"","more":[1,{"x":null}]}`),
	}
}

var pinnedLayout = store.Layout{KeyField: "id", Columns: []string{"id", "name", "amount"}}

// pinnedBucket returns an empty bucket and the function that reads one object of it.
func pinnedBucket(t *testing.T) (*s3.Client, *s3blob.Bucket) {
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

func show(t *testing.T, p store.Projection, heads []store.Record) {
	t.Helper()
	var keys []events.RecordKey
	for _, h := range heads {
		keys = append(keys, h.Key)
	}
	v, err := p.Open(t.Context(), heads[0].Collection, pinnedLayout, keys)
	if err == nil {
		_, err = v.Write(t.Context(), heads, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func objectsOf(t *testing.T, client *s3.Client) map[string]pinnedObject {
	t.Helper()
	out, err := client.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: aws.String("records")})
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]pinnedObject{}
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
		all[*o.Key] = pinnedObject{ContentType: aws.ToString(got.ContentType), Metadata: metadata, Body: string(body)}
	}
	return all
}

// TestFormatV1Objects compares the objects of records with those of format 1,
// and reads them, the CSV file too.
func TestFormatV1Objects(t *testing.T) {
	if *updateFormats {
		client, b := pinnedBucket(t)
		show(t, s3object.New(b), pinnedHeads("notes", events.S3))
		show(t, csvfile.New(b), pinnedHeads("items", events.CSV))
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
	var want map[string]pinnedObject
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}

	client, b := pinnedBucket(t)
	show(t, s3object.New(b), pinnedHeads("notes", events.S3))
	for key, got := range objectsOf(t, client) {
		w := want[key]
		if got.ContentType != w.ContentType || got.Body != w.Body || !maps.Equal(got.Metadata, w.Metadata) {
			t.Errorf("object %s:\ngot  %+v\nwant %+v", key, got, w)
		}
	}

	client, b = pinnedBucket(t)
	for key, o := range want {
		if _, err := client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("records"), Key: &key, ContentType: &o.ContentType,
			Metadata: o.Metadata, Body: strings.NewReader(o.Body)}); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		p     store.Projection
		heads []store.Record
	}{
		{s3object.New(b), pinnedHeads("notes", events.S3)},
		{csvfile.New(b), pinnedHeads("items", events.CSV)},
	} {
		v, err := c.p.Open(t.Context(), c.heads[0].Collection, pinnedLayout, []events.RecordKey{c.heads[0].Key, c.heads[1].Key})
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range c.heads {
			shown := v.Observed(h.Key)
			got, w := shown.Data.Clone(), h.Data.Clone()
			for _, doc := range []*jsontext.Value{&got, &w} {
				if err := doc.Format(jsontext.ReorderRawObjects(true), jsontext.Multiline(false), jsontext.SpaceAfterComma(false), jsontext.SpaceAfterColon(false)); err != nil {
					t.Fatalf("%s: %v", h.Path(), err)
				}
			}
			if !shown.Managed || shown.Err != nil || !bytes.Equal(got, w) {
				t.Errorf("%s: %s, written by this program: %v, error %v; want %s", h.Path(), got, shown.Managed, shown.Err, w)
			}
		}
	}
}

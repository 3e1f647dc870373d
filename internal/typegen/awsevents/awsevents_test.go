package awsevents_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/internal/awstest"
	"github.com/blockforger/eventrouter/internal/typegen/awsevents"
	"github.com/blockforger/eventrouter/internal/typegen/schema"
	"github.com/blockforger/eventrouter/internal/typegen/servicespec"
)

func spec(t testing.TB) *servicespec.Spec {
	t.Helper()
	s, err := servicespec.Open(awstest.ServiceSpec(t))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestCommittedFilesAreThePinnedVersions fails where the files below events/aws
// are not what "make events-aws" writes.
func TestCommittedFilesAreThePinnedVersions(t *testing.T) {
	plans, err := awsevents.Plan("../../..", spec(t))
	if err != nil {
		t.Fatal(err)
	}
	packages := make(map[string]bool)
	for _, plan := range plans {
		packages[filepath.Base(plan.Dir)] = true
		for _, c := range plan.Changes {
			t.Errorf("%s is not what the pinned specification gives; run make events-aws", c.Path)
		}
		for _, r := range plan.Reports {
			t.Errorf("%s", r)
		}
	}
	folders, err := filepath.Glob("../../../events/aws/*/registry_gen.go")
	if err != nil || len(folders) != len(plans)-2 {
		t.Errorf("%d packages are committed, %d are planned: %v", len(folders), len(plans)-2, err)
	}
	for _, f := range folders {
		if !packages[filepath.Base(filepath.Dir(f))] {
			t.Errorf("%s is of no service", f)
		}
	}
}

// TestSameSpecificationSameBytes plans twice into an empty folder.
func TestSameSpecificationSameBytes(t *testing.T) {
	file := spec(t)
	var written [2]map[string][]byte
	for i := range written {
		dir := t.TempDir()
		written[i] = make(map[string][]byte)
		plans, err := awsevents.Plan(dir, file)
		if err != nil {
			t.Fatal(err)
		}
		for _, plan := range plans {
			for _, c := range plan.Changes {
				written[i][strings.TrimPrefix(c.Path, dir)] = c.New
			}
		}
	}
	if len(written[0]) < 500 || len(written[0]) != len(written[1]) {
		t.Fatalf("%d and %d files", len(written[0]), len(written[1]))
	}
	for path, text := range written[0] {
		if !bytes.Equal(text, written[1][path]) {
			t.Errorf("%s differs", path)
		}
	}
}

func sample(t *testing.T, text string) events.Envelope {
	t.Helper()
	e, err := events.DecodeEnvelope([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// TestFacts: what samples show beyond a specification, and what they do not.
func TestFacts(t *testing.T) {
	members := map[string]*schema.Type{}
	for name, kind := range map[string]string{"time": "string", "mixed": "string", "count": "number", "asText": "number",
		"placeholder": "number", "asNumber": "string", "state": "string", "one": "object"} {
		members[name] = &schema.Type{Kinds: []string{kind}}
	}
	members["list"] = &schema.Type{Kinds: []string{"array"}, Items: &schema.Type{Kinds: []string{"object"},
		Properties: map[string]*schema.Type{"at": {Kinds: []string{"string"}}}}}
	known := &schema.Document{Name: "aws.x@Known", Source: "aws.x", DetailType: "Known",
		Detail: &schema.Type{Kinds: []string{"object"}, Properties: members}}
	text, err := awsevents.Facts([]*schema.Document{known}, []events.Envelope{
		sample(t, `{"source":"aws.x","detail-type":"Known","detail":{"time":"2026-01-02T03:04:05Z","mixed":"2026-01-02T03:04:05Z","count":1,"asText":"7",
			"placeholder":"<count>","asNumber":1,"state":null,"list":[{"at":"2026-01-02T03:04:05Z"}],"new":1,"one":[{}]}}`),
		sample(t, `{"source":"aws.x","detail-type":"Known","detail":{"time":"2026-01-02T03:04:05Z","mixed":"tomorrow"}}`),
		sample(t, `{"source":"aws.y","detail-type":"Only Sampled","detail":{"a":1,"b":"x"}}`),
		sample(t, `{"source":"aws.z","detail-type":"Often Sampled","detail":{"a":1,"b":"x"}}`),
		sample(t, `{"source":"aws.z","detail-type":"Often Sampled","detail":{"a":1}}`),
		sample(t, `{"source":"aws.z","detail-type":"Often Sampled","detail":{"a":"2"}}`),
	})
	if err != nil {
		t.Fatal(err)
	}
	want := `{"source":"aws.x","detail-type":"Known","samples":2,"date-time":["/list/*/at","/time"],"string-or-number":["/asNumber","/asText"],"null":["/state"],"array":["/one"]}
{"source":"aws.y","detail-type":"Only Sampled","samples":1,"detail":{"properties":{"a":{"type":"integer"},"b":{"type":"string"}},"type":"object"}}
{"source":"aws.z","detail-type":"Often Sampled","samples":3,"detail":{"properties":{"a":{"type":["number","string"]},"b":{"type":"string"}},"required":["a"],"type":"object"}}
`
	if string(text) != want {
		t.Errorf("facts are\n%swant\n%s", text, want)
	}
}

// TestFactsAreTheSamples: samples.jsonl is what the samples give, where they are
// there: EVENTROUTER_TEST_DATA names the folder.
func TestFactsAreTheSamples(t *testing.T) {
	dir := os.Getenv("EVENTROUTER_TEST_DATA")
	if dir == "" {
		t.Skip("EVENTROUTER_TEST_DATA names no folder of samples")
	}
	files, err := filepath.Glob(filepath.Join(dir, "events", "aws*.json*"))
	if err != nil || len(files) < 2 {
		t.Fatalf("%d files of samples, %v", len(files), err)
	}
	samples, err := awsevents.ReadSamples(append(files, "../../../events/aws/testdata/ecs-task-state-change.json")...)
	if err != nil {
		t.Fatal(err)
	}
	got, err := awsevents.Facts(spec(t).Events(), samples)
	if err != nil {
		t.Fatal(err)
	}
	committed, err := os.ReadFile("samples.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, committed) {
		t.Errorf("samples.jsonl is not what the %d samples give; run gen -samples", len(samples))
	}
}

package aws_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/events/aws"
	"github.com/blockforger/eventrouter/events/typed"
	"github.com/blockforger/eventrouter/fault"
)

// testData is the variable that names a folder with more samples, in events:
// AWS's own have no licence to be copied into this repository.
const testData = "EVENTROUTER_TEST_DATA"

// sampleEvents returns the events of testdata, and those of the folder that
// testData names. Names have the form file:line.
func sampleEvents(t testing.TB) map[string]events.Envelope {
	t.Helper()
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) < 8 {
		t.Fatalf("%d samples, %v", len(files), err)
	}
	if dir := os.Getenv(testData); dir != "" {
		more, err := filepath.Glob(filepath.Join(dir, "events", "*.json*"))
		if err != nil || len(more) == 0 {
			t.Fatalf("%s has no events: %v", dir, err)
		}
		files = append(files, more...)
	}
	all := make(map[string]events.Envelope)
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		dec := jsontext.NewDecoder(bytes.NewReader(data))
		for line := 1; dec.PeekKind() != 0; line++ {
			value, err := dec.ReadValue()
			if err != nil {
				t.Fatalf("%s:%d: %v", file, line, err)
			}
			e, err := events.DecodeEnvelope(value)
			if err != nil {
				t.Fatalf("%s:%d: %v", file, line, err)
			}
			all[fmt.Sprintf("%s:%d", filepath.Base(file), line)] = e
		}
	}
	return all
}

// deviations are the samples that do not fit their types, from
// testdata/deviations.tsv: file and line, then the error.
func deviations(t testing.TB) map[string]string {
	t.Helper()
	text, err := os.ReadFile("testdata/deviations.tsv")
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]string)
	for line := range strings.Lines(string(text)) {
		name, rest, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		if ok && !strings.HasPrefix(line, "#") {
			all[name] = rest
		}
	}
	return all
}

// TestSamples decodes every sample of a kind that has a type, or finds it in the
// list of deviations with its reason, and encodes it again.
func TestSamples(t *testing.T) {
	registry, listed := aws.Registry(), deviations(t)
	decoded := 0
	for name, e := range sampleEvents(t) {
		event, err := registry.Decode(e)
		reason, deviates := listed[name]
		switch {
		case err != nil && !deviates:
			t.Errorf("%s\t%s from %s: %s", name, e.DetailType, e.Source, fault.MessageOf(err))
		case err == nil && deviates:
			t.Errorf("%s decodes, but is listed: %s", name, reason)
		case err != nil && !strings.Contains(reason, fault.MessageOf(err)):
			t.Errorf("%s is listed for %q, but %s", name, reason, fault.MessageOf(err))
		}
		if err != nil {
			continue
		}
		isAWS := strings.HasPrefix(e.Source, "aws.") || strings.HasSuffix(e.Source, ".amazonaws.com")
		if isAWS == (event == typed.Decoded(event.Raw())) {
			t.Errorf("%s: %s from %s decodes as %T", name, e.DetailType, e.Source, event)
		}
		decoded++
		roundTrip(t, name, event, e)
	}
	t.Logf("%d samples decoded, %d deviations listed", decoded, len(listed))
	if os.Getenv(testData) != "" && decoded < 400 {
		t.Errorf("only %d samples decoded", decoded)
	}
}

// roundTrip checks that what is encoded is the event, and that encoding/json
// keeps every member of the detail, in both directions.
func roundTrip(t *testing.T, name string, event typed.Decoded, e events.Envelope) {
	t.Helper()
	encoder, ok := event.(interface{ Encode() ([]byte, error) })
	if !ok {
		return
	}
	text, err := encoder.Encode()
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	again, err := events.DecodeEnvelope(text)
	if err != nil || !slices.Equal(canonical(t, again.Detail), canonical(t, e.Detail)) {
		t.Errorf("%s: the detail became\n%s\n%v", name, again.Detail, err)
	}
	// With encoding/json the whole event is written by its types' methods.
	text, err = json.Marshal(event)
	if err != nil {
		t.Errorf("%s: encoding/json: %v", name, err)
		return
	}
	var written struct{ Detail any }
	if err := json.Unmarshal(text, &written); err != nil {
		t.Fatal(err)
	}
	var want any
	if err := json.Unmarshal(e.Detail, &want); err != nil {
		t.Fatal(err)
	}
	if at := missing(want, written.Detail, ""); at != "" {
		t.Errorf("%s: encoding/json loses or changes %s:\n%s", name, at, text)
	}
}

// missing returns the place of the first member of want that got lacks. Got may
// have required members that the sample lacks.
func missing(want, got any, at string) string {
	switch want := want.(type) {
	case map[string]any:
		object, ok := got.(map[string]any)
		if !ok {
			return at
		}
		for name, w := range want {
			g, ok := object[name]
			if !ok {
				return at + "/" + name
			}
			if place := missing(w, g, at+"/"+name); place != "" {
				return place
			}
		}
	case []any:
		list, ok := got.([]any)
		if !ok || len(list) != len(want) {
			return at
		}
		for i := range want {
			if place := missing(want[i], list[i], fmt.Sprintf("%s/%d", at, i)); place != "" {
				return place
			}
		}
	default:
		if want != got {
			return at
		}
	}
	return ""
}

func canonical(t *testing.T, v jsontext.Value) jsontext.Value {
	t.Helper()
	c := v.Clone()
	if err := c.Canonicalize(); err != nil {
		t.Fatal(err)
	}
	return c
}

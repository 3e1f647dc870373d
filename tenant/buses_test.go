package tenant_test

import (
	"slices"
	"testing"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/internal/blob"
	"github.com/blockforger/eventrouter/tenant"
)

// TestBuses: every bus that a file names is listed once, wherever it is named,
// and mistakes elsewhere in the files do not hide it.
func TestBuses(t *testing.T) {
	arn := func(name string) string { return "arn:aws:events:us-east-1:111122223333:event-bus/" + name }
	files := blob.NewMemory()
	for name, text := range map[string]string{
		"acme/tenant.properties":  `eventbridge-output=[{"eventbridge_arn":"` + arn("b") + `"},{},{"eventbridge_arn":"` + arn("a") + `"}]` + "\neventbridge-results=" + arn("results") + "\n",
		"acme/pet.json":           `{"type":"object","properties":{"id":{"type":"string"}},"meta":{"eventbridge-output":[{"eventbridge_arn":"` + arn("schema") + `"}]}}`,
		"rival/tenant.properties": `eventbridge-output=[{"eventbridge_arn":"` + arn("b") + `"}]` + "\nno-such-property=1\n",
		"rival/broken.json":       `{`,
		"other/pet.json":          `{"meta":{"eventbridge-output":[{"eventbridge_arn":"` + arn("unused") + `"}]}}`, // no tenant
	} {
		if _, err := files.Put(t.Context(), name, []byte(text), nil, blob.Condition{}); err != nil {
			t.Fatal(err)
		}
	}
	got, err := tenant.Buses(t.Context(), files)
	if err != nil {
		t.Fatal(err)
	}
	var want []events.BusARN
	for _, name := range []string{"a", "b", "results", "schema"} {
		want = append(want, events.BusARN(arn(name)))
	}
	if !slices.Equal(got, want) {
		t.Errorf("buses %v, want %v", got, want)
	}
}

package tenant_test

import (
	"strings"
	"testing"
	"time"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/blob"
	"github.com/blockforger/eventrouter/tenant"
)

// TestVanishedTenant checks that a tenant whose whole folder has disappeared is
// Unavailable for an hour, so that its events are retried, and then NotFound.
func TestVanishedTenant(t *testing.T) {
	w := newWorld(t, tenant.CatalogOptions{Vanished: time.Hour})
	files := map[string]string{"acme/tenant.properties": "eventbridge-input=true\n", "acme/pet.json": `{}`}
	fill := func() {
		for name, text := range files {
			w.put(name, text)
		}
	}
	remove := func(names ...string) {
		for _, name := range names {
			if err := w.bucket.Delete(t.Context(), name, blob.Condition{}); err != nil {
				t.Fatal(err)
			}
		}
		w.now.Add(int64(tenant.MaxPositive + time.Second))
	}
	want := func(when string, code fault.Code) {
		t.Helper()
		if _, err := w.dir.Tenant(t.Context(), "acme"); code == 0 && err != nil || code != 0 && !fault.Is(err, code) {
			t.Errorf("%s: %v, want code %v", when, err, code)
		}
	}
	fill()
	want("at first", 0)
	remove("acme/tenant.properties", "acme/pet.json")
	want("after the folder disappeared", fault.Unavailable)
	if _, err := w.dir.Schema(t.Context(), "acme", "pet"); !fault.Is(err, fault.Unavailable) {
		t.Errorf("a schema: %v", err)
	}
	w.now.Add(int64(50 * time.Minute))
	want("after 50 minutes", fault.Unavailable)
	reported := strings.Join(w.reports, "\n")
	if strings.Count(reported, "has disappeared") != 1 || !strings.Contains(reported, "acme/tenant.properties: error: ") {
		t.Errorf("reported %q, want one error", reported)
	}
	fill()
	w.now.Add(int64(tenant.MaxNegative + time.Second))
	want("after it was pushed again", 0)

	remove("acme/tenant.properties", "acme/pet.json")
	want("after it disappeared again", fault.Unavailable)
	w.now.Add(int64(61 * time.Minute))
	want("after an hour", fault.NotFound)
	want("later", fault.NotFound)

	// Who removes the properties alone switches the tenant off.
	fill()
	w.now.Add(int64(tenant.MaxNegative + time.Second))
	want("pushed a third time", 0)
	remove("acme/tenant.properties")
	want("after the properties were removed", fault.NotFound)

	// Nothing is known of a tenant that was never served, and without the option.
	if _, err := w.dir.Tenant(t.Context(), "nobody"); !fault.Is(err, fault.NotFound) {
		t.Errorf("an unknown tenant: %v", err)
	}
	w = newWorld(t, tenant.CatalogOptions{})
	fill()
	want("without the option, at first", 0)
	remove("acme/tenant.properties", "acme/pet.json")
	want("without the option", fault.NotFound)
}

package tenant_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/internal/blob"
	"github.com/blockforger/eventrouter/tenant"
)

// The sample tenants are what a newcomer serves first: they are to be clean.
func TestSampleTenants(t *testing.T) {
	dir, err := blob.OpenDir("../schemas")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = dir.Close() }()
	findings, err := tenant.Lint(t.Context(), dir, nil)
	if err != nil || len(findings) > 0 {
		t.Fatalf("lint: %v, %v", findings, err)
	}

	d := tenant.NewCatalog(dir, nil)
	ids, err := d.Tenants(t.Context())
	if err != nil || !cmp.Equal(ids, []events.TenantID{"evented", "petstore"}) {
		t.Fatalf("tenants = %v, %v", ids, err)
	}
	for id, want := range map[events.TenantID][]events.SchemaID{
		"evented":  {"evented"},
		"petstore": {"analytics", "orders", "petstore"},
	} {
		owner, err := d.Tenant(t.Context(), id)
		if err != nil || !owner.Input {
			t.Errorf("%s: input = %v, %v", id, owner, err)
		}
		schemas, err := d.Schemas(t.Context(), id)
		if err != nil || !cmp.Equal(schemas, want) {
			t.Errorf("%s: schemas = %v, %v", id, schemas, err)
		}
	}

	bus := events.DefaultBus("aws", "us-east-1", "000000000000")
	for _, c := range []struct {
		tenant events.TenantID
		schema events.SchemaID
		op     events.Operation
		want   []tenant.Output
	}{
		{"evented", "evented", events.Patch, []tenant.Output{{Bus: bus, Source: "blockforger-output", DetailType: "evented.PATCH"}}},
		{"petstore", "petstore", events.Post, []tenant.Output{{Bus: bus, Source: "blockforger-output", DetailType: "petstore.POST"}}},
		{"petstore", "petstore", events.Patch, nil},
		{"petstore", "orders", events.Delete, []tenant.Output{{Bus: bus, Source: "blockforger-output", DetailType: "orders.removed"}}},
		{"petstore", "analytics", events.Delete, []tenant.Output{
			{Bus: bus, Source: "blockforger-output", DetailType: "record.analytics.DELETE", Record: true, Metadata: true},
			{Bus: bus, Source: "blockforger-output", DetailType: "analytics.removed"}}},
	} {
		s, err := d.Schema(t.Context(), c.tenant, c.schema)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.want, s.Outputs(c.op)); diff != "" {
			t.Errorf("%s/%s %s: %s", c.tenant, c.schema, c.op, diff)
		}
	}
}

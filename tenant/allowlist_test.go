package tenant_test

import (
	"testing"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/tenant"
)

// TestAllowListEntries: an entry with tenants or sources allows those alone, and
// several entries of one bus add up.
func TestAllowListEntries(t *testing.T) {
	const own, bus = "arn:aws:events:us-east-1:123456789012:event-bus/default", "arn:aws:events:us-east-1:210987654321:event-bus/"
	list, err := tenant.ParseAllowList(`["` + bus + `all",
		{"arn":"` + bus + `tenant","tenants":["acme"]},
		{"arn":"` + bus + `source","sources":["shop"]},
		{"arn":"` + bus + `both","tenants":["acme"],"sources":["shop"]},
		{"arn":"` + bus + `both","tenants":["rival"],"sources":["mill"]}]`)
	if err != nil {
		t.Fatal(err)
	}
	allow := tenant.AllowOnly(own, list)
	for _, c := range []struct {
		bus     events.BusARN
		tenant  events.TenantID
		source  string
		allowed bool
	}{
		{own, "rival", "mill", true},
		{bus + "all", "rival", "mill", true},
		{bus + "none", "acme", "shop", false},
		{bus + "tenant", "acme", "mill", true},
		{bus + "tenant", "rival", "mill", false},
		{bus + "source", "rival", "shop", true},
		{bus + "source", "rival", "mill", false},
		{bus + "both", "acme", "shop", true},
		{bus + "both", "acme", "mill", false},
		{bus + "both", "rival", "shop", false},
		{bus + "both", "rival", "mill", true},
	} {
		err := allow(c.tenant, c.source, c.bus)
		if (err == nil) != c.allowed || err != nil && !fault.Is(err, fault.Denied) {
			t.Errorf("%s, source %s, to %s: %v, want allowed %v", c.tenant, c.source, c.bus, err, c.allowed)
		}
	}
}

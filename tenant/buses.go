package tenant

import (
	"context"
	"maps"
	"slices"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/internal/blob"
)

// Buses returns the event buses that the tenants' files name, sorted: those of
// output rules, of tenants and of schemas, and those for results. It ignores errors
// in the files, which [Lint] reports.
func Buses(ctx context.Context, b blob.Bucket) ([]events.BusARN, error) {
	named := map[events.BusARN]bool{}
	_, err := Lint(ctx, b, &LintOptions{AllowBus: func(_ events.TenantID, _ string, bus events.BusARN) error {
		named[bus] = true
		return nil
	}})
	return slices.Sorted(maps.Keys(named)), err
}

package store

import (
	"context"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
)

// TenantData is what a driver does once in the life of a tenant: it tells all that
// it keeps of one, and takes it away. Holdings and Purge may read the whole
// ledger: they are for an operator, not for the path of a request.
type TenantData interface {
	// Sample reads any one live record of a collection, as cheaply as can be:
	// a process asks before it takes a schema into force. NotFound without one.
	Sample(ctx context.Context, c Collection) (Record, error)

	// Inventory names the collections that have heads, tombstones included, and
	// the months that have bills, both in order.
	Inventory(ctx context.Context, t events.TenantID) (Inventory, error)

	// Purge deletes heads, marks, bills and API keys of the tenant, at most
	// about limit of them, and answers how many. It is done when it answers 0;
	// what is committed meanwhile may stay. Nothing of another tenant is touched.
	Purge(ctx context.Context, t events.TenantID, limit int) (int, error)
}

// Inventory are what there is of a tenant.
type Inventory struct {
	Schemas []events.SchemaID
	Months  []string // such as 2026-11
}

// Inventory tells what is kept of a tenant; see [TenantData].
func (s *Store) Inventory(ctx context.Context, t events.TenantID) (Inventory, error) {
	const op = "store.Holdings"
	d, ok := s.driver.(TenantData)
	if !ok {
		return Inventory{}, fault.Wrap(op, fault.Internal, errNoTenure)
	}
	h, err := d.Inventory(ctx, t)
	return h, wrap(op, err)
}

// Purge takes away all that is kept of a tenant, in the ledger alone, and
// answers how much that was.
func (s *Store) Purge(ctx context.Context, t events.TenantID) (int, error) {
	const op, atOnce = "store.Purge", 500
	d, ok := s.driver.(TenantData)
	if !ok {
		return 0, fault.Wrap(op, fault.Internal, errNoTenure)
	}
	for sum := 0; ; {
		n, err := d.Purge(ctx, t, atOnce)
		sum += n
		if err != nil || n == 0 {
			return sum, wrap(op, err)
		}
	}
}

var errNoTenure = fault.Errorf(fault.Internal, "this ledger cannot tell what it keeps of a tenant")

// Guard refuses a backend or key field that is not the one under which the
// collection's records are kept (R45); Precondition, with the command that
// moves them. It looks at one record.
func (s *Store) CheckCompatible(ctx context.Context, c Collection, b events.Backend, keyField string) error {
	const op = "store.Guard"
	d, ok := s.driver.(TenantData)
	if !ok {
		return fault.Wrap(op, fault.Internal, errNoTenure) // or a schema would pass unseen
	}
	h, err := d.Sample(ctx, c)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return wrap(op, err)
	}
	if h.Backend == b && h.KeyField == keyField {
		return nil
	}
	return fault.Wrap(op, fault.Precondition, fault.Errorf(fault.Precondition,
		"records are kept in %s by %s, and the schema says %s by %s; move them: eventrouter tenant migrate --tenant %s --schema %s --backend %s --key %s",
		h.Backend, h.KeyField, b, keyField, c.Tenant, c.Schema, b, keyField))
}

package store

import (
	"context"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
)

// TenantData lists and deletes all data of a tenant. Inventory and Purge may read the
// whole ledger: they are for operators, not for the processing of requests.
type TenantData interface {
	// Sample reads any one live record of a collection at the lowest cost; NotFound
	// if there is none. It is called before a schema becomes active.
	Sample(ctx context.Context, c Collection) (Record, error)

	// Inventory lists the schemas that have records or tombstones, and the months
	// that have bills, both in order.
	Inventory(ctx context.Context, t events.TenantID) (Inventory, error)

	// Purge deletes records, idempotency records, bills and API keys of the tenant,
	// at most about limit of them, and returns how many. It is complete when it
	// returns 0; concurrent commits may remain. No other tenant is affected.
	Purge(ctx context.Context, t events.TenantID, limit int) (int, error)
}

// An Inventory lists what is stored for a tenant.
type Inventory struct {
	Schemas []events.SchemaID
	Months  []string // for example 2026-11
}

// Inventory returns what is stored for a tenant; see [TenantData].
func (s *Store) Inventory(ctx context.Context, t events.TenantID) (Inventory, error) {
	const op = "store.Holdings"
	d, ok := s.driver.(TenantData)
	if !ok {
		return Inventory{}, fault.Wrap(op, fault.Internal, errNoTenantData)
	}
	h, err := d.Inventory(ctx, t)
	return h, wrap(op, err)
}

// Purge deletes all data of a tenant in the ledger and returns the number of deleted
// items. Objects and files are not affected.
func (s *Store) Purge(ctx context.Context, t events.TenantID) (int, error) {
	const op, atOnce = "store.Purge", 500
	d, ok := s.driver.(TenantData)
	if !ok {
		return 0, fault.Wrap(op, fault.Internal, errNoTenantData)
	}
	for sum := 0; ; {
		n, err := d.Purge(ctx, t, atOnce)
		sum += n
		if err != nil || n == 0 {
			return sum, wrap(op, err)
		}
	}
}

var errNoTenantData = fault.Errorf(fault.Internal, "this ledger cannot tell what it keeps of a tenant")

// CheckCompatible rejects a backend or key field that differs from that of the
// collection's records (R45): Precondition, with the command that migrates them. It
// reads one record.
func (s *Store) CheckCompatible(ctx context.Context, c Collection, b events.Backend, keyField string) error {
	const op = "store.Guard"
	d, ok := s.driver.(TenantData)
	if !ok {
		return fault.Wrap(op, fault.Internal, errNoTenantData) // a schema must not become active unchecked
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

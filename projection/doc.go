// Package projection keeps objects and files up to date with the records of a store,
// and imports external edits of them.
//
//	records := store.New(driver, nil)
//	s := projection.New(records, &projection.Options{ByBackend: ..., Layout: ...})
//	result, err := s.Commit(ctx, change)  // marks the record as unprojected
//	progress, err := s.Project(ctx, ref)  // writes the current record to its object
//
// A [Store] decorates a store.Store. The ledger is authoritative: an object is written
// after the commit, with the record that is current then, by a conditional write. The
// invocation, a redelivery, the relay and the next writer do the same, so that a crash
// leaves nothing behind. A slow writer can write an older record; [Store.Recheck]
// finds it.
//
// An external edit of an object becomes a commit of its own when the record is next
// read or changed, without a bill and without output events. Which edits are imported
// is decided in one place, by versions and write numbers and by no clock.
//
// [Store.Migrate] moves the records of a schema to another backend or key field.
//
// A [Projection] is a driver: packages s3object and csvfile implement it.
package projection

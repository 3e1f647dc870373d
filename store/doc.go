// Package store is the storage contract: each request has exactly one effect.
//
// A [Change] is everything that one request does: the new state of the record, the
// version that the record must have, the idempotency record, the bill, and the
// entries to publish. [Store.Commit] applies it completely or not at all and returns
// a [Result], the same one for every redelivery:
//
//	s := store.New(driver, nil)
//	result, err := s.Commit(ctx, store.Change{Idempotency: ..., Record: &record, IfVersion: current.Version})
//
// A [Driver] implements the ledger over one database with transactions. The ledger
// is authoritative for all records. Where a schema's backend is s3 or csv, the object
// or file is updated after the commit.
//
// # Promises
//
// Each is a test of package storetest, which every driver runs:
//
//   - Atomicity: record, idempotency record, bill and entries are written together
//     or not at all.
//   - Redelivery: a commit whose idempotency record exists changes nothing and
//     returns the stored result, whatever has changed since.
//   - Fingerprint: the same idempotency key with another request is a Conflict.
//   - Isolation: of concurrent commits to one record one succeeds; the others get a
//     [VersionConflict] with the new state.
//   - Durability: a returned result survives a crash.
//   - Expiry: an expired idempotency record counts as absent, deleted or not; its
//     bill remains in the usage.
//   - Limits: of concurrent commits exactly as many succeed as the token limit
//     allows. What could not be stored or published on every backend is rejected
//     before any I/O.
//   - Usage: totals and bills that are not aggregated yet add up exactly; with an
//     index that lags, once it has caught up.
//   - Outbox: the work that a commit leaves is listed until it is done; late or
//     repeated progress reverts nothing.
//   - Numbers keep their exact value, up to 38 digits.
//
// Types that do I/O are safe for concurrent use; values are plain data.
package store

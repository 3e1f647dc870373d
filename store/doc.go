// Package store is the contract of exactly one effect.
//
// A [Change] is everything that one request does: the record's new state, the
// condition on its old, the mark that its idempotency key has been used, the
// bill, and the entries to publish. [Store.Commit] carries it out whole or not
// at all and answers a [Result], the same one for each redelivery.
//
// A driver implements [Driver] over one database that has transactions: the
// ledger. It holds heads (the decided state of each record) and marks. Where a
// schema's backend is s3 or csv the ledger decides all the same, and a
// [Projection] brings the decided head into the object or file afterwards.
//
// # Promises
//
// Each is a test of package storetest, which every driver runs:
//
//   - Atomicity: head, mark, bill and entries are all there or all not.
//   - Redelivery: a commit whose mark exists changes nothing and answers with
//     the mark's receipt, whatever has changed since.
//   - Fingerprint: the same idempotency key with another request is a Conflict.
//   - Isolation: of rivals for one head one wins; the others learn of its state.
//   - Durability: what was answered is still there after a crash.
//   - Expiry: a mark past its time counts as absent, deleted or not; its bill
//     stays in the usage.
//   - Limits: of commits that compete for the rest of a token limit exactly as
//     many succeed as it has room for. What could not be stored or published on
//     every backend is refused before any I/O.
//   - Usage: totals and what is not folded yet add up exactly, at any moment.
//   - Backlog: what a commit left to be done is listed until it is settled, and
//     a settlement that is late or repeated takes nothing back.
//   - Numbers: come back with their exact value, up to 38 digits.
//
// All types that do I/O are safe for concurrent use; values are plain data.
package store

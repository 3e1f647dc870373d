// Package boltstore keeps the ledger in one bbolt file: the embedded driver of
// [store.Driver], for one machine and one process. It also implements
// [apikey.Store].
//
//	key, err := seal.Open(dir, "ledger.db")
//	d, err := boltstore.Open(filepath.Join(dir, "ledger.db"), &boltstore.Options{Sealer: key})
//	s := store.New(d, nil)
//
// When Commit returns, the change is on disk; concurrent commits share an fsync.
// A commit also aggregates its bill: transactions are sequential in any case, so
// totals cause no contention, and AggregateUsage has nothing to do.
//
// # File
//
// The file has a write-ahead log beside it (package boltdb).
//
// Keys consist of ids, joined by NUL, which neither an id nor a record key can
// contain. Two lists of parts therefore never have the same key, and no tenant's
// keys begin with another tenant's prefix. Times are milliseconds since 1970, 8
// bytes big endian. HASH is the 32 hex digits of [store.IdempotencyKey.Hash].
//
//	bucket  key                                     value
//	meta    "format"                                "2"
//	meta    "seal"                                  a sealed constant; absent in a plain file
//	heads   TENANT 0 SCHEMA 0 KEY                   format flags expires len(version) version BODY
//	marks   TENANT 0 HASH                           format committed expires BODY
//	open    shard(1) committed(8) TENANT 0 HASH     empty
//	expiry  expires(8) "h" or "m", key of the item  empty
//	usage   TENANT 0 MONTH 0 DAY 0 SCHEMA 0 OP      tokens, 8 bytes
//	tokens  TENANT 0 MONTH                          tokens, 8 bytes: the sum of the month
//	leases  shard(1)                                until, owner
//	buses   ARN                                     missing, checked
//	keys    KEYID                                   an API key, without its secret
//	keysof  TENANT 0 created(8) KEYID               empty
//
// Some buckets have older names: heads holds records and marks holds idempotency
// records. open is the index of idempotency records with pending work. expiry is
// the index of tombstones ("h") and idempotency records ("m") by expiry.
//
// BODY is the value in the encoding of codec.go. In a sealed file it is sealed, and
// the seal also authenticates the bytes before it, the bucket and the key.
package boltstore

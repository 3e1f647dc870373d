// Package boltstore keeps the ledger in one bbolt file: the embedded driver of
// [store.Driver], for one machine and one process. It also implements
// [apikey.Store].
//
//	key, err := seal.Open(dir, "ledger.db")
//	d, err := boltstore.Open(filepath.Join(dir, "ledger.db"), &boltstore.Options{Sealer: key})
//	s := store.New(d, nil)
//
// What is answered is on disk; commits that arrive together share an fsync.
// Bills are folded as they are committed: transactions come one after the other
// anyhow, so a total costs no contention, and Fold finds nothing to do.
//
// # File
//
// Keys are made of ids, joined by NUL, which neither an id nor a record key can
// hold: no two lists of parts make the same key, and no tenant's keys lie within
// another's prefix. Times are milliseconds since 1970, 8 bytes big endian. HASH
// is the 32 hex digits of [store.IdempotencyKey.Hash].
//
//	bucket  key                                     value
//	meta    "format"                                "1"
//	meta    "seal"                                  a sealed constant; absent in a plain file
//	heads   TENANT 0 SCHEMA 0 KEY                   format flags expires len(stamp) stamp BODY
//	marks   TENANT 0 HASH                           format committed expires BODY
//	open    shard(1) committed(8) TENANT 0 HASH     of marks with something left to do
//	expiry  expires(8) "h" or "m", key of the thing of marks and tombstones
//	usage   TENANT 0 MONTH 0 DAY 0 SCHEMA 0 OP      tokens, 8 bytes
//	tokens  TENANT 0 MONTH                          tokens, 8 bytes: their sum
//	leases  shard(1)                                until, owner
//	buses   ARN                                     missing, checked
//	keys    KEYID                                   an API key, without its secret
//	keysof  TENANT 0 created(8) KEYID
//
// BODY is the value in the encoding of codec.go, sealed where the file is; what
// precedes it, with bucket and key, is authenticated by the seal.
package boltstore

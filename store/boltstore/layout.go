package boltstore

import (
	"encoding/binary"
	"strings"
	"time"

	"github.com/blockforger/eventrouter/apikey"
	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/store"
)

// The buckets; doc.go describes their contents.
var (
	metaBucket        = []byte("meta")
	recordsBucket     = []byte("heads")
	idempotencyBucket = []byte("marks")
	pendingBucket     = []byte("open")
	expiryBucket      = []byte("expiry")
	usageBucket       = []byte("usage")
	tokensBucket      = []byte("tokens")
	leasesBucket      = []byte("leases")
	busesBucket       = []byte("buses")
	keysBucket        = []byte("keys")
	keysOfBucket      = []byte("keysof")
)

var buckets = [][]byte{metaBucket, recordsBucket, idempotencyBucket, pendingBucket, expiryBucket,
	usageBucket, tokensBucket, leasesBucket, busesBucket, keysBucket, keysOfBucket}

// joinKey joins parts of a key. Only the last part may contain NUL.
func joinKey(parts ...string) []byte { return []byte(strings.Join(parts, "\x00")) }

func collectionPrefix(c store.Collection) []byte {
	return joinKey(string(c.Tenant), string(c.Schema), "")
}

func recordKey(r store.Ref) []byte {
	return joinKey(string(r.Tenant), string(r.Schema), string(r.Key))
}

func idempotencyKey(k store.IdempotencyKey) []byte { return joinKey(string(k.Tenant), k.Hash()) }

func usageKey(m *store.IdempotencyRecord) []byte {
	r := &m.Result
	return joinKey(string(m.Key.Tenant), m.Bill.Month, store.Day(r.Time), string(r.Ref.Schema), string(r.Operation))
}

func usagePrefix(t events.TenantID, month string) []byte { return joinKey(string(t), month, "") }

func tokensKey(t events.TenantID, month string) []byte { return joinKey(string(t), month) }

// pendingKey returns a key that orders the idempotency records of a shard by the time
// of their commit.
func pendingKey(shard int, committed time.Time, idempotencyKey []byte) []byte {
	return append(appendTime([]byte{byte(shard)}, committed), idempotencyKey...)
}

// failedShard marks the shard of an idempotency record with failed entries in the
// bucket of pending ones. A version that does not know it skips these keys.
const failedShard = 0x80

// failedKey is like [pendingKey] for an idempotency record with failed entries.
func failedKey(shard int, committed time.Time, idempotencyKey []byte) []byte {
	return pendingKey(failedShard|shard, committed, idempotencyKey)
}

// The kinds of items in the index of expiry.
const (
	expiringRecord            = 'h'
	expiringIdempotencyRecord = 'm'
)

func expiryKey(expires time.Time, kind byte, key []byte) []byte {
	return append(append(appendTime(nil, expires), kind), key...)
}

func keysOfKey(k *apikey.Key) []byte {
	b := appendTime(joinKey(string(k.Tenant), ""), k.Created)
	return append(b, k.ID...)
}

const timeSize = 8

// appendTime appends a time so that the order of bytes is the order of times: the
// sign bit is inverted, so times before 1970, and the zero time, come first.
func appendTime(b []byte, t time.Time) []byte {
	return binary.BigEndian.AppendUint64(b, uint64(t.UnixMilli())^1<<63)
}

// timeAt returns the time at the start of b, which must have at least timeSize bytes.
func timeAt(b []byte) time.Time {
	return time.UnixMilli(int64(binary.BigEndian.Uint64(b) ^ 1<<63)).UTC()
}

package boltstore

import (
	"encoding/binary"
	"strings"
	"time"

	"github.com/blockforger/eventrouter/apikey"
	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/store"
)

// The buckets; doc.go says what is in each.
var (
	metaBucket   = []byte("meta")
	headsBucket  = []byte("heads")
	marksBucket  = []byte("marks")
	openBucket   = []byte("open")
	expiryBucket = []byte("expiry")
	usageBucket  = []byte("usage")
	tokensBucket = []byte("tokens")
	leasesBucket = []byte("leases")
	busesBucket  = []byte("buses")
	keysBucket   = []byte("keys")
	keysOfBucket = []byte("keysof")
)

var buckets = [][]byte{metaBucket, headsBucket, marksBucket, openBucket, expiryBucket,
	usageBucket, tokensBucket, leasesBucket, busesBucket, keysBucket, keysOfBucket}

// joinKey joins parts of a key. No part but the last may hold NUL.
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

// openKey orders the marks of a shard by the time of their commit.
func openKey(shard int, committed time.Time, mark []byte) []byte {
	return append(appendTime([]byte{byte(shard)}, committed), mark...)
}

// What an expiry speaks of.
const (
	expiringHead = 'h'
	expiringMark = 'm'
)

func expiryKey(expires time.Time, kind byte, key []byte) []byte {
	return append(append(appendTime(nil, expires), kind), key...)
}

func keysOfKey(k *apikey.Key) []byte {
	b := appendTime(joinKey(string(k.Tenant), ""), k.Created)
	return append(b, k.ID...)
}

const timeSize = 8

// appendTime keeps the order of times: the sign bit is turned, so that times
// before 1970, and the zero time, come first.
func appendTime(b []byte, t time.Time) []byte {
	return binary.BigEndian.AppendUint64(b, uint64(t.UnixMilli())^1<<63)
}

// timeAt reads the time that b begins with; b has been checked to hold one.
func timeAt(b []byte) time.Time {
	return time.UnixMilli(int64(binary.BigEndian.Uint64(b) ^ 1<<63)).UTC()
}

package dynamostore

import (
	"hash/fnv"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/blockforger/eventrouter/apikey"
	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/store"
)

// An item holds the attributes of one item of the table, or only its key.
type item = map[string]types.AttributeValue

// Index is the name of the sparse index of idempotency records with pending work and,
// in partitions of their own, of those with failed entries.
const Index = "open"

// failedPrefix precedes the shard of an idempotency record with failed entries in the
// attribute open. A version that does not know it skips these records.
const failedPrefix = "failed-"

// parts is the number of partitions that the records of one collection are divided
// into. If it changed, stored records would no longer be found.
const parts = 8

// The kinds of items: the first segment of pk. No id contains a slash, so the keys
// of two tenants never collide.
const (
	recordPrefix      = "head/"
	idempotencyPrefix = "mark/"
	usagePrefix       = "usage/"
	limitPrefix       = "limit/" // counters written by earlier versions; they expire
	leasePrefix       = "lease/"
	busPart           = "bus" // one partition, because buses are few
	keyPrefix         = "key/"
	keysPrefix        = "keys/"
)

// onlySortKey is the sk of an item whose pk no other item has.
const onlySortKey = "-"

func primaryKey(pk, sk string) item { return item{"pk": text(pk), "sk": text(sk)} }

func recordKey(r store.Ref) item {
	return primaryKey(recordPartition(r.Collection, partOf(r.Key)), string(r.Key))
}

func recordPartition(c store.Collection, part int) string {
	return recordPrefix + string(c.Tenant) + "/" + string(c.Schema) + "/" + strconv.Itoa(part)
}

// partOf returns the partition of a record by a hash of its key. Without the hash,
// ascending keys such as order numbers would all be written to the end of one
// partition.
func partOf(k events.RecordKey) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(k))
	return int(h.Sum32() % parts)
}

func idempotencyKey(k store.IdempotencyKey) item {
	return primaryKey(idempotencyPrefix+string(k.Tenant)+"/"+string(k.Origin)+"/"+k.Value, onlySortKey)
}

// parseIdempotencyKey is the inverse of [idempotencyKey].
func parseIdempotencyKey(pk string) (k store.IdempotencyKey, ok bool) {
	rest, isIdempotencyKey := strings.CutPrefix(pk, idempotencyPrefix)
	part := strings.SplitN(rest, "/", 3)
	if !isIdempotencyKey || len(part) != 3 {
		return k, false
	}
	return store.IdempotencyKey{Tenant: events.TenantID(part[0]), Origin: store.Origin(part[1]), Value: part[2]}, true
}

func usageKey(t events.TenantID, month string) item {
	return primaryKey(usagePrefix+string(t)+"/"+month, onlySortKey)
}

func busKey(bus events.BusARN) item { return primaryKey(busPart, string(bus)) }

func leaseKey(shard int) item { return primaryKey(leasePrefix+shardName(shard), onlySortKey) }

func apiKeyKey(id apikey.ID) item { return primaryKey(keyPrefix+string(id), onlySortKey) }

func tenantAPIKeyKey(t events.TenantID, id apikey.ID) item {
	return primaryKey(keysPrefix+string(t), string(id))
}

func shardName(shard int) string { return strconv.Itoa(shard) }

// timeLayout is the format of stored times. Its width is fixed, so that times
// compare as text.
const timeLayout = "2006-01-02T15:04:05.000000000Z"

func formatTime(t time.Time) string { return t.UTC().Format(timeLayout) }

// ttlTime returns the value of the ttl attribute: the time, in seconds since 1970,
// after which DynamoDB may delete an item.
func ttlTime(t time.Time) int64 { return t.Unix() + 1 }

package store

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"slices"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
)

// An Origin is where an idempotency key came from. Keys of different origins are
// different, even if their values are equal.
type Origin string

const (
	OriginEventID      Origin = "event"  // the event's id, if the sender sent no key
	OriginEventKey     Origin = "sender" // detail.idempotency_key
	OriginRESTKey      Origin = "rest"   // the Idempotency-Key header
	OriginRESTOnce     Origin = "once"   // a REST write without a key: the request's id
	OriginMigration    Origin = "admin"  // a change made by an operator's command
	OriginExternalEdit Origin = "hand"   // a change made directly to an object or file
)

// An IdempotencyKey names a request, however often it is delivered.
type IdempotencyKey struct {
	Tenant events.TenantID
	Origin Origin
	Value  string // 1 to 128 characters
}

// Hash returns a short stable name of the key, safe in any key or id: 32 hex
// digits.
func (k IdempotencyKey) Hash() string {
	sum := k.sum("mark", 0)
	return hex.EncodeToString(sum[:16])
}

// UUID derives a UUID (version 8, RFC 9562) from the key, a different one for each
// purpose and n. A redelivery derives the same one.
func (k IdempotencyKey) UUID(purpose string, n int) string {
	u := k.sum(purpose, n)
	u[6] = u[6]&0x0f | 0x80
	u[8] = u[8]&0x3f | 0x80
	var b [36]byte
	hex.Encode(b[0:8], u[0:4])
	hex.Encode(b[9:13], u[4:6])
	hex.Encode(b[14:18], u[6:8])
	hex.Encode(b[19:23], u[8:10])
	hex.Encode(b[24:36], u[10:16])
	b[8], b[13], b[18], b[23] = '-', '-', '-', '-'
	return string(b[:])
}

// sum hashes the parts, each prefixed with its length, so that different lists of
// parts have different hashes.
func (k IdempotencyKey) sum(purpose string, n int) [sha256.Size]byte {
	b := make([]byte, 0, 256)
	for _, part := range [...]string{purpose, string(k.Tenant), string(k.Origin), k.Value} {
		b = binary.AppendUvarint(b, uint64(len(part)))
		b = append(b, part...)
	}
	return sha256.Sum256(binary.AppendVarint(b, int64(n)))
}

// A Fingerprint distinguishes two requests with the same idempotency key.
type Fingerprint [sha256.Size]byte

// Fingerprints computes a request's fingerprint by the algorithm of an older format
// of idempotency records; see package format for the numbers.
type Fingerprints func(number int) Fingerprint

// A Result is the stored result of a request. It contains no payload.
type Result struct {
	Ref       Ref // Key is "" for a rejection that names no record
	Operation events.Operation
	Revision  int64
	Version   Version
	Time      time.Time

	// Rejected is set if the request was rejected because of the state of the
	// record or the tenant; Code, Message and Violations then say why.
	Rejected   bool
	Code       fault.Code
	Message    string
	Violations []fault.Violation

	// Replayed is set in the result of a redelivery. It is not stored.
	Replayed bool
}

// Err returns the rejection of a rejected request, or nil.
func (r Result) Err() error {
	if !r.Rejected {
		return nil
	}
	return &fault.Error{Code: r.Code, Message: r.Message, Violations: r.Violations}
}

// A Bill is the cost of a request.
type Bill struct {
	Tokens int64  // 0: nothing is billed
	Month  string // in UTC, for example 2026-11
	KeyID  string // the API key of the request
}

// Month returns the billing month of t.
func Month(t time.Time) string { return t.UTC().Format("2006-01") }

// An IdempotencyRecord stores that an idempotency key was used: the result, the bill
// and the outbox entries of the request, and what remains to be done for them.
type IdempotencyRecord struct {
	Key         IdempotencyKey
	Format      int // see package format; 0 is the first
	Fingerprint Fingerprint
	Result      Result
	Bill        Bill
	Aggregated  bool // the bill is part of the usage totals
	Expires     time.Time

	Outputs Outputs

	// NeedsProjection reports that the record's object or file must be updated.
	// Recheck, if set, is when to compare record and object once more.
	NeedsProjection bool
	Recheck         time.Time
}

// HasFailedEntries reports whether entries wait for an operator, and nothing waits
// for the relay.
func (m *IdempotencyRecord) HasFailedEntries() bool {
	return !m.HasPendingWork() && slices.ContainsFunc(m.Outputs.Entries, func(e Entry) bool { return e.State == EntryFailed })
}

// HasPendingWork reports whether the relay has work for the record: a bill to
// aggregate, a projection, or entries to publish.
func (m *IdempotencyRecord) HasPendingWork() bool {
	return m.Bill.Tokens > 0 && !m.Aggregated || m.NeedsProjection || !m.Recheck.IsZero() || m.Outputs.Pending()
}

// OutputID returns the stable id of entry i, by which a consumer drops duplicates.
func (m *IdempotencyRecord) OutputID(i int) string { return m.Key.UUID("output", i) }

// Outputs are the entries that a change publishes, and the data that they share.
type Outputs struct {
	Entries []Entry

	Payload  jsontext.Value // of the request, with the key filled in
	Document jsontext.Value // the whole record; nil unless an entry contains it

	InputEventID  string
	CorrelationID string
	Hops          int
	TraceHeader   string
}

// Pending reports whether an entry has not been published yet.
func (o *Outputs) Pending() bool {
	for i := range o.Entries {
		if o.Entries[i].State == EntryPending {
			return true
		}
	}
	return false
}

// An Entry is an event to be published: its bus and what it contains.
type Entry struct {
	Bus         events.BusARN
	Source      string
	DetailType  events.DetailType
	WholeRecord bool // contains the whole record instead of the request's payload
	Metadata    bool // add detail.metadata
	Outcome     bool // reports the result of the request, without a document

	State    EntryState
	Attempts int
	Error    string    // EventBridge's code of the last failure
	Settled  time.Time // when State was last changed
}

// An EntryState is the publishing state of an entry.
type EntryState string

const (
	EntryPending   EntryState = "pending"   // committed, not yet published
	EntryPublished EntryState = "published" // accepted by EventBridge
	EntryFailed    EntryState = "failed"    // rejected by EventBridge; kept for an operator
	EntryDropped   EntryState = "dropped"   // discarded by an operator
)

package store

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
)

// An Origin says where an idempotency key came from, so that a key of one
// origin never meets that of another.
type Origin string

const (
	OriginEventID      Origin = "event"  // the event's id, where the sender gave no key
	OriginEventKey     Origin = "sender" // detail.idempotency_key
	OriginRESTKey      Origin = "rest"   // the Idempotency-Key header
	OriginRESTOnce     Origin = "once"   // a REST write without a key: the request's id
	OriginMigration    Origin = "admin"  // a change made by an operator's command
	OriginExternalEdit Origin = "hand"   // a person's own change of an object or file
)

// An IdempotencyKey names a request, whenever and however often it arrives.
type IdempotencyKey struct {
	Tenant events.TenantID
	Origin Origin
	Value  string // 1 to 128 characters
}

// Hash is a short stable name of the key, safe in any key or id: 32 hex digits.
func (k IdempotencyKey) Hash() string {
	sum := k.sum("mark", 0)
	return hex.EncodeToString(sum[:16])
}

// UUID derives a stable UUID (version 8, RFC 9562) from the key, another one
// for each purpose and n. A redelivery derives the same one.
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

// sum hashes the parts, each behind its length, so that no two lists of parts
// hash alike.
func (k IdempotencyKey) sum(purpose string, n int) [sha256.Size]byte {
	b := make([]byte, 0, 256)
	for _, part := range [...]string{purpose, string(k.Tenant), string(k.Origin), k.Value} {
		b = binary.AppendUvarint(b, uint64(len(part)))
		b = append(b, part...)
	}
	return sha256.Sum256(binary.AppendVarint(b, int64(n)))
}

// A Fingerprint tells two requests apart that bear one idempotency key.
type Fingerprint [sha256.Size]byte

// Fingerprints computes a request's fingerprint as idempotency records of an
// older format hold it; see package format for the numbers.
type Fingerprints func(number int) Fingerprint

// A Result is the stored answer of a request. It holds no payload.
type Result struct {
	Ref       Ref // Key is "" for a rejection that names no record
	Operation events.Operation
	Revision  int64
	Version   Version
	Time      time.Time

	// Rejected is set where the request was refused for the state that it met;
	// Code and Message are then what the caller was told.
	Rejected   bool
	Code       fault.Code
	Message    string
	Violations []fault.Violation

	// Replayed is set on the receipt of a redelivery. It is not stored.
	Replayed bool
}

// Err returns the rejection that the receipt records, or nil.
func (r Result) Err() error {
	if !r.Rejected {
		return nil
	}
	return &fault.Error{Code: r.Code, Message: r.Message, Violations: r.Violations}
}

// A Bill is what a request costs.
type Bill struct {
	Tokens int64  // 0: nothing is billed
	Month  string // in UTC, such as 2026-11
	KeyID  string // the API key that asked
}

// Month returns the billing month that t falls into.
func Month(t time.Time) string { return t.UTC().Format("2006-01") }

// An IdempotencyRecord says that an idempotency key has been used, and holds all that the
// request left to be done.
type IdempotencyRecord struct {
	Key         IdempotencyKey
	Format      int // see package format; 0 is the first
	Fingerprint Fingerprint
	Result      Result
	Bill        Bill
	Aggregated  bool // the bill is in the totals
	Expires     time.Time

	Outputs Outputs

	// Project says that the head's object or file is still to be brought up to
	// date; Recheck, where set, is when to compare them once more.
	NeedsProjection bool
	Recheck         time.Time
}

// Open reports whether the relay has something left to do for the mark.
func (m *IdempotencyRecord) HasPendingWork() bool {
	return m.Bill.Tokens > 0 && !m.Aggregated || m.NeedsProjection || !m.Recheck.IsZero() || m.Outputs.Pending()
}

// OutputID is the stable id of entry i: a consumer drops duplicates by it.
func (m *IdempotencyRecord) OutputID(i int) string { return m.Key.UUID("output", i) }

// Outputs are the entries that a change publishes, with what they share.
type Outputs struct {
	Entries []Entry

	Payload  jsontext.Value // the request's own, with the key filled in
	Document jsontext.Value // the whole record; nil unless an entry wants it

	InputEventID  string
	CorrelationID string
	Hops          int
	TraceHeader   string
}

// Pending reports whether an entry is still to be published.
func (o *Outputs) Pending() bool {
	for i := range o.Entries {
		if o.Entries[i].State == EntryPending {
			return true
		}
	}
	return false
}

// An Entry is one event to be published: where to, and what it shows.
type Entry struct {
	Bus         events.BusARN
	Source      string
	DetailType  events.DetailType
	WholeRecord bool // show the whole record instead of the request's payload
	Metadata    bool // add detail.metadata
	Outcome     bool // show what became of the request, and no document

	State    EntryState
	Attempts int
	Error    string    // EventBridge's code of the last failure
	Settled  time.Time // when State was last changed
}

// An EntryState says what has become of an entry.
type EntryState string

const (
	EntryPending   EntryState = "pending"   // committed, not yet published
	EntryPublished EntryState = "published" // EventBridge has taken it
	EntryFailed    EntryState = "failed"    // refused for good: parked for an operator
	EntryDropped   EntryState = "dropped"   // given up by an operator
)

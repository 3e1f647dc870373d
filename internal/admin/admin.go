// Package admin is what an operator does: API keys, records, usage, entries,
// dead letters and logs, as one interface with three forms. [Direct] works on
// the stores themselves; [NewHandler] serves any form under /_/ to peers on
// the same machine; [Client] speaks to that handler. The command line is
// written against [Admin] and does not care which form it holds.
//
// All forms are safe for concurrent use. Faults keep their codes on the wire.
package admin

import (
	"context"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/apikey"
	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/events/pattern"
)

// Admin is everything that an operator does.
type Admin interface {
	Keys
	Records
	Tenants
	Functions
}

// Keys manages API keys.
type Keys interface {
	// CreateKey makes a key; NotFound if there is no such tenant. Its secret is in the answer and nowhere else.
	CreateKey(ctx context.Context, in NewKey) (CreatedKey, error)
	// ListKeys lists a tenant's keys, oldest first.
	ListKeys(ctx context.Context, t events.TenantID) ([]KeyInfo, error)
	// RevokeKey ends a key within 30 seconds, for good.
	RevokeKey(ctx context.Context, id apikey.ID) (KeyInfo, error)
	// RotateKey makes a key like another one, which then has an end: both work
	// until it comes. Conflict while another rotation of the key has not ended.
	RotateKey(ctx context.Context, in Rotation) (CreatedKey, error)
	// ExportKeys lists what is stored of a tenant's keys, for ImportKeys.
	ExportKeys(ctx context.Context, t events.TenantID) ([]StoredKey, error)
	// ImportKeys stores keys that another deployment has made, and answers how
	// many. Those that are there already with the same secret are replaced; one
	// whose id has another secret or tenant is a Conflict, and none is stored.
	ImportKeys(ctx context.Context, keys []StoredKey) (int, error)
}

// Rotation asks for a key to follow another one.
type Rotation struct {
	KeyID   apikey.ID `json:"keyId"`
	Overlap int64     `json:"overlap"`          // for how many seconds the old one still works
	Expires time.Time `json:"expires,omitzero"` // of the new one; zero: never
}

// StoredKey is all that is stored of a key: its hash, and not the secret.
type StoredKey struct {
	KeyID       apikey.ID           `json:"keyId"`
	Tenant      events.TenantID     `json:"tenant"`
	Permissions []apikey.Permission `json:"permissions"`
	SHA256      string              `json:"sha256"` // of the key's whole text, in hexadecimal digits
	Created     time.Time           `json:"created"`
	Expires     time.Time           `json:"expires,omitzero"`
	Revoked     time.Time           `json:"revoked,omitzero"`
	Replaces    apikey.ID           `json:"replaces,omitempty"` // the key that was rotated to make this one
}

// NewKey asks for an API key.
type NewKey struct {
	Tenant      events.TenantID     `json:"tenant"`
	Permissions []apikey.Permission `json:"permissions"`
	Expires     time.Time           `json:"expires,omitzero"` // zero: never
}

// CreatedKey shows a key once.
type CreatedKey struct {
	KeyID apikey.ID `json:"keyId"`
	Key   string    `json:"key"` // the secret itself
}

// KeyInfo is what may be shown of a key.
type KeyInfo struct {
	KeyID       apikey.ID           `json:"keyId"`
	Tenant      events.TenantID     `json:"tenant"`
	Permissions []apikey.Permission `json:"permissions"`
	State       string              `json:"state"` // active, expired or revoked
	Created     time.Time           `json:"created"`
	Expires     time.Time           `json:"expires,omitzero"`
	Revoked     time.Time           `json:"revoked,omitzero"`
	LastUsed    time.Time           `json:"lastUsed,omitzero"` // to the day
}

// Records reads what requests have left.
type Records interface {
	// ListRecords lists the records of a schema in key order, after a key.
	ListRecords(ctx context.Context, q RecordQuery) (RecordPage, error)
	// Usage tells what a tenant used in a month such as 2026-11.
	Usage(ctx context.Context, t events.TenantID, month string) (Usage, error)
	// ListEntries lists entries that were to be published, by their state.
	ListEntries(ctx context.Context, q EntryQuery) (EntryPage, error)
	// SettleEntries makes entries pending again, those that were published too,
	// for as long as their mark lasts; or it gives up those that are not.
	SettleEntries(ctx context.Context, in EntryAction) (EntryActed, error)
}

// RecordQuery asks for a page of records.
type RecordQuery struct {
	Tenant events.TenantID  `json:"tenant"`
	Schema events.SchemaID  `json:"schema"`
	After  events.RecordKey `json:"after,omitempty"`
	Limit  int              `json:"limit"` // 1 to 1000; 0 means 100
}

// RecordPage is a page of records; Next is where the next one starts.
type RecordPage struct {
	Records []Record         `json:"records"`
	Next    events.RecordKey `json:"next,omitempty"`
}

// Record is one record.
type Record struct {
	Key      events.RecordKey `json:"key"`
	Revision int64            `json:"revision"`
	Data     jsontext.Value   `json:"data"`
}

// Usage is what a tenant used in a month, in tokens.
type Usage struct {
	Tenant   events.TenantID                                `json:"tenant"`
	Month    string                                         `json:"month"`
	Tokens   int64                                          `json:"tokens"`
	BySchema map[events.SchemaID]map[events.Operation]int64 `json:"bySchema"`
	ByDay    map[string]int64                               `json:"byDay"`
}

// EntryQuery chooses entries; an empty field chooses all.
type EntryQuery struct {
	Tenant   events.TenantID `json:"tenant,omitempty"`
	Bus      events.BusARN   `json:"bus,omitempty"`
	State    string          `json:"state,omitempty"`
	OutputID string          `json:"outputId,omitempty"`
	Since    time.Time       `json:"since,omitzero"`
	Until    time.Time       `json:"until,omitzero"`
	Cursor   string          `json:"cursor,omitempty"`
}

// EntryPage is a page of entries; Cursor is where the next one starts, "" at
// the end. A page may be empty and not the last.
type EntryPage struct {
	Entries []EntryInfo `json:"entries"`
	Cursor  string      `json:"cursor,omitempty"`
}

// EntryInfo is what may be shown of an entry: no payload.
type EntryInfo struct {
	OutputID   string            `json:"outputId"`
	Tenant     events.TenantID   `json:"tenant"`
	Schema     events.SchemaID   `json:"schema"`
	Operation  events.Operation  `json:"operation"`
	Key        events.RecordKey  `json:"key"`
	Bus        events.BusARN     `json:"bus"`
	Source     string            `json:"source"`
	DetailType events.DetailType `json:"detailType"`
	State      string            `json:"state"`
	Attempts   int               `json:"attempts"`
	Error      string            `json:"error,omitempty"`
	Time       time.Time         `json:"time"` // of the change
}

// EntryAction is done to every entry that the query chooses.
type EntryAction struct {
	Query  EntryQuery `json:"query"`
	Action string     `json:"action"` // retry or drop
}

// EntryActed tells how many entries were chosen.
type EntryActed struct {
	Count int `json:"count"`
}

// Functions shows the functions and what became of events on their way to them.
type Functions interface {
	// Logs reads a function's log from a position, 0 being the oldest line kept.
	Logs(ctx context.Context, function string, from int64, limit int) (LogPage, error)
	// DeadLetters lists events that no retry has delivered.
	DeadLetters(ctx context.Context) ([]DeadLetter, error)
	// RetryDeadLetters sends those named again, or all where none is.
	RetryDeadLetters(ctx context.Context, ids []string) (int, error)
	Events
	// Explain says which rules and functions each event would reach.
	Explain(ctx context.Context, entries []ExplainEntry) ([]Explanation, error)
}

// LogPage is a part of a function's log.
type LogPage struct {
	Lines []LogLine `json:"lines"`
	Next  int64     `json:"next"` // the position after the last line
}

// LogLine is one line of a function's log.
type LogLine struct {
	Time time.Time `json:"time"`
	Text string    `json:"text"`
}

// DeadLetter is an event that no retry has delivered. The event itself stays
// where it is kept: it holds an API key.
type DeadLetter struct {
	ID       string    `json:"id"`
	Function string    `json:"function"`
	EventID  string    `json:"eventId"`
	Attempts int       `json:"attempts"`
	Error    string    `json:"error"`
	Time     time.Time `json:"time"`
}

// ExplainEntry is an entry of PutEvents as far as rules can see it.
type ExplainEntry struct {
	Bus        string `json:"bus"`
	Source     string `json:"source"`
	DetailType string `json:"detailType"`
	Detail     string `json:"detail"`
}

// Explanation says where an event would go.
type Explanation struct {
	Rules []RuleVerdict `json:"rules"`
}

// RuleVerdict is one rule's answer to an event.
type RuleVerdict struct {
	Rule    string   `json:"rule"`
	Matches bool     `json:"matches"`
	Targets []string `json:"targets,omitempty"`
	Why     string   `json:"why,omitempty"` // where it does not match
	// Explanation tells it field by field; only a trace has it.
	Explanation *pattern.Explanation `json:"explanation,omitempty"`
}

// Package admin contains the operations of an operator on API keys, records,
// usage, entries, dead letters and logs, as the interface [Admin]. [Direct]
// implements it on the stores; [NewHandler] serves an implementation under /_/ to
// peers on the same machine; [Client] implements it by requests to that handler.
// The command line uses [Admin] and works with each implementation.
//
// All implementations are safe for concurrent use. Errors keep their codes on the
// wire.
package admin

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/apikey"
	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/trace"
)

// Admin has all operations of an operator.
type Admin interface {
	Keys
	Records
	Tenants
	Functions
}

// Keys manages API keys.
type Keys interface {
	// CreateKey creates a key; NotFound if the tenant does not exist. Only the
	// result holds its secret.
	CreateKey(ctx context.Context, in NewKey) (CreatedKey, error)
	// ListKeys lists a tenant's keys, oldest first.
	ListKeys(ctx context.Context, t events.TenantID) ([]KeyInfo, error)
	// RevokeKey revokes a key permanently; it takes effect within 30 seconds.
	RevokeKey(ctx context.Context, id apikey.ID) (KeyInfo, error)
	// RotateKey creates a key with the tenant and permissions of another one, which
	// then expires after the overlap. Both work until then. Conflict while another rotation of the key has not ended.
	RotateKey(ctx context.Context, in Rotation) (CreatedKey, error)
	// ExportKeys lists the stored form of a tenant's keys, for ImportKeys.
	ExportKeys(ctx context.Context, t events.TenantID) ([]StoredKey, error)
	// ImportKeys stores keys that another deployment created, and returns their
	// number. Existing keys with the same secret are replaced. If an id exists with
	// another secret or tenant, or three keys of one rotation would be active, the
	// error is Conflict; if a tenant does not exist, it is NotFound. No key is stored
	// then.
	ImportKeys(ctx context.Context, keys []StoredKey) (int, error)
}

// Rotation holds the arguments of RotateKey.
type Rotation struct {
	KeyID   apikey.ID `json:"keyId"`
	Overlap int64     `json:"overlap"`          // the seconds for which the old key still works
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

// NewKey holds the arguments of CreateKey.
type NewKey struct {
	Tenant      events.TenantID     `json:"tenant"`
	Permissions []apikey.Permission `json:"permissions"`
	Expires     time.Time           `json:"expires,omitzero"` // zero: never
}

// CreatedKey is a new key with its secret, which is not stored.
type CreatedKey struct {
	KeyID apikey.ID `json:"keyId"`
	Key   string    `json:"key"` // the secret itself
}

// KeyInfo describes a key without its secret and hash.
type KeyInfo struct {
	KeyID       apikey.ID           `json:"keyId"`
	Tenant      events.TenantID     `json:"tenant"`
	Permissions []apikey.Permission `json:"permissions"`
	State       string              `json:"state"` // active, expired or revoked
	Created     time.Time           `json:"created"`
	Expires     time.Time           `json:"expires,omitzero"`
	Revoked     time.Time           `json:"revoked,omitzero"`
	LastUsed    time.Time           `json:"lastUsed,omitzero"` // accurate to the day
}

// Records reads records, usage and entries.
type Records interface {
	// ListRecords lists the records of a schema in key order, after a key. If the
	// query has a key, it returns that record, or NotFound.
	ListRecords(ctx context.Context, q RecordQuery) (RecordPage, error)
	// Usage returns a tenant's usage in a month, for example 2026-11.
	Usage(ctx context.Context, t events.TenantID, month string) (Usage, error)
	// ListEntries lists the outbox entries that match a query.
	ListEntries(ctx context.Context, q EntryQuery) (EntryPage, error)
	// SettleEntries makes entries pending again, also published ones, as long as
	// their idempotency record exists; or it drops entries that are not published.
	SettleEntries(ctx context.Context, in EntryAction) (EntryActed, error)
}

// RecordQuery selects a page of records, or one record.
type RecordQuery struct {
	Tenant events.TenantID  `json:"tenant"`
	Schema events.SchemaID  `json:"schema"`
	Key    events.RecordKey `json:"key,omitempty"` // only this record
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

// Usage is a tenant's usage in a month, in tokens.
type Usage struct {
	Tenant   events.TenantID                                `json:"tenant"`
	Month    string                                         `json:"month"`
	Tokens   int64                                          `json:"tokens"`
	BySchema map[events.SchemaID]map[events.Operation]int64 `json:"bySchema"`
	ByDay    map[string]int64                               `json:"byDay"`
}

// EntryQuery selects entries; an empty field matches all.
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
	Entries []trace.Entry `json:"entries"`
	Cursor  string        `json:"cursor,omitempty"`
}

// EntryAction is an action on all entries that match the query.
type EntryAction struct {
	Query  EntryQuery `json:"query"`
	Action string     `json:"action"` // retry or drop
}

// EntryActed holds the number of entries that were changed.
type EntryActed struct {
	Count int `json:"count"`
}

// Functions reads the logs of the functions and the deliveries of events to them.
type Functions interface {
	// Logs reads a function's log from a position, 0 being the oldest line kept.
	Logs(ctx context.Context, function string, from int64, limit int) (LogPage, error)
	// DeadLetters lists events that no retry has delivered, at most q.Limit.
	DeadLetters(ctx context.Context, q LetterQuery) ([]DeadLetter, error)
	// RetryDeadLetters sends dead letters again and returns their number. Each that
	// succeeds is removed at once, so that an interrupted call can be repeated.
	RetryDeadLetters(ctx context.Context, q LetterQuery) (int, error)
	// PredictDeadLetters returns what sending dead letters again would result in now.
	PredictDeadLetters(ctx context.Context, q LetterQuery) (LetterPrediction, error)
	Events
	// Explain returns the rules and functions that each event would reach, and whether
	// the router would reject it.
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

// DeadLetter is an event that no retry has delivered. It does not
// include the event itself, which holds an API key.
type DeadLetter struct {
	ID       string    `json:"id"`
	Function string    `json:"function"`
	EventID  string    `json:"eventId"`
	Attempts int       `json:"attempts"`
	Error    string    `json:"error"`
	Time     time.Time `json:"time"`

	// Tenant and schema as the event names them, unverified; Code is why it was given
	// up, for example RetriesExhausted or NO_PERMISSIONS.
	Tenant string `json:"tenant,omitempty"`
	Schema string `json:"schema,omitempty"`
	Code   string `json:"code,omitempty"`
}

// LetterQuery selects dead letters; an empty field matches all.
type LetterQuery struct {
	IDs    []string  `json:"ids,omitempty"`
	Tenant string    `json:"tenant,omitempty"`
	Schema string    `json:"schema,omitempty"`
	Code   string    `json:"code,omitempty"`
	Since  time.Time `json:"since,omitzero"`
	Limit  int       `json:"limit,omitempty"` // 0: no limit
}

// Matches reports whether a query selects a dead letter.
func (q *LetterQuery) Matches(l *DeadLetter) bool {
	return (len(q.IDs) == 0 || slices.Contains(q.IDs, l.ID)) && (q.Tenant == "" || q.Tenant == l.Tenant) && (q.Schema == "" || q.Schema == l.Schema) &&
		(q.Code == "" || strings.EqualFold(q.Code, l.Code)) && (q.Since.IsZero() || !l.Time.Before(q.Since))
}

// LetterPrediction counts dead letters by what sending them again would result in.
type LetterPrediction struct {
	Change   int            `json:"change"`             // would change a record
	Stored   int            `json:"stored"`             // would return their stored result
	Rejected map[string]int `json:"rejected,omitempty"` // would be rejected, by place and reason
	Failed   map[string]int `json:"failed,omitempty"`   // would fail again, by reason
}

// Add counts one dead letter, by the result of router.Predict.
func (p *LetterPrediction) Add(replayed bool, err error) {
	switch {
	case replayed:
		p.Stored++
	case err == nil:
		p.Change++
	case fault.IsRejection(err):
		if p.Rejected == nil {
			p.Rejected = map[string]int{}
		}
		p.Rejected[rejection(err)]++
	default:
		if p.Failed == nil {
			p.Failed = map[string]int{}
		}
		p.Failed[err.Error()]++
	}
}

// rejection returns the places and reasons of a rejection.
func rejection(err error) string {
	violations := fault.ViolationsOf(err)
	if len(violations) == 0 {
		return fault.MessageOf(err)
	}
	text := make([]string, len(violations))
	for i, v := range violations {
		text[i] = v.Pointer + ": " + v.Message
	}
	return strings.Join(text, "; ")
}

// ExplainEntry has the members of a PutEvents entry that rules match.
type ExplainEntry struct {
	Bus        string    `json:"bus"`
	Source     string    `json:"source"`
	DetailType string    `json:"detailType"`
	Detail     string    `json:"detail"`
	Time       time.Time `json:"time,omitzero"`
}

// Explanation lists the rules of a bus with their results for an event.
type Explanation struct {
	Rules []trace.Rule `json:"rules"`
	// Rejection is the outcome of an input event that the router would reject
	// because of its form, API key, tenant, schema or payload.
	Rejection *trace.Outcome `json:"rejection,omitempty"`
}

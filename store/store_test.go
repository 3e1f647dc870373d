package store_test

import (
	"bytes"
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/store"
)

var now = time.Date(2026, 11, 30, 23, 59, 59, 123_456_789, time.FixedZone("west", -3600))

// scripted fails commits with a list of errors, and then applies them.
type scripted struct {
	store.Driver
	errs []error
	got  []store.Change
	mark store.IdempotencyRecord
}

func (s *scripted) Commit(_ context.Context, c *store.Change) (store.Result, error) {
	s.got = append(s.got, *c)
	if n := len(s.got); n <= len(s.errs) && s.errs[n-1] != nil {
		return store.Result{}, s.errs[n-1]
	}
	return c.Idempotency.Result, nil
}

func (s *scripted) IdempotencyRecord(context.Context, store.IdempotencyKey) (store.IdempotencyRecord, error) {
	if s.mark.Key.Value == "" {
		return store.IdempotencyRecord{}, fault.Errorf(fault.NotFound, "none")
	}
	return s.mark, nil
}

func newStore(d store.Driver) *store.Store {
	return store.New(d, &store.Options{
		Clock:     func() time.Time { return now },
		Rand:      bytes.NewReader(bytes.Repeat([]byte{0xab}, 1024)),
		Retention: time.Hour,
	})
}

func petRef() store.Ref {
	return store.Ref{Collection: store.Collection{Tenant: "acme", Schema: "petstore"}, Key: "rex"}
}

func petChange() store.Change {
	return store.Change{
		Idempotency: store.IdempotencyRecord{
			Key:    store.IdempotencyKey{Tenant: "acme", Origin: store.OriginEventID, Value: "1"},
			Result: store.Result{Ref: petRef(), Operation: events.Put},
			Bill:   store.Bill{Tokens: 10},
			Outputs: store.Outputs{
				Payload: jsontext.Value(`{"id":"rex"}`),
				Entries: []store.Entry{{Bus: "arn:aws:events:us-east-1:000000000000:event-bus/default", Source: "s", DetailType: "d", State: store.EntryPending}},
			},
		},
		Record: &store.Record{Ref: petRef(), Revision: 7, Data: jsontext.Value(`{"id":"rex"}`)},
	}
}

func TestCommitStamps(t *testing.T) {
	d := &scripted{}
	c := petChange()
	r, err := newStore(d).Commit(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	stamp := store.Version(strings.Repeat("ab", 16))
	at := now.UTC().Truncate(time.Millisecond)
	if want := (store.Result{Ref: petRef(), Operation: events.Put, Revision: 7, Version: stamp, Time: at}); !reflect.DeepEqual(r, want) {
		t.Errorf("receipt %+v, want %+v", r, want)
	}
	got := d.got[0]
	if got.Record.Version != stamp || got.Record.Time != at || !got.Record.Expires.IsZero() {
		t.Errorf("head %+v", got.Record)
	}
	if got.Idempotency.Expires != at.Add(time.Hour) || got.Idempotency.Bill.Month != "2026-12" {
		t.Errorf("mark expires %v, bill %+v", got.Idempotency.Expires, got.Idempotency.Bill)
	}
	if c.Record.Version != "" || c.Idempotency.Result.Version != "" {
		t.Error("the caller's change was stamped")
	}

	c.Record.Deleted, c.Record.Data = true, nil
	if _, err := newStore(d).Commit(context.Background(), c); err != nil || d.got[1].Record.Expires != at.Add(time.Hour) {
		t.Errorf("tombstone expires %v, %v", d.got[1].Record.Expires, err)
	}
}

// Only the driver repeats calls.
func TestCommitAsksTheDriverOnce(t *testing.T) {
	for name, err := range map[string]error{
		"success":     nil,
		"unavailable": fault.Errorf(fault.Unavailable, "down"),
		"conflict":    fault.Errorf(fault.Conflict, "no"),
		"exhausted":   fault.Errorf(fault.Exhausted, "no"),
		"internal":    errors.New("broken"),
		"moved":       &store.VersionConflict{Current: store.Record{Version: "x"}},
	} {
		d := &scripted{errs: []error{err}}
		_, got := newStore(d).Commit(context.Background(), petChange())
		if len(d.got) != 1 || (got == nil) != (err == nil) || err != nil && fault.CodeOf(got) != fault.CodeOf(err) {
			t.Errorf("%s: %d calls, %v", name, len(d.got), got)
		}
		if moved, ok := got.(*store.VersionConflict); name == "moved" && (!ok || moved.Current.Version != "x") {
			t.Errorf("moved comes back as %#v", got)
		}
	}
}

// An attempt that was carried out though it seemed to fail is no redelivery.
func TestOwnMarkIsNoReplay(t *testing.T) {
	c := petChange()
	d := &replaying{stamp: store.Version(strings.Repeat("ab", 16))}
	if r, err := newStore(d).Commit(context.Background(), c); err != nil || r.Replayed {
		t.Errorf("our own mark: %+v, %v", r, err)
	}
	d.stamp = "another"
	if r, err := newStore(d).Commit(context.Background(), c); err != nil || !r.Replayed {
		t.Errorf("another's mark: %+v, %v", r, err)
	}
}

type replaying struct {
	store.Driver
	stamp store.Version
}

func (r *replaying) Commit(context.Context, *store.Change) (store.Result, error) {
	return store.Result{Version: r.stamp, Replayed: true}, nil
}

func TestCommitRefusesBeforeAnyIO(t *testing.T) {
	long := strings.Repeat("x", store.MaxItem)
	for name, c := range map[string]struct {
		change func(*store.Change)
		code   fault.Code
	}{
		"no key":                {func(c *store.Change) { c.Idempotency.Key.Value = "" }, fault.Internal},
		"another tenant's key":  {func(c *store.Change) { c.Idempotency.Key.Tenant = "other" }, fault.Internal},
		"another record's head": {func(c *store.Change) { c.Record.Key = "max" }, fault.Internal},
		"rejection with head":   {func(c *store.Change) { c.Idempotency.Result.Rejected = true }, fault.Internal},
		"neither data":          {func(c *store.Change) { c.Record.Data = nil }, fault.Internal},
		"data and deleted":      {func(c *store.Change) { c.Record.Deleted = true }, fault.Internal},
		"large record":          {func(c *store.Change) { c.Record.Data = jsontext.Value(`"` + long + `"`) }, fault.TooLarge},
		"large payload":         {func(c *store.Change) { c.Idempotency.Outputs.Payload = jsontext.Value(`"` + long + `"`) }, fault.TooLarge},
		"payload and record": {func(c *store.Change) {
			c.Idempotency.Outputs.Payload = jsontext.Value(`"` + long[:store.MaxItem/2] + `"`)
			c.Idempotency.Outputs.Document = c.Idempotency.Outputs.Payload
		}, fault.TooLarge},
		"many large entries": {func(c *store.Change) {
			c.Idempotency.Outputs.Entries = make([]store.Entry, 2500)
		}, fault.TooLarge},
		"long number": {func(c *store.Change) { c.Record.Data = jsontext.Value(`{"n":[1,1e126]}`) }, fault.TooLarge},
	} {
		d, change := &scripted{}, petChange()
		c.change(&change)
		_, err := newStore(d).Commit(context.Background(), change)
		if err == nil || fault.CodeOf(err) != c.code || len(d.got) != 0 {
			t.Errorf("%s: %v, %d calls", name, err, len(d.got))
		}
		if err != nil && len(err.Error()) > 500 {
			t.Errorf("%s: the error quotes the payload", name)
		}
	}
}

func TestReceipt(t *testing.T) {
	key, f := petChange().Idempotency.Key, store.Fingerprint{1}
	d := &scripted{}
	s := newStore(d)
	if _, found, err := s.StoredResult(context.Background(), key, f, nil); found || err != nil {
		t.Errorf("without a mark: %v, %v", found, err)
	}
	d.mark = store.IdempotencyRecord{Key: key, Fingerprint: f, Result: store.Result{Version: "x"}}
	if r, found, err := s.StoredResult(context.Background(), key, f, nil); !found || err != nil || !r.Replayed || r.Version != "x" {
		t.Errorf("with a mark: %+v, %v, %v", r, found, err)
	}
	if _, found, err := s.StoredResult(context.Background(), key, store.Fingerprint{2}, nil); found || !fault.Is(err, fault.Conflict) {
		t.Errorf("of another request: %v, %v", found, err)
	}
}

func TestMovedDoesNotNameTheRecord(t *testing.T) {
	err := &store.VersionConflict{Current: store.Record{Ref: petRef(), Version: "s"}}
	if !fault.Is(err, fault.Unavailable) || strings.Contains(err.Error(), "rex") {
		t.Errorf("%v, code %v", err, fault.CodeOf(err))
	}
}

package dynamostore

import (
	"testing"
	"time"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/internal/blob"
	"github.com/blockforger/eventrouter/store"
	"github.com/blockforger/eventrouter/store/storetest"
)

// TestProjection runs the suite of projections on this ledger, as used on AWS.
func TestProjection(t *testing.T) { testProjections(t, openSuite) }

func testProjections(t *testing.T, ledger func(testing.TB, storetest.Env) store.Driver, except ...string) {
	for name, h := range map[string]storetest.ProjectionHarness{"s3object": storetest.S3(), "csvfile": storetest.CSV()} {
		h.Ledger, h.Except = ledger, except
		h.Bucket = func(testing.TB) blob.Bucket { return blob.NewMemory() }
		t.Run(name, func(t *testing.T) { storetest.RunProjection(t, h) })
	}
}

// TestSaveProgressKeepsNewerRecordUnprojected: another change may be committed after
// SaveProgress has read the record and before it writes. The record of that change
// must stay unprojected.
func TestSaveProgressKeepsNewerRecordUnprojected(t *testing.T) {
	t.Run("read first", func(t *testing.T) { testNewerRecord(t, false) })
	t.Run("unread", func(t *testing.T) { testNewerRecord(t, true) })
}

func testNewerRecord(t *testing.T, unread bool) {
	w := &wire{}
	l := newLedger(t, nil, w.use)
	change := func(name string, prior store.Version, revision int64) *store.Change {
		c := newChange("rex", name, `{"id":"rex"}`)
		c.IfVersion, c.Record.Revision, c.Record.Backend, c.Record.Unprojected, c.Idempotency.NeedsProjection = prior, revision, events.S3, true, true
		return c
	}
	first := change("first", "", 1)
	if _, err := l.Commit(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	second := change("second", first.Record.Version, 2)
	concurrent := New(newClient(t), *l.name, nil)
	raced := false
	w.before = func(c *call) error {
		if (c.name != "TransactWriteItems" && c.name != "UpdateItem") || raced {
			return nil
		}
		raced = true
		_, err := concurrent.Commit(t.Context(), second)
		return err
	}
	progress := store.Progress{Projected: first.Record.Version, Recheck: time.Now().Add(time.Hour)}
	if unread {
		progress.Ref = first.Record.Ref
	}
	if err := l.SaveProgress(t.Context(), first.Idempotency.Key, progress); err != nil {
		t.Fatal(err)
	}
	h, err := l.Record(t.Context(), first.Record.Ref)
	if err != nil || !raced || h.Version != second.Record.Version || !h.Unprojected {
		t.Errorf("the record is %+v, %v, want the second change's, unprojected", h, err)
	}
	if m, err := l.IdempotencyRecord(t.Context(), first.Idempotency.Key); err != nil || !m.NeedsProjection {
		t.Errorf("the first idempotency record: %+v, %v, want NeedsProjection", m, err)
	}
}

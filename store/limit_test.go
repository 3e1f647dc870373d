package store_test

import (
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/store"
)

// The largest record, idempotency record and output event are stored, and those
// of one byte more are rejected before any I/O.
func TestLargest(t *testing.T) {
	if store.MaxItem != 400<<10 || events.MaxBytes != 1<<20 {
		t.Fatalf("the limits are %d and %d", store.MaxItem, events.MaxBytes)
	}
	document := func(n int) jsontext.Value { return jsontext.Value(`{"s":"` + strings.Repeat("s", n) + `"}`) }
	for name, c := range map[string]struct {
		fill func(c *store.Change, n int)
		size func(c *store.Change) int // as the driver gets it
		most int
	}{
		"record": {
			func(c *store.Change, n int) { c.Record.Data = document(n) },
			func(c *store.Change) int { return c.Record.Size() },
			store.MaxItem,
		},
		"idempotency record": {
			func(c *store.Change, n int) { c.Idempotency.Outputs.Payload = document(n) },
			func(c *store.Change) int { return c.Idempotency.Size() },
			store.MaxItem,
		},
		"output event": {
			// A byte of a correlation ID counts six times in an event, since it may
			// be escaped, and once in the idempotency record.
			func(c *store.Change, n int) {
				o := &c.Idempotency.Outputs
				o.Entries[0].Metadata = true
				o.CorrelationID, o.Payload = strings.Repeat("c", n/6), document(n%6)
			},
			func(c *store.Change) int { return c.Idempotency.EntrySize(0) },
			events.MaxBytes - 1,
		},
	} {
		commit := func(n int) (*scripted, error) {
			d, change := &scripted{}, petChange()
			c.fill(&change, n)
			_, err := newStore(d).Commit(t.Context(), change)
			return d, err
		}
		d, err := commit(0)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		n := c.most - c.size(&d.got[0])
		d, err = commit(n)
		if err != nil {
			t.Errorf("%s of the largest size: %v", name, err)
		} else if got := c.size(&d.got[0]); got != c.most {
			t.Errorf("%s has size %d, want %d", name, got, c.most)
		}
		if d, err = commit(n + 1); fault.CodeOf(err) != fault.TooLarge || len(d.got) != 0 {
			t.Errorf("%s of one byte more: %v, %d calls; want TooLarge and none", name, err, len(d.got))
		}
	}
}

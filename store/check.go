package store

import (
	"errors"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
)

// check refuses, before any I/O, what could never be stored or published
// (TooLarge), and a change whose parts speak of different things (Internal:
// the caller is in error, not the sender).
func (c *Change) check() error {
	m := &c.Idempotency
	if m.Key.Value == "" || m.Key.Tenant == "" {
		return errors.New("the change has no idempotency key")
	}
	if m.Result.Ref.Tenant != m.Key.Tenant {
		return errors.New("the receipt is another tenant's than the idempotency key")
	}
	if h := c.Record; h != nil {
		switch {
		case m.Result.Rejected:
			return errors.New("a rejection must not change a record")
		case h.Ref != m.Result.Ref || h.Key == "":
			return errors.New("the head is not of the receipt's record")
		case h.Deleted != (h.Data == nil):
			return errors.New("a head has either data or is deleted")
		}
		if err := CheckNumbers(h.Data); err != nil {
			return err
		}
		if err := CheckDepth(h.Data); err != nil {
			return err
		}
		if n := h.Size(); n > MaxItem {
			return fault.Errorf(fault.TooLarge, "the record would take %d bytes as stored, at most %d are allowed", n, MaxItem)
		}
	}
	if n := m.Size(); n > MaxItem {
		return fault.Errorf(fault.TooLarge, "the request with its %d output events would take %d bytes as stored, at most %d are allowed",
			len(m.Outputs.Entries), n, MaxItem)
	}
	for i := range m.Outputs.Entries {
		if n := m.entrySize(i); n >= events.MaxBytes {
			return fault.Errorf(fault.TooLarge, "output event %d would take %d bytes, fewer than %d can be published", i, n, events.MaxBytes)
		}
	}
	return nil
}

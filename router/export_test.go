package router

import (
	"context"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/store"
)

// Plan is what an event comes to before anything is written: the bytes in, the
// change out. It is what the benchmark measures.
func (r *Router) Plan(ctx context.Context, event []byte) (store.Change, error) {
	e, err := events.DecodeEnvelope(event)
	if err != nil {
		return store.Change{}, err
	}
	req, err := decodeEvent(&e, "")
	if err != nil {
		return store.Change{}, err
	}
	granted, err := r.authorize(ctx, req)
	if err != nil {
		return store.Change{}, err
	}
	op, err := r.validate(ctx, granted)
	if err != nil {
		return store.Change{}, err
	}
	return op.change(ctx, store.Record{})
}

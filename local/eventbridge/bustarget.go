package eventbridge

import (
	"context"
	"log/slog"

	"github.com/blockforger/eventrouter/local/delivery"
)

// busTargets delivers to other buses. As on AWS, an event that came from another
// bus is not sent to a third one.
type busTargets struct {
	buses *Service
	log   *slog.Logger
}

// Deliver implements [delivery.Deliverer].
func (b busTargets) Deliver(ctx context.Context, t *delivery.Task) error {
	arn, name, err := b.buses.resolveBus(t.Target.Arn)
	if err != nil {
		return delivery.Permanent("NO_RESOURCE", "The target is not an event bus.")
	}
	if t.Hops > 0 {
		b.log.Warn("an event that came from another bus is not sent to a third", "rule", t.Rule, "bus", arn)
		return nil
	}
	a, err := b.buses.reparse(t.Body(), arn, name)
	if err != nil {
		return delivery.Permanent("INVALID_JSON", "The event is not valid for a bus.")
	}
	a.event.Hops = 1
	if err := b.buses.ingest(ctx, []*incoming{a}); err != nil {
		return delivery.Retryable("INTERNAL_ERROR", "The event could not be stored.")
	}
	return nil
}

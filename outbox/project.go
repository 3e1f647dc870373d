package outbox

import (
	"context"
	"sync"

	"github.com/blockforger/eventrouter/store"
)

// A projectionTask is what is left to be done for the object of a record.
type projectionTask int

const (
	noProjection projectionTask = iota
	project                     // update it
	recheck                     // compare it once more
)

func (p *Publisher) projectionTask(m *store.IdempotencyRecord) projectionTask {
	switch {
	case m.NeedsProjection:
		return project // which sets a new time for the recheck
	case !m.Recheck.IsZero() && !p.now().Before(m.Recheck):
		return recheck
	}
	return noProjection
}

// project does the projection tasks of a page of records, all at once: those of
// one file share its reads and writes. It returns the progress of each record;
// that of a failed task is empty, and the task waits for the next run.
func (p *Publisher) project(ctx context.Context, records []store.IdempotencyRecord, stats *RelayStats) []store.Progress {
	progress := make([]store.Progress, len(records))
	errs := make([]error, len(records))
	var group sync.WaitGroup
	for i := range records {
		ref := records[i].Result.Ref
		switch p.projectionTask(&records[i]) {
		case project:
			group.Go(func() { progress[i], errs[i] = p.store.Project(ctx, ref) })
		case recheck:
			group.Go(func() { progress[i], errs[i] = p.store.Recheck(ctx, ref) })
		}
	}
	group.Wait()
	for i := range records {
		stats.add(PublishResult{Err: errs[i]})
		if progress[i].Projected != "" {
			stats.Projected++
		}
		if progress[i].Rechecked {
			stats.Rechecked++
		}
	}
	return progress
}

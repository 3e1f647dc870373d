package router

import (
	"context"
	"sync"

	"github.com/blockforger/eventrouter/store"
)

// A projectionTask is what a mark has left to be done for the object that shows its record.
type projectionTask int

const (
	noProjection projectionTask = iota
	project                     // bring it up to date
	recheck                     // compare it once more
)

func (r *Relay) chore(m *store.IdempotencyRecord) projectionTask {
	switch {
	case m.NeedsProjection:
		return project // which sets a new time for the recheck
	case !m.Recheck.IsZero() && !r.now().Before(m.Recheck):
		return recheck
	}
	return noProjection
}

// follow does the chores of a page of marks, all at once: those that concern one
// file share its reads and writes. It answers what each mark is to be settled
// with; what failed has an empty settlement and waits for the next run.
func (r *Relay) project(ctx context.Context, marks []store.IdempotencyRecord, done *RelayStats) []store.Progress {
	settlements := make([]store.Progress, len(marks))
	errs := make([]error, len(marks))
	var group sync.WaitGroup
	for i := range marks {
		ref := marks[i].Result.Ref
		switch r.chore(&marks[i]) {
		case project:
			group.Go(func() { settlements[i], errs[i] = r.store.Project(ctx, ref) })
		case recheck:
			group.Go(func() { settlements[i], errs[i] = r.store.Recheck(ctx, ref) })
		}
	}
	group.Wait()
	for i := range marks {
		done.add(PublishResult{Err: errs[i]})
		if settlements[i].Projected != "" {
			done.Projected++
		}
		if settlements[i].Rechecked {
			done.Rechecked++
		}
	}
	return settlements
}

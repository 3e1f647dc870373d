package router

import (
	"context"
	"sync"

	"github.com/blockforger/eventrouter/store"
)

// A chore is what a mark has left to be done for the object that shows its record.
type chore int

const (
	nothing chore = iota
	project       // bring it up to date
	recheck       // compare it once more
)

func (r *Relay) chore(m *store.Mark) chore {
	switch {
	case m.Project:
		return project // which sets a new time for the recheck
	case !m.Recheck.IsZero() && !r.now().Before(m.Recheck):
		return recheck
	}
	return nothing
}

// follow does the chores of a page of marks, all at once: those that concern one
// file share its reads and writes. It answers what each mark is to be settled
// with; what failed has an empty settlement and waits for the next run.
func (r *Relay) follow(ctx context.Context, marks []store.Mark, done *Drained) []store.Settlement {
	settlements := make([]store.Settlement, len(marks))
	errs := make([]error, len(marks))
	var group sync.WaitGroup
	for i := range marks {
		ref := marks[i].Receipt.Ref
		switch r.chore(&marks[i]) {
		case project:
			group.Go(func() { settlements[i], errs[i] = r.store.Project(ctx, ref) })
		case recheck:
			group.Go(func() { settlements[i], errs[i] = r.store.Recheck(ctx, ref) })
		}
	}
	group.Wait()
	for i := range marks {
		done.add(Emission{Err: errs[i]})
		if settlements[i].Projected != "" {
			done.Projected++
		}
		if settlements[i].Rechecked {
			done.Rechecked++
		}
	}
	return settlements
}

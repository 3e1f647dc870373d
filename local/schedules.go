package local

import (
	"context"
	"time"
)

// runSchedules runs scheduled rules and schedules that are due, until ctx ends.
// Those missed while no server ran are not run later.
func (s *Server) runSchedules(ctx context.Context) {
	tick := time.NewTicker(s.opts.PollEvery)
	defer tick.Stop()
	checked := s.opts.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := s.opts.Now()
		if now.After(checked) {
			s.EventBridge.FireRules(ctx, checked, now)
			if err := s.schedules.Tick(ctx, checked, now); err != nil && ctx.Err() == nil {
				s.log.Error("schedules that fell due could not be kept and are lost", "error", err)
			}
		}
		checked = now // also if the clock went back
	}
}

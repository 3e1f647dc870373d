// Package scheduler serves EventBridge Scheduler: schedules by rate, cron and
// at, with time zones, flexible windows, start and end.
//
//	schedules, err := scheduler.Open(file, scheduler.Options{..., Fire: fire})
//	schedules.Register(mux, logger)
//	err = schedules.Tick(ctx, after, until)  // from time to time
//
// What falls due is handed to Fire, which makes it durable; a schedule of one
// time that fell due while nobody ran is made up for, others are not. A
// Schedules is safe for concurrent use.
package scheduler

// Package delivery delivers events to targets: it stores tasks, runs them when
// they are due, retries those that fail, and keeps those that it gives up as dead
// letters.
//
//	d := delivery.New(file, delivery.Options{...})
//	d.Register("sqs", delivery.QueueTargets{Queues: queues})
//	err := d.Load()
//	d.Run(ctx)
//
// As on AWS, a delivery has up to two stages with retries of their own:
// EventBridge delivers to the target by the target's retry policy, and then sends
// the event to the target's dead-letter queue; if the target is a function, Lambda
// invokes it, with two retries, after which the event becomes a dead letter.
//
// A task is removed from the data file only after its target has taken the event.
// A crash repeats a delivery, and never loses one. The order is not defined.
package delivery

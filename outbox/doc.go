// Package outbox publishes the entries of committed changes: a transactional
// outbox. A commit stores the entries of a request in its idempotency record; the
// invocation publishes them afterwards, and the relay those that an invocation
// left behind.
//
//	publisher := outbox.NewPublisher(store, bus, nil)
//	result := publisher.Publish(ctx, record, false)
//
//	relay := outbox.NewRelay(publisher, rand.Text())
//	stats, err := relay.Run(ctx, age)
//
// Publishing is at least once: after a crash between publishing and saving the
// progress, the relay publishes an entry again, under the same id. Any number of
// publishers and relays may run at once.
package outbox

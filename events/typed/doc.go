// Package typed turns events into Go types. A [Registry] maps a [Kind], the pair
// of source and detail-type, to the Go type of the event's detail; packages
// below events/aws hold generated types and maps for it.
//
//	registry := typed.NewRegistry(ec2.Events(), typed.RouterEvents())
//	event, err := registry.Decode(envelope)
//
// A registry never changes after it was made and is safe for concurrent use.
// Typed events are plain data: safe to share, not to be changed by two
// goroutines at once.
package typed

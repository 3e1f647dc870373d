// Package local is AWS's side on one machine: EventBridge's API, the functions
// that its rules invoke, their retries, dead letters and logs.
//
//	server, err := local.Open(dir, nil)
//	server.Register("eventrouter-local", handler)
//	go http.Serve(listener, server.Handler())
//	err = server.Run(ctx)
//
// # One event
//
// PutEvents builds the event as EventBridge would deliver it, matches it against
// the rules of its bus, and stores it together with one task for each target
// that a matching rule has; only then does it answer. [Server.Run] carries tasks
// out: it hands the event to the target, and where that is a function invokes it
// as Lambda does asynchronously, with two retries and then a dead letter. A task
// is removed only after its handler has returned, so that an event which was
// acknowledged reaches each target at least once, whatever is killed when.
//
// # What is kept
//
// Everything lies in one bolt file in the directory given to [Open], sealed
// (AES-256-GCM, the key file beside it), since events hold API keys. Disk is
// written before memory; memory decides. One process may have it open.
//
// A Server is safe for concurrent use.
package local

// Package local is AWS's side on one machine: EventBridge with its rules,
// targets, archives and schedules, the functions that they invoke, and what a
// person looks at around them: queues, logs, metrics.
//
//	server, err := local.Open(dir, nil)
//	server.Register("eventrouter-local", handler)
//	go http.Serve(listener, server.Handler())
//	err = server.Run(ctx)
//
// The AWS CLI, boto3 and the SDKs work with it unmodified; [Server.Operations]
// lists what is served. The methods of a Server that bear an operation's name
// are that operation: callers in this process use the same ones.
//
// # One event
//
// PutEvents builds the event as EventBridge would deliver it, matches it against
// the rules of its bus, and stores it together with one task for each target
// that a matching rule has; only then does it answer. [Server.Run] carries tasks
// out, in two stages that each have retries of their own, as on AWS: EventBridge
// delivers to the target by the target's policy, then to its dead-letter queue;
// and where the target is a function, Lambda invokes it, with two retries and
// then a dead letter ([Server.DeadLetters]). A task is removed only after the
// target has taken the event, so that an event which was acknowledged reaches
// each target at least once, whatever is killed when. No order is promised.
//
// # What is kept
//
// Everything lies in one bolt file in the directory given to [Open], sealed
// (AES-256-GCM, the key file beside it), since events hold API keys; see package
// datafile. Disk is written before memory; memory decides. One process may have it
// open. Metrics alone are in memory only.
//
// # Not as on AWS
//
// Nobody is asked for credentials or signatures. Bus policies are kept and shown
// but not enforced; function policies are where Options.EnforcePermissions says
// so. A dead letter that AWS would drop for want of a queue is kept. Quotas on
// the number of rules and buses are not enforced.
//
// A Server is safe for concurrent use.
package local

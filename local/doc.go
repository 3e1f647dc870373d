// Package local is AWS on one machine: the event buses, functions, queues, logs,
// schedules and metrics that an application needs to run without an account.
//
//	server, err := local.Open(dir, nil)
//	server.Functions.Register("eventrouter-local", handler)
//	go http.Serve(listener, server.Handler())
//	err = server.Run(ctx)
//
// The AWS CLI, boto3 and the SDKs work with it unmodified; [Server.Operations]
// lists the operations that are served. The services are in packages of their
// own: eventbridge, functions, delivery, sqs, logs, scheduler and metrics. This
// package composes them, serves them at one address, rejects requests of web
// pages, and imports CloudFormation templates.
//
// # One event
//
// PutEvents (package eventbridge) builds the event as EventBridge delivers it,
// matches it against the rules of its bus, and stores it together with one task
// for each target of each rule that matches; then it returns. [Server.Run] runs
// the tasks (package delivery), with the retries of EventBridge and of Lambda. A
// task is removed only after the target has taken the event: an acknowledged event
// reaches each target at least once, even if the process is killed. The order is
// not defined.
//
// # Data
//
// All data except metrics is in one bbolt file, with a write-ahead log beside it, in
// the directory given to [Open].
// It is encrypted, because events hold API keys (package datafile). One process at
// a time may have it open.
//
// # Differences from AWS
//
// Credentials and signatures are not checked. Bus policies are stored and returned
// but not enforced; function policies are enforced if Options.EnforcePermissions
// is set. An event that AWS would drop because its target has no dead-letter queue
// becomes a dead letter ([Server.DeadLetters]). Quotas on the number of rules and
// buses are not enforced.
//
// A Server is safe for concurrent use.
package local

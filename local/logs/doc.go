// Package logs keeps the newest lines of each log group, sealed, and serves what
// a person would look them up with: CloudWatch Logs' describing, getting and
// filtering.
//
//	groups, err := logs.Open(file, logs.Options{Keep: 10_000, Now: time.Now})
//	w := groups.Writer("/aws/lambda/f", requestID)
//	fmt.Fprintln(w, "a line")
//	w.End()
//
// Lines lie in memory, and on disk in chunks of what was new at each flush: a
// log must not cost a transaction a line. What a crash takes is the last half
// second of it. A Groups is safe for concurrent use.
package logs

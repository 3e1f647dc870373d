// Package sqs serves as much of Amazon SQS as working with EventBridge takes:
// queues that rules and dead letters go to, receiving, visibility, redrive.
//
//	queues, err := sqs.Open(file, sqs.Options{Account: "000000000000", Region: "us-east-1", Now: time.Now})
//	http.Handle("/", queues.Service(logger))
//
// A message that was sent is durable; so is how often it has been received. It
// is delivered at least once. FIFO queues keep the order within a message group
// and drop duplicates of the last five minutes, as far as one process remembers
// them. A Queues is safe for concurrent use.
package sqs

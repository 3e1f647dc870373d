// Package lambda translates between AWS Lambda and the router.
//
// One function takes everything (R14): an EventBridge event, a JSON array of
// them, an SQS batch whose bodies are events, the record of a failed
// invocation, the schedule that drives the relay, and HTTP requests in the
// shapes of API Gateway and function URLs. A [Handler] tells them apart, hands
// each to the router, writes one log line for each request, and answers in the
// shape that the caller expects:
//
//   - a rejection is an answer, never an error, so that Lambda does not retry;
//   - a fault of ours is an error, so that Lambda does, and then hands the
//     event to the dead-letter queue.
//
// A Handler is safe for concurrent use. Package app wires one.
package lambda

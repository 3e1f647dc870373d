// Package lambda translates between AWS Lambda and the router.
//
// One function processes every kind of payload (R14): an EventBridge event, a JSON
// array of them, an SQS batch whose bodies are events, the record of a failed
// invocation, the schedule that runs the relay, and HTTP requests in the shapes of
// API Gateway and function URLs. A [Handler] recognizes the kind, passes
// each request to the router, writes one log line for each, and returns the
// response that the caller expects:
//
//   - a rejection is a response, never an error, so that Lambda does not retry;
//   - a fault on the router's side is an error, so that Lambda retries and
//     finally sends the event to the dead-letter queue.
//
// A Handler is safe for concurrent use. Package app configures one from the
// function's environment variables.
package lambda

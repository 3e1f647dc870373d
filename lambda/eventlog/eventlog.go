// Package eventlog is the test function: it writes every event that it receives
// to its log and does nothing else, to show what the router publishes. The value
// of each api_key in an event, at any depth, is masked.
//
// A [Handler] is safe for concurrent use if its log is.
package eventlog

import (
	"context"
	"io"

	"github.com/blockforger/eventrouter/internal/redact"
)

// Handler is the test function. It writes events to Log.
type Handler struct{ Log io.Writer }

// Invoke implements the Handler interface of aws-lambda-go.
func (h Handler) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	return Serve(ctx, payload, h.Log)
}

// Serve writes an event to log, as one line in one write.
func Serve(_ context.Context, payload []byte, log io.Writer) ([]byte, error) {
	_, err := log.Write(append(redact.Event(payload), '\n'))
	return nil, err
}

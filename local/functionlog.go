package local

import (
	"context"
	"iter"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/local/awsapi/awsjson"
	"github.com/blockforger/eventrouter/local/logs"
)

// LogLine is one line that a function wrote.
type LogLine = logs.Line

// LogQuery says which lines are wanted; its zero value means all.
type LogQuery = logs.Query

// logGroup is where a function's log is, as on AWS.
func logGroup(function string) string { return "/aws/lambda/" + function }

// Logs yields the lines of a function, the oldest first, as far as they are
// kept (see Options.KeepLogLines). With Follow it ends with ctx. A function
// that has neither been registered nor written anything is NotFound.
func (s *Server) Logs(ctx context.Context, function string, q LogQuery) (iter.Seq[LogLine], error) {
	if _, known := s.function(function); !known && !s.logs.Has(logGroup(function)) {
		return nil, fault.Errorf(fault.NotFound, "function %q does not exist here", awsjson.Clip(function))
	}
	return s.logs.Lines(ctx, logGroup(function), q), nil
}

// Functions lists the names of the functions that are registered.
func (s *Server) Functions() []string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return sortedKeys(s.functions)
}

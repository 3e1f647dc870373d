package functions

import (
	"context"
	"iter"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/local/awsapi/awsjson"
	"github.com/blockforger/eventrouter/local/logs"
)

// logGroup returns the log group of a function, as on AWS.
func logGroup(function string) string { return "/aws/lambda/" + function }

// Logs yields the stored log lines of a function, the oldest first. With Follow it
// ends with ctx. The fault is NotFound if the function has neither been registered
// nor written anything.
func (s *Service) Logs(ctx context.Context, function string, q logs.Query) (iter.Seq[logs.Line], error) {
	if _, known := s.handler(function); !known && !s.opts.Logs.Has(logGroup(function)) {
		return nil, fault.Errorf(fault.NotFound, "function %q does not exist here", awsjson.Clip(function))
	}
	return s.opts.Logs.Lines(ctx, logGroup(function), q), nil
}

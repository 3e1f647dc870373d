package local

import (
	"context"
	"fmt"
	"reflect"
	"runtime/debug"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/local/awsapi/awsjson"
	"github.com/blockforger/eventrouter/local/delivery"
)

// functionTargets delivers to functions: EventBridge passes the event to Lambda,
// which invokes the function with retries of its own.
type functionTargets struct{ *Server }

// Deliver implements [Deliverer].
func (f functionTargets) Deliver(_ context.Context, t *delivery.Task) error {
	name, ok := f.functionOf(t.Target.Arn)
	if !ok {
		return delivery.Permanent("NO_RESOURCE", "The target "+t.Target.Arn+" does not exist here.")
	}
	if _, known := f.function(name); !known {
		return delivery.Permanent("NO_RESOURCE", "The function "+name+" does not exist here.")
	}
	if f.opts.EnforcePermissions && !f.permitted(name, t.Rule) {
		return delivery.Permanent("NO_PERMISSIONS", "The policy of function "+name+" does not let EventBridge invoke it for this rule.")
	}
	if t.Text != "" {
		return delivery.Permanent("INVALID_JSON", "The input of function "+name+" is not JSON.")
	}
	return nil
}

// Invoke implements [Invoker].
func (f functionTargets) Invoke(ctx context.Context, t *delivery.Task) *delivery.Failure {
	if t.Trace != "" {
		//lint:ignore SA1029 the key is the one that Lambda's Go runtime uses
		ctx = context.WithValue(ctx, "x-amzn-trace-id", t.Trace)
	}
	name, _ := f.functionOf(t.Target.Arn)
	_, failed := f.call(ctx, name, t.ID, t.Body())
	return failed
}

// Invoke calls a function and waits for its answer, as Lambda's Invoke does. A
// function that fails gives its error document and failed true. The fault is
// NotFound where there is no such function.
func (s *Server) Invoke(ctx context.Context, function, requestID string, payload []byte) (answer []byte, failed bool, err error) {
	if _, ok := s.function(function); !ok {
		return nil, false, fault.Errorf(fault.NotFound, "function %q does not exist here", awsjson.Clip(function))
	}
	answer, failure := s.call(ctx, function, requestID, payload)
	if failure != nil {
		return failure.Document(), true, nil
	}
	return answer, false, nil
}

// call runs a function once. It outlives neither its time nor a panic.
func (s *Server) call(ctx context.Context, function, requestID string, payload []byte) (answer []byte, failed *delivery.Failure) {
	handler, ok := s.function(function)
	if !ok {
		return nil, &delivery.Failure{Message: "the function is not registered", Type: "ResourceNotFoundException"}
	}
	ctx, cancel := context.WithTimeout(ctx, s.opts.Timeout)
	defer cancel()
	ctx = lambdacontext.NewContext(ctx, &lambdacontext.LambdaContext{
		AwsRequestID: requestID, InvokedFunctionArn: s.functionARN(function)})
	log := s.logs.Writer(logGroup(function), requestID)
	defer log.End()
	defer func() {
		if p := recover(); p != nil {
			fmt.Fprintf(log, "panic: %v\n%s", p, debug.Stack())
			answer, failed = nil, &delivery.Failure{Message: "the function panicked", Type: "panic"}
		}
	}()
	answer, err := handler(ctx, payload, log)
	if err != nil {
		return nil, &delivery.Failure{Message: err.Error(), Type: errorType(err)}
	}
	return answer, nil
}

// errorType names an error as Lambda's Go runtime does: by its Go type.
func errorType(err error) string {
	t := reflect.TypeOf(err)
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.Name()
}

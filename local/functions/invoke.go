package functions

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"runtime/debug"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/local/awsapi/awsjson"
	"github.com/blockforger/eventrouter/local/datafile"
	"github.com/blockforger/eventrouter/local/delivery"
)

// targets delivers to functions: EventBridge passes the event to Lambda, which
// invokes the function with retries of its own.
type targets struct{ *Service }

// Targets returns the functions as targets of deliveries.
func (s *Service) Targets() delivery.Invoker { return targets{s} }

// Deliver implements [delivery.Deliverer].
func (f targets) Deliver(_ context.Context, t *delivery.Task) error {
	name, ok := f.nameOf(t.Target.Arn)
	if !ok {
		return delivery.Permanent("NO_RESOURCE", "The target "+t.Target.Arn+" does not exist here.")
	}
	if _, known := f.handler(name); !known {
		return delivery.Permanent("NO_RESOURCE", "The function "+name+" does not exist here.")
	}
	if f.opts.EnforcePermissions && !f.policies.allows(name, t.Rule) {
		return delivery.Permanent("NO_PERMISSIONS", "The policy of function "+name+" does not let EventBridge invoke it for this rule.")
	}
	if t.Text != "" {
		return delivery.Permanent("INVALID_JSON", "The input of function "+name+" is not JSON.")
	}
	return nil
}

// Invoke implements [delivery.Invoker].
func (f targets) Invoke(ctx context.Context, t *delivery.Task) *delivery.Failure {
	if t.Trace != "" {
		//lint:ignore SA1029 the key is the one that Lambda's Go runtime uses
		ctx = context.WithValue(ctx, "x-amzn-trace-id", t.Trace)
	}
	name, _ := f.nameOf(t.Target.Arn)
	_, failed := f.call(ctx, name, t.ID, t.Body())
	return failed
}

// Invoke calls a function and returns its result, as Lambda's Invoke does. If the
// function fails, the result is its error document and failed is true. The fault
// is NotFound if there is no such function.
func (s *Service) Invoke(ctx context.Context, function, requestID string, payload []byte) (answer []byte, failed bool, err error) {
	if _, ok := s.handler(function); !ok {
		return nil, false, fault.Errorf(fault.NotFound, "function %q does not exist here", awsjson.Clip(function))
	}
	answer, failure := s.call(ctx, function, requestID, payload)
	if failure != nil {
		return failure.Document(), true, nil
	}
	return answer, false, nil
}

// call runs a function once, within its time limit. A panic is a failure.
func (s *Service) call(ctx context.Context, function, requestID string, payload []byte) (answer []byte, failed *delivery.Failure) {
	handler, ok := s.handler(function)
	if !ok {
		return nil, &delivery.Failure{Message: "the function is not registered", Type: "ResourceNotFoundException"}
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout(function))
	defer cancel()
	ctx = lambdacontext.NewContext(ctx, &lambdacontext.LambdaContext{
		AwsRequestID: requestID, InvokedFunctionArn: s.arn(function)})
	log := s.opts.Logs.Writer(logGroup(function), requestID)
	defer log.End()
	defer func() {
		if p := recover(); p != nil {
			fmt.Fprintf(log, "panic: %v\n%s", p, debug.Stack())
			answer, failed = nil, &delivery.Failure{Message: "the function panicked", Type: "panic"}
		}
	}()
	answer, err := handler(ctx, payload, log)
	if typed, ok := errors.AsType[TypedError](err); ok {
		kind, message := typed.FunctionError()
		return nil, &delivery.Failure{Message: message, Type: kind}
	}
	if err != nil {
		return nil, &delivery.Failure{Message: err.Error(), Type: errorType(err)}
	}
	return answer, nil
}

// errorType returns the type of an error as Lambda's Go runtime reports it: the name
// of its Go type.
func errorType(err error) string {
	t := reflect.TypeOf(err)
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.Name()
}

// InvokeLater invokes a function asynchronously, with Lambda's retries; the
// payload is stored when it returns.
func (s *Service) InvokeLater(ctx context.Context, function string, payload []byte) error {
	if len(payload) == 0 {
		payload = []byte("{}")
	}
	now := s.opts.Now()
	t := &delivery.Task{Seq: s.opts.Sequence.Next(), ID: awsjson.NewID(), Target: delivery.Target{Arn: s.arn(function)},
		Stage: delivery.StageInvoke, Since: now, Due: now, Payload: payload}
	w, err := s.opts.Deliveries.Write(t)
	if err != nil {
		return err
	}
	if err := s.file.Commit(ctx, []datafile.Write{w}); err != nil {
		return err
	}
	s.opts.Deliveries.Add(t)
	return nil
}

package local

import (
	"context"
	"fmt"
	"reflect"
	"runtime/debug"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/fault"
)

// failure is how a failed invocation answers, as Lambda's Go runtime has it.
type failure struct {
	Message string `json:"errorMessage"`
	Type    string `json:"errorType"`
}

func (f *failure) document() jsontext.Value {
	b, _ := json.Marshal(f, jsontext.AllowInvalidUTF8(true))
	return b
}

// invoke does Lambda's part of an asynchronous invocation: one attempt, and
// what follows from it.
func (s *Server) invoke(ctx context.Context, t *task) {
	name, _ := s.functionOf(t.Target.Arn)
	payload, err := s.payload(t)
	if err != nil {
		s.log.Error("the event of a delivery cannot be read; the delivery is tried again", "function", name, "error", err)
		s.reschedule(t, time.Minute)
		return
	}
	now := s.opts.Now()
	if t.Attempts > 0 && now.Sub(t.Since) > s.opts.MaxEventAge {
		s.deadLetter(t, "EventAgeExceeded", failure{Message: t.LastError, Type: "EventAgeExceeded"}, payload)
		return
	}
	t.Attempts++
	// A handler is not cut short by the end of Run, only by its own time.
	ctx = context.WithoutCancel(ctx)
	if t.Trace != "" {
		//lint:ignore SA1029 the key is the one that Lambda's Go runtime uses
		ctx = context.WithValue(ctx, "x-amzn-trace-id", t.Trace)
	}
	_, failed := s.call(ctx, name, t.ID, payload)
	if failed == nil {
		s.ack(t)
		return
	}
	t.Failures++
	t.LastError = failed.Message
	if t.Attempts > len(s.opts.RetryDelays) {
		s.deadLetter(t, "RetriesExhausted", *failed, payload)
		return
	}
	wait := s.opts.RetryDelays[t.Attempts-1]
	s.log.Warn("an invocation failed and is tried again", "function", name, "requestId", t.ID,
		"attempt", t.Attempts, "errorType", failed.Type, "in", wait)
	s.reschedule(t, wait)
}

// Invoke calls a function and waits for its answer, as Lambda's Invoke does. A
// function that fails gives its error document and failed true. The fault is
// NotFound where there is no such function.
func (s *Server) Invoke(ctx context.Context, function, requestID string, payload []byte) (answer []byte, failed bool, err error) {
	if _, ok := s.function(function); !ok {
		return nil, false, fault.Errorf(fault.NotFound, "function %q does not exist here", clip(function))
	}
	answer, failure := s.call(ctx, function, requestID, payload)
	if failure != nil {
		return failure.document(), true, nil
	}
	return answer, false, nil
}

// call runs a function once. It outlives neither its time nor a panic.
func (s *Server) call(ctx context.Context, function, requestID string, payload []byte) (answer []byte, failed *failure) {
	handler, ok := s.function(function)
	if !ok {
		return nil, &failure{Message: "the function is not registered", Type: "ResourceNotFoundException"}
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
			answer, failed = nil, &failure{Message: "the function panicked", Type: "panic"}
		}
	}()
	answer, err := handler(ctx, payload, log)
	if err != nil {
		return nil, &failure{Message: err.Error(), Type: errorType(err)}
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

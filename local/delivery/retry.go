package delivery

import (
	"context"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// A Failure is the error document of a failed invocation, in the form that
// Lambda's Go runtime gives it.
type Failure struct {
	Message string `json:"errorMessage"`
	Type    string `json:"errorType"`
}

// Document returns the failure as JSON.
func (f *Failure) Document() jsontext.Value {
	b, _ := json.Marshal(f, jsontext.AllowInvalidUTF8(true))
	return b
}

// invoke does Lambda's part of an asynchronous invocation: one attempt, and the
// decision what follows from it.
func (d *Dispatcher) invoke(ctx context.Context, t *Task, target Deliverer) {
	if err := d.ReadEvent.setBody(t); err != nil {
		d.Log.Error("the event of a delivery cannot be read; the delivery will be retried", "function", t.function(), "error", err)
		d.reschedule(t, time.Minute)
		return
	}
	if t.Attempts > 0 && d.Now().Sub(t.Since) > d.MaxEventAge {
		d.deadLetter(t, "EventAgeExceeded", &Failure{Message: t.LastError, Type: "EventAgeExceeded"})
		return
	}
	t.Attempts++
	failed := &Failure{Message: "the function is not registered", Type: "ResourceNotFoundException"}
	if invoker, ok := target.(Invoker); ok {
		// The end of Run does not interrupt an invocation; its time limit does.
		failed = invoker.Invoke(context.WithoutCancel(ctx), t)
	}
	if failed == nil {
		d.ack(t)
		return
	}
	t.Failures++
	t.LastError = failed.Message
	if t.Attempts > len(d.RetryDelays) {
		d.deadLetter(t, "RetriesExhausted", failed)
		return
	}
	wait := d.RetryDelays[t.Attempts-1]
	d.Log.Warn("an invocation failed and will be retried", "function", t.function(), "requestId", t.ID,
		"attempt", t.Attempts, "errorType", failed.Type, "in", wait)
	d.reschedule(t, wait)
}

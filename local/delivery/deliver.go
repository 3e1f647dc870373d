package delivery

import (
	"cmp"
	"context"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/local/sqs"
)

// EventBridge's part of a delivery: it delivers the event to the target, retries
// with growing pauses if the target is at fault, and then sends the event to the
// dead-letter queue of the target.

// EventBridge's defaults for a target without a retry policy.
const (
	defaultAttempts = 185
	defaultAge      = 24 * time.Hour
)

// deliver delivers a task's event to its target and reports whether an
// invocation follows.
func (d *Dispatcher) deliver(ctx context.Context, t *Task, target Deliverer) (invoke bool) {
	failed := d.Chaos.throttle()
	if failed == nil {
		failed = d.send(ctx, t, target)
	}
	if failed == nil {
		d.Metrics.Count(t.ruleName(), "Invocations", 1)
		if _, invoke = target.(Invoker); invoke {
			t.Stage, t.Attempts, t.Since = StageInvoke, 0, d.Now()
			return true
		}
		d.ack(t)
		return false
	}
	t.Attempts++
	t.Failures++
	t.LastError = failed.Message
	if why := exhausted(t, failed, d.Now()); why != "" {
		d.Metrics.Count(t.ruleName(), "FailedInvocations", 1)
		d.giveUp(t, failed, why)
		return false
	}
	wait := backOff(t.Attempts)
	d.Log.Warn("a target did not take an event; the delivery will be retried", "rule", t.Rule, "target", t.Target.Arn,
		"attempt", t.Attempts, "code", failed.Code, "in", wait)
	d.reschedule(t, wait)
	return false
}

// send gives a task to its target.
func (d *Dispatcher) send(ctx context.Context, t *Task, target Deliverer) *Error {
	if target == nil {
		return Permanent("NO_RESOURCE", "The local server does not serve targets of this kind: "+t.Target.Arn+".")
	}
	if t.Invalid != "" {
		return Permanent("INVALID_JSON", t.Invalid)
	}
	if err := d.ReadEvent.setBody(t); err != nil {
		return Retryable("INTERNAL_ERROR", "The event cannot be read.")
	}
	switch err := target.Deliver(ctx, t).(type) {
	case nil:
		return nil
	case *Error:
		return err
	default:
		return Retryable("INTERNAL_ERROR", cmp.Or(fault.MessageOf(err), "The delivery failed."))
	}
}

// exhausted returns why no further attempt is made, "" if one is.
func exhausted(t *Task, failed *Error, now time.Time) string {
	attempts, age := defaultAttempts, defaultAge
	if p := t.Target.RetryPolicy; p != nil {
		if p.MaximumRetryAttempts != nil {
			attempts = *p.MaximumRetryAttempts
		}
		if p.MaximumEventAgeInSeconds != nil {
			age = time.Duration(*p.MaximumEventAgeInSeconds) * time.Second
		}
	}
	switch {
	case !failed.Retry:
		return "NotRetryable"
	case t.Attempts > attempts:
		return "MaximumRetryAttempts"
	case now.Sub(t.Since) > age:
		return "MaximumEventAgeInSeconds"
	}
	return ""
}

// backOff returns the wait after so many failed attempts. It doubles with each
// attempt, and is random for each task so that they are not all retried at once.
func backOff(attempts int) time.Duration {
	const first, longest = 500 * time.Millisecond, 10 * time.Minute
	most := min(first<<min(attempts, 20), longest)
	return most/2 + rand.N(most/2)
}

// giveUp sends an event to the target's dead-letter queue, with the attributes
// that EventBridge sets. Without such a queue, AWS drops the event; here it
// becomes a dead letter.
func (d *Dispatcher) giveUp(t *Task, failed *Error, why string) {
	queue := ""
	if t.Target.DeadLetterConfig != nil {
		queue = t.Target.DeadLetterConfig.Arn
	}
	event, err := d.ReadEvent.original(t)
	if queue != "" && err == nil {
		attributes := map[string]sqs.MessageAttributeValue{
			"RULE_ARN":      sqs.String(t.Rule),
			"TARGET_ARN":    sqs.String(t.Target.Arn),
			"ERROR_CODE":    sqs.String(failed.Code),
			"ERROR_MESSAGE": sqs.String(failed.Message),
		}
		if failed.Retry {
			attributes["EXHAUSTED_RETRY_CONDITION"] = sqs.String(why)
			attributes["RETRY_ATTEMPTS"] = sqs.String(strconv.Itoa(t.Attempts - 1))
		}
		if w, after, err := d.Queues.Prepare(queue, sqs.Outgoing{Body: string(event), Attributes: attributes}); err == nil {
			d.completer.add(completion{append(d.endWrites(t, GivenUp, queue), w), after})
			d.Metrics.Count(t.ruleName(), "InvocationsSentToDlq", 1)
			d.Log.Error("an event was given up and is in the target's dead-letter queue", "rule", t.Rule, "target", t.Target.Arn,
				"queue", queue, "code", failed.Code, "attempts", t.Attempts)
			return
		}
		d.Metrics.Count(t.ruleName(), "InvocationsFailedToBeSentToDlq", 1)
		d.Log.Error("a target's dead-letter queue does not exist; AWS would lose the event", "rule", t.Rule, "queue", queue)
	}
	d.deadLetter(t, failed.Code, &Failure{Message: failed.Message, Type: failed.Code})
}

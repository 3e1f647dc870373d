package local

import (
	"context"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/local/awsapi/awsjson"
	"github.com/blockforger/eventrouter/local/datafile"
	"github.com/blockforger/eventrouter/local/sqs"
)

// EventBridge's own part of a delivery: it brings the event to the target, tries
// again with growing pauses where the target is at fault, and then gives it to
// the dead-letter queue that the target names.

// What EventBridge does where a target has no retry policy.
const (
	defaultAttempts = 185
	defaultAge      = 24 * time.Hour
)

// undelivered is why a target did not take an event. Codes are EventBridge's.
type undelivered struct {
	code, message string
	retry         bool // worth a retry: a 5xx or a throttle
}

// deliver brings a task's event to its target, and tells whether there is an
// invocation to follow.
func (s *Server) deliver(ctx context.Context, t *task) (invoke bool) {
	failed := s.opts.Chaos.strike()
	if name, isFunction := s.functionOf(t.Target.Arn); isFunction && failed == nil {
		if failed = s.refusal(name, t); failed == nil {
			s.metrics.Count(t.ruleName(), "Invocations", 1)
			t.Stage, t.Attempts, t.Since = stageInvoke, 0, s.opts.Now()
			return true
		}
	} else if failed == nil {
		failed = s.dispatch(ctx, t)
	}
	if failed == nil {
		s.metrics.Count(t.ruleName(), "Invocations", 1)
		return false
	}
	t.Attempts++
	t.Failures++
	t.LastError = failed.message
	if why := s.exhausted(t, failed); why != "" {
		s.metrics.Count(t.ruleName(), "FailedInvocations", 1)
		s.giveUp(t, failed, why)
		return false
	}
	wait := backOff(t.Attempts)
	s.log.Warn("a target did not take an event; it is tried again", "rule", t.Rule, "target", t.Target.Arn,
		"attempt", t.Attempts, "code", failed.code, "in", wait)
	s.reschedule(t, wait)
	return false
}

// refusal is why a function cannot be invoked for a rule, if so.
func (s *Server) refusal(function string, t *task) *undelivered {
	if _, known := s.function(function); !known {
		return &undelivered{"NO_RESOURCE", "The function " + function + " does not exist here.", false}
	}
	if s.opts.EnforcePermissions && !s.permitted(function, t.Rule) {
		return &undelivered{"NO_PERMISSIONS", "The policy of function " + function + " does not let EventBridge invoke it for this rule.", false}
	}
	if t.Text != "" {
		return &undelivered{"INVALID_JSON", "The input of function " + function + " is not JSON.", false}
	}
	return nil
}

// exhausted tells why there is to be no further attempt; "" where there is.
func (s *Server) exhausted(t *task, failed *undelivered) string {
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
	case !failed.retry:
		return "NotRetryable"
	case t.Attempts > attempts:
		return "MaximumRetryAttempts"
	case s.opts.Now().Sub(t.Since) > age:
		return "MaximumEventAgeInSeconds"
	}
	return ""
}

// backOff is how long to wait after so many failed attempts: up to twice as long
// each time, and some other time for each event, so that they do not all come
// back at once.
func backOff(attempts int) time.Duration {
	const first, longest = 500 * time.Millisecond, 10 * time.Minute
	most := min(first<<min(attempts, 20), longest)
	return most/2 + rand.N(most/2)
}

// dispatch sends the event to a target that is no function. A nil answer means that
// the task is settled.
func (s *Server) dispatch(ctx context.Context, t *task) *undelivered {
	payload, err := s.payload(t)
	if err != nil {
		return &undelivered{"INTERNAL_ERROR", "The event cannot be read.", true}
	}
	switch service := arnService(t.Target.Arn); service {
	case "sqs":
		return s.dispatchToQueue(t, t.Target.Arn, sqs.Outgoing{Body: string(payload), Group: t.group(), Dedup: t.dedup()}, s.endWrites(t, Delivered, ""))
	case "events":
		if isDestination(t.Target.Arn) {
			return s.dispatchToEndpoint(ctx, t, payload)
		}
		return s.dispatchToBus(ctx, t, payload)
	case "logs":
		return s.dispatchToLogGroup(ctx, t, payload)
	}
	return &undelivered{"NO_RESOURCE", "The target " + t.Target.Arn + " does not exist here.", false}
}

func arnService(arn string) string {
	if part := strings.SplitN(arn, ":", 6); len(part) == 6 {
		return part[2]
	}
	return ""
}

func (t *task) group() string {
	if t.Target.SqsParameters != nil {
		return t.Target.SqsParameters.MessageGroupId
	}
	return ""
}

// dedup makes a redelivery to a FIFO queue harmless.
func (t *task) dedup() string {
	if t.group() == "" {
		return ""
	}
	return t.ID
}

// ruleName is the rule's name as metrics have it.
func (t *task) ruleName() string { return t.Rule[strings.LastIndexByte(t.Rule, '/')+1:] }

// dispatchToQueue puts a message into a queue and ends the task in one write.
func (s *Server) dispatchToQueue(t *task, queue string, m sqs.Outgoing, end []datafile.Write) *undelivered {
	w, add, err := s.queues.Prepare(queue, m)
	if err != nil {
		return &undelivered{"NO_RESOURCE", awsjson.AsError(err).Message, false}
	}
	s.settle <- settled{writes: append(end, w), then: add}
	return nil
}

// dispatchToBus puts the event on another bus, as it is. From there it goes no
// further to a third: so no ring of buses turns for ever.
func (s *Server) dispatchToBus(ctx context.Context, t *task, payload []byte) *undelivered {
	arn, name, err := s.resolveBus(t.Target.Arn)
	if err != nil {
		return &undelivered{"NO_RESOURCE", "The target is not an event bus.", false}
	}
	if t.Hops > 0 {
		s.log.Warn("an event that came from another bus is not handed to a third", "rule", t.Rule, "bus", arn)
		s.ack(t)
		return nil
	}
	a, err := s.reparse(payload, arn, name)
	if err != nil {
		return &undelivered{"INVALID_JSON", "The event is not one that a bus takes.", false}
	}
	a.event.Hops = 1
	if err := s.ingest(ctx, []*incoming{a}); err != nil {
		return &undelivered{"INTERNAL_ERROR", "The event could not be kept.", true}
	}
	s.ack(t)
	return nil
}

// giveUp hands an event to the target's dead-letter queue, with the attributes
// that EventBridge sets, or where there is none to the dead letters here, which
// AWS does not have: there the event would be gone.
func (s *Server) giveUp(t *task, failed *undelivered, why string) {
	queue := ""
	if t.Target.DeadLetterConfig != nil {
		queue = t.Target.DeadLetterConfig.Arn
	}
	payload, err := s.originalEvent(t)
	if queue != "" && err == nil {
		attributes := map[string]sqs.MessageAttributeValue{
			"RULE_ARN":      sqs.String(t.Rule),
			"TARGET_ARN":    sqs.String(t.Target.Arn),
			"ERROR_CODE":    sqs.String(failed.code),
			"ERROR_MESSAGE": sqs.String(failed.message),
		}
		if failed.retry {
			attributes["EXHAUSTED_RETRY_CONDITION"] = sqs.String(why)
			attributes["RETRY_ATTEMPTS"] = sqs.String(strconv.Itoa(t.Attempts - 1))
		}
		if s.dispatchToQueue(t, queue, sqs.Outgoing{Body: string(payload), Attributes: attributes}, s.endWrites(t, GivenUp, queue)) == nil {
			s.metrics.Count(t.ruleName(), "InvocationsSentToDlq", 1)
			s.log.Error("an event was given up and is in the target's dead-letter queue", "rule", t.Rule, "target", t.Target.Arn,
				"queue", queue, "code", failed.code, "attempts", t.Attempts)
			return
		}
		s.metrics.Count(t.ruleName(), "InvocationsFailedToBeSentToDlq", 1)
		s.log.Error("a target's dead-letter queue does not exist; AWS would lose the event", "rule", t.Rule, "queue", queue)
	}
	s.deadLetter(t, failed.code, failure{Message: failed.message, Type: failed.code}, nil)
}

// reparse returns the incoming event for an event that has been built already.
func (s *Server) reparse(event []byte, busARN, busName string) (*incoming, error) {
	envelope, err := decodeLoose(event)
	if err != nil {
		return nil, err
	}
	at, err := envelope.Time.Time()
	if err != nil {
		return nil, err
	}
	a := &incoming{bus: busName, event: Event{ID: envelope.ID, Bus: busARN, Time: at, Received: s.opts.Now(), JSON: event}}
	return a, a.parse()
}

// decodeLoose reads an event's envelope, however deep its detail may be.
func decodeLoose(event []byte) (e events.Envelope, err error) {
	return e, unmarshalLoose(event, &e)
}

package delivery

import (
	"context"

	"github.com/blockforger/eventrouter/local/awsapi/awsjson"
	"github.com/blockforger/eventrouter/local/logs"
	"github.com/blockforger/eventrouter/local/sqs"
)

// QueueTargets delivers to SQS queues. The message and the end of the task are one
// commit. A FIFO queue must have content-based deduplication, as on AWS.
type QueueTargets struct{ Queues *sqs.Queues }

// Deliver implements [Deliverer].
func (q QueueTargets) Deliver(_ context.Context, t *Task) error {
	m := sqs.Outgoing{Body: string(t.Body())}
	if p := t.Target.SqsParameters; p != nil {
		m.Group = p.MessageGroupId
	}
	w, after, err := q.Queues.Prepare(t.Target.Arn, m)
	switch {
	case err != nil && !q.Queues.Has(t.Target.Arn):
		return Permanent("NO_RESOURCE", awsjson.AsError(err).Message)
	case err != nil: // of a FIFO queue: no group, or no content-based deduplication
		return Permanent("INVALID_PARAMETER", awsjson.AsError(err).Message)
	case after != nil: // nil if the FIFO queue accepted it before
		t.CommitWith(w, after)
	}
	return nil
}

// LogTargets delivers to log groups, which must exist.
type LogTargets struct{ Groups *logs.Groups }

// Deliver implements [Deliverer].
func (l LogTargets) Deliver(_ context.Context, t *Task) error {
	name, ok := l.Groups.NameOf(t.Target.Arn)
	if !ok || !l.Groups.Has(name) {
		return Permanent("NO_RESOURCE", "The log group does not exist.")
	}
	l.Groups.Add(name, t.ID, string(t.Body()))
	return nil
}

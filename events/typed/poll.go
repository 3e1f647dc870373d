package typed

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/blockforger/eventrouter/fault"
)

// A Message is what a queue delivers.
type Message struct {
	ID      string
	Receipt string // names this delivery of the message
	Body    string
}

// A Queue delivers messages and keeps those that are not deleted, to deliver them
// again. Package events/typed/sqsqueue has one for SQS.
type Queue interface {
	// Receive returns the next messages. It waits for some time where there are
	// none, and returns none then.
	Receive(ctx context.Context) ([]Message, error)
	// Delete removes a message that was handled.
	Delete(ctx context.Context, m Message) error
}

// PollOptions configures [Poll]; the zero value uses the defaults.
type PollOptions struct {
	// OnError is called with what goes wrong: a message that failed, which the
	// queue delivers again, or a call of the queue, which is repeated. The message
	// is empty for calls of Receive. The default ignores errors.
	OnError func(Message, error)
	// Wait is the longest wait between failed calls of Receive. The default is 20
	// seconds.
	Wait time.Duration
}

// Poll receives messages of a queue and has the consumer handle them, one after
// the other, until ctx is done; then it finishes the message that it is at and
// returns nil. A message is deleted after all its events were handled. Messages
// that are not events fail each time, until the queue's redrive policy moves them
// away.
func Poll(ctx context.Context, queue Queue, c *Consumer, options *PollOptions) error {
	if queue == nil || c == nil {
		return fault.Errorf(fault.Invalid, "Poll needs a queue and a consumer")
	}
	var o PollOptions
	if options != nil {
		o = *options
	}
	if o.OnError == nil {
		o.OnError = func(Message, error) {}
	}
	if o.Wait == 0 {
		o.Wait = 20 * time.Second
	}
	wait := 100 * time.Millisecond
	for ctx.Err() == nil {
		messages, err := queue.Receive(ctx)
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			o.OnError(Message{}, err)
			pause(ctx, rand.N(wait))
			wait = min(2*wait, o.Wait)
			continue
		}
		wait = 100 * time.Millisecond
		for _, m := range messages {
			if ctx.Err() != nil {
				return nil // the queue delivers the others again
			}
			if err := pollOne(context.WithoutCancel(ctx), queue, c, m); err != nil {
				o.OnError(m, err)
			}
		}
	}
	return nil
}

func pollOne(ctx context.Context, queue Queue, c *Consumer, m Message) error {
	deliveries, err := c.registry.DecodePayload([]byte(m.Body))
	if err != nil {
		return err
	}
	var failed []error
	for _, d := range deliveries {
		if err := c.deliver(ctx, d); err != nil {
			failed = append(failed, err)
		}
	}
	if len(failed) > 0 {
		return errors.Join(failed...)
	}
	return queue.Delete(ctx, m)
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

package typed

import (
	"context"
	stdjson "encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
)

// A Consumer decodes events and calls a handler by the type of their detail. [On]
// and [NewConsumer] make it. It never changes after it was made and is safe for concurrent use, if
// its handlers are.
type Consumer struct {
	registry *Registry
	handlers map[reflect.Type]handler
	fallback func(context.Context, Decoded) error
	once     *once
}

type handler func(context.Context, Decoded) error

// Handlers is a [Registry] or a [Consumer]: what [On] adds a handler to.
type Handlers interface{ consumer() *Consumer }

// NewConsumer returns a consumer without handlers.
func NewConsumer(r *Registry) *Consumer { return &Consumer{registry: r} }

func (r *Registry) consumer() *Consumer { return NewConsumer(r) }
func (c *Consumer) consumer() *Consumer { return c }

// On returns a consumer that calls handle for each event with a T: T is the type
// of the detail, or *[Event] of it for handlers that need the envelope too. The
// receiver stays as it is; of two handlers for one type the later one is called.
//
//	consumer := typed.On(registry, func(ctx context.Context, change ecs.TaskStateChange) error { … })
//	consumer = typed.On(consumer, func(ctx context.Context, e *typed.Event[s3.ObjectCreated]) error { … })
//	lambda.Start(consumer.Handle)
func On[T any](to Handlers, handle func(context.Context, T) error) *Consumer {
	c := to.consumer().clone()
	// The handler is found by the type that the decoder returns.
	if t := reflect.TypeFor[T](); t.Implements(reflect.TypeFor[Decoded]()) {
		c.handlers[t] = func(ctx context.Context, e Decoded) error { return handle(ctx, any(e).(T)) }
		return c
	}
	c.handlers[reflect.TypeFor[*Event[T]]()] = func(ctx context.Context, e Decoded) error {
		return handle(ctx, e.(*Event[T]).Detail)
	}
	return c
}

// Otherwise returns a consumer that calls handle for events without a handler of
// their own: of kinds that the registry does not have, or of types that no On
// names. Without a call of Otherwise such events are ignored.
func (c *Consumer) Otherwise(handle func(context.Context, Decoded) error) *Consumer {
	n := c.clone()
	n.fallback = handle
	return n
}

func (c *Consumer) clone() *Consumer {
	n := *c
	n.handlers = make(map[reflect.Type]handler, len(c.handlers)+1)
	maps.Copy(n.handlers, c.handlers)
	return &n
}

// A BatchResponse reports the messages of an SQS batch that are to be delivered
// again. The event source mapping needs ReportBatchItemFailures for it.
type BatchResponse struct {
	BatchItemFailures []BatchItemFailure `json:"batchItemFailures"`
}

// A BatchItemFailure names a message.
type BatchItemFailure struct {
	ItemIdentifier string `json:"itemIdentifier"`
}

// Handle handles what a Lambda function is invoked with, as
// [Registry.DecodePayload] takes it; its signature is that of a handler for
// lambda.Start. A message of an SQS batch that is not an event, or whose handler
// returns an error, is reported as failed, and in a FIFO queue the messages of its
// group that follow it too, which are not handled then. For any other payload an
// error is returned, so that Lambda delivers the event again.
func (c *Consumer) Handle(ctx context.Context, payload stdjson.RawMessage) (BatchResponse, error) {
	deliveries, err := c.registry.DecodePayload(payload)
	if err != nil {
		return BatchResponse{}, err
	}
	response := BatchResponse{BatchItemFailures: []BatchItemFailure{}}
	groups := fifoGroups(payload, deliveries)
	failedGroups, failed := make(map[string]bool), make(map[string]bool)
	var all []error
	for _, d := range deliveries {
		group := groups[d.MessageID]
		if group != "" && failedGroups[group] {
			err = fault.Errorf(fault.Unavailable, "a message before it in its group failed")
		} else {
			err = c.deliver(ctx, d)
		}
		switch {
		case err == nil:
		case d.MessageID == "":
			all = append(all, err)
		default:
			failedGroups[group] = true
			if !failed[d.MessageID] {
				failed[d.MessageID] = true
				response.BatchItemFailures = append(response.BatchItemFailures, BatchItemFailure{d.MessageID})
			}
		}
	}
	return response, errors.Join(all...)
}

// fifoGroups returns the groups of the messages of FIFO queues, by message; nil
// for all other payloads.
func fifoGroups(payload []byte, deliveries []Delivery) map[string]string {
	if len(deliveries) == 0 || deliveries[0].MessageID == "" || !strings.Contains(string(payload), `.fifo"`) {
		return nil
	}
	var batch struct {
		Records []struct {
			MessageID  string `json:"messageId"`
			QueueARN   string `json:"eventSourceARN"`
			Attributes struct {
				Group string `json:"MessageGroupId"`
			} `json:"attributes"`
		}
	}
	if json.Unmarshal(payload, &batch, jsontext.AllowDuplicateNames(true)) != nil {
		return nil
	}
	groups := make(map[string]string)
	for _, m := range batch.Records {
		if strings.HasSuffix(m.QueueARN, ".fifo") {
			groups[m.MessageID] = m.QueueARN + "/" + m.Attributes.Group
		}
	}
	return groups
}

// deliver handles one event.
func (c *Consumer) deliver(ctx context.Context, d Delivery) error {
	if d.Err != nil {
		return d.Err
	}
	handle := c.handlers[reflect.TypeOf(d.Event)]
	if handle == nil {
		handle = c.fallback
	}
	if handle == nil {
		return nil
	}
	ctx = context.WithValue(ctx, envelopeKey{}, d.Event.Raw())
	if c.once != nil {
		return c.once.do(ctx, d.Event, handle)
	}
	if err := handle(ctx, d.Event); err != nil {
		return fmt.Errorf("event %s: %w", d.Event.Raw().ID, err)
	}
	return nil
}

type envelopeKey struct{}

// Envelope returns the envelope of the event that a handler is called for; nil in
// any other context.
func Envelope(ctx context.Context) *events.Envelope {
	e, _ := ctx.Value(envelopeKey{}).(*events.Envelope)
	return e
}

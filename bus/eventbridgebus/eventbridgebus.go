// Package eventbridgebus sends entries with the AWS SDK: PutEvents, through one
// client for each region of a target bus. It also checks
// whether a bus of the account exists.
package eventbridgebus

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdkretry "github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/smithy-go"

	"github.com/blockforger/eventrouter/bus"
	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/awshttp"
	"github.com/blockforger/eventrouter/internal/retry"
)

// Sender is a [bus.Sender], and a [bus.Finder], over EventBridge. It is safe for
// concurrent use.
type Sender struct {
	options eventbridge.Options

	mu      sync.Mutex
	clients map[string]*eventbridge.Client // by region
}

var (
	_ bus.Sender = (*Sender)(nil)
	_ bus.Finder = (*Sender)(nil)
)

// New returns a sender. The options are those of every client but for the
// region, which is the target bus's, and the retryer: the SDK's retries are
// disabled, and the sender sends a call at most five times in all.
func New(options eventbridge.Options) *Sender {
	options.Retryer = aws.NopRetryer{}
	return &Sender{options: options, clients: make(map[string]*eventbridge.Client, 1)}
}

// calls repeats temporary failures: throttling, a fault of AWS, or no response
// within the time of an attempt.
var calls = retry.Policy{
	Transient: func(err error) bool {
		return errors.Is(err, context.DeadlineExceeded) ||
			sdkretry.IsErrorRetryables(sdkretry.DefaultRetryables).IsErrorRetryable(err).Bool()
	},
	Timeout: 3 * time.Second,
}

// Send implements [bus.Sender].
func (s *Sender) Send(ctx context.Context, region string, entries []events.Entry) ([]bus.Result, error) {
	var out *eventbridge.PutEventsOutput
	err := calls.Do(ctx, func(ctx context.Context) (err error) {
		out, err = s.client(region).PutEvents(ctx, &eventbridge.PutEventsInput{Entries: wire(entries)})
		return err
	})
	if err != nil {
		return nil, code("eventbridgebus.Send", err)
	}
	results := make([]bus.Result, len(out.Entries))
	for i, e := range out.Entries {
		results[i] = bus.Result{EventID: aws.ToString(e.EventId), Code: aws.ToString(e.ErrorCode)}
	}
	return results, nil
}

// Exists implements [bus.Finder]. The permission that it takes is
// events:DescribeEventBus, on the bus.
func (s *Sender) Exists(ctx context.Context, b events.BusARN) (bool, error) {
	err := calls.Do(ctx, func(ctx context.Context) error {
		_, err := s.client(b.Region()).DescribeEventBus(ctx, &eventbridge.DescribeEventBusInput{Name: aws.String(string(b))})
		return err
	})
	if _, gone := errors.AsType[*types.ResourceNotFoundException](err); gone {
		return false, nil
	}
	if err != nil {
		return false, code("eventbridgebus.Exists", err)
	}
	return true, nil
}

func (s *Sender) client(region string) *eventbridge.Client {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.clients[region]
	if !ok {
		options := s.options.Copy()
		options.Region = region
		c = eventbridge.New(options, func(o *eventbridge.Options) { o.HTTPClient = awshttp.Keep(o.HTTPClient) })
		s.clients[region] = c
	}
	return c
}

func wire(entries []events.Entry) []types.PutEventsRequestEntry {
	out := make([]types.PutEventsRequestEntry, len(entries))
	for i := range entries {
		e := &entries[i]
		out[i] = types.PutEventsRequestEntry{
			EventBusName: aws.String(string(e.Bus)),
			Source:       aws.String(e.Source),
			DetailType:   aws.String(string(e.DetailType)),
			Detail:       aws.String(string(e.Detail)),
			Resources:    e.Resources,
			Time:         aws.Time(e.Time),
		}
		if e.TraceHeader != "" {
			out[i].TraceHeader = aws.String(e.TraceHeader)
		}
	}
	return out
}

// code distinguishes a call that EventBridge rejects for good from one that can be
// repeated. Invalid credentials are a fault of the deployment and can be corrected.
func code(op string, err error) error {
	api, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		return fault.Wrap(op, fault.Unavailable, err)
	}
	refusal := fault.Unavailable
	switch api.ErrorCode() {
	case "AccessDeniedException", "AccessDenied":
		refusal = fault.Denied
	case "ValidationException", "InvalidArgument", "SerializationException":
		refusal = fault.Invalid
	}
	return &fault.Error{Code: refusal, Op: op, Message: api.ErrorCode(), Err: err}
}

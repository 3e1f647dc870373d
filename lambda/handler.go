package lambda

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/deadline"
	"github.com/blockforger/eventrouter/internal/names"
	"github.com/blockforger/eventrouter/outbox"
	"github.com/blockforger/eventrouter/rest"
	"github.com/blockforger/eventrouter/router"
	"github.com/blockforger/eventrouter/store"
)

// Handler runs a router as a Lambda function. It is safe for concurrent use.
type Handler struct {
	router *router.Router
	relay  *outbox.Relay
	rest   *rest.API
	out    io.Writer
	log    *logger
	age    time.Duration
	warm   atomic.Bool
}

// Options configures a Handler; the zero value uses the defaults.
type Options struct {
	// Environment is the deployment's name, a dimension of every metric.
	Environment string
	// RelayAge is the minimum age of the idempotency records that the relay
	// processes. It must be longer than an invocation can take. Zero means the
	// function's time-out plus a grace period.
	RelayAge time.Duration
	// Clock returns the current time; nil means time.Now.
	Clock func() time.Time
}

// New returns a handler that writes its log lines to out.
func New(r *router.Router, relay *outbox.Relay, out io.Writer, o *Options) *Handler {
	if o == nil {
		o = &Options{}
	}
	clock := o.Clock
	if clock == nil {
		clock = time.Now
	}
	age := o.RelayAge
	if age == 0 {
		age = names.Timeout + names.RelayGrace
	}
	return &Handler{router: r, relay: relay, rest: rest.New(r, &rest.Options{Clock: clock}), out: out, age: age, log: &logger{environment: o.Environment, now: clock}}
}

// Invoke implements the Handler interface of aws-lambda-go.
func (h *Handler) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	return h.Serve(ctx, payload, h.out)
}

// Serve is Invoke with a separate log for the invocation. The work ends before
// the deadline of ctx; see [deadline.Reserve].
func (h *Handler) Serve(ctx context.Context, payload []byte, log io.Writer) ([]byte, error) {
	call := invocation{start: h.log.now(), cold: !h.warm.Swap(true), log: log}
	if lc, ok := lambdacontext.FromContext(ctx); ok {
		call.requestID = lc.AwsRequestID
	}
	ctx, cancel := deadline.Reserve(ctx)
	defer cancel()
	return h.dispatch(ctx, payload, call)
}

func (h *Handler) dispatch(ctx context.Context, payload []byte, call invocation) ([]byte, error) {
	switch classify(payload) {
	case shapeEvent:
		return h.event(ctx, payload, call)
	case shapeArray:
		return h.array(ctx, payload, call)
	case shapeSQS:
		return h.sqs(ctx, payload, call)
	case shapeFailure:
		return h.failure(ctx, payload, call)
	case shapeSchedule:
		return h.schedule(ctx, call)
	case shapeHTTP:
		return h.http(ctx, payload, call)
	}
	h.log.ignored(call, "the payload is neither an event, a batch, a request nor a schedule")
	return nil, nil
}

// event processes one EventBridge event.
func (h *Handler) event(ctx context.Context, payload []byte, call invocation) ([]byte, error) {
	envelope, err := events.DecodeEnvelope(payload)
	if err != nil {
		// Unverified, but the sender can find the event by these members.
		var known struct {
			ID string `json:"id"`
		}
		_ = json.Unmarshal(payload, &known, lenient)
		report := &router.Report{Outcome: router.Rejected, Code: fault.CodeOf(err), Cause: err, EventID: known.ID}
		h.log.request(call, report, statusOf(store.Result{}, err))
		return eventResponse(store.Result{}, err, call)
	}
	if !envelope.IsInput() {
		// R12: an event that a router published is never input, even with an api_key.
		h.log.ignoredEvent(call, &envelope, "the source is not "+events.InputSource)
		return nil, nil
	}
	result, report, err := h.router.Event(ctx, &envelope, traceHeader(ctx))
	h.log.request(call, report, statusOf(result, err))
	return eventResponse(result, err, call)
}

// array processes a JSON array of events, as newer custom event buses send it.
// It fails as a whole if one event must be retried; the others are then
// redeliveries.
func (h *Handler) array(ctx context.Context, payload []byte, call invocation) ([]byte, error) {
	// Split leniently, so that a malformed event does not fail the others; each
	// event is then read strictly. A payload that cannot be split may hold events,
	// so it is not rejected but ends in the dead-letter queue.
	var batch []jsontext.Value
	if err := json.Unmarshal(payload, &batch, lenient); err != nil {
		return nil, h.unreadable(call, "the array of events cannot be read")
	}
	answers := make([]jsontext.Value, 0, len(batch))
	var failures []error
	for _, one := range batch {
		out, err := h.event(ctx, one, call)
		if err != nil {
			failures = append(failures, err)
		}
		if out == nil {
			out = []byte("null")
		}
		answers = append(answers, out)
	}
	if len(failures) > 0 {
		return nil, errors.Join(failures...)
	}
	return json.Marshal(answers)
}

// sqs processes a batch of messages whose bodies are events, or records of
// failed invocations, and returns the items that must be retried.
func (h *Handler) sqs(ctx context.Context, payload []byte, call invocation) ([]byte, error) {
	var batch struct {
		Records []jsontext.Value `json:"Records"`
	}
	type item struct {
		ItemIdentifier string `json:"itemIdentifier"`
	}
	var out struct {
		Failures []item `json:"batchItemFailures"`
	}
	out.Failures = []item{}
	if err := json.Unmarshal(payload, &batch, lenient); err != nil {
		return nil, h.unreadable(call, "the batch of messages cannot be read")
	}
	for _, record := range batch.Records {
		var message struct {
			MessageID string `json:"messageId"`
			Body      string `json:"body"`
		}
		// An item that is not a message has no body, and so no shape.
		_ = json.Unmarshal(record, &message, lenient)
		var err error
		switch body := []byte(message.Body); classify(body) {
		case shapeEvent:
			_, err = h.event(ctx, body, call)
		case shapeArray:
			_, err = h.array(ctx, body, call)
		case shapeFailure:
			_, err = h.failure(ctx, body, call)
		default:
			h.log.ignored(call, "message "+fault.Clip(message.MessageID, 64)+" holds neither an event nor a failed invocation")
		}
		if err != nil {
			out.Failures = append(out.Failures, item{message.MessageID})
		}
	}
	return json.Marshal(out)
}

// failure unwraps the record of a failed invocation, so that a dead letter can
// be sent again unchanged.
func (h *Handler) failure(ctx context.Context, payload []byte, call invocation) ([]byte, error) {
	var record struct {
		RequestPayload jsontext.Value `json:"requestPayload"`
	}
	if err := json.Unmarshal(payload, &record, jsontext.AllowDuplicateNames(true)); err != nil {
		return h.reject(call, fault.Errorf(fault.Invalid, "the record of a failed invocation cannot be read"))
	}
	if call.unwrapped++; call.unwrapped > 3 {
		return h.reject(call, fault.Errorf(fault.Invalid, "records of failed invocations are nested deeper than 3"))
	}
	return h.dispatch(ctx, record.RequestPayload, call)
}

// schedule runs the relay.
func (h *Handler) schedule(ctx context.Context, call invocation) ([]byte, error) {
	drained, err := h.relay.Run(ctx, h.age)
	h.log.relay(call, drained, err)
	if err != nil {
		return nil, err
	}
	return nil, nil
}

// lenient holds the options for payloads that wrap events; each event is then
// read strictly.
var lenient = json.JoinOptions(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))

// unreadable logs and returns the error of a payload that may hold events but
// cannot be split: Lambda retries it and then sends it to the dead-letter queue.
func (h *Handler) unreadable(call invocation, message string) error {
	err := fault.Errorf(fault.Internal, "%s", message)
	h.log.request(call, &router.Report{Outcome: router.Faulted, Code: fault.Internal, Cause: err}, statusOf(store.Result{}, err))
	return err
}

// reject returns the response to a payload of a known shape that cannot be read.
func (h *Handler) reject(call invocation, err error) ([]byte, error) {
	report := &router.Report{Outcome: router.Rejected, Code: fault.CodeOf(err), Cause: err}
	h.log.request(call, report, statusOf(store.Result{}, err))
	return eventResponse(store.Result{}, err, call)
}

// traceHeader returns the X-Ray header of the invocation, to be passed on.
func traceHeader(ctx context.Context) string {
	header, _ := ctx.Value("x-amzn-trace-id").(string)
	return header
}

package dynamostore

import (
	"context"
	"slices"
	"strings"
	"sync"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go/middleware"
)

// A wire is SDK middleware that records the calls of a ledger and can make them fail.
type wire struct {
	// An error of before is returned instead of sending the call; an error of after
	// is returned instead of the response.
	before, after func(c *call) error

	mu    sync.Mutex
	calls []*call
}

// A call is one request to DynamoDB.
type call struct {
	name  string
	n     int     // counted from 0
	token string  // of a transaction
	units float64 // of capacity
}

func (w *wire) use(o *dynamodb.Options) {
	o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
		return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("wire", w.handle), middleware.After)
	})
}

func (w *wire) handle(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (out middleware.InitializeOutput, meta middleware.Metadata, err error) {
	c := w.note(awsmiddleware.GetOperationName(ctx), in.Parameters)
	if w.before != nil {
		if err := w.before(c); err != nil {
			return out, meta, err
		}
	}
	out, meta, err = next.HandleInitialize(ctx, in)
	c.units = consumed(out.Result)
	if w.after != nil {
		if err := w.after(c); err != nil {
			return middleware.InitializeOutput{}, meta, err
		}
	}
	return out, meta, err
}

func (w *wire) note(name string, in any) *call {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := &call{name: name, n: len(w.calls)}
	switch in := in.(type) {
	case *dynamodb.TransactWriteItemsInput:
		c.token = *in.ClientRequestToken
		in.ReturnConsumedCapacity = types.ReturnConsumedCapacityTotal
	case *dynamodb.GetItemInput:
		in.ReturnConsumedCapacity = types.ReturnConsumedCapacityTotal
	case *dynamodb.UpdateItemInput:
		in.ReturnConsumedCapacity = types.ReturnConsumedCapacityTotal
	}
	w.calls = append(w.calls, c)
	return c
}

func consumed(result any) (units float64) {
	var each []*types.ConsumedCapacity
	switch out := result.(type) {
	case *dynamodb.TransactWriteItemsOutput:
		for i := range out.ConsumedCapacity {
			each = append(each, &out.ConsumedCapacity[i])
		}
	case *dynamodb.GetItemOutput:
		each = append(each, out.ConsumedCapacity)
	case *dynamodb.UpdateItemOutput:
		each = append(each, out.ConsumedCapacity)
	}
	for _, c := range each {
		if c != nil && c.CapacityUnits != nil {
			units += *c.CapacityUnits
		}
	}
	return units
}

// reset removes the recorded calls.
func (w *wire) reset() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls = nil
}

// names returns the names of the calls since the last reset, in order.
func (w *wire) names() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var names []string
	for _, c := range w.calls {
		names = append(names, c.name)
	}
	return strings.Join(names, " ")
}

func (w *wire) tokens() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var tokens []string
	for _, c := range w.calls {
		tokens = append(tokens, c.token)
	}
	return tokens
}

// distinct returns the number of different strings.
func distinct(list []string) int {
	return len(slices.Compact(slices.Sorted(slices.Values(list))))
}

// cancelled returns the error of a transaction that was cancelled for these reasons.
func cancelled(codes ...string) error {
	e := &types.TransactionCanceledException{}
	for _, code := range codes {
		e.CancellationReasons = append(e.CancellationReasons, types.CancellationReason{Code: &code})
	}
	return e
}

// units returns the capacity that the calls since the last reset have consumed.
func (w *wire) units() (sum float64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.calls {
		sum += c.units
	}
	return sum
}

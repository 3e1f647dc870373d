package dynamostore

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/blockforger/eventrouter/apikey"
	"github.com/blockforger/eventrouter/internal/retry"
	"github.com/blockforger/eventrouter/store"
)

// Options configures a [Ledger]; the zero value uses the defaults.
type Options struct {
	Clock func() time.Time // decides what has expired; time.Now by default

	// Backoff is the pause after a failed attempt, counted from 0; by default
	// up to 25 ms, doubling to at most a second, with full jitter.
	Backoff func(attempt int) time.Duration

	// Attempt is the timeout of one attempt of a call, 3 s by default. After a
	// timeout it is unknown whether DynamoDB executed the call.
	Attempt time.Duration
}

// A Ledger keeps records, idempotency records, bills and API keys in one DynamoDB table. It is
// safe for concurrent use.
type Ledger struct {
	*table
	apiKeys
	tenantData
	counters counters
}

var (
	_ store.Driver     = (*Ledger)(nil)
	_ store.TenantData = (*Ledger)(nil)
	_ apikey.Store     = (*Ledger)(nil)
)

// A table sends requests to the table: each at most five times, within its timeout.
type table struct {
	client *dynamodb.Client
	name   *string
	o      Options
	retry  retry.Policy
}

// New returns the ledger in the table with this name. It does no I/O; [Ledger.Check] verifies the
// table. The client's own retries are disabled: the ledger sends a call at most
// five times. If o is nil, the defaults are used.
func New(client *dynamodb.Client, name string, o *Options) *Ledger {
	t := &table{name: aws.String(name)}
	if o != nil {
		t.o = *o
	}
	if t.o.Clock == nil {
		t.o.Clock = time.Now
	}
	if t.o.Attempt == 0 {
		t.o.Attempt = 3 * time.Second
	}
	t.retry = retry.Policy{Transient: transient, Backoff: t.o.Backoff, Timeout: t.o.Attempt}
	t.client = dynamodb.New(client.Options(), func(c *dynamodb.Options) {
		c.Retryer = aws.NopRetryer{}
		c.Credentials = credentials{c.Credentials}
	})
	return &Ledger{table: t, apiKeys: apiKeys{t}, tenantData: tenantData{t}}
}

// Close does nothing, because the client belongs to the caller.
func (l *Ledger) Close() error { return nil }

// now returns the time in the format of the items.
func (t *table) now() string { return formatTime(t.o.Clock()) }

// get reads one item, strongly consistent. It returns nil if the item does not exist.
func (t *table) get(ctx context.Context, key item) (item, error) {
	var out *dynamodb.GetItemOutput
	err := t.try(ctx, "GetItem", func(ctx context.Context) (err error) {
		out, err = t.client.GetItem(ctx, &dynamodb.GetItemInput{TableName: t.name, Key: key, ConsistentRead: aws.Bool(true)})
		return err
	})
	if err != nil {
		return nil, err
	}
	return out.Item, nil
}

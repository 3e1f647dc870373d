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

// Options are what a [Ledger] may be told; the zero value means the defaults.
type Options struct {
	Clock func() time.Time // time.Now: what has expired is asked of it

	// Backoff is the pause after a failed attempt, counted from 0; by default
	// up to 25 ms, doubling to at most a second, with full jitter.
	Backoff func(attempt int) time.Duration

	// Attempt is how long one call may take before it is sent again, 3 s by
	// default. Then nobody knows whether it was carried out.
	Attempt time.Duration
}

// A Ledger keeps records, idempotency records, bills and API keys in one DynamoDB table. It is
// safe for concurrent use.
type Ledger struct {
	client *dynamodb.Client
	table  *string
	o      Options
	retry  retry.Policy

	counters counters
}

var (
	_ store.Driver = (*Ledger)(nil)
	_ apikey.Store = (*Ledger)(nil)
)

// New returns the ledger in a table. It does no I/O: see [Ledger.Check]. The
// client's own retries are disabled: the ledger sends a call at most
// five times in all. A nil o means the defaults.
func New(client *dynamodb.Client, table string, o *Options) *Ledger {
	l := &Ledger{table: aws.String(table)}
	if o != nil {
		l.o = *o
	}
	if l.o.Clock == nil {
		l.o.Clock = time.Now
	}
	if l.o.Attempt == 0 {
		l.o.Attempt = 3 * time.Second
	}
	l.retry = retry.Policy{Transient: transient, Backoff: l.o.Backoff, Timeout: l.o.Attempt}
	l.client = dynamodb.New(client.Options(), func(c *dynamodb.Options) {
		c.Retryer = aws.NopRetryer{}
		c.Credentials = credentials{c.Credentials}
	})
	return l
}

// Close does nothing: the client is the caller's.
func (l *Ledger) Close() error { return nil }

// now is the time as items hold it.
func (l *Ledger) now() string { return formatTime(l.o.Clock()) }

// get reads one item, strongly consistent; nil where there is none.
func (l *Ledger) get(ctx context.Context, key item) (item, error) {
	var out *dynamodb.GetItemOutput
	err := l.try(ctx, "GetItem", func(ctx context.Context) (err error) {
		out, err = l.client.GetItem(ctx, &dynamodb.GetItemInput{TableName: l.table, Key: key, ConsistentRead: aws.Bool(true)})
		return err
	})
	if err != nil {
		return nil, err
	}
	return out.Item, nil
}

package dynamostore

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/blockforger/eventrouter/apikey"
	"github.com/blockforger/eventrouter/store"
	"github.com/blockforger/eventrouter/store/storetest"
)

func TestDriver(t *testing.T) {
	reconnect := func(t testing.TB, d store.Driver, e storetest.Env) store.Driver {
		return connect(t, *d.(*Ledger).name, e)
	}
	storetest.Run(t, storetest.Harness{
		Open:      openSuite,
		Reopen:    reconnect, // all state is in the table: a crash loses only the Go value
		Another:   reconnect,
		SetFormat: setFormat,
		History:   1000,
	})
}

func TestKeys(t *testing.T) {
	storetest.RunKeys(t, func(t testing.TB) apikey.Store { return newLedger(t, nil) })
}

// openSuite creates a table without time to live, because the suite does not use
// DynamoDB's clock.
func openSuite(t testing.TB, e storetest.Env) store.Driver {
	l := connect(t, tableName(), e)
	if err := l.createTable(t.Context()); err != nil {
		t.Fatal(err)
	}
	return l
}

// setFormat replaces the format number of an item; for 1 it removes the attribute.
func setFormat(t testing.TB, d store.Driver, r store.Ref, k store.IdempotencyKey, number int) {
	t.Helper()
	l, key := d.(*Ledger), recordKey(r)
	if k.Value != "" {
		key = idempotencyKey(k)
	}
	setItemFormat(t, l, key, number)
}

func setItemFormat(t testing.TB, l *Ledger, key item, number int) {
	t.Helper()
	e := newExpression()
	if e.assign(formatAttribute, nil); number > 1 {
		e = newExpression()
		e.assign(formatAttribute, integer(int64(number)))
	}
	e.condition = []string{"attribute_exists(pk)"}
	if err := l.write(t.Context(), e.update(l.name, key)); err != nil {
		t.Fatal(err)
	}
}

func connect(t testing.TB, table string, e storetest.Env, options ...func(*dynamodb.Options)) *Ledger {
	w := &wire{}
	if e.Fault != nil {
		ask := func(c *call) error { return e.Fault(c.name) }
		w.before, w.after = ask, ask
	}
	return New(newClient(t, append([]func(*dynamodb.Options){w.use}, options...)...), table, &Options{Clock: e.Clock, Backoff: func(int) time.Duration { return 0 }})
}

func BenchmarkDriver(b *testing.B) {
	storetest.Bench(b, func(b *testing.B) store.Driver { return newLedger(b, nil) })
}

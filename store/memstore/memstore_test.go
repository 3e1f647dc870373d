package memstore_test

import (
	"testing"

	"github.com/blockforger/eventrouter/apikey"
	"github.com/blockforger/eventrouter/store"
	"github.com/blockforger/eventrouter/store/memstore"
	"github.com/blockforger/eventrouter/store/storetest"
)

var harness = storetest.Harness{
	Open: func(_ testing.TB, e storetest.Env) store.Driver {
		return memstore.New(&memstore.Options{Clock: e.Clock, Fault: e.Fault})
	},
}

func TestDriver(t *testing.T) { storetest.Run(t, harness) }

func TestKeys(t *testing.T) {
	storetest.RunKeys(t, func(testing.TB) apikey.Store { return memstore.New(nil) })
}

func BenchmarkDriver(b *testing.B) {
	storetest.Bench(b, func(*testing.B) store.Driver { return memstore.New(nil) })
}

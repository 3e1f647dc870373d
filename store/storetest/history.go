package storetest

import (
	"cmp"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/go-json-experiment/json"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/store"
)

// The random history: workers send requests for a few records, some of them again,
// while I/Os fail and a relay publishes entries and aggregates bills. Then three
// properties are checked: each record's history is linearizable, all responses to one
// request are equal, and each request has one effect, one bill and one set of entries.

const (
	historyWorkers = 8
	historyRecords = 200
	faultsInAMille = 20
)

// A request is what a worker sends, possibly several times.
type request struct {
	id     string // idempotency key; "" reads
	record int
	op     events.Operation
	value  int
}

// A response holds the parts of a result that are compared, or what was read.
type response struct {
	code     fault.Code // of a rejection
	rejected bool
	revision int64
	live     bool
	value    int
}

func testHistory(t *testing.T, h Harness) {
	ops := environ("STORETEST_OPS", cmp.Or(h.History, 10_000))
	seed := uint64(environ("STORETEST_SEED", 1))
	t.Logf("%d operations, seed %d", ops, seed)

	var injecting atomic.Bool
	faults := rand.New(rand.NewPCG(seed, 1<<32))
	var mu sync.Mutex
	l := openFaulty(t, h, func(op string) error {
		mu.Lock()
		defer mu.Unlock()
		if injecting.Load() && faults.IntN(1000) < faultsInAMille {
			return fault.Errorf(fault.Unavailable, "injected into %s", op)
		}
		return nil
	})
	injecting.Store(true)
	r := &recorder{l: l, began: time.Now(), responses: map[string]response{}}
	stop, relay := make(chan struct{}), make(chan int)
	go func() { relay <- r.relay(stop) }()
	concurrently(historyWorkers, func(w int) {
		rng := rand.New(rand.NewPCG(seed, uint64(w)))
		for i := range ops / historyWorkers {
			r.run(w, r.pick(rng, w, i))
		}
	})
	injecting.Store(false)
	close(stop)
	published := <-relay
	if t.Failed() {
		return
	}
	r.checkOrder()
	r.checkEffects()
	t.Logf("%d requests, %d entries published", len(r.responses), published)
}

func environ(name string, otherwise int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return n
	}
	return otherwise
}

type recorder struct {
	l     *ledger
	began time.Time

	mu        sync.Mutex
	sent      []request
	history   []porcupine.Operation
	responses map[string]response // by idempotency key
}

// pick returns a worker's next request: a third are reads, a fifth are requests that a
// worker has sent before, and the rest are new. A third of all are for the same four
// records.
func (r *recorder) pick(rng *rand.Rand, worker, i int) request {
	record := rng.IntN(historyRecords)
	if rng.IntN(3) == 0 {
		record = rng.IntN(4)
	}
	kind := rng.IntN(15)
	if kind < 5 {
		return request{record: record, op: events.Get}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := len(r.sent); kind < 8 && n > 0 {
		return r.sent[n-1-rng.IntN(min(n, 100))]
	}
	q := request{
		id:     fmt.Sprintf("w%d-%d", worker, i),
		record: record,
		op:     events.Writes[rng.IntN(len(events.Writes))],
		value:  rng.IntN(1 << 20),
	}
	r.sent = append(r.sent, q)
	return q
}

func (r *recorder) run(worker int, q request) {
	called := time.Since(r.began)
	a, err := r.perform(q)
	returned := time.Since(r.began)
	if err != nil {
		r.l.t.Errorf("%s %s of record %d: %v", q.id, q.op, q.record, err)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.history = append(r.history, porcupine.Operation{
		ClientId: worker, Input: q, Output: a, Call: int64(called), Return: int64(returned),
	})
	if q.id == "" {
		return
	}
	if first, ok := r.responses[q.id]; ok && first != a {
		r.l.t.Errorf("%s got the response %+v, then %+v", q.id, first, a)
	}
	r.responses[q.id] = a
}

func recordOf(n int) store.Ref { return ref("acme", "petstore", named("r", n)) }

// perform does what the router does: it reads the record, decides and commits, and
// starts again after a version conflict.
func (r *recorder) perform(q request) (response, error) {
	for range 1000 { // with so few writers, more conflicts mean an error in the driver
		record, err := retryFaults(func() (store.Record, error) { return r.l.Get(ctx, recordOf(q.record)) })
		if err != nil && !fault.Is(err, fault.NotFound) {
			return response{}, err
		}
		live := record.Version != "" && !record.Deleted
		if q.op == events.Get {
			a := response{revision: record.Revision, live: live}
			if live {
				err := valueOf(record, &a)
				return a, err
			}
			return a, nil
		}
		c := change(recordOf(q.record), q.id, q.op, record, fmt.Sprintf(`{"id":"x","n":%d}`, q.value))
		switch {
		case q.op == events.Post && live:
			c = rejection(recordOf(q.record), q.id, q.op, fault.Conflict, "taken")
		case q.op != events.Post && !live:
			c = rejection(recordOf(q.record), q.id, q.op, fault.NotFound, "not there")
		}
		result, err := retryFaults(func() (store.Result, error) { return r.l.Commit(ctx, c) })
		if _, ok := errors.AsType[*store.VersionConflict](err); ok {
			continue
		}
		return response{rejected: result.Rejected, code: result.Code, revision: result.Revision}, err
	}
	return response{}, errors.New("the record changed each time")
}

// valueOf reads the record's value into a.
func valueOf(h store.Record, a *response) error {
	var data struct {
		N int `json:"n"`
	}
	err := json.Unmarshal(h.Data, &data)
	a.value = data.N
	return err
}

// retryFaults repeats do while it fails with an injected fault.
func retryFaults[T any](do func() (T, error)) (v T, err error) {
	for range 20 {
		v, err = do()
		if _, ok := errors.AsType[*store.VersionConflict](err); ok || !fault.Is(err, fault.Unavailable) {
			break
		}
	}
	return v, err
}

// relay publishes pending entries and aggregates bills until stop is closed and no
// pending work is left. It returns the number of different entries it has published.
func (r *recorder) relay(stop chan struct{}) int {
	published := map[string]bool{}
	last := false
	for rounds := 0; ; {
		select {
		case <-stop:
			last = true
		default:
		}
		if last {
			rounds++
		}
		found := 0
		for shard := range store.Shards {
			keys, err := retryFaults(func() ([]store.IdempotencyKey, error) { return r.l.ListPending(ctx, shard, start.Add(time.Hour), 25) })
			if err != nil {
				r.l.t.Errorf("open: %v", err)
				return len(published)
			}
			found += len(keys)
			for _, key := range keys {
				r.publish(key, published)
			}
			if _, err := retryFaults(func() (int, error) { return 0, r.l.AggregateUsage(ctx, keys) }); err != nil {
				r.l.t.Errorf("aggregation: %v", err)
			}
		}
		if last && found == 0 || r.l.t.Failed() {
			return len(published)
		}
		if rounds > 1000 {
			r.l.t.Errorf("%d idempotency records stay pending after progress is saved and bills are aggregated", found)
		}
	}
}

func (r *recorder) publish(key store.IdempotencyKey, published map[string]bool) {
	m, err := retryFaults(func() (store.IdempotencyRecord, error) { return r.l.IdempotencyRecord(ctx, key) })
	if err != nil {
		r.l.t.Errorf("idempotency record %s: %v", key.Value, err)
		return
	}
	var s store.Progress
	for i := range m.Outputs.Entries {
		e, err := m.Render(i)
		if err != nil {
			r.l.t.Errorf("render %s: %v", key.Value, err)
			return
		}
		published[e.OutputID] = true
		s.Entries = append(s.Entries, store.EntryResult{Index: i, State: store.EntryPublished, Time: start})
	}
	if _, err := retryFaults(func() (int, error) { return 0, r.l.SaveProgress(ctx, key, s) }); err != nil {
		r.l.t.Errorf("save progress %s: %v", key.Value, err)
	}
}

// checkOrder checks that the operations on each record are linearizable: some order
// that is consistent with their times explains every response.
func (r *recorder) checkOrder() {
	r.l.t.Helper()
	switch porcupine.CheckOperationsTimeout(recordModel, r.history, time.Minute) {
	case porcupine.Illegal:
		r.l.t.Error("the history is not linearizable")
	case porcupine.Unknown:
		r.l.t.Error("the check did not finish within a minute")
	}
}

// A recordState is a record in the model, with the requests applied to it.
type recordState struct {
	revision int64
	live     bool
	value    int
	seen     *seen
	sum      uint64 // a hash of the ids seen, independent of their order
}

type seen struct {
	id     string
	result response
	next   *seen
}

func (s *seen) find(id string) (response, bool) {
	for ; s != nil; s = s.next {
		if s.id == id {
			return s.result, true
		}
	}
	return response{}, false
}

var recordModel = porcupine.Model{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		parts := make([][]porcupine.Operation, historyRecords)
		for _, op := range history {
			n := op.Input.(request).record
			parts[n] = append(parts[n], op)
		}
		return parts
	},
	Init: func() any { return recordState{} },
	Step: func(state, input, output any) (bool, any) {
		s, q, a := state.(recordState), input.(request), output.(response)
		expected, next := s.step(q)
		return expected == a, next
	},
	Equal: func(a, b any) bool {
		x, y := a.(recordState), b.(recordState)
		x.seen, y.seen = nil, nil
		return x == y
	},
}

// step is the specification of a request: it returns the response and the next state.
func (s recordState) step(q request) (response, recordState) {
	if q.op == events.Get {
		return response{revision: s.revision, live: s.live, value: s.value}, s
	}
	if result, ok := s.seen.find(q.id); ok {
		return result, s
	}
	var a response
	switch {
	case q.op == events.Post && s.live:
		a = response{rejected: true, code: fault.Conflict}
	case q.op != events.Post && !s.live:
		a = response{rejected: true, code: fault.NotFound}
	default:
		s.revision++
		s.live, s.value = q.op != events.Delete, q.value
		if !s.live {
			s.value = 0
		}
		a = response{revision: s.revision}
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(q.id))
	s.sum += h.Sum64()
	s.seen = &seen{q.id, a, s.seen}
	return a, s
}

// checkEffects checks that the ledger holds exactly the effects of the responses.
func (r *recorder) checkEffects() {
	r.l.t.Helper()
	l, t := r.l, r.l.t
	all := l.idempotencyRecords()
	want(t, "idempotency records", len(all), len(r.responses))
	carriedOut, revisions := 0, map[store.Ref]int64{}
	outputs := map[string]bool{}
	for _, m := range all {
		a, ok := r.responses[m.Key.Value]
		if !ok {
			t.Fatalf("an idempotency record without a response: %s", m.Key.Value)
		}
		want(t, "revision of "+m.Key.Value, m.Result.Revision, a.revision)
		want(t, "rejected "+m.Key.Value, m.Result.Rejected, a.rejected)
		if a.rejected {
			want(t, "bill of a rejection", m.Bill.Tokens, 0)
			continue
		}
		carriedOut++
		revisions[m.Result.Ref]++
		want(t, "bill of "+m.Key.Value, m.Bill.Tokens, tokens)
		want(t, "entries of "+m.Key.Value, len(m.Outputs.Entries), 1)
		want(t, "entry of "+m.Key.Value, m.Outputs.Entries[0].State, store.EntryPublished)
		outputs[m.Key.UUID("output", 0)] = true
	}
	want(t, "outputs", len(outputs), carriedOut)
	want(t, "tokens", l.used("acme"), int64(carriedOut*tokens))
	for n := range historyRecords {
		want(t, "revision of "+recordOf(n).Path(), l.find(recordOf(n)).Revision, revisions[recordOf(n)])
	}
}

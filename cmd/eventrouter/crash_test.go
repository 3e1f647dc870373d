package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/internal/admin"
	"github.com/blockforger/eventrouter/store"
)

// TestKillLosesNothing sends 10,000 events while the server is killed five
// times at random moments. Every event that was acknowledged has its one
// effect, one bill and one output event; none, answered or not, has more.
func TestKillLosesNothing(t *testing.T) {
	const kills, workers, batches, batch = 5, 8, 125, 10
	const all = workers * batches * batch
	p := newProcess(t)
	p.start()
	key := makeKey(t, p.url(), "evented").Key

	var mu sync.Mutex
	acknowledged := make(map[string]bool, all)
	var sent int
	progress := func() int { mu.Lock(); defer mu.Unlock(); return sent }

	var senders sync.WaitGroup
	for w := range workers {
		senders.Go(func() {
			for b := range batches {
				entries := make([]putEntry, batch)
				ids := make([]string, batch)
				for i := range entries {
					ids[i] = fmt.Sprintf("w%d-b%d-%d", w, b, i)
					extra := ""
					if w%2 == 0 { // these senders try again, under a key of their own
						extra = fmt.Sprintf(`,"idempotency_key":%q`, ids[i])
					}
					entries[i] = inputEntry(key, "POST", fmt.Sprintf(`{"id":%q,"numeric":%d}`, ids[i], i), extra)
				}
				for {
					ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
					results := make([]entryResult, batch)
					err := putEntries(ctx, p.url(), entries, results, once)
					cancel()
					mu.Lock()
					for i, r := range results {
						if err == nil && r.Error == "" {
							acknowledged[ids[i]] = true
						}
					}
					mu.Unlock()
					if err == nil || w%2 == 1 {
						break
					}
					time.Sleep(50 * time.Millisecond)
				}
				mu.Lock()
				sent += batch
				mu.Unlock()
			}
		})
	}
	for k := range kills {
		at := (k + 1) * all / (kills + 1)
		for progress() < at {
			time.Sleep(time.Millisecond)
		}
		time.Sleep(time.Duration(rand.IntN(20)) * time.Millisecond)
		p.kill()
		p.start()
	}
	senders.Wait()

	client := admin.NewClient(p.url())
	var heads map[events.RecordKey]int64
	eventually(t, "every acknowledged event has a record", func() bool {
		heads = readAll(t, client)
		for id := range acknowledged {
			if _, ok := heads[events.RecordKey(id)]; !ok {
				return false
			}
		}
		return true
	})
	eventually(t, "nothing is left to deliver or publish", func() bool {
		after := readAll(t, client)
		quiet := len(after) == len(heads)
		heads = after
		page, err := client.ListEntries(t.Context(), admin.EntryQuery{State: "pending"})
		for err == nil && page.Cursor != "" && len(page.Entries) == 0 {
			page, err = client.ListEntries(t.Context(), admin.EntryQuery{State: "pending", Cursor: page.Cursor})
		}
		if err != nil {
			t.Fatal(err)
		}
		if len(page.Entries) > 0 { // published once the relay has been by: at the start, and each minute
			p.kill()
			p.start()
			time.Sleep(200 * time.Millisecond)
		}
		return quiet && len(page.Entries) == 0
	})

	for id, revision := range heads {
		if revision != 1 {
			t.Errorf("record %s has revision %d: more than one effect", id, revision)
		}
	}
	usage, err := client.Usage(t.Context(), "evented", store.Month(time.Now()))
	if err != nil {
		t.Fatal(err)
	}
	if want := int64(len(heads)) * 10; usage.Tokens != want {
		t.Errorf("%d tokens for %d records, want %d", usage.Tokens, len(heads), want)
	}
	outputs := map[string]int{}
	for q := (admin.EntryQuery{}); ; {
		page, err := client.ListEntries(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page.Entries {
			outputs[e.OutputID]++
			if e.State != "published" {
				t.Errorf("output event %s of %s is %s", e.OutputID, e.Key, e.State)
			}
		}
		if q.Cursor = page.Cursor; q.Cursor == "" {
			break
		}
	}
	if len(outputs) != len(heads) {
		t.Errorf("%d output events of %d records", len(outputs), len(heads))
	}
	t.Logf("%d sent, %d acknowledged, %d records, %d tokens, %d output events, %d kills", all, len(acknowledged), len(heads), usage.Tokens, len(outputs), kills)
	if len(acknowledged) < all/2 {
		t.Errorf("only %d of %d were acknowledged: the test shows little", len(acknowledged), all)
	}
}

// once keeps the SDK from trying again by itself.
func once(o *eventbridge.Options) { o.Retryer = aws.NopRetryer{} }

// readAll reads the revision of every record.
func readAll(t *testing.T, client admin.Admin) map[events.RecordKey]int64 {
	t.Helper()
	heads := map[events.RecordKey]int64{}
	for q := (admin.RecordQuery{Tenant: "evented", Schema: "evented", Limit: 1000}); ; {
		page, err := client.ListRecords(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range page.Records {
			heads[r.Key] = r.Revision
		}
		if q.After = page.Next; q.After == "" {
			return heads
		}
	}
}

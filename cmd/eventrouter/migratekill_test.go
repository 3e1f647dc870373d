package main

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/admin"
	"github.com/blockforger/eventrouter/store"
)

// A migratedRecord is what the sender of a record knows about it.
type migratedRecord struct {
	acknowledged int  // n of the last change that was acknowledged
	uncertain    bool // the next change was sent, and its result is not known
	gone         bool // the record does not exist under its old key
}

// TestMigrateKilled migrates a schema to another key while requests change and create
// records under the old key and the server is killed five times. A rerun completes the
// migration: each record exists once, under its new key, with its last acknowledged
// change, and the migration has no bills or output events.
func TestMigrateKilled(t *testing.T) {
	const kills, workers, records = 5, 4, 40 // records of each worker, at the beginning
	p := newProcess(t)
	p.schemas = t.TempDir()
	file := filepath.Join(p.schemas, "acme", "pet.json")
	const schema = `{%s"type":"object","properties":{"id":{"type":"string"},"chip":{"type":"string"},"n":{"type":"integer"}}}`
	write(t, filepath.Join(p.schemas, "acme", "tenant.properties"), "eventbridge-input=true\neventbridge-output=[{}]\n")
	write(t, file, fmt.Sprintf(schema, ""))
	p.start()
	key := makeKey(t, p.url(), "acme").Key

	// send sends a request with its own idempotency key until it has a result, or until
	// stop is set. It returns 0 without a result.
	var stop atomic.Bool
	var accepted atomic.Int64
	var n atomic.Int64
	client := &http.Client{Timeout: 10 * time.Second}
	send := func(method, path, body string) int {
		idempotencyKey := fmt.Sprint("request-", n.Add(1))
		for {
			req, err := http.NewRequest(method, p.url()+"/api/acme/pet"+path, strings.NewReader(body))
			if err != nil {
				panic(err)
			}
			req.Header.Set("x-api-key", key)
			req.Header.Set("content-type", "application/json")
			req.Header.Set("idempotency-key", idempotencyKey)
			if resp, err := client.Do(req); err == nil {
				_, _ = io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				if resp.StatusCode < 500 && resp.StatusCode != http.StatusTooManyRequests {
					if resp.StatusCode < 300 {
						accepted.Add(1)
					}
					return resp.StatusCode
				}
			}
			if stop.Load() {
				return 0
			}
			time.Sleep(5 * time.Millisecond)
		}
	}
	known := make([][]migratedRecord, workers)
	name := func(w, i int) string { return fmt.Sprintf("%d-%d", w, i) }
	create := func(w int) {
		i := len(known[w])
		known[w] = append(known[w], migratedRecord{})
		switch status := send("POST", "", fmt.Sprintf(`{"id":"old-%s","chip":"zip-%[1]s","n":0}`, name(w, i))); status {
		case 201:
		case 0:
			known[w][i].uncertain, known[w][i].acknowledged = true, -1
		default:
			t.Errorf("POST: status %d", status)
		}
	}
	change := func(w, i int) {
		r := &known[w][i]
		if r.gone || r.uncertain {
			return
		}
		switch status := send("PATCH", "/old-"+name(w, i), fmt.Sprintf(`{"n":%d}`, r.acknowledged+1)); status {
		case 200:
			r.acknowledged++
		case 404:
			r.gone = true
		case 0:
			r.uncertain = true
		default:
			t.Errorf("PATCH: status %d", status)
		}
	}
	var group sync.WaitGroup
	for w := range workers {
		group.Go(func() {
			for range records {
				create(w)
			}
		})
	}
	group.Wait()
	for w := range workers {
		group.Go(func() {
			for !stop.Load() {
				change(w, rand.IntN(len(known[w])))
				if rand.IntN(4) == 0 {
					create(w)
				}
			}
		})
	}

	migration := admin.Migration{Tenant: "acme", Schema: "pet", Backend: events.DynamoDB, KeyField: "chip"}
	interrupted := 0
	for range kills {
		before := accepted.Load()
		eventually(t, "30 requests are accepted", func() bool { return accepted.Load() >= before+30 })
		ended := make(chan error, 1)
		go func() {
			_, err := admin.NewClient(p.url()).MigrateSchema(t.Context(), migration)
			ended <- err
		}()
		time.Sleep(time.Duration(rand.IntN(60)) * time.Millisecond)
		p.kill()
		switch err := <-ended; {
		case fault.Is(err, fault.Invalid):
			t.Fatalf("the migration cannot be completed: %v", err)
		case err != nil && !fault.Is(err, fault.Conflict):
			interrupted++
		}
		p.start()
	}
	stop.Store(true)
	group.Wait()
	if interrupted == 0 {
		t.Error("no migration was interrupted: the test shows nothing")
	}
	c := admin.NewClient(p.url())
	if _, err := c.MigrateSchema(t.Context(), migration); err != nil {
		t.Fatalf("the rerun: %v", err)
	}
	write(t, file, fmt.Sprintf(schema, `"meta":{"key":"chip"},`))
	p.kill()
	p.start() // with the new schema

	found := map[events.RecordKey]int{}
	for q := (admin.RecordQuery{Tenant: "acme", Schema: "pet", Limit: 1000}); ; {
		page, err := c.ListRecords(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range page.Records {
			var data struct {
				ID   string `json:"id"`
				Chip string `json:"chip"`
				N    int    `json:"n"`
			}
			if err := json.Unmarshal(r.Data, &data); err != nil {
				t.Fatal(err)
			}
			if string(r.Key) != data.Chip || strings.TrimPrefix(data.Chip, "zip-") != strings.TrimPrefix(data.ID, "old-") {
				t.Errorf("record %s is %s", r.Key, r.Data)
			}
			found[r.Key] = data.N
		}
		if q.After = page.Next; q.After == "" {
			break
		}
	}
	uncertain := int64(0)
	for w := range known {
		for i, r := range known[w] {
			k := events.RecordKey("zip-" + name(w, i))
			n, ok := found[k]
			delete(found, k)
			if r.uncertain {
				uncertain++
				if r.acknowledged < 0 && !ok || ok && n == r.acknowledged+1 {
					continue
				}
			}
			if !ok || n != r.acknowledged {
				t.Errorf("record %s: n is %d, %v, want %d", k, n, ok, r.acknowledged)
			}
		}
	}
	if len(found) > 0 {
		t.Errorf("records that no request created: %v", found)
	}
	usage, err := c.Usage(t.Context(), "acme", store.Month(time.Now()))
	if requests := usage.Tokens / 10; err != nil || requests < accepted.Load() || requests > accepted.Load()+uncertain {
		t.Errorf("%d tokens, %v: want 10 for each of %d to %d requests", usage.Tokens, err, accepted.Load(), accepted.Load()+uncertain)
	}
	outputs := int64(0)
	for q := (admin.EntryQuery{Tenant: "acme"}); ; {
		page, err := c.ListEntries(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		outputs += int64(len(page.Entries))
		if q.Cursor = page.Cursor; q.Cursor == "" {
			break
		}
	}
	if outputs != usage.Tokens/10 {
		t.Errorf("%d output events of %d requests", outputs, usage.Tokens/10)
	}
	if status := send("PATCH", "/zip-"+name(0, 0), `{"n":-1}`); status != 200 {
		t.Errorf("a request with the new key: status %d", status)
	}
	t.Logf("%d accepted requests, %d without a result, %d of %d migrations interrupted", accepted.Load(), uncertain, interrupted, kills)
}

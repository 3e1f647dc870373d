package main

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/blockforger/eventrouter/apikey"
	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/internal/admin"
	"github.com/blockforger/eventrouter/internal/powerfailure"
	"github.com/blockforger/eventrouter/local/eventbridge"
	"github.com/blockforger/eventrouter/store"
)

// TestServePowerFailure: the power may fail at any point. serve then starts again, the
// record of each acknowledged REST call is there, and each acknowledged event has its
// record or is still to be delivered. Continued, each has one effect and one bill.
func TestServePowerFailure(t *testing.T) {
	powerfailure.Run(t, func(d *powerfailure.Disk) {
		const calls = 2 // of each kind
		schemas, err := filepath.Abs(sampleSchemas)
		if err != nil {
			t.Fatal(err)
		}
		openIn := func(t testing.TB, dir string) *server {
			t.Helper()
			srv, err := openServer("127.0.0.1:0", filepath.Join(dir, "data"), schemas, (&awsFlags{}).options(quiet()))
			if err != nil {
				t.Fatalf("open: %v", err)
			}
			return srv
		}
		start := func(srv *server) (stop func() error) {
			ctx, cancel := context.WithCancel(context.Background())
			ended := make(chan error, 1)
			go func() { ended <- srv.run(ctx) }()
			return func() error { cancel(); return <-ended }
		}
		idle := func(srv *server) bool {
			due, waiting := srv.local.Pending()
			page, err := srv.admin.ListEntries(t.Context(), admin.EntryQuery{State: "pending"})
			return err == nil && due+waiting == 0 && len(page.Entries) == 0
		}

		srv := openIn(t, d.Dir)
		stop := start(srv)
		key, err := srv.admin.CreateKey(t.Context(), admin.NewKey{Tenant: "evented", Permissions: []apikey.Permission{apikey.BackendCalls}})
		if err != nil {
			t.Fatal(err)
		}
		for i := range calls {
			out, err := srv.local.EventBridge.PutEvents(t.Context(), &eventbridge.PutEventsInput{Entries: []eventbridge.PutEventsRequestEntry{{
				Source: "blockforger-input", DetailType: "evented.POST", Detail: fmt.Sprintf(
					`{"tenant":"evented","rootSchema":"evented","operation":"POST","api_key":%q,"payload":{"id":"event%d"}}`, key.Key, i)}}})
			if err != nil || out.FailedEntryCount > 0 {
				t.Fatal(err, out)
			}
			d.Acknowledge()
			if status, body := call(t, "POST", srv.url+"/api/evented/evented", key.Key, fmt.Sprintf(`{"id":"call%d"}`, i)); status != 201 {
				t.Fatal(status, body)
			}
			d.Acknowledge()
		}
		eventually(t, "everything is delivered and published", func() bool { return idle(srv) })
		if err := firstOf(stop(), srv.close()); err != nil {
			t.Fatal(err)
		}

		states := 0
		d.Check(func(t testing.TB, dir string, acknowledged int) {
			srv := openIn(t, dir)
			check := func(when string) (records int, missing int) {
				t.Helper()
				list, err := srv.ledger.Records(t.Context(), store.Collection{Tenant: "evented", Schema: "evented"}, "", 100)
				if err != nil {
					t.Fatalf("%s: %v", when, err)
				}
				revisions := map[events.RecordKey]int64{}
				for _, r := range list {
					if revisions[r.Ref.Key] = r.Revision; r.Revision != 1 {
						t.Errorf("%s: %s has revision %d", when, r.Ref.Key, r.Revision)
					}
				}
				for i := range calls {
					if revisions[events.RecordKey(fmt.Sprintf("call%d", i))] == 0 && acknowledged >= 2*i+2 {
						t.Errorf("%s: call %d is lost", when, i)
					}
					if revisions[events.RecordKey(fmt.Sprintf("event%d", i))] == 0 && acknowledged >= 2*i+1 {
						missing++
					}
				}
				usage, err := srv.app.Store.Usage(t.Context(), "evented", store.Month(srv.started))
				if err != nil || usage.Tokens() != int64(10*len(list)) {
					t.Errorf("%s: %d tokens for %d records: %v", when, usage.Tokens(), len(list), err)
				}
				return len(list), missing
			}
			_, missing := check("after the start")
			if due, waiting := srv.local.Pending(); due+waiting < missing {
				t.Errorf("%d acknowledged events have no record, %d are to be delivered", missing, due+waiting)
			}
			if states++; states%20 == 0 { // to the end; not for each state, which would take a minute
				stop := start(srv)
				for deadline := time.Now().Add(time.Minute); !idle(srv); time.Sleep(time.Millisecond) {
					if time.Now().After(deadline) {
						t.Fatalf("not everything is delivered and published")
					}
				}
				if _, missing := check("in the end"); missing > 0 {
					t.Errorf("%d acknowledged events are lost", missing)
				}
				if err := stop(); err != nil {
					t.Errorf("stop: %v", err)
				}
			}
			if err := srv.close(); err != nil {
				t.Errorf("close: %v", err)
			}
		})
	})
}

package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/internal/admin"
	"github.com/blockforger/eventrouter/store"
)

// unreliable forwards PutEvents to a server, with the faults that EventBridge permits: the
// first call fails as a whole, the second accepts no entry but the first, and of the third
// the response to the first entry is an error although it was accepted.
func unreliable(t *testing.T, server string) (url string, calls *atomic.Int32) {
	t.Helper()
	type entryOutcome struct {
		EventId      string `json:"EventId,omitempty"`
		ErrorCode    string `json:"ErrorCode,omitempty"`
		ErrorMessage string `json:"ErrorMessage,omitempty"`
	}
	type outcome struct {
		FailedEntryCount int            `json:"FailedEntryCount"`
		Entries          []entryOutcome `json:"Entries"`
	}
	calls = new(atomic.Int32)
	forward := func(r *http.Request, entries []jsontext.Value) (out outcome) {
		body, err := json.Marshal(map[string]any{"Entries": entries})
		if err != nil {
			t.Error(err)
		}
		req, err := http.NewRequestWithContext(r.Context(), r.Method, server+r.URL.Path, bytes.NewReader(body))
		if err != nil {
			t.Error(err)
			return out
		}
		req.Header = r.Header.Clone()
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Error(err)
			return out
		}
		defer resp.Body.Close()
		if err := json.UnmarshalRead(resp.Body, &out); err != nil || resp.StatusCode != http.StatusOK {
			t.Errorf("PutEvents returned %s: %v", resp.Status, err)
		}
		return out
	}
	failure := entryOutcome{ErrorCode: "ThrottlingException", ErrorMessage: "slow down"}
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in struct{ Entries []jsontext.Value }
		body, err := io.ReadAll(r.Body)
		if err == nil {
			err = json.Unmarshal(body, &in)
		}
		if err != nil || len(in.Entries) == 0 {
			t.Errorf("not a PutEvents request: %s, %v", body, err)
			return
		}
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		var out outcome
		switch calls.Add(1) {
		case 1:
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = io.WriteString(w, `{"__type":"InternalException","message":"try again"}`)
			return
		case 2:
			out = forward(r, in.Entries[:1])
			for range in.Entries[1:] {
				out.Entries = append(out.Entries, failure)
			}
		case 3:
			out = forward(r, in.Entries)
			out.Entries[0] = failure
		default:
			out = forward(r, in.Entries)
		}
		for _, e := range out.Entries {
			if e.ErrorCode != "" {
				out.FailedEntryCount++
			}
		}
		if err := json.MarshalWrite(w, out); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(proxy.Close)
	return proxy.URL, calls
}

// TestSenders runs the senders of examples/ against a server that is reached through
// faults: each record is created, and billed, once.
func TestSenders(t *testing.T) {
	t.Parallel()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	build := t.TempDir()
	senders := map[string]func(t *testing.T) []string{
		"python": func(t *testing.T) []string {
			require(t, "boto3", "boto3 is missing: pip install boto3==1.43.11", "python3", "-c", "import boto3")
			return []string{"python3", filepath.Join(root, "examples/python/send.py")}
		},
		"typescript": func(t *testing.T) []string {
			tsc := filepath.Join(root, "node_modules/.bin/tsc")
			require(t, "node", "Node is missing: apt-get install nodejs npm", "node", "--version")
			require(t, "the TypeScript compiler", "tsc is missing: npm ci", tsc, "--version")
			if out, err := exec.CommandContext(t.Context(), tsc, "-p", filepath.Join(root, "examples/typescript"), "--outDir", build).CombinedOutput(); err != nil {
				t.Fatalf("tsc: %v\n%s", err, out)
			}
			return []string{"node", filepath.Join(build, "send.js")}
		},
	}
	for language, command := range senders {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			args := command(t)
			srv, _ := serveHere(t, sampleSchemas)
			url, calls := unreliable(t, srv.url)
			const records = 12 // more than one call holds
			var lines strings.Builder
			for i := range records {
				fmt.Fprintf(&lines, "{\"name\":\"pet %d\"}\n", i) // without a key: a POST that is repeated would create another record
			}
			file := filepath.Join(t.TempDir(), "records.jsonl")
			write(t, file, lines.String())
			key := makeKey(t, srv.url, "petstore").Key
			for run := range 2 { // a second run has no effect
				cmd := exec.CommandContext(t.Context(), args[0], append(args[1:], "petstore", "petstore", "POST", file)...)
				cmd.Env = append(os.Environ(), "AWS_ENDPOINT_URL="+url, "AWS_ACCESS_KEY_ID=local", "AWS_SECRET_ACCESS_KEY=local", "AWS_REGION=us-east-1",
					"AWS_DEFAULT_REGION=us-east-1", "AWS_MAX_ATTEMPTS=1", "AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null",
					"EVENTROUTER_KEY="+key, "NODE_PATH="+filepath.Join(root, "node_modules"), "NODE_NO_WARNINGS=1")
				out, err := cmd.CombinedOutput()
				if err != nil || !strings.Contains(string(out), "12 events sent") {
					t.Fatalf("run %d: %v\n%s", run+1, err, out)
				}
			}
			if n := calls.Load(); n < 6 {
				t.Errorf("%d calls: the faults were not met", n)
			}
			eventually(t, "the records are created", func() bool {
				page, err := srv.admin.ListRecords(t.Context(), admin.RecordQuery{Tenant: "petstore", Schema: "petstore"})
				return err == nil && len(page.Records) >= records
			})
			eventually(t, "every event is processed", func() bool {
				_, out, _ := runCLI(t, srv.url, "logs", function, "--output", "json")
				return strings.Count(out, `\"outcome\"`) >= 2*records
			})
			usage, err := srv.admin.Usage(t.Context(), "petstore", store.Month(time.Now()))
			if err != nil || usage.Tokens != 10*records {
				t.Errorf("%d tokens are billed, want %d: %v", usage.Tokens, 10*records, err)
			}
			page, err := srv.admin.ListRecords(t.Context(), admin.RecordQuery{Tenant: "petstore", Schema: "petstore"})
			if err != nil || len(page.Records) != records {
				t.Errorf("%d records, want %d: %v", len(page.Records), records, err)
			}
		})
	}
}

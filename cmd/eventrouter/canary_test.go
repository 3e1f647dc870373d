package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/blockforger/eventrouter/internal/admin"
	"github.com/blockforger/eventrouter/store"
)

// TestBadInputLeaksNothing sends many kinds of invalid input over HTTP.
// Nothing has an effect or is retried, and neither key nor payload is anywhere
// that they must not be: logs, errors, the data folder, the server's output.
func TestBadInputLeaksNothing(t *testing.T) {
	const canary = "c4n4ry-payload"
	p := newProcess(t)
	p.start()
	client := admin.NewClient(p.url())
	key, other := makeKey(t, p.url(), "evented"), makeKey(t, p.url(), "petstore")
	revoked := makeKey(t, p.url(), "evented")
	if _, err := client.RevokeKey(t.Context(), revoked.KeyID); err != nil {
		t.Fatal(err)
	}
	good := `{"string":"` + canary + `"}`
	nested := strings.Repeat(`{"a":`, 70) + `"` + canary + `"` + strings.Repeat(`}`, 70)
	entries := []putEntry{
		inputEntry(other.Key, "POST", good, ""),
		inputEntry(revoked.Key, "POST", good, ""),
		inputEntry(key.Key+"x", "POST", good, ""),
		inputEntry(key.Key, "POST", `{"string":7,"numeric":"`+canary+`","id":1}`, ""),
		inputEntry(key.Key, "PUT", `{"string":"`+canary+`"}`, ""),
		inputEntry(key.Key, "POST", `"`+canary+`"`, ""),
		inputEntry(key.Key, "POST", `{"numeric":`+strings.Repeat("9", 39)+`,"string":"`+canary+`"}`, ""),
		inputEntry(key.Key, "POST", `{"numeric":1e400,"string":"`+canary+`"}`, ""),
		inputEntry(key.Key, "POST", `{"string":"`+canary+strings.Repeat("x", 400<<10)+`"}`, ""),
		inputEntry(key.Key, "POST", good, `,"payload":{"string":"twice `+canary+`"}`),
		inputEntry(key.Key, "POST", good, `,"idempotency_key":"`+strings.Repeat("k", 129)+`"`),
		inputEntry(key.Key, "POST", good, `,"extra":`+nested),
		{Source: "blockforger-input", DetailType: "evented.POST", Detail: detail(`{"tenant":"..","rootSchema":"evented","api_key":"` + key.Key + `","payload":` + good + `}`)},
		{Source: "blockforger-input", DetailType: "evented.POST", Detail: detail(`{"tenant":null,"rootSchema":["evented"],"api_key":"` + key.Key + `","payload":` + good + `}`)},
		{Source: "blockforger-input", DetailType: "other.POST", Detail: detail(`{"tenant":"evented","rootSchema":"evented","api_key":"` + key.Key + `","payload":` + good + `}`)},
		{Source: "blockforger-output", DetailType: "evented.POST", Detail: detail(`{"tenant":"evented","rootSchema":"evented","api_key":"` + key.Key + `","payload":{}}`)},
	}
	reached := 0
	for i, e := range entries {
		results := make([]entryResult, 1)
		if err := putEntries(t.Context(), p.url(), []putEntry{e}, results); err != nil {
			t.Fatalf("entry %d: %v", i, err)
		}
		if results[0].Error != "" {
			t.Errorf("entry %d: EventBridge itself refused it: %s", i, results[0].Error)
		}
		reached++
	}
	var lines []admin.LogLine
	eventually(t, "a log line for each event", func() bool {
		page, err := client.Logs(t.Context(), function, 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		lines = page.Lines
		return len(lines) >= reached
	})
	for _, l := range lines {
		if !strings.Contains(l.Text, `"outcome":"rejected"`) && !strings.Contains(l.Text, `"outcome":"ignored"`) {
			t.Errorf("neither rejected nor ignored: %s", l.Text)
		}
	}
	if len(lines) != reached {
		t.Errorf("%d lines of %d events: something was retried", len(lines), reached)
	}
	if letters, err := client.DeadLetters(t.Context(), admin.LetterQuery{}); err != nil || len(letters) != 0 {
		t.Errorf("dead letters: %+v, %v", letters, err)
	}
	if page, err := client.ListRecords(t.Context(), admin.RecordQuery{Tenant: "evented", Schema: "evented"}); err != nil || len(page.Records) != 0 {
		t.Errorf("records: %+v, %v", page, err)
	}
	if u, err := client.Usage(t.Context(), "evented", store.Month(time.Now())); err != nil || u.Tokens != 0 {
		t.Errorf("usage: %+v, %v", u, err)
	}
	time.Sleep(600 * time.Millisecond) // logs reach the disk
	p.kill()

	secrets := []string{key.Key, other.Key, revoked.Key, canary}
	for what, text := range map[string]string{"the server's output": p.out.String(), "the functions' logs": fmt.Sprint(lines)} {
		for _, s := range secrets {
			if strings.Contains(text, s) {
				t.Errorf("%s holds %s", what, s)
			}
		}
	}
	files := 0
	err := filepath.WalkDir(p.data, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files++
		content, err := os.ReadFile(path)
		for _, s := range secrets {
			if bytes.Contains(content, []byte(s)) {
				t.Errorf("%s holds %s", path, s)
			}
		}
		return err
	})
	if err != nil || files < 3 {
		t.Errorf("%d files looked through, %v", files, err)
	}
	// the demo key is shown once, and is nowhere else
	shown := strings.Count(p.out.String(), "erk_")
	if shown != 1 {
		t.Errorf("%d keys in the server's output, want the demo key once", shown)
	}
}

package boltstore_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"go.etcd.io/bbolt"

	"github.com/blockforger/eventrouter/apikey"
	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/format"
	"github.com/blockforger/eventrouter/internal/seal"
	"github.com/blockforger/eventrouter/store"
	"github.com/blockforger/eventrouter/store/boltstore"
	"github.com/blockforger/eventrouter/store/storetest"
)

var ctx = context.Background()

func post(key, data string) store.Change {
	ref := store.Ref{Collection: store.Collection{Tenant: "acme", Schema: "petstore"}, Key: events.RecordKey(key)}
	return store.Change{
		Idempotency: store.IdempotencyRecord{
			Key:    store.IdempotencyKey{Tenant: "acme", Origin: store.OriginEventKey, Value: "idem-" + key},
			Result: store.Result{Ref: ref, Operation: events.Post},
			Bill:   store.Bill{Tokens: 10, KeyID: "k"},
			Outputs: store.Outputs{Payload: jsontext.Value(data), Document: jsontext.Value(data), CorrelationID: "canary-correlation",
				Entries: []store.Entry{{Bus: "b", Source: "s", DetailType: "d", State: store.EntryPending}}},
		},
		Record: &store.Record{Ref: ref, Revision: 1, Data: jsontext.Value(data)},
	}
}

func TestEventDataIsEncrypted(t *testing.T) {
	dir := t.TempDir()
	d := openIn(t, dir, storetest.Env{})
	s := store.New(d, nil)
	c := post("rex", `{"id":"rex","note":"canary-payload"}`)
	if _, err := s.Commit(ctx, c); err != nil {
		t.Fatal(err)
	}
	if err := s.SaveProgress(ctx, c.Idempotency.Key, store.Progress{Entries: []store.EntryResult{{State: store.EntryPublished}}}); err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		for _, canary := range []string{"canary", "idem-rex"} {
			if bytes.Contains(data, []byte(canary)) {
				t.Errorf("%s contains %q unencrypted", filepath.Base(path), canary)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	plain, err := boltstore.Open(filepath.Join(t.TempDir(), fileName), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = plain.Close() }()
	if _, err := store.New(plain, nil).Commit(ctx, c); err != nil {
		t.Errorf("a plain file: %v", err)
	}
}

func TestOpenRejectsWrongKey(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	path := filepath.Join(dir, fileName)
	if err := openIn(t, dir, storetest.Env{}).Close(); err != nil {
		t.Fatal(err)
	}
	wrong, err := seal.Open(other, fileName)
	if err != nil {
		t.Fatal(err)
	}
	plainPath := filepath.Join(other, "plain.db")
	plain, err := boltstore.Open(plainPath, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := plain.Close(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		path   string
		sealer boltstore.Sealer
		want   string
	}{
		{path, wrong, "sealed with another key"},
		{path, nil, "is sealed, but no key"},
		{plainPath, wrong, "is not sealed, but a key"},
	} {
		_, err := boltstore.Open(c.path, &boltstore.Options{Sealer: c.sealer})
		if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), c.path) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
	openIn(t, dir, storetest.Env{}) // the right key still opens the file
}

// change edits the file directly, to make it corrupt.
func change(t *testing.T, path string, edit func(*bbolt.Tx) error) {
	t.Helper()
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: time.Second})
	if err == nil {
		err = errors.Join(db.Update(edit), db.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestDamageIsReported(t *testing.T) {
	for name, edit := range map[string]func(v []byte) []byte{
		"flipped":      func(v []byte) []byte { v[len(v)-3] ^= 1; return v },
		"flags":        func(v []byte) []byte { v[1] ^= 4; return v },
		"cut":          func(v []byte) []byte { return v[:20] },
		"empty":        func([]byte) []byte { return nil },
		"next version": func(v []byte) []byte { v[0]++; return v },
	} {
		dir := t.TempDir()
		d := openIn(t, dir, storetest.Env{})
		c := post("rex", `{"id":"rex"}`)
		if _, err := store.New(d, nil).Commit(ctx, c); err != nil {
			t.Fatal(err)
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		for _, bucket := range []string{"heads", "marks"} {
			change(t, filepath.Join(dir, fileName), func(tx *bbolt.Tx) error {
				b := tx.Bucket([]byte(bucket))
				k, v := b.Cursor().First()
				return b.Put(bytes.Clone(k), edit(bytes.Clone(v)))
			})
		}
		s := store.New(openIn(t, dir, storetest.Env{}), nil)
		_, getErr := s.Get(ctx, c.Record.Ref)
		_, idempotencyErr := s.IdempotencyRecord(ctx, c.Idempotency.Key)
		_, redeliveryErr := s.Commit(ctx, c)
		for what, err := range map[string]error{"get": getErr, "idempotency record": idempotencyErr, "redelivery": redeliveryErr} {
			if !fault.Is(err, fault.Internal) {
				t.Errorf("%s: %s: %v", name, what, err)
			}
		}
		if _, err := s.Commit(ctx, post("max", `{"id":"max"}`)); err != nil {
			t.Errorf("%s: another record cannot be written: %v", name, err)
		}
	}
}

// TestLimitSetLater: a limit that is set during a month includes the tokens that were
// used before.
func TestLimitSetLater(t *testing.T) {
	s := store.New(openIn(t, t.TempDir(), storetest.Env{}), nil)
	for i := range 3 {
		if _, err := s.Commit(ctx, post(fmt.Sprint(i), `{}`)); err != nil {
			t.Fatal(err)
		}
	}
	c := post("limited", `{}`)
	c.TokenLimit = 39
	if _, err := s.Commit(ctx, c); !fault.Is(err, fault.Exhausted) {
		t.Errorf("30 used, 10 requested, limit 39: %v", err)
	}
	c.TokenLimit = 40
	if _, err := s.Commit(ctx, c); err != nil {
		t.Errorf("30 used, 10 requested, limit 40: %v", err)
	}
}

// TestExpiredItemsAreDeleted: later commits delete expired items and their index
// entries.
func TestExpiredItemsAreDeleted(t *testing.T) {
	dir := t.TempDir()
	now := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	d := openIn(t, dir, storetest.Env{Clock: clock})
	s := store.New(d, &store.Options{Clock: clock})
	const n = 40
	for i := range n {
		r, err := s.Commit(ctx, post(fmt.Sprint(i), `{}`))
		if err != nil {
			t.Fatal(err)
		}
		gone := post(fmt.Sprint(i), "")
		gone.Idempotency.Key.Value, gone.IfVersion = fmt.Sprint("delete ", i), r.Version
		gone.Idempotency.Outputs = store.Outputs{}
		gone.Record.Deleted, gone.Record.Data, gone.Record.Revision = true, nil, 2
		if _, err := s.Commit(ctx, gone); err != nil {
			t.Fatal(err)
		}
	}
	now = now.Add(store.DefaultRetention)
	for i := range n {
		if _, err := s.Commit(ctx, post(fmt.Sprint("later ", i), `{}`)); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	change(t, filepath.Join(dir, fileName), func(tx *bbolt.Tx) error {
		for _, bucket := range []string{"heads", "marks", "open", "expiry"} {
			if got := tx.Bucket([]byte(bucket)).Stats().KeyN; got != n {
				t.Errorf("%s holds %d, want %d", bucket, got, n)
			}
		}
		return nil
	})
}

func TestLockedFileErrorNamesHolder(t *testing.T) {
	dir := t.TempDir()
	openIn(t, dir, storetest.Env{})
	_, err := boltstore.Open(filepath.Join(dir, fileName), &boltstore.Options{LockWait: 50 * time.Millisecond})
	if !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), fmt.Sprintf("process %d", os.Getpid())) {
		t.Errorf("opening the file a second time: %v, want Unavailable with the process id", err)
	}
}

func TestFullDiskIsUnavailable(t *testing.T) {
	d, err := boltstore.Open(filepath.Join(t.TempDir(), fileName), &boltstore.Options{MaxSize: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	s := store.New(d, nil)
	data := `{"s":"` + strings.Repeat("s", 50_000) + `"}`
	stored := 0
	for err == nil && stored < 100 {
		if _, err = s.Commit(ctx, post(fmt.Sprint(stored), data)); err == nil {
			stored++
		}
	}
	if !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "no space is left") {
		t.Fatalf("on a full disk: %v", err)
	}
	records, err := s.List(ctx, post("", "").Record.Collection, "", 1000)
	if err != nil || len(records) != stored {
		t.Errorf("%d records are stored, %d were acknowledged: %v", len(records), stored, err)
	}
	u, err := s.Usage(ctx, "acme", store.Month(time.Now()))
	if err != nil || u.Tokens() != int64(10*stored) {
		t.Errorf("%d tokens for %d records: %v", u.Tokens(), stored, err)
	}
}

// TestNewerFormats: a file or an API key of a newer format is rejected and not changed.
func TestNewerFormats(t *testing.T) {
	dir := t.TempDir()
	d := openIn(t, dir, storetest.Env{})
	key := apikey.Key{ID: "k1", Tenant: "acme", Created: time.Now().UTC()}
	if err := d.PutKey(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	d.SetKeyFormat(t, key.ID, 99)
	newer := func(what string, err error, want string) {
		t.Helper()
		if !format.IsNewer(err) || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "use a version that reads format 99") {
			t.Errorf("%s: %v, want %q", what, err, want)
		}
	}
	const ofKey = "an API key in the ledger has format 99, this version of eventrouter reads formats up to 2"
	_, err := d.Key(t.Context(), key.ID)
	newer("read", err, ofKey)
	_, err = d.KeysOf(t.Context(), "acme")
	newer("list", err, ofKey)
	newer("put", d.PutKey(t.Context(), key), ofKey)
	newer("touch", d.TouchKey(t.Context(), key.ID, time.Now()), ofKey)

	d.SetFileFormat(t, "99")
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, fileName)
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := seal.Open(dir, fileName)
	if err != nil {
		t.Fatal(err)
	}
	_, err = boltstore.Open(file, &boltstore.Options{Sealer: secret})
	newer("open", err, "data file "+file+" has format 99")
	if !fault.Is(err, fault.Invalid) {
		t.Errorf("open: the code is %v", fault.CodeOf(err))
	}
	if after, err := os.ReadFile(file); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the file was changed: %v", err)
	}
}

// TestFormat1IsConverted: Open stores format 2 in a file of format 1, in the file
// itself and before there is a log, so that a program that does not know the log does
// not open it.
func TestFormat1IsConverted(t *testing.T) {
	// One that has every bucket already.
	complete := t.TempDir()
	if err := openIn(t, complete, storetest.Env{}).Close(); err != nil {
		t.Fatal(err)
	}
	change(t, filepath.Join(complete, fileName), func(tx *bbolt.Tx) error {
		return errors.Join(tx.DeleteBucket([]byte("wal")), tx.Bucket([]byte("meta")).Put([]byte("format"), []byte("1")))
	})
	openIn(t, complete, storetest.Env{})
	checkFormat2(t, copyAfterCrash(t, complete))

	dir := t.TempDir()
	for _, name := range []string{fileName, seal.FileName} {
		data, err := os.ReadFile(filepath.Join("../../testdata/formats/v1/data", name))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), data, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	d := openIn(t, dir, storetest.Env{})
	checkFormat2(t, copyAfterCrash(t, dir))
	records, next, err := d.IdempotencyRecords(ctx, "", 1000)
	if err != nil || next != "" || len(records) < 50 {
		t.Errorf("%d idempotency records, cursor %q: %v", len(records), next, err)
	}
}

// checkFormat2 checks that a file without a log has format 2.
func checkFormat2(t *testing.T, crashed string) {
	t.Helper()
	if logs, err := filepath.Glob(filepath.Join(crashed, "*.wal-*")); err != nil || len(logs) > 0 {
		t.Errorf("logs: %v, %v", logs, err)
	}
	db, err := bbolt.Open(filepath.Join(crashed, fileName), 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	err = db.View(func(tx *bbolt.Tx) error {
		number, err := strconv.ParseInt(string(tx.Bucket([]byte("meta")).Get([]byte("format"))), 10, 64)
		if format1 := format.Check("data file ledger.db", number, 1); err != nil || !format.IsNewer(format1) {
			t.Errorf("a program that knows format 1: %v, %v", format1, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
